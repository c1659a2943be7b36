"""Messages to ProtoJSON and back (specification section 5.5 and ADR-001)."""

import json
from copy import copy
from functools import cache
from typing import TypeVar

from protobuf import (
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    Message,
    ScalarType,
    message_from_json_value,
)

from gateway.codec.jsontext import JsonValue, dump, load
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.required import REQUIRED
from gateway.codec.shape import check_message
from generated.a2a.v1.a2a_pb import AgentCard, ListTasksResponse

M = TypeVar("M", bound=Message)

_SPELLED_OUT: frozenset[type[Message]] = frozenset((AgentCard, ListTasksResponse))
"""Answers whose REQUIRED members are written even when empty (sections 3.1.4 and 8.4.1)."""

_EXACT_TO = 2.0**53


def from_value(message_type: type[M], value: JsonValue, bounds: Bounds) -> M:
    """The message that a JSON value stands for. Takes the members that it does not know out of it.

    Raises Malformed with the path of the offending field.
    """
    check_message(message_type.desc(), value, bounds)
    try:
        return message_from_json_value(message_type, value)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise Malformed(str(error)) from None


def decode(message_type: type[M], text: bytes, bounds: Bounds) -> M:
    """The message that a JSON text stands for. Raises Malformed."""
    return from_value(message_type, load(text, bounds), bounds)


def encode(message: Message, bounds: Bounds) -> bytes:
    """A message as JSON text on one line.

    Takes any message that a decoder here let in. Raises Malformed (`too_large`) where the text
    passes the bound: base64 and escapes grow what fitted on the wire.
    """
    text = message.to_json()
    if type(message) in _SPELLED_OUT:
        value = _integral(text)
        _spell_out(message.desc(), value)
        encoded = dump(value)
    elif ".0" in text or "e+" in text:
        encoded = dump(_integral(text))
    else:
        encoded = text.encode()
    if len(encoded) > bounds.json_bytes:
        raise Malformed(f"the message takes over {bounds.json_bytes} bytes as JSON", too_large=True)
    return encoded


def to_value(message: Message, bounds: Bounds) -> JsonValue:
    """A message as a JSON value; as `encode`."""
    value: JsonValue = json.loads(encode(message, bounds))
    return value


def _integral(text: str) -> JsonValue:
    """A JSON text whose doubles that are whole numbers are integers, as their senders wrote them."""
    value: JsonValue = json.loads(text, parse_float=_whole_or_double)
    return value


def _whole_or_double(text: str) -> int | float:
    number = float(text)
    whole = number.is_integer() and abs(number) <= _EXACT_TO and not text.startswith("-0.0")
    return int(number) if whole else number


def _spell_out(desc: DescMessage, value: JsonValue) -> None:
    if not isinstance(value, dict):
        return
    for name, empty in _required_defaults(desc):
        value.setdefault(name, copy(empty))
    for name, message in _message_members(desc):
        match value.get(name):
            case dict() as items if name in _maps(desc):
                for item in items.values():
                    _spell_out(message, item)
            case list() as items:
                for item in items:
                    _spell_out(message, item)
            case dict() as item:
                _spell_out(message, item)
            case _:
                pass


@cache
def _required_defaults(desc: DescMessage) -> tuple[tuple[str, JsonValue], ...]:
    names = REQUIRED.get(desc.type, ())
    defaults: list[tuple[str, JsonValue]] = []
    for field in desc.fields:
        if field.name in names:
            match field.value:
                case DescFieldValueList():
                    defaults.append((field.json_name, []))
                case DescFieldValueMap():
                    defaults.append((field.json_name, {}))
                case DescFieldValueMessage():
                    pass
                case DescFieldValueScalar(scalar=scalar):
                    defaults.append((field.json_name, "" if scalar is ScalarType.STRING else 0))
                case _:
                    pass
    return tuple(defaults)


@cache
def _maps(desc: DescMessage) -> frozenset[str]:
    return frozenset(field.json_name for field in desc.fields if isinstance(field.value, DescFieldValueMap))


@cache
def _message_members(desc: DescMessage) -> tuple[tuple[str, DescMessage], ...]:
    members: list[tuple[str, DescMessage]] = []
    for field in desc.fields:
        match field.value:
            case DescFieldValueMessage(message=message) if message.file is desc.file:
                members.append((field.json_name, message))
            case DescFieldValueList(element=DescMessage() as message) if message.file is desc.file:
                members.append((field.json_name, message))
            case DescFieldValueMap(value=DescMessage() as message):
                members.append((field.json_name, message))
            case _:
                pass
    return tuple(members)
