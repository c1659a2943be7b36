"""The extension's identity, and the events that carry its patches.

A patch event is a status update in WORKING without a message whose metadata holds, under `URI`,
`message_id` and `message_update`; the other keys are this gateway's, and clients that do not know
them ignore them.
"""

from dataclasses import dataclass
from typing import Final, cast

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import ListValue, Struct, Value

from gateway.codec.freeform import whole_numbers
from gateway.codec.jsontext import JsonValue
from gateway.deltas.op import Op, Patch, read_patch
from generated.a2a.v1.a2a_pb import AgentExtension, StreamResponse, TaskState, TaskStatus, TaskStatusUpdateEvent

URI: Final = "https://a2a-extensions.adk.kagenti.dev/ui/streaming/v1"
DESCRIPTION: Final = "Enables fine-grained streaming of token chunks."

MESSAGE_UPDATE: Final = "message_update"
"""The operations, in order."""
MESSAGE_ID: Final = "message_id"
"""The message under construction; the final one has it too."""
SEQ: Final = "seq"
"""The number of the patch, from 0 in each message; of several in one event, that of the last."""
COVERS: Final = "covers"
"""How many patches are in the event; 1 where it is not said."""
SNAPSHOT: Final = "snapshot"
"""True where the patch sets the whole draft for who joined late; it contains all patches up to `seq`."""
ARTIFACT_ID: Final = "artifact_id"
"""The artifact whose text the draft shows while it grows. It is delivered whole; the draft becomes no message."""

_LARGEST = 2**53


def declaration() -> AgentExtension:
    """What an agent card says of the extension."""
    return AgentExtension(uri=URI, description=DESCRIPTION)


def patch_event(
    task_id: str,
    context_id: str,
    message_id: str,
    ops: Patch,
    seq: int | None = None,
    *,
    covers: int = 1,
    snapshot: bool = False,
    artifact_id: str = "",
    status: TaskStatus | None = None,
    metadata: Struct | None = None,
) -> StreamResponse:
    """The event that carries a patch.

    `status` is one in WORKING without a message, where a timestamp is to be said; `metadata` is
    what else the event says.
    """
    fields = {MESSAGE_ID: _text(message_id), MESSAGE_UPDATE: _list([_op(op) for op in ops])}
    if seq is not None:
        fields[SEQ] = _number(seq)
    if covers != 1:
        fields[COVERS] = _number(covers)
    if snapshot:
        fields[SNAPSHOT] = Value(kind=Oneof("bool_value", True))
    if artifact_id:
        fields[ARTIFACT_ID] = _text(artifact_id)
    update = TaskStatusUpdateEvent(
        task_id=task_id,
        context_id=context_id,
        status=status or TaskStatus(state=TaskState.WORKING),
        metadata=Struct(fields={**(metadata.fields if metadata else {}), URI: _object(fields)}),
    )
    return StreamResponse(payload=Oneof("status_update", update))


@dataclass(frozen=True, slots=True)
class PatchEvent:
    """What an event says under the extension's key."""

    task_id: str
    context_id: str
    status: TaskStatus
    bare: bool
    """The event says nothing else: it is in WORKING, without a message or other metadata."""
    update: list[JsonValue]
    message_id: str = ""
    seq: int | None = None
    covers: int = 1
    snapshot: bool = False
    artifact_id: str = ""

    @property
    def subject(self) -> tuple[str, str, str]:
        """The draft that it is about."""
        return self.task_id, self.message_id, self.artifact_id

    def ops(self, most: int) -> list[Op]:
        """Raises PatchRefused."""
        return read_patch(self.update, most)


def read_event(event: StreamResponse) -> PatchEvent | None:
    """What an event says under the extension's key; None where it has no list of operations there.

    Optional keys that are not what they should be are as if they were not there.
    """
    match event.payload:
        case Oneof(value=TaskStatusUpdateEvent(metadata=Struct() as metadata, status=TaskStatus() as status) as update):
            pass
        case _:
            return None
    match metadata.fields.get(URI):
        case Value(kind=Oneof(field="struct_value", value=Struct() as said)):
            payload = {name: cast(JsonValue, value.to_python()) for name, value in said.fields.items()}
        case _:
            return None
    ops = payload.get(MESSAGE_UPDATE)
    if not isinstance(ops, list):
        return None
    bare = status.state is TaskState.WORKING and status.message is None and len(metadata.fields) == 1
    return PatchEvent(
        update.task_id,
        update.context_id,
        status,
        bare,
        [whole_numbers(op) for op in ops],
        _string(payload.get(MESSAGE_ID)),
        _natural(payload.get(SEQ)),
        _natural(payload.get(COVERS)) or 1,
        payload.get(SNAPSHOT) is True,
        _string(payload.get(ARTIFACT_ID)),
    )


def without_patches(metadata: Struct | None) -> Struct | None:
    """Metadata of an event or a task without the extension's key; the same object where it has none.

    Stores of other SDKs merge the metadata of events into the task's, so the last patch stays there.
    """
    if metadata is None or URI not in metadata.fields:
        return metadata
    rest = {name: value for name, value in metadata.fields.items() if name != URI}
    return Struct(fields=rest) if rest else None


def _string(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _natural(value: JsonValue) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST:
        return None
    return int(value) if float(value).is_integer() else None


def _op(op: Op) -> Value:
    if op.op == "str_ins" and op.pos is not None:  # nearly all there are, so spelled out
        inserted = {"op": _text("str_ins"), "path": _text(op.path), "pos": _number(op.pos)}
        return _object({**inserted, "value": _text(str(op.value))})
    return Value.from_python(op.to_json())


def _text(value: str) -> Value:
    return Value(kind=Oneof("string_value", value))


def _number(value: int) -> Value:
    return Value(kind=Oneof("number_value", float(value)))


def _object(fields: dict[str, Value]) -> Value:
    return Value(kind=Oneof("struct_value", Struct(fields=fields)))


def _list(values: list[Value]) -> Value:
    return Value(kind=Oneof("list_value", ListValue(values=values)))
