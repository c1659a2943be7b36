"""One task at work on this gateway: its state, its log, and what of it readers may see yet.

Every event passes `_record`: the lifecycle allows it, it gets its number, it changes the projection.
Ordinary events are shown at once and written in batches; one that ends or interrupts the task is
written first. A change is made whole or not at all: what cannot be sent changes nothing.
"""

import asyncio
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from gateway.codec.jsontext import JsonValue
from gateway.deltas.draft import Draft
from gateway.deltas.extension import patch_event
from gateway.deltas.op import Op
from gateway.errors import GatewayError, GatewayFault
from gateway.settings.tasks import TaskSettings
from gateway.tasks import lifecycle
from gateway.tasks.journal import Journal, store_away
from gateway.tasks.log import Bounds, Item, Log
from gateway.tasks.projection import Projection
from gateway.tasks.store import Entry, Hook, Record, Store
from generated.a2a.v1.a2a_pb import (
    Artifact,
    Message,
    Role,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)

_EVENTS_A_TURN = 16
"""What a worker that awaits nothing makes before others get their turn: well under a millisecond's worth."""


class Watcher(Protocol):
    """Who wants to know what becomes of a live task."""

    def task_written(self, live: "LiveTask", entries: Sequence[Entry], snapshot: Task | None) -> None:
        """Events are durable, told in their order; `snapshot` has these and no later ones folded in.

        It is given whenever the state changed.
        """
        ...

    def task_lost(self, live: "LiveTask") -> None:
        """The task is not this gateway's any more; nothing of it can be recorded."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A task as it stood after an event."""

    task: Task
    seq: int


class TaskOver(Exception):
    """The task is over, or no longer this gateway's: nothing of it can be recorded any more."""


class TaskTooLarge(Exception):
    """The task has produced more than it may."""


