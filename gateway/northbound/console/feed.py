"""`/console/wire`: frames as they cross the gateway's edges, as Server-Sent Events.

    event: watching   data: {"processes": n}  frames of this one of so many are shown from here on
    event: frame      data: {"call": …}       what `frames.told` makes of one
    event: missed     data: {"frames": n}     so many crossed here and are not shown

It is no call: it takes no place among them, and a gateway that stops does not wait for it.
"""

import asyncio
import time

from starlette.types import Receive, Scope, Send

from gateway.codec import sse
from gateway.codec.jsontext import JsonValue, dump
from gateway.northbound.console.frames import told
from gateway.northbound.console.guard import HEADERS
from gateway.relay.wire import Feed, Missed, Seen, Wire
from gateway.settings import Settings

_FRAMES_AT_ONCE = 64

_HEADERS = {
    **HEADERS,
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}


class WireFeed:
    """The ASGI application at the feed's address."""

    def __init__(self, wire: Wire, settings: Settings) -> None:
        self._wire = wire
        self._limits = settings.limits
        self._processes = settings.workers
        self._feeds: dict[Feed, asyncio.Task[None]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(self._feeds) >= self._limits.consoles:
            await _refuse(send, f"{self._limits.consoles} consoles are watching already\n")
            return
        feed = Feed(self._limits)
        with self._wire.shown_to(feed):
            writing = asyncio.ensure_future(self._write(feed, send))
            leaving = asyncio.ensure_future(_left(receive))
            self._feeds[feed] = writing
            try:
                await asyncio.wait((writing, leaving), return_when=asyncio.FIRST_COMPLETED)
            finally:
                del self._feeds[feed]
                for task in (writing, leaving):
                    task.cancel()
                await asyncio.gather(writing, leaving, return_exceptions=True)

    async def close(self, within_s: float) -> None:
        """Ends every feed, once it has told what waits, or after so long."""
        writing = list(self._feeds.values())
        for feed in self._feeds:
            feed.end()
        if writing:
            await asyncio.wait(writing, timeout=within_s)

    async def _write(self, feed: Feed, send: Send) -> None:
        headers = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send(send, _event("watching", {"processes": self._processes}))
        began_s = time.perf_counter()
        while True:
            items = await feed.read(_FRAMES_AT_ONCE, self._limits.keep_alive_s)
            if items:
                await self._send(send, b"".join(self._told(item, began_s) for item in items))
            elif feed.ended:
                break
            else:
                await self._send(send, sse.KEEP_ALIVE)
        await self._send(send, sse.retry(self._limits.retry_ms), more=False)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        # A reader that takes nothing holds up nobody, but is not kept for ever.
        async with asyncio.timeout(self._limits.send_stall_s):
            await send({"type": "http.response.body", "body": body, "more_body": more})

    def _told(self, item: Seen | Missed, began_s: float) -> bytes:
        if isinstance(item, Missed):
            return _event("missed", {"frames": item.frames})
        return _event("frame", told(item.crossing, (item.at_s - began_s) * 1000, self._limits.wire_text_bytes))


def _event(name: str, data: dict[str, JsonValue]) -> bytes:
    return sse.frame(dump(data), name)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, text: str) -> None:
    headers = {**HEADERS, "content-type": "text/plain; charset=utf-8", "retry-after": "5"}
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 503, "headers": encoded})
    await send({"type": "http.response.body", "body": text.encode()})
