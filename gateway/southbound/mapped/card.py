"""The card of a mapped service, from its definitions, its authors' comments and the settings. Pure."""

import re
from collections.abc import Iterable
from typing import cast

from gateway.codec import protojson
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.v0_3.cards import read_card
from gateway.settings import AgentSettings, ConfigurationError
from gateway.southbound.mapped.schema import Schema
from gateway.southbound.mapped.skills import Skill, input_modes, output_modes
from generated.a2a.v1.a2a_pb import AgentCapabilities, AgentCard, AgentSkill

_VERSION = re.compile(r"v[0-9]+((alpha|beta)[0-9]*)?")


def card_of(settings: AgentSettings, schema: Schema, bounds: Bounds) -> AgentCard:
    """The card, without interfaces: those are whoever publishes it. Members of `card` in the settings replace its own.

    Raises ConfigurationError where those members make no card.
    """
    skills = list(schema.skills.values())
    services = list(dict.fromkeys(one.method.parent for one in skills))
    comments = [text for one in services if (text := schema.descriptors.comments.get(one.type_name))]
    names = ", ".join(one.type_name for one in services)
    card = AgentCard(
        name=settings.name,
        description="\n".join(comments) or f"{settings.name}: the gRPC service {names}",
        version=_version_of(services[0].file.proto.package if services else ""),
        capabilities=AgentCapabilities(streaming=True, push_notifications=True),
        default_input_modes=_all(input_modes(one) for one in skills),
        default_output_modes=_all(output_modes(one) for one in skills),
        skills=[_skill(one) for one in skills],
    )
    if not isinstance(settings.card, dict):
        return card
    try:
        made = cast("dict[str, JsonValue]", protojson.to_value(card, bounds))
        return read_card({**made, **settings.card}, bounds)
    except Malformed as error:
        raise ConfigurationError(f"card: {error}") from None


def _skill(one: Skill) -> AgentSkill:
    return AgentSkill(
        id=one.id,
        name=one.name,
        description=one.description,
        tags=list(one.tags),
        examples=list(one.examples),
        input_modes=input_modes(one),
        output_modes=output_modes(one),
    )


def _version_of(package: str) -> str:
    """The version that a package says it is of, such as `v1`."""
    last = package.rpartition(".")[2]
    return last if _VERSION.fullmatch(last) else "1.0"


def _all(modes: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(mode for one in modes for mode in one))
