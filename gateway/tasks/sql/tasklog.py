"""Tasks and their events: a snapshot, what came after it, and how events are added under an epoch.

A snapshot is written anew when the writer gives one, and when the events since have grown as
large as it is. So an event costs the same however long its task, and loading one reads at most
twice the task.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    LargeBinary,
    Row,
    Select,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningUpdate

from gateway.operations import TERMINAL_STATES
from gateway.tasks.projection import Projection
from gateway.tasks.sql.clock import microseconds, now_us
from gateway.tasks.sql.tables import as_bytes, as_text, commands, digest, events, snapshots, tasks
from gateway.tasks.store import Entry, Fenced, Record
from generated.a2a.v1.a2a_pb import StreamResponse, Task, TaskState

AnyRow = Row[*tuple[Any, ...]]

SNAPSHOT_FLOOR_BYTES = 32 * 1024
"""Fewer bytes of events than this are not worth a snapshot."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A task as its rows say it; folding is left to whoever has the time."""

    row: AnyRow
    """Of `tasks`, with the snapshot and the request."""
    later: Sequence[bytes]
    """Every event after the snapshot."""
    left_by: str = ""

    @property
    def bytes(self) -> int:
        return len(self.row.task) + self.row.pending_bytes

    def task(self) -> Task:
        """The snapshot with every later event folded in."""
        task = Task.from_binary(self.row.task)
        if not self.later:
            return task
        projection = Projection(task)
        for response in self.later:
            projection.apply(StreamResponse.from_binary(response))
        return projection.snapshot()

    def record(self) -> Record:
        row = self.row
        return Record(
            agent=row.agent,
            principal=as_text(row.principal),
            task=self.task(),
            seq=row.seq,
            epoch=row.epoch,
            owner=row.owner,
            first_seq=row.first_seq,
            request=row.request,
            left_by=self.left_by,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What one `append` writes."""

    task_id: str
    epoch: int
    entries: Sequence[Entry]
    snapshot: Task | None
    owned: bool

    @property
    def is_conditional(self) -> bool:
        """Whether the task is given back unless there is a command for it; one that is over always is."""
        return not self.owned and not (self.snapshot is not None and _is_over(_status(self.snapshot)["state"]))


class Appended(NamedTuple):
    """What an `append` did."""

    is_snapshot_due: bool
    is_given_back: bool


def create(connection: Connection, record: Record) -> None:
    """Raises ValueError where the id is taken."""
    task = record.task
    blob = task.to_binary()
    row = {
        "id": task.id,
        "agent": record.agent,
        "principal": as_bytes(record.principal),
        "scope": digest(record.agent, record.principal),
        "context": digest(record.agent, record.principal, task.context_id),
        "owner": record.owner,
        "epoch": record.epoch,
        "seq": record.seq,
        "first_seq": record.seq + 1,
        "snapshot_seq": record.seq,
        "snapshot_bytes": len(blob),
        "pending_bytes": 0,
        "spare": 0,
        "oldest_us": 0,
        **_status(task),
    }
    try:
        connection.execute(insert(tasks), row)
    except IntegrityError:
        raise ValueError("there is a task of this id") from None
    connection.execute(insert(snapshots), {"task_id": task.id, "task": blob, "request": record.request})


WHOLE = select(tasks, snapshots.c.task, snapshots.c.request).join(snapshots, snapshots.c.task_id == tasks.c.id)
_LOAD = WHOLE.where(tasks.c.id == bindparam("id"))
_LATER = (
    select(events.c.response)
    .where(events.c.task_id == bindparam("id"), events.c.seq > bindparam("after"), events.c.seq <= bindparam("upto"))
    .order_by(events.c.seq)
)


def load(connection: Connection, task_id: str) -> Stored | None:
    while row := connection.execute(_LOAD, {"id": task_id}).one_or_none():
        if stored := with_later(connection, row):
            return stored
    return None


def with_later(connection: Connection, row: AnyRow) -> Stored | None:
    """The row of a task with the events after its snapshot; None where a newer snapshot has let them go."""
    if row.seq == row.snapshot_seq:
        return Stored(row, ())
    span = {"id": row.id, "after": row.snapshot_seq, "upto": row.seq}
    later = connection.execute(_LATER, span).scalars().all()
    return Stored(row, later) if len(later) == row.seq - row.snapshot_seq else None


_EVENTS = (
    select(events.c.seq, events.c.epoch, events.c.response)
    .where(events.c.task_id == bindparam("id"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
    .limit(bindparam("limit"))
)


def read(connection: Connection, task_id: str, after: int, limit: int) -> Sequence[AnyRow]:
    return connection.execute(_EVENTS, {"id": task_id, "after": after, "limit": limit}).all()


_STATE = select(tasks.c.state).where(tasks.c.id == bindparam("id")).with_for_update()
_TOLD = select(commands.c.id).where(commands.c.task_id == bindparam("id")).limit(1)


def append_unless_told(connection: Connection, batch: Batch) -> Appended:
    """`append` that gives the task back only where no command waits. Needs a transaction."""
    # The lock comes first: a command that is being left now is seen by the next statement.
    state = connection.execute(_STATE, {"id": batch.task_id}).scalar_one_or_none()
    if state is not None and not _is_over(state):
        told = connection.execute(_TOLD, {"id": batch.task_id}).one_or_none() is not None
        batch = replace(batch, owned=told)
    return append(connection, batch)


def append(connection: Connection, batch: Batch) -> Appended:
    """Adds events. Raises Fenced.

    Done again after its outcome was lost, it changes nothing: of one epoch there is one writer.
    """
    blobs = [entry.response.to_binary() for entry in batch.entries]
    values: dict[str, Any] = {
        "of_task": batch.task_id,
        "of_epoch": batch.epoch,
        "count": len(blobs),
        "bytes": sum(map(len, blobs)),
    }
    if blobs:
        values["before"] = batch.entries[0].seq - 1
    if batch.snapshot is not None:
        blob = batch.snapshot.to_binary()
        values |= {"blob": blob, "blob_bytes": len(blob)}
        values |= {f"new_{name}": value for name, value in _status(batch.snapshot).items()}
    shape = (bool(blobs), batch.snapshot is not None, batch.owned)
    write = _append_at_once if connection.dialect.name == "postgresql" else _append_in_steps
    row = write(connection, shape, values, batch.entries, blobs)
    if row is None:
        return Appended(False, _explain(connection, batch) == "")
    return Appended(row.pending_bytes > max(SNAPSHOT_FLOOR_BYTES, row.snapshot_bytes), not batch.owned)


def _append_in_steps(
    connection: Connection,
    shape: tuple[bool, bool, bool],
    values: dict[str, Any],
    entries: Sequence[Entry],
    blobs: Sequence[bytes],
) -> AnyRow | None:
    row = connection.execute(_advance(*shape), values).one_or_none()
    if row is None:
        return None
    if "blob" in values:
        connection.execute(_RESNAP, {"of_task": values["of_task"], "blob": values["blob"]})
    if blobs:
        task_id = values["of_task"]
        # The driver's own form: SQLAlchemy's handling of a row costs more than SQLite's.
        connection.exec_driver_sql(
            _INSERT_SQLITE,
            [
                (task_id, entry.seq, entry.epoch, row.written_us, blob)
                for entry, blob in zip(entries, blobs, strict=True)
            ],
        )
    return row


_INSERT_SQLITE = "INSERT INTO a2a_events (task_id, seq, epoch, written_us, response) VALUES (?, ?, ?, ?, ?)"
_RESNAP = update(snapshots).where(snapshots.c.task_id == bindparam("of_task")).values(task=bindparam("blob"))


def _append_at_once(
    connection: Connection,
    shape: tuple[bool, bool, bool],
    values: dict[str, Any],
    entries: Sequence[Entry],
    blobs: Sequence[bytes],
) -> AnyRow | None:
    if blobs:
        values |= {"epochs": [entry.epoch for entry in entries], "responses": list(blobs)}
    return connection.execute(_advance_and_insert(*shape), values).one_or_none()


@lru_cache
def _advance(has_entries: bool, has_snapshot: bool, owned: bool) -> ReturningUpdate[*tuple[Any, ...]]:
    """Moves a task on, if the epoch is still its own."""
    seq = tasks.c.seq + bindparam("count", type_=BigInteger)
    values: dict[str, Any] = {
        "seq": seq,
        "pending_bytes": tasks.c.pending_bytes + bindparam("bytes", type_=BigInteger),
        "oldest_us": case((tasks.c.first_seq > tasks.c.seq, now_us()), else_=tasks.c.oldest_us),
    }
    if has_snapshot:
        values |= {
            "snapshot_seq": seq,
            "snapshot_bytes": bindparam("blob_bytes", type_=BigInteger),
            "pending_bytes": literal(0, BigInteger),
            "spare": seq - tasks.c.first_seq + 1,
            "state": bindparam("new_state"),
            "status_us": bindparam("new_status_us"),
        }
    if not owned:
        values["owner"] = ""
    statement = update(tasks).where(tasks.c.id == bindparam("of_task"), tasks.c.epoch == bindparam("of_epoch"))
    if has_entries:
        statement = statement.where(tasks.c.seq == bindparam("before"))
    return statement.values(values).returning(
        tasks.c.id, tasks.c.pending_bytes, tasks.c.snapshot_bytes, now_us().label("written_us")
    )


@lru_cache
def _advance_and_insert(has_entries: bool, has_snapshot: bool, owned: bool) -> Select[*tuple[Any, ...]]:
    """The same with all that hangs on it, in one statement of PostgreSQL."""
    advanced = _advance(has_entries, has_snapshot, owned).cte("advanced")
    whole = select(advanced)
    if has_snapshot:
        resnap = update(snapshots).where(snapshots.c.task_id == advanced.c.id)
        whole = whole.add_cte(resnap.values(task=bindparam("blob")).cte("resnap"))
    if has_entries:
        rows = (
            func.unnest(bindparam("epochs", type_=ARRAY(BigInteger)), bindparam("responses", type_=ARRAY(LargeBinary)))
            .table_valued("epoch", "response", with_ordinality="place")
            .render_derived()
        )
        chosen = select(
            advanced.c.id,
            bindparam("before", type_=BigInteger) + rows.c.place,
            rows.c.epoch,
            advanced.c.written_us,
            rows.c.response,
        ).select_from(advanced.join(rows, true()))
        added = insert(events).from_select(["task_id", "seq", "epoch", "written_us", "response"], chosen)
        whole = whole.add_cte(added.cte("added"))
    return whole


_WHERE_IT_STANDS = select(tasks.c.epoch, tasks.c.seq, tasks.c.owner).where(tasks.c.id == bindparam("id"))


def _explain(connection: Connection, batch: Batch) -> str:
    """Why a task was not moved on: raises, or it had been moved before; its owner then."""
    row = connection.execute(_WHERE_IT_STANDS, {"id": batch.task_id}).one_or_none()
    if row is None or row.epoch != batch.epoch:
        raise Fenced
    if not batch.entries or row.seq < batch.entries[-1].seq:
        raise ValueError("the events do not follow those that are there")
    return row.owner


def resnap(connection: Connection, stored: Stored, task: Task) -> None:
    """Puts a task that was folded in the place of its snapshot, unless that has changed."""
    row, blob = stored.row, task.to_binary()
    folded = sum(map(len, stored.later))
    statement = (
        update(tasks)
        .where(tasks.c.id == row.id, tasks.c.snapshot_seq == row.snapshot_seq)
        .values(
            snapshot_seq=row.seq,
            snapshot_bytes=len(blob),
            pending_bytes=tasks.c.pending_bytes - folded,
            spare=row.seq - tasks.c.first_seq + 1,
            **_status(task),
        )
    )
    if connection.execute(statement).rowcount:
        connection.execute(_RESNAP, {"of_task": row.id, "blob": blob})


def _is_over(state: int) -> bool:
    return TaskState(state) in TERMINAL_STATES


def _status(task: Task) -> dict[str, int]:
    """A status that does not say when it was counts from now: agents elsewhere may leave that out."""
    status = task.status
    state = TaskState.UNSPECIFIED if status is None else status.state
    timestamp = None if status is None else status.timestamp
    return {"state": int(state), "status_us": microseconds(timestamp or datetime.now(UTC))}
