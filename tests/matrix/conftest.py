"""The rig of the matrix: an agent on every edge, and one gateway in front of them all."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from gateway.app import Gateway
from gateway.operations import Operation
from gateway.settings import AgentSettings, Settings
from tests.fakes.events import Json
from tests.matrix.edges import EDGES, Agent, Caller
from tests.matrix.meaning import Heard, Play

FORWARDED = ("x-request-id", "x-acme-bin")
"""What the gateway is configured to forward."""


@dataclass(frozen=True, slots=True)
class Rig:
    """The agents by edge, and callers of them."""

    agents: dict[str, Agent]
    gateway: Gateway

    def through(self, north: str, south: str) -> Caller:
        """A caller on one edge of the agent on another, through the gateway."""
        address = {"http": f"http://{self.gateway.http}/", "grpc": self.gateway.grpc}[EDGES[north].side]
        return EDGES[north].caller(address, south)

    def directly(self, edge: str) -> Caller:
        """A caller of the agent on the same edge, with nothing between."""
        return EDGES[edge].caller(self.agents[edge].address, "")

    async def hear(self, north: str, south: str, operation: Operation, request: Json, play: Play) -> Heard:
        """What a caller gets through the gateway from an agent that does as `play` says."""
        self.agents[south].plays(operation, play)
        return await self.through(north, south).call(operation, request)

    async def hear_directly(self, edge: str, operation: Operation, request: Json, play: Play) -> Heard:
        """The same without the gateway."""
        self.agents[edge].plays(operation, play)
        return await self.directly(edge).call(operation, request)


@pytest.fixture(scope="module")
async def rig() -> AsyncIterator[Rig]:
    async with AsyncExitStack() as stack:
        agents = {name: await stack.enter_async_context(edge.agent()) for name, edge in EDGES.items()}
        settings = Settings(
            http="127.0.0.1:0",
            grpc="127.0.0.1:0",
            forward_headers=FORWARDED,
            agents=tuple(AgentSettings.model_validate({"name": name, "url": a.url}) for name, a in agents.items()),
        )
        yield Rig(agents, await stack.enter_async_context(Gateway(settings)))
