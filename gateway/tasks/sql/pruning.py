"""What is over its time goes, a little at a time: no transaction here is long, whatever there is to remove."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Connection, delete, exists, func, literal, or_, select, update

from gateway.operations import TERMINAL_STATES
from gateway.tasks.sql.clock import microseconds, now_us
from gateway.tasks.sql.tables import events, tasks
from gateway.tasks.store import Retention
from generated.a2a.v1.a2a_pb import TaskState

STEP_EVENTS = 1000
"""Of one transaction."""

_TERMINAL = tasks.c.state.in_([int(state) for state in TERMINAL_STATES])
_ALIVE = tasks.c.state.in_([int(state) for state in TaskState if state not in TERMINAL_STATES])
"""Listed, so that an index serves."""


def waiting_since(connection: Connection, before: datetime, limit: int) -> Sequence[str]:
    since = microseconds(before)
    happened = exists().where(events.c.task_id == tasks.c.id, events.c.written_us >= since)
    overdue = select(tasks.c.id).where(_ALIVE, tasks.c.owner == "", tasks.c.status_us < since, ~happened)
    return connection.execute(overdue.order_by(tasks.c.status_us).limit(limit)).scalars().all()


def ended_tasks(connection: Connection, retention: Retention, limit: int) -> Sequence[str]:
    """Terminal tasks that are over their time."""
    over = select(tasks.c.id).where(_TERMINAL, tasks.c.status_us < _ago(retention.task_s))
    return connection.execute(over.order_by(tasks.c.status_us).limit(limit)).scalars().all()


def tasks_with_old_events(connection: Connection, retention: Retention, limit: int) -> Sequence[str]:
    """Tasks with events that their snapshot holds and that are too many or over their time."""
    too_many = tasks.c.seq - tasks.c.first_seq >= retention.events_per_task
    too_old = tasks.c.oldest_us < _ago(retention.event_s)
    over = select(tasks.c.id).where(tasks.c.spare > 0, or_(too_many, too_old))
    return connection.execute(over.order_by(tasks.c.oldest_us).limit(limit)).scalars().all()


def drop_old_events(connection: Connection, task_id: str, retention: Retention, limit: int) -> int:
    """Removes up to `limit` events of a task that are too many or over their time; how many."""
    row = connection.execute(
        select(tasks.c.seq, tasks.c.first_seq).where(tasks.c.id == task_id).with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return 0
    young = select(func.min(events.c.seq)).where(
        events.c.task_id == task_id,
        events.c.seq < row.first_seq + limit,
        events.c.written_us >= _ago(retention.event_s),
    )
    keep_from = connection.execute(young).scalar_one()
    if keep_from is None:
        keep_from = row.first_seq + limit
    return _drop_before(connection, task_id, max(keep_from, row.seq + 1 - retention.events_per_task), limit)


def drop_task(connection: Connection, task_id: str, retention: Retention) -> int | None:
    """Removes a step's worth of a task over its time; how many events, None once it is gone."""
    row = connection.execute(
        select(tasks.c.seq)
        .where(tasks.c.id == task_id, _TERMINAL, tasks.c.status_us < _ago(retention.task_s))
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return 0
    if dropped := _drop_before(connection, task_id, row.seq + 1, STEP_EVENTS):
        return dropped
    connection.execute(delete(events).where(events.c.task_id == task_id))
    connection.execute(delete(tasks).where(tasks.c.id == task_id))
    return None


def remove(connection: Connection, task_id: str, epoch: int) -> None:
    row = connection.execute(
        select(tasks.c.id).where(tasks.c.id == task_id, tasks.c.epoch == epoch).with_for_update()
    ).one_or_none()
    if row is not None:
        connection.execute(delete(events).where(events.c.task_id == task_id))
        connection.execute(delete(tasks).where(tasks.c.id == task_id))


def _drop_before(connection: Connection, task_id: str, seq: int, limit: int) -> int:
    """Removes the oldest events before `seq`, and none that the snapshot does not hold."""
    task = connection.execute(select(tasks.c.first_seq, tasks.c.snapshot_seq).where(tasks.c.id == task_id)).one()
    first = min(seq, task.snapshot_seq + 1, task.first_seq + limit)
    if first <= task.first_seq:
        return 0
    connection.execute(delete(events).where(events.c.task_id == task_id, events.c.seq < first))
    oldest = select(events.c.written_us).where(events.c.task_id == task_id, events.c.seq == first).scalar_subquery()
    connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id)
        .values(first_seq=first, spare=tasks.c.snapshot_seq - first + 1, oldest_us=func.coalesce(oldest, 0))
    )
    return first - task.first_seq


def _ago(seconds: float):
    return now_us() - literal(round(seconds * 1_000_000), BigInteger)
