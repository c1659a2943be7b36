"""One rpc on one HTTP/2 connection: its request, what has come of it, and how it ended."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from gateway.codec import grpc_http2
from gateway.codec.grpc_http2 import UnknownCompression
from gateway.errors import GrpcStatus
from gateway.http2.inbound import Inbound
from gateway.southbound.transport.channel import Pairs, RpcFailed


class Carrier(Protocol):
    """What a stream asks of its connection."""

    def credit(self, stream_id: int, increment: int) -> None:
        """Lets the agent send so much more on a stream."""
        ...

    def abandon(self, stream: "H2Stream") -> None:
        """Tells the agent that nobody wants the rest of a stream."""
        ...


class H2Stream(Inbound):
    """A stream from its HEADERS on. The connection feeds it, one reader reads it."""

    __slots__ = ("_carrier", "_expiry", "head", "refused", "trailers", "unsent")

    def __init__(self, carrier: Carrier, stream_id: int, request: bytes, window: int, message_bytes: int) -> None:
        super().__init__(stream_id, window, message_bytes, carrier.credit)
        self.unsent = memoryview(request)
        """What is still to be sent of the request."""
        self.head: Pairs | None = None
        self.trailers: Pairs = ()
        self.refused = False
        """The agent said that it did not look at it."""
        self._carrier = carrier
        self._expiry: asyncio.TimerHandle | None = None

    # What the connection calls

    def begin(self, head: Pairs) -> None:
        """The initial metadata came."""
        self.head = head
        self.compressed_as(next((str(value) for name, value in head if name == "grpc-encoding"), "identity"))
        self._news.tell()

    def finish(self, failure: RpcFailed | None = None, *, refused: bool = False) -> None:
        """Nothing comes any more. The first end counts."""
        if not self.ended:
            self.refused = refused
            self.unsent = memoryview(b"")
            if self._expiry is not None:
                self._expiry.cancel()
            self.end(failure)

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
        try:
            return await super().burst()
        except UnknownCompression as error:
            raise RpcFailed(GrpcStatus.INTERNAL, f"The agent sent {error}") from None

    def cancel(self) -> None:
        """As `Rpc.cancel`."""
        self._abandon(RpcFailed(GrpcStatus.CANCELLED, "The call was cancelled"))

    def _expire(self) -> None:
        self._abandon(RpcFailed(GrpcStatus.DEADLINE_EXCEEDED, "The agent did not answer in time"))

    def _abandon(self, failure: RpcFailed) -> None:
        if not self.ended:
            self._carrier.abandon(self)
            self.finish(failure)


def non_grpc(status: str, media_type: str) -> RpcFailed | None:
    """What an answer that is not gRPC comes to; None for one that is."""
    if status == "200" and media_type.startswith("application/grpc"):
        return None
    said = f"HTTP {status[:3]}" if status != "200" else media_type[:64] or "no media type"
    return RpcFailed(grpc_http2.HTTP_STATUS.get(status, GrpcStatus.UNKNOWN), f"The agent answered {said}")
