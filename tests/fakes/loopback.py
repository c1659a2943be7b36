"""A raw TCP server on 127.0.0.1 and a free port: what the proxy and the byte-level agents share.

It knows of connections and how each one ended, and of no protocol above TCP. Leaving the block
stops listening, cancels what still serves and resets what is still open.
"""

import asyncio
import os
import socket
import struct
from dataclasses import dataclass
from typing import Self, cast

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Cut:
    """End the connection once this many bytes have gone out, by FIN or by RST."""

    after_bytes: int
    reset: bool = False


def stream_socket() -> socket.socket:
    """A TCP socket; the protocol is named because asyncio sets TCP_NODELAY only if it is."""
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)


def linger_zero(fileno: int) -> None:
    """Make the coming close of this socket an RST. Works on a duplicate, so for any event loop."""
    with socket.socket(fileno=os.dup(fileno)) as twin:
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class _Watch(asyncio.StreamReaderProtocol):
    """Tells a Connection when the peer ended, whether or not anybody is reading."""

    def __init__(self, reader: asyncio.StreamReader, server: "Loopback") -> None:
        super().__init__(reader)
        self._incoming = reader
        self._server = server
        self._connection: Connection | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connection = self._server._opened(cast(asyncio.Transport, transport), self._incoming, self)  # pyright: ignore[reportPrivateUsage] - one module

    def eof_received(self) -> bool | None:
        if self._connection is not None:
            self._connection.note_end(eof=True)
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._connection is not None:
            self._connection.note_end(eof=False, reset=isinstance(exc, ConnectionResetError))


class Connection:
    """One accepted connection. Times are of the loop's monotonic clock, in seconds."""

    def __init__(
        self, number: int, transport: asyncio.Transport, reader: asyncio.StreamReader, protocol: _Watch
    ) -> None:
        self.number = number
        self.reader = reader
        self.writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
        self.transport = transport
        self.opened_at = asyncio.get_running_loop().time()
        self.eof_at: float | None = None
        """When the peer's FIN came: a half-close, or the first half of a close."""
        self.lost_at: float | None = None
        """When the connection was over, from whichever side."""
        self.was_reset = False
        """It ended by the peer's RST."""
        self.gone = asyncio.Event()
        """The peer's FIN or RST has come, or we have closed."""
        self.lost = asyncio.Event()

    @property
    def gone_at(self) -> float | None:
        return self.eof_at if self.eof_at is not None else self.lost_at

    def note_end(self, *, eof: bool, reset: bool = False) -> None:
        now = asyncio.get_running_loop().time()
        if eof:
            self.eof_at = self.eof_at or now
        else:
            self.lost_at = self.lost_at or now
            self.was_reset = self.was_reset or reset
            self.lost.set()
        self.gone.set()

    async def write(self, data: bytes) -> None:
        """Hand over bytes and wait until the kernel has taken every one of them."""
        self.writer.write(data)
        await self.writer.drain()

    def half_close(self) -> None:
        """FIN, and keep reading."""
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()

    def finish(self) -> None:
        """FIN, and read no more."""
        self.transport.close()

    def reset(self) -> None:
        """RST, now; what was not sent is dropped."""
        endpoint = self.transport.get_extra_info("socket")
        if endpoint is not None and endpoint.fileno() >= 0:
            linger_zero(endpoint.fileno())
        self.transport.abort()


class Loopback:
    """A server whose protocol is `serve`, overridden by those who speak one."""

    def __init__(self, *, sndbuf_bytes: int | None = None, rcvbuf_bytes: int | None = None) -> None:
        self.connections: list[Connection] = []
        self.port = 0
        self._buffers = {socket.SO_SNDBUF: sndbuf_bytes, socket.SO_RCVBUF: rcvbuf_bytes}
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def open_connections(self) -> int:
        return sum(connection.lost_at is None for connection in self.connections)

    async def serve(self, connection: Connection) -> None:
        """Speak on one connection. It is closed by FIN when this returns."""
        raise NotImplementedError  # each fake says what it speaks

    async def listen(self) -> None:
        """Accept connections; after `refuse`, again on the same port."""
        listener = stream_socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for option, size in self._buffers.items():
            if size is not None:
                listener.setsockopt(socket.SOL_SOCKET, option, size)
        listener.bind((HOST, self.port))
        self.port = listener.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Watch(asyncio.StreamReader(), self), sock=listener, backlog=2048
        )

    async def refuse(self) -> None:
        """Stop listening, so that new connections are refused. Open ones live on."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        for connection in self.connections:
            if connection.lost_at is None:
                connection.reset()
        await asyncio.sleep(0)

    def _opened(self, transport: asyncio.Transport, reader: asyncio.StreamReader, protocol: _Watch) -> Connection:
        transport.set_write_buffer_limits(high=0)
        connection = Connection(len(self.connections), transport, reader, protocol)
        self.connections.append(connection)
        task = asyncio.get_running_loop().create_task(self._run(connection))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return connection

    async def _run(self, connection: Connection) -> None:
        try:
            await self.serve(connection)
        except (ConnectionError, asyncio.IncompleteReadError):
            connection.reset()  # the peer left first
        finally:
            connection.finish()
