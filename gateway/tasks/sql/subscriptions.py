"""Subscriptions: the port `gateway.tasks.subscriptions.Subscriptions` on a database."""

from collections.abc import Sequence
from copy import copy
from typing import Any

from sqlalchemy import BigInteger, Connection, Row, delete, exists, func, insert, literal, select, update

from gateway.tasks.sql.clock import now_us
from gateway.tasks.sql.database import Database
from gateway.tasks.sql.tables import arrivals, as_bytes, as_text, digest, subscriptions
from gateway.tasks.store import Hook
from gateway.tasks.subscriptions import Arrival, Held, Holder, Keeping, Receipt, Subscription, Told
from generated.a2a.v1.a2a_pb import StreamResponse, TaskPushNotificationConfig

_waits = exists().where(arrivals.c.subscription_id == subscriptions.c.id)
_SUBSCRIPTION = select(
    subscriptions.c.id,
    subscriptions.c.agent,
    subscriptions.c.task_id,
    subscriptions.c.version,
    subscriptions.c.config,
    subscriptions.c.is_owed,
)


class SqlSubscriptions:
    """Webhooks of relayed tasks in a database of SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, subscription: Subscription, kept_s: float) -> None:
        await self._database.write_once(_add, subscription, kept_s)

    async def get(self, id: str) -> Subscription | None:
        return await self._database.read(_get, id)

    async def of_task(self, agent: str, task_id: str) -> Sequence[Subscription]:
        return await self._database.read(_of_task, agent, task_id) if task_id else ()

    async def bind(self, id: str, task_id: str, config_id: str) -> None:
        await self._database.write(_bind, id, task_id, config_id)

    async def remove(self, id: str) -> None:
        await self._database.write_once(_remove, id)

    async def receive(self, id: str, told: Told, holder: Holder, keeping: Keeping) -> Receipt:
        return await self._database.write(_receive, id, told, holder, keeping)

    async def arrivals(self, id: str, after: int, limit: int) -> Sequence[Arrival]:
        return await self._database.read(_arrivals, id, after, limit)

    async def delivered(self, id: str, gateway: str, seq: int, *, is_owed: bool) -> Held:
        return await self._database.write(_delivered, id, gateway, seq, is_owed=is_owed)

    async def renew(self, holder: Holder, ids: Sequence[str]) -> None:
        await self._database.write_once(_renew, holder, ids)

    async def release(self, gateway: str) -> None:
        await self._database.write_once(_release, gateway)

    async def claim(self, holder: Holder, limit: int) -> Sequence[str]:
        return await self._database.write(_claim, holder, limit)

    async def prune(self, limit: int) -> int:
        return await self._database.write_once(_prune, limit)


def _read(row: Row[*tuple[Any, ...]]) -> Subscription:
    config = TaskPushNotificationConfig.from_binary(row.config)
    return Subscription(row.id, row.agent, as_text(row.task_id), Hook(config, row.version), row.is_owed)


def _add(connection: Connection, subscription: Subscription, kept_s: float) -> None:
    values = {
        "id": subscription.id,
        "agent": subscription.agent,
        "task": _task(subscription.agent, subscription.task_id),
        "task_id": as_bytes(subscription.task_id),
        "version": subscription.hook.version,
        "config": subscription.hook.config.to_binary(),
        "is_owed": subscription.is_owed,
        "seq": 0,
        "last": b"",
        "holder": "",
        "held_until_us": 0,
    }
    connection.execute(insert(subscriptions).values(**values, expires_us=_in(kept_s)))


def _get(connection: Connection, id: str) -> Subscription | None:
    row = connection.execute(_SUBSCRIPTION.where(subscriptions.c.id == id)).one_or_none()
    return None if row is None else _read(row)


def _of_task(connection: Connection, agent: str, task_id: str) -> Sequence[Subscription]:
    of_task = _SUBSCRIPTION.where(subscriptions.c.task == _task(agent, task_id))
    return [_read(row) for row in connection.execute(of_task.order_by(subscriptions.c.number))]


def _bind(connection: Connection, id: str, task_id: str, config_id: str) -> None:
    row = connection.execute(_SUBSCRIPTION.where(subscriptions.c.id == id).with_for_update()).one_or_none()
    if row is None:
        return
    known = _read(row)
    config = copy(known.hook.config)
    config.id = config_id or config.id
    values: dict[str, object] = {"config": config.to_binary()}
    if not known.task_id and task_id:
        values |= _of(known.agent, task_id)
    connection.execute(update(subscriptions).where(subscriptions.c.id == id).values(values))


def _remove(connection: Connection, id: str) -> None:
    connection.execute(delete(subscriptions).where(subscriptions.c.id == id))


def _receive(connection: Connection, id: str, told: Told, holder: Holder, keeping: Keeping) -> Receipt:
    is_free = (subscriptions.c.held_until_us <= now_us()).label("is_free")
    row = connection.execute(
        select(
            subscriptions.c.agent,
            subscriptions.c.task_id,
            subscriptions.c.seq,
            subscriptions.c.last,
            subscriptions.c.holder,
            is_free,
        )
        .where(subscriptions.c.id == id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        return Receipt.UNKNOWN
    known = as_text(row.task_id)
    if known not in ("", told.task_id):
        return Receipt.OTHER_TASK
    if told.digest and told.digest == row.last:
        return Receipt.REPEATED
    waiting = select(func.count()).select_from(arrivals).where(arrivals.c.subscription_id == id)
    if connection.execute(waiting).scalar_one() >= keeping.waiting:
        return Receipt.FULL
    seq = row.seq + 1
    connection.execute(insert(arrivals).values(subscription_id=id, seq=seq, response=told.response.to_binary()))
    is_held = row.is_free or row.holder == holder.gateway
    values: dict[str, object] = {
        "seq": seq,
        "last": told.digest,
        "expires_us": _in(keeping.ended_s if told.is_last else keeping.silent_s),
    }
    if not known:
        values |= _of(row.agent, told.task_id)
    if is_held:
        values |= {"holder": holder.gateway, "held_until_us": _in(holder.lease_s)}
    connection.execute(update(subscriptions).where(subscriptions.c.id == id).values(values))
    return Receipt.HELD if is_held else Receipt.ELSEWHERE


def _arrivals(connection: Connection, id: str, after: int, limit: int) -> Sequence[Arrival]:
    waiting = select(arrivals.c.seq, arrivals.c.response).where(
        arrivals.c.subscription_id == id, arrivals.c.seq > after
    )
    rows = connection.execute(waiting.order_by(arrivals.c.seq).limit(limit))
    return [Arrival(row.seq, StreamResponse.from_binary(row.response)) for row in rows]


def _delivered(connection: Connection, id: str, gateway: str, seq: int, *, is_owed: bool) -> Held:
    # Locked, so that nothing arrives between looking and letting go.
    holder = select(subscriptions.c.holder).where(subscriptions.c.id == id).with_for_update()
    if connection.execute(holder).scalar_one_or_none() != gateway:
        return Held.LOST
    connection.execute(delete(arrivals).where(arrivals.c.subscription_id == id, arrivals.c.seq <= seq))
    if connection.execute(select(exists().where(arrivals.c.subscription_id == id))).scalar_one():
        return Held.MORE
    released = update(subscriptions).where(subscriptions.c.id == id)
    connection.execute(released.values(holder="", held_until_us=0, is_owed=is_owed))
    return Held.RELEASED


def _renew(connection: Connection, holder: Holder, ids: Sequence[str]) -> None:
    mine = update(subscriptions).where(subscriptions.c.holder == holder.gateway, subscriptions.c.id.in_(ids))
    connection.execute(mine.values(held_until_us=_in(holder.lease_s)))


def _release(connection: Connection, gateway: str) -> None:
    mine = subscriptions.c.holder == gateway
    connection.execute(update(subscriptions).where(mine).values(holder="", held_until_us=0))


def _claim(connection: Connection, holder: Holder, limit: int) -> Sequence[str]:
    free = (
        select(subscriptions.c.id)
        .where(_waits, subscriptions.c.held_until_us <= now_us())
        .limit(limit)
        .with_for_update(skip_locked=True, of=subscriptions)
    )
    ids = connection.execute(free).scalars().all()
    taken = update(subscriptions).where(subscriptions.c.id.in_(ids))
    connection.execute(taken.values(holder=holder.gateway, held_until_us=_in(holder.lease_s)))
    return ids


def _prune(connection: Connection, limit: int) -> int:
    is_over = subscriptions.c.expires_us < now_us()
    over = select(subscriptions.c.id).where(is_over, ~_waits).limit(limit)
    # Said twice: what arrives meanwhile makes its subscription young again.
    return connection.execute(delete(subscriptions).where(subscriptions.c.id.in_(over), is_over)).rowcount


def _of(agent: str, task_id: str) -> dict[str, object]:
    return {"task": _task(agent, task_id), "task_id": as_bytes(task_id)}


def _task(agent: str, task_id: str) -> bytes:
    """What stands for a task of an agent, to find its subscriptions by; nothing where it is not known."""
    return digest(agent, task_id) if task_id else b""


def _in(seconds: float):
    return now_us() + literal(round(seconds * 1_000_000), BigInteger)
