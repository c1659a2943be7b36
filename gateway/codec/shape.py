"""Whether a JSON value has the shape of a message, with the path of what has not.

The protobuf runtime reads ProtoJSON, but takes the last of two spellings of a field and the last
of two members of a oneof, lets numbers lose digits, and names no path. So every JSON value passes
here first. Unknown members are taken out, as the specification asks of readers (section 5.7);
unknown numbers of enums stay, as they do on the wire.
"""

import re
from collections.abc import Callable
from functools import cache, partial

from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    ScalarType,
    message_from_json_value,
)
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from gateway.codec.freeform import check_json, within
from gateway.codec.jsontext import JsonValue, kind_of
from gateway.codec.malformed import Bounds, Malformed

Check = Callable[[JsonValue, Bounds], None]
"""Raises Malformed unless the value is acceptable; the path is relative to the value."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]*+={0,2}|[A-Za-z0-9_-]*+={0,2}")
_RFC_3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_INT32 = range(-(2**31), 2**31)


def check_message(desc: DescMessage, value: JsonValue, bounds: Bounds) -> None:
    """Raises Malformed unless `value` is ProtoJSON of `desc`'s message; takes unknown members out."""
    if not isinstance(value, dict):
        raise Malformed(f"expected an object, got {kind_of(value)}")
    fields = _fields(desc)
    seen: dict[str, str] = {}
    absent: list[str] = []
    for name, member in value.items():
        field = fields.get(name)
        if field is None:
            absent.append(name)
            continue
        if member is None and not field.null_is_a_value:
            absent.append(name)  # left in, the runtime would take it for a second value
            continue
        if (other := seen.get(field.place)) is not None:
            raise Malformed(f"{other!r} and {name!r} exclude each other")
        seen[field.place] = name
        try:
            field.check(member, bounds)
        except Malformed as error:
            raise within(name, error) from None
    for name in absent:
        del value[name]


class _Field:
    __slots__ = ("check", "null_is_a_value", "place")

    def __init__(self, field: DescField) -> None:
        oneof = getattr(field.value, "oneof", None)
        self.check = _check_of(field)
        self.place: str = f"oneof {oneof.name}" if oneof else field.name
        """What may be given once: the field under any spelling, or its oneof."""
        self.null_is_a_value = (
            isinstance(field.value, DescFieldValueMessage)
            and field.value.message.type_name == "google.protobuf.Value"
        )


@cache
def _fields(desc: DescMessage) -> dict[str, _Field]:
    fields = [(field, _Field(field)) for field in desc.fields]
    return {name: checked for field, checked in fields for name in (field.name, field.json_name)}


def _check_of(field: DescField) -> Check:
    match field.value:
        case DescFieldValueScalar(scalar=scalar):
            return SCALARS[scalar]
        case DescFieldValueEnum(enum=enum):
            return partial(_check_enum, enum)
        case DescFieldValueMessage(message=message):
            return _check_of_message(message)
        case DescFieldValueList(element=element):
            return partial(_check_list, _check_of_element(element))
        case DescFieldValueMap(value=element):
            return partial(_check_map, _check_of_element(element))


def _check_of_element(element: ScalarType | DescEnum | DescMessage) -> Check:
    match element:
        case DescMessage():
            return _check_of_message(element)
        case DescEnum():
            return partial(_check_enum, element)
        case _:
            return SCALARS[element]


def _check_of_message(desc: DescMessage) -> Check:
    return WELL_KNOWN.get(desc.type_name) or partial(check_message, desc)


def _check_list(check: Check, value: JsonValue, bounds: Bounds) -> None:
    if not isinstance(value, list):
        raise Malformed(f"expected a list, got {kind_of(value)}")
    for index, member in enumerate(value):
        try:
            check(member, bounds)
        except Malformed as error:
            raise within(index, error) from None


def _check_map(check: Check, value: JsonValue, bounds: Bounds) -> None:
    if not isinstance(value, dict):
        raise Malformed(f"expected an object, got {kind_of(value)}")
    for name, member in value.items():
        try:
            check(member, bounds)
        except Malformed as error:
            raise within(name, error) from None


def _check_enum(enum: DescEnum, value: JsonValue, bounds: Bounds) -> None:
    if isinstance(value, str):
        if value not in _enum_names(enum):
            raise Malformed(f"{value!r} is none of {', '.join(sorted(_enum_names(enum)))}")
    elif isinstance(value, float):
        raise Malformed("expected a name, got a number with a fraction")
    else:
        _check_int32(value, bounds)


@cache
def _enum_names(enum: DescEnum) -> frozenset[str]:
    return frozenset(value.name for value in enum.values)


def _check_string(value: JsonValue, bounds: Bounds) -> None:
    if not isinstance(value, str):
        raise Malformed(f"expected a string, got {kind_of(value)}")


def _check_bool(value: JsonValue, bounds: Bounds) -> None:
    if not isinstance(value, bool):
        raise Malformed(f"expected true or false, got {kind_of(value)}")


def _check_int32(value: JsonValue, bounds: Bounds) -> None:
    number = value
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,10}", value):
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int | float) or int(number) != number:
        raise Malformed(f"expected an integer, got {kind_of(value)}")
    if int(number) not in _INT32:
        raise Malformed(f"{value} does not fit 32 bits")


def _check_bytes(value: JsonValue, bounds: Bounds) -> None:
    if not isinstance(value, str):
        raise Malformed(f"expected base64 text, got {kind_of(value)}")
    unpadded = len(value.rstrip("="))
    padded_wrongly = unpadded != len(value) and len(value) % 4 != 0
    if padded_wrongly or unpadded % 4 == 1 or not _BASE64.fullmatch(value):
        raise Malformed("not base64")


def _check_timestamp(value: JsonValue, bounds: Bounds) -> None:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise Malformed("expected an RFC 3339 time such as 2026-01-31T12:00:00Z")
    try:
        message_from_json_value(Timestamp, value)
    except ValueError:
        raise Malformed("no moment of the years 1 to 9999") from None


def _check_struct(value: JsonValue, bounds: Bounds) -> None:
    if not isinstance(value, dict):
        raise Malformed(f"expected an object, got {kind_of(value)}")
    check_json(value, bounds)


SCALARS: dict[ScalarType, Check] = {
    ScalarType.STRING: _check_string,
    ScalarType.BOOL: _check_bool,
    ScalarType.INT32: _check_int32,
    ScalarType.BYTES: _check_bytes,
}
"""The scalar types that A2A uses, each with its check."""

WELL_KNOWN: dict[str, Check] = {
    "google.protobuf.Struct": _check_struct,
    "google.protobuf.Value": check_json,
    "google.protobuf.Timestamp": _check_timestamp,
}
