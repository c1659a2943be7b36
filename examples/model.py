"""The A2A data model as far as the example agents need it, as plain immutable values.

No binding appears here: grpc_messages.py and jsonrpc_messages.py turn these values into their wire
forms. Enum members are spelled as on the wire, so both forms follow by name. The agents read and
write text only: a part is a string.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar
from uuid import uuid4


class Reason(StrEnum):
    """What identifies an error on every binding: `google.rpc.ErrorInfo.reason`."""

    TASK_NOT_FOUND = "TASK_NOT_FOUND"
    TASK_NOT_CANCELABLE = "TASK_NOT_CANCELABLE"
    PUSH_NOTIFICATION_NOT_SUPPORTED = "PUSH_NOTIFICATION_NOT_SUPPORTED"
    UNSUPPORTED_OPERATION = "UNSUPPORTED_OPERATION"
    CONTENT_TYPE_NOT_SUPPORTED = "CONTENT_TYPE_NOT_SUPPORTED"
    INVALID_PARAMS = "INVALID_PARAMS"


class A2AError(Exception):
    """A call that the agent refuses; the message tells the caller what to change."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


ERROR_DOMAIN = "a2a-protocol.org"


class TaskState(StrEnum):
    UNSPECIFIED = "TASK_STATE_UNSPECIFIED"
    SUBMITTED = "TASK_STATE_SUBMITTED"
    WORKING = "TASK_STATE_WORKING"
    COMPLETED = "TASK_STATE_COMPLETED"
    FAILED = "TASK_STATE_FAILED"
    CANCELED = "TASK_STATE_CANCELED"
    INPUT_REQUIRED = "TASK_STATE_INPUT_REQUIRED"
    REJECTED = "TASK_STATE_REJECTED"
    AUTH_REQUIRED = "TASK_STATE_AUTH_REQUIRED"


TERMINAL = frozenset(
    {TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED, TaskState.REJECTED}
)
INTERRUPTED = frozenset({TaskState.INPUT_REQUIRED, TaskState.AUTH_REQUIRED})
AT_REST = TERMINAL | INTERRUPTED


class Role(StrEnum):
    UNSPECIFIED = "ROLE_UNSPECIFIED"
    USER = "ROLE_USER"
    AGENT = "ROLE_AGENT"


@dataclass(frozen=True, slots=True)
class Message:
    message_id: str
    role: Role
    parts: tuple[str, ...]
    context_id: str = ""
    task_id: str = ""

    @property
    def text(self) -> str:
        return "\n".join(self.parts)


@dataclass(frozen=True, slots=True)
class Status:
    state: TaskState
    timestamp: datetime
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    artifact_id: str
    name: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    task_id: str
    context_id: str
    status: Status


@dataclass(frozen=True, slots=True)
class ArtifactUpdate:
    task_id: str
    context_id: str
    artifact: Artifact
    append: bool
    last_chunk: bool


Update: TypeAlias = StatusUpdate | ArtifactUpdate


@dataclass(frozen=True, slots=True)
class Task:
    """A task at one moment."""

    id: str
    context_id: str
    status: Status
    artifacts: tuple[Artifact, ...] = ()
    history: tuple[Message, ...] = ()

    @property
    def is_terminal(self) -> bool:
        return self.status.state in TERMINAL

    def after(self, update: Update) -> Task:
        """The same task once `update` has happened."""
        match update:
            case StatusUpdate(status=status):
                return replace(self, status=status)
            case ArtifactUpdate(artifact=artifact, append=append):
                artifacts = {known.artifact_id: known for known in self.artifacts}
                earlier = artifacts.get(artifact.artifact_id)
                if append and earlier:
                    artifact = replace(artifact, parts=earlier.parts + artifact.parts)
                artifacts[artifact.artifact_id] = artifact
                return replace(self, artifacts=tuple(artifacts.values()))

    def with_history(self, length: int | None) -> Task:
        """The same task with its `length` newest messages: None means all, 0 none."""
        if length is None:
            return self
        return replace(self, history=self.history[-length:] if length else ())


Event: TypeAlias = Task | Update
"""What a stream carries."""

Json: TypeAlias = dict[str, Any]
"""A JSON object on its way to or from a wire."""


def new_id() -> str:
    return uuid4().hex


def now() -> datetime:
    return datetime.now(UTC)


Choice = TypeVar("Choice", bound=StrEnum)


def choose(kind: type[Choice], name: str) -> Choice:
    """The member of an enum that a request names. Raises A2AError when there is none."""
    try:
        return kind(name)
    except ValueError:
        raise A2AError(Reason.INVALID_PARAMS, f"{name!r} is not a {kind.__name__}") from None


def checked_history_length(length: int | None) -> int | None:
    if length is not None and length < 0:
        raise A2AError(Reason.INVALID_PARAMS, "historyLength must not be negative")
    return length
