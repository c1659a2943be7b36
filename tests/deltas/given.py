"""Sequences of yields, what becomes of them on the wire, and views of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from protobuf import Oneof

from gateway.codec import protojson
from gateway.codec.freeform import whole_numbers
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds
from gateway.deltas.changes import Change, MessageCompleted, MessageReplaced, MetadataChanged, PartAdded, TextDelta
from gateway.deltas.draft import Draft
from gateway.deltas.extension import patch_event
from gateway.deltas.op import Op
from generated.a2a.v1.a2a_pb import Message, Part, StreamResponse, TaskState, TaskStatus, TaskStatusUpdateEvent

BOUNDS = Bounds()

texts = ["", "a", "token ", "\U0001f600", "\ud83d", "\ude00", "x\ud83d", "\ude00y", "\u2028\x00~/", "e\u0301", "\ufffd"]
plain_texts = [text for text in texts if all(char < "\ud800" for char in text)]
names = st.sampled_from(["a", "b", "c/d", "e~f", "__proto__", "", "0"])
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.floats(-2, 2), st.sampled_from(["s", "t\U0001f600"])
)
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=6
)

data: list[JsonValue] = [
    None,
    True,
    0,
    -1,
    1.5,
    "s",
    "t\U0001f600",
    [],
    {},
    [1, [2, None]],
    {"a": {"b": [{}]}},
    {"c/d": [1]},
]
metadata: list[dict[str, JsonValue]] = [
    {},
    {"a": 1},
    {"a": "text"},
    {"a": [1]},
    {"a": [2, {"x": "y"}]},
    {"a": {"b": 1, "c": [1]}},
    {"a": {"b": 2, "c": [2], "": None}},
    {"c/d": [1.5], "e~f": True, "__proto__": {"x": 1}},
    {"c/d": ["t\U0001f600"], "e~f": True, "__proto__": {"y": 1}},
]
parts = [
    Part(content=Oneof("text", "")),
    Part(content=Oneof("text", "q\U0001f600")),
    Part(content=Oneof("text", "p"), media_type="text/markdown"),
    Part(content=Oneof("url", "https://x.example"), filename="f"),
    Part(content=Oneof("raw", b"\xff\xfe"), media_type="image/png"),
]


def yields(said: list[str] = texts) -> st.SearchStrategy[list[tuple[str, Any]]]:
    text = [("text", chunk) for chunk in said]
    one = [*(("part", part) for part in parts), *(("data", value) for value in data)]
    described = [("metadata", value) for value in metadata]
    return st.lists(st.sampled_from([*text, *text, *one, *described]), max_size=10)


@dataclass
class Told:
    """A draft with the patch of every yield that made one."""

    draft: Draft
    patches: list[list[Op]] = field(default_factory=list[list[Op]])

    def events(self) -> list[StreamResponse]:
        return [patch_event("t", "c", "m", ops, seq) for seq, ops in enumerate(self.patches)]

    def message(self) -> Message:
        return self.draft.message(task_id="t", context_id="c")

    def final(self) -> StreamResponse:
        return status(TaskState.COMPLETED, self.message())


def told(sequence: Iterable[tuple[str, Any]]) -> Told:
    made = Told(Draft("m"))
    for kind, value in sequence:
        if ops := getattr(made.draft, kind)(value):
            made.patches.append(ops)
    if ops := made.draft.settle():
        made.patches.append(ops)
    return made


def status(state: TaskState, message: Message | None = None) -> StreamResponse:
    update = TaskStatusUpdateEvent(task_id="t", context_id="c", status=TaskStatus(state=state, message=message))
    return StreamResponse(payload=Oneof("status_update", update))


def json_parts(message: Message) -> list[JsonValue]:
    return [protojson.to_value(part, BOUNDS) for part in message.parts]


def json_metadata(message: Message) -> JsonValue:
    return whole_numbers(protojson.to_value(message.metadata, BOUNDS)) if message.metadata is not None else None


class View:
    """What somebody sees who folds changes as `changes.py` says."""

    def __init__(self) -> None:
        self.parts: dict[str, list[Part]] = {}
        self.metadata: dict[str, JsonValue] = {}
        self.complete: list[str] = []

    def show(self, change: Change) -> None:
        match change:
            case TextDelta(message_id=message_id, part_index=at, text=text):
                shown = self.parts.setdefault(message_id, [])
                if at == len(shown):
                    shown.append(Part(content=Oneof("text", text)))
                else:
                    old = shown[at]
                    assert old.content is not None
                    longer = Oneof("text", str(old.content.value) + text)
                    shown[at] = Part(
                        content=longer, metadata=old.metadata, filename=old.filename, media_type=old.media_type
                    )
            case PartAdded(message_id=message_id, part_index=at, part=part):
                shown = self.parts.setdefault(message_id, [])
                assert at == len(shown)
                shown.append(part)
            case MetadataChanged(message_id=message_id, metadata=whole):
                self.metadata[message_id] = whole
            case MessageReplaced(message_id=message_id, parts=whole, metadata=described):
                self.parts[message_id], self.metadata[message_id] = [*whole], described
            case MessageCompleted(message=message):
                self.complete.append(message.message_id)
            case _:
                pass

    def is_message(self, message: Message) -> bool:
        described = json_metadata(message) or {}
        shown = self.metadata.get(message.message_id, {})
        return self.parts.get(message.message_id, []) == message.parts and whole_numbers(shown) == described
