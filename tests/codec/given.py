"""Input by the hundred, the same in every run: random A2A messages, JSON values, bytes and cuts."""

import string
from functools import cache
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from protobuf import (
    DescEnum,
    DescField,
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescFieldValueScalar,
    DescMessage,
    Message,
    Oneof,
    ScalarType,
    message_from_json_value,
)
from protobuf.wkt.google.protobuf.struct_pb import Struct, Value
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from generated.a2a.v1 import a2a_pb as a2a

M = TypeVar("M", bound=Message)


def bounded(examples: int) -> settings:
    """No clock, no chance, no memory of earlier runs: a property holds or fails alike everywhere."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


AWKWARD = (
    "",
    "\x00",
    "\r",
    "\n",
    "\r\n",
    "\x85",
    "\u2028",
    "\u2029",
    '"',
    "\\",
    "\ufeff",
    "😀",
    "\uffff",
    ": ",
    "data: x\n\n",
)
TEXTS = st.text(max_size=12) | st.lists(st.sampled_from(AWKWARD), max_size=5).map("".join)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
EXACT = st.integers(-(2**53), 2**53)


def _values(leaves: SearchStrategy[Any], size: int = 6) -> SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=size,
    )


FREE_FORM = _values(st.none() | st.booleans() | EXACT | FINITE | TEXTS)
"""JSON values that every binding can carry."""

JSON_VALUES = _values(
    st.none()
    | st.booleans()
    | st.integers(-(10**60), 10**60)
    | FINITE
    | TEXTS
    | st.sampled_from(["", 0, -1, 2**31, 1e300, "1", "Z"])
)
"""JSON values as they come out of a text, acceptable or not."""


@cache
def messages(message_type: type[M]) -> SearchStrategy[M]:
    """Random messages that every binding can carry, every field at random set or not."""
    singles: dict[str, SearchStrategy[Any]] = {}
    desc = message_type.desc()
    for field in desc.fields:
        if getattr(field.value, "oneof", None) is None:
            singles[field.local_name] = _field(field)
    for oneof in desc.oneofs:
        singles[oneof.local_name] = st.one_of(*(_chosen(field) for field in oneof.fields))
    return st.fixed_dictionaries({}, optional=singles).map(lambda given: message_type(**given))


def _chosen(field: DescField) -> SearchStrategy[Any]:
    return _field(field).map(lambda value: Oneof(field.local_name, value))


def _field(field: DescField) -> SearchStrategy[Any]:
    match field.value:
        case DescFieldValueScalar(scalar=scalar):
            return _SCALARS[scalar]
        case DescFieldValueEnum(enum=enum):
            return _element(enum)
        case DescFieldValueMessage(message=message):
            return _element(message)
        case DescFieldValueList(element=element):
            return st.lists(_element(element), max_size=2)
        case DescFieldValueMap(value=value):
            return st.dictionaries(TEXTS, _element(value), max_size=2)


def _element(element: ScalarType | DescEnum | DescMessage) -> SearchStrategy[Any]:
    match element:
        case DescMessage(type_name="google.protobuf.Struct"):
            return st.dictionaries(TEXTS, FREE_FORM, max_size=2).map(
                lambda value: message_from_json_value(Struct, value)
            )
        case DescMessage(type_name="google.protobuf.Value"):
            return FREE_FORM.map(lambda value: message_from_json_value(Value, value))
        case DescMessage(type_name="google.protobuf.Timestamp"):
            return st.builds(
                Timestamp,
                seconds=st.integers(-62_135_596_800, 253_402_300_799),
                nanos=st.sampled_from([0, 1, 1000, 250_000_000, 999_999_999]),
            )
        case DescMessage():
            return st.deferred(lambda: messages(element.type))
        case DescEnum():
            known = [value.number for value in element.values]
            return st.sampled_from([*known, 99, -1]).map(element.type)
        case _:
            return _SCALARS[element]


_SCALARS: dict[ScalarType, SearchStrategy[Any]] = {
    ScalarType.STRING: TEXTS,
    ScalarType.BOOL: st.booleans(),
    ScalarType.INT32: st.integers(-(2**31), 2**31 - 1),
    ScalarType.BYTES: st.binary(max_size=8),
}

SPOKEN: tuple[type[Message], ...] = (
    a2a.SendMessageRequest,
    a2a.ListTasksRequest,
    a2a.TaskPushNotificationConfig,
    a2a.SendMessageResponse,
    a2a.StreamResponse,
    a2a.Task,
    a2a.ListTasksResponse,
    a2a.AgentCard,
    a2a.SecurityScheme,
    a2a.Part,
)
"""Messages that between them hold every field of the protocol."""

ANY_MESSAGE: SearchStrategy[Message] = st.sampled_from(SPOKEN).flatmap(messages)


@st.composite
def near_json(draw: st.DrawFn, desc: DescMessage) -> dict[str, Any]:
    """JSON that is nearly a message: the right members, some of them wrong."""
    value: dict[str, Any] = {}
    for field in draw(st.lists(st.sampled_from(list(desc.fields)), max_size=4)):
        name = draw(st.sampled_from([field.json_name, field.name]))
        value[name] = draw(_near(field.value))
    if draw(st.integers(0, 5)) == 0:
        value[draw(st.text(string.ascii_letters, max_size=6))] = draw(JSON_VALUES)
    return value


_NEAR_TEXTS = ("", "x", "TASK_STATE_WORKING", "ROLE_USER", "role_user", "QQ==", "Q", "5", "٥", "2026-01-31T12:00:00Z")
_NEAR_OTHERS = (0, 1, 99, -1, 5.0, 5.5, 2**31, 1e300, True, False, None, "2026-13-31T12:00:00Z")
_NEAR_SCALARS = st.sampled_from([*_NEAR_TEXTS, *_NEAR_OTHERS]) | st.builds(dict) | st.builds(list)


def _near(value: object) -> SearchStrategy[Any]:
    match value:
        case DescFieldValueMessage(message=DescMessage() as message) if message.file is a2a.desc():
            inner: SearchStrategy[Any] = near_json(message)
        case DescFieldValueList(element=DescMessage() as message):
            inner = st.lists(near_json(message), max_size=2)
        case DescFieldValueList():
            inner = st.lists(_NEAR_SCALARS, max_size=2)
        case DescFieldValueMap(value=DescMessage() as message):
            inner = st.dictionaries(TEXTS, near_json(message), max_size=2)
        case DescFieldValueMessage():
            inner = FREE_FORM | st.dictionaries(TEXTS, FREE_FORM, max_size=2)
        case _:
            inner = _NEAR_SCALARS
    return st.one_of(inner, inner, _NEAR_SCALARS, JSON_VALUES)


ANY_NEAR_JSON: SearchStrategy[tuple[type[Message], dict[str, Any]]] = st.sampled_from(SPOKEN).flatmap(
    lambda message_type: st.tuples(st.just(message_type), near_json(message_type.desc()))
)


@st.composite
def _damaged(draw: st.DrawFn) -> tuple[type[Message], bytes]:
    """The bytes of a message with one thing wrong."""
    message_type = draw(st.sampled_from(SPOKEN))
    data = draw(messages(message_type)).to_binary()
    at = draw(st.integers(0, len(data)))
    junk = draw(st.binary(max_size=4))
    match draw(st.sampled_from(["cut", "insert", "replace", "append", "other type"])):
        case "cut":
            data = data[:at]
        case "insert":
            data = data[:at] + junk + data[at:]
        case "replace":
            data = data[:at] + junk + data[at + len(junk) :]
        case "append":
            data += junk
        case _:
            message_type = draw(st.sampled_from(SPOKEN))
    return message_type, data


ANY_WIRE: SearchStrategy[tuple[type[Message], bytes]] = _damaged() | st.tuples(
    st.sampled_from(SPOKEN), st.binary(max_size=40)
)


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The same bytes in chunks, some of them empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
