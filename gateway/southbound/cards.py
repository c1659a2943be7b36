"""Where an agent's card comes from: its HTTP address, its extended card, a file or the configuration.

A card is read without any caller's credentials and believed for a while, so that what one caller
may see never reaches another.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin

from gateway.agent import Agent, CallContext
from gateway.codec.jsontext import load
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.v0_3.cards import read_card
from gateway.errors import AgentError, CallerError, ErrorKind
from gateway.settings import AgentSettings, ConfigurationError, Limits
from gateway.southbound.cached import Cached
from gateway.southbound.request import READING_ANSWER, in_time
from gateway.southbound.transport.http import HttpClient, read_whole
from generated.a2a.v1.a2a_pb import AgentCapabilities, AgentCard, AgentSkill

WELL_KNOWN = ".well-known/agent-card.json"

ReadCard = Callable[[], Awaitable[AgentCard]]
"""Reads a card anew. Raises GatewayError."""


class CardCache(Cached[AgentCard]):
    """An agent's card, read anew once it is older than `max_age_s`."""

    async def card(self) -> AgentCard:
        """Raises GatewayError where there is no card to be had."""
        return await self.get()


def card_reader(settings: AgentSettings, client: HttpClient, limits: Limits, agent: Agent | None) -> ReadCard:
    """How the card of an agent is read: as configured, else over HTTP, else by `agent`'s extended card.

    Raises ConfigurationError for a configured card that is none.
    """
    if (card := configured_card(settings, limits.bounds())) is not None:
        return lambda: _ready(card)
    match settings.card:
        case str() as source:
            return lambda: fetch(client, source, settings.headers, limits)
        case _ if agent is not None:
            return lambda: _extended_or_plain(agent, settings, limits)
        case _:
            return lambda: fetch(client, card_url(settings.url), settings.headers, limits)


def configured_card(settings: AgentSettings, bounds: Bounds) -> AgentCard | None:
    """The card that stands in the configuration or in a file. Raises ConfigurationError for one that is none."""
    match settings.card:
        case dict() as members:
            return _given(members, f"the card of {settings.name}", bounds)
        case str() as source if not source.startswith(("http://", "https://")):
            return _given(_json_file(source), source, bounds)
        case _:
            return None


def card_url(url: str) -> str:
    """Where the card of an agent at `url` is (section 8.2); `url` may name the card itself."""
    return url if url.endswith(".json") else urljoin(url.rstrip("/") + "/", WELL_KNOWN)


async def fetch(client: HttpClient, url: str, headers: Mapping[str, str], limits: Limits) -> AgentCard:
    """The card at an HTTP address. Raises AgentError."""
    wanted = {**headers, "A2A-Version": "1.0", "Accept": "application/json"}
    text = await fetch_document(client, url, wanted, limits, "card")
    with READING_ANSWER:
        return read_card(load(text, limits.bounds()), limits.bounds())


async def fetch_document(
    client: HttpClient, url: str, headers: Mapping[str, str], limits: Limits, what: str
) -> bytes:
    """What is at an HTTP address, within the bounds of a JSON text. Raises AgentError, which calls it `what`."""
    deadline = asyncio.get_running_loop().time() + 2 * limits.connect_s
    response = await in_time(client.send("GET", url, None, {**headers, "Accept-Encoding": "identity"}), deadline, None)
    try:
        body = await in_time(read_whole(response, limits.json_bytes), deadline, None)
    finally:
        await response.release()
    if response.status != 200:
        raise AgentError(ErrorKind.UNAVAILABLE, f"Fetching the agent's {what} gave HTTP {response.status}")
    return body


async def _extended_or_plain(agent: Agent, settings: AgentSettings, limits: Limits) -> AgentCard:
    """gRPC has no public card: what the agent shows to everyone, else the least that a card can say."""
    try:
        deadline = asyncio.get_running_loop().time() + 2 * limits.connect_s
        return await agent.card(CallContext(headers=settings.headers, deadline=deadline))
    except (AgentError, CallerError) as error:
        if error.kind in (ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED):
            raise
        return _plain(settings.name)


def _plain(name: str) -> AgentCard:
    text = ["text/plain"]
    skill = AgentSkill(id=name, name=name, description=f"Whatever {name} does", tags=["grpc"])
    return AgentCard(
        name=name,
        description=f"{name}, an A2A agent that publishes no card",
        version="1.0",
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=text,
        default_output_modes=text,
        skills=[skill],
    )


def _given(members: dict[str, Any], place: str, bounds: Bounds) -> AgentCard:
    try:
        return read_card(load(json.dumps(members).encode(), bounds), bounds)
    except (Malformed, TypeError) as error:
        raise ConfigurationError(f"{place}: {error}") from None


def _json_file(path: str) -> dict[str, Any]:
    try:
        members = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}") from None
    if not isinstance(members, dict):
        raise ConfigurationError(f"{path}: expected a JSON object")
    return cast(dict[str, Any], members)


async def _ready(card: AgentCard) -> AgentCard:
    return card
