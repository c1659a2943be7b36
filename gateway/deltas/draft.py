"""One message under construction: every yield gives the patch that it makes.

A yield costs what it brings, however long the draft has become. Applying all patches gives the
parts and the metadata of `message`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Value

from gateway.codec.jsontext import JsonValue
from gateway.deltas.op import Op
from gateway.deltas.pointer import escaped
from gateway.deltas.values import (
    JsonObject,
    merged_objects,
    object_of,
    owned,
    owned_object,
    part_value,
    same,
    struct_of,
)
from generated.a2a.v1.a2a_pb import Message, Part, Role

_SURROGATES = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Draft:
    """A message of the agent as it grows.

    Text that follows text lengthens the same part, also where metadata came between. A yield that
    brings nothing (an empty text, no metadata) changes nothing. What no binding could carry raises
    Malformed and leaves the draft as it was.
    """

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        self._parts: list[_Text | _Whole] = []
        self._metadata: JsonObject | None = None
        self._half = ""
        """The first half of a surrogate pair whose other half has yet to come."""

    @property
    def empty(self) -> bool:
        """Nothing was yielded yet."""
        return not self._opened and not self._half

    def text(self, chunk: str) -> list[Op]:
        """Half of a surrogate pair at the end waits for the next chunk; elsewhere it becomes U+FFFD."""
        text = self._unicode(chunk)
        return [self._append(text)] if text else []

    def part(self, part: Part) -> list[Op]:
        """The part must not be changed afterwards."""
        whole = _Whole(part, part_value(part))
        return [*self.settle(), self._add(whole)]

    def data(self, value: JsonValue, media_type: str = "application/json") -> list[Op]:
        return self.part(Part(content=Oneof("data", Value.from_python(owned(value))), media_type=media_type))

    def metadata(self, values: Mapping[str, JsonValue]) -> list[Op]:
        """Merges; a member that changes is sent whole.

        The published Python client applies what goes below a member to an object without it, and
        fails.
        """
        more = owned_object(values)
        if not more:
            return []
        old, opened = self._metadata, self._opened
        self._metadata = merged_objects(old or {}, more)
        if not opened:
            return self.root()
        if old is None:
            return [Op("add", "/metadata", self._metadata)]
        return [
            Op("add", f"/metadata/{escaped(name)}", self._metadata[name])
            for name in more
            if name not in old or not same(old[name], self._metadata[name])
        ]

    def settle(self) -> list[Op]:
        """Ends the text: a half of a surrogate pair that still waits becomes U+FFFD."""
        if not self._half:
            return []
        self._half = ""
        return [self._append(_REPLACEMENT)]

    def root(self) -> list[Op]:
        """One operation that sets the draft as it stands, for who joins late. Costs the whole draft."""
        return [Op("replace", "", self._document())]

    def message(self, *, task_id: str, context_id: str, closing: Message | None = None) -> Message:
        """The message that the draft has become, with an explicit one joined to its end.

        The draft gives the id, unless nothing was yielded and the explicit message has one. Parts
        follow parts, metadata merges by the rule of `Metadata`, extensions and references are kept.
        """
        said = closing if closing is not None else Message()
        parts = [part.part() for part in self._parts]
        if self._half:
            ended = parts.pop() if self._growing else None
            text = ended.content.value if ended and ended.content and ended.content.field == "text" else ""
            parts.append(Part(content=Oneof("text", text + _REPLACEMENT)))
        metadata = merged_objects(self._metadata or {}, object_of(said.metadata))
        return Message(
            message_id=(self.empty and said.message_id) or self.message_id,
            context_id=context_id,
            task_id=task_id,
            role=Role.AGENT,
            parts=[*parts, *said.parts],
            metadata=struct_of(metadata) if metadata or said.metadata is not None else None,
            extensions=list(said.extensions),
            reference_task_ids=list(said.reference_task_ids),
        )

    @property
    def _opened(self) -> bool:
        return bool(self._parts) or self._metadata is not None

    @property
    def _growing(self) -> "_Text | None":
        """The text that further text lengthens."""
        last = self._parts[-1] if self._parts else None
        return last if isinstance(last, _Text) else None

    def _append(self, text: str) -> Op:
        growing = self._growing
        if growing is None:
            return self._add(_Text(f"/parts/{len(self._parts)}/text", [text], len(text)))
        op = Op("str_ins", growing.path, text, pos=growing.length)
        growing.chunks.append(text)
        growing.length += len(text)
        return op

    def _add(self, part: "_Text | _Whole") -> Op:
        opened = self._opened
        self._parts.append(part)
        return Op("add", "/parts/-", part.value()) if opened else Op("replace", "", self._document())

    def _document(self) -> JsonObject:
        parts: Sequence[JsonValue] = [part.value() for part in self._parts]
        metadata: JsonObject = {} if self._metadata is None else {"metadata": self._metadata}
        return {"message_id": self.message_id, "parts": [*parts], **metadata}

    def _unicode(self, chunk: str) -> str:
        if not self._half and (chunk.isascii() or not _SURROGATES.search(chunk)):
            return chunk
        text, self._half = self._half + chunk, ""
        if "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@dataclass(slots=True)
class _Text:
    """A text part in pieces."""

    path: str
    chunks: list[str] = field(default_factory=list[str])
    length: int = 0
    """In code points."""

    def part(self) -> Part:
        return Part(content=Oneof("text", self._whole()))

    def value(self) -> JsonValue:
        return {"text": self._whole()}

    def _whole(self) -> str:
        if len(self.chunks) > 1:
            self.chunks[:] = ["".join(self.chunks)]
        return self.chunks[0]


@dataclass(frozen=True, slots=True)
class _Whole:
    """A part that came whole."""

    given: Part
    json: JsonObject

    def part(self) -> Part:
        return self.given

    def value(self) -> JsonValue:
        return self.json
