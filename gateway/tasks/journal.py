"""What of a task is still to be written, and the writing: gathered for a moment, in order, tried until it is done.

Nothing here knows what an entry means. Whoever keeps a journal is told when something is durable,
when the store has been away for too long, and when the task is no longer this gateway's.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from gateway.errors import ErrorKind, GatewayFault
from gateway.settings.tasks import TaskSettings
from gateway.tasks.store import Entry, Fenced, Store, StoreUnavailable
from generated.a2a.v1.a2a_pb import Task

_log = structlog.get_logger("a2a_gateway.tasks")

_FIRST_RETRY_S = 0.1
_LAST_RETRY_S = 2.0


def store_away() -> GatewayFault:
    return GatewayFault(ErrorKind.UNAVAILABLE, "The task store cannot be reached")


class ChangedHands(GatewayFault):
    """Another gateway works on the task from now on: readers go on there."""

    def __init__(self) -> None:
        super().__init__(ErrorKind.UNAVAILABLE, "Another gateway has taken over the task; subscribe again")


class Keeper(Protocol):
    """Who keeps a journal."""

    def wrote(self, entries: Sequence[Entry], snapshot: Task | None) -> None:
        """These are durable; `snapshot` is the task with them, and no later ones, folded in, if it was written too."""
        ...

    def store_is_away(self) -> None:
        """Writing has been tried for longer than readers should wait; it is tried on."""
        ...

    def was_lost(self, failure: GatewayFault) -> None:
        """Nothing can be written any more."""
        ...


class Journal:
    """The entries of one task, in one epoch, on their way to the store."""

    def __init__(
        self,
        task_id: str,
        epoch: int,
        seq: int,
        store: Store,
        settings: TaskSettings,
        snapshot: Callable[[], Task],
        keeper: Keeper,
    ) -> None:
        self.written = seq
        """The last entry that is durable."""
        self.is_given_back = False
        """Whether the store says that no gateway runs the task any more."""
        self._task_id = task_id
        self._epoch = epoch
        self._store = store
        self._settings = settings
        self._snapshot = snapshot
        self._keeper = keeper
        self._entries: list[Entry] = []
        self._needs_snapshot = False
        self._owned = True
        self._closed = False
        self._dirty = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._writing = asyncio.Lock()
        self._writes: set[asyncio.Task[None]] = set()
        self._writer = asyncio.create_task(self._write_batches())

    def add(self, entry: Entry, *, needs_snapshot: bool) -> None:
        """To be written. `needs_snapshot`: the state or the history changed with it."""
        self._entries.append(entry)
        self._needs_snapshot |= needs_snapshot
        self._dirty.set()

    def renew_snapshot(self) -> None:
        """Something changed that no entry says."""
        self._needs_snapshot = True
        self._dirty.set()

    def give_back(self) -> None:
        """What is written from now on gives the task back to the store."""
        self._owned = False

    async def have_room(self) -> None:
        """Waits while too much is not written yet."""
        if len(self._entries) >= self._settings.unwritten_events:
            self._room.clear()
            await self._room.wait()

    async def flushed(self) -> None:
        """Returns once all there is now is durable, or the journal is closed. Cancelling leaves that to go on."""
        writing = asyncio.create_task(self._write())
        self._writes.add(writing)
        writing.add_done_callback(self._writes.discard)
        await asyncio.shield(writing)

    async def verified(self) -> None:
        """Asks the store whether the task is still this gateway's; the keeper hears if it is not."""
        await self._write(anyway=True)

    def close(self) -> None:
        """Nothing more is written."""
        self._closed = True
        self._entries.clear()
        self._room.set()
        self._writer.cancel()

    async def _write_batches(self) -> None:
        while True:
            await self._dirty.wait()
            await asyncio.sleep(self._settings.write_s)
            await self._write()

    async def _write(self, *, anyway: bool = False) -> None:
        """Writes what there is, however long it takes."""
        async with self._writing:
            self._dirty.clear()
            gives_back = not self._owned and not self.is_given_back
            if self._closed or not (self._entries or self._needs_snapshot or gives_back or anyway):
                return
            entries = tuple(self._entries)
            snapshot = self._snapshot() if self._needs_snapshot else None
            self._needs_snapshot = False
            try:
                done = await self._append(entries, snapshot)
            except Fenced:
                _log.warning("the task was taken by another gateway", task=self._task_id)
                self._lose(ChangedHands())
                return
            except Exception:
                _log.exception("the task's events cannot be stored", task=self._task_id)
                self._lose(GatewayFault(ErrorKind.INTERNAL_ERROR, "The task's events could not be stored"))
                return
            if not done:
                return
            del self._entries[: len(entries)]
            if entries:
                self.written = entries[-1].seq
            self._room.set()
            self._keeper.wrote(entries, snapshot)

    async def _append(self, entries: Sequence[Entry], snapshot: Task | None) -> bool:
        """Tries until it is done; False where the journal was closed meanwhile. Raises Fenced."""
        loop = asyncio.get_running_loop()
        patience = loop.time() + self._settings.store_patience_s
        retry_s = _FIRST_RETRY_S
        while not self._closed:
            try:
                self.is_given_back = await self._store.append(
                    self._task_id, self._epoch, entries, snapshot, owned=self._owned
                )
                return not self._closed
            except StoreUnavailable as error:
                _log.warning("the task store cannot be written", task=self._task_id, error=str(error))
                if loop.time() > patience:
                    self._keeper.store_is_away()
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, _LAST_RETRY_S)
        return False

    def _lose(self, failure: GatewayFault) -> None:
        self.close()
        self._keeper.was_lost(failure)
