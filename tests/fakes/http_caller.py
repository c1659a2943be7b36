"""An HTTP/1.1 caller on a bare socket: it reads when told to, and leaves in any way there is.

No byte is read unless a method here reads it, so a caller that stops reading really stops. How a
response ended is a value, never an exception.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Self
from urllib.parse import urlsplit

from tests.fakes.events import Json, JsonValue
from tests.fakes.loopback import linger_zero, stream_socket
from tests.fakes.sse_reader import SseEvent, SseReader


class Ending(Enum):
    """How a response body came to its end."""

    WHOLE = "by its own framing"
    CUT = "by FIN, before its framing said so"
    RESET = "by RST"


@dataclass(slots=True)
class Received:
    """What one response has brought so far."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    body: bytearray = field(default_factory=bytearray)
    events: list[SseEvent] = field(default_factory=list[SseEvent])
    stamps: list[float] = field(default_factory=list[float])
    """When each event had been read, by the loop's clock."""
    ending: Ending | None = None

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> JsonValue:
        return json.loads(bytes(self.body))


class HttpCaller:
    """One connection to `url`, opened by `async with`. `rcvbuf_bytes` is set before it connects.

    The response is parsed as it is read; `received` is the one in progress and `sse` its parser.
    """

    def __init__(self, url: str, *, rcvbuf_bytes: int | None = None) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self.path = parts.path or "/"
        self._rcvbuf_bytes = rcvbuf_bytes
        self._socket = stream_socket()
        self._unread = bytearray()
        self._eof: Ending | None = None
        self.bytes_read = 0
        self.left_at: float | None = None
        """When this side ended the connection, by the loop's clock."""
        self.received = Received()
        self.sse = SseReader()

    async def __aenter__(self) -> Self:
        self._socket.setblocking(False)
        if self._rcvbuf_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._rcvbuf_bytes)
        await asyncio.get_running_loop().sock_connect(self._socket, self._address)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    async def send(self, data: bytes) -> None:
        """Bytes as they are."""
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def post(
        self,
        rpc: str,
        params: JsonValue = None,
        *,
        call_id: JsonValue = 1,
        headers: tuple[tuple[str, str], ...] = (("a2a-version", "1.0"),),
    ) -> None:
        """Send a JSON-RPC request; `read_head` or another reader has the answer."""
        envelope: Json = {"jsonrpc": "2.0", "id": call_id, "method": rpc}
        content = json.dumps(envelope if params is None else {**envelope, "params": params}).encode()
        await self.post_body(content, headers)

    async def post_body(self, content: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """Send a body that need not be JSON; `headers` may contain anything."""
        self.received, self.sse = Received(), SseReader()
        fixed = (
            ("host", "{}:{}".format(*self._address)),
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            ("content-length", str(len(content))),
        )
        lines = "".join(f"{name}: {value}\r\n" for name, value in (*fixed, *headers))
        await self.send(f"POST {self.path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + content)

    async def read_head(self) -> Received:
        """Read as far as the end of the response header."""
        while b"\r\n\r\n" not in self._unread:
            if not await self._more():
                self.received.ending = self._eof
                return self.received
        text, _, rest = bytes(self._unread).partition(b"\r\n\r\n")
        self._unread = bytearray(rest)
        first, *lines = text.decode("latin-1").split("\r\n")
        self.received.status = int(first.split(" ")[1])
        pairs = [line.partition(":") for line in lines]
        self.received.headers = [(name.strip().lower(), value.strip()) for name, _, value in pairs]
        return self.received

    async def read_all(self) -> Received:
        """Read the whole response, events and all."""
        async for _ in self.pieces():
            pass
        return self.received

    async def events(self) -> AsyncIterator[SseEvent]:
        """The events, each as soon as it is whole; nothing is read while the consumer waits."""
        async for completed in self.pieces():
            for event in completed:
                yield event

    async def results(self) -> AsyncIterator[Json]:
        """The stream events out of their JSON-RPC envelopes; an error envelope comes as it is."""
        async for event in self.events():
            envelope = json.loads(event.data)
            yield envelope.get("result", envelope)

    async def pieces(self) -> AsyncIterator[list[SseEvent]]:
        """Read the body piece by piece; each yields the events that it completes."""
        if not self.received.status:
            await self.read_head()
        if self.received.status:
            async for piece in self._body():
                self.received.body += piece
                completed = self.sse.feed(piece)
                self.received.events += completed
                self.received.stamps += [asyncio.get_running_loop().time()] * len(completed)
                yield completed
            self.received.ending = Ending.WHOLE if self.received.ending is None else self.received.ending

    async def read_some(self, limit_bytes: int) -> bytes:
        """At most so many bytes, straight from the socket and unparsed; b"" at the end."""
        before = len(self._unread)
        await self._more(limit_bytes)
        piece = bytes(self._unread[before:])
        del self._unread[before:]
        return piece

    def half_close(self) -> None:
        """FIN, and keep reading."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close; the kernel makes it an RST if something came that was not read."""
        self._note_leaving()
        self._socket.close()

    def reset(self) -> None:
        """RST."""
        self._note_leaving()
        linger_zero(self._socket.fileno())
        self._socket.close()

    def _note_leaving(self) -> None:
        if self.left_at is None:
            self.left_at = asyncio.get_running_loop().time()

    async def _body(self) -> AsyncIterator[bytes]:
        """The body's bytes without their framing; sets `ending` where the framing was not kept."""
        length = self.received.header("content-length")
        if "chunked" in (self.received.header("transfer-encoding") or ""):
            async for piece in self._chunks():
                yield piece
        elif length is not None:
            left = int(length)
            while left:
                if not self._unread and not await self._more():
                    self.received.ending = self._eof
                    return
                piece = self._take(left)
                left -= len(piece)
                yield piece
        else:
            while self._unread or await self._more():
                yield self._take(len(self._unread))
            self.received.ending = Ending.RESET if self._eof is Ending.RESET else Ending.WHOLE

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            while b"\r\n" not in self._unread:
                if not await self._more():
                    self.received.ending = self._eof
                    return
            line, _, rest = bytes(self._unread).partition(b"\r\n")
            self._unread = bytearray(rest)
            left = int(line.split(b";")[0], 16)
            is_last = left == 0
            while left:
                if not self._unread and not await self._more():
                    self.received.ending = self._eof
                    return
                piece = self._take(left)
                left -= len(piece)
                yield piece
            while len(self._unread) < 2:
                if not await self._more():
                    self.received.ending = self._eof
                    return
            del self._unread[:2]
            if is_last:
                return

    def _take(self, limit_bytes: int) -> bytes:
        piece = bytes(self._unread[:limit_bytes])
        del self._unread[: len(piece)]
        return piece

    async def _more(self, limit_bytes: int = 16384) -> bool:
        """Read once from the socket; False at the end of it."""
        try:
            piece = await asyncio.get_running_loop().sock_recv(self._socket, limit_bytes)
        except ConnectionError:
            self._eof = Ending.RESET
            return False
        self.bytes_read += len(piece)
        self._unread += piece
        if not piece:
            self._eof = Ending.CUT
        return bool(piece)
