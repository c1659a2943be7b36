"""What 0.3 says that no 1.0 message makes it say: odd forms that are taken, and what is refused, with its place."""

from typing import Any

import pytest
from protobuf import Message

from gateway.codec import protojson
from gateway.codec.malformed import Bounds
from gateway.codec.v0_3 import jsonrpc, rest
from gateway.codec.v0_3.choices import DEFAULT, Choices
from gateway.codec.v0_3.messages import from_v0_3, request_to_v0_3, to_v0_3
from gateway.codec.v0_3.methods import METHODS
from gateway.codec.v0_3.moments import to_rfc_3339
from gateway.operations import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_AGENT_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    LIST_TASKS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Operation,
)
from generated.a2a.v0_3 import a2a_pb as old
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.tables import named, refusal

BOUNDS = Bounds()
Json = Any
NON_BLOCKING = Choices(blocking_when_absent=False)

TEXT = {"kind": "text", "text": "x"}
MESSAGE = {"kind": "message", "messageId": "m", "role": "user", "parts": [TEXT]}
NEW_MESSAGE = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}]}
HOOK = {"url": "https://h"}

REQUESTS: list[tuple[str, Operation, Choices, Json, Json]] = [
    ("a configuration that does not say blocking", SEND_MESSAGE, DEFAULT, {"message": MESSAGE, "configuration": {}}, {"message": NEW_MESSAGE, "configuration": {}}),
    ("the same, from one who does not wait", SEND_MESSAGE, NON_BLOCKING, {"message": MESSAGE, "configuration": {}}, {"message": NEW_MESSAGE, "configuration": {"returnImmediately": True}}),
    ("no configuration", SEND_MESSAGE, DEFAULT, {"message": MESSAGE}, {"message": NEW_MESSAGE}),
    ("no configuration, from one who does not wait", SEND_MESSAGE, NON_BLOCKING, {"message": MESSAGE}, {"message": NEW_MESSAGE, "configuration": {"returnImmediately": True}}),
    ("blocking, said by one who does not wait", SEND_MESSAGE, NON_BLOCKING, {"message": MESSAGE, "configuration": {"blocking": True}}, {"message": NEW_MESSAGE, "configuration": {}}),
    ("a history of 0 is all of it", SEND_MESSAGE, DEFAULT, {"message": MESSAGE, "configuration": {"historyLength": 0}}, {"message": NEW_MESSAGE, "configuration": {}}),
    ("a history of 0 as text", GET_TASK, DEFAULT, {"id": "t", "historyLength": "0"}, {"id": "t"}),
    ("nothing is null", SEND_MESSAGE, DEFAULT, {"message": {**MESSAGE, "contextId": None, "metadata": None}, "configuration": None, "metadata": None}, {"message": NEW_MESSAGE}),
    ("names in snake case, as the Python SDK allows", SEND_MESSAGE, DEFAULT, {"message": {"message_id": "m", "role": "user", "parts": [TEXT]}}, {"message": NEW_MESSAGE}),
    ("no kinds, as the Python SDK allows", SEND_MESSAGE, DEFAULT, {"message": {"messageId": "m", "role": "user", "parts": [{"text": "x"}]}}, {"message": NEW_MESSAGE}),
    ("unknown members", SEND_MESSAGE, DEFAULT, {"message": {**MESSAGE, "mood": "good"}, "more": [1]}, {"message": NEW_MESSAGE}),
    ("metadata of what has none in 1.0", SUBSCRIBE_TO_TASK, DEFAULT, {"id": "t", "metadata": {"k": 1}}, {"id": "t"}),
    ("all schemes but the first", CREATE_PUSH_CONFIG, DEFAULT, {"taskId": "t", "pushNotificationConfig": {**HOOK, "authentication": {"schemes": ["Bearer", "Basic"]}}}, {"taskId": "t", **HOOK, "authentication": {"scheme": "Bearer"}}),
    ("any configuration of a task", GET_PUSH_CONFIG, DEFAULT, {"id": "t"}, {"taskId": "t"}),
    ("absent params", GET_EXTENDED_AGENT_CARD, DEFAULT, None, {}),
    ("a wrapped value that is not alone is no wrapped value", SEND_MESSAGE, DEFAULT, {"message": {**MESSAGE, "parts": [{"kind": "data", "data": {"value": 1, "more": 2}, "metadata": {"data_part_compat": True}}]}}, {"message": {**NEW_MESSAGE, "parts": [{"data": {"value": 1, "more": 2}, "metadata": {"data_part_compat": True}}]}}),
    ("base64 for URLs, without padding", SEND_MESSAGE, DEFAULT, {"message": {**MESSAGE, "parts": [{"kind": "file", "file": {"bytes": "-_8"}}]}}, {"message": {**NEW_MESSAGE, "parts": [{"raw": "+/8="}]}}),
]


