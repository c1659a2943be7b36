"""What came of one call, as it came; and how many calls of a run have come how far."""

import asyncio
from dataclasses import dataclass, field

from benchmarks.wire.plan import Plan, now_us


class Progress:
    """Counts the calls that have opened and ended."""

    def __init__(self) -> None:
        self.opened = 0
        self.ended = 0
        self._opening: tuple[int, asyncio.Future[None]] | None = None
        self._ending: tuple[int, asyncio.Future[None]] | None = None

    def on_opened(self) -> None:
        self.opened += 1
        _tell(self._opening, self.opened)

    def on_ended(self) -> None:
        self.ended += 1
        _tell(self._ending, self.ended)

    async def until_opened(self, count: int, within_s: float) -> None:
        """Raises TimeoutError where fewer have opened in time."""
        self._opening = (count, asyncio.get_running_loop().create_future())
        await _told(self._opening, self.opened, within_s)

    async def until_ended(self, count: int, within_s: float) -> None:
        """Raises TimeoutError where fewer have ended in time."""
        self._ending = (count, asyncio.get_running_loop().create_future())
        await _told(self._ending, self.ended, within_s)


def _tell(waiting: tuple[int, asyncio.Future[None]] | None, count: int) -> None:
    if waiting and count >= waiting[0] and not waiting[1].done():
        waiting[1].set_result(None)


async def _told(waiting: tuple[int, asyncio.Future[None]], count: int, within_s: float) -> None:
    _tell(waiting, count)
    async with asyncio.timeout(within_s):
        await waiting[1]


@dataclass(slots=True)
class Recording:
    """One call. The body of HTTP/1.1 has its head and chunks, that of HTTP/2 is without frames."""

    plan: Plan
    progress: Progress
    asked_us: int = 0
    first_us: int = 0
    """When the first event was whole; 0 before that."""
    ended_us: int = 0
    body: bytearray = field(default_factory=bytearray)
    marks: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """After each read: how long the body was by then, and the time in µs."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    """Headers and trailers of HTTP/2."""
    cut: str = ""
    """Why it ended other than by the wire's own end."""

    def open(self, at_us: int) -> None:
        self.first_us = at_us
        self.progress.on_opened()

    def end(self, cut: str = "") -> None:
        self.ended_us = now_us()
        self.cut = cut
        if not self.first_us:
            self.open(self.ended_us)
        self.progress.on_ended()
