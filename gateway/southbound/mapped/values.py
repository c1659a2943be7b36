"""Messages of types that came at run time, to JSON values and back, with the path of what is wrong. Pure.

Requests are ProtoJSON, strictly: an unknown member or a wrong type is refused with its path.
Responses are ProtoJSON with the names that the proto writes, with fields that have no presence
always there, and with 64-bit integers as numbers where JSON's numbers are exact.
"""

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import cast

from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    Registry,
    ScalarType,
    message_from_json_value,
    message_to_json_value,
)

from gateway.codec.freeform import within
from gateway.codec.jsontext import JsonValue, kind_of
from gateway.codec.malformed import Malformed
from gateway.southbound.mapped.descriptors import field_names, has_special_json, suggestion

MOST_LEVELS = 64
"""Of messages inside messages in a request; protobuf readers stop at 100."""

_EXACT_TO = 2**53
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}|[A-Za-z0-9_-]*={0,2}")
_REQUIRED = 3
"""The presence of fields that proto2 calls required."""
Element = ScalarType | DescEnum | DescMessage
"""What a field holds."""

_WIDE: frozenset[Element] = frozenset(
    {ScalarType.INT64, ScalarType.UINT64, ScalarType.SINT64, ScalarType.FIXED64, ScalarType.SFIXED64}
)
_WIDE_WRAPPERS = frozenset({"google.protobuf.Int64Value", "google.protobuf.UInt64Value"})


