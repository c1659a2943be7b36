"""One HTTP exchange: its body within bounds, its caller watched, its answer written.

A caller that goes away ends its call, whether an answer has begun or not.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send

from gateway.errors import CallerError, ErrorKind
from gateway.northbound.connection import CONNECTION, Connection
from gateway.relay.calls import Call, CallEnded, Ending
from gateway.settings import Limits


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes: an agent, and a raw path below its address."""

    agent: str
    below: str


class BodyTooSlow(CallerError):
    """The request body did not arrive in time."""


class MethodNotAllowed(CallerError):
    """The address is an operation's, the HTTP method is not; those of `allow` are, with commas."""

    def __init__(self, method: str, allow: str) -> None:
        super().__init__(ErrorKind.METHOD_NOT_FOUND, f"{method} is not for this address")
        self.allow = allow


class Exchange:
    """A request and the answer to it, on ASGI."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        self.headers: list[tuple[str, str | bytes]] = [
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
        ]
        self.method: str = scope["method"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.peer: str = (scope.get("client") or ("", 0))[0]
        place: Place = scope["state"]["place"]
        self.agent = place.agent
        """The agent whose address this is; empty at the gateway's own."""
        self.below = place.below
        """The raw path below that address."""
        self.begun = False
        """Whether the answer's status is sent."""
        self.ended = False
        """Whether the answer is complete."""
        self._receive = receive
        self._send = send
        self._limits = limits
        self._connection: Connection = scope["extensions"][CONNECTION]
        self._in_chunks = False

    @property
    def header_values(self) -> dict[str, str]:
        """The headers by lower-case name; of repeated ones, the last."""
        return {name: str(value) for name, value in self.headers}

    @property
    def sends_json(self) -> bool:
        """Whether the request says that its body is JSON."""
        media_type = self.header("content-type").partition(";")[0].strip().lower()
        return media_type == "application/json" or media_type.endswith("+json")

    def query_value(self, name: str) -> str:
        """The first value of a query parameter; empty where there is none."""
        return parse_qs(self.query).get(name, [""])[0]

    def header(self, name: str) -> str:
        """The first value of a header by its lower-case name; empty where there is none."""
        return next((str(value) for given, value in self.headers if given == name), "")

    async def body(self, call: Call) -> bytes:
        """The whole request body. Raises CallerError before it is longer than the limit, CallEnded."""
        limit = self._limits.json_bytes
        too_large = CallerError(ErrorKind.RESOURCE_EXHAUSTED, f"The request is over {limit} bytes")
        announced = self.header("content-length")
        if announced.isdecimal() and int(announced) > limit:
            raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_s):
                while True:
                    message = await self._receive()
                    if message["type"] == "http.disconnect":
                        call.ending = Ending.CALLER_GONE
                        raise CallEnded
                    part: bytes = message.get("body", b"")
                    size += len(part)
                    if size > limit:
                        raise too_large
                    parts.append(part)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise BodyTooSlow(ErrorKind.INVALID_REQUEST, "The request body did not arrive in time") from None

    @contextmanager
    def watched(self, call: Call) -> Iterator[None]:
        """Ends the call when its caller goes away. The body must have been read, and nothing be awaited since."""

        def gone() -> None:
            if not self.ended:
                call.end(Ending.CALLER_GONE)

        connection = self._connection
        connection.on_gone = gone
        try:
            yield
        finally:
            if connection.on_gone is gone:  # and not the next request's
                connection.on_gone = None

    async def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Answers in one piece."""
        await self.start(status, {**headers, "content-length": str(len(body))})
        await self.write(body, more=False)

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Sends the head of the answer, at once."""
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self.begun = True
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})
        self._in_chunks = "content-length" not in headers

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Sends a part of the body at once; waits while the caller does not read."""
        self.ended = not more
        if more and data and self._in_chunks:
            await self._connection.send_chunk(data)
        else:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})

    def abort(self) -> None:
        """Cuts the connection, with whatever was not sent yet."""
        self._connection.abort()
