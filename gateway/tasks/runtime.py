"""The tasks of one gateway: which it works on, which it follows, and how callers reach either.

A task belongs to the gateway that runs it. Messages and cancellations for tasks of another go
through the store. What is done to a task that no run has is done in its turn, and is not cut short
when whoever asked for it goes away.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

import structlog
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from gateway.errors import CallerError, ErrorKind, GatewayFault
from gateway.settings import ConfigurationError
from gateway.settings.tasks import TaskSettings
from gateway.tasks import lifecycle
from gateway.tasks.duties import LOST_TEXT, Duties
from gateway.tasks.follower import Follower
from gateway.tasks.history import times_said
from gateway.tasks.journal import ChangedHands, store_away
from gateway.tasks.live import LiveTask, Standing, TaskOver, TaskTooLarge
from gateway.tasks.run import MakeWork, Run, copied, too_large
from gateway.tasks.store import Entry, Fenced, Hook, Record, Store, StoreUnavailable
from gateway.tasks.turns import Turns
from gateway.tasks.webhooks import Webhooks
from gateway.tasks.yields import says
from gateway.worker import Worker
from generated.a2a.v1.a2a_pb import Message, Task, TaskState, TaskStatus

T = TypeVar("T")

_log = structlog.get_logger("a2a_gateway.tasks")

_TRY_AGAIN_S = 0.5
"""Between two tries to reach the store as the gateway starts."""

_TRIES = 5
"""How often a task is looked for where it is now, before it is said to be changing hands."""


_LAST_WRITES_S = 1.0
"""For what was begun to get into the store while the gateway stops. What waits for webhooks is left to a successor."""


class Keeper(Protocol):
    """Looks after the tasks of an agent that has no worker here.

    It works on what it has taken in; what the store keeps as `request` of its tasks is never empty.
    """

    async def inherit(self, record: Record) -> bool:
        """Takes in a task whose gateway is gone, which was claimed for this one; the rest goes on by itself.

        It is called in the task's turn. False leaves the task to whoever wants it next.
        """
        ...

    async def stop(self) -> None:
        """The gateway stops: its tasks are left to the others."""
        ...


class Runtime:
    """Runs workers on tasks, on this gateway and beside others of the same store."""

    def __init__(self, store: Store, settings: TaskSettings, webhooks: Webhooks) -> None:
        self.store = store
        self.settings = settings
        self.webhooks = webhooks
        self.gateway = str(uuid.uuid4())
        """Names this process to the others."""
        self._workers: dict[str, Worker] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._busy: Counter[str] = Counter()
        """Tasks of each agent that are worked on, wait for that, or begin."""
        self._runs: dict[str, Run] = {}
        self._keepers: dict[str, Keeper] = {}
        self._kept: dict[str, LiveTask] = {}
        """Tasks that keepers record here."""
        self._telling: set[str] = set()
        """Tasks that are over and are given back once their webhooks know."""
        self._followers: dict[str, Follower] = {}
        self._turns = Turns()
        self._background: set[asyncio.Task[Any]] = set()
        self._duties = Duties(self, store, settings)
        self._stopping = False

    def employ(self, agent: str, worker: Worker) -> None:
        """From now on the worker does the tasks of this agent."""
        self._workers[agent] = worker
        self._slots[agent] = asyncio.Semaphore(self.settings.at_once)

    def entrust(self, agent: str, keeper: Keeper) -> None:
        """From now on the keeper looks after the tasks of this agent."""
        self._keepers[agent] = keeper

    async def start(self) -> None:
        """Raises ConfigurationError where the store cannot be used, or not be reached for `store_patience_s`."""
        self.store.watch(self._noticed, self._duties.command_waits)
        give_up_at = asyncio.get_running_loop().time() + self.settings.store_patience_s
        await self._patiently(self.store.open, give_up_at)
        await self._patiently(self._duties.start, give_up_at)

    async def _patiently(self, begin: Callable[[], Coroutine[Any, Any, None]], give_up_at: float) -> None:
        """A database may still be starting, or drop a connection as one begins."""
        while True:
            try:
                return await begin()
            except StoreUnavailable as error:
                if asyncio.get_running_loop().time() >= give_up_at:
                    await self.store.close()
                    raise ConfigurationError(f"store: {error}") from None
                _log.warning("the task store cannot be reached", error=str(error))
                await asyncio.sleep(_TRY_AGAIN_S)

    async def stop(self) -> None:
        """Tasks under way are FAILED, for their callers to know; what waits in the store goes on waiting."""
        self._stopping = True
        stopping = [one.stop() for one in (*self._runs.values(), *self._keepers.values())]
        await asyncio.gather(*stopping, return_exceptions=True)
        await self._duties.stop()
        await self.webhooks.close(self.settings.stop_s)
        if self._background:
            await asyncio.wait(self._background, timeout=_LAST_WRITES_S)
        for task in self._background:
            task.cancel()
        for follower in list(self._followers.values()):
            await follower.close()
        with suppress(StoreUnavailable):
            await self.store.leave(self.gateway)
        await self.store.close()

    # What callers ask for.

    async def find(self, agent: str, principal: str, task_id: str) -> Record:
        """A task as it stands. Raises CallerError where this caller has none of that id."""
        live = self.live(task_id)
        if live is not None:
            await live.settled()
        if live is not None and not live.lost:  # it may have been lost meanwhile
            record = Record(live.agent, live.principal, live.snapshot(), live.log.seq, live.epoch, self.gateway, 0)
        else:
            with store_errors():
                found = await self.store.load(task_id)
            if found is None:
                raise _not_found()
            record = found
        if (record.agent, record.principal) != (agent, principal):
            raise _not_found()
        return record

    async def begin(
        self, agent: str, principal: str, message: Message, work: MakeWork, hooks: Sequence[Hook]
    ) -> Standing:
        """A new task for a message, as it begins. Raises GatewayError."""
        if self._stopping:
            raise GatewayFault(ErrorKind.UNAVAILABLE, "The gateway is shutting down")
        if self._busy[agent] >= self.settings.at_once + self.settings.waiting:
            raise GatewayFault(ErrorKind.RESOURCE_EXHAUSTED, "The agent has no room for more tasks")
        task = new_task(message)
        self._workers[agent].admit(work(copied(task)))
        for hook in hooks:
            hook.config.task_id = task.id
        self._busy[agent] += 1
        record = Record(agent, principal, copied(task), 0, 1, self.gateway, 1)
        with store_errors():
            await self._whole(self._begin(record, work, hooks))
        return Standing(task, record.seq)

    async def tell(self, record: Record, message: Message, work: MakeWork, *, bounded: bool = True) -> Standing:
        """A message for a task that its caller may see; its gateway has it once this returns.

        How the task stood with it. Raises GatewayError.
        """
        message = addressed(message, record.task)
        lifecycle.check_message(record.task, message)
        self._workers[record.agent].admit(work(_with(record.task, message)))
        task_id = record.task.id
        for _ in range(_TRIES):
            run = self._runs.get(task_id)
            if run is not None:
                if not run.is_finishing:
                    with suppress(TaskOver):
                        return await run.hear(message, work, bounded=bounded)
                await run.over()
            else:
                with store_errors():
                    taken_up = await self._whole(self._take_up(task_id, message, work))
                    if taken_up is not None:
                        return taken_up
                    if await self.store.tell(task_id, message):
                        return await self._told_elsewhere(record, message)
            record = await self.find(record.agent, record.principal, task_id)
            lifecycle.check_message(record.task, message)
        raise _changing_hands()

    async def cancel(self, record: Record) -> None:
        """Cancels a task that its caller may see; returns once it is canceled. Raises GatewayError."""
        lifecycle.check_cancel(record.task)
        task_id = record.task.id
        for _ in range(_TRIES):
            run = self._runs.get(task_id)
            if run is not None:
                with suppress(TaskOver):
                    return await run.cancel()
                await run.over()
            else:
                with store_errors():
                    if await self._whole(self._cancel_waiting(task_id)):
                        return None
                    if await self.store.tell(task_id, None):
                        return await self._canceled_elsewhere(record)
            record = await self.find(record.agent, record.principal, task_id)
            lifecycle.check_cancel(record.task)
        raise _changing_hands()

    def live(self, task_id: str) -> LiveTask | None:
        """The task, if this gateway works on it."""
        run = self._runs.get(task_id)
        live = run.live if run is not None else self._kept.get(task_id)
        return live if live is not None and not live.lost else None

    async def over(self, task_id: str) -> None:
        """Returns once this gateway does not work on a task, as it is about to."""
        run = self._runs.get(task_id)
        if run is not None:
            await run.over()
            # Whoever is told of the end of a run is told before this.
            await asyncio.sleep(0)

    def follow(self, record: Record) -> Follower:
        """Begins, or joins in, following a task of another gateway. Whoever asks calls `unfollow` after."""
        follower = self._followers.get(record.task.id)
        if follower is None or follower.log.ended:
            follower = self._followers[record.task.id] = Follower(record, self.store, self.settings)
        follower.readers += 1
        return follower

    def unfollow(self, follower: Follower) -> None:
        follower.readers -= 1
        if not follower.readers:
            if self._followers.get(follower.id) is follower:
                del self._followers[follower.id]
            self._in_background(follower.close())

    # What keepers ask for.

    async def take_in_new(self, record: Record) -> LiveTask | None:
        """A task that is new to the store, as `take_in`; None where the store has one of that id.

        Raises StoreUnavailable.
        """
        async with self._turns.of(record.task.id):
            try:
                await self.store.create(record)
            except ValueError:
                return None
            return self.take_in(record)

    async def take_in_idle(self, task_id: str) -> LiveTask | None:
        """A task that no gateway works on, as `take_in`; None where there is none, or it is over.

        Raises StoreUnavailable.
        """
        async with self._turns.of(task_id):
            record = await self._claimed(task_id)
            if record is None:
                return None
            if lifecycle.phase_of(record.task) is lifecycle.Phase.TERMINAL:
                await self._give_back(task_id, record.epoch)
                return None
            return self.take_in(record)

    def take_in(self, record: Record) -> LiveTask:
        """A task of this gateway that its keeper records from now on; it calls `let_go` once that is over.

        In its turn.
        """
        live = self._kept[record.task.id] = self._live(record, (), {})
        self._send_on(live.id)
        return live

    def let_go(self, live: LiveTask) -> None:
        if self._kept.get(live.id) is live:
            del self._kept[live.id]
        self._send_on(live.id)

    def _send_on(self, task_id: str) -> None:
        """Those who follow another gateway's work on a task are to look anew whose it is."""
        if (follower := self._followers.get(task_id)) is not None:
            follower.log.interrupt(ChangedHands())

    # Runs.

    def _run(self, record: Record, live: LiveTask, work: MakeWork) -> None:
        run = Run(live, self._workers[record.agent], self.settings, self._slots[record.agent])
        self._runs[live.id] = run
        run.start(work(copied(live.snapshot())), self._run_over)

    def _run_over(self, run: Run) -> None:
        live = run.live
        del self._runs[live.id]
        self._busy[live.agent] -= 1
        if live.lost:
            return
        if live.is_over and not live.is_given_back:
            self._give_back_when_told(live.id, live.epoch)
        elif not live.is_given_back:
            # There is a command for it, which takes it up again.
            self._duties.command_waits()

    async def _begin(self, record: Record, work: MakeWork, hooks: Sequence[Hook]) -> None:
        """Its run begins together with it, whatever becomes of the call."""
        begun = False
        try:
            async with self._turns.of(record.task.id):
                await self.store.create(record, hooks)
                live = self._live(record, hooks, work(record.task).context.headers)
                self._run(record, live, work)
                begun = True
        finally:
            if not begun:
                self._busy[record.agent] -= 1

    async def _take_up(self, task_id: str, message: Message, work: MakeWork) -> Standing | None:
        """A task that waited in the store: its run begins anew with the message, and all that was said before.

        None where it is not this gateway's to run. Raises CallerError, StoreUnavailable.
        """
        async with self._turns.of(task_id):
            record = await self._claimed(task_id)
            if record is None:
                return None
            if record.left_by not in ("", self.gateway):
                # Its run died with its gateway, wherever it stood.
                await self._end(record, TaskState.FAILED, LOST_TEXT)
                return None
            try:
                lifecycle.check_message(record.task, message)
                hooks = await self.webhooks.of(task_id)
                live = self._live(record, hooks, work(record.task).context.headers)
                try:
                    standing = live.say(message)
                except TaskTooLarge:
                    await live.close()
                    raise CallerError(ErrorKind.RESOURCE_EXHAUSTED, too_large(self.settings)) from None
            except CallerError:
                await self._give_back(task_id, record.epoch)
                raise
            self._busy[record.agent] += 1
            self._run(record, live, work)
        # Outside of the turn, which the run must not wait for while the store is away.
        try:
            await live.written()
        except TaskOver:
            raise _changing_hands() from None
        return standing

    async def _cancel_waiting(self, task_id: str) -> bool:
        """Cancels a task that no gateway works on; whether it was one. Raises CallerError, StoreUnavailable."""
        async with self._turns.of(task_id):
            record = await self._claimed(task_id)
            if record is None:
                return False
            await self._end(record, TaskState.CANCELED, "")
            lifecycle.check_cancel(record.task)
            return True

    async def _claimed(self, task_id: str) -> Record | None:
        """A task that no gateway works on, claimed for this one; in its turn."""
        if self._has_in_hand(task_id):
            return None
        return await self.store.claim(task_id, self.gateway, own=True)

    def _has_in_hand(self, task_id: str) -> bool:
        return task_id in self._runs or task_id in self._telling or task_id in self._kept

    def _live(self, record: Record, hooks: Sequence[Hook], trace: Mapping[str, str]) -> LiveTask:
        return LiveTask(record, self.store, self.settings, self, hooks, trace)

    # Tasks that nobody works on.

    async def inherit(self, record: Record, text: str) -> None:
        """Sees to a task that was claimed because its gateway is gone: one that a worker did ends with this text.

        One of an agent elsewhere goes on there: its keeper has it, or where there is none, the first
        gateway that is asked for it. Raises StoreUnavailable.
        """
        task_id = record.task.id
        async with self._turns.of(task_id):
            if not record.request:
                await self._end(record, TaskState.FAILED, text)
                return
            keeper = self._keepers.get(record.agent)
            is_over = lifecycle.phase_of(record.task) is lifecycle.Phase.TERMINAL
            if is_over or keeper is None or not await keeper.inherit(record):
                await self._give_back(task_id, record.epoch)

    async def end_unanswered(self, task_id: str, before: datetime, text: str) -> None:
        """Ends a task that has waited for its caller since then; one of an agent elsewhere is forgotten.

        Raises StoreUnavailable.
        """
        async with self._turns.of(task_id):
            record = await self._claimed(task_id)
            if record is None:
                return
            if record.request:
                await self.store.remove(task_id, record.epoch)
                return
            status = record.task.status
            waits = lifecycle.phase_of(record.task) is lifecycle.Phase.INTERRUPTED
            if waits and status is not None and status.timestamp and status.timestamp.to_datetime() < before:
                await self._end(record, TaskState.FAILED, text)
            else:
                await self._settle(record)

    async def settle_stray(self, task_id: str) -> None:
        """Deals with a task that the store says is this gateway's, where nobody here has it in hand.

        A claim whose caller went, or a create whose answer was lost, leaves one. Raises
        StoreUnavailable.
        """
        if task_id in self._turns:
            return
        async with self._turns.of(task_id):
            if self._has_in_hand(task_id):
                return
            stored = await self.store.load(task_id)
            if stored is None or stored.owner != self.gateway:
                return
            record = await self.store.claim(task_id, self.gateway, own=True)
            if record is not None:
                await self._settle(record)

    async def _settle(self, record: Record) -> None:
        """Leaves a claimed task as it ought to be where nobody works on it."""
        if record.request or lifecycle.phase_of(record.task) is lifecycle.Phase.INTERRUPTED:
            await self._give_back(record.task.id, record.epoch)
        else:
            await self._end(record, TaskState.FAILED, LOST_TEXT)

    async def _end(self, record: Record, state: TaskState, text: str) -> None:
        """Ends a claimed task, if it is not over, and has its webhooks told; in its turn."""
        task_id = record.task.id
        if lifecycle.phase_of(record.task) is lifecycle.Phase.TERMINAL:
            if await self.webhooks.resume(record):
                self._give_back_when_told(task_id, record.epoch)
            else:
                await self._give_back(task_id, record.epoch)
            return
        live = self._live(replace(record, task=copied(record.task)), await self.webhooks.of(task_id), {})
        live.enter(state, says(text) if text else None, at_all_costs=True)
        await live.close()
        if not live.lost and not live.is_given_back:
            self._give_back_when_told(task_id, record.epoch)

    async def _give_back(self, task_id: str, epoch: int) -> None:
        with suppress(Fenced):
            if not await self.store.append(task_id, epoch, (), owned=False):
                self._duties.command_waits()

    def _give_back_when_told(self, task_id: str, epoch: int) -> None:
        """Keeps a task that is over until its webhooks know; if the gateway dies before, a successor tells them."""
        self._telling.add(task_id)

        async def give_back() -> None:
            try:
                await self.webhooks.settled(task_id)
                with suppress(StoreUnavailable):
                    await self._give_back(task_id, epoch)
            finally:
                self._telling.discard(task_id)

        self._in_background(give_back())

    # What is told of tasks, and by whom.

    def task_written(self, live: LiveTask, entries: Sequence[Entry], snapshot: Task | None) -> None:
        self._wake_followers(live.id)
        self.webhooks.announce(live, entries, snapshot)

    def task_lost(self, live: LiveTask) -> None:
        self.webhooks.forget(live.id)
        run = self._runs.get(live.id)
        if run is not None and run.live is live:
            run.interrupt()

    async def verify(self) -> None:
        """Lets go of tasks that another gateway has taken while this one was not heard of."""
        lives = [*(run.live for run in self._runs.values()), *self._kept.values()]
        await asyncio.gather(*(live.verified() for live in lives))

    def _noticed(self, task_id: str) -> None:
        """Another gateway changed a task, any task where the id is empty: events, or its configurations."""
        self._wake_followers(task_id)
        for live in [self.live(task_id)] if task_id else [run.live for run in self._runs.values()]:
            if live is not None:
                self._in_background(self._refresh_hooks(live))

    async def _refresh_hooks(self, live: LiveTask) -> None:
        with suppress(StoreUnavailable):
            await self.webhooks.refresh(live)

    def _wake_followers(self, task_id: str) -> None:
        for follower in [self._followers.get(task_id)] if task_id else list(self._followers.values()):
            if follower is not None:
                follower.wake()

    # What another gateway does for us.

    async def _told_elsewhere(self, record: Record, message: Message) -> Standing:
        before = times_said(record.task, message)
        now = await self._elsewhere(record, lambda now: times_said(now.task, message) > before)
        if now is None:
            raise _no_answer()
        if times_said(now.task, message) <= before:
            lifecycle.check_message(now.task, message)
        return Standing(now.task, now.seq)

    async def _canceled_elsewhere(self, record: Record) -> None:
        now = await self._elsewhere(record, lambda _: False)
        if now is None:
            raise _no_answer()
        if now.task.status is None or now.task.status.state is not TaskState.CANCELED:
            lifecycle.check_cancel(now.task)

    async def caught_up(self, record: Record, seq: int) -> Record:
        """A task once the store has its events up to `seq`, where another gateway is about to write them.

        As it is after a while where that does not happen. Raises GatewayError.
        """
        if not record.owner or record.owner == self.gateway:
            return record
        now = await self._elsewhere(record, lambda now: now.seq >= seq or now.epoch != record.epoch)
        return now or await self.find(record.agent, record.principal, record.task.id)

    async def _elsewhere(self, record: Record, done: Callable[[Record], bool]) -> Record | None:
        """A task of another gateway once it is as it should be, or over; None after too long. Raises GatewayError."""
        follower = self.follow(record)
        try:
            # By then a gateway that died has been found out.
            async with asyncio.timeout(2 * self.settings.lease_s):
                while True:
                    seq = follower.log.seq
                    now = await self.find(record.agent, record.principal, record.task.id)
                    if done(now) or lifecycle.phase_of(now.task) is lifecycle.Phase.TERMINAL:
                        return now
                    if follower.log.seq == seq and not follower.log.ended:
                        await follower.log.changed()
                    await asyncio.sleep(self.settings.write_s)
        except TimeoutError:
            return None
        finally:
            self.unfollow(follower)

    # Work that outlives who asked for it.

    def _in_background(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Work that goes on to its end even if whoever asked for it goes."""
        task = self._in_background(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise


def new_task(message: Message) -> Task:
    """A task as it begins: SUBMITTED, with the caller's message."""
    task = Task(
        id=str(uuid.uuid4()),
        context_id=message.context_id or str(uuid.uuid4()),
        status=TaskStatus(state=TaskState.SUBMITTED, timestamp=Timestamp.from_datetime(datetime.now(UTC))),
    )
    task.history.append(addressed(message, task))
    return task


def addressed(message: Message, task: Task) -> Message:
    """The caller's message as it stands in a task's history."""
    said = copy(message)
    said.task_id, said.context_id = task.id, task.context_id
    return said


@contextmanager
def store_errors() -> Iterator[None]:
    """Says that the store is away, where it is. Raises GatewayFault."""
    try:
        yield
    except StoreUnavailable:
        raise store_away() from None


def _with(task: Task, message: Message) -> Task:
    """A copy of a task in which a message was said last."""
    told = copied(task)
    told.history.append(message)
    return told


def _not_found() -> CallerError:
    return CallerError(ErrorKind.TASK_NOT_FOUND)


def _no_answer() -> GatewayFault:
    return GatewayFault(
        ErrorKind.UNAVAILABLE, "The gateway that works on the task does not answer; ask for the task later"
    )


def _changing_hands() -> GatewayFault:
    return GatewayFault(ErrorKind.UNAVAILABLE, "The task is changing hands; try again")
