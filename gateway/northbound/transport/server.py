"""The port under callers over gRPC: rpcs of any number of requests and answers, all in bytes.

What is in the bytes, and what a status means to A2A, is the business of those above. Unary rpcs are
handled like streams of one message: on the wire they are the same.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from gateway.errors import GrpcStatus

Pairs = Sequence[tuple[str, str | bytes]]
"""Metadata: lower-case names to text, or to bytes where the name ends in `-bin`."""

BROKEN_OFF = "The gateway broke off"
"""How an rpc ends whose handler forgot to."""


class Refused(Exception):
    """What a caller sent is no request of gRPC, or too large a one. A handler that lets it pass answers it."""

    def __init__(self, status: GrpcStatus, text: str) -> None:
        super().__init__(f"{status.name}: {text}")
        self.status = status
        self.text = text


class Rpc(Protocol):
    """One rpc, as its handler has it. One reads and one writes at a time.

    When the caller cancels, goes away or has no time left, the task of the handler is cancelled;
    what it still does to the rpc is without effect, but for `send`, which is cancelled again.
    """

    @property
    def metadata(self) -> Pairs:
        """Of the request, without what belongs to the transport."""
        ...

    @property
    def deadline(self) -> float | None:
        """When the caller stops waiting, on the event loop's clock in seconds; None: it does not say."""
        ...

    @property
    def sent(self) -> int:
        """How many messages were handed over whole, since the beginning."""
        ...

    async def read(self) -> bytes | None:
        """The next message of the caller; None after its last. Raises Refused."""
        ...

    async def begin(self, metadata: Pairs) -> None:
        """Sends the head, at most once and before any message."""
        ...

    async def send(self, messages: Sequence[bytes]) -> None:
        """Sends messages; waits while the caller does not take them.

        Where it is cancelled, `sent` says how far it came.
        """
        ...

    def finish(self, status: GrpcStatus, text: str = "", trailers: Pairs = ()) -> None:
        """Ends the rpc, without a head where there was none. The first end counts. The handler returns then."""
        ...


Handler = Callable[[Rpc], Awaitable[None]]
"""Serves one rpc and finishes it. What it raises is logged, and ends the rpc as a fault of the gateway."""


class Server(Protocol):
    """Where gRPC is served."""

    def bind(self, address: str, *, shared: bool) -> int:
        """Listens on HOST:PORT, which others may do as well if it is `shared`; the port.

        Raises ConfigurationError where that cannot be done.
        """
        ...

    async def start(self, handlers: Mapping[str, Handler]) -> None:
        """Serves; each path by its handler, all others are UNIMPLEMENTED."""
        ...

    async def stop(self, grace_s: float) -> None:
        """Takes no new rpc and says so to the callers; those under way may finish for so long, then are ended.

        May be called again, with less patience. What was finished reaches its caller all the same,
        unless the caller does not take it.
        """
        ...


async def only_request(rpc: Rpc) -> bytes:
    """The one message of an rpc that has one. Raises Refused where there is none."""
    if (message := await rpc.read()) is None:
        raise Refused(GrpcStatus.UNIMPLEMENTED, "The request has no message")
    return message
