"""A task that another gateway works on, followed through the store."""

import asyncio

import structlog

from gateway.errors import ErrorKind, GatewayFault
from gateway.settings.tasks import TaskSettings
from gateway.tasks.journal import store_away
from gateway.tasks.lifecycle import PHASES, Phase
from gateway.tasks.log import Bounds, Item, Log
from gateway.tasks.store import Entry, Record, Store, StoreUnavailable
from generated.a2a.v1.a2a_pb import Task, TaskState, TaskStatusUpdateEvent

_log = structlog.get_logger("a2a_gateway.tasks")


class Follower:
    """Fills a log with what the store gets, for as long as somebody reads it."""

    def __init__(self, record: Record, store: Store, settings: TaskSettings) -> None:
        self.id = record.task.id
        self.log = Log(
            record.epoch, record.seq, Bounds(settings.buffer_events, settings.buffer_bytes), draft=lambda: None
        )
        self.readers = 0
        self._store = store
        self._settings = settings
        self._woken = asyncio.Event()
        self._following = asyncio.create_task(self._follow())

    def wake(self) -> None:
        """There may be something new."""
        self._woken.set()

    async def close(self) -> None:
        self._following.cancel()
        await asyncio.wait((self._following,))
        self.log.end(store_away())

    async def _follow(self) -> None:
        while not self.log.ended:
            self._woken.clear()
            try:
                entries = await self._store.events(self.id, self.log.seq, self._settings.page_events)
            except StoreUnavailable as error:
                _log.warning("the task store cannot be read", task=self.id, error=str(error))
                self.log.interrupt(store_away())
                entries = ()
            except Exception:
                _log.exception("unexpected error", task=self.id)
                self.log.end(GatewayFault(ErrorKind.INTERNAL_ERROR, "The task cannot be followed"))
                return
            if entries and entries[0].seq != self.log.seq + 1:
                self.log.end(events_gone())
                return
            if entries:
                self.log.publish([item_of(entry) for entry in entries])
                self.log.written(entries[-1].seq)
                if is_final(entries[-1]):
                    self.log.end()
                # A reader gets its turn before the next page.
                await asyncio.sleep(0)
                continue
            await _either(self._woken, self._store.poll_s)


def events_gone() -> GatewayFault:
    return GatewayFault(ErrorKind.OUT_OF_RANGE, "This reader was slower than events are kept; subscribe again")


def item_of(entry: Entry) -> Item:
    return Item(entry.response, entry.epoch, entry.seq, len(entry.response.to_binary()))


def is_final(entry: Entry) -> bool:
    """Whether nothing can follow an event."""
    return PHASES.get(state_after(entry.response.payload and entry.response.payload.value)) is Phase.TERMINAL


def state_after(update: object) -> TaskState:
    """The state that an update, or the whole task, says; UNSPECIFIED where it says none."""
    if isinstance(update, TaskStatusUpdateEvent | Task) and update.status is not None:
        return update.status.state
    return TaskState.UNSPECIFIED


async def _either(event: asyncio.Event, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        pass
