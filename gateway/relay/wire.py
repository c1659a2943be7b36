"""Who is shown what crosses the edges: the wire, and feeds that hold its frames for slow readers.

While nobody looks, a frame costs the look at one flag. A feed that is full takes no more until it is
read, and says how many it left out.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.agent import Crossing
from gateway.settings import Limits

Show = Callable[[Crossing], None]


class Wire:
    """The `Watch` of every call: shows each frame to all who look at that moment."""

    def __init__(self) -> None:
        self.looking = False
        """Whether anybody does."""
        self._shown: tuple[Show, ...] = ()

    def __call__(self, crossing: Crossing) -> None:
        for show in self._shown:
            show(crossing)

    @contextmanager
    def shown_to(self, show: Show) -> Iterator[None]:
        """Shows every frame, from now on, for as long as the block runs."""
        self._set((*self._shown, show))
        try:
            yield
        finally:
            self._set(tuple(one for one in self._shown if one is not show))

    def _set(self, shown: tuple[Show, ...]) -> None:
        self._shown = shown
        self.looking = bool(shown)


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame, and when it crossed: seconds of `time.perf_counter`, finer than the event loop's clock."""

    at_s: float
    crossing: Crossing


@dataclass(slots=True)
class Missed:
    """That frames crossed here which the feed had no room for."""

    frames: int


class Feed:
    """Frames that wait for one reader. Called with a crossing, it takes that or counts it as missed."""

    def __init__(self, limits: Limits) -> None:
        self._most_frames = limits.wire_frames
        self._most_bytes = limits.wire_bytes
        self._waiting: deque[Seen | Missed] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
        self.ended = False

    def __call__(self, crossing: Crossing) -> None:
        if self.ended:
            return
        size = len(crossing.frame)
        # A frame that is larger than the bound all by itself still passes through an empty feed.
        fits = not self._waiting or self._bytes + size <= self._most_bytes
        if fits and len(self._waiting) < self._most_frames:
            self._waiting.append(Seen(time.perf_counter(), crossing))
            self._bytes += size
        elif isinstance(last := self._waiting[-1], Missed):
            last.frames += 1
        else:
            self._waiting.append(Missed(1))
        self._news.set()

    def end(self) -> None:
        """Nothing follows; what waits can still be read."""
        self.ended = True
        self._news.set()

    async def read(self, most: int, within_s: float) -> Sequence[Seen | Missed]:
        """What waits, at most so many; empty where nothing came in time or nothing will."""
        if not self._waiting and not self.ended:
            self._news.clear()
            try:
                async with asyncio.timeout(within_s):
                    await self._news.wait()
            except TimeoutError:
                return ()
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._bytes -= sum(len(one.crossing.frame) for one in taken if isinstance(one, Seen))
        return taken
