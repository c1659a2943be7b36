"""Every worked example, driven both ways on every form, and the table that they show."""

from typing import Any

import pytest
from protobuf import (
    DescFieldValueEnum,
    DescFieldValueList,
    DescFieldValueMap,
    DescFieldValueMessage,
    DescMessage,
    Message,
)

from gateway.codec import jsontext, protojson, wire
from gateway.codec.form import Form
from gateway.codec.malformed import Bounds
from gateway.codec.v0_3 import cardfields, messages
from gateway.codec.v0_3.forms import JsonRpc03, Rest03, Wire03
from gateway.codec.v0_3.messages import request_to_v0_3, to_v0_3
from gateway.codec.v0_3.methods import METHODS
from gateway.codec.v0_3.table import CONVERSIONS, Conversion
from generated.a2a.v0_3 import a2a_pb as old
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.v0_3.examples import CARDS, EXAMPLES, Example, Json

BOUNDS = Bounds()


def new_type(example: Example) -> type[Message]:
    match example.place:
        case "request":
            return example.operation.request
        case "result":
            return example.operation.response
        case "event":
            return a2a.StreamResponse


def old_type(example: Example) -> type[Message]:
    method = METHODS[example.operation]
    return method.request if example.place == "request" else method.response


def new(example: Example, value: Json) -> Message:
    return protojson.from_value(new_type(example), value, BOUNDS)


def written(form: Form[Any], example: Example) -> bytes:
    message = new(example, example.new)
    match example.place:
        case "request":
            return form.write_request(example.operation, message, BOUNDS)
        case "result":
            return form.write_answer(example.operation, message, BOUNDS)
        case "event":
            assert isinstance(message, a2a.StreamResponse)
            return form.write_event(message, BOUNDS)


def read(form: Form[Any], example: Example, raw: Any) -> Message:
    match example.place:
        case "request":
            return form.read_request(example.operation, raw, BOUNDS)
        case "result":
            return form.read_answer(example.operation, raw, BOUNDS)
        case "event":
            return form.read_event(raw, BOUNDS)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_as_json_rpc(example: Example) -> None:
    form = JsonRpc03(example.choices)
    assert jsontext.load(written(form, example), BOUNDS) == example.json
    assert read(form, example, example.json) == new(example, example.left_of_json)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_as_protobuf(example: Example) -> None:
    form = Wire03(example.choices)
    message = protojson.from_value(old_type(example), example.proto, BOUNDS)
    assert wire.decode(old_type(example), written(form, example), BOUNDS) == message
    assert read(form, example, wire.encode(message, BOUNDS)) == new(example, example.left_of_proto)


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one not in CARDS], ids=str)
def test_as_http_json(example: Example) -> None:
    form = Rest03(example.choices)
    made = jsontext.load(written(form, example), BOUNDS)
    if example.place != "request":
        assert made == example.proto
        assert read(form, example, example.proto) == new(example, example.left_of_proto)
    # A request has the ids of its route in place of a name, and is read back from them.
    assert read(form, example, made) == new(example, example.left_of_proto)


@pytest.mark.parametrize("example", CARDS, ids=str)
def test_cards_on_http_json_are_as_on_json_rpc(example: Example) -> None:
    form = Rest03(example.choices)
    assert jsontext.load(written(form, example), BOUNDS) == example.json
    assert read(form, example, example.json) == new(example, example.left_of_json)


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_messages_alone(example: Example) -> None:
    message = new(example, example.new)
    if example.place == "request":
        made = request_to_v0_3(example.operation, message, example.choices)
    else:
        made = to_v0_3(message, example.choices)
    assert made == protojson.from_value(old_type(example), example.proto, BOUNDS)


NO_OPERATION = {"ListTasksRequest", "ListTasksResponse"}
"""There is nothing to show of what 0.3 does not have."""
ALWAYS_SAID = {"Task", "SendMessageConfiguration.returnImmediately"}
"""What comes back is more than what was given: 0.3 says what 1.0 may leave out."""


def test_every_row_has_an_example_and_every_example_a_row() -> None:
    rows = [row.new for row in CONVERSIONS]
    assert len(rows) == len(set(rows))
    assert {example.row for example in EXAMPLES} == set(rows) - NO_OPERATION


@pytest.mark.parametrize(
    "row", [row for row in CONVERSIONS if row.new not in NO_OPERATION | ALWAYS_SAID], ids=lambda row: row.new
)
def test_a_row_tells_of_a_loss_to_0_3_where_its_examples_show_one(row: Conversion) -> None:
    examples = [example for example in EXAMPLES if example.row == row.new]
    shown = any(example.left_of_json != example.new or example.left_of_proto != example.new for example in examples)
    assert shown == bool(row.lost_to_0_3)


# That no field is forgotten


def _fields_in_rows() -> set[str]:
    return {row.new for row in CONVERSIONS}


def _type_of(value: object) -> object:
    """What a field holds, by name, so that it can be compared across the versions."""
    match value:
        case DescFieldValueMessage(message=message):
            return message.name
        case DescFieldValueEnum(enum=enum):
            return enum.name
        case DescFieldValueList(element=element):
            return "list", getattr(element, "name", element)
        case DescFieldValueMap(value=element):
            return "map", getattr(element, "name", element)
        case _:
            return getattr(value, "scalar", None)


COUNTERPARTS: dict[type[Message], type[Message]] = {
    **{pair.new: pair.old for pair in (*messages.PAIRS, *cardfields.PAIRS)},
    a2a.Part: old.Part,
    a2a.AuthenticationInfo: old.AuthenticationInfo,
    a2a.AgentInterface: old.AgentInterface,
    a2a.SendMessageRequest: old.SendMessageRequest,
    a2a.SendMessageConfiguration: old.SendMessageConfiguration,
    a2a.TaskPushNotificationConfig: old.TaskPushNotificationConfig,
    a2a.GetTaskRequest: old.GetTaskRequest,
    a2a.CancelTaskRequest: old.CancelTaskRequest,
    a2a.SubscribeToTaskRequest: old.TaskSubscriptionRequest,
    a2a.GetTaskPushNotificationConfigRequest: old.GetTaskPushNotificationConfigRequest,
    a2a.DeleteTaskPushNotificationConfigRequest: old.DeleteTaskPushNotificationConfigRequest,
    a2a.ListTaskPushNotificationConfigsRequest: old.ListTaskPushNotificationConfigRequest,
}


def _has_a_row(desc: DescMessage, json_name: str) -> bool:
    rows = _fields_in_rows()
    return f"{desc.name}.{json_name}" in rows or desc.name in rows or (json_name == "tenant" and "*.tenant" in rows)


ADDRESSES = {"AgentInterface.protocolBinding", "AgentInterface.protocolVersion"}
"""Told in the row of AgentCard.supportedInterfaces."""
ONLY_IN_WHAT_IS_LOST = {a2a.AgentCardSignature, a2a.DeviceCodeOAuthFlow}


@pytest.mark.parametrize(
    "desc", [desc for desc in a2a.desc().messages if desc.type not in ONLY_IN_WHAT_IS_LOST], ids=lambda desc: desc.name
)
def test_a_field_without_a_row_is_called_and_typed_alike_in_both(desc: DescMessage) -> None:
    counterpart = COUNTERPARTS.get(desc.type)
    alike = {one.json_name: _type_of(one.value) for one in counterpart.desc().fields} if counterpart else {}
    differ = {one.json_name for one in desc.fields if alike.get(one.json_name) != _type_of(one.value)}
    assert {f"{desc.name}.{name}" for name in differ if not _has_a_row(desc, name)} <= ADDRESSES
