"""Steps of a JSON-RPC agent's script: what may be put on an HTTP/1.1 connection, well or badly.

A step acts on an exchange: the request that came and the response that is being written. Nothing
here checks what it is told to send. A head is written by the first `sse` if no step wrote one.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.fakes import events, steps
from tests.fakes.events import Json, JsonValue
from tests.fakes.loopback import Connection, Cut

SSE_HEAD = (("content-type", "text/event-stream"), ("cache-control", "no-cache"))
JSON_HEAD = (("content-type", "application/json"),)
Headers = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Request:
    """One request as it came, and what became of it. Times are of the loop's clock."""

    method: str
    path: str
    headers: Headers
    body: bytes
    connection: Connection
    received_at: float
    meter: steps.Meter = field(default_factory=steps.Meter)
    """What was answered: SSE events, and every byte of the response."""
    completed: bool = False
    """The script ran to its end."""
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def json(self) -> JsonValue:
        return json.loads(self.body)

    def member(self, name: str) -> JsonValue:
        """A member of the JSON-RPC envelope; None where there is none."""
        try:
            envelope = self.json
        except ValueError:
            return None
        return envelope.get(name) if isinstance(envelope, dict) else None

    @property
    def rpc(self) -> str:
        """The JSON-RPC method, or "" if the body names none."""
        method = self.member("method")
        return method if isinstance(method, str) else ""


class Ended(Exception):
    """The script ended the connection; nothing more can be sent."""


class HttpExchange:
    """What the steps of a script act on: one request, and the response that is being written."""

    def __init__(self, request: Request, cut: Cut | None) -> None:
        self.request = request
        self.connection = request.connection
        self.chunked = False
        self.head_sent = False
        self._cut = cut

    async def send(self, data: bytes) -> None:
        """Bytes as they are; returns when the kernel has them all."""
        meter, cut = self.request.meter, self._cut
        room = len(data) if cut is None else max(0, cut.after_bytes - meter.bytes)
        if piece := data[:room]:
            await self.connection.write(piece)
            meter.bytes += len(piece)
        if cut is not None and meter.bytes >= cut.after_bytes:
            self.end(reset=cut.reset)

    async def head(self, status: int, headers: Headers, *, chunked: bool) -> None:
        """The status line and the header; chunked, unless the headers say how long the body is."""
        self.chunked, self.head_sent = chunked, True
        framing = (("transfer-encoding", "chunked"),) if chunked else ()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers + framing)
        await self.send(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode("latin-1"))

    async def body(self, data: bytes) -> None:
        """A piece of the body, as a chunk if the head said so."""
        await self.send(b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data)

    async def close_body(self) -> None:
        if self.chunked:
            self.chunked = False
            await self.send(b"0\r\n\r\n")

    async def event(self, data: bytes) -> None:
        """A piece of an event stream, after its head if there was none yet."""
        if not self.head_sent:
            await self.head(200, SSE_HEAD, chunked=True)
        await self.body(data)

    def envelope(self, member: str, value: JsonValue) -> bytes:
        """A JSON-RPC response to this request."""
        return json.dumps({"jsonrpc": "2.0", "id": self.request.member("id"), member: value}).encode()

    def end(self, *, reset: bool) -> None:
        """FIN or RST, and the end of the script."""
        if reset:
            self.connection.reset()
        else:
            self.connection.finish()
        raise Ended


Step = steps.Step[HttpExchange]
Script = steps.Script[HttpExchange]
Scripts = Mapping[str, Script] | Callable[[Request], Script]
"""By JSON-RPC method, "*" for any other; or chosen by looking at the request."""


def raw(data: bytes) -> Step:
    """Bytes on the socket, framed by nobody."""
    return lambda exchange: exchange.send(data)


def head(status: int = 200, headers: Headers = SSE_HEAD, *, chunked: bool = True) -> Step:
    """Status and headers, for a body that later steps write."""
    return lambda exchange: exchange.head(status, headers, chunked=chunked)


def body(data: bytes) -> Step:
    """A piece of the body."""
    return lambda exchange: exchange.body(data)


def sse(event: Json) -> Step:
    """One stream event, in the envelope that answers the request."""

    async def step(exchange: HttpExchange) -> None:
        await exchange.event(b"data: %b\n\n" % exchange.envelope("result", event))
        exchange.request.meter.note_event()

    return step


def sse_error(code: int, text: str, data: JsonValue = None) -> Step:
    """An error in mid-stream, as agents send it."""
    return lambda exchange: exchange.event(
        b"event: error\ndata: %b\n\n" % exchange.envelope("error", error_member(code, text, data))
    )


def sse_text(text: str | bytes) -> Step:
    """A piece of an event stream as it stands: comments, broken lines, events without an end."""
    return lambda exchange: exchange.event(text if isinstance(text, bytes) else text.encode())


def reply(status: int, headers: Headers, content: bytes) -> Step:
    """A whole HTTP response with a Content-Length."""

    async def step(exchange: HttpExchange) -> None:
        await exchange.head(status, (*headers, ("content-length", str(len(content)))), chunked=False)
        await exchange.body(content)

    return step


def json_reply(result: JsonValue, *more: tuple[str, str]) -> Step:
    """A JSON-RPC result for the request, with more headers."""

    async def step(exchange: HttpExchange) -> None:
        await reply(200, (*JSON_HEAD, *more), exchange.envelope("result", result))(exchange)

    return step


def json_error(code: int, text: str, data: JsonValue = None, status: int = 200) -> Step:
    """A JSON-RPC error for the request."""

    async def step(exchange: HttpExchange) -> None:
        await reply(status, JSON_HEAD, exchange.envelope("error", error_member(code, text, data)))(exchange)

    return step


def flood(make: Callable[[int], Json] = events.numbered, count: int | None = None) -> Step:
    """Numbered events as fast as the socket takes them, for ever or so many; the meter counts."""

    async def step(exchange: HttpExchange) -> None:
        number = 0
        while count is None or number < count:
            await sse(make(number))(exchange)
            number += 1
            if number % 16 == 0:
                await asyncio.sleep(0)

    return step


def fin() -> Step:
    """End the connection by FIN, without the chunk that ends the body."""

    async def step(exchange: HttpExchange) -> None:
        exchange.end(reset=False)

    return step


def rst() -> Step:
    """End the connection by RST."""

    async def step(exchange: HttpExchange) -> None:
        exchange.end(reset=True)

    return step


def half_close() -> Step:
    """FIN, and keep reading."""

    async def step(exchange: HttpExchange) -> None:
        exchange.connection.half_close()

    return step


def error_member(code: int, text: str, data: JsonValue) -> Json:
    """The `error` of a JSON-RPC response."""
    return {"code": code, "message": text, **({} if data is None else {"data": data})}
