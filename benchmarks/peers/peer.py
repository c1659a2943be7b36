"""The port of a peer."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.load.target import Binding, Target
from benchmarks.processes import Process


class Direction(StrEnum):
    """Who streams to whom."""

    TO_SSE = "SSE client ← gRPC agent"
    TO_GRPC = "gRPC client ← SSE agent"
    TO_TASK = "SSE client ← task in Python"
    """No agent behind: the task runs in what is measured."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way through a peer: a direction, and what its caller speaks."""

    direction: Direction
    binding: Binding


JSONRPC_FROM_GRPC = Route(Direction.TO_SSE, Binding.JSONRPC)
REST_FROM_GRPC = Route(Direction.TO_SSE, Binding.REST)
JSONRPC_TO_TASK = Route(Direction.TO_TASK, Binding.JSONRPC)
GRPC_FROM_SSE = Route(Direction.TO_GRPC, Binding.GRPC)


@dataclass(frozen=True, slots=True)
class Agents:
    """The agents that every peer stands before."""

    process: Process
    host: str
    grpc: int
    sse: int

    @property
    def grpc_address(self) -> str:
        return f"{self.host}:{self.grpc}"

    @property
    def sse_url(self) -> str:
        return f"http://{self.host}:{self.sse}/"


@dataclass(frozen=True, slots=True)
class Running:
    """A started peer. `process` is None where there is nothing between load and agents."""

    process: Process | None
    targets: Mapping[Route, Target]


@dataclass(frozen=True, slots=True)
class Peer:
    """Something to measure."""

    name: str
    title: str
    routes: tuple[Route, ...]
    start: Callable[[Agents, frozenset[int]], AbstractContextManager[Running]]
    """Starts it on some cores."""
    version: Callable[[], str]
    """What was measured. Raises Missing where it is not installed."""
    ours: bool = False
    """Whether the targets are for it."""


class Missing(Exception):
    """A peer is not installed here. The text says what is missing."""
