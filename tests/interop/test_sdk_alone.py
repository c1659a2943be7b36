"""The SDK's client against the SDK's agent with nothing between them, on every binding.

This proves the checks: each has the outcome in `EXPECTED`, so none of them passes on an empty answer. It also pins
where the SDK's bindings disagree (`DISAGREEING`): that is what a client behind the gateway is compared with.
"""

import base64
import sys
from typing import Any

import pytest

from tests.interop.content import EXTENSION, LINE_SEPARATORS, METADATA, NESTED, RAW, RAW_FILENAME, URL, VALUES
from tests.interop.normalise import Json, outline
from tests.interop.peers import BINDINGS, sdk_agent, sdk_client
from tests.interop.processes import Program, finished
from tests.interop.reference import DIFFERENCES, comparable, expected, portable

OPENED = ["task SUBMITTED history 1", "status WORKING: on it"]
COMPLETED = "COMPLETED [The  | quick  | brown  | fox]"
PARTS = ["artifact data", "artifact data | data | data | data | data", "artifact raw", "artifact url"]
PARTS_TASK = "task COMPLETED [data] [data | data | data | data | data] [raw] [url] history 2"
CANCELED_TASK = {"task": "CANCELED history 2", "gapless": True}
CANCELED_STREAM = {"events": [*OPENED, "status CANCELED"], "live chunks": True, "gapless": True}

NOT_FOUND = "TaskNotFoundError TASK_NOT_FOUND: Task not found"
NO_SUCH_TASK = "TaskNotFoundError TASK_NOT_FOUND: Task no-such-task not found"
IS_TERMINAL = (
    "UnsupportedOperationError UNSUPPORTED_OPERATION: Task <task 1> is in terminal state: TASK_STATE_COMPLETED"
)
WRONG_CONTEXT = (
    "InvalidParamsError INVALID_PARAMS: Context another-context does not match context <context 1> of task <task 1>"
)

CARD: dict[str, Any] = {
    "name": "Interop agent",
    "description": "Does what the first word of the message says",
    "version": "1.2.3",
    "capabilities": {"streaming": True, "pushNotifications": True, "extendedAgentCard": True},
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain", "application/json"],
    "skills": [
        {
            "id": "answer",
            "name": "Answer",
            "description": "Answers in a few chunks",
            "tags": ["interop", "answer"],
            "examples": ["answer"],
        },
        {
            "id": "ask",
            "name": "Ask",
            "description": "Asks back before it answers",
            "tags": ["interop", "ask"],
            "examples": ["ask"],
        },
    ],
}
SECRET_SKILL = {
    "id": "secret",
    "name": "Secret",
    "description": "Shown to callers of GetExtendedAgentCard only",
    "tags": ["interop", "secret"],
    "examples": ["secret"],
}
PLAIN_CONFIG = {"id": "<task 1>", "taskId": "<task 1>", "url": "https://example.com/hook?a=1"}
FULL_CONFIG = {
    "id": "<config 1>",
    "taskId": "<task 1>",
    "url": "https://example.com/hook?a=1",
    "token": "tok",
    "authentication": {"scheme": "Bearer", "credentials": "secret"},
}


def invalid(field: str) -> str:
    return f"InvalidParamsError INVALID_PARAMS ['{field}']: Validation failed"


