"""The axes of the matrix: every binding and version that callers and agents speak.

An edge is a caller, an agent, the language of both, and the code by which it spells a kind of error. Its key names it
in test ids and, in the gateway's configuration, its agent.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Protocol, Self

import pytest

from gateway.errors import ErrorKind
from gateway.operations import Operation
from tests.fakes.events import Json, JsonValue, agent_card
from tests.matrix.grpc_edge import GrpcAgent, GrpcCaller
from tests.matrix.grpc_edge import code as grpc_code
from tests.matrix.jsonrpc_edge import JsonRpcAgent, JsonRpcCaller
from tests.matrix.jsonrpc_edge import code as jsonrpc_code
from tests.matrix.languages import (
    DIALECT,
    GRPC_0_3,
    GRPC_1_0,
    JSONRPC_0_3,
    JSONRPC_1_0,
    NEW,
    PROTO,
    PROTO_BUT_CARDS,
    REST_0_3,
    REST_1_0,
)
from tests.matrix.meaning import Asked, HeaderValue, Heard, Language, Play, Spelling
from tests.matrix.rest_edge import RestAgent, RestCaller
from tests.matrix.rest_edge import code as rest_code


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
    def plays(self, operation: Operation, *plays: Play) -> None: ...
    def asked(self) -> list[Asked]: ...
    async def time_left_s(self) -> float | None: ...
    async def freed(self, within_s: float) -> None: ...


class Caller(Protocol):
    """A caller of one agent."""

    async def call(
        self,
        operation: Operation,
        request: JsonValue,
        headers: Sequence[tuple[str, HeaderValue]] | None = ...,
        timeout_s: float | None = ...,
    ) -> Heard: ...


@dataclass(frozen=True, slots=True)
class Edge:
    """A binding in one version."""

    binding: str
    """As cards name it."""
    language: Language
    caller: Callable[[str, str], Caller]
    """By the address of an agent or a gateway, and the agent's name there; empty for the agent itself."""
    agent: Callable[[], Agent]
    code: Callable[[ErrorKind], int | str]
    side: str = "http"
    """Which of the gateway's two addresses serves it: `http` or `grpc`."""
    has_deadlines: bool = False
    """Whether a call says how long its caller waits."""
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the gateway must be told of its agent beside the URL."""


def _card_1_0(binding: str) -> Json:
    return agent_card("URL", binding=binding)


def _card_0_3(binding: str) -> Json:
    return {
        "protocolVersion": "0.3.0",
        "name": "scripted",
        "description": "Does what its script says.",
        "version": "1",
        "url": "URL",
        "preferredTransport": binding,
        "capabilities": {"streaming": True},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [],
    }


EDGES: Mapping[str, Edge] = {
    "JSONRPC-1.0": Edge(
        "JSONRPC",
        NEW,
        partial(JsonRpcCaller, NEW, JSONRPC_1_0),
        partial(JsonRpcAgent, NEW, JSONRPC_1_0, _card_1_0("JSONRPC")),
        jsonrpc_code,
    ),
    "GRPC-1.0": Edge(
        "GRPC",
        NEW,
        partial(GrpcCaller, NEW, GRPC_1_0),
        partial(GrpcAgent, NEW, GRPC_1_0),
        grpc_code,
        side="grpc",
        has_deadlines=True,
    ),
    "REST-1.0": Edge(
        "HTTP+JSON",
        NEW,
        partial(RestCaller, NEW, REST_1_0),
        partial(RestAgent, NEW, REST_1_0, _card_1_0("HTTP+JSON")),
        rest_code,
    ),
    "JSONRPC-0.3": Edge(
        "JSONRPC",
        DIALECT,
        partial(JsonRpcCaller, DIALECT, JSONRPC_0_3),
        partial(JsonRpcAgent, DIALECT, JSONRPC_0_3, _card_0_3("JSONRPC")),
        jsonrpc_code,
    ),
    "GRPC-0.3": Edge(
        "GRPC",
        PROTO,
        partial(GrpcCaller, PROTO, GRPC_0_3),
        partial(GrpcAgent, PROTO, GRPC_0_3),
        grpc_code,
        side="grpc",
        has_deadlines=True,
        settings={"version": "0.3"},
    ),
    "REST-0.3": Edge(
        "HTTP+JSON",
        PROTO_BUT_CARDS,
        partial(RestCaller, PROTO_BUT_CARDS, REST_0_3),
        partial(RestAgent, PROTO_BUT_CARDS, REST_0_3, _card_0_3("HTTP+JSON")),
        rest_code,
    ),
}


def spelling_of(edge: str) -> Spelling:
    return EDGES[edge].language.spelling


def result_spelling(edge: str, operation: Operation) -> Spelling:
    """How results of an operation are written there."""
    return EDGES[edge].language.spelling_of(operation)


def of(*spellings: Spelling) -> list[str]:
    """The edges that write so."""
    return [name for name in EDGES if spelling_of(name) in spellings]


OLD = of(Spelling.DIALECT, Spelling.PROTO)
"""The edges of 0.3."""

every_caller = pytest.mark.parametrize("north", EDGES)
every_agent = pytest.mark.parametrize("south", EDGES)
old_caller = pytest.mark.parametrize("north", OLD)
old_agent = pytest.mark.parametrize("south", OLD)
