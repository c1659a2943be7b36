"""The JSON-RPC dialect of 0.3: params, results and events as JSON values, 1.0 messages on the other side.

Results and events are bare objects that `kind` tells apart, lists are bare arrays, nothing is null.
Readers raise Malformed with the path in the 0.3 value. The envelope is that of `codec.jsonrpc`.
"""

import sys

from protobuf import Message

from gateway.codec import protojson
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.v0_3.cards import CARD
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.json_configurations import CONFIGURATION, HISTORY_LENGTH, TASK_WEBHOOK
from gateway.codec.v0_3.json_objects import ANSWER, EVENT, MESSAGE, TASK
from gateway.codec.v0_3.json_parts import METADATA
from gateway.codec.v0_3.members import TEXT, Each, JsonObject, Member, Rule, Shape, Terms
from gateway.operations import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_AGENT_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Operation,
)
from generated.a2a.v1.a2a_pb import StreamResponse

_UNBOUNDED = Bounds(json_bytes=sys.maxsize)
"""Writing makes values; whoever makes text of them knows how much may go out."""


def read_request(operation: Operation, params: JsonValue, bounds: Bounds, choices: Choices) -> Message:
    """The 1.0 request that `params` make; absent params are an empty object. Raises Malformed."""
    value = REQUESTS[operation].read({} if params is None else params, Terms(bounds, choices))
    return protojson.from_value(operation.request, value, bounds)


def write_request(operation: Operation, request: Message, choices: Choices) -> JsonValue:
    """The params of a 1.0 request. Raises Malformed for what 0.3 cannot say."""
    return _written(REQUESTS[operation], request, choices)


def read_result(operation: Operation, result: JsonValue, bounds: Bounds, choices: Choices) -> Message:
    """The 1.0 answer that a result makes; of a stream, an event. Raises Malformed."""
    value = RESULTS[operation].read(result, Terms(bounds, choices))
    return protojson.from_value(operation.response, value, bounds)


def write_result(operation: Operation, answer: Message, choices: Choices) -> JsonValue:
    """The result of a 1.0 answer. Raises Malformed for one that holds nothing."""
    return _written(RESULTS[operation], answer, choices)


def read_event(result: JsonValue, bounds: Bounds, choices: Choices) -> StreamResponse:
    """The 1.0 event that a result makes; also the body of a push notification. Raises Malformed."""
    return protojson.from_value(StreamResponse, EVENT.read(result, Terms(bounds, choices)), bounds)


def write_event(event: StreamResponse, choices: Choices) -> JsonValue:
    """The result of a 1.0 event. Raises Malformed for one that holds nothing."""
    return _written(EVENT, event, choices)


def _written(rule: Rule, message: Message, choices: Choices) -> JsonValue:
    written = rule.write(protojson.to_value(message, _UNBOUNDED), choices)
    if written is None and rule is not _NOTHING:
        raise Malformed("holds nothing, which A2A 0.3 cannot say")
    return written


class _Nothing:
    """The result of what answers nothing: null, though agents say other things too."""

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        return {}

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        return None

    def empty(self, choices: Choices) -> JsonValue:
        return None


class _WebhookList:
    """A bare array; pages are a matter of 1.0."""

    _each = Each(TASK_WEBHOOK)

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        return {"configs": self._each.read(value, terms)}

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        return self._each.write(value.get("configs") if isinstance(value, dict) else None, choices)

    def empty(self, choices: Choices) -> JsonValue:
        return []


def _leave_configuration_open(request: JsonObject, choices: Choices) -> None:
    if "configuration" not in request and not choices.blocking_when_absent:
        request["configuration"] = {"returnImmediately": True}


_NOTHING = _Nothing()
_SEND = Shape(
    Member("message", MESSAGE, demanded=True),
    Member("configuration", CONFIGURATION, demanded=True),  # what its absence means, the SDKs disagree about
    METADATA,
    reading=_leave_configuration_open,
)
_ID = Member("id", TEXT, demanded=True)
_CONFIG_OF_TASK = Shape(
    Member("id", TEXT, "taskId", demanded=True),
    Member("pushNotificationConfigId", TEXT, "id"),
)

REQUESTS: dict[Operation, Rule] = {
    SEND_MESSAGE: _SEND,
    SEND_STREAMING_MESSAGE: _SEND,
    GET_TASK: Shape(_ID, HISTORY_LENGTH),
    CANCEL_TASK: Shape(_ID, METADATA),
    SUBSCRIBE_TO_TASK: Shape(_ID),
    CREATE_PUSH_CONFIG: TASK_WEBHOOK,
    GET_PUSH_CONFIG: _CONFIG_OF_TASK,
    LIST_PUSH_CONFIGS: Shape(Member("id", TEXT, "taskId", demanded=True)),
    DELETE_PUSH_CONFIG: _CONFIG_OF_TASK,
    GET_EXTENDED_AGENT_CARD: Shape(),
}
"""How the params of each operation are read and written."""

RESULTS: dict[Operation, Rule] = {
    SEND_MESSAGE: ANSWER,
    SEND_STREAMING_MESSAGE: EVENT,
    GET_TASK: TASK,
    CANCEL_TASK: TASK,
    SUBSCRIBE_TO_TASK: EVENT,
    CREATE_PUSH_CONFIG: TASK_WEBHOOK,
    GET_PUSH_CONFIG: TASK_WEBHOOK,
    LIST_PUSH_CONFIGS: _WebhookList(),
    DELETE_PUSH_CONFIG: _NOTHING,
    GET_EXTENDED_AGENT_CARD: CARD,
}
"""How the result of each operation is read and written."""
