"""A worker's generator at work on one task: what it yields becomes what the task records."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from typing import cast

import structlog

from gateway.agent import CallContext
from gateway.errors import CallerError, ErrorKind, GatewayError, GatewayFault
from gateway.settings.tasks import TaskSettings
from gateway.tasks import shown
from gateway.tasks.lifecycle import Phase
from gateway.tasks.live import LiveTask, Standing, TaskOver, TaskTooLarge
from gateway.tasks.yields import own, said_by, says, take
from gateway.worker import Ask, Work, Worker, Yield
from generated.a2a.v1.a2a_pb import Message, Task, TaskState

_log = structlog.get_logger("a2a_gateway.tasks")

FAILED_TEXT = "The agent failed at the task"
GATEWAY_FAILED_TEXT = "The gateway failed at the task"
STOPPED_TEXT = "The gateway was stopped while the task was under way"
UNANSWERED_TEXT = "Nobody answered in time"

MakeWork = Callable[[Task], Work]
"""What a run is about, given the task as it stands with the caller's message as its last."""

_stubborn: set[asyncio.Task[None]] = set()
"""Workers that did not let go; the event loop alone would forget them while they run."""


class Run:
    """Works on a task until it is over, waits in the store, or is taken away."""

    def __init__(self, live: LiveTask, worker: Worker, settings: TaskSettings, slots: asyncio.Semaphore) -> None:
        self.live = live
        self.is_finishing = False
        """Whether the worker takes no more messages."""
        self._worker = worker
        self._is_shown = not getattr(worker, "has_wire", False)
        self._context = CallContext()
        self._settings = settings
        self._slot = _Slot(slots)
        self._inbox: asyncio.Queue[tuple[Message, MakeWork]] = asyncio.Queue()
        self._interrupted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def start(self, work: Work, when_over: Callable[["Run"], None]) -> None:
        """Begins, once there is a free slot; `when_over` is called when nothing more will happen."""
        self._task = asyncio.create_task(self._live(work))
        self._task.add_done_callback(lambda _: when_over(self))

    async def hear(self, message: Message, work: MakeWork, *, bounded: bool = True) -> Standing:
        """Gives a message to the worker; it is durable once this returns. How the task stood with it.

        Raises GatewayError where the worker has too many unread, the task would be too large or the
        store is away, and TaskOver.
        """
        if bounded and self._inbox.qsize() >= self._settings.messages:
            raise GatewayFault(ErrorKind.RESOURCE_EXHAUSTED, "The task has not yet taken the messages sent before")
        try:
            standing = self.live.say(message)
        except TaskTooLarge:
            raise CallerError(ErrorKind.RESOURCE_EXHAUSTED, too_large(self._settings)) from None
        self._inbox.put_nowait((message, work))
        await self.live.written()
        return standing

    async def cancel(self) -> None:
        """CANCELED from now on, whatever the worker still yields.

        Raises TaskOver where it is over already, GatewayFault where the store is away.
        """
        self.live.enter(TaskState.CANCELED, at_all_costs=True)
        self.interrupt()
        await self.live.written()

    def interrupt(self) -> None:
        """Closes the generator where it stands. One that does not let go in time is left alone."""
        if not self._interrupted.done():
            self._interrupted.set_result(None)

    async def stop(self) -> None:
        """The gateway stops: the task is FAILED unless it ends by itself first."""
        self._end(TaskState.FAILED, STOPPED_TEXT)
        self.interrupt()
        await self.over(2 * self._settings.stop_s)
        if self._task is not None and not self._task.done():
            # What could not be written by now is for a successor to find out.
            self.live.abandon(GatewayFault(ErrorKind.UNAVAILABLE, STOPPED_TEXT))
            await self.over()

    async def over(self, within_s: float | None = None) -> None:
        """Returns when nothing more will happen."""
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=within_s)

    # The course of a run.

    async def _live(self, work: Work) -> None:
        working = asyncio.create_task(self._work(work))
        await asyncio.wait((working, self._interrupted), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            await asyncio.wait((working,), timeout=self._settings.stop_s)
        if not working.done():
            _log.warning("the worker does not let go", task=self.live.id, agent=self.live.agent)
            _stubborn.add(working)
            working.add_done_callback(_stubborn.discard)
        self._slot.leave()
        self.is_finishing = True
        if not self.live.is_over and self.live.phase is Phase.RUNNING:
            self._end(TaskState.FAILED, GATEWAY_FAILED_TEXT)
        await self.live.close()

    async def _work(self, work: Work) -> None:
        try:
            await self._slot.take()
            await self._all_rounds(work)
        except (TaskOver, asyncio.CancelledError):
            pass
        except TaskTooLarge:
            self._end(TaskState.FAILED, too_large(self._settings))
        except GatewayError as error:
            self._end(TaskState.FAILED, error.message)
        except Exception:
            _log.exception("unexpected error", task=self.live.id)
            self._end(TaskState.FAILED, GATEWAY_FAILED_TEXT)

    async def _all_rounds(self, work: Work) -> None:
        live = self.live
        while True:
            if live.state is not TaskState.WORKING:
                await live.become(TaskState.WORKING)
            await self._once(work)
            if live.is_over:
                return
            if self._inbox.empty():
                break
            # What was said meanwhile is worked on too, before the task is over or waits.
            message, make = self._inbox.get_nowait()
            work = replace(make(copied(live.snapshot())), message=own(message))
        self.is_finishing = True
        if live.phase is Phase.RUNNING:
            await live.become(TaskState.COMPLETED)
        elif live.has_draft:
            await live.become(live.state)

    async def _once(self, work: Work) -> None:
        """Runs the worker from its beginning to its end."""
        self._context = work.context
        self._show_heard(work.message)
        generator: AsyncGenerator[Yield, Message | None] | AsyncIterator[Yield] | None = None
        try:
            generator = self._worker.run(work)
            await self._take_all(generator)
        except (TaskOver, TaskTooLarge, GatewayError):
            raise
        except asyncio.CancelledError:
            if (current := asyncio.current_task()) is not None and current.cancelling():
                raise
            self._fail()
        except (Exception, SystemExit):
            self._fail()
        finally:
            if generator is not None:
                await self._close(generator)

    async def _take_all(self, generator: AsyncGenerator[Yield, Message | None] | AsyncIterator[Yield]) -> None:
        answer: Message | None = None
        while True:
            try:
                given = await _next(generator, answer)
            except StopAsyncIteration:
                return
            answer = None
            if self._is_shown and self._context.is_watched:
                self._context.show("southbound", shown.BINDING, "response", shown.written(given))
            if isinstance(given, Ask):
                answer = await self._ask(given)
            else:
                await take(given, self.live)
                if self.live.is_over:
                    return

    async def _ask(self, ask: Ask) -> Message:
        if self._inbox.empty():
            await self.live.become(
                TaskState.AUTH_REQUIRED if ask.auth else TaskState.INPUT_REQUIRED, said_by(ask.message)
            )
            # A task that waits for its caller keeps no other from being worked on.
            self._slot.leave()
            try:
                async with asyncio.timeout(self._settings.unanswered_s):
                    message, _ = await self._inbox.get()
            except TimeoutError:
                self._end(TaskState.FAILED, UNANSWERED_TEXT)
                raise TaskOver from None
            await self._slot.take()
        else:
            message, _ = self._inbox.get_nowait()
        self._show_heard(message)
        return own(message)

    def _show_heard(self, message: Message) -> None:
        if self._is_shown and self._context.is_watched:
            self._context.show("southbound", shown.BINDING, "request", message.to_json().encode())

    def _fail(self) -> None:
        # Its text may hold what callers must not see; the log has it.
        _log.exception("the worker failed", task=self.live.id, agent=self.live.agent)
        self._end(TaskState.FAILED, FAILED_TEXT)

    def _end(self, state: TaskState, text: str) -> None:
        """The task is over, unless it is already; whoever closes it waits until that is durable."""
        with suppress(TaskOver):
            self.live.enter(state, says(text), at_all_costs=True)

    async def _close(self, generator: AsyncGenerator[Yield, Message | None] | AsyncIterator[Yield]) -> None:
        """Lets the worker clean up, within bounds, even while this run is being cancelled."""
        close = getattr(generator, "aclose", None)
        if close is None:
            return
        closing = asyncio.ensure_future(close())
        with suppress(asyncio.CancelledError):
            await asyncio.wait((closing,), timeout=self._settings.stop_s)
        if not closing.done():
            _log.warning("the worker does not let go", task=self.live.id, agent=self.live.agent)
            closing.cancel()
        elif not closing.cancelled() and (error := closing.exception()) is not None:
            _log.warning("the worker failed while it was closed", task=self.live.id, error=type(error).__name__)


class _Slot:
    """A run's place among those that are worked on at once."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots = slots
        self._is_taken = False

    async def take(self) -> None:
        await self._slots.acquire()
        self._is_taken = True

    def leave(self) -> None:
        if self._is_taken:
            self._is_taken = False
            self._slots.release()


async def _next(
    generator: AsyncGenerator[Yield, Message | None] | AsyncIterator[Yield], answer: Message | None
) -> Yield:
    if isinstance(generator, AsyncGenerator):
        return await cast("AsyncGenerator[Yield, Message | None]", generator).asend(answer)
    return await anext(generator)


def copied(task: Task) -> Task:
    return Task.from_binary(task.to_binary())


def too_large(settings: TaskSettings) -> str:
    return f"The task is larger than {settings.task_bytes} bytes"
