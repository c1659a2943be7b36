"""The newest events of one task in memory, and the readers that follow them.

A reader is a position; there is no queue for it, so one that stalls holds up nobody and costs
nothing. Who falls out of memory reads on from the store.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.errors import GatewayError
from generated.a2a.v1.a2a_pb import StreamResponse


class Item(NamedTuple):
    """Something that readers are shown."""

    response: StreamResponse
    epoch: int
    seq: int
    """Of the event in the task's log. A delta is in no log: it has that of the event before it."""
    size: int
    is_delta: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is kept in memory for readers; what is not yet written is kept in any case."""

    events: int
    bytes: int


class Log:
    """The live end of a task's log. `draft` gives what a reader of deltas has to know before the next one."""

    def __init__(self, epoch: int, seq: int, bounds: Bounds, draft: Callable[[], StreamResponse | None]) -> None:
        self.epoch = epoch
        self.seq = seq
        """Of the newest event that readers may see."""
        self.ended = False
        self.moved = False
        self.delta_readers = 0
        self.interruptions = 0
        self.failure: GatewayError | None = None
        """Why the newest interruption was."""
        self.end_failure: GatewayError | None = None
        self._bounds = bounds
        self._draft = draft
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._dropped = 0
        """How many items were before the first of `_items`."""
        self._before = seq
        """The event before the first of `_items`."""
        self._written = seq
        self._waiting: set[asyncio.Future[None]] = set()

    def publish(self, items: Sequence[Item]) -> None:
        """Shows items to every reader, in order."""
        for item in items:
            self._items.append(item)
            self._bytes += item.size
        self.seq, self.epoch = items[-1].seq, items[-1].epoch
        self._trim()
        self._wake()

    def written(self, seq: int) -> None:
        """Events up to this one are in the store, so memory may let go of them."""
        self._written = seq
        self._trim()

    def end(self, failure: GatewayError | None = None) -> None:
        """Nothing follows. With a failure: not because the task is over."""
        if not self.ended:
            self.ended, self.end_failure = True, failure
            self._wake()

    def move(self) -> None:
        """Nothing follows here, though the task is not over: it goes on from the store."""
        if not self.ended:
            self.ended = self.moved = True
            self._wake()

    def interrupt(self, failure: GatewayError) -> None:
        """Tells the readers of now, once they have read all there is, that they must come back."""
        self.failure = failure
        self.interruptions += 1
        self._wake()

    def follow(self, after: int, *, deltas: bool) -> "Reader | None":
        """A reader of what follows an event, seen or not; None where memory does not reach back that far."""
        if after < self._before:
            return None
        return Reader(self, after, deltas=deltas, root=self._draft() if deltas else None)

    def knows(self, epoch: int, seq: int) -> bool | None:
        """Whether who was told in this epoch of an event was told of the one that stands; None where
        memory does not reach back that far.

        An event is replaced only by a later epoch, so one of the same epoch or of an earlier one is the same.
        """
        if seq > self.seq:
            return False
        if seq <= self._before:
            return None
        return any(item.seq == seq and item.epoch <= epoch and not item.is_delta for item in self._items)

    @property
    def end_at(self) -> int:
        return self._dropped + len(self._items)

    def since(self, at: int) -> list[Item] | None:
        """Items from a place on; None where memory begins later."""
        start = at - self._dropped
        # A reader that keeps up is near the end, where a deque is quick to index.
        return None if start < 0 else [self._items[index] for index in range(start, len(self._items))]

    def place_after(self, seq: int) -> int:
        """The place of the first item that follows an event."""
        for index, item in enumerate(self._items):
            if item.seq > seq:
                return self._dropped + index
        return self.end_at

    async def changed(self) -> None:
        """Returns once something was published or the log has ended, from this call on."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)

    def _trim(self) -> None:
        while self._items and (len(self._items) > self._bounds.events or self._bytes > self._bounds.bytes):
            item = self._items[0]
            if item.seq > self._written:
                return
            self._items.popleft()
            self._bytes -= item.size
            self._dropped += 1
            self._before = item.seq


class Reader:
    """A position in a log."""

    def __init__(self, log: Log, after: int, *, deltas: bool, root: StreamResponse | None) -> None:
        self.seq = after
        """The last event that was read."""
        self._log = log
        log.delta_readers += deltas
        self._interruptions = log.interruptions
        self._deltas = deltas
        self._at = log.place_after(after)
        # Deltas from before now would change a draft that this reader does not have; the root replaces them.
        self._deltas_from = log.end_at
        self._root = root

    async def read(self) -> list[Item] | None:
        """What there is to read, waiting for it; None once the log has ended and all of it was read.

        Raises FellBehind where memory has let go of what comes next, Moved where the task goes on
        from the store, and the log's failure.
        """
        while True:
            at = self._at
            items = self._log.since(at)
            if items is None:
                raise FellBehind
            self._at = at + len(items)
            seen = [
                item for index, item in enumerate(items, at)
                if (item.seq > self.seq if not item.is_delta else self._deltas and index >= self._deltas_from)
            ]
            if self._root is not None and self._at >= self._deltas_from:
                before = sum(
                    index < self._deltas_from and not item.is_delta and item.seq > self.seq
                    for index, item in enumerate(items, at)
                )
                seen.insert(before, Item(self._root, self._log.epoch, self.seq, 0, is_delta=True))
                self._root = None
            if seen:
                self.seq = max(self.seq, *(item.seq for item in seen[-2:]))
                return seen
            if self._log.failure is not None and self._log.interruptions > self._interruptions:
                raise self._log.failure
            if self._log.ended:
                if self._log.end_failure is not None:
                    raise self._log.end_failure
                if self._log.moved:
                    raise Moved
                return None
            await self._log.changed()

    def close(self) -> None:
        self._log.delta_readers -= self._deltas
        self._deltas = False


class Moved(Exception):
    """The task waits in the store: what follows is read from there."""


class FellBehind(Exception):
    """A reader was slower than memory is deep: it has to read on from the store."""
