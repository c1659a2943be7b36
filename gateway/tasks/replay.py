"""A recording as an agent: whoever sends it a message gets what was recorded, with the same ids in the same order.

A message without a task plays the recording from its beginning; one to the recorded task plays the
next turn. Nothing else changes what is played, so a recording is the same for all callers.
"""

import asyncio
import itertools
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, cast

from protobuf import Message, Oneof

from gateway.agent import Answer, Burst, CallContext, Event, Head
from gateway.codec.recording import Recording, Shown, Turn
from gateway.errors import AgentError, CallerError, ErrorKind
from gateway.operations import (
    CANCEL_TASK,
    GET_EXTENDED_AGENT_CARD,
    GET_TASK,
    LIST_TASKS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    Operation,
)
from gateway.tasks import lifecycle
from gateway.tasks.history import history_length, shortened
from gateway.tasks.projection import Projection
from generated.a2a.v1 import a2a_pb as a2a
from generated.a2a.v1.a2a_pb import StreamResponse, Task

_CURSOR = "last-event-id"
_STOPPED = "The recording stops here; the stream went on"


class Replay:
    """An Agent that plays one recording. `speed` is how many times as fast; None plays at once."""

    def __init__(self, recording: Recording, card: a2a.AgentCard, speed: float | None) -> None:
        self._recording = recording
        self._card = card
        self._speed = speed
        self._all = [shown for turn in recording.turns for shown in turn.shown]
        self._begins = [0, *itertools.accumulate(len(turn.shown) for turn in recording.turns)]
        self._reached = 0
        """How many events have been played to whoever is furthest since the recording last began."""
        self._turn = 0
        self._methods: Mapping[Operation, Callable[[Message], Message]] = {
            GET_TASK: self._get,
            LIST_TASKS: self._list,
            CANCEL_TASK: self._cancel,
            GET_EXTENDED_AGENT_CARD: self._extended_card,
        }

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        if operation is SEND_MESSAGE:
            return Answer(await self._send(cast(a2a.SendMessageRequest, request)))
        method = self._methods.get(operation)
        if method is None:
            raise CallerError(ErrorKind.PUSH_NOTIFICATION_NOT_SUPPORTED)
        return Answer(method(request))

    async def open(self, operation: Operation, request: Message, context: CallContext) -> "Playing":
        if operation is SEND_STREAMING_MESSAGE:
            return self._play(cast(a2a.SendMessageRequest, request))
        asked = cast(a2a.SubscribeToTaskRequest, request)
        task = self._find(asked.id)
        cursor = context.headers.get(_CURSOR, "")
        at = next((at for at, shown in enumerate(self._all, 1) if cursor and shown.cursor == cursor), None)
        if at is not None and at < self._begins[self._turn + 1]:
            return self._playing(at, bisect_right(self._begins, at) - 1)
        lifecycle.check_subscribe(task)
        snapshot = Event(StreamResponse(payload=Oneof("task", task)))
        return self._playing(self._reached, self._turn, snapshot)

    async def card(self, context: CallContext) -> a2a.AgentCard:
        return self._card

    async def close(self) -> None:
        """Nothing."""

    def played(self, position: int) -> None:
        """Told by whoever plays that it is so far."""
        self._reached = max(self._reached, position)

    def _play(self, request: a2a.SendMessageRequest) -> "Playing":
        message = request.message
        if message is None or not message.task_id:
            self._reached = self._turn = 0
        else:
            task = self._find(message.task_id)
            lifecycle.check_message(task, message)
            if self._turn + 1 >= len(self._recording.turns):
                raise CallerError(ErrorKind.UNSUPPORTED_OPERATION, "The recording has no answer to another message")
            self._turn += 1
            self._reached = self._begins[self._turn]
        return self._playing(self._begins[self._turn], self._turn)

    def _playing(self, position: int, turn: int, first: Event | None = None) -> "Playing":
        return Playing(self, self._recording.turns[turn], position, position - self._begins[turn], self._speed, first)

    async def _send(self, request: a2a.SendMessageRequest) -> Message:
        playing = self._play(request)
        at_once = request.configuration is not None and request.configuration.return_immediately
        last: StreamResponse | None = None
        while (burst := await playing.burst()) is not None:
            last = burst[-1].response
            if at_once:
                break
        match last and last.payload:
            case Oneof(value=a2a.Message() as message):
                return a2a.SendMessageResponse(payload=Oneof("message", message))
            case _:
                length = history_length(request.configuration)
                return a2a.SendMessageResponse(payload=Oneof("task", shortened(self._task(), length)))

    def _get(self, request: Message) -> Message:
        asked = cast(a2a.GetTaskRequest, request)
        return shortened(self._find(asked.id), history_length(asked))

    def _list(self, request: Message) -> Message:
        asked = cast(a2a.ListTasksRequest, request)
        tasks = [self._task()] if self._recording.task_id and self._reached else []
        wanted = [task for task in tasks if asked.context_id in ("", task.context_id)]
        length = history_length(asked)
        shown = [shortened(task, length) for task in wanted]
        if not asked.include_artifacts:
            for task in shown:
                task.artifacts = []
        return a2a.ListTasksResponse(tasks=shown, page_size=max(len(shown), 1), total_size=len(shown))

    def _cancel(self, request: Message) -> NoReturn:
        self._find(cast(a2a.CancelTaskRequest, request).id)
        raise CallerError(ErrorKind.TASK_NOT_CANCELABLE, "A recording plays to its end")

    def _extended_card(self, request: Message) -> NoReturn:
        raise CallerError(ErrorKind.EXTENDED_AGENT_CARD_NOT_CONFIGURED)

    def _find(self, task_id: str) -> Task:
        """The task as far as it was played. Raises CallerError."""
        if not self._reached or not task_id or task_id != self._recording.task_id:
            raise CallerError(ErrorKind.TASK_NOT_FOUND)
        return self._task()

    def _task(self) -> Task:
        return folded(self._all[: self._reached])


