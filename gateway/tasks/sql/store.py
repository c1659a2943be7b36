"""The store: the port `gateway.tasks.store.Store` on a database and on the notices that go with it."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from gateway.settings.values import ConfigurationError
from gateway.tasks.sql import hooks, listing, ownership, pruning, tables, tasklog
from gateway.tasks.sql.database import Database, T
from gateway.tasks.sql.notices import Listening, Notices, Silence
from gateway.tasks.sql.postgres import PostgresDatabase
from gateway.tasks.sql.sqlite import SqliteDatabase
from gateway.tasks.sql.subscriptions import SqlSubscriptions
from gateway.tasks.sql.tables import is_storable
from gateway.tasks.sql.url import PostgresServer, place_of
from gateway.tasks.store import (
    Command,
    Entry,
    Fenced,
    Hook,
    Page,
    Pruned,
    Query,
    Record,
    Retention,
    Store,
    StoreUnavailable,
)
from gateway.tasks.subscriptions import Subscriptions
from generated.a2a.v1.a2a_pb import Message, StreamResponse, Task

SQLITE_POLL_S = 0.25
POSTGRES_POLL_S = 5.0
"""Notices come at once; this is for the one that a gateway's death has swallowed."""
FOLD_HERE_BYTES = 256 * 1024
"""A task larger than this is folded in a thread, so that others need not wait."""
SECRET_BYTES = 32


def open_store(url: str) -> Store:
    """The store that a URL names, not connected yet: `sqlite:///FILE`, `sqlite://`, `postgresql://…`.

    PostgreSQL takes the options of libpq, and `?search_path=SCHEMA`. Raises ConfigurationError.
    """
    place = place_of(url)
    if isinstance(place, PostgresServer):
        database = PostgresDatabase(place)
        return SqlStore(database, Listening(database.connect), POSTGRES_POLL_S)
    return SqlStore(SqliteDatabase(place), Silence(), SQLITE_POLL_S)


