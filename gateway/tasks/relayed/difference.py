"""What a task's snapshot says that the events so far did not, as events. PURE.

Nothing is said twice: text that grew is sent as the piece that it grew by, an artifact that is not
what it was is sent whole, messages and the status are sent if they are new.
"""

from collections.abc import Collection, Sequence

from protobuf import Oneof

from gateway.tasks.lifecycle import Phase, phase_of
from gateway.tasks.projection import plain_text
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


def difference(known: Task, found: Task, sent: Collection[str] = ()) -> list[StreamResponse]:
    """The updates that make of the task as it is known the one that was found; none where it was over.

    `sent` are ids of messages of callers that are not in the known history. A message counts as new
    if it stands after one that is known: agents may leave out, or add, what was before.
    """
    if phase_of(known) is Phase.TERMINAL:
        return []
    statuses = [TaskStatus(state=TaskState.WORKING, message=said) for said in _said(known, found, sent)]
    updates = [_status(found, status) for status in statuses]
    there = {artifact.artifact_id: artifact for artifact in known.artifacts}
    is_over = phase_of(found) is Phase.TERMINAL
    for artifact in found.artifacts:
        update = _growth(there.get(artifact.artifact_id), artifact)
        if update is not None:
            update.task_id, update.context_id, update.last_chunk = found.id, found.context_id, is_over
            updates.append(StreamResponse(payload=Oneof("artifact_update", update)))
    if found.status is not None and _is_new(statuses[-1] if statuses else known.status, found.status):
        updates.append(_status(found, found.status))
    return updates


def history(known: Task, found: Task) -> Sequence[Message]:
    """The history that both together tell; the agent may give less than was seen."""
    ids = {_id(message) for message in known.history}
    if ids <= {_id(message) for message in found.history}:
        return found.history
    return [*known.history, *(message for message in found.history if _id(message) not in ids)]


def _said(known: Task, found: Task, sent: Collection[str]) -> list[Message]:
    """The agent's messages in the history that nobody was told."""
    ids = {_id(message) for message in known.history} | set(sent)
    if known.status is not None and known.status.message is not None:
        ids.add(_id(known.status.message))
    told = [index for index, message in enumerate(found.history) if _id(message) in ids]
    if found.status is not None and found.status.message is not None:
        ids.add(_id(found.status.message))
    later = found.history[told[-1] + 1 :] if told else ()
    return [message for message in later if message.role is not Role.USER and _id(message) not in ids]


def _id(message: Message) -> str | bytes:
    return message.message_id or message.to_binary()


def _is_new(known: TaskStatus | None, found: TaskStatus) -> bool:
    if known is None or known.state is not found.state:
        return True
    if found.message is not None and (known.message is None or _id(known.message) != _id(found.message)):
        return True
    return None not in (known.timestamp, found.timestamp) and known.timestamp != found.timestamp


def _status(task: Task, status: TaskStatus) -> StreamResponse:
    update = TaskStatusUpdateEvent(task_id=task.id, context_id=task.context_id, status=status)
    return StreamResponse(payload=Oneof("status_update", update))


def _growth(known: Artifact | None, found: Artifact) -> TaskArtifactUpdateEvent | None:
    """What makes an artifact the one that was found; None where it is that."""
    rest = None if known is None else _rest(_merged(known.parts), _merged(found.parts))
    if known is None or rest is None or (not rest and not _looks_alike(known, found)):
        return TaskArtifactUpdateEvent(artifact=found)
    if not rest:
        return None
    piece = Artifact(
        artifact_id=found.artifact_id,
        name=found.name,
        description=found.description,
        parts=rest,
        metadata=found.metadata,
        extensions=list(found.extensions),
    )
    return TaskArtifactUpdateEvent(artifact=piece, append=True)


def _looks_alike(known: Artifact, found: Artifact) -> bool:
    """Whether all but the parts is the same."""
    return (known.name, known.description, known.metadata, list(known.extensions)) == (
        found.name,
        found.description,
        found.metadata,
        list(found.extensions),
    )


def _rest(known: Sequence[Part], found: Sequence[Part]) -> list[Part] | None:
    """What follows the known parts in those that were found; None where they do not begin with them."""
    if not known:
        return list(found)
    at = len(known) - 1
    if len(found) <= at or list(found[:at]) != list(known[:at]):
        return None
    old, new = plain_text(known[at]), plain_text(found[at])
    if old is None or new is None:
        return list(found[at + 1 :]) if known[at] == found[at] else None
    if not new.startswith(old):
        return None
    return _text(new[len(old) :]) + list(found[at + 1 :])


def _merged(parts: Sequence[Part]) -> list[Part]:
    """Parts with neighbouring texts joined: agents keep a stream of tokens as one part or as thousands."""
    merged: list[Part] = []
    texts: list[str] = []
    for part in parts:
        text = plain_text(part)
        if text is not None:
            texts.append(text)
        else:
            merged += [*_text("".join(texts)), part]
            texts.clear()
    return merged + _text("".join(texts))


def _text(text: str) -> list[Part]:
    return [Part(content=Oneof("text", text))] if text else []
