"""The client of a2a-sdk 0.3 with nothing between it and an agent: one of 0.3, and one of 1.x that serves 0.3 too.

Each check has the outcome in `EXPECTED` on JSON-RPC, and on the other bindings that or the one in `DISAGREEING`. The
second half pins what only shows on the wire: a gateway has to read it from the one side and write it for the other.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.interop.content import EXTENSION, LINE_SEPARATORS, METADATA, NESTED, RAW, RAW_FILENAME, URL, VALUES
from tests.interop.normalise import Json, outline
from tests.interop.peers import BINDINGS, sdk03_agent, sdk03_client, sdk_agent
from tests.interop.processes import Program, finished
from tests.interop.reference03 import DIFFERENCES, comparable
from tests.interop.test_sdk_alone import CARD as CARD_1_0
from tests.interop.test_sdk_alone import COMPLETED, FULL_CONFIG, OPENED, PLAIN_CONFIG, SECRET_SKILL, errors_in
from tests.interop.test_sdk_alone import EXPECTED as EXPECTED_1_0

# The first test may have to make the environment.
pytestmark = pytest.mark.timeout(300)

Results = dict[str, dict[str, dict[str, Any]]]
AGENTS = ("sdk03", "compat")


def http(message: str) -> str:
    """An error as HTTP+JSON tells it."""
    return f"A2AClientHTTPError: {message}"


# Outcomes on JSON-RPC

NOT_FOUND = "TaskNotFoundError: Task not found"
CUT = http(
    "Network communication error: "
    "peer closed connection without sending complete message body (incomplete chunked read)"
)
SAME_AS_1_0 = (
    "send",
    "send_message_reply",
    "send_return_immediately",
    "send_parts",
    "send_line_separators",
    "stream",
    "stream_message_reply",
    "stream_parts",
    "stream_line_separators",
    "input_required",
    "input_required_blocking",
    "cancel",
    "cancel_input_required",
    "fail",
)
CARD: dict[str, Any] = {
    **{key: value for key, value in CARD_1_0.items() if key != "capabilities"},
    "capabilities": {"streaming": True, "pushNotifications": True},
    "supportsAuthenticatedExtendedCard": True,
    "protocolVersion": "0.3.0",
}
EXTENDED_CARD = CARD | {"skills": [*CARD["skills"], SECRET_SKILL]}
CRASHED = [*OPENED, "artifact so far "]


def refused(error: str, *operations: str) -> dict[str, Any]:
    """The same refusal of each operation; those that stream give it as their one event."""
    return {name: [error] if name in ("subscribe", "stream") else error for name in operations}


UNKNOWN_TO_SDK03 = "Task no-such-task was specified but does not exist"
UNKNOWN_TO_COMPAT = "Task no-such-task not found"
ENDED_FOR_SDK03 = "Task <task 1> is in terminal state: completed"
ENDED_FOR_COMPAT = "Task <task 1> is in terminal state: TASK_STATE_COMPLETED"
NOT_CANCELABLE_FOR_SDK03 = "Task cannot be canceled - current state: TaskState.completed"
NOT_CANCELABLE_FOR_COMPAT = "Task cannot be canceled"
WRONG_CONTEXT = "Context another-context does not match context <context 1> of task <task 1>"
NO_PARTS = "Message parts cannot be empty"

SDK03: dict[str, Any] = {
    "card": CARD | {"bindings": list(BINDINGS)},
    "extended_card": EXTENDED_CARD,
    # 0 asks for all of it
    "send_with_history": {"0": f"task {COMPLETED} history 2", "1": f"task {COMPLETED} history 1"},
    "get_with_history": {
        "None": f"{COMPLETED} history 2",
        "0": f"{COMPLETED} history 2",
        "1": f"{COMPLETED} history 1",
    },
    "subscribe": {
        "subscribed": {"events": ["status CANCELED"], "live chunks": True, "gapless": True},
        "first stream": EXPECTED_1_0["subscribe"]["first stream"],
    },
    "crash": {"stream": [*CRASHED, CUT], "stored": "WORKING [so far ] history 1"},
    "crash_blocking": "InternalError: the executor crashed",
    "push_configs": {
        "list nothing": [],
        "create": FULL_CONFIG,
        "create without id": PLAIN_CONFIG,
        "get": FULL_CONFIG,
        "list": [FULL_CONFIG, PLAIN_CONFIG],
        "delete": None,
        "delete again": None,
        "get after delete": PLAIN_CONFIG,  # the agent does not look at the id of the configuration
        "list after delete": [PLAIN_CONFIG],
    },
    "push_config_in_send": PLAIN_CONFIG | {"id": "<config 1>"},
    "push_configs_invalid": {
        "create for unknown task": NOT_FOUND,
        "list for unknown task": NOT_FOUND,
        "create without url": NOT_FOUND,
    },
    "unknown_task": refused(NOT_FOUND, "get", "cancel", "subscribe")
    | refused(f"TaskNotFoundError: {UNKNOWN_TO_SDK03}", "send", "stream"),
    "terminal_task": {"cancel": f"TaskNotCancelableError: {NOT_CANCELABLE_FOR_SDK03}"}
    | refused(f"InvalidParamsError: {ENDED_FOR_SDK03}", "subscribe", "send", "stream"),
    "wrong_context": refused("InvalidParamsError: bad context id", "send", "stream"),
    "no_task_id": NOT_FOUND,
    "invalid_request": {
        "no parts": f"InternalError: {NO_PARTS}",
        "no parts, streamed": [CUT],
        "negative history": NOT_FOUND,
    },
} | {check: EXPECTED_1_0[check] for check in SAME_AS_1_0}

INVALID = "InvalidParamsError: Validation failed"
NEGATIVE = "history length must be non-negative"

COMPAT: dict[str, Any] = SDK03 | {
    "card": SDK03["card"] | {"protocolVersion": "0.3"},
    "extended_card": EXTENDED_CARD | {"protocolVersion": "0.3"},
    "subscribe": EXPECTED_1_0["subscribe"],
    "crash": {"stream": [*CRASHED, "InternalError: the executor crashed"], "stored": "FAILED [so far ] history 2"},
    "push_configs": SDK03["push_configs"] | {"get after delete": NOT_FOUND},
    "push_configs_invalid": SDK03["push_configs_invalid"] | {"create without url": INVALID},
    "unknown_task": SDK03["unknown_task"] | refused(f"TaskNotFoundError: {UNKNOWN_TO_COMPAT}", "send", "stream"),
    "terminal_task": {"cancel": f"TaskNotCancelableError: {NOT_CANCELABLE_FOR_COMPAT}"}
    | refused(f"UnsupportedOperationError: {ENDED_FOR_COMPAT}", "subscribe", "send", "stream"),
    "wrong_context": refused(f"InvalidParamsError: {WRONG_CONTEXT}", "send", "stream"),
    "no_task_id": INVALID,
    "invalid_request": {
        "no parts": INVALID,
        "no parts, streamed": [INVALID],
        "negative history": f"InvalidParamsError: {NEGATIVE}",
    },
}
EXPECTED: dict[str, dict[str, Any]] = {"sdk03": SDK03, "compat": COMPAT}

# Outcomes on the other bindings, where they are not these. `reference03.DIFFERENCES` has the reasons.

GRPC_CRASH = "AioRpcError: Unexpected <class 'RuntimeError'>: the executor crashed"
GRPC_NO_PARTS = f"AioRpcError: Unexpected <class 'ValueError'>: {NO_PARTS}"
NO_METHOD = "AioRpcError: Unexpected <class 'NotImplementedError'>: Method not implemented!"
NO_CONFIG_ID = "ServerError: Bad TaskPushNotificationConfig resource name tasks/<task 1>/pushNotificationConfigs/"
NO_TASK_NAME = "InvalidParamsError: No task for tasks/"
NO_TASK_ID = http(
    "Redirect response '307 Temporary Redirect' for url '<url>/v1/tasks/'\n"
    "Redirect location: '<url>/v1/tasks'\n"
    "For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/307"
)
UNKNOWN_EXCEPTION = http("unknown exception")
REST_NOT_FOUND = http("Task not found")


def configs_of_sdk03(no_list: str, no_delete: str) -> dict[str, Any]:
    return {
        "list nothing": no_list,
        "create": FULL_CONFIG,
        "create without id": NO_CONFIG_ID,
        "get": FULL_CONFIG,
        "list": no_list,
        "delete": no_delete,
        "delete again": no_delete,
        "get after delete": FULL_CONFIG,
        "list after delete": no_list,
    }


def terminal_over_rest(not_cancelable: str, ended: str) -> dict[str, Any]:
    return {"cancel": http(not_cancelable), "subscribe": [CUT], "send": http(ended), "stream": [CUT]}


def unknown_over_rest(unknown: str) -> dict[str, Any]:
    return refused(REST_NOT_FOUND, "get", "cancel") | {"subscribe": [CUT], "send": http(unknown), "stream": [CUT]}


DISAGREEING: dict[str, dict[tuple[str, str], Any]] = {
    "sdk03": {
        ("GRPC", "extended_card"): CARD,
        ("GRPC", "crash"): SDK03["crash"] | {"stream": [*CRASHED, GRPC_CRASH]},
        ("GRPC", "crash_blocking"): GRPC_CRASH,
        ("HTTP+JSON", "crash_blocking"): UNKNOWN_EXCEPTION,
        ("GRPC", "push_configs"): configs_of_sdk03(NO_METHOD, NO_METHOD),
        ("HTTP+JSON", "push_configs"): configs_of_sdk03(UNKNOWN_EXCEPTION, http("Method Not Allowed")),
        ("GRPC", "push_configs_invalid"): SDK03["push_configs_invalid"] | {"list for unknown task": NO_METHOD},
        ("HTTP+JSON", "push_configs_invalid"): {
            "create for unknown task": REST_NOT_FOUND,
            "list for unknown task": UNKNOWN_EXCEPTION,
            "create without url": REST_NOT_FOUND,
        },
        ("HTTP+JSON", "unknown_task"): unknown_over_rest(UNKNOWN_TO_SDK03),
        ("HTTP+JSON", "terminal_task"): terminal_over_rest(NOT_CANCELABLE_FOR_SDK03, ENDED_FOR_SDK03),
        ("HTTP+JSON", "wrong_context"): {"send": http("bad context id"), "stream": [CUT]},
        ("GRPC", "invalid_request"): {
            "no parts": GRPC_NO_PARTS,
            "no parts, streamed": [GRPC_NO_PARTS],
            "negative history": NOT_FOUND,
        },
        ("GRPC", "no_task_id"): NO_TASK_NAME,
        ("HTTP+JSON", "no_task_id"): NO_TASK_ID,
        ("HTTP+JSON", "invalid_request"): {
            "no parts": UNKNOWN_EXCEPTION,
            "no parts, streamed": [CUT],
            "negative history": REST_NOT_FOUND,
        },
    },
    "compat": {
        ("GRPC", "crash"): COMPAT["crash"] | {"stream": [*CRASHED, GRPC_CRASH]},
        ("HTTP+JSON", "crash"): COMPAT["crash"] | {"stream": [*CRASHED, CUT]},
        ("GRPC", "crash_blocking"): GRPC_CRASH,
        ("HTTP+JSON", "crash_blocking"): UNKNOWN_EXCEPTION,
        ("HTTP+JSON", "push_configs"): COMPAT["push_configs"]
        | dict.fromkeys(
            ("delete", "delete again"),
            http("A2A version '0.3' is not supported by this handler. Expected version '1.0'."),
        )
        | {"get after delete": FULL_CONFIG, "list after delete": [FULL_CONFIG, PLAIN_CONFIG]},
        ("HTTP+JSON", "push_configs_invalid"): {
            "create for unknown task": REST_NOT_FOUND,
            "list for unknown task": REST_NOT_FOUND,
            "create without url": http("Validation failed"),
        },
        ("HTTP+JSON", "unknown_task"): unknown_over_rest(UNKNOWN_TO_COMPAT),
        ("HTTP+JSON", "terminal_task"): terminal_over_rest(NOT_CANCELABLE_FOR_COMPAT, ENDED_FOR_COMPAT),
        ("HTTP+JSON", "wrong_context"): {"send": http(WRONG_CONTEXT), "stream": [CUT]},
        ("GRPC", "no_task_id"): NO_TASK_NAME,
        ("HTTP+JSON", "no_task_id"): NO_TASK_ID,
        ("HTTP+JSON", "invalid_request"): {
            "no parts": http("Validation failed"),
            "no parts, streamed": [CUT],
            "negative history": http(NEGATIVE),
        },
    },
}

every_binding = pytest.mark.parametrize("binding", BINDINGS)
every_agent = pytest.mark.parametrize("agent", AGENTS)


@every_agent
@every_binding
def test_every_check_has_an_expected_outcome(binding: str, agent: str, direct03: Results) -> None:
    assert set(EXPECTED[agent]) == set(direct03[agent][binding])
    assert set(EXPECTED_1_0) - set(EXPECTED[agent]) == {"list_tasks", "list_tasks_invalid"}


@every_agent
@every_binding
@pytest.mark.parametrize("check", SDK03)
def test_check(check: str, binding: str, agent: str, direct03: Results) -> None:
    expected = DISAGREEING[agent].get((binding, check), EXPECTED[agent][check])
    assert outline(direct03[agent][binding][check]) == expected


@every_agent
@pytest.mark.parametrize("check", SDK03)
def test_bindings_agree_in_full_unless_listed(check: str, agent: str, direct03: Results) -> None:
    first, *others = (comparable(direct03[agent][binding][check]) for binding in BINDINGS)
    assert all(other == first for other in others) == (check not in DIFFERENCES[agent])


@every_agent
def test_every_disagreement_has_its_reason(agent: str) -> None:
    assert {check for _, check in DISAGREEING[agent]} == set(DIFFERENCES[agent])


@pytest.mark.parametrize("module", ["sdk03_agent", "sdk03_client"])
def test_the_sdk_and_the_gateway_never_share_a_process(module: str, sdk03: Path) -> None:
    code = f"import sys, tests.interop.{module}; print(*sys.modules)"
    modules = set(finished([str(sdk03), "-c", code]).split())
    assert f"tests.interop.{module}" in modules
    assert not {"gateway", "generated"} & modules


# What the outlines leave out

JSONRPC_CODES = {
    "TaskNotFoundError": -32001,
    "TaskNotCancelableError": -32002,
    "InvalidParamsError": -32602,
    "InternalError": -32603,
}
GRPC_CODES = {
    "TaskNotFoundError": "NOT_FOUND",
    "TaskNotCancelableError": "UNIMPLEMENTED",
    "InvalidParamsError": "INVALID_ARGUMENT",
    "AioRpcError": "UNKNOWN",
}
CODES: dict[tuple[str, str], dict[str, Any]] = {
    ("sdk03", "JSONRPC"): JSONRPC_CODES,
    ("sdk03", "GRPC"): GRPC_CODES,
    ("compat", "JSONRPC"): JSONRPC_CODES | {"UnsupportedOperationError": -32004},
    ("compat", "GRPC"): GRPC_CODES
    | {"TaskNotCancelableError": "FAILED_PRECONDITION", "UnsupportedOperationError": "FAILED_PRECONDITION"},
}
# By message, because nothing else tells them apart.
HTTP_CODES: dict[str, dict[str, int]] = {
    "sdk03": {
        "Task not found": 404,
        UNKNOWN_TO_SDK03: 404,
        NOT_CANCELABLE_FOR_SDK03: 409,
        ENDED_FOR_SDK03: 422,
        "bad context id": 422,
        "unknown exception": 500,
    },
    "compat": {
        "Task not found": 404,
        UNKNOWN_TO_COMPAT: 404,
        NOT_CANCELABLE_FOR_COMPAT: 400,
        ENDED_FOR_COMPAT: 400,
        WRONG_CONTEXT: 400,
        "Validation failed": 400,
        NEGATIVE: 400,
        "unknown exception": 500,
    },
}


@pytest.mark.parametrize(("agent", "binding"), CODES)
def test_error_codes_follow_the_class(agent: str, binding: str, direct03: Results) -> None:
    coded = {
        error["error"]: error["code"]
        for error in errors_in(direct03[agent][binding])
        if not error["error"].startswith(("A2AClient", "ServerError"))
    }
    assert coded == CODES[agent, binding]


@every_agent
def test_http_status_follows_the_error(agent: str, direct03: Results) -> None:
    coded = {error["message"]: error.get("code") for error in errors_in(direct03[agent]["HTTP+JSON"])}
    assert {message: code for message, code in coded.items() if message in HTTP_CODES[agent]} == HTTP_CODES[agent]


@every_agent
@every_binding
def test_only_the_status_that_ends_a_stream_is_final(binding: str, agent: str, direct03: Results) -> None:
    """The agent of 0.3 ends a stream with INPUT_REQUIRED too and says so; one of 1.x has nothing to say that with."""
    seen = direct03[agent][binding]
    streams = {"stream": seen["stream"], **seen["input_required"], "fail": seen["fail"]["stream"]}
    del streams["stored"]
    finals = {
        name: [update["status"]["state"] for update in updates(events) if update.get("final")]
        for name, events in streams.items()
    }
    assert finals == {
        "stream": ["TASK_STATE_COMPLETED"],
        "asked": ["TASK_STATE_INPUT_REQUIRED"] if agent == "sdk03" else [],
        "answered": ["TASK_STATE_COMPLETED"],
        "fail": ["TASK_STATE_FAILED"],
    }


def updates(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["statusUpdate"] for event in events if "statusUpdate" in event]


@every_agent
@every_binding
def test_client_sees_the_time_of_a_status_on_jsonrpc_alone(binding: str, agent: str, direct03: Results) -> None:
    statuses = [update["status"] for update in updates(direct03[agent][binding]["stream"])]
    assert [("timestamp" in status) for status in statuses] == [binding == "JSONRPC"] * 2


@every_agent
@every_binding
def test_parts_arrive_as_they_were_made(binding: str, agent: str, direct03: Results) -> None:
    """Bytes of a file are base64 on gRPC as well: the client takes the bytes it gets for the characters of that."""
    seen = direct03[agent][binding]
    streamed = [event["artifactUpdate"]["artifact"] for event in seen["stream_parts"][2:-1]]
    sent = seen["send_line_separators"]["task"]["artifacts"]
    for artifacts, value in ((streamed, NESTED), (sent, NESTED | LINE_SEPARATORS)):
        objects, values, raw, url = (artifact["parts"] for artifact in artifacts)
        assert objects == [{"data": value}]
        assert values == [{"data": {"value": one}, "metadata": {"data_part_compat": True}} for one in VALUES]
        encoded = base64.b64encode(RAW).decode()
        assert raw == [{"raw": encoded, "mediaType": "application/octet-stream", "filename": RAW_FILENAME}]
        assert url == [{"url": URL, "mediaType": "text/html", "filename": "page.html"}]
        assert all(artifact["metadata"] == METADATA for artifact in artifacts)
        assert all(artifact["extensions"] == [EXTENSION] for artifact in artifacts)


@every_binding
def test_count_arrives_in_order_exactly_once_on_every_stream(binding: str, sdk03: Path, agent03: Program) -> None:
    figures = sdk03_client(sdk03, agent03.ready["jsonrpc"], binding, "--count", "550", "--streams", "2")
    assert figures.pop("elapsed_s") > 0
    assert figures == {
        "streams": 2,
        "received": [550, 550],
        "in_order_exactly_once": [True, True],
        "ended": ["TASK_STATE_COMPLETED"] * 2,
    }


# Agents that do not offer everything

NO_STREAMING = "Streaming is not supported by the agent"
NO_PUSH = "Push notifications are not supported by the agent"
NO_STORE = "This operation is not supported"
NOT_A_STREAM = http(
    "Invalid SSE response or protocol error: "
    "Expected response header Content-Type to contain 'text/event-stream', got 'application/json'"
)
GRPC_REFUSED = "AioRpcError: Unexpected <class 'a2a.utils.errors.ServerError'>:"
REST_REFUSED = http(
    "Server error '500 Internal Server Error' for url '<url>/v1/message:stream'\n"
    "For more information check: https://developer.mozilla.org/en-US/docs/Web/HTTP/Status/500"
)
REFUSED_BY_NAME: dict[str, Any] = {
    "push_config_in_send": f"PushNotificationNotSupportedError: {NO_PUSH}",
    "push_configs_invalid": {
        "create for unknown task": f"PushNotificationNotSupportedError: {NO_PUSH}",
        "list for unknown task": f"PushNotificationNotSupportedError: {NO_PUSH}",
        "create without url": INVALID,
    },
    "stream": [f"UnsupportedOperationError: {NO_STREAMING}"],
}
# Streams come last: a server of HTTP+JSON that breaks one may close the connection that the next request is sent on.
REFUSED: dict[tuple[str, str], dict[str, Any]] = {
    ("sdk03", "JSONRPC"): {
        "push_config_in_send": f"UnsupportedOperationError: {NO_STORE}",
        "push_configs_invalid": {
            "create for unknown task": f"InternalError: {NO_PUSH}",
            "list for unknown task": f"UnsupportedOperationError: {NO_STORE}",
            "create without url": f"InternalError: {NO_PUSH}",
        },
        "stream": [NOT_A_STREAM],
    },
    ("sdk03", "GRPC"): {
        "push_config_in_send": f"UnsupportedOperationError: {NO_STORE}",
        "push_configs_invalid": {
            "create for unknown task": f"{GRPC_REFUSED} {NO_PUSH}",
            "list for unknown task": NO_METHOD,
            "create without url": f"{GRPC_REFUSED} {NO_PUSH}",
        },
        "stream": [f"{GRPC_REFUSED} {NO_STREAMING}"],
    },
    ("sdk03", "HTTP+JSON"): {
        "push_config_in_send": http(NO_STORE),
        "push_configs_invalid": {
            "create for unknown task": http(NO_PUSH),
            "list for unknown task": UNKNOWN_EXCEPTION,
            "create without url": http(NO_PUSH),
        },
        "stream": [REST_REFUSED],
    },
    ("compat", "JSONRPC"): REFUSED_BY_NAME,
    ("compat", "GRPC"): REFUSED_BY_NAME,
    ("compat", "HTTP+JSON"): {
        "push_config_in_send": http(NO_PUSH),
        "push_configs_invalid": {
            "create for unknown task": http(NO_PUSH),
            "list for unknown task": http(NO_PUSH),
            "create without url": http("Validation failed"),
        },
        "stream": [CUT],
    },
}


@pytest.fixture(scope="module")
def bare(sdk03: Path) -> Iterator[dict[str, Program]]:
    """Both agents, offering neither streaming nor push notifications."""
    flags = ("--no-streaming", "--no-push")
    with sdk03_agent(sdk03, *flags) as legacy, sdk_agent("--compat", *flags) as compat:
        yield {"sdk03": legacy, "compat": compat}


@pytest.mark.parametrize(("agent", "binding"), REFUSED)
def test_an_agent_refuses_what_it_does_not_offer(
    agent: str, binding: str, sdk03: Path, bare: dict[str, Program]
) -> None:
    expected = REFUSED[agent, binding]
    flags = ("--claim-capabilities", "--only", *expected)
    assert outline(sdk03_client(sdk03, bare[agent].ready["jsonrpc"], binding, *flags)) == expected


# On the wire


@pytest.fixture
def started(agent03: Program, compat_agent: Program) -> dict[str, dict[str, str]]:
    return {"sdk03": agent03.ready, "compat": compat_agent.ready}


def jsonrpc(url: str, method: str, params: Json) -> httpx.Response:
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    return httpx.post(url, json=body, trust_env=False)


def message(text: str, **members: str) -> dict[str, Any]:
    return {"messageId": "m", "role": "user", "parts": [{"kind": "text", "text": text}], **members}


def proto_message(text: str, **members: str) -> dict[str, Any]:
    return {"messageId": "m", "role": "ROLE_USER", "content": [{"text": text}], **members}


@every_agent
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("message/stream", {"message": message("hello", taskId="no-such-task")}),
        ("tasks/resubscribe", {"id": "no-such-task"}),
    ],
)
def test_jsonrpc_refuses_a_stream_by_an_event(
    method: str, params: dict[str, Any], agent: str, started: dict[str, dict[str, str]]
) -> None:
    """The client reads nothing else: the same error as JSON loses its code (NOT_A_STREAM)."""
    answer = jsonrpc(started[agent]["jsonrpc"], method, params)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    (line,) = [line for line in answer.text.splitlines() if line]
    assert json.loads(line.removeprefix("data: "))["error"]["code"] == -32001


@every_agent
def test_jsonrpc_answer_to_delete_has_no_result(agent: str, started: dict[str, dict[str, str]]) -> None:
    url = started[agent]["jsonrpc"]
    task_id = jsonrpc(url, "message/send", {"message": message("hello")}).json()["result"]["id"]
    params = {"id": task_id, "pushNotificationConfigId": "any"}
    answer = jsonrpc(url, "tasks/pushNotificationConfig/delete", params)
    assert answer.json() == {"jsonrpc": "2.0", "id": 7}


NO_CONFIGURATION: dict[tuple[str, str], str] = {
    ("sdk03", "JSONRPC"): "completed",
    ("sdk03", "HTTP+JSON"): "TASK_STATE_SUBMITTED",
    ("compat", "JSONRPC"): "completed",
    ("compat", "HTTP+JSON"): "TASK_STATE_COMPLETED",
}


@pytest.mark.parametrize(("agent", "binding"), NO_CONFIGURATION)
def test_who_waits_for_the_answer_unless_told(agent: str, binding: str, started: dict[str, dict[str, str]]) -> None:
    """`blocking` is true on JSON-RPC unless it is there; as a flag of a protobuf message it is false."""
    if binding == "JSONRPC":
        task = jsonrpc(started[agent]["jsonrpc"], "message/send", {"message": message("hello")}).json()["result"]
    else:
        url = f"{started[agent]['rest']}/v1/message:send"
        task = httpx.post(url, json={"message": proto_message("hello")}, trust_env=False).json()["task"]
    assert task["status"]["state"] == NO_CONFIGURATION[agent, binding]


@every_agent
def test_rest_body_of_an_error(agent: str, started: dict[str, dict[str, str]]) -> None:
    answer = httpx.get(f"{started[agent]['rest']}/v1/tasks/no-such-task", trust_env=False)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json")
    body = answer.json()
    assert body == {"message": "Task not found"} if agent == "sdk03" else body["error"]["message"] == "Task not found"


@every_agent
def test_rest_event_of_0_3_is_indented_json(agent: str, started: dict[str, dict[str, str]]) -> None:
    """An event of many `data` lines, which only a reader that joins them can read."""
    url = f"{started[agent]['rest']}/v1/message:stream"
    answer = httpx.post(url, json={"message": proto_message("hello")}, trust_env=False)
    events = [event.splitlines() for event in answer.text.replace("\r\n", "\n").strip().split("\n\n")]
    assert [len(lines) > 1 for lines in events] == [agent == "sdk03"] * 7
    first, *_, last = (json.loads("\n".join(line.removeprefix("data: ") for line in lines)) for lines in events)
    assert first["task"]["history"][0]["content"] == [{"text": "hello"}]
    assert last["statusUpdate"]["final"] is True


REST_METHODS: dict[tuple[str, str], dict[str, int]] = {
    ("POST", "/v1/tasks/no-such-task:subscribe"): {"sdk03": 405, "compat": 200},
    ("GET", "/v1/tasks/no-such-task:subscribe"): {"sdk03": 200, "compat": 200},
    ("POST", "/v1/tasks/no-such-task:cancel"): {"sdk03": 404, "compat": 404},
    ("GET", "/v1/tasks"): {"sdk03": 500, "compat": 400},
    ("GET", "/v1/card"): {"sdk03": 200, "compat": 200},
}


@every_agent
@pytest.mark.parametrize(("method", "path"), REST_METHODS)
def test_rest_methods(method: str, path: str, agent: str, started: dict[str, dict[str, str]]) -> None:
    with httpx.stream(method, started[agent]["rest"] + path, trust_env=False) as answer:
        assert answer.status_code == REST_METHODS[method, path][agent]


@every_agent
def test_rest_takes_both_names_of_the_message(agent: str, started: dict[str, dict[str, str]]) -> None:
    url = f"{started[agent]['rest']}/v1/message:send"
    for name in ("message", "request"):
        answer = httpx.post(url, json={name: proto_message("message")}, trust_env=False)
        assert answer.json()["message"]["content"] == [{"text": "a message, not a task"}]


@every_agent
def test_rest_field_that_is_not_known(agent: str, started: dict[str, dict[str, str]]) -> None:
    url = f"{started[agent]['rest']}/v1/message:send"
    answer = httpx.post(url, json={"message": proto_message("message"), "newer": 1}, trust_env=False)
    assert answer.status_code == (500 if agent == "sdk03" else 200)


@every_agent
@every_binding
def test_agent_says_on_which_binding_it_was_asked(
    binding: str, agent: str, sdk03: Path, started: dict[str, dict[str, str]]
) -> None:
    said = sdk03_client(sdk03, started[agent]["jsonrpc"], binding, "--say", "binding")
    assert outline(said) == f"message {binding} 0.3"


def test_hybrid_card_names_the_interfaces_of_both_versions(started: dict[str, dict[str, str]]) -> None:
    ready = started["compat"]
    card = httpx.get(f"{ready['rest']}/.well-known/agent-card.json", trust_env=False).json()
    interfaces = [(ready["jsonrpc"], "JSONRPC"), (ready["grpc"], "GRPC"), (ready["rest"], "HTTP+JSON")]
    assert [(one["url"], one["protocolBinding"], one["protocolVersion"]) for one in card["supportedInterfaces"]] == [
        (*one, version) for version in ("1.0", "0.3") for one in interfaces
    ]
    legacy = [(card["url"], card["preferredTransport"])]
    legacy += [(one["url"], one["transport"]) for one in card["additionalInterfaces"]]
    assert legacy == interfaces
    assert (card["protocolVersion"], card["supportsAuthenticatedExtendedCard"]) == ("0.3", True)
