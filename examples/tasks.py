"""The life of a task: what happened to it is recorded once, and every stream reads that record.

The work on a task is an asyncio task of its own, so a caller that goes away ends its stream and
nothing else. Records are kept in memory for as long as the program runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime

from examples.model import (
    AT_REST,
    A2AError,
    Artifact,
    ArtifactUpdate,
    Event,
    Message,
    Reason,
    Role,
    Status,
    StatusUpdate,
    Task,
    TaskState,
    Update,
    new_id,
    now,
)


class TaskRecord:
    """One task: where it stands now (`task`) and every update that led there."""

    def __init__(self, message: Message) -> None:
        task_id, context_id = new_id(), message.context_id or new_id()
        said = replace(message, task_id=task_id, context_id=context_id)
        self.task = Task(task_id, context_id, Status(TaskState.SUBMITTED, now()), history=(said,))
        self._updates: list[Update] = []
        self._grown = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    def resume(self, message: Message) -> None:
        """Takes the message that an interrupted task waited for.

        Raises A2AError when the context is another one or the task waits for nothing.
        """
        task = self.task
        if message.context_id not in ("", task.context_id):
            raise A2AError(Reason.INVALID_PARAMS, f"task {task.id} belongs to another context")
        if task.status.state is not TaskState.INPUT_REQUIRED:
            raise A2AError(
                Reason.UNSUPPORTED_OPERATION,
                f"task {task.id} is in {task.status.state} and takes no message",
            )
        question = (task.status.message,) if task.status.message else ()
        said = replace(message, context_id=task.context_id)
        self.task = replace(
            task,
            status=Status(TaskState.WORKING, now()),
            history=(*task.history, *question, said),
        )

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Lets `work` run on its own, whoever listens."""
        self._work = asyncio.create_task(work)

    def cancel(self) -> None:
        """Stops the work for good. Raises A2AError when the task is terminal already."""
        if self.task.is_terminal:
            raise A2AError(
                Reason.TASK_NOT_CANCELABLE,
                f"task {self.task.id} is in {self.task.status.state} and cannot be canceled",
            )
        if self._work:
            self._work.cancel()
        self.move_to(TaskState.CANCELED)

    def move_to(self, state: TaskState, saying: str = "") -> None:
        task = self.task
        message = (
            Message(new_id(), Role.AGENT, (saying,), task.context_id, task.id) if saying else None
        )
        self._record(StatusUpdate(task.id, task.context_id, Status(state, now(), message)))

    def add_to(self, artifact: Artifact, *, append: bool, last_chunk: bool) -> None:
        task = self.task
        self._record(ArtifactUpdate(task.id, task.context_id, artifact, append, last_chunk))

    def follow(self) -> AsyncIterator[Event]:
        """The task as it stands at this call, then every update without a gap until it is at rest.

        Raises A2AError, at the call, when the task is terminal.
        """
        if self.task.is_terminal:
            raise A2AError(
                Reason.UNSUPPORTED_OPERATION,
                f"task {self.task.id} is in {self.task.status.state}: nothing will follow",
            )
        return self._events_from(self.task, len(self._updates))

    async def rest(self) -> None:
        """Waits until the task is terminal or interrupted."""
        async for _ in self.follow():
            pass

    async def _events_from(self, task: Task, position: int) -> AsyncIterator[Event]:
        yield task
        while True:
            while position == len(self._updates):
                await self._grown.wait()
            update = self._updates[position]
            position += 1
            yield update
            if isinstance(update, StatusUpdate) and update.status.state in AT_REST:
                return

    def _record(self, update: Update) -> None:
        if self.task.is_terminal:
            return  # the end stands, whatever the work still tries to say
        self.task = self.task.after(update)
        self._updates.append(update)
        self._grown.set()
        self._grown = asyncio.Event()


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """What ListTasks asks for (specification section 3.1.4)."""

    context_id: str = ""
    status: TaskState = TaskState.UNSPECIFIED
    status_timestamp_after: datetime | None = None
    page_size: int = 50
    page_token: str = ""
    history_length: int | None = None
    include_artifacts: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.page_size <= 100:
            raise A2AError(Reason.INVALID_PARAMS, "pageSize must be from 1 to 100")

    def wants(self, task: Task) -> bool:
        return (
            self.context_id in ("", task.context_id)
            and self.status in (TaskState.UNSPECIFIED, task.status.state)
            and (
                self.status_timestamp_after is None
                or task.status.timestamp >= self.status_timestamp_after
            )
        )

    def view(self, task: Task) -> Task:
        shown = task.with_history(self.history_length)
        return shown if self.include_artifacts else replace(shown, artifacts=())


@dataclass(frozen=True, slots=True)
class TaskPage:
    tasks: list[Task]
    next_page_token: str
    page_size: int
    total_size: int


class Tasks:
    """Every task of the agent."""

    def __init__(self) -> None:
        self._records: dict[str, TaskRecord] = {}

    def add(self, record: TaskRecord) -> None:
        self._records[record.task.id] = record

    def find(self, task_id: str) -> TaskRecord:
        """Raises A2AError when there is no such task."""
        try:
            return self._records[task_id]
        except KeyError:
            raise A2AError(Reason.TASK_NOT_FOUND, f"there is no task {task_id!r}") from None

    def page(self, query: TaskQuery) -> TaskPage:
        """The tasks that match, newest status first; a page token is the place of the last one."""
        matching = sorted(
            (record.task for record in self._records.values() if query.wants(record.task)),
            key=_place,
            reverse=True,
        )
        left = matching
        if query.page_token:
            last = _read(query.page_token)
            left = [task for task in matching if _place(task) < last]
        shown = left[: query.page_size]
        more = len(left) > len(shown)
        return TaskPage(
            tasks=[query.view(task) for task in shown],
            next_page_token="/".join(_place(shown[-1])) if more else "",
            page_size=query.page_size,
            total_size=len(matching),
        )


def _place(task: Task) -> tuple[str, str]:
    return task.status.timestamp.isoformat(timespec="microseconds"), task.id


def _read(page_token: str) -> tuple[str, str]:
    timestamp, slash, task_id = page_token.partition("/")
    if not slash:
        raise A2AError(Reason.INVALID_PARAMS, "pageToken is not one of this agent's")
    return timestamp, task_id
