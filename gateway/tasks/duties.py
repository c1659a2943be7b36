"""What a gateway does by itself: says that it lives, takes what the dead left, obeys commands, cleans.

No failure of one pass ends any of it.
"""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from gateway.errors import ErrorKind, GatewayError
from gateway.settings.tasks import TaskSettings
from gateway.tasks.history import times_said
from gateway.tasks.jobs import again_and_again
from gateway.tasks.run import UNANSWERED_TEXT
from gateway.tasks.store import Command, Record, Retention, Store, StoreUnavailable
from gateway.worker import Work

if TYPE_CHECKING:
    from gateway.tasks.runtime import Runtime

_log = structlog.get_logger("a2a_gateway.tasks")

LOST_TEXT = "The gateway that worked on the task was lost"

_AT_ONCE = 100
"""Rows that one pass takes."""


class Duties:
    """The background work of one runtime."""

    def __init__(self, runtime: "Runtime", store: Store, settings: TaskSettings) -> None:
        self._runtime = runtime
        self._store = store
        self._settings = settings
        self._gateway = runtime.gateway
        self._jobs: list[asyncio.Task[None]] = []
        self._command_waits = asyncio.Event()
        self._obeying: dict[str, asyncio.Task[None]] = {}
        """The last command of each task that is being carried out."""
        self._beaten_at = 0.0
        self._patient_until = 0.0
        """Before this moment others may not have had the time to say that they live."""

    def command_waits(self) -> None:
        """There may be a command."""
        self._command_waits.set()

    async def start(self) -> None:
        """Raises StoreUnavailable."""
        self._beaten_at = _now()
        await self._store.beat(self._gateway, self._settings.lease_s)
        often_s = self._settings.lease_s / 3
        for job, every_s in (
            (self._beat, often_s),
            (self._look_after_tasks, often_s),
            (self._clean, self._settings.prune_s),
        ):
            self._jobs.append(asyncio.create_task(again_and_again(job, every_s)))
        self._jobs.append(asyncio.create_task(self._obey()))

    async def stop(self) -> None:
        jobs = [*self._jobs, *self._obeying.values()]
        for job in jobs:
            job.cancel()
        if jobs:
            await asyncio.wait(jobs)

    async def _beat(self) -> None:
        await self._store.beat(self._gateway, self._settings.lease_s)
        now, lease_s = _now(), self._settings.lease_s
        was_silent = now - self._beaten_at > lease_s
        self._beaten_at = now
        if was_silent:
            # The store was away, or this process stood still. Others may have been silent for the same reason.
            self._patient_until = now + lease_s
            await self._runtime.verify()

    @property
    def _may_judge(self) -> bool:
        """Whether this gateway is in a position to take others for dead."""
        now = _now()
        return now - self._beaten_at <= self._settings.lease_s and now >= self._patient_until

    async def _look_after_tasks(self) -> None:
        # One after the other: an orphan that was claimed and has not come here yet would look like a stray.
        await self._take_orphans()
        await self._settle_strays()

    async def _take_orphans(self) -> None:
        while self._may_judge:
            records = await self._store.claim_orphans(self._gateway, _AT_ONCE)
            if not records:
                return
            for record in records:
                _log.warning("a task was left behind by its gateway", task=record.task.id, agent=record.agent)
            await asyncio.gather(*(self._runtime.inherit(record, LOST_TEXT) for record in records))

    async def _settle_strays(self) -> None:
        for task_id in await self._store.owned(self._gateway):
            await self._runtime.settle_stray(task_id)

    async def _clean(self) -> None:
        settings = self._settings
        retention = Retention(settings.kept_s, settings.unanswered_s, settings.events_kept_s, settings.events_kept)
        while True:
            pruned = await self._store.prune(retention, _AT_ONCE)
            if not pruned.tasks and not pruned.events:
                break
        before = datetime.now(UTC) - timedelta(seconds=settings.unanswered_s)
        for task_id in await self._store.waiting_since(before, _AT_ONCE):
            await self._runtime.end_unanswered(task_id, before, UNANSWERED_TEXT)

    # Commands.

    async def _obey(self) -> None:
        while True:
            self._command_waits.clear()
            try:
                commands = await self._store.commands(self._gateway, _AT_ONCE)
            except StoreUnavailable:
                commands = ()
            except Exception:
                _log.exception("unexpected error")
                commands = ()
            for command in commands:
                # Those of one task in their order; no task waits for another's.
                before = self._obeying.get(command.task_id)
                task = asyncio.create_task(self._carry_out(command, before))
                self._obeying[command.task_id] = task
                task.add_done_callback(lambda done, of=command.task_id: self._carried_out(of, done))
            if not commands:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._store.poll_s):
                        await self._command_waits.wait()

    def _carried_out(self, task_id: str, done: "asyncio.Task[None]") -> None:
        if self._obeying.get(task_id) is done:
            del self._obeying[task_id]

    async def _carry_out(self, command: Command, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait((before,))
        give_up_at = _now() + self._settings.lease_s
        record: Record | None = None
        while True:
            try:
                if record is None:
                    record = await self._store.load(command.task_id)
                if record is not None:
                    await self._try(command, record)
                await self._runtime.settle_stray(command.task_id)
                return
            except StoreUnavailable:
                pass
            except GatewayError as error:
                if error.kind is not ErrorKind.UNAVAILABLE:
                    _log.warning("a command came too late", task=command.task_id, error=error.message)
                    with suppress(StoreUnavailable):
                        await self._runtime.settle_stray(command.task_id)
                    return
            except Exception:
                _log.exception("unexpected error", task=command.task_id)
                return
            if _now() > give_up_at:
                _log.warning("a command could not be carried out", task=command.task_id)
                return
            await asyncio.sleep(self._store.poll_s)

    async def _try(self, command: Command, first: Record) -> None:
        """`first`: the task as it was before the first try. Raises StoreUnavailable, GatewayError."""
        now = await self._runtime.find(first.agent, first.principal, command.task_id)
        message = command.message
        if message is None:
            await self._runtime.cancel(now)
        elif times_said(now.task, message) == times_said(first.task, message):
            await self._runtime.tell(now, message, lambda task: Work(task, message), bounded=False)


def _now() -> float:
    return asyncio.get_running_loop().time()