@pytest.mark.parametrize(("operation", "choices", "params", "new"), named(REQUESTS))
def test_params_that_are_taken(operation: Operation, choices: Choices, params: Json, new: Json) -> None:
    message = jsonrpc.read_request(operation, params, BOUNDS, choices)
    assert message == protojson.from_value(operation.request, new, BOUNDS)


TASK = {"kind": "task", "id": "t", "contextId": "c", "status": {"state": "working"}}
NEW_TASK = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
NEW_CARD = {"name": "n", "supportedInterfaces": [{"url": "https://a", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"}]}

RESULTS: list[tuple[str, Operation, Json, Json]] = [
    ("a task without a kind", SEND_MESSAGE, {"id": "t", "contextId": "c", "status": {"state": "working"}}, {"task": NEW_TASK}),
    ("a message without a kind", SEND_MESSAGE, {"messageId": "m", "role": "user", "parts": [TEXT]}, {"message": NEW_MESSAGE}),
    ("a status update without a kind", SEND_STREAMING_MESSAGE, {"taskId": "t", "contextId": "c", "status": {"state": "working"}, "final": True}, {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}}),
    ("an artifact update without a kind", SUBSCRIBE_TO_TASK, {"taskId": "t", "artifact": {"artifactId": "a", "parts": []}}, {"artifactUpdate": {"taskId": "t", "artifact": {"artifactId": "a"}}}),
    ("a time without a zone", GET_TASK, {**TASK, "status": {"state": "working", "timestamp": "2026-01-31T12:00:00.5"}}, {**NEW_TASK, "status": {"state": "TASK_STATE_WORKING", "timestamp": "2026-01-31T12:00:00.500Z"}}),
    ("a time that is none", GET_TASK, {**TASK, "status": {"state": "working", "timestamp": "yesterday"}}, NEW_TASK),
    ("null for what was deleted", DELETE_PUSH_CONFIG, None, {}),
    ("anything for what was deleted", DELETE_PUSH_CONFIG, {"id": 1}, {}),
    ("the address that is preferred, repeated", GET_EXTENDED_AGENT_CARD, {"name": "n", "url": "https://a", "additionalInterfaces": [{"url": "https://a", "transport": "JSONRPC"}]}, NEW_CARD),
    ("the history of states", GET_EXTENDED_AGENT_CARD, {"name": "n", "url": "https://a", "capabilities": {"stateTransitionHistory": True}}, {**NEW_CARD, "capabilities": {}}),
    ("several flows", GET_EXTENDED_AGENT_CARD, {"name": "n", "url": "https://a", "securitySchemes": {"s": {"type": "oauth2", "flows": {"password": {"tokenUrl": "p"}, "clientCredentials": {"tokenUrl": "c"}}}}}, {**NEW_CARD, "securitySchemes": {"s": {"oauth2SecurityScheme": {"flows": {"clientCredentials": {"tokenUrl": "c"}}}}}}),
    ("signatures", GET_EXTENDED_AGENT_CARD, {"name": "n", "url": "https://a", "signatures": [{"protected": "p", "signature": "s"}]}, NEW_CARD),
]


@pytest.mark.parametrize(("operation", "result", "new"), named(RESULTS))
def test_results_that_are_taken(operation: Operation, result: Json, new: Json) -> None:
    message = jsonrpc.read_result(operation, result, BOUNDS, DEFAULT)
    assert message == protojson.from_value(operation.response, new, BOUNDS)


def _sent(**members: Json) -> Json:
    return {"message": {**MESSAGE, **members}}


def _sent_part(part: Json) -> Json:
    return _sent(parts=[TEXT, part])


DEEP: Json = 1
for _ in range(25):
    DEEP = [DEEP]

REFUSED: list[tuple[str, Operation, Json, str, str]] = [
    ("params that are a list", SEND_MESSAGE, [], "", "expected an object"),
    ("a message that is text", SEND_MESSAGE, {"message": "hi"}, "message", "expected an object"),
    ("a message of another kind", SEND_MESSAGE, _sent(kind="task"), "message.kind", "expected 'message'"),
    ("a role of 1.0", SEND_MESSAGE, _sent(role="ROLE_USER"), "message.role", "expected one of user, agent"),
    ("a name in both spellings", SEND_MESSAGE, _sent(message_id="m"), "message", "'messageId' and 'message_id' exclude each other"),
    ("parts that are none", SEND_MESSAGE, _sent(parts={}), "message.parts", "expected a list"),
    ("a part that is null", SEND_MESSAGE, _sent(parts=[None]), "message.parts[0]", "expected an object"),
    ("a part of an unknown kind", SEND_MESSAGE, _sent_part({"kind": "video"}), "message.parts[1].kind", "expected one of text, file, data"),
    ("a part that holds nothing", SEND_MESSAGE, _sent_part({}), "message.parts[1].kind", "expected one of text, file, data"),
    ("a text part without text", SEND_MESSAGE, _sent_part({"kind": "text"}), "message.parts[1].text", "is required"),
    ("text that is a number", SEND_MESSAGE, _sent_part({"kind": "text", "text": 1}), "message.parts[1].text", "expected a string, got a number"),
    ("data that is a list", SEND_MESSAGE, _sent_part({"kind": "data", "data": []}), "message.parts[1].data", "expected an object, got a list"),
    ("data that is too deep", SEND_MESSAGE, _sent_part({"kind": "data", "data": {"d": DEEP}}), f"message.parts[1].data.d{'[0]' * 23}", "nested deeper than 24 levels"),
    ("an integer that no double holds", SEND_MESSAGE, _sent(metadata={"n": 2**53 + 1}), "message.metadata.n", "the integer 9007199254740993 does not fit a double exactly; send it as a string"),
    ("a file in two ways", SEND_MESSAGE, _sent_part({"kind": "file", "file": {"bytes": "", "uri": "u"}}), "message.parts[1].file", "expected either bytes or uri"),
    ("a file in no way", SEND_MESSAGE, _sent_part({"kind": "file", "file": {}}), "message.parts[1].file", "expected either bytes or uri"),
    ("bytes that are not base64", SEND_MESSAGE, _sent_part({"kind": "file", "file": {"bytes": "*"}}), "message.parts[1].file.bytes", "not base64"),
    ("blocking that is text", SEND_MESSAGE, {"configuration": {"blocking": "yes"}}, "configuration.blocking", "expected true or false, got a string"),
    ("a length that is half", GET_TASK, {"historyLength": 0.5}, "historyLength", "expected an integer, got a number"),
    ("a length that is too long", GET_TASK, {"historyLength": 2**31}, "historyLength", "2147483648 does not fit 32 bits"),
    ("an id that is a number", GET_TASK, {"id": 1}, "id", "expected a string, got a number"),
    ("a scheme that is a number", CREATE_PUSH_CONFIG, {"pushNotificationConfig": {"authentication": {"schemes": [1]}}}, "pushNotificationConfig.authentication.schemes[0]", "expected a string, got a number"),
]


@pytest.mark.parametrize(("operation", "params", "path", "problem"), named(REFUSED))
def test_params_that_are_refused(operation: Operation, params: Json, path: str, problem: str) -> None:
    error = refusal(lambda: jsonrpc.read_request(operation, params, BOUNDS, DEFAULT))
    assert (error.path, error.problem) == (path, problem)


REFUSED_RESULTS: list[tuple[str, Operation, Json, str, str]] = [
    ("an event of an unknown kind", SEND_STREAMING_MESSAGE, {"kind": "delta"}, "kind", "expected one of message, artifact-update, task, status-update"),
    ("an update for an answer", SEND_MESSAGE, {"kind": "status-update"}, "kind", "expected one of message, task"),
    ("a message for a task", GET_TASK, {"kind": "message", "messageId": "m"}, "kind", "expected 'task'"),
    ("a state of 1.0", GET_TASK, {**TASK, "status": {"state": "TASK_STATE_WORKING"}}, "status.state", "expected one of submitted, working, input-required, completed, canceled, failed, rejected, auth-required, unknown"),
    ("a time that is a number", GET_TASK, {**TASK, "status": {"state": "working", "timestamp": 1}}, "status.timestamp", "expected a string, got a number"),
    ("an object for a list", LIST_PUSH_CONFIGS, {"configs": []}, "", "expected a list"),
    ("a security scheme of no type", GET_EXTENDED_AGENT_CARD, {"securitySchemes": {"s": {}}}, "securitySchemes.s.type", "expected one of apiKey, http, oauth2, openIdConnect, mutualTLS"),
    ("scopes that are no list", GET_EXTENDED_AGENT_CARD, {"security": [{"s": "read"}]}, "security[0].s", "expected a list"),
]


@pytest.mark.parametrize(("operation", "result", "path", "problem"), named(REFUSED_RESULTS))
def test_results_that_are_refused(operation: Operation, result: Json, path: str, problem: str) -> None:
    error = refusal(lambda: jsonrpc.read_result(operation, result, BOUNDS, DEFAULT))
    assert (error.path, error.problem) == (path, problem)


def test_reading_leaves_its_input_as_it_was() -> None:
    params = {"message": {**MESSAGE, "mood": 1, "metadata": {"k": [1]}}, "configuration": {"blocking": False}}
    before = repr(params)
    jsonrpc.read_request(SEND_MESSAGE, params, BOUNDS, DEFAULT)
    assert repr(params) == before


# Protobuf

PROTOS: list[tuple[str, type[Message], Choices, Json, type[Message], Json]] = [
    ("a configuration that says nothing does not wait", old.SendMessageRequest, DEFAULT, {"configuration": {}}, a2a.SendMessageRequest, {"configuration": {"returnImmediately": True}}),
    ("no configuration", old.SendMessageRequest, DEFAULT, {}, a2a.SendMessageRequest, {}),
    ("no configuration, from one who does not wait", old.SendMessageRequest, NON_BLOCKING, {}, a2a.SendMessageRequest, {"configuration": {"returnImmediately": True}}),
    ("a history of 0 is all of it", old.GetTaskRequest, DEFAULT, {"name": "tasks/t", "historyLength": 0}, a2a.GetTaskRequest, {"id": "t"}),
    ("final", old.TaskStatusUpdateEvent, DEFAULT, {"taskId": "t", "final": True}, a2a.TaskStatusUpdateEvent, {"taskId": "t"}),
    ("a file that is nowhere has no name either", old.Part, DEFAULT, {"file": {"name": "n"}, "metadata": {}}, a2a.Part, {"metadata": {}}),
    ("data without an object", old.Part, DEFAULT, {"data": {}}, a2a.Part, {"data": {}}),
    ("an id beside the configuration", old.CreateTaskPushNotificationConfigRequest, DEFAULT, {"parent": "tasks/t", "configId": "c", "config": {"name": "tasks/t/pushNotificationConfigs/None", "pushNotificationConfig": {"url": "u"}}}, a2a.TaskPushNotificationConfig, {"taskId": "t", "id": "c", "url": "u"}),
    ("the collection for a parent, as the routes have it", old.CreateTaskPushNotificationConfigRequest, DEFAULT, {"parent": "tasks/t/pushNotificationConfigs"}, a2a.TaskPushNotificationConfig, {"taskId": "t"}),
    ("an id only in the name", old.TaskPushNotificationConfig, DEFAULT, {"name": "tasks/t/pushNotificationConfigs/c"}, a2a.TaskPushNotificationConfig, {"taskId": "t", "id": "c"}),
    ("the id of the configuration before that of the name", old.TaskPushNotificationConfig, DEFAULT, {"name": "tasks/t/pushNotificationConfigs/c", "pushNotificationConfig": {"id": "d"}}, a2a.TaskPushNotificationConfig, {"taskId": "t", "id": "d"}),
    ("all schemes but the first", old.TaskPushNotificationConfig, DEFAULT, {"pushNotificationConfig": {"authentication": {"schemes": ["Bearer", "Basic"]}}}, a2a.TaskPushNotificationConfig, {"authentication": {"scheme": "Bearer"}}),
    ("a card that says no transport and no version", old.AgentCard, DEFAULT, {"url": "u"}, a2a.AgentCard, {"supportedInterfaces": [{"url": "u", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"}]}),
    ("a card without an address", old.AgentCard, DEFAULT, {"name": "n", "supportsAuthenticatedExtendedCard": True}, a2a.AgentCard, {"name": "n", "capabilities": {"extendedAgentCard": True}}),
]


@pytest.mark.parametrize(("old_type", "choices", "given", "new_type", "new"), named(PROTOS))
def test_protobuf_that_is_taken(
    old_type: type[Message], choices: Choices, given: Json, new_type: type[Message], new: Json
) -> None:
    message = from_v0_3(protojson.from_value(old_type, given, BOUNDS), choices)
    assert message == protojson.from_value(new_type, new, BOUNDS)


CONFIG_NAME = "expected tasks/{id}/pushNotificationConfigs/{id}"
REFUSED_PROTOS: list[tuple[str, type[Message], Json, str, str]] = [
    ("a task without a name", old.GetTaskRequest, {}, "name", "expected tasks/{id}"),
    ("a task by its id", old.CancelTaskRequest, {"name": "t"}, "name", "expected tasks/{id}"),
    ("a name with more behind", old.TaskSubscriptionRequest, {"name": "tasks/t/x"}, "name", "expected tasks/{id}"),
    ("a name with a line end", old.GetTaskRequest, {"name": "tasks/t\n/"}, "name", "expected tasks/{id}"),
    ("a configuration by its task", old.GetTaskPushNotificationConfigRequest, {"name": "tasks/t"}, "name", CONFIG_NAME),
    ("a configuration without an id", old.DeleteTaskPushNotificationConfigRequest, {"name": "tasks/t/pushNotificationConfigs/"}, "name", CONFIG_NAME),
    ("a list without a parent", old.ListTaskPushNotificationConfigRequest, {}, "parent", "expected tasks/{id}"),
    ("an answer by another name", old.ListTaskPushNotificationConfigResponse, {"configs": [{}, {"name": "c"}]}, "configs[1].name", CONFIG_NAME),
    ("two ids", old.CreateTaskPushNotificationConfigRequest, {"parent": "tasks/t", "configId": "c", "config": {"pushNotificationConfig": {"id": "d"}}}, "configId", "is not the id in config.pushNotificationConfig"),
    ("bytes that are not base64 text", old.SendMessageRequest, {"message": {"content": [{"text": "x"}, {"file": {"fileWithBytes": "/w=="}}]}}, "message.content[1].file.fileWithBytes", "expected base64 text; a peer that sends the bytes themselves needs file_bytes: raw"),
]


@pytest.mark.parametrize(("old_type", "given", "path", "problem"), named(REFUSED_PROTOS))
def test_protobuf_that_is_refused(old_type: type[Message], given: Json, path: str, problem: str) -> None:
    error = refusal(lambda: from_v0_3(protojson.from_value(old_type, given, BOUNDS), DEFAULT))
    assert (error.path, error.problem) == (path, problem)


# What 0.3 cannot say

SLASH = "has a slash, which an id in A2A 0.3 cannot have"
UNSPEAKABLE: list[tuple[str, Operation, Json, str, str]] = [
    ("a task whose id has a slash", GET_TASK, {"id": "a/b"}, "id", SLASH),
    ("a task without an id", CANCEL_TASK, {}, "id", "is required"),
    ("a configuration of a task whose id has a slash", LIST_PUSH_CONFIGS, {"taskId": "a/b"}, "taskId", SLASH),
    ("a configuration whose id has a slash", GET_PUSH_CONFIG, {"taskId": "t", "id": "a/b"}, "id", SLASH),
    ("a configuration that is created with such an id", CREATE_PUSH_CONFIG, {"taskId": "t", "id": "a/b"}, "id", SLASH),
]


@pytest.mark.parametrize(("operation", "request_", "path", "problem"), named(UNSPEAKABLE))
def test_names_that_cannot_be_made(operation: Operation, request_: Json, path: str, problem: str) -> None:
    message = protojson.from_value(operation.request, request_, BOUNDS)
    error = refusal(lambda: request_to_v0_3(operation, message, DEFAULT))
    assert (error.path, error.problem) == (path, problem)


def test_a_card_that_no_0_3_client_can_use_is_refused() -> None:
    card = a2a.AgentCard(supported_interfaces=[a2a.AgentInterface(url="u", protocol_version="1.0")])
    for act in (lambda: to_v0_3(card, DEFAULT), lambda: jsonrpc.write_result(GET_EXTENDED_AGENT_CARD, card, DEFAULT)):
        error = refusal(act)
        assert (error.path, error.problem) == ("supportedInterfaces", "none speaks A2A 0.3")


def test_what_holds_nothing_has_no_json() -> None:
    nothing = "holds nothing, which A2A 0.3 cannot say"
    assert refusal(lambda: jsonrpc.write_event(a2a.StreamResponse(), DEFAULT)).problem == nothing
    assert refusal(lambda: jsonrpc.write_result(SEND_MESSAGE, a2a.SendMessageResponse(), DEFAULT)).problem == nothing


def test_listing_tasks_is_no_operation_of_0_3() -> None:
    assert LIST_TASKS not in METHODS
    assert LIST_TASKS not in jsonrpc.REQUESTS
    assert METHODS.keys() == jsonrpc.REQUESTS.keys() == jsonrpc.RESULTS.keys()


# HTTP+JSON: a route's ids, a query and a body together

ROUTED: list[tuple[str, Operation, Json, Json]] = [
    ("a task with a query, which is text", GET_TASK, {"id": "t", "historyLength": "5"}, {"id": "t", "historyLength": 5}),
    ("a task without a body", CANCEL_TASK, {"id": "t"}, {"id": "t"}),
    ("the route before the body", CANCEL_TASK, {"id": "t", "name": "tasks/other"}, {"id": "t"}),
    ("a configuration", DELETE_PUSH_CONFIG, {"taskId": "t", "id": "c"}, {"taskId": "t", "id": "c"}),
    ("a page of configurations", LIST_PUSH_CONFIGS, {"taskId": "t", "pageSize": "2"}, {"taskId": "t", "pageSize": 2}),
    ("the whole request for a body, as the SDKs send it", CREATE_PUSH_CONFIG, {"taskId": "t", "parent": "tasks/t", "config_id": "c", "config": {"push_notification_config": {"id": "c", "url": "u"}}}, {"taskId": "t", "id": "c", "url": "u"}),
    ("the configuration for a body, as the definition says", CREATE_PUSH_CONFIG, {"taskId": "t", "pushNotificationConfig": {"url": "u"}}, {"taskId": "t", "url": "u"}),
    ("a message under the name of its field", SEND_MESSAGE, {"request": {"message_id": "m", "content": [{"text": "x"}]}}, {"message": {"messageId": "m", "parts": [{"text": "x"}]}}),
    ("nothing at all", GET_EXTENDED_AGENT_CARD, None, {}),
]


@pytest.mark.parametrize(("operation", "value", "new"), named(ROUTED))
def test_http_json_that_is_taken(operation: Operation, value: Json, new: Json) -> None:
    message = rest.read_request(operation, value, BOUNDS, DEFAULT)
    assert message == protojson.from_value(operation.request, new, BOUNDS)


REFUSED_ROUTES: list[tuple[str, Operation, Json, str, str]] = [
    ("an id that was escaped to hold a slash", GET_TASK, {"id": "a/b"}, "id", SLASH),
    ("an id that is a number", GET_PUSH_CONFIG, {"taskId": 1, "id": "c"}, "taskId", "expected a string"),
    ("a body that is a list", SEND_MESSAGE, [], "", "expected an object"),
    ("a message of the JSON-RPC dialect", SEND_MESSAGE, _sent(), "message.role", "'user' is none of ROLE_AGENT, ROLE_UNSPECIFIED, ROLE_USER"),
]


@pytest.mark.parametrize(("operation", "value", "path", "problem"), named(REFUSED_ROUTES))
def test_http_json_that_is_refused(operation: Operation, value: Json, path: str, problem: str) -> None:
    error = refusal(lambda: rest.read_request(operation, value, BOUNDS, DEFAULT))
    assert (error.path, error.problem) == (path, problem)


def test_the_ids_of_a_request_are_those_of_its_route() -> None:
    for operation, method in METHODS.items():
        wanted = {name for name in ("id", "taskId") if f"{{{name}}}" in method.routes[0][1]}
        fields = {field.json_name: "x" for field in operation.request.desc().fields if field.json_name in ("id", "taskId")}
        request = protojson.from_value(operation.request, fields, BOUNDS)
        written = rest.write_request(operation, request, BOUNDS, DEFAULT)
        assert {name for name in ("id", "taskId") if name in written} == wanted


# Times

MOMENTS = [
    ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
    ("2026-01-31T12:00:00+00:00", "2026-01-31T12:00:00Z"),
    ("2026-01-31T12:00:00.123456+00:00", "2026-01-31T12:00:00.123456Z"),
    ("2026-01-31T12:00:00.123456", "2026-01-31T12:00:00.123456Z"),
    ("2026-01-31T12:00:00,5+02:00", "2026-01-31T10:00:00.5Z"),
    ("2026-01-31T12:00:00.1234567891", "2026-01-31T12:00:00.123456789Z"),
    ("2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00Z"),
    ("2026-01-31 12:00:00", "2026-01-31T12:00:00Z"),
    ("2026-01-31t12:00:00z", "2026-01-31T12:00:00Z"),
    ("20260131T120000Z", "2026-01-31T12:00:00Z"),
    ("20260131T120000.25Z", "2026-01-31T12:00:00.25Z"),
    ("2026-01-31T12:00Z", "2026-01-31T12:00:00Z"),
    ("2026-01-31", "2026-01-31T00:00:00Z"),
    ("2026-W05-6T12:00:00Z", "2026-01-31T12:00:00Z"),
    ("2026-01-31T12:00:00-0530", "2026-01-31T17:30:00Z"),
    ("0001-01-01T00:00:00+01:00", None),
    ("9999-12-31T23:59:59-01:00", None),
    ("2026-13-31T12:00:00Z", None),
    ("2026-01-31T12:00:60Z", None),
    ("٢٠٢٦-01-31T12:00:00Z", None),
    ("1769860800", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "moment"), MOMENTS)
def test_times_of_all_forms(text: str, moment: str | None) -> None:
    assert to_rfc_3339(text) == moment
