"""Messages, tasks and events of the 0.3 JSON-RPC dialect, as tables.

They carry `kind`, call states and roles by small names and say `final`.
"""

from gateway.codec.jsontext import JsonValue
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.json_parts import METADATA, Part
from gateway.codec.v0_3.members import FLAG, TEXT, Each, JsonObject, Member, Names, Shape, Terms, plain
from gateway.codec.v0_3.messages import is_final
from gateway.codec.v0_3.moments import to_rfc_3339
from gateway.codec.v0_3.variants import OneOf, Variant
from generated.a2a.v1.a2a_pb import TaskState

STATES = Names(
    {
        "submitted": "TASK_STATE_SUBMITTED",
        "working": "TASK_STATE_WORKING",
        "input-required": "TASK_STATE_INPUT_REQUIRED",
        "completed": "TASK_STATE_COMPLETED",
        "canceled": "TASK_STATE_CANCELED",
        "failed": "TASK_STATE_FAILED",
        "rejected": "TASK_STATE_REJECTED",
        "auth-required": "TASK_STATE_AUTH_REQUIRED",
        "unknown": "TASK_STATE_UNSPECIFIED",
    },
    others="unknown",
)
ROLES = Names({"user": "ROLE_USER", "agent": "ROLE_AGENT"}, others="agent")


class _Moment:
    """A time; one that nobody can read is left out, since it is the agent's aside and not worth a call."""

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        text = TEXT.read(value, terms)
        return to_rfc_3339(text) if isinstance(text, str) else None

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        return value

    def empty(self, choices: Choices) -> JsonValue:
        return None


MESSAGE = Shape(
    Member("messageId", TEXT, demanded=True),
    Member("role", ROLES, demanded=True),
    Member("parts", Each(Part()), demanded=True),
    *plain(TEXT, "contextId", "taskId"),
    *plain(Each(TEXT), "extensions", "referenceTaskIds"),
    METADATA,
    kind="message",
)
ARTIFACT = Shape(
    Member("artifactId", TEXT, demanded=True),
    Member("parts", Each(Part()), demanded=True),
    *plain(TEXT, "name", "description"),
    Member("extensions", Each(TEXT)),
    METADATA,
)
STATUS = Shape(
    Member("state", STATES, demanded=True),
    Member("message", MESSAGE),
    Member("timestamp", _Moment()),
)
TASK = Shape(
    Member("id", TEXT, demanded=True),
    Member("contextId", TEXT, demanded=True),
    Member("status", STATUS, demanded=True),
    Member("artifacts", Each(ARTIFACT)),
    Member("history", Each(MESSAGE)),
    METADATA,
    kind="task",
)


def _say_final(event: JsonObject, choices: Choices) -> None:
    status = event.get("status")
    name = status.get("state") if isinstance(status, dict) else None
    state = next((state for state in TaskState if f"TASK_STATE_{state.name}" == name), TaskState.UNSPECIFIED)
    event["final"] = is_final(state, choices)


def _drop_final(event: JsonObject, choices: Choices) -> None:
    event.pop("final", None)


STATUS_UPDATE = Shape(
    Member("taskId", TEXT, demanded=True),
    Member("contextId", TEXT, demanded=True),
    Member("status", STATUS, demanded=True),
    Member("final", FLAG, demanded=True),
    METADATA,
    kind="status-update",
    reading=_drop_final,
    writing=_say_final,
)
ARTIFACT_UPDATE = Shape(
    Member("taskId", TEXT, demanded=True),
    Member("contextId", TEXT, demanded=True),
    Member("artifact", ARTIFACT, demanded=True),
    *plain(FLAG, "append", "lastChunk"),
    METADATA,
    kind="artifact-update",
)

_IS_MESSAGE = Variant("message", "message", MESSAGE, "messageId")
_IS_TASK = Variant("task", "task", TASK, "id")
ANSWER = OneOf(_IS_MESSAGE, _IS_TASK)
EVENT = OneOf(
    _IS_MESSAGE,
    Variant("artifact-update", "artifactUpdate", ARTIFACT_UPDATE, "artifact"),
    _IS_TASK,
    Variant("status-update", "statusUpdate", STATUS_UPDATE, "status"),
)
