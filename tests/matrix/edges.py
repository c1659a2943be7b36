"""The axes of the matrix: every binding and version that callers and agents speak.

An edge is a caller, an agent, and the code by which it spells a kind of error. Its key names it in test ids and, in the
gateway's configuration, its agent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import pytest

from gateway.errors import ErrorKind
from gateway.operations import Operation
from tests.fakes.events import Json
from tests.matrix import grpc_edge, jsonrpc_edge
from tests.matrix.meaning import Asked, HeaderValue, Heard, Play


class Agent(Protocol):
    """An agent that follows a Play, one call at a time. It is entered while it serves."""

    @property
    def url(self) -> str:
        """As the gateway's configuration names it."""
        ...

    @property
    def address(self) -> str:
        """As a caller of the same binding names it."""
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def plays(self, operation: Operation, play: Play) -> None: ...
    async def asked(self) -> Asked: ...
    async def time_left_s(self) -> float | None: ...
    async def freed(self, within_s: float) -> None: ...


class Caller(Protocol):
    """A caller of one agent."""

    async def call(
        self,
        operation: Operation,
        request: Json,
        headers: Sequence[tuple[str, HeaderValue]] = ...,
        timeout_s: float | None = ...,
    ) -> Heard: ...


@dataclass(frozen=True, slots=True)
class Edge:
    """A binding in one version."""

    caller: Callable[[str, str], Caller]
    """By the address of an agent or a gateway, and the agent's name there; empty for the agent itself."""
    agent: Callable[[], Agent]
    code: Callable[[ErrorKind], int | str]
    side: str
    """Which of the gateway's two addresses serves it: `http` or `grpc`."""
    has_deadlines: bool = False
    """Whether a call says how long its caller waits."""


EDGES: Mapping[str, Edge] = {
    "JSONRPC-1.0": Edge(jsonrpc_edge.JsonRpcCaller, jsonrpc_edge.JsonRpcAgent, jsonrpc_edge.code, side="http"),
    "GRPC-1.0": Edge(
        grpc_edge.GrpcCaller, grpc_edge.GrpcAgent, grpc_edge.code, side="grpc", has_deadlines=True
    ),
}

every_caller = pytest.mark.parametrize("north", EDGES)
every_agent = pytest.mark.parametrize("south", EDGES)
