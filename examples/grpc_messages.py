"""The gRPC form of the values in model.py: `read_` takes a message apart, `write_` makes one."""

from __future__ import annotations

from datetime import UTC, datetime

from examples.model import (
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
    checked_history_length,
    choose,
)
from examples.tasks import TaskQuery
from generated.a2a.v1 import a2a_pb2

ROLE_NAMES = {number: name for name, number in a2a_pb2.Role.items()}
STATE_NAMES = {number: name for name, number in a2a_pb2.TaskState.items()}


def read_message(message: a2a_pb2.Message) -> Message:
    return Message(
        message_id=message.message_id,
        role=choose(Role, ROLE_NAMES.get(message.role, str(message.role))),
        parts=tuple(read_part(part) for part in message.parts),
        context_id=message.context_id,
        task_id=message.task_id,
    )


def read_part(part: a2a_pb2.Part) -> str:
    if part.WhichOneof("content") != "text":
        raise A2AError(Reason.CONTENT_TYPE_NOT_SUPPORTED, "this agent reads text parts only")
    return part.text


def read_history_length(
    request: a2a_pb2.SendMessageConfiguration | a2a_pb2.GetTaskRequest | a2a_pb2.ListTasksRequest,
) -> int | None:
    return checked_history_length(
        request.history_length if request.HasField("history_length") else None
    )


def read_query(request: a2a_pb2.ListTasksRequest) -> TaskQuery:
    return TaskQuery(
        context_id=request.context_id,
        status=choose(TaskState, STATE_NAMES.get(request.status, str(request.status))),
        status_timestamp_after=read_timestamp(request),
        page_size=request.page_size if request.HasField("page_size") else 50,
        page_token=request.page_token,
        history_length=read_history_length(request),
        include_artifacts=request.include_artifacts,
    )


def read_timestamp(request: a2a_pb2.ListTasksRequest) -> datetime | None:
    if not request.HasField("status_timestamp_after"):
        return None
    try:
        return request.status_timestamp_after.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise A2AError(Reason.INVALID_PARAMS, "status_timestamp_after is not a date") from None


def write_event(event: Event, history_length: int | None = None) -> a2a_pb2.StreamResponse:
    match event:
        case Task():
            return a2a_pb2.StreamResponse(task=write_task(event, history_length))
        case StatusUpdate(task_id, context_id, status):
            return a2a_pb2.StreamResponse(
                status_update=a2a_pb2.TaskStatusUpdateEvent(
                    task_id=task_id, context_id=context_id, status=write_status(status)
                )
            )
        case ArtifactUpdate(task_id, context_id, artifact, append, last_chunk):
            return a2a_pb2.StreamResponse(
                artifact_update=a2a_pb2.TaskArtifactUpdateEvent(
                    task_id=task_id,
                    context_id=context_id,
                    artifact=write_artifact(artifact),
                    append=append,
                    last_chunk=last_chunk,
                )
            )


def write_task(task: Task, history_length: int | None = None) -> a2a_pb2.Task:
    return a2a_pb2.Task(
        id=task.id,
        context_id=task.context_id,
        status=write_status(task.status),
        artifacts=[write_artifact(artifact) for artifact in task.artifacts],
        history=[write_message(said) for said in task.with_history(history_length).history],
    )


def write_status(status: Status) -> a2a_pb2.TaskStatus:
    return a2a_pb2.TaskStatus(
        state=status.state,
        message=write_message(status.message) if status.message else None,
        timestamp=status.timestamp,
    )


def write_message(message: Message) -> a2a_pb2.Message:
    return a2a_pb2.Message(
        message_id=message.message_id,
        context_id=message.context_id,
        task_id=message.task_id,
        role=message.role,
        parts=write_parts(message.parts),
    )


def write_artifact(artifact: Artifact) -> a2a_pb2.Artifact:
    return a2a_pb2.Artifact(
        artifact_id=artifact.artifact_id, name=artifact.name, parts=write_parts(artifact.parts)
    )


def write_parts(texts: tuple[str, ...]) -> list[a2a_pb2.Part]:
    return [a2a_pb2.Part(text=text) for text in texts]
