"""Where opened streams wait for the word to go."""

import asyncio

from benchmarks.agents.stream import Stream
from benchmarks.wire.plan import Kind


class Stage:
    """The streams that wait, in the order in which they opened."""

    def __init__(self) -> None:
        self._waiting: dict[Stream, None] = {}

    def add(self, stream: Stream) -> None:
        match stream.plan.kind:
            case Kind.BURST | Kind.PACED:
                self._waiting[stream] = None
            case Kind.BRIEF:
                stream.burst()
            case Kind.ANSWER | Kind.HOLD:
                pass

    def remove(self, stream: Stream) -> None:
        stream.closed = True
        self._waiting.pop(stream, None)

    def go(self, events_per_s: float) -> int:
        """Lets all that wait go, the paced ones at `events_per_s` all together. How many there were."""
        streams = list(self._waiting)
        self._waiting.clear()
        paced = [stream for stream in streams if stream.plan.kind is Kind.PACED]
        for stream in streams:
            if stream.plan.kind is Kind.BURST:
                stream.burst()
        if paced:
            _Schedule(paced, events_per_s).run()
        return len(streams)


class _Schedule:
    """One event after the other, stream by stream, evenly over the second, each in a write of its own.

    The loop's clock ticks once a millisecond: above 1,000 events/s those due in one tick follow
    each other at once, each on another stream.
    """

    def __init__(self, streams: list[Stream], events_per_s: float) -> None:
        self._streams = streams
        self._interval_s = 1 / events_per_s
        self._total = len(streams) * streams[0].plan.events
        self._sent = 0
        self._loop = asyncio.get_running_loop()
        self._began_at = self._loop.time()

    def run(self) -> None:
        due = min(int((self._loop.time() - self._began_at) / self._interval_s) + 1, self._total)
        while self._sent < due:
            self._streams[self._sent % len(self._streams)].send_next()
            self._sent += 1
        if self._sent < self._total:
            self._loop.call_at(self._began_at + self._sent * self._interval_s, self.run)
