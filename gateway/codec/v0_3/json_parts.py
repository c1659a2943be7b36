"""The parts of the 0.3 JSON-RPC dialect: told apart by `kind`, files nested, data always an object.

What data is not an object travels as on gRPC, see `parts`.
"""

from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Malformed
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.members import BASE64, STRUCT, TEXT, JsonObject, Member, Shape, Terms, an_object
from gateway.codec.v0_3.parts import MEMBER, WRAPPED
from gateway.codec.v0_3.variants import OneOf, Variant

METADATA = Member("metadata", STRUCT)


def _one_content(file: JsonObject, choices: Choices) -> None:
    if ("raw" in file) == ("url" in file):
        raise Malformed("expected either bytes or uri")


_FILE = Shape(
    Member("bytes", BASE64, "raw"),
    Member("uri", TEXT, "url"),
    Member("mimeType", TEXT, "mediaType"),
    Member("name", TEXT, "filename"),
    reading=_one_content,
)
_PARTS = OneOf(
    Variant("text", "text", Shape(Member("text", TEXT, needed=True, demanded=True), METADATA, kind="text"), "text"),
    Variant("file", "file", Shape(Member("file", _FILE, needed=True), METADATA, kind="file"), "file"),
    Variant("data", "data", Shape(Member("data", STRUCT, needed=True), METADATA, kind="data"), "data"),
)


class Part:
    """A part: flat in 1.0, where data may be any value; see `parts`."""

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        match _PARTS.read(value, terms):
            case {"text": dict() as part} | {"data": dict() as part}:
                return _unwrapped(part)
            case {"file": {"file": dict() as file, **metadata}}:
                return {**file, **metadata}
            case other:
                return other

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        part = an_object(value)
        metadata: JsonObject = {"metadata": part["metadata"]} if "metadata" in part else {}
        if "data" in part:
            return _PARTS.write({"data": _wrapped(part["data"], metadata)}, choices)
        if "raw" in part or "url" in part:
            return _PARTS.write({"file": {"file": part, **metadata}}, choices)
        return _PARTS.write({"text": {"text": part.get("text"), **metadata}}, choices)

    def empty(self, choices: Choices) -> JsonValue:
        return None


def _wrapped(data: JsonValue, metadata: JsonObject) -> JsonObject:
    if isinstance(data, dict):
        return {"data": data, **metadata}
    given = metadata.get("metadata")
    return {"data": {MEMBER: data}, "metadata": {**(given if isinstance(given, dict) else {}), WRAPPED: True}}


def _unwrapped(part: JsonObject) -> JsonObject:
    match part:
        case {"data": dict() as data, "metadata": dict() as metadata} if (
            metadata.get(WRAPPED) is True and data.keys() == {MEMBER}
        ):
            rest: JsonObject = {name: member for name, member in metadata.items() if name != WRAPPED}
            return {"data": data[MEMBER], **({"metadata": rest} if rest else {})}
        case _:
            return part