EXPECTED: dict[str, Any] = {
    "card": CARD,
    "extended_card": CARD | {"skills": [*CARD["skills"], SECRET_SKILL]},
    "send": f"task {COMPLETED} history 2",
    "send_message_reply": "message a message, not a task",
    "send_with_history": {"0": f"task {COMPLETED} history 0", "1": f"task {COMPLETED} history 1"},
    "send_return_immediately": {"first": "SUBMITTED history 1", "last": f"{COMPLETED} history 2"},
    "send_parts": PARTS_TASK,
    "send_line_separators": PARTS_TASK,
    "stream": [
        *OPENED,
        "artifact The ",
        "artifact append quick ",
        "artifact append brown ",
        "artifact append lastChunk fox",
        "status COMPLETED: done",
    ],
    "stream_message_reply": ["message a message, not a task"],
    "stream_parts": [*OPENED, *PARTS, "status COMPLETED"],
    "stream_line_separators": [*OPENED, *PARTS, "status COMPLETED"],
    "input_required": {
        "asked": [*OPENED, "status INPUT_REQUIRED: which colour?"],
        "answered": ["status WORKING: on it", "artifact lastChunk you said blue", "status COMPLETED"],
        "stored": "COMPLETED [you said blue] history 5",
    },
    "input_required_blocking": {
        "asked": "INPUT_REQUIRED history 2",
        "answered": "task COMPLETED [you said blue] history 5",
    },
    "get_with_history": {
        "None": f"{COMPLETED} history 2",
        "0": f"{COMPLETED} history 0",
        "1": f"{COMPLETED} history 1",
    },
    "list_tasks": {
        "one by one": [
            {"tasks": ["INPUT_REQUIRED history 0"], "nextPageToken": "<page 1>", "pageSize": 1, "totalSize": 3},
            {"tasks": ["FAILED history 0"], "nextPageToken": "<page 2>", "pageSize": 1, "totalSize": 3},
            {"tasks": ["COMPLETED history 0"], "pageSize": 1, "totalSize": 3},
        ],
        "whole": {
            "tasks": ["INPUT_REQUIRED history 2", "FAILED history 2", f"{COMPLETED} history 2"],
            "pageSize": 50,
            "totalSize": 3,
        },
        "failed": {"tasks": ["FAILED history 2"], "pageSize": 50, "totalSize": 1},
        "nothing": {"pageSize": 50},
    },
    "list_tasks_invalid": {
        "page size 101": "InvalidParamsError INVALID_PARAMS: maximum page size is 100",
        "page token": "InvalidParamsError INVALID_PARAMS: Token is not a valid base64-encoded cursor.",
        "history": "InvalidParamsError INVALID_PARAMS: history length must be non-negative",
    },
    "cancel": {"canceled": CANCELED_TASK, "stream": CANCELED_STREAM, "stored": CANCELED_TASK},
    "subscribe": {
        "subscribed": {"events": ["task WORKING history 1", "status CANCELED"], "live chunks": True, "gapless": True},
        "first stream": CANCELED_STREAM,
    },
    "cancel_input_required": {"canceled": "CANCELED history 3", "stored": "CANCELED history 3"},
    "fail": {"stream": [*OPENED, "status FAILED: it cannot be done"], "send": "task FAILED history 2"},
    "crash": {
        "stream": [*OPENED, "artifact so far ", "InternalError: the executor crashed"],
        "stored": "FAILED [so far ] history 2",
    },
    "crash_blocking": "InternalError: the executor crashed",
    "push_configs": {
        "list nothing": {},
        "create": FULL_CONFIG,
        "create without id": PLAIN_CONFIG,
        "get": FULL_CONFIG,
        "list": {"configs": [FULL_CONFIG, PLAIN_CONFIG]},
        "delete": None,
        "delete again": None,
        "get after delete": NOT_FOUND,
        "list after delete": {"configs": [PLAIN_CONFIG]},
    },
    "push_config_in_send": PLAIN_CONFIG | {"id": "<config 1>"},
    "push_configs_invalid": {
        "create for unknown task": NOT_FOUND,
        "list for unknown task": NOT_FOUND,
        "create without url": invalid("url"),
    },
    "unknown_task": {
        "get": NOT_FOUND,
        "cancel": NOT_FOUND,
        "subscribe": [NOT_FOUND],
        "send": NO_SUCH_TASK,
        "stream": [NO_SUCH_TASK],
    },
    "terminal_task": {
        "cancel": "TaskNotCancelableError TASK_NOT_CANCELABLE: Task cannot be canceled",
        "subscribe": [IS_TERMINAL],
        "send": IS_TERMINAL,
        "stream": [IS_TERMINAL],
    },
    "wrong_context": {"send": WRONG_CONTEXT, "stream": [WRONG_CONTEXT]},
    "no_task_id": invalid("id"),
    "invalid_request": {
        "no parts": invalid("message.parts"),
        "no parts, streamed": [invalid("message.parts")],
        "no role": invalid("message.role"),
        "negative history": "InvalidParamsError INVALID_PARAMS: history length must be non-negative",
    },
}

GRPC_CRASH = "A2AClientError: gRPC Error UNKNOWN: Unexpected <class 'RuntimeError'>: the executor crashed"
REST_CRASH = 'A2AClientError: {"error": {"code": 500, "status": "INTERNAL", "message": "unknown exception"}}'
REST_CRASH_BLOCKING = (
    "A2AClientError: HTTP Error 500: Server error '500 Internal Server Error' for url '<url>/message:send'\n"
    "For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/500"
)

