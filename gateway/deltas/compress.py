"""For a caller that speaks the extension, from an agent that does not: what grows becomes patches.

Two things grow without the extension: a message that is said in WORKING again and again under one
id, longer each time, and the text that is appended to an artifact. The events that become patches
are withheld; what they said is delivered whole, in the agent's own terms, once it is complete. Only
one thing at a time is delivered as patches: the published clients hold one draft.
"""

from copy import copy

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct

from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Malformed
from gateway.deltas.changes import INTERRUPTED, TERMINAL
from gateway.deltas.diff import difference
from gateway.deltas.document import DraftBounds
from gateway.deltas.draft import Draft
from gateway.deltas.extension import URI, patch_event
from gateway.deltas.op import Op
from gateway.deltas.pointer import escaped
from gateway.deltas.values import JsonObject, object_of, owned, part_value, same
from generated.a2a.v1.a2a_pb import (
    Artifact,
    Message,
    Part,
    Role,
    StreamResponse,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)


class Compress:
    """Translates one stream.

    Without `artifacts`, artifacts pass as they are: each piece is a delta already, for a client that
    shows it as one.
    """

    def __init__(self, *, artifacts: bool = True, bounds: DraftBounds | None = None) -> None:
        self._bounds = bounds or DraftBounds()
        self._artifacts = artifacts
        self._spoken = False
        """Whether the agent sends patches of its own, as some do without saying so in the head: all passes then."""
        self._said: _Said | None = None
        """The message that grows."""
        self._closed: dict[str, None] = {}
        """Messages that were delivered whole: what comes under their ids passes."""
        self._growing: _Growing | None = None
        """The artifact that grows, of several the first one."""
        self._seqs: dict[str, int] = {}

    @property
    def holds(self) -> bool:
        """Whether something is delivered as patches that is not delivered whole yet."""
        return self._said is not None or self._growing is not None

    def passes(self, response: StreamResponse) -> bool:
        """Whether an event passes as it is and changes nothing here; none is known to before it was looked at."""
        return False

    def feed(self, response: StreamResponse) -> list[StreamResponse]:
        if self._spoken:
            return [response]
        match response.payload:
            case Oneof(value=TaskStatusUpdateEvent(status=TaskStatus() as status) as update):
                return self._status(response, update, status)
            case Oneof(value=TaskArtifactUpdateEvent(artifact=Artifact() as artifact) as update) if self._artifacts:
                return self._artifact(response, update, artifact)
            case Oneof(value=Message()):
                return [*self.end(), response]
            case _:
                return [response]

    def end(self) -> list[StreamResponse]:
        """What was withheld, whole, once no more comes from the agent, also before an error."""
        growing, self._growing = self._growing, None
        return [*self._close_said(), *([growing.whole()] if growing is not None else [])]

    def _status(
        self, response: StreamResponse, update: TaskStatusUpdateEvent, status: TaskStatus
    ) -> list[StreamResponse]:
        message = status.message
        if _patched(update.metadata):
            self._spoken = True
            return [*self.end(), response]
        if status.state in TERMINAL or status.state in INTERRUPTED:
            if message is not None and self._said is not None and self._said.id == message.message_id:
                self._said = None
            return [*self.end(), response]
        if status.state is not TaskState.WORKING or message is None or self._growing is not None:
            return [response]
        if not message.message_id or message.message_id in self._closed or message.role is not Role.AGENT:
            return [*self._close_said(), response]
        try:
            document = _document(message)
        except Malformed:  # what no patch can carry
            return [*self._close_said(), response]
        closed: list[StreamResponse] = []
        if self._said is not None and self._said.id != message.message_id:
            closed = self._close_said()
        ops = _growth(self._said.document, document) if self._said else [Op("replace", "", document)]
        self._said = _Said(message.message_id, document, response)
        if not ops and update.metadata is None:
            return closed
        ops = ops if len(ops) <= self._bounds.ops else [Op("replace", "", document)]
        bare = copy(status)
        bare.message = None
        patch = self._event(update.task_id, update.context_id, self._said.id, ops, bare, update.metadata)
        return [*closed, patch]

    def _close_said(self) -> list[StreamResponse]:
        said, self._said = self._said, None
        if said is None:
            return []
        self._closed[said.id] = None
        if len(self._closed) > self._bounds.drafts:
            del self._closed[next(iter(self._closed))]
        return [said.last]

    def _artifact(
        self, response: StreamResponse, update: TaskArtifactUpdateEvent, artifact: Artifact
    ) -> list[StreamResponse]:
        growing = self._growing
        if growing is not None and growing.id != artifact.artifact_id:
            return [response]
        if not update.append:
            self._growing = None  # replaced: what grew is no more
            if update.last_chunk or _only_text(artifact) is None:
                return [response]
            return [*self._close_said(), *self._grown(_Growing(update, artifact), update, artifact)]
        if growing is None:
            return [response]
        if _only_text(artifact) is None or growing.described_by(artifact) or growing.length > self._bounds.draft_bytes:
            self._growing = None
            return [growing.whole(), response]
        return self._grown(growing, update, artifact)

    def _grown(self, growing: "_Growing", update: TaskArtifactUpdateEvent, artifact: Artifact) -> list[StreamResponse]:
        said = _only_text(artifact) or ""
        ops = growing.draft.text(said)
        growing.length += len(said)
        patches: list[StreamResponse] = []
        if ops:
            message_id = growing.draft.message_id
            patches = [
                self._event(
                    update.task_id, update.context_id, message_id, ops, None, update.metadata, artifact_id=growing.id
                )
            ]
        self._growing = None if update.last_chunk else growing
        return [*patches, growing.whole(last_chunk=True)] if update.last_chunk else patches

    def _event(
        self,
        task_id: str,
        context_id: str,
        message_id: str,
        ops: list[Op],
        status: TaskStatus | None,
        metadata: Struct | None,
        artifact_id: str = "",
    ) -> StreamResponse:
        seq = self._seqs.get(message_id, 0)
        self._seqs[message_id] = seq + 1
        return patch_event(
            task_id, context_id, message_id, ops, seq, status=status, metadata=metadata, artifact_id=artifact_id
        )


