"""What a worker yields, as what its task records: one row for each kind. What was yielded may be changed afterwards."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from protobuf.wkt.google.protobuf.struct_pb import Struct

from gateway.tasks.live import LiveTask
from gateway.worker import Chunk, Data, Metadata, Status, Yield, text_part
from generated.a2a.v1.a2a_pb import Artifact, Message, Part, Role, TaskState


async def take(given: Yield, live: LiveTask) -> None:
    """Records a yield. Raises TypeError for what no worker may yield, and as the methods of LiveTask do."""
    record = _RECORD.get(type(given)) or _of_subclass(given)
    await record(live, given)


def says(text: str) -> Message:
    """What the agent says."""
    return Message(role=Role.AGENT, parts=[text_part(text)])


def said_by(message: Message | str | None) -> Message | None:
    """What a yield says beside a state."""
    if message is None:
        return None
    return says(message) if isinstance(message, str) else own(message)


def own(message: Message) -> Message:
    """A copy, which nobody else can change."""
    return Message.from_binary(message.to_binary())


async def _text(live: LiveTask, text: str) -> None:
    await live.grow(lambda draft: draft.text(text), len(text))


async def _part(live: LiveTask, part: Part) -> None:
    blob = part.to_binary()
    await live.grow(lambda draft: draft.part(Part.from_binary(blob)), len(blob))


async def _data(live: LiveTask, data: Data) -> None:
    await live.grow(lambda draft: draft.data(data.value, data.media_type), len(repr(data.value)))


async def _metadata(live: LiveTask, metadata: Metadata) -> None:
    await live.grow(lambda draft: draft.metadata(metadata.values), len(repr(metadata.values)))


async def _message(live: LiveTask, message: Message) -> None:
    await live.become(TaskState.WORKING, own(message))


async def _artifact(live: LiveTask, artifact: Artifact) -> None:
    whole = Artifact.from_binary(artifact.to_binary())
    whole.artifact_id = whole.artifact_id or str(uuid.uuid4())
    await live.produce(whole, whole=True, last=True)


async def _chunk(live: LiveTask, chunk: Chunk) -> None:
    piece = Artifact(
        artifact_id=chunk.artifact_id,
        name=chunk.name,
        description=chunk.description,
        parts=[Part.from_binary(part.to_binary()) for part in chunk.parts],
        metadata=Struct.from_python(dict(chunk.metadata)) if chunk.metadata else None,
    )
    await live.produce(piece, whole=False, last=chunk.last)


async def _status(live: LiveTask, status: Status) -> None:
    await live.become(status.state, said_by(status.message), status.metadata)


_RECORD: Mapping[type, Callable[[LiveTask, Any], Awaitable[None]]] = {
    str: _text,
    Part: _part,
    Data: _data,
    Metadata: _metadata,
    Message: _message,
    Artifact: _artifact,
    Chunk: _chunk,
    Status: _status,
}


def _of_subclass(given: object) -> Callable[[LiveTask, Any], Awaitable[None]]:
    for kind, record in _RECORD.items():
        if isinstance(given, kind):
            return record
    raise TypeError(f"a worker cannot yield {type(given).__name__}")
