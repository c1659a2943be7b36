"""Settings and definitions made one: the skills of a service, and what is wrong with the settings. Pure."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from protobuf import DescMethod

from gateway.settings import AgentSettings, SkillSettings
from gateway.southbound.mapped.descriptors import A2A_SERVICES, DescriptorError, Descriptors, name_of, suggestion
from gateway.southbound.mapped.skills import Skill, ids_of, skill
from gateway.southbound.mapped.static import problems_of
from gateway.southbound.mapped.values import Types


@dataclass(frozen=True, slots=True)
class Schema:
    """What a service can be asked."""

    skills: Mapping[str, Skill]
    """By id, in the order of the settings."""
    broken: Mapping[str, str]
    """Ids of skills that the settings name and that cannot be used, to what is wrong with each."""
    default: str
    """The id of the first skill of the settings, broken or not."""
    types: Types
    descriptors: Descriptors
    problems: tuple[str, ...] = ()
    """What is wrong with the settings, each with its place."""


def schema(settings: AgentSettings, descriptors: Descriptors) -> Schema:
    """The skills that settings make of a service."""
    asked_for = _asked_for(settings, descriptors)
    methods: dict[str, DescMethod] = {}
    for _, one in asked_for:
        with suppress(DescriptorError):
            methods[one.method] = descriptors.method(one.method)
    named = dict(zip(methods, ids_of(list(methods.values())), strict=True))
    skills: dict[str, Skill] = {}
    broken: dict[str, str] = {}
    order: list[str] = []
    problems: list[str] = []
    for place, one in asked_for:
        id_ = one.id or named.get(one.method) or one.method.rpartition("/")[2]
        order.append(id_)
        if (method := methods.get(one.method)) is None:
            wrong = [f"method: there is no {one.method}{suggestion(one.method, map(name_of, descriptors.methods()))}"]
        else:
            made = skill(one, method, descriptors.comments.get(name_of(method), ""), id_)
            wrong = problems_of(one, made)
            if id_ in skills or id_ in broken:
                wrong.append(f"id: another skill is {id_!r} too")
            elif not wrong:
                skills[id_] = made
        if wrong:
            problems.extend(f"{place}.{problem}" for problem in wrong)
            broken.setdefault(id_, "; ".join(wrong))
    if not asked_for:
        problems.append(_nothing(descriptors))
    types = Types(descriptors.registry)
    return Schema(skills, broken, order[0] if order else "", types, descriptors, tuple(problems))


def _nothing(descriptors: Descriptors) -> str:
    for service in descriptors.services():
        if service.type_name in A2A_SERVICES:
            return f"skills: the service speaks A2A itself ({service.type_name}); leave skills out"
    return "skills: the service has no methods"


def _asked_for(settings: AgentSettings, descriptors: Descriptors) -> list[tuple[str, SkillSettings]]:
    """The settings of every skill, with their place."""
    if settings.skills:
        return [(f"skills.{index}", one) for index, one in enumerate(settings.skills)]
    return [
        ("skills", SkillSettings.model_validate({"method": name_of(method)}))
        for method in descriptors.methods()
        if method.parent.type_name not in A2A_SERVICES
    ]
