"""For a caller that does not speak the extension, from an agent that does: patches are withheld.

The caller gets every message whole, once, when it is complete, also where the agent ends the task
without it. By setting it gets the message while it grows, as an artifact to which is appended.
"""

from collections.abc import Iterable
from copy import copy

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct

from gateway.deltas.changes import INTERRUPTED, TERMINAL, MessageChange, MessageReplaced, PartAdded, TextDelta
from gateway.deltas.document import DraftBounds
from gateway.deltas.drafts import Drafts
from gateway.deltas.extension import read_event, without_patches
from generated.a2a.v1.a2a_pb import (
    Artifact,
    Message,
    Part,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)


class Expand:
    """Translates one stream.

    With `chunks`, a message that grows is delivered as an artifact under the message's id: text is
    appended as it comes, and the artifact comes once more, whole and last, in the place of the
    message, which the status then lacks.
    """

    def __init__(self, *, chunks: bool = False, bounds: DraftBounds | None = None) -> None:
        self._drafts = Drafts(bounds)
        self._chunks = chunks
        self._shown: dict[str, int] = {}
        """Messages that are delivered as artifacts, and how many parts of each."""
        self._state: TaskState | None = None
        self._subject = ("", "")
        """Task and context."""

    @property
    def holds(self) -> bool:
        """Whether a message is withheld that is not delivered yet."""
        return len(self._drafts) > 0

    def passes(self, response: StreamResponse) -> bool:
        """Whether an event passes as it is and changes nothing here: an artifact's, while no message grows."""
        payload = response.payload
        return payload is not None and payload.field == "artifact_update" and not self._drafts

    def feed(self, response: StreamResponse) -> list[StreamResponse]:
        match response.payload:
            case Oneof(value=TaskStatusUpdateEvent(status=TaskStatus() as status) as update):
                self._subject = (update.task_id, update.context_id)
                return [*self._patch(response), *self._status(response, update, status)]
            case Oneof(value=Task() as task):
                return [self._task(response, task)]
            case _:
                return [response]

    def end(self) -> list[StreamResponse]:
        """What is left once no more comes from the agent, also before an error: open messages, as far as they came."""
        return self._left(())

    def _patch(self, response: StreamResponse) -> list[StreamResponse]:
        patch = read_event(response)
        if patch is None or patch.artifact_id:  # the artifact comes whole
            return []
        changes = self._drafts.take(patch)
        if not self._chunks:
            return []
        return [piece for change in changes for piece in self._pieces(change)]

    def _status(
        self, response: StreamResponse, update: TaskStatusUpdateEvent, status: TaskStatus
    ) -> list[StreamResponse]:
        metadata = without_patches(update.metadata)
        patched = metadata is not update.metadata
        known, self._state = self._state, status.state
        message = status.message
        if patched and metadata is None and message is None and status.state is known:
            return []
        delivered: list[StreamResponse] = []
        if message is not None:
            self._drafts.complete(message)
            if self._shown.pop(message.message_id, None) is not None:
                delivered.append(self._last_piece(message))
                status = copy(status)
                status.message = None
        if status.state in TERMINAL or status.state in INTERRUPTED:
            delivered = [*self._left([message.message_id] if message is not None else []), *delivered]
        if status is update.status and not patched:
            return [*delivered, response]
        rest = copy(update)
        rest.status, rest.metadata = status, metadata
        return [*delivered, StreamResponse(payload=Oneof("status_update", rest))]

    def _left(self, complete: Iterable[str]) -> list[StreamResponse]:
        """Messages that are open and will not be completed."""
        delivered: list[StreamResponse] = []
        for message_id in self._drafts:
            partial = self._drafts.partial(message_id)
            self._drafts.abandon(message_id)
            shown = self._shown.pop(message_id, None)
            if partial is None or message_id in complete:
                continue
            delivered.append(self._said(partial) if shown is None else self._last_piece(partial))
        return delivered

    def _said(self, message: Message) -> StreamResponse:
        task_id, context_id = self._subject
        message.task_id, message.context_id = task_id, context_id
        return _status_update(task_id, context_id, TaskStatus(state=TaskState.WORKING, message=message))

    def _pieces(self, change: MessageChange) -> list[StreamResponse]:
        """A change of a message that grows, as one of the artifact that shows it."""
        match change:
            case TextDelta(message_id=message_id, part_index=at, text=text):
                return self._appended(message_id, at, Part(content=Oneof("text", text)), lengthens=True)
            case PartAdded(message_id=message_id, part_index=at, part=part):
                return self._appended(message_id, at, part, lengthens=False)
            case MessageReplaced(message_id=message_id, parts=parts):
                self._shown[message_id] = len(parts)
                return [self._piece(message_id, [*parts], append=False)]
            case _:
                return []

    def _appended(self, message_id: str, at: int, part: Part, *, lengthens: bool) -> list[StreamResponse]:
        count = self._shown.get(message_id, 0)
        if lengthens and at < count - 1:  # text in the midst: only the whole says where
            partial = self._drafts.partial(message_id)
            return [self._piece(message_id, partial.parts, append=False)] if partial is not None else []
        self._shown[message_id] = max(count, at + 1)
        return [self._piece(message_id, [part], append=count > 0)]

    def _piece(self, message_id: str, parts: list[Part], *, append: bool) -> StreamResponse:
        task_id, context_id = self._subject
        artifact = Artifact(artifact_id=message_id, parts=parts)
        update = TaskArtifactUpdateEvent(task_id=task_id, context_id=context_id, artifact=artifact, append=append)
        return StreamResponse(payload=Oneof("artifact_update", update))

    def _last_piece(self, message: Message) -> StreamResponse:
        task_id, context_id = self._subject
        artifact = Artifact(
            artifact_id=message.message_id,
            parts=list(message.parts),
            metadata=message.metadata,
            extensions=list(message.extensions),
        )
        update = TaskArtifactUpdateEvent(task_id=task_id, context_id=context_id, artifact=artifact, last_chunk=True)
        return StreamResponse(payload=Oneof("artifact_update", update))

    def _task(self, response: StreamResponse, task: Task) -> StreamResponse:
        self._subject = (task.id, task.context_id)
        if task.status is not None:
            self._state = task.status.state
        metadata = without_patches(task.metadata)
        return response if metadata is task.metadata else _with_metadata(task, metadata)


def _with_metadata(task: Task, metadata: Struct | None) -> StreamResponse:
    cleaned = copy(task)
    cleaned.metadata = metadata
    return StreamResponse(payload=Oneof("task", cleaned))


def _status_update(task_id: str, context_id: str, status: TaskStatus) -> StreamResponse:
    update = TaskStatusUpdateEvent(task_id=task_id, context_id=context_id, status=status)
    return StreamResponse(payload=Oneof("status_update", update))
