"""The HTTP+JSON dialect of 0.3: ProtoJSON of its gRPC messages, as the SDKs implement it.

Where gRPC has a resource name the route has ids. A request is therefore read from, and written as,
its JSON with the ids of its route (`methods.METHODS`) in place of the name, by their 1.0 names.
"""

from protobuf import Message

from gateway.codec import protojson
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.v0_3 import names
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.members import JsonObject, an_object
from gateway.codec.v0_3.messages import from_v0_3, request_to_v0_3, to_v0_3
from gateway.codec.v0_3.methods import METHODS
from gateway.operations import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    SUBSCRIBE_TO_TASK,
    Operation,
)
from generated.a2a.v0_3 import a2a_pb as old
from generated.a2a.v1.a2a_pb import StreamResponse


def read_request(operation: Operation, value: JsonValue, bounds: Bounds, choices: Choices) -> Message:
    """The 1.0 request that a route's ids, a query and a body make together. Raises Malformed."""
    named = _with_name(operation, an_object({} if value is None else value))
    return from_v0_3(protojson.from_value(METHODS[operation].request, named, bounds), choices)


def write_request(operation: Operation, request: Message, bounds: Bounds, choices: Choices) -> JsonObject:
    """The ids of the route, and what else the request says. Raises Malformed."""
    converted = request_to_v0_3(operation, request, choices)
    return _with_ids(operation, an_object(protojson.to_value(converted, bounds)))


def read_result(operation: Operation, value: JsonValue, bounds: Bounds, choices: Choices) -> Message:
    """The 1.0 answer that a body makes; of a stream, an event. Raises Malformed."""
    given = {} if value is None else value
    return from_v0_3(protojson.from_value(METHODS[operation].response, given, bounds), choices)


def write_result(answer: Message, bounds: Bounds, choices: Choices) -> JsonValue:
    """The body of a 1.0 answer. Raises Malformed."""
    return protojson.to_value(to_v0_3(answer, choices), bounds)


def read_event(value: JsonValue, bounds: Bounds, choices: Choices) -> StreamResponse:
    """The 1.0 event that the data of a 0.3 one makes. Raises Malformed."""
    event = from_v0_3(protojson.from_value(old.StreamResponse, value, bounds), choices)
    assert isinstance(event, StreamResponse)
    return event


def write_event(event: StreamResponse, bounds: Bounds, choices: Choices) -> JsonValue:
    """The data of a 1.0 event. Raises Malformed."""
    return protojson.to_value(to_v0_3(event, choices), bounds)


_OF_TASK = frozenset({GET_TASK, CANCEL_TASK, SUBSCRIBE_TO_TASK})
_OF_CONFIG = frozenset({GET_PUSH_CONFIG, DELETE_PUSH_CONFIG})


def _with_name(operation: Operation, value: JsonObject) -> JsonObject:
    """What the ids leave behind is no member of the request, and ignored as such."""
    if operation in _OF_TASK and "id" in value:
        return {**value, "name": names.task_name(_id(value, "id"))}
    if operation in _OF_CONFIG and "taskId" in value:
        return {**value, "name": names.config_name(_id(value, "taskId"), _id(value, "id"))}
    if operation is LIST_PUSH_CONFIGS and "taskId" in value:
        return {**value, "parent": names.task_name(_id(value, "taskId"), "taskId")}
    if operation is CREATE_PUSH_CONFIG and "taskId" in value:
        return {**_creation(value), "parent": names.task_name(_id(value, "taskId"), "taskId")}
    return dict(value)


def _creation(body: JsonObject) -> JsonObject:
    """The definition says that the body is the configuration alone, the SDKs send the whole request."""
    bare = "config" not in body and ("pushNotificationConfig" in body or "push_notification_config" in body)
    return {"config": body} if bare else body


def _with_ids(operation: Operation, value: JsonObject) -> JsonObject:
    match value:
        case {"name": str(name), **rest} if operation in _OF_TASK:
            return {**rest, "id": names.task_id(name)}
        case {"name": str(name), **rest} if operation in _OF_CONFIG:
            return {**rest, **dict(zip(("taskId", "id"), names.config_ids(name), strict=True))}
        case {"parent": str(parent), **rest} if operation is LIST_PUSH_CONFIGS:
            return {**rest, "taskId": names.parent_id(parent)}
        case {"parent": str(parent)}:  # the SDKs' servers want it in the body too
            return {**value, "taskId": names.parent_id(parent)}
        case _:
            return value


def _id(value: JsonObject, name: str) -> str:
    text = value.get(name, "")
    if not isinstance(text, str):
        raise Malformed("expected a string", name)
    return text
