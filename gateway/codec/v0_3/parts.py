"""Parts on gRPC and HTTP+JSON: flat in 1.0, nested in 0.3, where data is an object and bytes may be text.

Data that is not an object travels as `{"value": …}` under the metadata flag that the SDKs agreed on.
"""

import base64
import binascii
from typing import Any

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct, Value

from gateway.codec.malformed import Malformed
from gateway.codec.v0_3.choices import Choices
from generated.a2a.v0_3 import a2a_pb as old
from generated.a2a.v1 import a2a_pb as a2a

WRAPPED = "data_part_compat"
"""The member of a part's metadata that says that its data is a wrapped value; taken out again."""
MEMBER = "value"
"""The member that holds the wrapped value."""

_TRUE = Value(kind=Oneof("bool_value", True))


def to_v0_3(part: a2a.Part, choices: Choices) -> old.Part:
    match part.content:
        case Oneof(field="text", value=str(text)):
            return old.Part(part=Oneof("text", text), metadata=part.metadata)
        case Oneof(field="url", value=str(url)):
            return old.Part(part=Oneof("file", _file(part, Oneof("file_with_uri", url))), metadata=part.metadata)
        case Oneof(field="raw", value=bytes(raw)):
            content = base64.b64encode(raw) if choices.file_bytes == "base64_text" else raw
            return old.Part(part=Oneof("file", _file(part, Oneof("file_with_bytes", content))), metadata=part.metadata)
        case Oneof(field="data", value=Value(kind=Oneof(field="struct_value", value=Struct() as struct))):
            return old.Part(part=Oneof("data", old.DataPart(data=struct)), metadata=part.metadata)
        case Oneof(field="data", value=Value() as value):
            flagged = {**(part.metadata.fields if part.metadata else {}), WRAPPED: _TRUE}
            data = old.DataPart(data=Struct(fields={MEMBER: value}))
            return old.Part(part=Oneof("data", data), metadata=Struct(fields=flagged))
        case _:
            return old.Part(metadata=part.metadata)


def from_v0_3(part: old.Part, choices: Choices) -> a2a.Part:
    match part.part:
        case Oneof(field="text", value=str(text)):
            return a2a.Part(content=Oneof("text", text), metadata=part.metadata)
        case Oneof(field="file", value=old.FilePart() as file) if file.file is not None:
            return a2a.Part(
                content=_content(file, choices), metadata=part.metadata, filename=file.name, media_type=file.mime_type
            )
        case Oneof(field="data", value=old.DataPart() as data):
            return _unwrapped(data.data or Struct(), part.metadata)
        case _:
            return a2a.Part(metadata=part.metadata)


def _file(part: a2a.Part, content: Any) -> old.FilePart:
    return old.FilePart(file=content, mime_type=part.media_type, name=part.filename)


def _content(file: old.FilePart, choices: Choices) -> Any:
    match file.file:
        case Oneof(field="file_with_uri", value=str(uri)):
            return Oneof("url", uri)
        case Oneof(field="file_with_bytes", value=bytes(content)) if choices.file_bytes == "raw":
            return Oneof("raw", content)
        case Oneof(field="file_with_bytes", value=bytes(content)):
            try:
                return Oneof("raw", base64.b64decode(content, validate=True))
            except binascii.Error:
                problem = "expected base64 text; a peer that sends the bytes themselves needs file_bytes: raw"
                raise Malformed(problem, "file.fileWithBytes") from None
        case _:
            return None


def _unwrapped(struct: Struct, metadata: Struct | None) -> a2a.Part:
    flag = metadata.fields.get(WRAPPED) if metadata else None
    if metadata is None or flag != _TRUE or struct.fields.keys() != {MEMBER}:
        data = Value(kind=Oneof("struct_value", struct))
        return a2a.Part(content=Oneof("data", data), metadata=metadata)
    rest = {name: value for name, value in metadata.fields.items() if name != WRAPPED}
    return a2a.Part(content=Oneof("data", struct.fields[MEMBER]), metadata=Struct(fields=rest) if rest else None)
