"""The free-form values of A2A (metadata, data parts, params): what every binding can carry.

A protobuf Value holds doubles only and readers of the wire stop at about 33 levels; JSON has no
NaN. The bounds here are the common ground, checked on JSON values and on messages alike.
"""

import math

from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import ListValue, Struct, Value

from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds, Malformed

_EXACT_TO = 2**53


def check_json(value: JsonValue, bounds: Bounds, level: int = 0) -> None:
    """Raises Malformed, with the path inside the value, unless every binding can carry it."""
    match value:
        case bool() | str() | None:
            pass
        case int():
            if abs(value) > _EXACT_TO and not _is_a_double(value):
                raise Malformed(f"the integer {value} does not fit a double exactly; send it as a string")
        case float():
            if not math.isfinite(value):
                raise Malformed("a number that JSON does not have")
        case dict():
            _check_level(level + 1, bounds)
            for name, member in value.items():
                _check_member(member, bounds, level + 1, name)
        case list():
            _check_level(level + 1, bounds)
            for index, member in enumerate(value):
                _check_member(member, bounds, level + 1, index)


def check_struct(struct: Struct, bounds: Bounds, level: int = 0) -> None:
    """`check_json` for a Struct that came over the wire."""
    _check_level(level + 1, bounds)
    if len(struct.fields) > bounds.object_keys:
        raise Malformed(f"an object of over {bounds.object_keys} members", too_large=True)
    for name, value in struct.fields.items():
        try:
            check_value(value, bounds, level + 1)
        except Malformed as error:
            raise within(name, error) from None


def check_value(value: Value, bounds: Bounds, level: int = 0) -> None:
    """`check_json` for a Value that came over the wire."""
    match value.kind:
        case None:
            raise Malformed("a value of no kind")
        case Oneof(field="number_value", value=float(number)) if not math.isfinite(number):
            raise Malformed("a number that JSON does not have")
        case Oneof(field="struct_value", value=Struct() as struct):
            check_struct(struct, bounds, level)
        case Oneof(field="list_value", value=ListValue() as items):
            _check_level(level + 1, bounds)
            for index, item in enumerate(items.values):
                try:
                    check_value(item, bounds, level + 1)
                except Malformed as error:
                    raise within(index, error) from None
        case _:
            pass


def whole_numbers(value: JsonValue) -> JsonValue:
    """The value with doubles that are whole numbers as integers, as their senders wrote them."""
    match value:
        case float() if value.is_integer() and abs(value) <= _EXACT_TO and (value or math.copysign(1, value) > 0):
            return int(value)
        case list():
            return [whole_numbers(member) for member in value]
        case dict():
            return {name: whole_numbers(member) for name, member in value.items()}
        case _:
            return value


def within(place: str | int, error: Malformed) -> Malformed:
    """The same refusal seen from one level further out."""
    step = f"[{place}]" if isinstance(place, int) else place
    joint = "" if not error.path or error.path.startswith("[") else "."
    return Malformed(
        error.problem, f"{step}{joint}{error.path}", syntax=error.syntax, too_large=error.too_large
    )


def _check_member(member: JsonValue, bounds: Bounds, level: int, place: str | int) -> None:
    try:
        check_json(member, bounds, level)
    except Malformed as error:
        raise within(place, error) from None


def _is_a_double(value: int) -> bool:
    try:
        return float(value) == value
    except OverflowError:
        return False


def _check_level(level: int, bounds: Bounds) -> None:
    if level > bounds.depth:
        raise Malformed(f"nested deeper than {bounds.depth} levels")
