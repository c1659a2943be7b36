"""Tasks, events and webhooks' configurations in few words, and what a receiver makes of what it was posted."""

from collections.abc import Sequence
from typing import Any

from protobuf import Oneof

from gateway.tasks.projection import Projection
from gateway.tasks.store import Entry, Hook, Record
from generated.a2a.v1.a2a_pb import (
    Artifact,
    AuthenticationInfo,
    Part,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskPushNotificationConfig,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)

TASK_ID = "task-1"


def state(state: TaskState) -> StreamResponse:
    update = TaskStatusUpdateEvent(task_id=TASK_ID, context_id="c", status=TaskStatus(state=state))
    return StreamResponse(payload=Oneof("status_update", update))


def piece(
    text: str, artifact_id: str = "a", *, append: bool = True, last: bool = False, name: str = ""
) -> StreamResponse:
    artifact = Artifact(artifact_id=artifact_id, name=name, parts=[Part(content=Oneof("text", text))])
    update = TaskArtifactUpdateEvent(task_id=TASK_ID, context_id="c", artifact=artifact, append=append, last_chunk=last)
    return StreamResponse(payload=Oneof("artifact_update", update))


def hook(url: str, id: str = "h", version: str = "1.0", secret: str = "") -> Hook:
    authentication = AuthenticationInfo(scheme="Bearer", credentials=secret) if secret else None
    config = TaskPushNotificationConfig(id=id, task_id=TASK_ID, url=url, token=secret, authentication=authentication)
    return Hook(config, version)


class Owned:
    """A task as its owner has it: its log, and what `load` gives of it."""

    def __init__(self, id: str = TASK_ID) -> None:
        self.id = id
        self.seq = 0
        self.loads = 0
        self._projection = Projection(Task(id=id, context_id="c"))

    def append(self, response: StreamResponse) -> Entry:
        self.seq += 1
        self._projection.apply(response)
        return Entry(self.seq, 1, response)

    def snapshot(self) -> Task:
        return self._projection.snapshot()

    def record(self) -> Record:
        return Record("agent", "", self.snapshot(), self.seq, 1, "gateway", 1)

    async def load(self, task_id: str) -> Record | None:
        assert task_id == self.id
        self.loads += 1
        return self.record()


class Receiver:
    """Folds what it is told, as anyone would who has nothing else to go by."""

    def __init__(self) -> None:
        self._projection = Projection(Task(id=TASK_ID, context_id="c"))

    def take(self, response: StreamResponse) -> None:
        match response.payload:
            case Oneof(value=Task() as task):
                self._projection = Projection(Task.from_binary(task.to_binary()))
            case _:
                self._projection.apply(response)

    @property
    def task(self) -> Task:
        return self._projection.snapshot()


def states_of(bodies: Sequence[Any]) -> list[str]:
    """The states that bodies of 1.0 and 0.3 tell of, and `piece` for artifacts."""
    told: list[str] = []
    for body in bodies:
        if "artifactUpdate" in body:
            told.append("piece")
        else:
            inner = body.get("statusUpdate") or body.get("task") or body
            told.append(inner["status"]["state"].removeprefix("TASK_STATE_").lower())
    return told
