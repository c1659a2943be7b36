"""Any stream of events as one typed sequence, with or without the extension: `changes`.

    client = Client()
    for event in stream:
        for change in client.feed(event):
            match change:
                case TextDelta(text=text): print(text, end="")

Several messages may grow at once. What was shown is not shown again when the whole message comes.
"""

from collections.abc import AsyncIterable, AsyncIterator

from protobuf import Oneof

from gateway.deltas.changes import (
    TERMINAL,
    ArtifactDelta,
    ArtifactReplaced,
    Change,
    MessageChange,
    MessageReplaced,
    PartAdded,
    StatusChanged,
    TaskSeen,
    TextDelta,
)
from gateway.deltas.document import DraftBounds
from gateway.deltas.drafts import Drafts
from gateway.deltas.extension import read_event, without_patches
from gateway.deltas.values import object_of
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


class Client:
    """Reads one stream. To go on with a stream that was cut, feed the new one to the same client."""

    def __init__(self, bounds: DraftBounds | None = None) -> None:
        self._drafts = Drafts(bounds)
        self._previews: dict[str, str] = {}
        """Artifact ids to the drafts that show them while they grow."""
        self._state: TaskState | None = None

    def feed(self, response: StreamResponse) -> list[Change]:
        """What an event changes. Once the task is at its end, nothing does."""
        if self._state in TERMINAL:
            return []
        match response.payload:
            case Oneof(value=Task() as task):
                return self._task(task)
            case Oneof(value=Message() as message):
                return [*self._drafts.complete(message)]
            case Oneof(value=TaskStatusUpdateEvent() as update):
                return [*self._patch(response), *self._status(update)]
            case Oneof(value=TaskArtifactUpdateEvent(artifact=Artifact() as artifact) as update):
                return [*self._artifact(update, artifact)]
            case _:
                return []

    def _task(self, task: Task) -> list[Change]:
        changes: list[Change] = [TaskSeen(task)]
        opened = {*self._drafts}
        for message in task.history:
            if message.message_id in opened:
                changes.extend(self._drafts.complete(message))
        changes.extend(ArtifactReplaced(task.id, artifact) for artifact in task.artifacts)
        if task.status is not None:
            changes.extend(self._status_of(task.id, task.status, None, said=True))
        return changes

    def _patch(self, response: StreamResponse) -> list[Change]:
        patch = read_event(response)
        if patch is None:
            return []
        changes = self._drafts.take(patch)
        if not patch.artifact_id:
            return [*changes]
        begins = patch.artifact_id not in self._previews
        self._previews[patch.artifact_id] = patch.message_id
        return _preview(patch.task_id, patch.artifact_id, changes, begins)

    def _status(self, update: TaskStatusUpdateEvent) -> list[Change]:
        if update.status is None:
            return []
        metadata = without_patches(update.metadata)
        patched = metadata is not update.metadata
        said = not patched or metadata is not None or update.status.message is not None
        return self._status_of(update.task_id, update.status, update, said=said)

    def _status_of(
        self, task_id: str, status: TaskStatus, update: TaskStatusUpdateEvent | None, *, said: bool
    ) -> list[Change]:
        """`said`: the event says more than a patch."""
        changes: list[Change] = []
        if status.message is not None:
            changes.extend(self._drafts.complete(status.message))
        if status.state in TERMINAL:
            previews = {*self._previews.values()}
            for message_id in self._drafts:
                abandoned = self._drafts.abandon(message_id)
                changes.extend(abandoned if message_id not in previews else ())
        if said or status.state is not self._state:
            metadata = object_of(without_patches(update.metadata)) if update is not None else {}
            changes.append(StatusChanged(task_id, status.state, metadata))
        self._state = status.state
        return changes

    def _artifact(self, update: TaskArtifactUpdateEvent, artifact: Artifact) -> list[Change]:
        preview = self._previews.pop(artifact.artifact_id, None)
        if preview is not None:
            self._drafts.abandon(preview)
        if update.append:
            return [ArtifactDelta(update.task_id, artifact.artifact_id, list(artifact.parts), update.last_chunk)]
        return [ArtifactReplaced(update.task_id, artifact, update.last_chunk)]


async def changes(events: AsyncIterable[StreamResponse], client: Client | None = None) -> AsyncIterator[Change]:
    """`Client.feed` over a stream as it comes."""
    reader = client or Client()
    async for event in events:
        for change in reader.feed(event):
            yield change


def _preview(task_id: str, artifact_id: str, shown: list[MessageChange], begins: bool) -> list[Change]:
    """Changes of the draft that shows an artifact, as changes of the artifact."""
    made: list[Change] = []
    for change in shown:
        match change:
            case MessageReplaced(parts=parts):
                made.append(ArtifactReplaced(task_id, Artifact(artifact_id=artifact_id, parts=[*parts])))
            case TextDelta(text=text):
                made.append(_more(task_id, artifact_id, Part(content=Oneof("text", text)), begins and not made))
            case PartAdded(part=part):
                made.append(_more(task_id, artifact_id, part, begins and not made))
            case _:
                pass
    return made


def _more(task_id: str, artifact_id: str, part: Part, first: bool) -> Change:
    if first:
        return ArtifactReplaced(task_id, Artifact(artifact_id=artifact_id, parts=[part]))
    return ArtifactDelta(task_id, artifact_id, [part])
