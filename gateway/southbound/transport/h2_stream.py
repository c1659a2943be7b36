"""One rpc on one HTTP/2 connection: what has come of it, and what its agent may still send.

Credit goes back to the agent only as the reader takes what came: that is the back-pressure. Only a
reader that waits for a message larger than the window gets more than was taken.
"""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from gateway.codec import grpc_http2
from gateway.codec.grpc_http2 import MessageReader, UnknownCompression
from gateway.codec.malformed import Malformed
from gateway.errors import GrpcStatus
from gateway.southbound.transport.channel import Pairs, RpcFailed
from gateway.southbound.transport.news import News


class Carrier(Protocol):
    """What a stream asks of its connection."""

    def credit(self, stream_id: int, increment: int) -> None:
        """Lets the agent send so much more on a stream."""
        ...

    def abandon(self, stream: "H2Stream") -> None:
        """Tells the agent that nobody wants the rest of a stream."""
        ...


class H2Stream:
    """A stream from its HEADERS on. The connection feeds it, one reader reads it."""

    __slots__ = (
        "_carrier",
        "_expiry",
        "_failure",
        "_full",
        "_held",
        "_messages",
        "_news",
        "_owed",
        "ended",
        "head",
        "refused",
        "stream_id",
        "trailers",
        "unsent",
        "window",
    )

    def __init__(self, carrier: Carrier, stream_id: int, request: bytes, window: int, message_bytes: int) -> None:
        self.stream_id = stream_id
        self.unsent = memoryview(request)
        """What is still to be sent of the request."""
        self.window = window
        """Bytes that the agent may send."""
        self.head: Pairs | None = None
        self.trailers: Pairs = ()
        self.ended = False
        self.refused = False
        """The agent said that it did not look at it."""
        self._carrier = carrier
        self._full = window
        self._held = 0
        """Bytes that came and are not to be credited yet."""
        self._owed = 0
        """Bytes that were taken and not credited yet."""
        self._messages = MessageReader(message_bytes)
        self._failure: RpcFailed | None = None
        self._news = News()
        self._expiry: asyncio.TimerHandle | None = None

    # What the connection calls

    def begin(self, head: Pairs) -> None:
        """The initial metadata came."""
        self.head = head
        self._messages.encoding = next((str(value) for name, value in head if name == "grpc-encoding"), "identity")
        self._news.tell()

    def receive(self, content: bytes, cost: int) -> bool:
        """Takes the content of a DATA frame that counts as `cost` bytes; False where the agent may not send it."""
        self.window -= cost
        if self.window < 0:
            return False
        self._held += cost
        messages = self._messages
        if content:
            messages.feed(content)
        if self._news.awaited:
            if messages.ready:
                self._news.tell()
            else:
                self._give_back()
        return True

    def finish(self, failure: RpcFailed | None = None, *, refused: bool = False) -> None:
        """Nothing comes any more. The first end counts."""
        if not self.ended:
            self.ended, self._failure, self.refused = True, failure, refused
            self.unsent = memoryview(b"")
            if self._expiry is not None:
                self._expiry.cancel()
            self._news.tell()

    # What the reader calls

    def expire_at(self, deadline: float) -> None:
        """Gives up at this time of the loop's clock."""
        self._expiry = asyncio.get_running_loop().call_at(deadline, self._expire)

    async def begun(self) -> None:
        """Waits for the head, or for an end without one."""
        while self.head is None and not self.ended:
            await self._news.wait()

    async def burst(self) -> Sequence[bytes] | None:
        """As `Rpc.burst`."""
        reader = self._messages
        while True:
            while not (reader.ready or self.ended):
                self._give_back()
                await self._news.wait()
            messages = self._taken() if reader.ready else ()
            if messages:
                self._give_back(keep=reader.buffered)
                return messages
            if self.ended:
                if self._failure is not None:
                    raise self._failure
                if reader.buffered:
                    raise Malformed("a message that is shorter than it says")
                return None

    def cancel(self) -> None:
        """As `Rpc.cancel`."""
        self._abandon(RpcFailed(GrpcStatus.CANCELLED, "The call was cancelled"))

    def _taken(self) -> Sequence[bytes]:
        try:
            return self._messages.take()
        except UnknownCompression as error:
            raise RpcFailed(GrpcStatus.INTERNAL, f"The agent sent {error}") from None

    def _expire(self) -> None:
        self._abandon(RpcFailed(GrpcStatus.DEADLINE_EXCEEDED, "The agent did not answer in time"))

    def _abandon(self, failure: RpcFailed) -> None:
        if not self.ended:
            self._carrier.abandon(self)
            self.finish(failure)

    def _give_back(self, keep: int = 0) -> None:
        """Credits what is held but for so much, once it is worth a frame."""
        if self._held > keep:
            self._owed += self._held - keep
            self._held = keep
        if 2 * self._owed >= self._full and not self.ended:
            self._carrier.credit(self.stream_id, self._owed)
            self.window += self._owed
            self._owed = 0


def non_grpc(status: str, media_type: str) -> RpcFailed | None:
    """What an answer that is not gRPC comes to; None for one that is."""
    if status == "200" and media_type.startswith("application/grpc"):
        return None
    said = f"HTTP {status[:3]}" if status != "200" else media_type[:64] or "no media type"
    return RpcFailed(grpc_http2.HTTP_STATUS.get(status, GrpcStatus.UNKNOWN), f"The agent answered {said}")
