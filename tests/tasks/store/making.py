"""Tasks, events and records as the tests of the store make them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from protobuf import Oneof
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from gateway.tasks.projection import Projection
from gateway.tasks.store import Entry, Record, Store
from generated.a2a.v1.a2a_pb import (
    Artifact,
    Message,
    Part,
    Role,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def message(text: str, message_id: str = "m") -> Message:
    return Message(message_id=message_id, role=Role.USER, parts=[Part(content=Oneof("text", text))])


def status(state: TaskState, seconds: float = 0, text: str = "") -> TaskStatus:
    return TaskStatus(
        state=state, timestamp=Timestamp.from_datetime(at(seconds)), message=message(text) if text else None
    )


def task(task_id: str = "t", state: TaskState = TaskState.WORKING, seconds: float = 0, context_id: str = "c") -> Task:
    return Task(id=task_id, context_id=context_id, status=status(state, seconds))


def record(
    of: Task | str = "t",
    *,
    agent: str = "a",
    principal: str = "",
    owner: str = "g",
    epoch: int = 1,
    request: bytes = b"",
) -> Record:
    return Record(
        agent=agent,
        principal=principal,
        task=task(of) if isinstance(of, str) else of,
        seq=0,
        epoch=epoch,
        owner=owner,
        first_seq=1,
        request=request,
    )


def token(text: str = "token ", artifact_id: str = "result", append: bool = True) -> StreamResponse:
    artifact = Artifact(artifact_id=artifact_id, parts=[Part(content=Oneof("text", text))])
    update = TaskArtifactUpdateEvent(task_id="t", context_id="c", artifact=artifact, append=append)
    return StreamResponse(payload=Oneof("artifact_update", update))


def change(state: TaskState, seconds: float = 0, text: str = "") -> StreamResponse:
    update = TaskStatusUpdateEvent(task_id="t", context_id="c", status=status(state, seconds, text))
    return StreamResponse(payload=Oneof("status_update", update))


def entries(responses: Iterable[StreamResponse], first: int = 1, epoch: int = 1) -> list[Entry]:
    return [Entry(seq, epoch, response) for seq, response in enumerate(responses, first)]


def tokens(count: int, first: int = 1, epoch: int = 1) -> list[Entry]:
    return entries((token(f"{seq} ") for seq in range(first, first + count)), first, epoch)


def folded(start: Task, log: Sequence[Entry]) -> Task:
    """What all events make of a task, none of them stored."""
    projection = Projection(Task.from_binary(start.to_binary()))
    for entry in log:
        projection.apply(StreamResponse.from_binary(entry.response.to_binary()))
    return projection.snapshot()


async def ended(store: Store, task_id: str, seconds: float = 0, state: TaskState = TaskState.COMPLETED) -> None:
    """A task of one event that is over."""
    start = task(task_id)
    await store.create(record(start))
    log = entries([change(state, seconds)])
    await store.append(task_id, 1, log, folded(start, log), owned=False)
