"""The part values inside patches in the dialect of the version that carries them.

Patches stand in metadata, which passes between versions unchanged; the parts in them do not. The
gateway holds 1.0, so an edge of 0.3 (any of its bindings: metadata is the same JSON on each) rewrites
what it reads with `from_v0_3` and what it writes with `to_v0_3`. Other events are the same objects.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import replace

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct, Value

from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.v0_3.choices import DEFAULT, Choices
from gateway.codec.v0_3.json_parts import Part
from gateway.codec.v0_3.members import Terms
from gateway.deltas.document import DraftBounds
from gateway.deltas.extension import MESSAGE_UPDATE, URI, read_event
from gateway.deltas.op import Op, PatchRefused
from generated.a2a.v1.a2a_pb import StreamResponse, TaskStatusUpdateEvent

_PART = Part()
_OLD_PLACES = {
    "raw": "file/bytes",
    "url": "file/uri",
    "mediaType": "file/mimeType",
    "filename": "file/name",
}
"""Where the members of a part of 1.0 stand in one of 0.3; the others are where they were."""
_NEW_PLACES = {old: new for new, old in _OLD_PLACES.items()}

Rewrite = Callable[[JsonValue], JsonValue]


def to_v0_3(event: StreamResponse, choices: Choices = DEFAULT) -> StreamResponse:
    """An event for a peer that speaks 0.3. What 0.3 cannot say stays in the words of 1.0."""
    return _rewritten(event, lambda part: _PART.write(part, choices), _OLD_PLACES, 1)


def from_v0_3(event: StreamResponse, bounds: Bounds, choices: Choices = DEFAULT) -> StreamResponse:
    """An event of a peer that speaks 0.3. A part that is none stays as it is: readers see the gap."""
    return _rewritten(event, lambda part: _PART.read(part, Terms(bounds, choices)), _NEW_PLACES, 2)


def _rewritten(event: StreamResponse, rewrite: Rewrite, places: dict[str, str], steps: int) -> StreamResponse:
    patch = read_event(event)
    if patch is None:
        return event
    try:
        ops = patch.ops(DraftBounds().ops)
    except PatchRefused:
        return event
    changed = [_op(op, rewrite, places, steps) for op in ops]
    if changed == ops:
        return event
    return _with_ops(event, changed)


def _op(op: Op, rewrite: Rewrite, places: dict[str, str], steps: int) -> Op:
    path, source = _place(op.path, places, steps), _place(op.source, places, steps)
    match op.path.split("/"), op.value:
        case [""], dict() as draft if "parts" in draft:
            return replace(op, value={**draft, "parts": _parts(draft["parts"], rewrite)}, source=source)
        case ["", "parts"], list() as parts:
            return replace(op, value=_parts(parts, rewrite), source=source)
        case ["", "parts", _], dict() as part:
            return replace(op, value=_part(part, rewrite), source=source)
        case _:
            return op if (path, source) == (op.path, op.source) else replace(op, path=path, source=source)


def _place(path: str, places: dict[str, str], steps: int) -> str:
    """A pointer into a part, where its member stands elsewhere."""
    match path.split("/"):
        case ["", "parts", at, *inside] if (moved := places.get("/".join(inside[:steps]))) is not None:
            return "/".join(["", "parts", at, moved, *inside[steps:]])
        case _:
            return path


def _parts(value: JsonValue, rewrite: Rewrite) -> JsonValue:
    return [_part(part, rewrite) for part in value] if isinstance(value, list) else value


def _part(value: JsonValue, rewrite: Rewrite) -> JsonValue:
    try:
        made = rewrite(value)
    except Malformed:
        return value
    return value if made is None else made


def _with_ops(event: StreamResponse, ops: list[Op]) -> StreamResponse:
    assert event.payload is not None
    update = event.payload.value
    assert isinstance(update, TaskStatusUpdateEvent)
    assert update.metadata is not None
    said = update.metadata.fields[URI].kind
    assert said is not None
    assert isinstance(said.value, Struct)
    made = Value.from_python([op.to_json() for op in ops])
    payload = Value(kind=Oneof("struct_value", Struct(fields={**said.value.fields, MESSAGE_UPDATE: made})))
    rewritten = copy(update)
    rewritten.metadata = Struct(fields={**update.metadata.fields, URI: payload})
    return StreamResponse(payload=Oneof("status_update", rewritten))
