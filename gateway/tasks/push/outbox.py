"""What waits for one webhook: bounded, in order, and never with a hole that its owner could not see. Pure.

Pieces of one artifact that wait together are joined. Where updates must go, for want of room or
because one could not be delivered, the whole task takes their place: it says at least as much.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from protobuf import Oneof

from gateway.tasks.projection import Projection
from generated.a2a.v1.a2a_pb import Artifact, StreamResponse, Task, TaskArtifactUpdateEvent

_OVERHEAD_BYTES = 512
"""What an update takes in memory beside its contents, roughly."""


@dataclass(slots=True)
class Waiting:
    """One notification to be."""

    seq: int
    """Of the last event that it tells of."""
    responses: list[StreamResponse]
    """The update, or pieces of one artifact; empty for the whole task as it stands when it is sent."""
    urgent: bool
    """It tells of a change of state."""
    size_bytes: int = 0

    def response(self) -> StreamResponse | None:
        """What is to be told; None for the whole task."""
        return _joined(self.responses) if self.responses else None


class Room:
    """The bytes that all outboxes together may hold."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.used_bytes = 0

    @property
    def is_full(self) -> bool:
        return self.used_bytes > self.limit_bytes


class Outbox:
    """What waits for one webhook, the oldest first."""

    def __init__(self, max_events: int, room: Room) -> None:
        self._max_events = max_events
        self._room = room
        self._waiting: deque[Waiting] = deque()
        self._holed = False
        self._told = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_urgent(self) -> bool:
        """A change of state waits."""
        return any(waiting.urgent for waiting in self._waiting)

    @property
    def is_holed(self) -> bool:
        """Something was lost that nothing waiting makes up for."""
        return self._holed

    def put(self, seq: int, response: StreamResponse | None, *, urgent: bool, size_bytes: int = 0) -> bool:
        """Adds an update, None for the whole task; whether updates that waited had to make way.

        One that its owner has been told of already is ignored: a whole task may run ahead of updates.
        """
        if seq <= self._told:
            return False
        size_bytes += _OVERHEAD_BYTES
        last = self._waiting[-1] if self._waiting else None
        if response is None or self._holed or (last is not None and not last.responses and not urgent):
            self._put_whole(seq, urgent)
            return False
        if last is not None and _continues(last.responses, response):
            last.responses.append(response)
            last.seq = seq
            last.size_bytes += size_bytes
        else:
            self._waiting.append(Waiting(seq, [response], urgent, size_bytes))
        self._room.used_bytes += size_bytes
        if len(self._waiting) <= self._max_events and not self._room.is_full:
            return False
        self.collapse()
        return True

    def take(self) -> Waiting:
        """The oldest. Raises IndexError where nothing waits."""
        return self._taken(self._waiting.popleft())

    def told(self, seq: int) -> None:
        """Its owner knows all up to here."""
        self._told = max(self._told, seq)
        while self._waiting and self._waiting[0].seq <= seq:
            self.take()

    def lose(self) -> None:
        """What was taken last could not be delivered: the whole task follows instead of updates to it."""
        if self._waiting:
            self.collapse()
        else:
            self._holed = True

    def collapse(self) -> None:
        """The whole task takes the place of all that waits."""
        seq, urgent = self._waiting[-1].seq, self.is_urgent
        self.clear()
        self._waiting.append(Waiting(seq, [], urgent))

    def clear(self) -> None:
        while self._waiting:
            self.take()

    def _put_whole(self, seq: int, urgent: bool) -> None:
        self._holed = False
        last = self._waiting[-1] if self._waiting else None
        if last is not None and not last.responses:
            last.seq = seq
            last.urgent = last.urgent or urgent
        else:
            self._waiting.append(Waiting(seq, [], urgent))

    def _taken(self, waiting: Waiting) -> Waiting:
        self._room.used_bytes -= waiting.size_bytes
        return waiting


def _continues(waiting: list[StreamResponse], response: StreamResponse) -> bool:
    """Whether an update appends to the artifact that the last one was about, and says no more than that."""
    match (waiting[-1].payload if waiting else None, response.payload):
        case (
            Oneof(value=TaskArtifactUpdateEvent(artifact=Artifact() as before) as last),
            Oneof(value=TaskArtifactUpdateEvent(artifact=Artifact() as piece) as update),
        ):
            return (
                update.append
                and piece.artifact_id == before.artifact_id
                and not last.last_chunk
                and not _says_more(last.metadata, update.metadata)
                and not _says_more(piece.name, piece.description, piece.metadata, piece.extensions)
            )
        case _:
            return False


def _says_more(*values: object) -> bool:
    return any(values)


def _joined(responses: list[StreamResponse]) -> StreamResponse:
    """One update for several that continue each other."""
    if len(responses) == 1:
        return responses[0]
    updates = list(_artifact_updates(responses))
    first, last = updates[0], updates[-1]
    projection = Projection(Task())
    for index, update in enumerate(updates):
        projection.apply(
            StreamResponse(
                payload=Oneof("artifact_update", TaskArtifactUpdateEvent(artifact=update.artifact, append=index > 0))
            )
        )
    return StreamResponse(
        payload=Oneof(
            "artifact_update",
            TaskArtifactUpdateEvent(
                task_id=first.task_id,
                context_id=first.context_id,
                artifact=projection.snapshot().artifacts[0],
                append=first.append,
                last_chunk=last.last_chunk,
                metadata=first.metadata,
            ),
        )
    )


def _artifact_updates(responses: Iterable[StreamResponse]) -> Iterable[TaskArtifactUpdateEvent]:
    for response in responses:
        match response.payload:
            case Oneof(value=TaskArtifactUpdateEvent() as update):
                yield update
            case _:
                pass
