"""Messages to the protobuf wire format and back.

What is read here can be written as JSON: free-form values are held to the same bounds, times to
the range that RFC 3339 can say. Unknown fields are kept and written again.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from protobuf import DescFieldValueList, DescFieldValueMap, DescFieldValueMessage, DescMessage, Message
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from gateway.codec.freeform import check_struct, check_value, within
from gateway.codec.malformed import Bounds, Malformed

M = TypeVar("M", bound=Message)

Check = Callable[[Any, Bounds], None]  # Any: the field's own message type, known by its descriptor

_FIRST_SECOND = -62_135_596_800
_LAST_SECOND = 253_402_300_799
"""0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z."""


def decode(message_type: type[M], data: bytes, bounds: Bounds) -> M:
    """The message that `data` holds. Raises Malformed."""
    if len(data) > bounds.message_bytes:
        raise Malformed(f"a message of over {bounds.message_bytes} bytes", too_large=True)
    try:
        message = message_type.from_binary(data)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Malformed(f"not a protobuf message: {error}", syntax=True) from None
    _check_fields(_checks(message_type.desc()), message, bounds)
    return message


def encode(message: Message, bounds: Bounds) -> bytes:
    """The wire form of a message. Raises Malformed (`too_large`) where it passes the bound."""
    data = message.to_binary()
    if len(data) > bounds.message_bytes:
        raise Malformed(f"the message takes over {bounds.message_bytes} bytes", too_large=True)
    return data


def _check_timestamp(value: Timestamp, bounds: Bounds) -> None:
    if not _FIRST_SECOND <= value.seconds <= _LAST_SECOND or not 0 <= value.nanos < 1_000_000_000:
        raise Malformed("a time outside the years 1 to 9999")


_WELL_KNOWN: dict[str, Check] = {
    "google.protobuf.Struct": check_struct,
    "google.protobuf.Value": check_value,
    "google.protobuf.Timestamp": _check_timestamp,
}


@cache
def _checks(desc: DescMessage) -> tuple[tuple[str, Check], ...]:
    """Attributes of a message that hold, at any depth, something to check; with how."""
    found: list[tuple[str, Check]] = []
    for oneof in desc.oneofs:
        members = {
            field.local_name: _named(field.json_name, check)
            for field in oneof.fields
            if (check := _check_of(field.value))
        }
        if members:
            found.append((oneof.local_name, _oneof_check(members)))
    found.extend(
        (field.local_name, _named(field.json_name, check))
        for field in desc.fields
        if getattr(field.value, "oneof", None) is None and (check := _check_of(field.value))
    )
    return tuple(found)


def _check_of(value: object) -> Check | None:
    match value:
        case DescFieldValueMessage(message=message):
            return _check_of_message(message)
        case DescFieldValueList(element=DescMessage() as message):
            check = _check_of_message(message)
            return check and _each_check(check)
        case DescFieldValueMap(value=element):
            return _map_check(_check_of_message(element) if isinstance(element, DescMessage) else None)
        case _:
            return None


def _check_of_message(desc: DescMessage) -> Check | None:
    if desc.type_name in _WELL_KNOWN:
        return _WELL_KNOWN[desc.type_name]
    if not _holds_values(desc, frozenset()):
        return None

    def check(message: Message, bounds: Bounds) -> None:
        _check_fields(_checks(desc), message, bounds)

    return check


def _check_fields(checks: tuple[tuple[str, Check], ...], message: Message, bounds: Bounds) -> None:
    for name, check in checks:
        if value := getattr(message, name):  # most are absent or empty
            check(value, bounds)


def _holds_values(desc: DescMessage, seen: frozenset[str]) -> bool:
    if desc.type_name in _WELL_KNOWN:
        return True
    if desc.type_name in seen:
        return False
    if any(isinstance(field.value, DescFieldValueMap) for field in desc.fields):
        return True
    below = [getattr(field.value, "message", None) or getattr(field.value, "element", None) for field in desc.fields]
    return any(_holds_values(part, seen | {desc.type_name}) for part in below if isinstance(part, DescMessage))


def _named(name: str, check: Check) -> Check:
    def check_named(value: Any, bounds: Bounds) -> None:
        try:
            check(value, bounds)
        except Malformed as error:
            raise within(name, error) from None

    return check_named


def _each_check(check: Check) -> Check:
    def check_each(values: list[Any], bounds: Bounds) -> None:
        for index, value in enumerate(values):
            try:
                check(value, bounds)
            except Malformed as error:
                raise within(index, error) from None

    return check_each


def _map_check(check: Check | None) -> Check:
    def check_map(values: dict[str, Any], bounds: Bounds) -> None:
        if len(values) > bounds.object_keys:
            raise Malformed(f"an object of over {bounds.object_keys} members", too_large=True)
        if check is not None:
            for name, value in values.items():
                try:
                    check(value, bounds)
                except Malformed as error:
                    raise within(name, error) from None

    return check_map


def _oneof_check(members: dict[str, Check]) -> Check:
    def check_oneof(chosen: Any, bounds: Bounds) -> None:
        if check := members.get(chosen.field):
            check(chosen.value, bounds)

    return check_oneof