class _Said:
    """A message that grows: as it was last said, and the event that said it."""

    def __init__(self, message_id: str, document: JsonObject, last: StreamResponse) -> None:
        self.id = message_id
        self.document = document
        self.last = last


class _Growing:
    """An artifact of one text that grows."""

    def __init__(self, update: TaskArtifactUpdateEvent, artifact: Artifact) -> None:
        self.id = artifact.artifact_id
        self.draft = Draft(f"artifact:{self.id}")
        self.length = 0
        """In code points."""
        self._update = update
        self._artifact = artifact

    def described_by(self, piece: Artifact) -> bool:
        """Whether a piece says of the artifact what it did not begin with. Many agents say it with every piece."""
        began = self._artifact
        return any(
            said and said != known
            for said, known in (
                (piece.name, began.name),
                (piece.description, began.description),
                (object_of(piece.metadata), object_of(began.metadata)),
                (piece.extensions, began.extensions),
            )
        )

    def whole(self, *, last_chunk: bool = False) -> StreamResponse:
        """The artifact as it stands, under the name and the metadata that it began with."""
        update, artifact = copy(self._update), copy(self._artifact)
        said = self.draft.message(task_id="", context_id="")
        artifact.parts = said.parts or list(self._artifact.parts)
        update.artifact, update.append, update.last_chunk = artifact, False, last_chunk
        return StreamResponse(payload=Oneof("artifact_update", update))


def _document(message: Message) -> JsonObject:
    """Raises Malformed."""
    metadata: JsonObject = {"metadata": owned(object_of(message.metadata))} if message.metadata else {}
    return {"message_id": message.message_id, "parts": [part_value(part) for part in message.parts], **metadata}


def _growth(old: JsonObject, new: JsonObject) -> list[Op]:
    """The patch from one to the other; the whole draft where it is not growth.

    Clients that show only what is added could not tell where else a change belongs.
    """
    parts = difference(old["parts"], new["parts"], "/parts")
    if not all(_grows(op, old) for op in parts):
        return [Op("replace", "", new)]
    return [*parts, *_described(old.get("metadata"), new.get("metadata"))]


def _grows(op: Op, old: JsonObject) -> bool:
    """Whether an operation adds a part or text to the end of one."""
    if op.op == "add":
        return op.path == "/parts/-"
    match op, old["parts"], op.path.split("/"):
        case Op(op="str_ins", pos=int() as pos), list() as parts, ["", "parts", at, "text"]:
            part = parts[int(at)]
            text = part.get("text") if isinstance(part, dict) else None
            return isinstance(text, str) and pos == len(text)
        case _:
            return False


def _described(old: JsonValue, new: JsonValue) -> list[Op]:
    """Members of the metadata that changed, each whole; all of it where one is gone."""
    if not isinstance(new, dict):
        return [] if old is None else [Op("add", "/metadata", {})]
    if not isinstance(old, dict) or old.keys() - new.keys():
        return [Op("add", "/metadata", new)]
    return [
        Op("add", f"/metadata/{escaped(name)}", value)
        for name, value in new.items()
        if name not in old or not same(old[name], value)
    ]


def _only_text(artifact: Artifact) -> str | None:
    """The text of a piece that is one plain text."""
    match artifact.parts:
        case [Part(content=Oneof(field="text", value=str() as text)) as part] if part == Part(content=part.content):
            return text
        case _:
            return None


def _patched(metadata: Struct | None) -> bool:
    return metadata is not None and URI in metadata.fields
