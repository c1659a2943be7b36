"""HTTP/1.1 towards one agent on asyncio and httptools: connections kept, and taken up again, in no time.

Opening the thousandth stream costs what the first one does. A connection is used again only where
nothing has come on it since its last response.
"""

import asyncio
import re
import socket
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urlsplit

from gateway import __version__
from gateway.codec.metadata import is_sendable
from gateway.errors import AgentError, CallerError, ErrorKind
from gateway.settings import Limits, Tls
from gateway.southbound.transport.dial import dial, keep_alive
from gateway.southbound.transport.http1_connection import Http1Connection, Http1Response
from gateway.southbound.trust import ssl_context

_PORTS = {"http": 80, "https": 443}
_NOT_IN_TARGET = re.compile(r"[^!-~]")
_AS_THEY_ARE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


class Origin(NamedTuple):
    """Where a connection leads."""

    scheme: str
    host: str
    port: int


class Http1Client:
    """Sends requests, as many at once as there are, over as many connections.

    Raises ConfigurationError for papers that are none.
    """

    def __init__(self, limits: Limits, tls: Tls) -> None:
        self._limits = limits
        self._tls = ssl_context(tls, "http/1.1")
        self._options = [
            *keep_alive(limits.ping_s),
            (socket.SOL_SOCKET, socket.SO_RCVBUF, limits.stream_buffer_bytes),
        ]
        self._free: dict[Origin, dict[Http1Connection, None]] = {}
        """Connections without an exchange, the last one used last."""
        self._all: set[Http1Connection] = set()

    async def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Http1Response:
        parts = urlsplit(url)
        request = _head(method, parts, body, headers) + (body or b"")
        origin = Origin(parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0))
        connection = self._quiet(origin) or await self._connected(origin)
        return await connection.exchange(request)

    async def close(self) -> None:
        for connection in list(self._all):
            connection.abort()

    def _quiet(self, origin: Origin) -> Http1Connection | None:
        """A free connection that is as its last exchange left it."""
        free = self._free.get(origin)
        while free:
            connection, _ = free.popitem()
            if connection.is_quiet():
                return connection
            connection.abort()
        return None

    async def _connected(self, origin: Origin) -> Http1Connection:
        free = self._free.setdefault(origin, {})

        def on_free(connection: Http1Connection) -> None:
            free[connection] = None

        def on_lost(connection: Http1Connection) -> None:
            free.pop(connection, None)
            self._all.discard(connection)

        def make() -> Http1Connection:
            return Http1Connection(self._limits, on_free, on_lost)

        tls = self._tls if origin.scheme == "https" else None
        try:
            async with asyncio.timeout(self._limits.connect_s):
                connection = await dial(origin.host, origin.port, self._options, tls, make)
        except (OSError, TimeoutError, UnicodeError):  # the last is a name that is no host's
            raise AgentError(ErrorKind.UNAVAILABLE, "The agent cannot be reached") from None
        if not connection.is_over:
            self._all.add(connection)
        return connection


def _head(method: str, url: SplitResult, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    """The head of a request. Raises CallerError for a header that cannot be sent."""
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    if _NOT_IN_TARGET.search(target):
        target = quote(target, safe=_AS_THEY_ARE)
    lines = [f"{method} {target} HTTP/1.1", f"host: {_authority(url)}", f"user-agent: a2a-gateway/{__version__}"]
    for name, value in headers.items():
        if not is_sendable(value):
            raise CallerError(ErrorKind.INVALID_REQUEST, f"The header {name} cannot be sent to the agent")
        lines.append(f"{name}: {value}")
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _authority(url: SplitResult) -> str:
    """What `host` says: the host as DNS has it, and a port that is not the scheme's own."""
    host = url.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        host = host.encode("idna").decode()
    return host if url.port in (None, _PORTS.get(url.scheme)) else f"{host}:{url.port}"
