"""What a client sees of a stream, in one vocabulary, whether or not the agent speaks the extension.

A fold of them gives the task: `TextDelta` opens the part behind the last or lengthens the text of
one, `PartAdded` follows the last part, the rest replaces what it names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.deltas.values import JsonObject
from generated.a2a.v1.a2a_pb import Artifact, Message, Part, Task, TaskState

TERMINAL = frozenset({TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED, TaskState.REJECTED})
INTERRUPTED = frozenset({TaskState.INPUT_REQUIRED, TaskState.AUTH_REQUIRED})


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text at the end of a text part; a part of nothing but text begins with one."""

    message_id: str
    part_index: int
    text: str


@dataclass(frozen=True, slots=True)
class PartAdded:
    message_id: str
    part_index: int
    part: Part


@dataclass(frozen=True, slots=True)
class MetadataChanged:
    """The metadata of a message, whole."""

    message_id: str
    metadata: JsonObject


@dataclass(frozen=True, slots=True)
class MessageReplaced:
    """The message is another than was shown: everything of it that there is now."""

    message_id: str
    parts: Sequence[Part]
    metadata: JsonObject


@dataclass(frozen=True, slots=True)
class Gap:
    """Patches of a message are missing: it stands still until it can be shown whole again."""

    message_id: str


@dataclass(frozen=True, slots=True)
class MessageCompleted:
    """A message as the agent has it. What was not shown of it came just before."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageAbandoned:
    """The task ended before the message did; what was shown is all there is."""

    message_id: str


@dataclass(frozen=True, slots=True)
class ArtifactDelta:
    """More parts of an artifact. Plain text that follows plain text lengthens it."""

    task_id: str
    artifact_id: str
    parts: Sequence[Part]
    last_chunk: bool = False


@dataclass(frozen=True, slots=True)
class ArtifactReplaced:
    """An artifact, new or anew."""

    task_id: str
    artifact: Artifact
    last_chunk: bool = False


@dataclass(frozen=True, slots=True)
class TaskSeen:
    """A task as it stands, at the beginning of a stream. Its artifacts and its status follow."""

    task: Task


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The state of a task. A terminal one comes once and last; the message of the status came before."""

    task_id: str
    state: TaskState
    metadata: JsonObject

    @property
    def terminal(self) -> bool:
        return self.state in TERMINAL


MessageChange = TextDelta | PartAdded | MetadataChanged | MessageReplaced | Gap | MessageCompleted | MessageAbandoned
Change = MessageChange | ArtifactDelta | ArtifactReplaced | TaskSeen | StatusChanged
