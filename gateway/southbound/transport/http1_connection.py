"""One HTTP/1.1 connection to an agent: an exchange at a time, read no further than its reader takes it.

What comes that nobody waits for stops the reading, so that one read is all that is ahead.
"""

import asyncio
import select
from collections.abc import Callable
from typing import cast

from gateway.codec.malformed import Malformed
from gateway.codec.metadata import Pairs
from gateway.errors import AgentError, ErrorKind
from gateway.news import News
from gateway.settings import Limits
from gateway.southbound.request import READING_ANSWER
from gateway.southbound.transport.http1_reader import ResponseReader

BROKEN = "The connection to the agent broke"


class Http1Connection(asyncio.Protocol):
    """A connection. `on_free` is called when it can carry another exchange, `on_lost` when it is over."""

    def __init__(
        self,
        limits: Limits,
        on_free: Callable[["Http1Connection"], None],
        on_lost: Callable[["Http1Connection"], None],
    ) -> None:
        self._limits = limits
        self._on_free = on_free
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._reader: ResponseReader | None = None
        self._failure: str | Malformed = ""
        self._news = News()
        self._reading_paused = False
        self._write_stall: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None

    async def exchange(self, request: bytes) -> "Http1Response":
        """Sends a request and waits for the head of its response. Raises AgentError.

        The connection is over where that fails or is cancelled.
        """
        if self._idle is not None:
            self._idle.cancel()
        self._reader = reader = ResponseReader(8 * self._limits.header_bytes)
        try:
            self._transport.write(request)
            while not (reader.begun or self._failure):
                await self._news.wait()
            if not reader.begun:
                self._raise()
        except BaseException:
            self._transport.abort()
            raise
        return Http1Response(self, reader)

    async def chunk(self, reader: ResponseReader) -> bytes | None:
        """As `Response.chunk`."""
        while not reader.pending:
            if reader.ended:
                return None
            if self._failure:
                self._raise()
            self._read_on()
            await self._news.wait()
        return reader.take()

    def free(self, reader: ResponseReader) -> None:
        """The exchange is over: the connection is kept for another, or ended at once."""
        self._reader = None
        if not (reader.ended and reader.reusable) or self._failure or self._transport.get_write_buffer_size():
            self._transport.abort()
            return
        self._read_on()  # for its end
        self._idle = self._loop.call_later(self._limits.idle_connection_s, self._transport.close)
        self._on_free(self)

    @property
    def is_over(self) -> bool:
        return bool(self._failure) or self._transport.is_closing()

    def is_quiet(self) -> bool:
        """Whether nothing has come since the last exchange, neither bytes nor an end, not even unread."""
        if self.is_over:
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return not poll.poll(0)

    def abort(self) -> None:
        self._transport.abort()

    # For the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is none by its class

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None:  # more than was asked for
            self._break(BROKEN)
            return
        try:
            reader.feed(data)
        except Malformed as error:
            self._break(error)
            return
        if self._news.awaited:
            if reader.pending or reader.begun:
                self._news.tell()
        elif reader.pending and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

    def eof_received(self) -> None:
        if self._reader is not None:
            self._reader.feed_end()
        self._fail(BROKEN)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(BROKEN)
        for timer in (self._idle, self._write_stall):
            if timer is not None:
                timer.cancel()
        self._on_lost(self)

    def pause_writing(self) -> None:
        stalled = "The agent does not take the request"
        self._write_stall = self._loop.call_later(self._limits.body_s, self._break, stalled)

    def resume_writing(self) -> None:
        if self._write_stall is not None:
            self._write_stall.cancel()
            self._write_stall = None

    def _read_on(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def _break(self, failure: str | Malformed) -> None:
        self._fail(failure)
        self._transport.abort()

    def _fail(self, failure: str | Malformed) -> None:
        """The first failure counts."""
        self._failure = self._failure or failure
        self._news.tell()

    def _raise(self) -> None:
        if isinstance(self._failure, Malformed):
            with READING_ANSWER:
                raise self._failure
        raise AgentError(ErrorKind.UNAVAILABLE, self._failure)


class Http1Response:
    """The response of the exchange that a connection is at; none of its business once released."""

    def __init__(self, connection: Http1Connection, reader: ResponseReader) -> None:
        self.status = reader.status
        self.headers: Pairs = reader.headers
        self._connection: Http1Connection | None = connection
        self._reader = reader

    async def chunk(self) -> bytes | None:
        assert self._connection is not None, "released"
        return await self._connection.chunk(self._reader)

    async def release(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.free(self._reader)