class Playing:
    """A turn as a stream, from a place in it on."""

    head = Head()

    def __init__(
        self, replay: Replay, turn: Turn, position: int, begin: int, speed: float | None, first: Event | None
    ) -> None:
        self._replay = replay
        self._turn = turn
        self._position = position
        self._next = begin
        self._speed = speed
        self._first = first
        self._before_ms = turn.shown[begin - 1].at_ms if begin else turn.at_ms

    async def burst(self) -> Burst | None:
        if self._first is not None:
            first, self._first = self._first, None
            return (first,)
        if self._next < len(self._turn.shown):
            shown = self._turn.shown[self._next]
            await self._wait_until(shown.at_ms)
            self._next += 1
            self._position += 1
            self._replay.played(self._position)
            return (Event(shown.event, shown.cursor),)
        if self._turn.ended_ms is None:
            raise AgentError(ErrorKind.UNAVAILABLE, _STOPPED)
        await self._wait_until(self._turn.ended_ms)
        if (failed := self._turn.failed) is not None:
            raise AgentError(failed.kind, failed.message)
        return None

    async def close(self) -> None:
        """Nothing."""

    async def _wait_until(self, at_ms: int) -> None:
        if self._speed is not None and at_ms > self._before_ms:
            await asyncio.sleep((at_ms - self._before_ms) / 1000 / self._speed)
        self._before_ms = at_ms


def folded(events: Sequence[Shown]) -> Task:
    """What events make of a task."""
    projection = Projection(Task(status=a2a.TaskStatus(state=a2a.TaskState.SUBMITTED)))
    for shown in events:
        match shown.event.payload:
            case Oneof(value=Task() as task):
                projection = Projection(Task.from_binary(task.to_binary()))
            case _:
                projection.apply(shown.event)
    return projection.snapshot()
