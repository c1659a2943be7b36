"""What one caller sees of a task: a snapshot or what it missed, then the live tail.

It reads from memory; where that does not reach back far enough, page by page from the store until
it does. So a slow caller costs itself time and nobody memory.
"""

from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from dataclasses import dataclass

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct, Value

from gateway.agent import Burst, Event, Head
from gateway.codec.jsontext import JsonValue
from gateway.deltas.values import object_of
from gateway.tasks.cursor import RESUME_URI, Cursors, GapReason
from gateway.tasks.follower import events_gone, is_final, item_of, state_after
from gateway.tasks.journal import store_away
from gateway.tasks.lifecycle import Phase, phase_of
from gateway.tasks.log import FellBehind, Item, Log, Moved, Reader
from gateway.tasks.store import Store, StoreUnavailable
from generated.a2a.v1.a2a_pb import (
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatusUpdateEvent,
)


@dataclass(frozen=True, slots=True)
class View:
    """How a caller wants to see a task."""

    deltas: bool
    """It speaks the delta extension."""
    marked: bool
    """It wants cursors in the metadata of events, as callers without SSE do."""
    page_events: int
    answers: bool = False
    """It answers a message: where the task then waits for its caller already, there is nothing to follow."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a task can be followed: how it stands, and the log of what comes after `seq`."""

    task: Task
    seq: int
    log: Log
    when_left: Callable[[], None]
    """To be called once."""


class TaskStream:
    """The events of one task from a point on."""

    def __init__(
        self,
        head: Head,
        first: StreamResponse | None,
        after: int,
        source: Source,
        find: Callable[[], Awaitable[Source]],
        store: Store,
        task_id: str,
        cursors: Cursors,
        view: View,
    ) -> None:
        """`find` says where to go on when the task leaves `source`. Raises GatewayError."""
        self.head = head
        self._first = first
        self._seq = after
        self._log = source.log
        self._when_left: Callable[[], None] | None = source.when_left
        self._find = find
        self._store = store
        self._task_id = task_id
        self._cursors = cursors
        self._view = view
        self._done = False
        # Taken together with the snapshot, so that nothing is between them.
        self._reader: Reader | None = self._log.follow(after, deltas=view.deltas)

    async def burst(self) -> Burst | None:
        if self._first is not None:
            first, self._first = self._first, None
            self._done = self._view.answers and _asks(first)
            return [self._event(first, self._cursors.write(self._log.epoch, self._seq), len(first.to_binary()))]
        if self._done:
            return None
        items = await self._more()
        if items is None:
            return None
        last = items[-1]
        # A caller that is asked for something is to answer; what it missed before that is no question any more.
        self._done = self._done or (_asks(last.response) and last.seq >= self._log.seq)
        return [self._event(item.response, self._cursor(item), item.size) for item in items]

    async def close(self) -> None:
        self._let_go()
        self._leave()

    async def _more(self) -> Sequence[Item] | None:
        while True:
            if self._reader is not None:
                try:
                    items = await self._reader.read()
                except FellBehind:
                    self._let_go()
                    continue
                except Moved:
                    await self._move()
                    continue
                if items is not None:
                    self._seq = self._reader.seq
                return items
            items = await self._page()
            self._reader = self._log.follow(self._seq, deltas=self._view.deltas)
            if items:
                return items

    async def _page(self) -> list[Item]:
        """The next events from the store, or what stands for those that are no longer there. Raises GatewayFault."""
        try:
            entries = await self._store.events(self._task_id, self._seq, self._view.page_events)
        except StoreUnavailable:
            raise store_away() from None
        kept = entries[0].seq == self._seq + 1 if entries else self._log.follow(self._seq, deltas=False) is not None
        if not kept:
            return [await self._gap()]
        if entries:
            self._seq = entries[-1].seq
            self._done = is_final(entries[-1])
        return [item_of(entry) for entry in entries]

    async def _gap(self) -> Item:
        """The task as it stands, for a caller that was slower than its events are kept."""
        try:
            record = await self._store.load(self._task_id)
        except StoreUnavailable:
            raise store_away() from None
        if record is None:
            raise events_gone()
        self._seq = record.seq
        self._done = phase_of(record.task) is Phase.TERMINAL
        snapshot = StreamResponse(payload=Oneof("task", record.task))
        gap = marked(snapshot, {"gap": GapReason.EXPIRED.value})
        return Item(gap, record.epoch, record.seq, len(gap.to_binary()))

    async def _move(self) -> None:
        self._let_go()
        self._leave()
        source = await self._find()
        self._log, self._when_left = source.log, source.when_left

    def _leave(self) -> None:
        when_left, self._when_left = self._when_left, None
        if when_left is not None:
            when_left()

    def _let_go(self) -> None:
        if self._reader is not None:
            self._seq = self._reader.seq
            self._reader.close()
            self._reader = None

    def _cursor(self, item: Item) -> str:
        return "" if item.is_delta else self._cursors.write(item.epoch, item.seq)

    def _event(self, response: StreamResponse, cursor: str, size_bytes: int) -> Event:
        if self._view.marked and cursor:
            response = marked(response, {"cursor": cursor})
        return Event(response, cursor, size_bytes)


def _asks(response: StreamResponse) -> bool:
    return state_after(response.payload and response.payload.value) is TaskState.INPUT_REQUIRED


def marked(response: StreamResponse, mark: dict[str, JsonValue]) -> StreamResponse:
    """The event with `mark` joined to what its metadata has under the extension; the given one stays as it is."""
    assert response.payload is not None
    inner = copy(response.payload.value)
    assert isinstance(inner, Task | TaskStatusUpdateEvent | TaskArtifactUpdateEvent)
    metadata = dict(inner.metadata.fields) if inner.metadata is not None else {}
    match metadata.get(RESUME_URI):
        case Value(kind=Oneof(value=Struct() as there)):
            # A gap that the event tells of stays told, whatever is said beside it.
            mark = {**object_of(there), **mark}
        case _:
            pass
    metadata.update(Struct.from_python({RESUME_URI: mark}).fields)
    inner.metadata = Struct(fields=metadata)
    match inner:
        case Task():
            return StreamResponse(payload=Oneof("task", inner))
        case TaskStatusUpdateEvent():
            return StreamResponse(payload=Oneof("status_update", inner))
        case TaskArtifactUpdateEvent():
            return StreamResponse(payload=Oneof("artifact_update", inner))