# What the binding that is not the reference (see `reference.DIFFERENCES`) answers instead of EXPECTED.
DISAGREEING: dict[tuple[str, str], Any] = {
    ("GRPC", "crash"): EXPECTED["crash"] | {"stream": [*OPENED, "artifact so far ", GRPC_CRASH]},
    ("GRPC", "crash_blocking"): GRPC_CRASH,
    ("HTTP+JSON", "crash"): EXPECTED["crash"] | {"stream": [*OPENED, "artifact so far ", REST_CRASH]},
    ("HTTP+JSON", "crash_blocking"): REST_CRASH_BLOCKING,
    ("JSONRPC", "stream_line_separators"): [
        *OPENED,
        "A2AClientError: Invalid JSON-RPC response in SSE stream: <not JSON>",
    ],
    ("HTTP+JSON", "stream_line_separators"): [*OPENED, "ParseError: Failed to load JSON: <not JSON>."],
    ("HTTP+JSON", "no_task_id"): "MethodNotFoundError: Resource not found: <url>/tasks/",
}

JSONRPC_CODES = {
    "TASK_NOT_FOUND": -32001,
    "TASK_NOT_CANCELABLE": -32002,
    "PUSH_NOTIFICATION_NOT_SUPPORTED": -32003,
    "UNSUPPORTED_OPERATION": -32004,
    "INVALID_PARAMS": -32602,
}
GRPC_CODES = {
    "TASK_NOT_FOUND": "NOT_FOUND",
    "TASK_NOT_CANCELABLE": "FAILED_PRECONDITION",
    "PUSH_NOTIFICATION_NOT_SUPPORTED": "FAILED_PRECONDITION",
    "UNSUPPORTED_OPERATION": "FAILED_PRECONDITION",
    "INVALID_PARAMS": "INVALID_ARGUMENT",
}
HTTP_CODES = {
    "TASK_NOT_FOUND": 404,
    "TASK_NOT_CANCELABLE": 400,
    "PUSH_NOTIFICATION_NOT_SUPPORTED": 400,
    "UNSUPPORTED_OPERATION": 400,
    "INVALID_PARAMS": 400,
}
CODES: dict[str, dict[str, Any]] = {"JSONRPC": JSONRPC_CODES, "GRPC": GRPC_CODES, "HTTP+JSON": HTTP_CODES}

NO_STREAMING = "UnsupportedOperationError UNSUPPORTED_OPERATION: Streaming is not supported by the agent"
NO_PUSH = (
    "PushNotificationNotSupportedError PUSH_NOTIFICATION_NOT_SUPPORTED: "
    "Push notifications are not supported by the agent"
)
REFUSED: dict[str, Any] = {
    "send": EXPECTED["send"],
    "stream": [NO_STREAMING],
    "unknown_task": EXPECTED["unknown_task"] | {"subscribe": [NO_STREAMING], "stream": [NO_STREAMING]},
    "push_configs": dict.fromkeys(EXPECTED["push_configs"], NO_PUSH),
    "push_config_in_send": NO_PUSH,
}

every_binding = pytest.mark.parametrize("binding", BINDINGS)
Results = dict[str, dict[str, Any]]


@every_binding
def test_every_check_has_an_expected_outcome(binding: str, direct: Results) -> None:
    assert list(EXPECTED) == list(direct[binding])


@pytest.mark.parametrize(
    ("loaded", "never"),
    [
        ("test_sdk_alone", {"a2a"}),
        ("sdk_agent", {"gateway", "generated"}),
        ("sdk_client", {"gateway", "generated"}),
    ],
)
def test_the_sdk_and_the_gateway_never_share_a_process(loaded: str, never: set[str]) -> None:
    code = f"import sys, tests.interop.{loaded}; print(*sys.modules)"
    modules = set(finished([sys.executable, "-c", code]).split())
    assert f"tests.interop.{loaded}" in modules
    assert not never & modules


@every_binding
@pytest.mark.parametrize("check", EXPECTED)
def test_check(check: str, binding: str, direct: Results) -> None:
    assert outline(direct[binding][check]) == DISAGREEING.get((binding, check), EXPECTED[check])


@pytest.mark.parametrize("check", EXPECTED)
def test_bindings_agree_in_full_unless_listed(check: str, direct: Results) -> None:
    first, *others = (portable(direct[binding][check]) for binding in BINDINGS)
    assert all(other == first for other in others) == (check not in DIFFERENCES)


def test_the_disagreeing_binding_is_never_the_reference() -> None:
    assert {check for _, check in DISAGREEING} == set(DIFFERENCES)
    assert all(DIFFERENCES[check].reference != binding for binding, check in DISAGREEING)


