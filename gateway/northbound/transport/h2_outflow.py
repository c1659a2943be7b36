"""What goes out on all streams of a connection together: how much the caller takes, and whose turn it is."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from gateway.codec import http2
from gateway.http2.inflow import FIRST
from gateway.http2.machine import FRAME_BYTES
from gateway.news import News


class Sender(Protocol):
    """A stream that sends."""

    stream_id: int
    window: int
    """Bytes that the caller takes on it."""
    news: News
    """That there may be room."""


class Outflow:
    """The window and the socket of a connection.

    Who has room on its stream and finds none here waits in line. While there is room, the first in
    line has the turn; once it has written, it passes the turn on. `put` writes to the socket, at most
    `most_bytes` at once.
    """

    def __init__(self, put: Callable[[bytes], None], most_bytes: int) -> None:
        self.window = FIRST
        """Bytes that the caller takes on all streams together."""
        self.paused = False
        """The socket takes nothing for now."""
        self._put = put
        self._most_bytes = most_bytes
        self._line: OrderedDict[int, Sender] = OrderedDict()
        self._turn: Sender | None = None

    def write(self, sender: Sender, content: memoryview) -> int:
        """Sends as much of this as there is room for now; how many bytes that was."""
        size, has_turn = 0, self._turn is sender
        if not self.paused and (has_turn or not (self._turn or self._line)):
            size = max(min(len(content), sender.window, self.window, self._most_bytes), 0)
        if size:
            sender.window -= size
            self.window -= size
            self._put(http2.data(sender.stream_id, content[:size], FRAME_BYTES))
        if has_turn:
            self._pass_turn(sender)
        return size

    async def room(self, sender: Sender) -> None:
        """Waits until there may be room. Who is told writes, or is cancelled, or leaves."""
        if sender.window > 0:
            self._line[sender.stream_id] = sender
        try:
            await sender.news.wait()
        except asyncio.CancelledError:
            self.leave(sender)
            raise

    def leave(self, sender: Sender) -> None:
        """Writes no more."""
        self._line.pop(sender.stream_id, None)
        self._pass_turn(sender)

    def resume(self) -> None:
        """There may be room again."""
        if self._line and self._turn is None and self.window > 0 and not self.paused:
            self._turn = self._line.popitem(last=False)[1]
            self._turn.news.tell()

    def _pass_turn(self, sender: Sender) -> None:
        if self._turn is sender:
            self._turn = None
            self.resume()


def widen(sender: Sender, by: int) -> None:
    """Changes the window of a stream, and tells who waits for it."""
    waited = sender.window <= 0
    sender.window += by
    if waited and sender.window > 0:
        sender.news.tell()
