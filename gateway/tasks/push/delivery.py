"""Delivery of push notifications: which webhook is told what, beside the work on the task and never before it.

One line per webhook of a task, all at once within `connections`. Delivery is at least once and in
order. It keeps nothing of its own over a restart: a task is given back to the store when `settled`
returns, so a gateway that dies before leaves an owned task to its successor, who calls `resume`.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence

from protobuf import Oneof

from gateway.codec.malformed import Bounds
from gateway.codec.v0_3.choices import Choices
from gateway.operations import TERMINAL_STATES
from gateway.settings import PushSettings
from gateway.tasks.push.line import Line, Load, Means
from gateway.tasks.push.notification import OLD, whole
from gateway.tasks.push.outbox import Room
from gateway.tasks.push.sender import Send
from gateway.tasks.push.slots import Slots
from gateway.tasks.push.telemetry import PushTelemetry
from gateway.tasks.store import Entry, Hook, Record
from generated.a2a.v1.a2a_pb import StreamResponse, Task, TaskState, TaskStatusUpdateEvent


class Delivery:
    """Tells webhooks of tasks. All methods belong on the event loop."""

    def __init__(
        self,
        settings: PushSettings,
        send: Send,
        load: Load,
        telemetry: PushTelemetry,
        bounds: Bounds,
        choices: Choices | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`load` is asked for whole tasks; what it gives must hold every event that was announced, else it waits."""
        self._settings = settings
        self._telemetry = telemetry
        self._means = Means(
            settings,
            send,
            load,
            Slots(settings).slot,
            telemetry,
            bounds,
            choices or Choices(),
            jitter,
            Room(settings.waiting_bytes),
        )
        self._lines: dict[str, dict[str, Line]] = {}
        self._runners: dict[Line, asyncio.Task[None]] = {}
        self._count = 0
        self._is_closing = False

    def announce(
        self,
        task_id: str,
        hooks: Sequence[Hook],
        entry: Entry,
        snapshot: Callable[[], Task],
        trace: Mapping[str, str] | None = None,
    ) -> None:
        """Has a task's webhooks told of an event, which must be durable. Returns at once and raises nothing.

        Events of a task are announced in their order. `snapshot` gives the task with this event
        folded in and no later one; it is called before this returns, or not at all. `trace` holds
        headers, of which those of the trace context go along.
        """
        state = _state(entry.response)
        if not hooks or (state is None and self._settings.events == "states"):
            return
        old = None
        if state is not None and any(hook.version == OLD for hook in hooks):
            old = whole(snapshot())
        last = state in TERMINAL_STATES
        for hook in hooks:
            response = old if hook.version == OLD else entry.response
            self._put(task_id, hook, entry.seq, response, urgent=state is not None, last=last, trace=trace or {})

    def resume(self, record: Record, hooks: Sequence[Hook]) -> None:
        """Has webhooks told of a task as it stands: for one that a gateway left before its webhooks were told."""
        last = record.task.status is not None and record.task.status.state in TERMINAL_STATES
        for hook in hooks:
            self._put(record.task.id, hook, record.seq, None, urgent=True, last=last, trace={})

    def owe(self, task_id: str, hook: Hook) -> None:
        """Has the webhook told of the whole task when next it is told: another gateway failed to tell it something."""
        line = self._line(task_id, hook)
        if line is not None:
            line.outbox.lose()

    def owes(self, task_id: str) -> bool:
        """Whether a webhook of a task has missed something that nothing has made up for yet."""
        return any(line.outbox.is_holed for line in self._lines.get(task_id, {}).values())

    def forget(self, task_id: str, hook_id: str | None = None) -> None:
        """Stops telling a webhook, or all of a task: its configuration is deleted, or the task is another gateway's."""
        lines = self._lines.get(task_id, {})
        for line in [line for key, line in lines.items() if hook_id in (None, key)]:
            line.drop()
            if runner := self._runners.get(line):
                runner.cancel()
            self._remove(line)

    async def settled(self, task_id: str) -> None:
        """Returns once nothing of a task waits or is on its way: each is taken or given up."""
        while unsettled := [line for line in self._lines.get(task_id, {}).values() if not line.is_settled]:
            for line in unsettled:
                await line.settled()

    async def close(self, grace_s: float) -> None:
        """Stops: what waits may go out for so long, the rest is left to whoever resumes its tasks."""
        self._is_closing = True
        for line in self._runners:
            line.hurry()
        if self._runners:
            await asyncio.wait(list(self._runners.values()), timeout=grace_s)
        left = dict(self._runners)
        for runner in left.values():
            runner.cancel()
        await asyncio.gather(*left.values(), return_exceptions=True)
        unsettled = {line.task_id for line in left if not line.is_settled}
        if unsettled:
            self._telemetry.left(len(unsettled))
        self._lines.clear()
        self._count = 0

    def _put(
        self,
        task_id: str,
        hook: Hook,
        seq: int,
        response: StreamResponse | None,
        *,
        urgent: bool,
        last: bool,
        trace: Mapping[str, str],
    ) -> None:
        line = self._line(task_id, hook)
        if line is None:
            return
        line.hook = hook
        line.trace = trace
        size_bytes = 0 if response is None else len(response.to_binary())
        line.put(seq, response, urgent=urgent, size_bytes=size_bytes, last=last)
        if line not in self._runners:
            self._runners[line] = asyncio.create_task(self._run(line))
            self._telemetry.waiting.set(len(self._runners))

    def _line(self, task_id: str, hook: Hook) -> Line | None:
        """The line to a webhook; None, and said so, where there can be no more of them."""
        line = self._lines.get(task_id, {}).get(hook.config.id)
        if self._is_closing:
            self._telemetry.refused(task_id, hook.config.id, "the gateway stops")
            return None
        if line is None:
            if self._count >= self._settings.webhooks:
                self._telemetry.refused(task_id, hook.config.id, "too many webhooks wait")
                return None
            line = self._lines.setdefault(task_id, {})[hook.config.id] = Line(task_id, hook, self._means)
            self._count += 1
        return line

    async def _run(self, line: Line) -> None:
        try:
            await line.run()
        finally:
            self._runners.pop(line, None)
            self._telemetry.waiting.set(len(self._runners))
        # One that owes its webhook the whole task remembers it until there is something to say.
        if line.is_over or not line.outbox.is_holed:
            self._remove(line)

    def _remove(self, line: Line) -> None:
        lines = self._lines.get(line.task_id, {})
        if lines.get(line.hook.config.id) is line:
            del lines[line.hook.config.id]
            self._count -= 1
            if not lines:
                del self._lines[line.task_id]


def _state(response: StreamResponse) -> TaskState | None:
    """The state that an update gives its task; None where it is about an artifact, or a message."""
    match response.payload:
        case Oneof(value=Task(status=status) | TaskStatusUpdateEvent(status=status)):
            return status.state if status is not None else TaskState.UNSPECIFIED
        case _:
            return None