@every_binding
def test_error_codes_follow_the_reason(binding: str, direct: Results) -> None:
    errors = list(errors_in(direct[binding]))
    coded = {error["reason"]: error["code"] for error in errors if "reason" in error}
    assert coded == {reason: code for reason, code in CODES[binding].items() if reason in coded}
    assert len(coded) >= 4
    assert {error["domain"] for error in errors if "reason" in error} == {"a2a-protocol.org"}


@every_binding
def test_parts_arrive_as_they_were_made(binding: str, direct: Results) -> None:
    streamed = [event["artifactUpdate"]["artifact"] for event in direct[binding]["stream_parts"][2:-1]]
    sent = direct[binding]["send_line_separators"]["task"]["artifacts"]
    for artifacts, value in ((streamed, NESTED), (sent, NESTED | LINE_SEPARATORS)):
        objects, values, raw, url = (artifact["parts"] for artifact in artifacts)
        assert objects == [{"data": value, "mediaType": "application/json"}]
        assert [part["data"] for part in values] == VALUES
        (of_bytes,) = raw
        assert base64.b64decode(of_bytes["raw"]) == RAW
        assert {**of_bytes, "raw": ""} == {
            "raw": "",
            "mediaType": "application/octet-stream",
            "filename": RAW_FILENAME,
        }
        assert url == [{"url": URL, "mediaType": "text/html", "filename": "page.html"}]
        assert all(artifact["metadata"] == METADATA for artifact in artifacts)
        assert all(artifact["extensions"] == [EXTENSION] for artifact in artifacts)


@every_binding
def test_expected_through_a_gateway_is_what_the_client_sees_directly(binding: str, direct: Results) -> None:
    for check, result in direct[binding].items():
        holds = comparable(check, binding, result) == expected(check, binding, direct, "JSONRPC")
        own = (binding, check) not in DISAGREEING or DIFFERENCES[check].reference is None
        assert holds == own, check


@every_binding
def test_an_agent_refuses_what_it_does_not_offer(binding: str, bare_agent: Program) -> None:
    flags = ("--claim-capabilities", "--only", *REFUSED)
    seen = sdk_client(bare_agent.ready["jsonrpc"], binding, *flags)
    assert outline(seen) == REFUSED
    coded = {error["reason"]: error["code"] for error in errors_in(seen)}
    assert coded == {reason: CODES[binding][reason] for reason in coded}
    assert {"UNSUPPORTED_OPERATION", "PUSH_NOTIFICATION_NOT_SUPPORTED"} <= set(coded)


@every_binding
def test_count_arrives_in_order_exactly_once_on_every_stream(binding: str, agent: Program) -> None:
    figures = sdk_client(agent.ready["jsonrpc"], binding, "--count", "1500", "--streams", "2")
    assert figures.pop("elapsed_s") > 0
    assert figures == {
        "streams": 2,
        "received": [1500, 1500],
        "in_order_exactly_once": [True, True],
        "ended": ["TASK_STATE_COMPLETED"] * 2,
    }


def test_agent_serves_one_binding_alone() -> None:
    with sdk_agent(serving=("--jsonrpc", "127.0.0.1:0")) as agent:
        assert list(agent.ready) == ["jsonrpc"]
        seen = sdk_client(agent.ready["jsonrpc"], "JSONRPC", "--tenant", "acme", "--only", "send", "push_configs")
        assert outline(seen) == {check: EXPECTED[check] for check in ("send", "push_configs")}
    with sdk_agent(serving=("--grpc", "127.0.0.1:0")) as agent:
        assert list(agent.ready) == ["grpc"]
    with sdk_agent(serving=("--rest", "127.0.0.1:0")) as agent:
        assert list(agent.ready) == ["rest"]
        seen = sdk_client(agent.ready["rest"], "HTTP+JSON", "--tenant", "acme", "--only", "send", "push_configs")
        assert outline(seen) == {check: EXPECTED[check] for check in ("send", "push_configs")}


@every_binding
def test_agent_with_compat_is_the_same_to_a_client_of_1_0(binding: str, compat_agent: Program) -> None:
    checks = ("card", "send", "stream", "unknown_task")
    seen = sdk_client(compat_agent.ready["jsonrpc"], binding, "--only", *checks)
    assert outline(seen) == {check: EXPECTED[check] for check in checks}


def errors_in(value: Json) -> list[dict[str, Any]]:
    match value:
        case {"error": str(), "message": str()}:
            return [value]
        case dict():
            return [error for member in value.values() for error in errors_in(member)]
        case list():
            return [error for item in value for error in errors_in(item)]
        case _:
            return []
