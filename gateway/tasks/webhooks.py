"""The push notification configurations of owned tasks, and who tells their webhooks."""

from collections.abc import Sequence

from gateway.errors import CallerError, ErrorKind
from gateway.tasks.live import LiveTask
from gateway.tasks.push import Admission, Delivery
from gateway.tasks.store import Entry, Hook, Record, Store
from generated.a2a.v1.a2a_pb import Task, TaskPushNotificationConfig


class Webhooks:
    """Configurations are kept in the store; a live task has its own at hand."""

    def __init__(self, store: Store, admission: Admission, delivery: Delivery) -> None:
        self._store = store
        self._admission = admission
        self._delivery = delivery

    async def check(self, config: TaskPushNotificationConfig, path: str = "") -> None:
        """Raises CallerError for a configuration that is not taken, whatever its task."""
        await self._admission.admit(config, path=path)

    async def of(self, task_id: str) -> list[Hook]:
        """Raises StoreUnavailable."""
        return list(await self._store.hooks(task_id))

    async def put(self, live: LiveTask | None, task_id: str, hook: Hook) -> None:
        """Adds or replaces one. Raises CallerError, StoreUnavailable."""
        others = sum(one.config.id != hook.config.id for one in await self.of(task_id))
        await self._admission.admit(hook.config, others)
        try:
            await self._store.put_hook(task_id, hook)
        except ValueError:
            raise CallerError(ErrorKind.TASK_NOT_FOUND) from None
        if live is not None:
            await self.refresh(live)

    async def delete(self, live: LiveTask | None, task_id: str, hook_id: str) -> None:
        """Removes one, if there is one; nothing more goes to it. Raises StoreUnavailable."""
        await self._store.delete_hook(task_id, hook_id)
        self._delivery.forget(task_id, hook_id)
        if live is not None:
            await self.refresh(live)

    async def refresh(self, live: LiveTask) -> None:
        """Has a live task know the configurations that the store has. Raises StoreUnavailable."""
        hooks = await self.of(live.id)
        kept = {hook.config.id for hook in hooks}
        for hook in live.hooks:
            if hook.config.id not in kept:
                self._delivery.forget(live.id, hook.config.id)
        live.hooks[:] = hooks

    def announce(self, live: LiveTask, entries: Sequence[Entry], snapshot: Task | None) -> None:
        """Has webhooks told of events, which are durable; `snapshot` has them folded in, where the state changed."""
        for entry in entries:
            self._delivery.announce(live.id, live.hooks, entry, lambda: snapshot or live.snapshot(), live.trace)

    def forget(self, task_id: str) -> None:
        """The task is another gateway's, and so are its webhooks."""
        self._delivery.forget(task_id)

    async def resume(self, record: Record) -> bool:
        """Has webhooks told of a task that another gateway left; whether there are any. Raises StoreUnavailable."""
        hooks = await self.of(record.task.id)
        if hooks:
            self._delivery.resume(record, hooks)
        return bool(hooks)

    async def settled(self, task_id: str) -> None:
        """Returns once nothing of a task is still to be told."""
        await self._delivery.settled(task_id)

    async def close(self, grace_s: float) -> None:
        await self._delivery.close(grace_s)
