"""One open response: sends the events of its plan as far as its wire takes them."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque

from benchmarks.wire.events import Updates
from benchmarks.wire.plan import Plan, now_us

BLOCK_EVENTS = 128
"""How many events of a burst are written before other streams have their turn."""


class Stream(ABC):
    """A response under way. A wire says how much it takes, and calls `on_room` when that was not enough."""

    def __init__(self, plan: Plan, updates: Updates) -> None:
        self.plan = plan
        self.closed = False
        self._updates = updates
        self._number = 0
        self._bursting = False
        self._late: deque[bytes] = deque()

    @abstractmethod
    def room(self) -> int:
        """How many events may be written now."""

    @abstractmethod
    def write(self, data: bytes, events: int) -> None:
        """Writes encoded updates."""

    @abstractmethod
    def finish(self) -> None:
        """Writes the completion and the end of the stream, once there is room for them."""

    def burst(self) -> None:
        """Sends everything that is left as fast as it is taken."""
        self._bursting = True
        if self.closed:
            return
        count = min(self.room(), BLOCK_EVENTS, self.plan.events - self._number)
        if count > 0:
            self.write(self._updates.block(self._number, self._number + count), count)
            self._number += count
        if self._number == self.plan.events:
            self.finish()
        elif count > 0:
            asyncio.get_running_loop().call_soon(self.burst)

    def send_next(self) -> None:
        """Sends one event, stamped; what finds no room waits in its place and keeps its stamp."""
        if self.closed:
            return
        event = self._updates.one(self._number, now_us())
        self._number += 1
        if self._late or self.room() < 1:
            self._late.append(event)
        else:
            self.write(event, 1)
            self._finish_paced()

    def on_room(self) -> None:
        """There is room again."""
        if self.closed:
            return
        if self._bursting:
            self.burst()
            return
        while self._late and self.room() > 0:
            self.write(self._late.popleft(), 1)
        self._finish_paced()

    def _finish_paced(self) -> None:
        if self._number == self.plan.events and not self._late and self._number:
            self.finish()
