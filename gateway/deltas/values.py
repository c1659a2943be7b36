"""JSON values as drafts hold them: copied where they come in, merged by the one rule of metadata."""

from collections.abc import Mapping
from typing import cast

from protobuf.wkt.google.protobuf.struct_pb import Struct

from gateway.codec import protojson
from gateway.codec.freeform import check_json, whole_numbers, within
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds, Malformed
from generated.a2a.v1.a2a_pb import Part

JsonObject = dict[str, JsonValue]

LEVELS_AROUND = 7
"""Levels that stand around a value of a part inside a patch: metadata, URI, list, operation, draft, parts, part."""

_BOUNDS = Bounds(depth=Bounds().depth - LEVELS_AROUND)
"""What fits a patch fits the message too."""


def merged(old: JsonValue, new: JsonValue) -> JsonValue:
    """The one rule by which metadata meets metadata: objects merge, lists concatenate, else the new wins.

    Neither is changed; the result shares what it can with both.
    """
    match old, new:
        case dict(), dict():
            return merged_objects(old, new)
        case list(), list():
            return [*old, *new]
        case _:
            return new


def merged_objects(old: JsonObject, new: JsonObject) -> JsonObject:
    """`merged` for objects."""
    made = dict(old)
    for name, value in new.items():
        made[name] = merged(made[name], value) if name in made else value
    return made


def same(one: JsonValue, other: JsonValue) -> bool:
    """Whether two values are the same JSON: 1 is 1.0, but not true."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
        case list(), list():
            return len(one) == len(other) and all(map(same, one, other))
        case _:
            return one == other and isinstance(one, bool) == isinstance(other, bool)


def owned(value: object) -> JsonValue:
    """A copy of a JSON value that a worker gave. Raises Malformed unless every binding can carry it."""
    copy = _copy(value, _BOUNDS.depth)
    check_json(copy, _BOUNDS)
    return copy


def owned_object(values: Mapping[str, JsonValue]) -> JsonObject:
    """`owned` for an object."""
    copy = owned(values)
    if not isinstance(copy, dict):
        raise Malformed(f"expected an object, got {type(values).__name__}")
    return copy


def part_value(part: Part) -> JsonObject:
    """A part as it stands in a draft: its ProtoJSON. Raises Malformed where it has none."""
    if part.content is None:
        raise Malformed("a part without content")
    try:
        value = protojson.to_value(part, _BOUNDS)
    except (ValueError, TypeError) as error:
        raise error if isinstance(error, Malformed) else Malformed(f"not a part: {error}") from None
    assert isinstance(value, dict)
    check_json(value, _BOUNDS, -1)
    return value


def object_of(struct: Struct | None) -> JsonObject:
    """A Struct as a JSON object, with its whole numbers as integers."""
    return cast(JsonObject, whole_numbers(cast(JsonValue, struct.to_python()))) if struct else {}


def struct_of(value: Mapping[str, JsonValue]) -> Struct:
    return Struct.from_python(value)


def _copy(value: object, levels: int) -> JsonValue:
    match value:
        case bool() | int() | float() | None:
            return value
        case str():
            return _unicode(value)
        case Mapping() | list() | tuple() if not levels:
            raise Malformed(f"nested deeper than {_BOUNDS.depth} levels")
        case Mapping():
            return {
                _name(name): _member(name, member, levels)
                for name, member in cast("Mapping[object, object]", value).items()
            }
        case list() | tuple():
            return [_member(index, item, levels) for index, item in enumerate(cast("list[object]", value))]
        case _:
            raise Malformed(f"{type(value).__name__} is no JSON value")


def _member(place: object, value: object, levels: int) -> JsonValue:
    try:
        return _copy(value, levels - 1)
    except Malformed as error:
        raise within(place if isinstance(place, int) else str(place), error) from None


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise Malformed(f"the name of a member is a string, not {type(name).__name__}")
    return _unicode(name)


def _unicode(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Malformed("a string with half of a surrogate pair") from None
    return text
