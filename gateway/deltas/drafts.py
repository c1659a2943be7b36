"""The messages that patches build on the receiving side, by their ids, and what each event changes of them.

Nothing raises: a patch that is missing, refused or late is a gap, and the message stands still until
a patch sets it whole or the message itself comes.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from protobuf import Oneof

from gateway.codec import protojson
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds, Malformed
from gateway.deltas.changes import (
    Gap,
    MessageAbandoned,
    MessageChange,
    MessageCompleted,
    MessageReplaced,
    MetadataChanged,
    PartAdded,
    TextDelta,
)
from gateway.deltas.document import Document, DraftBounds
from gateway.deltas.extension import PatchEvent
from gateway.deltas.op import Op, Patch, PatchRefused
from gateway.deltas.values import JsonObject, object_of, same, struct_of
from generated.a2a.v1.a2a_pb import Message, Part, Role

_BOUNDS = Bounds()


class Drafts:
    """All messages of one stream that are open, and those that are complete."""

    def __init__(self, bounds: DraftBounds | None = None) -> None:
        self._bounds = bounds or DraftBounds()
        self._open: OrderedDict[str, _Draft] = OrderedDict()
        self._complete: OrderedDict[str, Message] = OrderedDict()
        self._latest = ""

    def __len__(self) -> int:
        """How many messages are open."""
        return len(self._open)

    def __iter__(self) -> Iterator[str]:
        """The ids of the messages that are open."""
        return iter([*self._open])

    def take(self, patch: PatchEvent) -> list[MessageChange]:
        """Takes a patch event. One of a message that is complete, or that was taken before, changes nothing."""
        try:
            ops = patch.ops(self._bounds.ops)
        except PatchRefused:
            ops = None
        message_id = patch.message_id or _id_of_root(ops) or self._latest
        self._latest = message_id
        if message_id in self._complete:
            return []
        draft = self._open.get(message_id)
        changes: list[MessageChange] = []
        if draft is None:
            draft = self._open[message_id] = _Draft(message_id, self._bounds, Document(self._bounds))
            if len(self._open) > self._bounds.drafts:
                oldest, _ = self._open.popitem(last=False)
                changes.append(Gap(oldest))
        return changes + draft.take(patch, ops)

    def complete(self, message: Message) -> list[MessageChange]:
        """Takes a whole message: what was not shown of it, and that it is complete."""
        message_id = message.message_id
        before = self._complete.get(message_id)
        draft = self._open.pop(message_id, None)
        if message_id and before == message:
            return []
        if draft is not None:
            shown, metadata = draft.shown(), draft.metadata()
        else:
            shown, metadata = (before.parts, object_of(before.metadata)) if before is not None else ([], {})
        wanted = object_of(message.metadata)
        changes = None if shown is None else _towards(message_id, shown, message.parts)
        if changes is None:
            changes = [MessageReplaced(message_id, list(message.parts), wanted)]
        elif not same(metadata, wanted):
            changes.append(MetadataChanged(message_id, wanted))
        if message_id:
            self._complete[message_id] = message
            self._complete.move_to_end(message_id)
            if len(self._complete) > self._bounds.drafts:
                self._complete.popitem(last=False)
        return [*changes, MessageCompleted(message)]

    def abandon(self, message_id: str) -> list[MessageChange]:
        """Closes a message that will not be completed."""
        return [MessageAbandoned(message_id)] if self._open.pop(message_id, None) else []

    def partial(self, message_id: str) -> Message | None:
        """An open message as it stands; None where there is none or parts of it are missing."""
        draft = self._open.get(message_id)
        return None if draft is None or draft.lost else draft.message()


@dataclass(slots=True)
class _Draft:
    message_id: str
    bounds: DraftBounds
    document: Document
    lost: bool = False
    seq: int | None = None
    begun: bool = False
    lengths: dict[int, int] = field(default_factory=dict[int, int])
    """Of the text parts, in code points."""

    def take(self, patch: PatchEvent, ops: Patch | None) -> list[MessageChange]:
        sets_all = ops is not None and _sets_all(ops)
        if not self.lost and self.seq is not None and patch.seq is not None:
            if patch.seq <= self.seq:
                return []
            if patch.seq - patch.covers != self.seq and not sets_all:
                return self._lose()
        if ops is None or (not self.begun and not sets_all):
            return self._lose()
        if self.lost and not sets_all:
            return []
        try:
            changes = self._replaced(ops) if sets_all else self._grown(ops)
        except (PatchRefused, Malformed):
            return self._lose()
        self.lost, self.seq = False, patch.seq
        return changes

    def shown(self) -> list[Part] | None:
        """The parts as they were last shown; None where patches made something else of them."""
        try:
            return self._parts() if self.begun else []
        except (PatchRefused, Malformed):
            return None

    def metadata(self) -> JsonObject:
        metadata = self.document.read("metadata")
        return metadata if isinstance(metadata, dict) else {}

    def message(self) -> Message | None:
        parts, metadata = self.shown(), self.metadata()
        if parts is None:
            return None
        return Message(
            message_id=self.message_id,
            role=Role.AGENT,
            parts=parts,
            metadata=struct_of(metadata) if metadata else None,
        )

    def _lose(self) -> list[MessageChange]:
        known, self.lost = self.lost, True
        return [] if known else [Gap(self.message_id)]

    def _replaced(self, ops: Patch) -> list[MessageChange]:
        """A patch that sets all: what is more than was shown, or all where it is something else."""
        shown, metadata = self.shown(), self.metadata()
        document = Document(self.bounds)
        document.apply(ops)
        fresh = _Draft(self.message_id, self.bounds, document, begun=True)
        parts = fresh.read_parts()
        self.document, self.begun, self.lengths = document, True, fresh.lengths
        changes = None if shown is None else _towards(self.message_id, shown, parts)
        if changes is None:
            return [MessageReplaced(self.message_id, parts, self.metadata())]
        return [*changes, *([] if same(metadata, self.metadata()) else [self._described()])]

    def _grown(self, ops: Patch) -> list[MessageChange]:
        count = self.document.count("parts")
        self.document.apply(ops)
        changes: list[MessageChange] = []
        described = False
        for op in ops:
            if op.op == "add" and op.path in ("/parts/-", f"/parts/{count}"):
                changes.append(self._opened(count, _part(op.value)))
                count += 1
            elif (at := self._lengthened(op)) is not None:
                self.lengths[at] += len(str(op.value))
                if op.value:
                    changes.append(TextDelta(self.message_id, at, str(op.value)))
            elif op.path == "/metadata" or op.path.startswith("/metadata/"):
                described = True
            elif op.op != "test":
                return self._rewritten()
        if described:
            changes.append(self._described())
        return changes

    def _opened(self, at: int, part: Part) -> MessageChange:
        self._measure(at, part)
        return _opening(self.message_id, at, part)

    def _described(self) -> MessageChange:
        return MetadataChanged(self.message_id, self.metadata())

    def _lengthened(self, op: Op) -> int | None:
        """The part whose text an operation appends to."""
        if op.op != "str_ins" or not op.path.startswith("/parts/") or not op.path.endswith("/text"):
            return None
        step = op.path[7:-5]
        at = int(step) if step.isascii() and step.isdigit() else -1
        return at if at in self.lengths and op.pos in (None, self.lengths[at]) else None

    def _rewritten(self) -> list[MessageChange]:
        return [MessageReplaced(self.message_id, self.read_parts(), self.metadata())]

    def read_parts(self) -> list[Part]:
        """The parts as they stand, measured. Raises PatchRefused, Malformed."""
        parts = self._parts()
        self.lengths.clear()
        for at, part in enumerate(parts):
            self._measure(at, part)
        return parts

    def _measure(self, at: int, part: Part) -> None:
        match part.content:
            case Oneof(field="text", value=str() as text):
                self.lengths[at] = len(text)
            case _:
                pass

    def _parts(self) -> list[Part]:
        value = self.document.read("parts")
        if not isinstance(value, list):
            raise PatchRefused("a draft has a list of parts")
        return [_part(item) for item in value]


def _sets_all(ops: Patch) -> bool:
    return bool(ops) and ops[0].op in ("replace", "add") and not ops[0].path


def _id_of_root(ops: Patch | None) -> str:
    match ops:
        case [Op(path="", value=dict() as draft), *_]:
            said = draft.get("message_id")
            return said if isinstance(said, str) else ""
        case _:
            return ""


def _part(value: JsonValue) -> Part:
    """Raises Malformed. Members that nobody knows are taken out, of a copy."""
    return protojson.from_value(Part, dict(value) if isinstance(value, dict) else value, _BOUNDS)


def _opening(message_id: str, at: int, part: Part) -> MessageChange:
    match part:
        case Part(content=Oneof(field="text", value=str() as text)) if part == Part(content=part.content):
            return TextDelta(message_id, at, text)
        case _:
            return PartAdded(message_id, at, part)


def _towards(message_id: str, shown: Sequence[Part], wanted: Sequence[Part]) -> list[MessageChange] | None:
    """What makes the wanted parts of those that were shown; None where that is not growth."""
    if len(shown) > len(wanted):
        return None
    changes: list[MessageChange] = []
    for at, (old, new) in enumerate(zip(shown, wanted, strict=False)):
        if old == new:
            continue
        more = _more_text(old, new)
        if more is None:
            return None
        changes.append(TextDelta(message_id, at, more))
    changes.extend(_opening(message_id, at, wanted[at]) for at in range(len(shown), len(wanted)))
    return changes


def _more_text(old: Part, new: Part) -> str | None:
    match old.content, new.content:
        case Oneof(field="text", value=str() as before), Oneof(field="text", value=str() as after):
            beside = (old.metadata, old.filename, old.media_type) == (new.metadata, new.filename, new.media_type)
            return after[len(before) :] if beside and after.startswith(before) else None
        case _:
            return None
