"""One HTTP exchange: its body within bounds, its caller watched, its answer written.

A caller that goes away cancels the work for it, whether an answer has begun or not. uvicorn tells
of that only through `receive`, so somebody listens there all the time.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from starlette.types import Receive, Scope, Send

from gateway.codec import sse
from gateway.errors import CallerError, ErrorKind
from gateway.settings import Limits

_STREAM_HEADERS = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    # Proxies of the nginx family buffer answers unless told.
    "x-accel-buffering": "no",
}


class CallerGone(Exception):
    """The caller closed its connection, or takes nothing any more; there is nobody to answer."""


class BodyTooSlow(CallerError):
    """The request body did not arrive in time."""


class Exchange:
    """A request and the answer to it, on ASGI."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        self.headers: list[tuple[str, str]] = [
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]
        ]
        self.query: str = scope["query_string"].decode("latin-1")
        self.peer: str = (scope.get("client") or ("", 0))[0]
        self.begun = False
        """Whether the answer's status is sent."""
        self._receive = receive
        self._send = send
        self._limits = limits
        self._silent_since = 0.0

    def header(self, name: str) -> str:
        """The first value of a header by its lower-case name; empty where there is none."""
        return next((value for given, value in self.headers if given == name), "")

    async def body(self) -> bytes:
        """The whole request body. Raises CallerError before it is longer than the limit, CallerGone."""
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
                        raise CallerGone
                    part: bytes = message.get("body", b"")
                    size += len(part)
                    if size > limit:
                        raise too_large
                    parts.append(part)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise BodyTooSlow(ErrorKind.INVALID_REQUEST, "The request body did not arrive in time") from None

    async def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Answers in one piece."""
        await self._start(status, {**headers, "content-length": str(len(body))})
        await self._write(body, more=False)

    async def open_stream(self, headers: Mapping[str, str]) -> None:
        """Begins an answer of Server-Sent Events."""
        await self._start(200, {**headers, **_STREAM_HEADERS})

    async def write(self, data: bytes) -> None:
        """Sends frames at once; waits while the caller does not read. Raises CallerGone if it never does."""
        await self._write(data, more=True)

    async def end_stream(self, data: bytes = b"") -> None:
        """Sends the last frames. The end of the answer is the end of the stream."""
        await self._write(data, more=False)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Ends what runs inside when the caller goes away, and keeps a silent stream alive.

        Raises CallerGone.
        """
        task = asyncio.current_task()
        assert task is not None
        watcher = asyncio.create_task(self._watch(task))
        try:
            yield
        except asyncio.CancelledError:
            if not watcher.done():
                raise
            task.uncancel()
            raise CallerGone from None
        finally:
            watcher.cancel()

    async def _watch(self, task: asyncio.Task[object]) -> None:
        """Returns once the caller is gone, having cancelled `task`."""
        every_s = self._limits.keep_alive_s
        wait_s = every_s
        while True:
            try:
                async with asyncio.timeout(wait_s):
                    gone = (await self._receive())["type"] == "http.disconnect"
            except TimeoutError:
                gone = False
            try:
                wait_s = await self._keep_alive(every_s)
            except CallerGone:
                gone = True
            if gone:
                task.cancel()
                return

    async def _keep_alive(self, every_s: float) -> float:
        """Sends a comment where the stream was silent too long; seconds until it is time to look again."""
        if not self.begun:
            return every_s
        due_s = self._silent_since + every_s - asyncio.get_running_loop().time()
        if due_s > 0:
            return due_s
        await self.write(sse.KEEP_ALIVE)
        return every_s

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        self.begun = True
        self._silent_since = asyncio.get_running_loop().time()
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def _write(self, data: bytes, *, more: bool) -> None:
        try:
            async with asyncio.timeout(self._limits.send_stall_s):
                await self._send({"type": "http.response.body", "body": data, "more_body": more})
        except TimeoutError:
            raise CallerGone from None
        self._silent_since = asyncio.get_running_loop().time()