class Types:
    """The types of one set of definitions, as far as they were needed."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        # By full name and not by a cache of functions, which would keep definitions that are gone.
        self._wide_fields: dict[str, tuple[DescField, ...]] = {}
        self._fields: dict[str, Mapping[str, DescField]] = {}

    def to_request(self, desc: DescMessage, value: JsonValue) -> bytes:
        """The wire form of a request that a JSON value stands for. Raises Malformed with the path of the field."""
        self._check_message(desc, value, 0)
        try:
            return message_from_json_value(desc.type, value, registry=self.registry).to_binary()
        except (ValueError, TypeError, OverflowError, RecursionError, AssertionError) as error:
            raise Malformed(_first_line(error)) from None

    def from_response(self, desc: DescMessage, data: bytes) -> JsonValue:
        """The JSON value of a response. Raises Malformed where it is not what the definitions say."""
        try:
            message = desc.type.from_binary(data)
            value = message_to_json_value(
                message, registry=self.registry, use_proto_field_name=True, always_emit_implicit=True
            )
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise Malformed(f"it is no valid {desc.type_name}: {_first_line(error)}") from None
        return self._narrowed(desc, cast(JsonValue, value))

    # Responses: 64-bit integers

    def _narrowed(self, desc: DescMessage, value: JsonValue) -> JsonValue:
        """The JSON of a message with its 64-bit integers as numbers, where those are exact."""
        if desc.type_name in _WIDE_WRAPPERS:
            return _number(value)
        if not isinstance(value, dict):
            return value
        if desc.type_name == "google.protobuf.Any":
            return self._narrowed_any(value)
        if has_special_json(desc) or not (wide := self._wide(desc)):
            return value
        narrowed = dict(value)
        for field in wide:
            if field.name in narrowed:
                narrowed[field.name] = self._narrowed_field(field, narrowed[field.name])
        return narrowed

    def _narrowed_any(self, value: dict[str, JsonValue]) -> JsonValue:
        name = value.get("@type")
        packed = self.registry.message(name.rpartition("/")[2]) if isinstance(name, str) else None
        if packed is None:
            return value
        if has_special_json(packed):
            return {**value, "value": self._narrowed(packed, value.get("value"))}
        return self._narrowed(packed, value)

    def _narrowed_field(self, field: DescField, value: JsonValue) -> JsonValue:
        match field.value:
            case DescFieldValueList(element=element) if isinstance(value, list):
                return [self._narrowed_element(element, one) for one in value]
            case DescFieldValueMap(value=element) if isinstance(value, dict):
                return {name: self._narrowed_element(element, one) for name, one in value.items()}
            case _:
                return self._narrowed_element(element_of(field), value)

    def _narrowed_element(self, element: Element, value: JsonValue) -> JsonValue:
        return self._narrowed(element, value) if isinstance(element, DescMessage) else _number(value)

    def _wide(self, desc: DescMessage) -> tuple[DescField, ...]:
        """The fields of a message below which there may be 64-bit integers."""
        found = self._wide_fields.get(desc.type_name)
        if found is None:
            found = tuple(field for field in desc.fields if _may_be_wide(element_of(field)))
            self._wide_fields[desc.type_name] = found
        return found

    # Requests: what is wrong, and where

    def _check_message(self, desc: DescMessage, value: JsonValue, level: int) -> None:
        if level > MOST_LEVELS:
            raise Malformed(f"nested deeper than {MOST_LEVELS} levels")
        if has_special_json(desc):
            self._check_special(desc, value)
            return
        if not isinstance(value, dict):
            raise Malformed(f"expected an object, as {desc.type_name} is, got {kind_of(value)}")
        given: dict[str, str] = {}
        for name, member in value.items():
            field = self._field(desc, name)
            if field is None or (member is None and not _takes_null(field)):
                continue
            oneof = getattr(field.value, "oneof", None)
            place = f"oneof {oneof.name}" if oneof is not None else field.name
            if place in given:
                raise Malformed(f"{given[place]!r} and {name!r} exclude each other")
            given[place] = name
            try:
                self._check_field(field, member, level)
            except Malformed as error:
                raise within(name, error) from None
        for field in desc.fields:
            if field.presence == _REQUIRED and field.name not in given:
                raise Malformed("a required field that is not given", field.name)

    def _field(self, desc: DescMessage, name: str) -> DescField | None:
        """The field of this name; None for an extension. Raises Malformed for what is neither."""
        fields = self._fields.get(desc.type_name)
        if fields is None:
            fields = {name: field for field in desc.fields for name in (field.json_name, field.name)}
            self._fields[desc.type_name] = fields
        if (field := fields.get(name)) is not None:
            return field
        if name.startswith("[") and self.registry.extension(name[1:-1]) is not None:
            return None
        raise Malformed(f"{desc.type_name} has no such field{suggestion(name, field_names(desc))}", name)

    def _check_field(self, field: DescField, value: JsonValue, level: int) -> None:
        match field.value:
            case DescFieldValueList(element=element):
                if not isinstance(value, list):
                    raise Malformed(f"expected a list, got {kind_of(value)}")
                for index, one in enumerate(value):
                    try:
                        self._check_element(element, one, level)
                    except Malformed as error:
                        raise within(index, error) from None
            case DescFieldValueMap(key=key, value=element):
                if not isinstance(value, dict):
                    raise Malformed(f"expected an object, got {kind_of(value)}")
                for name, one in value.items():
                    try:
                        _check_key(key, name)
                        self._check_element(element, one, level)
                    except Malformed as error:
                        raise within(name, error) from None
            case _:
                self._check_element(element_of(field), value, level)

    def _check_element(self, element: Element, value: JsonValue, level: int) -> None:
        match element:
            case DescMessage():
                self._check_message(element, value, level + 1)
            case DescEnum():
                _check_enum(element, value)
            case _:
                _SCALARS[element](value)

    def _check_special(self, desc: DescMessage, value: JsonValue) -> None:
        try:
            message_from_json_value(desc.type, value, registry=self.registry).to_binary()
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            what = _first_line(error).removeprefix(f"cannot decode {desc.type_name} from JSON: ")
            raise Malformed(f"no {desc.type_name}: {what}") from None


def element_of(field: DescField) -> Element:
    """What a field holds, once or many times."""
    match field.value:
        case DescFieldValueScalar(scalar=element) | DescFieldValueEnum(enum=element):
            return element
        case DescFieldValueMessage(message=element) | DescFieldValueList(element=element):
            return element
        case DescFieldValueMap(value=element):
            return element


def _may_be_wide(element: Element) -> bool:
    """Whether there may be 64-bit integers in it; messages may contain each other."""
    reached: set[str] = set()
    left = [element]
    while left:
        one = left.pop()
        if not isinstance(one, DescMessage):
            if one in _WIDE:
                return True
        elif one.type_name in _WIDE_WRAPPERS or one.type_name == "google.protobuf.Any":
            return True
        elif not has_special_json(one) and one.type_name not in reached:
            reached.add(one.type_name)
            left.extend(element_of(field) for field in one.fields)
    return False


def _number(value: JsonValue) -> JsonValue:
    if isinstance(value, str) and abs(number := int(value)) <= _EXACT_TO:
        return number
    return value


def _takes_null(field: DescField) -> bool:
    match field.value:
        case DescFieldValueMessage(message=message):
            return message.type_name == "google.protobuf.Value"
        case DescFieldValueEnum(enum=enum):
            return enum.type_name == "google.protobuf.NullValue"
        case _:
            return False


def _check_enum(enum: DescEnum, value: JsonValue) -> None:
    names = [one.name for one in enum.values]
    if isinstance(value, str):
        if value not in names and value not in (one.json_name for one in enum.values):
            raise Malformed(f"{value!r} is no {enum.type_name}{suggestion(value, names)}")
    elif isinstance(value, int) and not isinstance(value, bool):
        if enum.open:
            _check_integer(-(2**31), 2**31 - 1)(value)
        elif value not in (one.number for one in enum.values):
            raise Malformed(f"{value} is no {enum.type_name}")
    elif value is not None or enum.type_name != "google.protobuf.NullValue":
        raise Malformed(f"expected a name of {enum.type_name}, got {kind_of(value)}")


def _check_key(key: ScalarType, name: str) -> None:
    if key is ScalarType.BOOL:
        if name not in ("true", "false"):
            raise Malformed("expected true or false as the key")
    elif key is not ScalarType.STRING:
        _SCALARS[key](name)


def _check_integer(least: int, most: int) -> Callable[[JsonValue], None]:
    def check(value: JsonValue) -> None:
        number = value
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,20}", value):
            number = int(value)
        if isinstance(number, bool) or not isinstance(number, int | float) or not float(number).is_integer():
            raise Malformed(f"expected an integer, got {kind_of(value)}")
        if not least <= number <= most:
            raise Malformed(f"{value} is not within {least} and {most}")

    return check


def _check_float(value: JsonValue) -> None:
    number = value
    if isinstance(value, str):
        with contextlib.suppress(ValueError):
            number = float(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise Malformed(f"expected a number, got {kind_of(value)}")


def _check_bool(value: JsonValue) -> None:
    if not isinstance(value, bool):
        raise Malformed(f"expected true or false, got {kind_of(value)}")


def _check_string(value: JsonValue) -> None:
    if not isinstance(value, str):
        raise Malformed(f"expected a string, got {kind_of(value)}")


def _check_bytes(value: JsonValue) -> None:
    if not isinstance(value, str):
        raise Malformed(f"expected base64 text, got {kind_of(value)}")
    if not _BASE64.fullmatch(value) or len(value.rstrip("=")) % 4 == 1:
        raise Malformed("not base64")


_S = ScalarType
_SCALARS: dict[ScalarType, Callable[[JsonValue], None]] = {
    **dict.fromkeys((_S.INT32, _S.SINT32, _S.SFIXED32), _check_integer(-(2**31), 2**31 - 1)),
    **dict.fromkeys((_S.UINT32, _S.FIXED32), _check_integer(0, 2**32 - 1)),
    **dict.fromkeys((_S.INT64, _S.SINT64, _S.SFIXED64), _check_integer(-(2**63), 2**63 - 1)),
    **dict.fromkeys((_S.UINT64, _S.FIXED64), _check_integer(0, 2**64 - 1)),
    **dict.fromkeys((_S.FLOAT, _S.DOUBLE), _check_float),
    _S.BOOL: _check_bool,
    _S.STRING: _check_string,
    _S.BYTES: _check_bytes,
}
"""Every scalar type with its check."""


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