class LiveTask:
    """A task that this gateway owns and works on."""

    def __init__(
        self,
        record: Record,
        store: Store,
        settings: TaskSettings,
        watcher: Watcher,
        hooks: Sequence[Hook],
        trace: Mapping[str, str],
    ) -> None:
        """Takes `record.task` over."""
        self.id = record.task.id
        self.agent = record.agent
        self.principal = record.principal
        self.epoch = record.epoch
        self.log = Log(
            record.epoch, record.seq, Bounds(settings.buffer_events, settings.buffer_bytes), self._draft_root
        )
        self.hooks = list(hooks)
        """Its push notification configurations."""
        self.trace = trace
        """Headers of the call that set it to work."""
        self.lost = False
        """Whether another gateway has taken the task."""
        self._settings = settings
        self._watcher = watcher
        self._size = len(record.task.to_binary())
        self._projection = Projection(record.task)
        self._seq = record.seq
        self._draft: Draft | None = None
        self._draft_seq = -1
        self._draft_size = 0
        self._begun_artifacts = {artifact.artifact_id for artifact in record.task.artifacts}
        self._hidden: list[tuple[Item, bool]] = []
        """Events that readers were not shown, and whether each must be written first."""
        self._ending = False
        self._events_since_turn = 0
        self._journal = Journal(self.id, self.epoch, self._seq, store, settings, self.snapshot, self)

    @property
    def state(self) -> TaskState:
        return self._projection.state

    @property
    def phase(self) -> lifecycle.Phase:
        return lifecycle.phase(self.state)

    @property
    def is_over(self) -> bool:
        """Whether it has its final state, or is about to."""
        return self._ending or self.phase is lifecycle.Phase.TERMINAL

    @property
    def has_draft(self) -> bool:
        """Whether a message is under construction."""
        return self._draft is not None and not self._draft.empty

    @property
    def is_given_back(self) -> bool:
        """Whether the store says that no gateway runs it any more."""
        return self._journal.is_given_back

    def snapshot(self) -> Task:
        """The task with everything that was recorded; of that, readers were shown all once it is `settled`."""
        return self._projection.snapshot()

    # What a run produces.

    async def grow(self, change: Callable[[Draft], Sequence[Op]], size: int) -> None:
        """Changes the message under construction by about `size` bytes; readers of deltas see it grow.

        Raises TaskOver, TaskTooLarge.
        """
        self._check_open()
        self._check_room(size)
        if self._draft is None:
            self._draft, self._draft_seq, self._draft_size = Draft(str(uuid.uuid4())), -1, 0
        ops = change(self._draft)
        self._draft_size += size
        self._draft_seq += bool(ops)
        if ops and self.log.delta_readers:
            patch = self._patch(self._draft, ops)
            self.log.publish([Item(patch, self.epoch, self.log.seq, size, is_delta=True)])
        await self._let_others()

    async def produce(self, artifact: Artifact, *, whole: bool, last: bool) -> None:
        """An artifact or a piece of one. Raises TaskOver, TaskTooLarge."""
        self._check_open()
        append = not whole and artifact.artifact_id in self._begun_artifacts
        if append:
            # What describes an artifact is said once, and not with every token.
            artifact = Artifact(artifact_id=artifact.artifact_id, parts=artifact.parts)
        update = TaskArtifactUpdateEvent(
            task_id=self.id,
            context_id=self._projection.context_id,
            artifact=artifact,
            append=append,
            last_chunk=whole or last,
        )
        response = StreamResponse(payload=Oneof("artifact_update", update))
        size = len(response.to_binary())
        self._check_room(size)
        self._begun_artifacts.add(artifact.artifact_id)
        self._record(response, size)
        self._show()
        await self._let_others()

    async def become(
        self, state: TaskState, said: Message | None = None, metadata: Mapping[str, JsonValue] | None = None
    ) -> None:
        """A new state; durable before it is shown where the task ends or waits. Raises as `enter` does."""
        self.enter(state, said, metadata)
        await self._brought_out(self.phase)

    def enter(
        self,
        state: TaskState,
        said: Message | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
        *,
        at_all_costs: bool = False,
    ) -> None:
        """A new state, with what was under construction and what is said beside it.

        `at_all_costs`: however large the task is. Raises TaskOver, TaskTooLarge, ValueError for a
        state that cannot follow.
        """
        self._check_open()
        if not lifecycle.may_follow(self.state, state):
            raise ValueError(f"{lifecycle.name_of(state)} cannot follow {lifecycle.name_of(self.state)}")
        phase = lifecycle.phase(state)
        is_over = phase is lifecycle.Phase.TERMINAL
        updates: list[StreamResponse] = []
        draft = self._draft if self.has_draft else None
        if draft is not None and is_over and state is not TaskState.COMPLETED:
            # A task that goes wrong keeps what it had begun to say, apart from what went wrong.
            updates.append(self._status(TaskState.WORKING, self._finished(draft, None), None))
            draft = None
        updates.append(self._status(state, self._finished(draft, said), metadata))
        sizes = [len(update.to_binary()) for update in updates]
        if not at_all_costs:
            self._check_room(sum(sizes) - self._draft_size)
        self._draft, self._draft_size = None, 0
        if is_over:
            self._begin_to_end()
        for update, size in zip(updates, sizes, strict=True):
            durable = update is updates[-1] and phase is not lifecycle.Phase.RUNNING
            self._record(update, size, durable=durable, needs_snapshot=True)
        self._show()

    # What an agent elsewhere produces.

    async def record(self, update: StreamResponse) -> None:
        """An update just as the task's agent sent it; what `become` and `produce` promise holds.

        A state that the lifecycle does not know counts as running; one that ends the task is recorded
        however large the task is. Raises TaskOver, TaskTooLarge.
        """
        self._check_open()
        phase, is_status = lifecycle.Phase.RUNNING, False
        match update.payload:
            case Oneof(value=TaskStatusUpdateEvent(status=status)):
                phase = lifecycle.phase(status.state if status is not None else TaskState.UNSPECIFIED)
                is_status = True
            case _:
                pass
        size = len(update.to_binary())
        if phase is lifecycle.Phase.TERMINAL:
            self._begin_to_end()
        else:
            self._check_room(size)
        self._record(update, size, durable=phase is not lifecycle.Phase.RUNNING, needs_snapshot=is_status)
        self._show()
        await self._brought_out(phase)

    def renew(self, history: Sequence[Message], metadata: Struct | None) -> None:
        """What of a task no event can say, as its agent has it now. Readers see it in their next snapshot."""
        self._projection.renew(history, metadata)
        self._journal.renew_snapshot()

    # What callers say, and what is durable.

    def say(self, message: Message) -> Standing:
        """Takes a message of the caller into the history; a task that waited works on. `written` makes it durable.

        How the task stands with it. Raises TaskOver, TaskTooLarge.
        """
        self._check_open()
        state = self.state if self.phase is lifecycle.Phase.RUNNING else TaskState.WORKING
        update = self._status(state, None, None)
        size = len(update.to_binary())
        spoken = len(message.to_binary())
        self._check_room(size + spoken)
        self._size += spoken
        self._projection.say(message)
        self._record(update, size, durable=True, needs_snapshot=True)
        return Standing(self.snapshot(), self._seq)

    async def flushed(self) -> None:
        """Returns when all that happened so far is durable. Raises TaskOver where the task is lost."""
        await self._journal.flushed()
        if self.lost:
            raise TaskOver

    async def written(self) -> None:
        """The same for who will not wait for ever. Raises GatewayFault where the store is away for too long."""
        try:
            async with asyncio.timeout(self._settings.store_patience_s):
                await self.flushed()
        except TimeoutError:
            raise store_away() from None

    async def settled(self) -> None:
        """Returns when readers have been shown everything that the snapshot holds; take it at once.

        Raises GatewayFault where the store does not let that happen.
        """
        if not self._hidden:
            return
        try:
            async with asyncio.timeout(self._settings.store_patience_s):
                while self._hidden and not self.lost:
                    await self._journal.flushed()
        except TimeoutError:
            raise store_away() from None

    async def verified(self) -> None:
        """Asks the store whether the task is still this gateway's, and lets go of it if it is not."""
        await self._journal.verified()

    async def close(self) -> None:
        """Writes all there is and ends the writing. One that waits for its caller is given back, if it may be.

        The task must be over, waiting for its caller, or lost.
        """
        await self._finish(owned=False)
        if self.is_over:
            self.log.end()
        else:
            self.log.move()

    async def leave(self, *, owned: bool, failure: GatewayError | None) -> None:
        """Writes all there is and ends the writing and the reading: the task goes on at its agent, or is over.

        `owned` leaves a task that is not over to whoever inherits from this gateway, else anybody may
        have it. Without a failure, readers see a stream that ends well.
        """
        await self._finish(owned=owned)
        self.log.end(failure)

    def abandon(self, failure: GatewayFault) -> None:
        """The task is not this gateway's any more: nothing is written, and readers are told to come back."""
        self._journal.close()
        self.was_lost(failure)

    # What the journal tells.

    def wrote(self, entries: Sequence[Entry], snapshot: Task | None) -> None:
        self.log.written(self._journal.written)
        self._show()
        self._watcher.task_written(self, entries, snapshot)

    def store_is_away(self) -> None:
        self.log.interrupt(store_away())

    def was_lost(self, failure: GatewayFault) -> None:
        if not self.lost:
            self.lost = self._ending = True
            self._hidden.clear()
            self.log.end(failure)
            self._watcher.task_lost(self)

    # How it is recorded.

    def _begin_to_end(self) -> None:
        self._ending = True
        if not self.hooks:
            # Where there are hooks, they are told before the task is given back, so that a successor knows.
            self._journal.give_back()

    async def _finish(self, *, owned: bool) -> None:
        if not (self.is_over or owned):
            self._journal.give_back()
        await self._journal.flushed()
        self._journal.close()

    async def _brought_out(self, phase: lifecycle.Phase) -> None:
        """Returns once what was recorded is durable, or, while the task runs, there is room for more."""
        if phase is lifecycle.Phase.RUNNING:
            await self._let_others()
        else:
            await self.flushed()

    async def _let_others(self) -> None:
        """Readers of the same loop, and the writing, get their turn however fast the worker is.

        Not after each of its events: what comes together costs each reader one write to its socket.
        """
        await self._journal.have_room()
        self._events_since_turn += 1
        if self._events_since_turn >= _EVENTS_A_TURN:
            self._events_since_turn = 0
            await asyncio.sleep(0)

    def _check_open(self) -> None:
        if self.is_over or self.lost:
            raise TaskOver

    def _check_room(self, size: int) -> None:
        if self._size + self._draft_size + size > self._settings.task_bytes:
            raise TaskTooLarge

    def _record(
        self, response: StreamResponse, size: int, *, durable: bool = False, needs_snapshot: bool = False
    ) -> None:
        """Makes an event of it. `durable`: it is shown, and what follows it, once it is written."""
        self._seq += 1
        self._size += size
        self._projection.apply(response)
        self._hidden.append((Item(response, self.epoch, self._seq, size), durable))
        self._journal.add(Entry(self._seq, self.epoch, response), needs_snapshot=needs_snapshot)

    def _show(self) -> None:
        """Shows what is recorded, up to what must be written first."""
        shown: list[Item] = []
        for item, durable in self._hidden:
            if durable and item.seq > self._journal.written:
                break
            shown.append(item)
        if shown:
            del self._hidden[: len(shown)]
            self.log.publish(shown)
        if self._ending and not self._hidden:
            self.log.end()

    def _status(
        self, state: TaskState, message: Message | None, metadata: Mapping[str, JsonValue] | None
    ) -> StreamResponse:
        update = TaskStatusUpdateEvent(
            task_id=self.id,
            context_id=self._projection.context_id,
            status=TaskStatus(state=state, message=message, timestamp=Timestamp.from_datetime(datetime.now(UTC))),
            metadata=Struct.from_python(dict(metadata)) if metadata else None,
        )
        return StreamResponse(payload=Oneof("status_update", update))

    def _finished(self, draft: Draft | None, said: Message | None) -> Message | None:
        if draft is not None:
            return draft.message(task_id=self.id, context_id=self._projection.context_id, closing=said)
        return said and addressed(said, self.id, self._projection.context_id)

    def _draft_root(self) -> StreamResponse | None:
        if self._draft is None or self._draft.empty:
            return None
        return self._patch(self._draft, self._draft.root(), snapshot=True)

    def _patch(self, draft: Draft, ops: Sequence[Op], *, snapshot: bool = False) -> StreamResponse:
        return patch_event(
            self.id, self._projection.context_id, draft.message_id, ops, self._draft_seq, snapshot=snapshot
        )


def addressed(message: Message, task_id: str, context_id: str) -> Message:
    """The agent's message as it belongs to a task, with an id if it had none."""
    return Message(
        message_id=message.message_id or str(uuid.uuid4()),
        context_id=context_id,
        task_id=task_id,
        role=Role.AGENT,
        parts=list(message.parts),
        metadata=message.metadata,
        extensions=list(message.extensions),
        reference_task_ids=list(message.reference_task_ids),
    )
