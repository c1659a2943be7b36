"""One rpc on one HTTP/2 connection, as its handler has it."""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

from gateway.codec import grpc_http2
from gateway.codec.grpc_http2 import RequestHead, UnknownCompression
from gateway.codec.malformed import Malformed
from gateway.errors import GrpcStatus
from gateway.http2.inbound import Inbound
from gateway.news import News
from gateway.northbound.transport.server import Pairs, Refused

Fields = list[tuple[str, str]]

_HEAD: Fields = [(":status", "200"), ("content-type", "application/grpc")]
_PREFIX_BYTES = 5


class Carrier(Protocol):
    """What an rpc asks of its connection."""

    def write(self, rpc: "H2Rpc", content: memoryview) -> int:
        """Sends as much of this as there is room for now; how many bytes that was."""
        ...

    def delivered(self, messages: int) -> None:
        """So many messages went out whole."""
        ...

    async def room(self, rpc: "H2Rpc") -> None:
        """Waits until there may be room."""
        ...

    def head(self, rpc: "H2Rpc", fields: Fields) -> None:
        """Sends a head."""
        ...

    def end(self, rpc: "H2Rpc", fields: Fields) -> None:
        """Sends the last fields of a stream, which is over then."""
        ...


class H2Rpc:
    """An rpc from its HEADERS on. The connection feeds it, and takes it out when it is over."""

    __slots__ = (
        "_begun",
        "_body_s",
        "_carrier",
        "_expiry",
        "_read",
        "deadline",
        "ended",
        "inbound",
        "metadata",
        "news",
        "sent",
        "stream_id",
        "task",
        "window",
    )

    def __init__(self, carrier: Carrier, head: RequestHead, inbound: Inbound, window: int, body_s: float) -> None:
        self.stream_id = inbound.stream_id
        self.metadata: Pairs = head.metadata
        self.deadline: float | None = None
        self.inbound = inbound
        self.window = window
        """Bytes that the caller takes."""
        self.sent = 0
        self.ended = False
        self.news = News()
        """That there may be room, or never again."""
        self.task: asyncio.Task[None] | None = None
        """Runs the handler."""
        self._begun = False
        self._carrier = carrier
        self._body_s: float | None = body_s
        """How long the first message may take."""
        self._expiry: asyncio.TimerHandle | None = None
        self._read: list[bytes] = []
        """Messages that came with one that was read, the next one last."""

    # What the handler calls

    async def read(self) -> bytes | None:
        if not self._read:
            try:
                async with asyncio.timeout(self._body_s):
                    messages = await self.inbound.burst()
            except TimeoutError:
                raise Refused(GrpcStatus.DEADLINE_EXCEEDED, "The request did not arrive in time") from None
            except Malformed as error:
                status = GrpcStatus.RESOURCE_EXHAUSTED if error.too_large else GrpcStatus.INTERNAL
                raise Refused(status, f"The caller sent {error}") from None
            except UnknownCompression as error:
                raise Refused(GrpcStatus.INTERNAL, f"The caller sent {error}") from None
            self._body_s = None
            if messages is None:
                return None
            self._read = [*reversed(messages)]
        return self._read.pop()

    async def begin(self, metadata: Pairs) -> None:
        assert not self._begun, "a second head"
        self._begun = True
        if not self.ended:
            self._carrier.head(self, [*_HEAD, *grpc_http2.header_pairs(metadata)])

    async def send(self, messages: Sequence[bytes]) -> None:
        if self.ended:
            await self._leave()
        if not self._begun:
            await self.begin(())
        content = memoryview(grpc_http2.all_framed(messages))
        taken = self._carrier.write(self, content)
        if taken == len(content):
            self.sent += len(messages)
        else:
            await self._send_on(content, taken, messages)
        self._carrier.delivered(len(messages))

    def finish(self, status: GrpcStatus, text: str = "", trailers: Pairs = ()) -> None:
        if not self.ended:
            end = [*grpc_http2.ended(status, text), *grpc_http2.header_pairs(trailers)]
            self._carrier.end(self, end if self._begun else [*_HEAD, *end])

    # What the connection calls

    def expire_at(self, deadline: float) -> None:
        """Ends at this time of the loop's clock."""
        self.deadline = deadline
        self._expiry = asyncio.get_running_loop().call_at(deadline, self._expire)

    def over(self) -> None:
        """The stream is not any more."""
        self.ended = True
        if self._expiry is not None:
            self._expiry.cancel()
        self.inbound.end()
        self.news.tell()

    def cancel(self) -> None:
        """Nobody waits for what the handler does."""
        if self.task is not None:
            task, self.task = self.task, None  # what a cancelled task keeps leads back here
            task.cancel()

    async def _send_on(self, content: memoryview, taken: int, messages: Sequence[bytes]) -> None:
        """Sends what follows the first bytes of a burst, as there is room."""
        before, ends = self.sent, list(accumulate(_PREFIX_BYTES + len(message) for message in messages))
        while True:
            self.sent = before + bisect_right(ends, taken)
            if taken == len(content):
                return
            if written := self._carrier.write(self, content[taken:]):
                taken += written
            else:
                await self._carrier.room(self)
                if self.ended:
                    await self._leave()

    async def _leave(self) -> None:
        """Where the handler is cancelled, if it goes on as if the rpc did."""
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        if self.deadline is not None and loop.time() < self.deadline:
            # A timer may be a little early, and who looks at the clock must find that it is time.
            self._expiry = loop.call_later(0.001, self._expire)
            return
        self.finish(GrpcStatus.DEADLINE_EXCEEDED, "The caller's time is over")
        self.cancel()
