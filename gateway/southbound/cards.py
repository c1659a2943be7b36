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

import httpx

from gateway.agent import Agent, CallContext
from gateway.codec import protojson
from gateway.codec.malformed import Bounds, Malformed
from gateway.errors import AgentError, CallerError, ErrorKind, GatewayError
from gateway.settings import AgentSettings, ConfigurationError, Limits
from gateway.southbound.request import blame_agent
from generated.a2a.v1.a2a_pb import AgentCapabilities, AgentCard, AgentSkill

WELL_KNOWN = ".well-known/agent-card.json"

ReadCard = Callable[[], Awaitable[AgentCard]]
"""Reads a card anew. Raises GatewayError."""


class CardCache:
    """A card, read when it is first asked for and again once it is older than `max_age_s`.

    While it cannot be read anew, the last one serves.
    """

    def __init__(self, read: ReadCard, max_age_s: float) -> None:
        self._read = read
        self._max_age_s = max_age_s
        self._card: AgentCard | None = None
        self._until = 0.0
        self._reading = asyncio.Lock()

    async def card(self) -> AgentCard:
        loop = asyncio.get_running_loop()
        async with self._reading:
            if self._card is None or loop.time() >= self._until:
                try:
                    self._card = await self._read()
                except GatewayError:
                    if self._card is None:
                        raise
                self._until = loop.time() + self._max_age_s
            return self._card


def card_reader(settings: AgentSettings, client: httpx.AsyncClient, limits: Limits, agent: Agent | None) -> ReadCard:
    """How the card of an agent is read: as configured, else over HTTP, else by `agent`'s extended card.

    Raises ConfigurationError for a configured card that is none.
    """
    match settings.card:
        case dict() as members:
            card = _given(members, f"the card of {settings.name}", limits.bounds())
            return lambda: _ready(card)
        case str() as source if source.startswith(("http://", "https://")):
            return lambda: fetch(client, source, settings.headers, limits)
        case str() as source:
            card = _given(_json_file(source), source, limits.bounds())
            return lambda: _ready(card)
        case None if agent is not None:
            return lambda: _extended_or_plain(agent, settings)
        case None:
            return lambda: fetch(client, card_url(settings.url), settings.headers, limits)


def card_url(url: str) -> str:
    """Where the card of an agent at `url` is (section 8.2); `url` may name the card itself."""
    return url if url.endswith(".json") else urljoin(url.rstrip("/") + "/", WELL_KNOWN)


async def fetch(client: httpx.AsyncClient, url: str, headers: Mapping[str, str], limits: Limits) -> AgentCard:
    """The card at an HTTP address. Raises AgentError."""
    try:
        async with asyncio.timeout(2 * limits.connect_s):
            response = await client.get(url, headers={**headers, "A2A-Version": "1.0", "Accept": "application/json"})
    except (httpx.TransportError, TimeoutError):
        raise AgentError(ErrorKind.UNAVAILABLE, "The agent's card cannot be fetched") from None
    if response.status_code != 200:
        raise AgentError(ErrorKind.UNAVAILABLE, f"Fetching the agent's card gave HTTP {response.status_code}")
    with blame_agent():
        return protojson.decode(AgentCard, response.content, limits.bounds())


async def _extended_or_plain(agent: Agent, settings: AgentSettings) -> AgentCard:
    """gRPC has no public card: what the agent shows to everyone, else the least that a card can say."""
    try:
        return await agent.card(CallContext(headers=settings.headers))
    except (AgentError, CallerError) as error:
        if error.kind is ErrorKind.UNAVAILABLE:
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
        return protojson.decode(AgentCard, json.dumps(members).encode(), bounds)
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
