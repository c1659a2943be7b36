"""The HTTP/1.1 connection of a caller: uvicorn's protocol, with the bounds that it lacks.

A head has a size and a time to arrive in, and an idle connection does not stay for ever. One
request at a time: a second one behind it would hide from uvicorn that the caller has gone, so it
cuts the connection. What serves a request may cut it too.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.settings import Limits

CONNECTION = "a2a_gateway.connection"
"""The ASGI extension under which a request finds its connection."""


class Connection(Protocol):
    """What serves a request asks this of its connection, beside ASGI."""

    on_gone: Callable[[], None] | None
    """Called when the connection is lost; every request sets its own."""

    def abort(self) -> None:
        """Cuts the connection, with whatever was not sent yet."""
        ...

    async def send_chunk(self, data: bytes) -> None:
        """A part of an answer that has begun without a length, and not its last, by a shorter way than ASGI's.

        Waits while the caller takes nothing.
        """
        ...


_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/plain; charset=utf-8\r\ncontent-length: 28\r\nconnection: close\r\n\r\n"
    b"The request head is too big\n"
)


def bounded_protocol(limits: Limits) -> type[HttpToolsProtocol]:
    """The protocol class of a server with these limits."""
    most_left_bytes = 4 * limits.json_bytes
    most_bytes = 2 * limits.header_bytes  # what is too much for an agent is refused with a better word later

    class BoundedProtocol(HttpToolsProtocol):
        on_gone: Callable[[], None] | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
            super().connection_made(transport)
            self._head_bytes = 0
            self._in_body = False
            self._left_bytes = 0
            self._cycle: RequestResponseCycle | None = None
            self._deadline: asyncio.TimerHandle | None = None
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)
            if self.on_gone is not None:
                self.on_gone()

        def data_received(self, data: bytes) -> None:
            answered = self._cycle is not None and self._cycle.response_complete
            if answered and self._in_body:
                # What is left of a refused body is read for a while, so that its sender sees the answer.
                self._left_bytes += len(data)
                if self._left_bytes > most_left_bytes:
                    self.transport.abort()
                    return
            elif answered and self._deadline is None:
                self._await_head()
            in_head = self._deadline is not None and not self._in_body
            self._head_bytes += len(data) if in_head else 0
            super().data_received(data)
            if in_head and self._deadline is not None and not self._in_body and self._head_bytes > most_bytes:
                self._refuse_head()

        def on_headers_complete(self) -> None:
            self._stop_waiting()
            if self._cycle is not None and not self._cycle.response_complete:
                self.transport.abort()
                return
            if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > most_bytes:
                self._refuse_head()
                return
            self._in_body, self._left_bytes = True, 0
            self.on_gone = None
            extensions: dict[str, Any] = {CONNECTION: self}
            self.scope["extensions"] = extensions
            super().on_headers_complete()
            self._cycle = self.cycle

        def on_response_complete(self) -> None:
            super().on_response_complete()
            if self._in_body and self._deadline is None:
                self._deadline = self.loop.call_later(limits.body_s, self.transport.abort)

        def on_body(self, body: bytes) -> None:
            if self._in_body:
                super().on_body(body)

        def on_message_complete(self) -> None:
            if self._in_body:
                self._in_body = False
                self._stop_waiting()
                super().on_message_complete()

        def abort(self) -> None:
            self.transport.abort()

        async def send_chunk(self, data: bytes) -> None:
            if self.flow.write_paused:
                await self.flow.drain()
            if not self.transport.is_closing():
                self.transport.write(b"%x\r\n%b\r\n" % (len(data), data))

        def _refuse_head(self) -> None:
            self._stop_waiting()
            self.transport.write(_TOO_LARGE)
            self.transport.close()

        def _await_head(self) -> None:
            self._head_bytes = 0
            self._deadline = self.loop.call_later(limits.head_s, self.transport.abort)

        def _stop_waiting(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return BoundedProtocol
