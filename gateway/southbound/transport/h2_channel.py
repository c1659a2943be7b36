"""The way to a gRPC agent over our own HTTP/2: one connection at a time, made when it is needed.

An rpc is sent once more, and only then, when the agent said of it that it was not looked at: refused,
or after the last stream of a GOAWAY. Where the agent cannot be reached, calls fail at once until it
is time to try again.
"""

import asyncio
import random
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from gateway import __version__
from gateway.codec import grpc_http2
from gateway.errors import GrpcStatus
from gateway.settings import Limits, Tls
from gateway.southbound.transport.channel import Pairs, RpcFailed
from gateway.southbound.transport.dial import Option, dial, keep_alive
from gateway.southbound.transport.h2_connection import BROKEN, H2Connection
from gateway.southbound.transport.h2_stream import H2Stream
from gateway.southbound.trust import ssl_context

_GROWTH, _SPREAD = 1.6, 0.2
"""Of the pauses between attempts, as gRPC's back-off has them."""
_UNREACHABLE = "The agent cannot be reached"


class H2Channel:
    """A channel to `grpc://` or `grpcs://`. Raises ConfigurationError for papers that are none."""

    def __init__(self, url: str, limits: Limits, tls: Tls) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._tls = ssl_context(tls, "h2") if parts.scheme == "grpcs" else None
        self._limits = limits
        self._pseudo = [
            (":method", "POST"),
            (":scheme", "https" if self._tls else "http"),
            (":authority", parts.netloc),
        ]
        self._fields = [
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", f"a2a-gateway/{__version__}"),
            ("grpc-accept-encoding", grpc_http2.ACCEPTED_ENCODINGS),
        ]
        self._current: H2Connection | None = None
        self._connections: set[H2Connection] = set()
        """The current one, and those whose last streams finish."""
        self._connecting: asyncio.Task[None] | None = None
        self._retry_at = 0.0
        self._pause_s = limits.reconnect_s
        self._closed = False

    def call(self, path: str, request: bytes, metadata: Pairs, timeout_s: float | None) -> "H2Rpc":
        fields = [*self._pseudo, (":path", path), *self._fields, *grpc_http2.header_pairs(metadata)]
        if timeout_s is not None:
            fields.append(("grpc-timeout", grpc_http2.timeout(timeout_s)))
        return H2Rpc(self, fields, grpc_http2.framed(request), timeout_s)

    async def close(self) -> None:
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        for connection in list(self._connections):
            connection.close()

    async def open(self, fields: list[tuple[str, str]], request: bytes) -> H2Stream:
        """A new stream, as soon as the agent takes one. Raises RpcFailed."""
        for _ in range(2):  # a connection may close while one waits for a place on it
            connection = await self._connection()
            if await connection.place():
                return connection.open(fields, request)
        raise RpcFailed(GrpcStatus.UNAVAILABLE, BROKEN)

    async def _connection(self) -> H2Connection:
        if self._current is None:
            if self._closed:
                raise RpcFailed(GrpcStatus.CANCELLED, "The way to the agent is closed")
            if self._connecting is None and asyncio.get_running_loop().time() >= self._retry_at:
                self._connecting = asyncio.create_task(self._connect())
            if self._connecting is not None:
                await asyncio.wait((self._connecting,))
        if self._current is None:
            raise RpcFailed(GrpcStatus.UNAVAILABLE, _UNREACHABLE)
        return self._current

    async def _connect(self) -> None:
        limits = self._limits
        connection: H2Connection | None = None
        try:
            async with asyncio.timeout(limits.connect_s):
                connection = await dial(self._host, self._port, _options(limits), self._tls, self._made)
                if await connection.ready() and not connection.closing:
                    self._current = connection
                    self._connections.add(connection)
                    self._pause_s = limits.reconnect_s
                    return
        except (OSError, TimeoutError, UnicodeError):  # the last is a name that is no host's
            pass
        finally:
            self._connecting = None
            if connection is not None and connection is not self._current:
                connection.close()
        pause_s = self._pause_s * random.uniform(1 - _SPREAD, 1 + _SPREAD)
        self._retry_at = asyncio.get_running_loop().time() + pause_s
        self._pause_s = min(self._pause_s * _GROWTH, limits.connect_s)

    def _made(self) -> H2Connection:
        return H2Connection(self._limits, self._closing)

    def _closing(self, connection: H2Connection) -> None:
        if self._current is connection:
            self._current = None
        if connection.closed:
            self._connections.discard(connection)


class H2Rpc:
    """One rpc, from before it has a connection."""

    def __init__(
        self, channel: H2Channel, fields: list[tuple[str, str]], request: bytes, timeout_s: float | None
    ) -> None:
        self._channel = channel
        self._fields = fields
        self._request = request
        self._deadline = None if timeout_s is None else asyncio.get_running_loop().time() + timeout_s
        self._stream: H2Stream | None = None
        self._failure: RpcFailed | None = None

    @property
    def trailers(self) -> Pairs:
        return self._stream.trailers if self._stream else ()

    async def head(self) -> Pairs:
        try:
            stream = await self._begun()
            if stream.refused:
                stream = await self._begun()
        except RpcFailed as failure:
            self._failure = failure
            return ()
        return stream.head or ()

    async def burst(self) -> Sequence[bytes] | None:
        if self._failure is not None:
            raise self._failure
        assert self._stream is not None, "the head comes first"
        return await self._stream.burst()

    def cancel(self) -> None:
        if self._stream is not None:
            self._stream.cancel()

    async def _begun(self) -> H2Stream:
        """A stream that has its head, or ended without."""
        if self._deadline is not None and self._deadline <= asyncio.get_running_loop().time():
            raise _too_late()
        try:
            async with asyncio.timeout_at(self._deadline):
                self._stream = await self._channel.open(self._fields, self._request)
        except TimeoutError:
            raise _too_late() from None
        if self._deadline is not None:
            self._stream.expire_at(self._deadline)
        await self._stream.begun()
        return self._stream


def _too_late() -> RpcFailed:
    return RpcFailed(GrpcStatus.DEADLINE_EXCEEDED, "The agent did not answer in time")


def _options(limits: Limits) -> list[Option]:
    options = keep_alive(limits.agent_ping_s)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # What is sent to an agent that is gone fails with its connection, not minutes later.
        options.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.ping_answer_s * 1000)))
    return options
