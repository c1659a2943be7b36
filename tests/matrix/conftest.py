"""The rig of the matrix: an agent on every edge, and one gateway in front of them all."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.app import Gateway
from gateway.operations import Operation
from gateway.settings import AgentSettings, Settings
from tests.matrix.edges import EDGES, Agent, Caller
from tests.matrix.meaning import HeaderValue, Heard, Play, Spelled

FORWARDED = ("x-request-id", "x-acme-bin")
"""What the gateway is configured to forward."""


@dataclass(frozen=True, slots=True)
class Rig:
    """The agents by edge, and callers of them."""

    agents: dict[str, Agent]
    gateway: Gateway

    def address(self, north: str) -> str:
        """Where the gateway serves an edge."""
        return {"http": f"http://{self.gateway.http}/", "grpc": self.gateway.grpc}[EDGES[north].side]

    def through(self, north: str, south: str) -> Caller:
        """A caller on one edge of the agent on another, through the gateway."""
        return EDGES[north].caller(self.address(north), south)

    def directly(self, edge: str) -> Caller:
        """A caller of the agent on the same edge, with nothing between."""
        return EDGES[edge].caller(self.agents[edge].address, "")

    async def hear(
        self,
        north: str,
        south: str,
        operation: Operation,
        request: Spelled,
        *plays: Play,
        headers: Sequence[tuple[str, HeaderValue]] | None = None,
    ) -> Heard:
        """What a caller gets through the gateway from an agent that does as `plays` say."""
        self.agents[south].plays(operation, *plays)
        return await self.through(north, south).call(operation, request[EDGES[north].language.spelling], headers)


def as_heard(edge: str, operation: Operation, results: Sequence[Spelled]) -> tuple[Any, ...]:
    """Results as a caller on an edge hears them."""
    language = EDGES[edge].language
    return tuple(language.result(operation, result[language.spelling_of(operation)]) for result in results)


def configured(agents: dict[str, Agent], agent: dict[str, Any], **more: Any) -> Settings:
    """The settings of a gateway in front of the agents, each with the members of `agent`."""
    named = ({"name": name, "url": one.url, **EDGES[name].settings, **agent} for name, one in agents.items())
    return Settings(
        http="127.0.0.1:0",
        grpc="127.0.0.1:0",
        forward_headers=FORWARDED,
        agents=tuple(AgentSettings.model_validate(one) for one in named),
        **more,
    )


@pytest.fixture(scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        agents = {name: await stack.enter_async_context(edge.agent()) for name, edge in EDGES.items()}
        yield Rig(agents, await stack.enter_async_context(Gateway(configured(agents, {}))))


@pytest.fixture(scope="module")
async def other(rig: Rig) -> AsyncIterator[Rig]:
    """The same agents behind a gateway that takes the other side wherever 0.3 is open."""
    chosen = {"file_bytes": "raw", "blocking_when_absent": False, "final_on_interrupted": True}
    async with Gateway(configured(rig.agents, {"v0_3": chosen}, version_policy="strict")) as gateway:
        yield Rig(rig.agents, gateway)
