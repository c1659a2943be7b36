"""The port: an `Agent` is what every inbound binding asks and every outbound binding is.

Whatever stands between the two wraps an Agent and is one. Messages are always A2A 1.0
(`lf.a2a.v1`); other versions and dialects are converted at the edge that speaks them. A call that
fails raises a `GatewayError`; a stream ends by giving None.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from protobuf import Message

from gateway.errors import GatewayError
from gateway.operations import Operation
from generated.a2a.v1.a2a_pb import AgentCard, StreamResponse

Side = Literal["northbound", "southbound"]
Direction = Literal["request", "response"]


@dataclass(frozen=True, slots=True)
class Crossing:
    """One frame as it crossed an edge: what a watcher of the wire is shown."""

    call: str
    """Which call; the same on both edges."""
    side: Side
    binding: str
    """`JSONRPC`, `HTTP+JSON`, `GRPC`, or `WORKER` for one in this process."""
    direction: Direction
    frame: bytes
    """The bytes as they stand on the wire: SSE frames, a JSON body, a protobuf message."""
    read: "ReadFrame | None" = None
    """Reads the frame, where it is a protobuf message."""


ReadFrame = Callable[[bytes], Message]
"""Gives the protobuf message that a frame is. Raises ValueError and its kind where it is none."""


class Watch(Protocol):
    """Is shown every frame that crosses an edge, while it looks."""

    looking: bool

    def __call__(self, crossing: Crossing) -> None: ...


@dataclass(frozen=True, slots=True)
class CallContext:
    """What travels with a call beside its request message."""

    call: str = ""
    """Names the call in logs and to watchers."""
    binding: str = ""
    """What the caller speaks: `JSONRPC` or `GRPC`."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Lower-case names of the allow-list to values, as they go upstream."""
    extensions: tuple[str, ...] = ()
    """URIs of the extensions that the caller asked for, in its order."""
    deadline: float | None = None
    """When the caller stops waiting, on the event loop's clock in seconds; None: it does not say."""
    watch: Watch | None = None
    version: str = "1.0"
    """Of A2A, as the caller speaks it."""
    principal: str = ""
    """Who calls, as the configured header says; empty where callers are not told apart."""

    @property
    def is_watched(self) -> bool:
        """Whether anybody would see what is shown now."""
        return self.watch is not None and self.watch.looking

    def show(
        self, side: Side, binding: str, direction: Direction, frame: bytes, read: ReadFrame | None = None
    ) -> None:
        """Shows a frame to whoever watches; `read` where it is a protobuf message."""
        if self.watch is not None and self.watch.looking:
            self.watch(Crossing(self.call, side, binding, direction, frame, read))


@dataclass(frozen=True, slots=True)
class Head:
    """What an answer says of itself before its first event."""

    extensions: tuple[str, ...] = ()
    """URIs of the extensions that the agent activated."""
    version: str = "1.0"
    """What the agent speaks; its contracts are that version's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a unary operation."""

    message: Message
    head: Head = Head()


class Event(NamedTuple):
    """One event of a stream."""

    response: StreamResponse
    cursor: str = ""
    """The agent's own name for this point of the stream (SSE `id:`); empty where it gives none."""
    size_bytes: int = 0
    """What it took where it came from; 0 where that is small, or not known."""


Burst = Sequence[Event]
"""Events that arrived together: at least one, in order."""


class Stream(Protocol):
    """An agent's answer to a streaming operation, once it has begun."""

    @property
    def head(self) -> Head: ...

    async def burst(self) -> Burst | None:
        """The next events as soon as any are there; None once the stream has ended.

        Nothing is read ahead of the reader, so a slow reader slows the agent. What came before a
        failure is given before the failure is raised. Raises GatewayError.
        """
        ...

    async def close(self) -> None:
        """Frees the agent's stream at once and leaves the task alone. May be called more than once."""
        ...


class Agent(Protocol):
    """Something that A2A operations can be asked of."""

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        """The answer of a unary operation, whose message is an `operation.response`.

        Raises GatewayError. Cancelling frees the agent's side at once.
        """
        ...

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        """Begins a streaming operation; gives the stream once the agent's head is there.

        The caller closes the stream. Raises GatewayError. Cancelling frees the agent's side at once.
        """
        ...

    async def card(self, context: CallContext) -> AgentCard:
        """The agent's public card as the agent states it. The caller must not change it.

        Raises GatewayError.
        """
        ...

    async def close(self) -> None:
        """Gives back connections. Calls under way fail."""
        ...


def taken(events: Iterable[Event]) -> tuple[list[Event], GatewayError | None]:
    """Events up to the first that cannot be had, and why it cannot."""
    burst: list[Event] = []
    try:
        for event in events:
            burst.append(event)  # noqa: PERF402 # extend need not keep what came before an error
    except GatewayError as error:
        return burst, error
    return burst, None
