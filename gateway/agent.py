"""The port: an `Agent` is what every inbound binding asks and every outbound binding is.

Whatever stands between the two wraps an Agent and is one. Messages are always A2A 1.0
(`lf.a2a.v1`); other versions and dialects are converted at the edge that speaks them. A call that
fails raises a `GatewayError`; the end of a stream is the end of its iterator.
"""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from protobuf import Message

from gateway.errors import GatewayError
from gateway.operations import Operation
from generated.a2a.v1.a2a_pb import AgentCard, StreamResponse

Side = Literal["northbound", "southbound"]


Burst = Sequence[StreamResponse]
"""Events that arrived together: at least one, in order."""


def taken(events: Iterable[StreamResponse]) -> tuple[list[StreamResponse], GatewayError | None]:
    """Events up to the first that cannot be had, and why it cannot.

    What came before a failure is delivered before the failure is.
    """
    burst: list[StreamResponse] = []
    try:
        for event in events:
            burst.append(event)  # noqa: PERF402 # extend need not keep what came before an error
    except GatewayError as error:
        return burst, error
    return burst, None


@dataclass(frozen=True, slots=True)
class Crossing:
    """One frame as it crossed an edge: what a watcher of the wire is shown."""

    side: Side
    binding: str
    """`JSONRPC` or `GRPC`."""
    direction: Literal["request", "response"]
    frame: bytes
    """The bytes as they stand on the wire: an SSE frame, a JSON body, a protobuf message."""


@dataclass(slots=True)
class ReplyHead:
    """What an answer says of itself before its first event; the southbound edge fills it in."""

    extensions: tuple[str, ...] = ()
    """URIs of the extensions that the agent activated."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """What travels with a call beside its request message."""

    binding: str = ""
    """What the caller speaks: `JSONRPC` or `GRPC`."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Lower-case names of the allow-list to values, as they go upstream."""
    extensions: tuple[str, ...] = ()
    """URIs of the extensions that the caller asked for, in its order."""
    deadline: float | None = None
    """When the caller stops waiting, on the event loop's clock in seconds; None: it does not say."""
    reply: ReplyHead = field(default_factory=ReplyHead)
    watch: Callable[[Crossing], None] | None = None
    """Called with every frame of this call, where somebody watches."""


class Agent(Protocol):
    """Something that A2A operations can be asked of."""

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Message:
        """The answer of a unary operation, an `operation.response`.

        Raises GatewayError.
        """
        ...

    def stream(
        self, operation: Operation, request: Message, context: CallContext
    ) -> AsyncGenerator[Burst, None]:
        """The events of a streaming operation in order, in bursts.

        Nothing is read
        ahead of the reader, so a slow reader slows the agent. Closing the iterator (`aclose`) or
        cancelling its reader frees the agent's stream at once and leaves the task alone.

        Raises GatewayError where the stream breaks, after the events that came before.
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
