"""The mapping that a method gets where nobody wrote one, from its descriptors alone. Pure.

What is inferred is a mapping like one that is written: `a2a-gateway map` prints it, and nothing else
knows the difference. Which field means what is said by tables of names, best first.
"""

from collections.abc import Sequence

from protobuf import (
    DescField,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    DescMethod,
    ScalarType,
)

from gateway.settings import ResponseMapping
from gateway.southbound.mapped.descriptors import has_special_json

TEXT_IN = (
    "text",
    "prompt",
    "input",
    "query",
    "question",
    "message",
    "content",
    "utterance",
    "instruction",
    "sentence",
    "body",
    "source",
    "name",
)
"""Names of the request field that takes the caller's text."""

TEXT_OUT = (
    "text",
    "content",
    "chunk",
    "delta",
    "token",
    "answer",
    "output",
    "message",
    "result",
    "response",
    "reply",
    "completion",
    "summary",
    "transcript",
    "translation",
    "line",
)
"""Names of the response field that is streamed as text."""

BYTES = ("content", "data", "file", "image", "audio", "video", "document", "bytes", "body", "payload", "blob", "chunk")
"""Names of the field that holds a file."""

MEDIA_TYPE = ("media_type", "mime_type", "content_type", "mimetype")
FILE_NAME = ("filename", "file_name")
"""Names of fields that say something of the file beside them."""

NOT_TEXT = ("id", "uuid", "guid", "key", "code", "locale", "lang", "language", "model", "type", "version", "etag",
            "url", "uri", "timestamp", "page_token", *MEDIA_TYPE, *FILE_NAME)
"""Names of strings that are no text, alone or as the end of a longer name."""

_SPECIAL_REQUESTS = {
    "google.protobuf.StringValue": "text",
    "google.protobuf.BytesValue": "files[0].bytes",
    "google.protobuf.Empty": "`{}`",
}
_SPECIAL_RESPONSES = {
    "google.protobuf.StringValue": "text",
    "google.protobuf.Timestamp": "text",
    "google.protobuf.Duration": "text",
    "google.protobuf.FieldMask": "text",
    "google.protobuf.BytesValue": "file",
}
"""Types that are no set of fields to the part that they become; the others are data."""


def request_of(method: DescMethod) -> str:
    """The expression that makes a method's request of a message."""
    desc = method.input
    if special := _SPECIAL_REQUESTS.get(desc.type_name):
        return special
    if has_special_json(desc):
        return "data"
    if not desc.fields:
        return "`{}`"
    taken = [f"{member}: {source}" for member, source in _taken(desc)]
    return f"merge({{{', '.join(taken)}}}, data || `{{}}`)" if taken else "data"


def response_of(method: DescMethod) -> ResponseMapping:
    """What a method's responses become."""
    desc = method.output
    if has_special_json(desc):
        return _mapping(**{_SPECIAL_RESPONSES.get(desc.type_name, "data"): "@"})
    if not desc.fields:
        return _mapping()
    text, file = _path(desc, TEXT_OUT, ScalarType.STRING), _file(desc)
    if text or file:
        return _mapping(**{name: one for name, one in (("text", text), ("file", file)) if one})
    return _mapping(data="@")


def _taken(desc: DescMessage) -> list[tuple[str, str]]:
    """Members of a request and what they take, other than from the caller's data."""
    taken: list[tuple[str, str]] = []
    path = _path(desc, TEXT_IN, ScalarType.STRING)
    if path:
        outer, _, inner = path.partition(".")
        taken.append((outer, f"{{{inner}: text}}" if inner else "text"))
    file = _best(_singular(desc, ScalarType.BYTES), BYTES)
    if file:
        taken.append((file.name, "files[0].bytes"))
        taken += [(name, "files[0].media_type") for name in _beside(desc, MEDIA_TYPE)]
        taken += [(name, "files[0].name") for name in _beside(desc, FILE_NAME)]
    return taken


def _file(desc: DescMessage) -> str:
    file = _best(_singular(desc, ScalarType.BYTES), BYTES)
    if file is None:
        return ""
    members = [f"bytes: {file.name}"]
    members += [f"media_type: {name}" for name in _beside(desc, MEDIA_TYPE)]
    members += [f"name: {name}" for name in _beside(desc, FILE_NAME)]
    return f"{{{', '.join(members)}}}" if len(members) > 1 else file.name


def _path(desc: DescMessage, names: Sequence[str], scalar: ScalarType) -> str:
    """The field for a text, in the message itself or else in a message inside it; empty where there is none."""
    if found := _best(_singular(desc, scalar), names):
        return found.name
    for field in desc.fields:
        match field.value:
            case DescFieldValueMessage(message=inner) if not has_special_json(inner) and inner is not desc:
                if found := _best(_singular(inner, scalar), names):
                    return f"{field.name}.{found.name}"
            case _:
                pass
    return ""


def _singular(desc: DescMessage, scalar: ScalarType) -> list[DescField]:
    """Fields that hold one value of a type and may hold text or content."""
    return [
        field
        for field in desc.fields
        if isinstance(field.value, DescFieldValueScalar)
        and field.value.scalar is scalar
        and not any(field.name == name or field.name.endswith(f"_{name}") for name in NOT_TEXT)
    ]


def _best(fields: Sequence[DescField], names: Sequence[str]) -> DescField | None:
    """The best-named field: a whole name before the end of one, then by the table; a lone field has no need of one."""
    ranked = [(rank, index) for index, field in enumerate(fields) if (rank := _rank(field.name, names)) is not None]
    if ranked:
        return fields[min(ranked)[1]]
    return fields[0] if len(fields) == 1 else None


def _rank(name: str, names: Sequence[str]) -> int | None:
    for rank, known in enumerate(names):
        if name == known:
            return rank
    for rank, known in enumerate(names):
        if name.endswith(f"_{known}"):
            return len(names) + rank
    return None


def _beside(desc: DescMessage, names: Sequence[str]) -> list[str]:
    """The string field of one of these names, if there is one."""
    strings = {
        field.name
        for field in desc.fields
        if isinstance(field.value, DescFieldValueScalar) and field.value.scalar is ScalarType.STRING
    }
    return [name for name in names if name in strings][:1]


def _mapping(**expressions: str) -> ResponseMapping:
    return ResponseMapping.model_validate(expressions)
