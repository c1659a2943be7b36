"""The JSON form of the values in model.py: `read_` takes an object apart, `write_` makes one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

from examples.model import (
    A2AError,
    Artifact,
    ArtifactUpdate,
    Event,
    Json,
    Message,
    Reason,
    Role,
    Status,
    StatusUpdate,
    Task,
    TaskState,
    checked_history_length,
    choose,
)
from examples.tasks import TaskQuery

Kind = TypeVar("Kind")


def read(holder: Json, name: str, kind: type[Kind], default: Kind) -> Kind:
    """The member `name`, or `default` where it is absent or null; A2AError on any other type."""
    value = holder.get(name)
    if value is None:
        return default
    if type(value) is not kind:
        raise A2AError(Reason.INVALID_PARAMS, f"{name} has the wrong type")
    return value


def read_message(params: Json) -> Message:
    message = read(params, "message", dict, {})
    return Message(
        message_id=read(message, "messageId", str, ""),
        role=choose(Role, read(message, "role", str, Role.UNSPECIFIED)),
        parts=tuple(read_part(part) for part in read(message, "parts", list, [])),
        context_id=read(message, "contextId", str, ""),
        task_id=read(message, "taskId", str, ""),
    )


def read_part(part: Any) -> str:
    match part:
        case {"text": str(text)}:
            return text
        case _:
            raise A2AError(Reason.CONTENT_TYPE_NOT_SUPPORTED, "this agent reads text parts only")


def read_history_length(holder: Json) -> int | None:
    return checked_history_length(read(holder, "historyLength", int, None))


def read_query(params: Json) -> TaskQuery:
    return TaskQuery(
        context_id=read(params, "contextId", str, ""),
        status=choose(TaskState, read(params, "status", str, TaskState.UNSPECIFIED)),
        status_timestamp_after=read_timestamp(params),
        page_size=read(params, "pageSize", int, 50),
        page_token=read(params, "pageToken", str, ""),
        history_length=read_history_length(params),
        include_artifacts=read(params, "includeArtifacts", bool, False),
    )


def read_timestamp(params: Json) -> datetime | None:
    text = read(params, "statusTimestampAfter", str, "")
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise A2AError(Reason.INVALID_PARAMS, "statusTimestampAfter is not an RFC 3339 timestamp")
    return moment


def write_event(event: Event, history_length: int | None = None) -> Json:
    match event:
        case Task():
            return {"task": write_task(event, history_length)}
        case StatusUpdate(task_id, context_id, status):
            update = {"taskId": task_id, "contextId": context_id, "status": write_status(status)}
            return {"statusUpdate": update}
        case ArtifactUpdate(task_id, context_id, artifact, append, last_chunk):
            flags = {"append": append, "lastChunk": last_chunk}
            return {
                "artifactUpdate": {
                    "taskId": task_id,
                    "contextId": context_id,
                    "artifact": write_artifact(artifact),
                    **{name: True for name, flag in flags.items() if flag},
                }
            }


def write_task(task: Task, history_length: int | None = None) -> Json:
    written: Json = {
        "id": task.id,
        "contextId": task.context_id,
        "status": write_status(task.status),
    }
    if task.artifacts:
        written["artifacts"] = [write_artifact(artifact) for artifact in task.artifacts]
    if history := task.with_history(history_length).history:
        written["history"] = [write_message(said) for said in history]
    return written


def write_status(status: Status) -> Json:
    timestamp = status.timestamp.astimezone(UTC).isoformat(timespec="microseconds")
    written: Json = {"state": status.state, "timestamp": timestamp.replace("+00:00", "Z")}
    if status.message:
        written["message"] = write_message(status.message)
    return written


def write_message(message: Message) -> Json:
    return {
        "messageId": message.message_id,
        "contextId": message.context_id,
        "taskId": message.task_id,
        "role": message.role,
        "parts": write_parts(message.parts),
    }


def write_artifact(artifact: Artifact) -> Json:
    parts = write_parts(artifact.parts)
    return {"artifactId": artifact.artifact_id, "name": artifact.name, "parts": parts}


def write_parts(texts: tuple[str, ...]) -> list[Json]:
    return [{"text": text} for text in texts]
