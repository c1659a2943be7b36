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
    if (check := _check_of(message_type)) is not None:
        check(message, bounds)
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
def _check_of(message_type: type[Message]) -> Check | None:
    return _check_of_message(message_type.desc())


@cache
def _check_of_message(desc: DescMessage) -> Check | None:
    """Whatever such a message holds, at any depth, that is to be checked; None where that can be nothing.

    It is asked of every event, so it asks each message only for the fields that matter.
    """
    if desc.type_name in _WELL_KNOWN:
        return _WELL_KNOWN[desc.type_name]
    if not _holds_values(desc, frozenset()):
        return None
    plan: _Plan | None = None

    def check(message: Message, bounds: Bounds) -> None:
        nonlocal plan
        if plan is None:  # not before it is needed: a type may hold itself
            plan = _Plan(desc)
        for attribute, name, check_field in plan.single:
            if value := getattr(message, attribute):  # most are absent or empty
                try:
                    check_field(value, bounds)
                except Malformed as error:
                    raise within(name, error) from None
        for attribute, name, check_item in plan.repeated:
            for index, item in enumerate(getattr(message, attribute)):
                try:
                    check_item(item, bounds)
                except Malformed as error:
                    raise within(name, within(index, error)) from None
        for attribute, members in plan.oneofs:
            if (chosen := getattr(message, attribute)) and (member := members.get(chosen.field)):
                name, check_field = member
                try:
                    check_field(chosen.value, bounds)
                except Malformed as error:
                    raise within(name, error) from None

    return check


class _Plan:
    """The fields of a message that hold something to check: attribute, name in JSON, and how."""

    __slots__ = ("oneofs", "repeated", "single")

    def __init__(self, desc: DescMessage) -> None:
        self.single: list[tuple[str, str, Check]] = []
        self.repeated: list[tuple[str, str, Check]] = []
        self.oneofs: list[tuple[str, dict[str, tuple[str, Check]]]] = []
        for oneof in desc.oneofs:
            members = {
                field.local_name: (field.json_name, check)
                for field in oneof.fields
                if (check := _check_of_element(getattr(field.value, "message", None)))
            }
            if members:
                self.oneofs.append((oneof.local_name, members))
        for field in desc.fields:
            match field.value:
                case DescFieldValueMessage(message=message, oneof=None) if check := _check_of_message(message):
                    self.single.append((field.local_name, field.json_name, check))
                case DescFieldValueMap(value=element):
                    self.single.append((field.local_name, field.json_name, _map_check(_check_of_element(element))))
                case DescFieldValueList(element=element) if check := _check_of_element(element):
                    self.repeated.append((field.local_name, field.json_name, check))
                case _:
                    pass


def _check_of_element(element: object) -> Check | None:
    return _check_of_message(element) if isinstance(element, DescMessage) else None


def _holds_values(desc: DescMessage, seen: frozenset[str]) -> bool:
    if desc.type_name in _WELL_KNOWN:
        return True
    if desc.type_name in seen:
        return False
    if any(isinstance(field.value, DescFieldValueMap) for field in desc.fields):
        return True
    below = [getattr(field.value, "message", None) or getattr(field.value, "element", None) for field in desc.fields]
    return any(_holds_values(part, seen | {desc.type_name}) for part in below if isinstance(part, DescMessage))


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
