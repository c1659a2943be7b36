"""Which gateway runs a task: leases by the database's clock, claims, and commands for owners."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.tasks.sql.clock import now_us
from gateway.tasks.sql.tables import commands, gateways, tasks
from gateway.tasks.sql.tasklog import Stored, load
from gateway.tasks.store import Command
from generated.a2a.v1.a2a_pb import Message

INSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""By dialect: the INSERT that can say what happens where the key is there already."""


def beat(connection: Connection, gateway: str, lease_s: float) -> None:
    until = now_us() + literal(round(lease_s * 1_000_000), tasks.c.status_us.type)
    row = INSERT[connection.dialect.name](gateways).values(name=gateway, alive_until_us=until)
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[gateways.c.name], set_={"alive_until_us": row.excluded.alive_until_us}
        )
    )


def leave(connection: Connection, gateway: str) -> None:
    connection.execute(delete(gateways).where(gateways.c.name == gateway))


_owner_lives = exists().where(gateways.c.name == tasks.c.owner, gateways.c.alive_until_us > now_us())
_SEEN = select(tasks.c.id, tasks.c.epoch, tasks.c.owner)
_ORPHANS = _SEEN.where(tasks.c.owner != "", ~_owner_lives)


def claim(connection: Connection, task_id: str, gateway: str, own: bool) -> Stored | None:
    free = or_(~_owner_lives, tasks.c.owner == gateway) if own else ~_owner_lives
    claimed = _take(connection, _SEEN.where(tasks.c.id == task_id, free), gateway)
    return claimed[0] if claimed else None


def claim_orphans(connection: Connection, gateway: str, limit: int) -> Sequence[Stored]:
    # Gateways that look at once share the orphans out instead of waiting for each other.
    # One whose own lease ran out, having been stopped for a while, still works on its tasks.
    orphans = _ORPHANS.where(tasks.c.owner != gateway).limit(limit)
    return _take(connection, orphans.with_for_update(skip_locked=True, of=tasks), gateway)


def owned(connection: Connection, gateway: str) -> Sequence[str]:
    return connection.execute(select(tasks.c.id).where(tasks.c.owner == gateway)).scalars().all()


def _take(connection: Connection, seen: Select[*tuple[Any, ...]], gateway: str) -> list[Stored]:
    taken: list[Stored] = []
    for row in connection.execute(seen).all():
        # Every claim changes the epoch, so it is still as it was seen, or somebody else was quicker.
        statement = update(tasks).where(tasks.c.id == row.id, tasks.c.epoch == row.epoch)
        if connection.execute(statement.values(owner=gateway, epoch=row.epoch + 1)).rowcount:
            stored = load(connection, row.id)
            if stored is not None:
                taken.append(replace(stored, left_by=row.owner))
    return taken


def tell(connection: Connection, task_id: str, message: Message | None) -> bool:
    # Locked, so that the task is not given back between looking and telling.
    owned = select(tasks.c.id).where(tasks.c.id == task_id, tasks.c.owner != "").with_for_update(read=True)
    if connection.execute(owned).one_or_none() is None:
        return False
    blob = None if message is None else message.to_binary()
    connection.execute(insert(commands), {"task_id": task_id, "message": blob})
    return True


def take_commands(connection: Connection, gateway: str, limit: int) -> Sequence[Command]:
    mine = (
        select(commands.c.id)
        .join(tasks, tasks.c.id == commands.c.task_id)
        .where(tasks.c.owner == gateway)
        .order_by(commands.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=commands)
    )
    taken = delete(commands).where(commands.c.id.in_(mine))
    rows = connection.execute(taken.returning(commands.c.id, commands.c.task_id, commands.c.message)).all()
    return [
        Command(row.id, row.task_id, None if row.message is None else Message.from_binary(row.message))
        for row in sorted(rows, key=lambda row: row.id)
    ]
