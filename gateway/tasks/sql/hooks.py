"""Push notification configurations of tasks."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import IntegrityError

from gateway.tasks.sql.ownership import INSERT
from gateway.tasks.sql.tables import digest, hooks
from gateway.tasks.store import Hook
from generated.a2a.v1.a2a_pb import TaskPushNotificationConfig


def put(connection: Connection, task_id: str, hook: Hook) -> None:
    """Raises ValueError where there is no such task."""
    row = INSERT[connection.dialect.name](hooks).values(
        task_id=task_id, key=digest(hook.config.id), version=hook.version, config=hook.config.to_binary()
    )
    replacing = row.on_conflict_do_update(
        index_elements=[hooks.c.task_id, hooks.c.key],
        set_={"version": row.excluded.version, "config": row.excluded.config},
    )
    try:
        connection.execute(replacing)
    except IntegrityError:
        raise ValueError("there is no such task") from None


def of_task(connection: Connection, task_id: str) -> Sequence[Hook]:
    rows = connection.execute(
        select(hooks.c.config, hooks.c.version).where(hooks.c.task_id == task_id).order_by(hooks.c.number)
    )
    return [Hook(TaskPushNotificationConfig.from_binary(row.config), row.version) for row in rows]


def remove(connection: Connection, task_id: str, hook_id: str) -> bool:
    key = digest(hook_id)
    return bool(connection.execute(delete(hooks).where(hooks.c.task_id == task_id, hooks.c.key == key)).rowcount)
