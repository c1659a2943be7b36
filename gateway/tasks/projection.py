"""What events make of a task (specification sections 4.1.1, 4.2.1 and 4.2.2). Pure."""

from collections.abc import Sequence
from copy import copy

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct

from generated.a2a.v1.a2a_pb import (
    Artifact,
    Message,
    Part,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatusUpdateEvent,
)


class Projection:
    """A task as its events change it. An event costs the same however long the task has become.

    Text that is appended to plain text lengthens it: a stream of tokens is one part and not
    thousands. The message of a status that is left goes into the history, so every message is
    there once: in the history or in the status.
    """

    def __init__(self, task: Task) -> None:
        """Takes the task over."""
        self._task = task
        self._artifacts = {artifact.artifact_id: _Growing(artifact) for artifact in task.artifacts}

    @property
    def id(self) -> str:
        return self._task.id

    @property
    def context_id(self) -> str:
        return self._task.context_id

    @property
    def state(self) -> TaskState:
        return self._task.status.state if self._task.status is not None else TaskState.UNSPECIFIED

    def apply(self, response: StreamResponse) -> None:
        """Takes an update into the task; the update is not changed, now or later."""
        match response.payload:
            case Oneof(value=TaskStatusUpdateEvent() as update):
                self._file_status_message()
                self._task.status = update.status
            case Oneof(value=TaskArtifactUpdateEvent() as update) if update.artifact is not None:
                piece = update.artifact
                growing = self._artifacts.get(piece.artifact_id)
                if growing is None or not update.append:
                    # A dict keeps the place of what is replaced.
                    self._artifacts[piece.artifact_id] = _Growing(_own(piece))
                else:
                    growing.append(piece)
            case _:
                pass

    def say(self, message: Message) -> None:
        """Takes a message of the caller into the history."""
        self._file_status_message()
        self._task.history.append(message)

    def renew(self, history: Sequence[Message], metadata: Struct | None) -> None:
        """Puts what no event changes in the place of what was there."""
        self._task.history, self._task.metadata = list(history), metadata

    def snapshot(self) -> Task:
        """The task as it stands. It may be kept and sent, but not changed."""
        return Task(
            id=self._task.id,
            context_id=self._task.context_id,
            status=self._task.status,
            artifacts=[growing.artifact() for growing in self._artifacts.values()],
            history=list(self._task.history),
            metadata=self._task.metadata,
        )

    def _file_status_message(self) -> None:
        status = self._task.status
        if status is not None and status.message is not None:
            self._task.history.append(status.message)
            self._task.status = copy(status)
            self._task.status.message = None


class _Growing:
    """An artifact to which pieces are appended."""

    def __init__(self, artifact: Artifact) -> None:
        self._artifact = artifact
        self._texts: list[str] = []
        """What is to follow the text of its last part."""

    def append(self, piece: Artifact) -> None:
        for part in piece.parts:
            text = plain_text(part)
            last = self._artifact.parts[-1] if self._artifact.parts else None
            if text is not None and last is not None and plain_text(last) is not None:
                self._texts.append(text)
            else:
                self._settle()
                self._artifact.parts.append(part)

    def artifact(self) -> Artifact:
        self._settle()
        return _own(self._artifact)

    def _settle(self) -> None:
        if self._texts:
            text = plain_text(self._artifact.parts[-1]) or ""
            self._artifact.parts[-1] = Part(content=Oneof("text", text + "".join(self._texts)))
            self._texts.clear()


def _own(artifact: Artifact) -> Artifact:
    """The artifact with lists of its own, since it will change."""
    return Artifact(
        artifact_id=artifact.artifact_id,
        name=artifact.name,
        description=artifact.description,
        parts=list(artifact.parts),
        metadata=artifact.metadata,
        extensions=list(artifact.extensions),
    )


def plain_text(part: Part) -> str | None:
    """The text of a part that is nothing but text."""
    match part.content:
        case Oneof(field="text", value=str() as text) if not (part.metadata or part.filename or part.media_type):
            return text
        case _:
            return None