class SqlStore:
    """Owned tasks in a database of SQL. `open` it before anything else but `watch`."""

    def __init__(self, database: Database, notices: Notices, poll_s: float) -> None:
        self._database = database
        self._notices = notices
        self._poll_s = poll_s
        self._secret = b""
        self._subscriptions = SqlSubscriptions(database)

    @property
    def secret(self) -> bytes:
        return self._secret

    @property
    def poll_s(self) -> float:
        return self._poll_s

    @property
    def subscriptions(self) -> Subscriptions:
        return self._subscriptions

    async def open(self) -> None:
        try:
            await self._database.open()
        except ConfigurationError:
            await self.close()
            raise
        self._secret = await self._database.write(_secret)
        self._notices.open()

    async def close(self) -> None:
        await self._notices.close()
        await self._database.close()

    def watch(self, on_task: Callable[[str], None], on_command: Callable[[], None]) -> None:
        self._notices.watch(on_task, on_command)

    # Tasks and events.

    async def create(self, record: Record, hooks: Sequence[Hook] = ()) -> None:
        if not is_storable(record.task.id):
            raise ValueError("a task's id is 1 to 1,000 bytes of text without NUL")
        await self._database.write(_create, record, hooks)

    async def load(self, task_id: str) -> Record | None:
        if not is_storable(task_id):
            return None
        stored = await self._database.read(tasklog.load, task_id)
        return None if stored is None else await _folded(stored, stored.record)

    async def append(
        self, task_id: str, epoch: int, entries: Sequence[Entry], snapshot: Task | None = None, *, owned: bool = True
    ) -> bool:
        if not is_storable(task_id):
            raise Fenced
        batch = tasklog.Batch(task_id, epoch, entries, snapshot, owned)
        if batch.is_conditional:
            appended = await self._database.write(tasklog.append_unless_told, batch)
        else:
            appended = await self._database.write_once(tasklog.append, batch)
        self._notices.task(task_id)
        if appended.is_snapshot_due:
            await self._resnap(task_id)
        return appended.is_given_back

    async def _resnap(self, task_id: str) -> None:
        """Writes a snapshot of what is there. What was appended is safe whatever becomes of this."""
        try:
            stored = await self._database.read(tasklog.load, task_id)
            if stored is not None:
                task = await _folded(stored, stored.task)
                await self._database.write(tasklog.resnap, stored, task)
        except StoreUnavailable:
            # The next append finds it still due.
            return

    async def events(self, task_id: str, after: int, limit: int) -> Sequence[Entry]:
        if not is_storable(task_id):
            return ()
        rows = await self._database.read(tasklog.read, task_id, after, limit)
        return [Entry(row.seq, row.epoch, StreamResponse.from_binary(row.response)) for row in rows]

    async def list(self, query: Query) -> Page:
        after = listing.place_of(query.page_token, query, self._secret) if query.page_token else None
        found = await self._database.read(listing.page, query, after)
        tasks = [await _folded(stored, stored.task) for stored in found.tasks]
        token = "" if found.end is None else listing.token_of(found.end, query, self._secret)
        return Page(tasks, token, found.total)

    async def prune(self, retention: Retention, limit: int) -> Pruned:
        write = self._database.write
        gone: list[str] = []
        for task_id in await self._database.read(pruning.ended_tasks, retention, limit):
            while dropped := await write(pruning.drop_task, task_id, retention):
                pass
            if dropped is None:
                gone.append(task_id)
        events = 0
        for task_id in await self._database.read(pruning.tasks_with_old_events, retention, limit):
            while (step := min(limit - events, pruning.STEP_EVENTS)) > 0:
                dropped = await write(pruning.drop_old_events, task_id, retention, step)
                events += dropped
                if dropped < step:
                    break
        return Pruned(len(gone), events, tuple(gone))

    # Several gateways.

    async def beat(self, gateway: str, lease_s: float) -> None:
        # A beat that waited for the appends of a busy moment would come too late.
        await self._database.write_first(ownership.beat, gateway, lease_s)

    async def leave(self, gateway: str) -> None:
        await self._database.write_once(ownership.leave, gateway)

    async def claim(self, task_id: str, gateway: str, *, own: bool = False) -> Record | None:
        if not is_storable(task_id):
            return None
        stored = await self._database.write(ownership.claim, task_id, gateway, own)
        return None if stored is None else await _folded(stored, stored.record)

    async def claim_orphans(self, gateway: str, limit: int) -> Sequence[Record]:
        claimed = await self._database.write(ownership.claim_orphans, gateway, limit)
        return [await _folded(stored, stored.record) for stored in claimed]

    async def owned(self, gateway: str) -> Sequence[str]:
        return await self._database.read(ownership.owned, gateway)

    async def waiting_since(self, before: datetime, limit: int) -> Sequence[str]:
        return await self._database.read(pruning.waiting_since, before, limit)

    async def remove(self, task_id: str, epoch: int) -> None:
        if is_storable(task_id):
            await self._database.write(pruning.remove, task_id, epoch)

    async def tell(self, task_id: str, message: Message | None) -> bool:
        if not is_storable(task_id):
            return False
        told = await self._database.write(ownership.tell, task_id, message)
        if told:
            self._notices.command()
        return told

    async def commands(self, gateway: str, limit: int) -> Sequence[Command]:
        return await self._database.write_once(ownership.take_commands, gateway, limit)

    # Push notification configurations.

    async def put_hook(self, task_id: str, hook: Hook) -> None:
        if not is_storable(task_id):
            raise ValueError("there is no such task")
        await self._database.write_once(hooks.put, task_id, hook)
        self._notices.task(task_id)

    async def hooks(self, task_id: str) -> Sequence[Hook]:
        return await self._database.read(hooks.of_task, task_id) if is_storable(task_id) else ()

    async def delete_hook(self, task_id: str, hook_id: str) -> bool:
        removed = is_storable(task_id) and await self._database.write_once(hooks.remove, task_id, hook_id)
        if removed:
            self._notices.task(task_id)
        return removed


def _create(connection: Connection, record: Record, configurations: Sequence[Hook]) -> None:
    tasklog.create(connection, record)
    for hook in configurations:
        hooks.put(connection, record.task.id, hook)


def _secret(connection: Connection) -> bytes:
    """The one that the first gateway made."""
    row = ownership.INSERT[connection.dialect.name](tables.store)
    connection.execute(row.values(name="secret", value=secrets.token_bytes(SECRET_BYTES)).on_conflict_do_nothing())
    return connection.execute(select(tables.store.c.value).where(tables.store.c.name == "secret")).scalar_one()


async def _folded(stored: tasklog.Stored, fold: Callable[[], T]) -> T:
    return await asyncio.to_thread(fold) if stored.bytes > FOLD_HERE_BYTES else fold()
