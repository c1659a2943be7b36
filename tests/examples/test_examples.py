"""The two example agents keep the same promises, each over its own wire.

A test speaks A2A's JSON form to a `Caller`, which carries it over gRPC or over JSON-RPC. The stock
stubs run in the processes of the examples. They cannot be loaded beside those of an SDK, so this
process has other messages, on a plain channel.
"""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias
from uuid import uuid4

import grpc
import httpx
import httpx_sse
import pytest
from protobuf import Message as ProtoMessage

from generated.a2a.v1 import a2a_pb as pb
from generated.google.rpc.error_details_pb import ErrorInfo
from generated.google.rpc.status_pb import Status

pytestmark = pytest.mark.timeout(20)

ROOT = Path(__file__).parents[2]
CALL_TIMEOUT_S = 5.0

Json: TypeAlias = dict[str, Any]
Events: TypeAlias = Generator[Json, None, None]
StartAgent: TypeAlias = Callable[[str, float], tuple[subprocess.Popen[str], str]]


class Refused(Exception):
    """An agent's error: what identifies it, and the code of the binding it came over."""

    def __init__(self, reason: str, code: object) -> None:
        super().__init__(reason, code)
        self.reason = reason
        self.code = code


class Caller(Protocol):
    binding: str

    def call(self, operation: str, params: Json) -> Json: ...
    def stream(self, operation: str, params: Json) -> Events: ...
    def close(self) -> None: ...


# ── the two wires ───────────────────────────────────────────────────────────────────────────────

GRPC_MESSAGES: dict[str, tuple[type[ProtoMessage], type[ProtoMessage]]] = {
    "SendMessage": (pb.SendMessageRequest, pb.SendMessageResponse),
    "SendStreamingMessage": (pb.SendMessageRequest, pb.StreamResponse),
    "GetTask": (pb.GetTaskRequest, pb.Task),
    "ListTasks": (pb.ListTasksRequest, pb.ListTasksResponse),
    "CancelTask": (pb.CancelTaskRequest, pb.Task),
    "SubscribeToTask": (pb.SubscribeToTaskRequest, pb.StreamResponse),
    "CreateTaskPushNotificationConfig": (
        pb.TaskPushNotificationConfig,
        pb.TaskPushNotificationConfig,
    ),
    "GetTaskPushNotificationConfig": (
        pb.GetTaskPushNotificationConfigRequest,
        pb.TaskPushNotificationConfig,
    ),
    "ListTaskPushNotificationConfigs": (
        pb.ListTaskPushNotificationConfigsRequest,
        pb.ListTaskPushNotificationConfigsResponse,
    ),
    "DeleteTaskPushNotificationConfig": (
        pb.DeleteTaskPushNotificationConfigRequest,
        pb.TaskPushNotificationConfig,
    ),
    "GetExtendedAgentCard": (pb.GetExtendedAgentCardRequest, pb.AgentCard),
}


class GrpcCaller:
    binding = "GRPC"

    def __init__(self, url: str) -> None:
        self._channel = grpc.insecure_channel(url.removeprefix("grpc://"))

    def call(self, operation: str, params: Json) -> Json:
        try:
            rpc = self._rpc(operation, self._channel.unary_unary)
            return json.loads(rpc(self._request(operation, params), timeout=CALL_TIMEOUT_S))
        except grpc.RpcError as error:
            raise refused_over_grpc(error) from None

    def stream(self, operation: str, params: Json) -> Events:
        rpc = self._rpc(operation, self._channel.unary_stream)
        responses = rpc(self._request(operation, params), timeout=CALL_TIMEOUT_S)
        try:
            yield from map(json.loads, responses)
        except grpc.RpcError as error:
            raise refused_over_grpc(error) from None
        finally:
            responses.cancel()

    def close(self) -> None:
        self._channel.close()

    def _request(self, operation: str, params: Json) -> bytes:
        return GRPC_MESSAGES[operation][0].from_json(json.dumps(params)).to_binary()

    def _rpc(self, operation: str, open_rpc: Any) -> Any:  # grpcio's callables are untyped
        response = GRPC_MESSAGES[operation][1]

        def to_json(data: bytes) -> str:
            return response.from_binary(data).to_json()

        path = f"/lf.a2a.v1.A2AService/{operation}"
        return open_rpc(path, response_deserializer=to_json)


def refused_over_grpc(error: Any) -> Refused:
    """Reads the details, which must say the same as the status (specification section 10.6)."""
    trailers = dict(error.trailing_metadata())
    status = Status.from_binary(trailers["grpc-status-details-bin"])
    assert (status.code, status.message) == (error.code().value[0], error.details())
    info = status.details[0].unpack(ErrorInfo)
    assert info is not None
    assert info.domain == "a2a-protocol.org"
    return Refused(info.reason, error.code().name)


class JsonRpcCaller:
    binding = "JSONRPC"

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=CALL_TIMEOUT_S)

    def call(self, operation: str, params: Json) -> Json:
        return result_of(self._client.post("/", json=envelope(operation, params)).json())

    def stream(self, operation: str, params: Json) -> Events:
        request = {"json": envelope(operation, params)}
        with httpx_sse.connect_sse(self._client, "POST", "/", **request) as source:
            if source.response.headers["content-type"] == "application/json":
                result_of(json.loads(source.response.read()))
            for event in source.iter_sse():
                assert event.event == "message"
                yield result_of(json.loads(event.data))

    def close(self) -> None:
        self._client.close()


def envelope(operation: str, params: Json) -> Json:
    return {"jsonrpc": "2.0", "id": f"call of {operation}", "method": operation, "params": params}


def result_of(response: Json) -> Json:
    assert response["jsonrpc"] == "2.0"
    assert response["id"].startswith("call of ")
    if "result" in response:
        return response["result"]
    error = response["error"]
    assert set(error) == {"code", "message", "data"}
    [info] = error["data"]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["domain"] == "a2a-protocol.org"
    raise Refused(info["reason"], error["code"])


@pytest.fixture(scope="module", params=["grpc", "jsonrpc"])
def agent(request: pytest.FixtureRequest) -> Iterator[Caller]:
    caller: Caller = {"grpc": GrpcCaller, "jsonrpc": JsonRpcCaller}[request.param](
        request.getfixturevalue(f"{request.param}_url")
    )
    yield caller
    caller.close()


# ── the words of the scenarios ──────────────────────────────────────────────────────────────────

LONG = "word " * 60
SHORT_ANSWER = (
    "You said: Hello. That makes 1 word. "
    "I am only an example, so I know no more; but every word reached you as soon as I had it."
)


def said(text: str, **members: object) -> Json:
    message = {"messageId": uuid4().hex, "role": "ROLE_USER", "parts": [{"text": text}], **members}
    return {"message": message}


def state(task_or_update: Json) -> str:
    return task_or_update["status"]["state"].removeprefix("TASK_STATE_")


def texts(holders: list[Json]) -> list[str]:
    return ["".join(part["text"] for part in holder["parts"]) for holder in holders]


def answer(task: Json) -> str:
    return "".join(texts(task.get("artifacts", [])))


def outline(events: list[Json]) -> list[str]:
    """What came, in short: kinds with their states, pieces of an artifact in a row as one."""
    steps: list[str] = []
    for event in events:
        [(kind, value)] = event.items()
        step = kind if kind == "artifactUpdate" else f"{kind} {state(value)}"
        if step != "artifactUpdate" or steps[-1:] != [step]:
            steps.append(step)
    return steps


def pieces(events: list[Json]) -> list[Json]:
    return [event["artifactUpdate"] for event in events if "artifactUpdate" in event]


def spoken(events: list[Json]) -> str:
    return "".join(texts([piece["artifact"] for piece in pieces(events)]))


def completed(agent: Caller, text: str = "Hello", **members: object) -> Json:
    return agent.call("SendMessage", said(text, **members))["task"]


def begun(agent: Caller, text: str = LONG) -> Json:
    request = said(text) | {"configuration": {"returnImmediately": True}}
    return agent.call("SendMessage", request)["task"]


def in_the_end(agent: Caller, task_id: str) -> Json:
    """The task once it is terminal, found out without a stream."""
    deadline = time.monotonic() + CALL_TIMEOUT_S
    while time.monotonic() < deadline:
        task = agent.call("GetTask", {"id": task_id})
        if state(task) not in ("SUBMITTED", "WORKING"):
            return task
        time.sleep(0.02)
    raise AssertionError(f"task {task_id} did not end")


# ── what both agents do ─────────────────────────────────────────────────────────────────────────

STREAMS = [
    (
        "Hello",
        ["task SUBMITTED", "statusUpdate WORKING", "artifactUpdate", "statusUpdate COMPLETED"],
    ),
    (
        "Please fail",
        ["task SUBMITTED", "statusUpdate WORKING", "artifactUpdate", "statusUpdate FAILED"],
    ),
    ("Please ask me", ["task SUBMITTED", "statusUpdate WORKING", "statusUpdate INPUT_REQUIRED"]),
]


@pytest.mark.parametrize(("text", "steps"), STREAMS, ids=[row[0] for row in STREAMS])
def test_a_stream_tells_the_whole_task(agent: Caller, text: str, steps: list[str]) -> None:
    events = list(agent.stream("SendStreamingMessage", said(text)))
    assert outline(events) == steps
    task = events[0]["task"]
    updates = [value for event in events[1:] for value in event.values()]
    assert {(update["taskId"], update["contextId"]) for update in updates} == {
        (task["id"], task["contextId"])
    }
    stored = agent.call("GetTask", {"id": task["id"]})
    assert stored["status"] == updates[-1]["status"]
    assert answer(stored) == spoken(events)


def test_an_answer_is_one_artifact_in_words(agent: Caller) -> None:
    events = list(agent.stream("SendStreamingMessage", said("Hello")))
    words = pieces(events)
    assert spoken(events) == SHORT_ANSWER
    assert len(words) == len(SHORT_ANSWER.split())
    assert {word["artifact"]["artifactId"] for word in words} == {"answer"}
    assert [word.get("append", False) for word in words] == [False] + [True] * (len(words) - 1)
    assert [word.get("lastChunk", False) for word in words] == [False] * (len(words) - 1) + [True]


def test_words_come_while_the_task_works(agent: Caller) -> None:
    stream = agent.stream("SendStreamingMessage", said(LONG))
    task = next(stream)["task"]
    assert any("artifactUpdate" in event for event in stream)
    assert state(agent.call("GetTask", {"id": task["id"]})) == "WORKING"


def test_a_failed_task_says_why(agent: Caller) -> None:
    task = completed(agent, "Please fail")
    assert state(task) == "FAILED"
    assert texts([task["status"]["message"]]) == ["I lost the thread, as I was told to."]
    assert not any(
        piece.get("lastChunk", False)
        for piece in pieces(list(agent.stream("SendStreamingMessage", said("Please fail"))))
    )


def test_send_message_waits_for_the_answer(agent: Caller) -> None:
    task = completed(agent)
    assert state(task) == "COMPLETED"
    assert answer(task) == SHORT_ANSWER
    assert texts(task["history"]) == ["Hello"]


def test_send_message_returns_immediately_if_told_to(agent: Caller) -> None:
    task = begun(agent)
    assert state(task) in ("SUBMITTED", "WORKING")
    assert state(in_the_end(agent, task["id"])) == "COMPLETED"


def test_an_interrupted_task_goes_on_with_the_next_message(agent: Caller) -> None:
    asked = completed(agent, "ask me")
    assert state(asked) == "INPUT_REQUIRED"
    assert texts([asked["status"]["message"]]) == ["What would you like me to repeat?"]

    events = list(agent.stream("SendStreamingMessage", said("Hello", taskId=asked["id"])))
    assert outline(events) == [
        "task WORKING",
        "statusUpdate WORKING",
        "artifactUpdate",
        "statusUpdate COMPLETED",
    ]
    task = agent.call("GetTask", {"id": asked["id"]})
    assert task["contextId"] == asked["contextId"]
    assert texts(task["history"]) == ["ask me", "What would you like me to repeat?", "Hello"]
    assert answer(task) == SHORT_ANSWER


def test_history_length_shows_less_and_stores_all(agent: Caller) -> None:
    asked = completed(agent, "ask me")
    completed(agent, "Hello", taskId=asked["id"])
    for length, expected in [(0, 0), (1, 1), (2, 2), (9, 3), (None, 3)]:
        params = {"id": asked["id"]} | ({} if length is None else {"historyLength": length})
        history = agent.call("GetTask", params).get("history", [])
        assert (
            texts(history)
            == ["ask me", "What would you like me to repeat?", "Hello"][3 - expected :]
        )


def test_history_length_holds_for_sending_and_listing(agent: Caller) -> None:
    context_id = uuid4().hex
    configured = said("Hello", contextId=context_id) | {"configuration": {"historyLength": 0}}
    assert "history" not in agent.call("SendMessage", configured)["task"]
    assert "history" not in next(agent.stream("SendStreamingMessage", configured))["task"]
    for length, shown in [(0, False), (1, True)]:
        query = {"contextId": context_id, "historyLength": length}
        tasks = agent.call("ListTasks", query)["tasks"]
        assert ["history" in task for task in tasks] == [shown, shown]


def test_cancel_stops_the_task_for_good(agent: Caller) -> None:
    stream = agent.stream("SendStreamingMessage", said(LONG))
    task_id = next(stream)["task"]["id"]
    assert any("artifactUpdate" in event for event in stream)

    canceled = agent.call("CancelTask", {"id": task_id})
    assert state(canceled) == "CANCELED"
    assert outline(list(stream))[-1] == "statusUpdate CANCELED"

    time.sleep(0.05)
    assert agent.call("GetTask", {"id": task_id}) == canceled
    with pytest.raises(Refused) as refused:
        agent.call("CancelTask", {"id": task_id})
    assert refused.value.reason == "TASK_NOT_CANCELABLE"


def test_cancel_ends_a_task_that_waits_for_input(agent: Caller) -> None:
    asked = completed(agent, "ask me")
    subscription = agent.stream("SubscribeToTask", {"id": asked["id"]})
    assert outline([next(subscription)]) == ["task INPUT_REQUIRED"]
    assert state(agent.call("CancelTask", {"id": asked["id"]})) == "CANCELED"
    assert outline(list(subscription)) == ["statusUpdate CANCELED"]


def test_subscribers_miss_nothing(agent: Caller) -> None:
    task_id = begun(agent)["id"]
    subscriptions: list[tuple[Json, list[Json], Events]] = []
    for _ in range(3):  # each begins some words after the one before
        stream = agent.stream("SubscribeToTask", {"id": task_id})
        subscriptions.append((next(stream)["task"], [next(stream) for _ in range(5)], stream))
    told = [(first, [*some, *stream]) for first, some, stream in subscriptions]

    whole = answer(agent.call("GetTask", {"id": task_id}))
    assert len(answer(told[0][0])) < len(answer(told[1][0])) < len(answer(told[2][0])) < len(whole)
    for first, rest in told:
        assert answer(first) + spoken(rest) == whole
        assert outline(rest)[-1] == "statusUpdate COMPLETED"


def test_a_caller_that_goes_away_leaves_the_task_at_work(agent: Caller) -> None:
    stream = agent.stream("SendStreamingMessage", said(LONG))
    task_id = next(stream)["task"]["id"]
    next(stream)
    stream.close()
    assert state(agent.call("GetTask", {"id": task_id})) in ("SUBMITTED", "WORKING")
    task = in_the_end(agent, task_id)
    assert state(task) == "COMPLETED"
    assert answer(task).startswith(f"You said: {LONG.strip()}.")


def test_a_working_task_takes_no_message(agent: Caller) -> None:
    task = begun(agent)
    with pytest.raises(Refused) as refused:
        completed(agent, taskId=task["id"])
    assert refused.value.reason == "UNSUPPORTED_OPERATION"


def test_list_tasks_pages_the_newest_first(agent: Caller) -> None:
    context_id = uuid4().hex
    ids = [completed(agent, text, contextId=context_id)["id"] for text in ("one", "two", "three")]
    query = {"contextId": context_id, "pageSize": 2}

    first = agent.call("ListTasks", query)
    assert [task["id"] for task in first["tasks"]] == [ids[2], ids[1]]
    assert (first["pageSize"], first["totalSize"]) == (2, 3)
    assert not any("artifacts" in task for task in first["tasks"])

    completed(agent, "four", contextId=context_id)  # a newcomer does not shift the pages
    second = agent.call("ListTasks", query | {"pageToken": first["nextPageToken"]})
    assert [task["id"] for task in second["tasks"]] == [ids[0]]
    assert second.get("nextPageToken", "") == ""
    assert second["totalSize"] == 4


def test_list_tasks_filters(agent: Caller) -> None:
    context_id = uuid4().hex
    old = completed(agent, "Please fail", contextId=context_id)
    new = completed(agent, "Hello", contextId=context_id)

    def listed(**query: object) -> list[Json]:
        return agent.call("ListTasks", {"contextId": context_id, **query}).get("tasks", [])

    def ids(**query: object) -> list[str]:
        return [task["id"] for task in listed(**query)]

    assert ids() == [new["id"], old["id"]]
    assert ids(status="TASK_STATE_FAILED") == [old["id"]]
    assert ids(status="TASK_STATE_CANCELED") == []
    assert ids(statusTimestampAfter=new["status"]["timestamp"]) == [new["id"]]
    assert [answer(task) for task in listed(includeArtifacts=True)] == [answer(new), answer(old)]


def test_the_extended_card_is_whole(agent: Caller) -> None:
    card = agent.call("GetExtendedAgentCard", {})
    [interface] = card["supportedInterfaces"]
    assert (interface["protocolBinding"], interface["protocolVersion"]) == (agent.binding, "1.0")
    assert card["capabilities"] == {
        "streaming": True,
        "pushNotifications": False,
        "extendedAgentCard": True,
    }
    assert card["name"]
    assert card["description"]
    assert card["version"]
    assert card["defaultInputModes"] == card["defaultOutputModes"] == ["text/plain"]
    assert [skill["id"] for skill in card["skills"]] == ["answer"]


# ── what both agents refuse ─────────────────────────────────────────────────────────────────────

CODES = {
    "TASK_NOT_FOUND": ("NOT_FOUND", -32001),
    "TASK_NOT_CANCELABLE": ("FAILED_PRECONDITION", -32002),
    "PUSH_NOTIFICATION_NOT_SUPPORTED": ("FAILED_PRECONDITION", -32003),
    "UNSUPPORTED_OPERATION": ("FAILED_PRECONDITION", -32004),
    "CONTENT_TYPE_NOT_SUPPORTED": ("INVALID_ARGUMENT", -32005),
    "INVALID_PARAMS": ("INVALID_ARGUMENT", -32602),
}

SENDS = ("SendMessage", "SendStreamingMessage")
STREAMING = ("SendStreamingMessage", "SubscribeToTask")

Params: TypeAlias = Callable[[str, str], Json]
"""Makes params from the ids of a completed task and of one that waits for input."""

REFUSALS: list[tuple[str, tuple[str, ...], Params, str]] = [
    (
        "unknown task",
        ("GetTask", "CancelTask", "SubscribeToTask"),
        lambda done, waiting: {"id": "nowhere"},
        "TASK_NOT_FOUND",
    ),
    (
        "message to an unknown task",
        SENDS,
        lambda done, waiting: said("Hello", taskId="nowhere"),
        "TASK_NOT_FOUND",
    ),
    (
        "message to a terminal task",
        SENDS,
        lambda done, waiting: said("Hello", taskId=done),
        "UNSUPPORTED_OPERATION",
    ),
    (
        "message in another context",
        SENDS,
        lambda done, waiting: said("Hello", taskId=waiting, contextId="elsewhere"),
        "INVALID_PARAMS",
    ),
    (
        "cancel of a terminal task",
        ("CancelTask",),
        lambda done, waiting: {"id": done},
        "TASK_NOT_CANCELABLE",
    ),
    (
        "subscription to a terminal task",
        ("SubscribeToTask",),
        lambda done, waiting: {"id": done},
        "UNSUPPORTED_OPERATION",
    ),
    ("message without parts", SENDS, lambda done, waiting: said("", parts=[]), "INVALID_PARAMS"),
    (
        "message without an id",
        SENDS,
        lambda done, waiting: said("Hello", messageId=""),
        "INVALID_PARAMS",
    ),
    (
        "message of an agent",
        SENDS,
        lambda done, waiting: said("Hello", role="ROLE_AGENT"),
        "INVALID_PARAMS",
    ),
    (
        "message without a role",
        SENDS,
        lambda done, waiting: said("Hello", role="ROLE_UNSPECIFIED"),
        "INVALID_PARAMS",
    ),
    (
        "part that is not text",
        SENDS,
        lambda done, waiting: said("", parts=[{"data": {"answer": 42}}]),
        "CONTENT_TYPE_NOT_SUPPORTED",
    ),
    (
        "negative history",
        SENDS,
        lambda done, waiting: said("Hello") | {"configuration": {"historyLength": -1}},
        "INVALID_PARAMS",
    ),
    (
        "negative history of a stored task",
        ("GetTask",),
        lambda done, waiting: {"id": done, "historyLength": -1},
        "INVALID_PARAMS",
    ),
    ("no page", ("ListTasks",), lambda done, waiting: {"pageSize": 0}, "INVALID_PARAMS"),
    ("huge page", ("ListTasks",), lambda done, waiting: {"pageSize": 101}, "INVALID_PARAMS"),
    (
        "made-up page",
        ("ListTasks",),
        lambda done, waiting: {"pageToken": "7", "contextId": "empty"},
        "INVALID_PARAMS",
    ),
    (
        "push notifications",
        (
            "CreateTaskPushNotificationConfig",
            "GetTaskPushNotificationConfig",
            "ListTaskPushNotificationConfigs",
            "DeleteTaskPushNotificationConfig",
        ),
        lambda done, waiting: {"taskId": done},
        "PUSH_NOTIFICATION_NOT_SUPPORTED",
    ),
]


@pytest.fixture(scope="module")
def stored(agent: Caller) -> tuple[str, str]:
    """The ids of a completed task and of one that waits for input; no refused call changes them."""
    return completed(agent)["id"], completed(agent, "ask me")["id"]


@pytest.mark.parametrize(
    ("operation", "params", "reason"),
    [
        pytest.param(operation, params, reason, id=f"{operation}: {what}")
        for what, operations, params, reason in REFUSALS
        for operation in operations
    ],
)
def test_refusals(
    agent: Caller, stored: tuple[str, str], operation: str, params: Params, reason: str
) -> None:
    before = [agent.call("GetTask", {"id": task_id}) for task_id in stored]
    perform = agent.stream if operation in STREAMING else agent.call
    with pytest.raises(Refused) as refused:
        list(perform(operation, params(*stored)))
    grpc_status, jsonrpc_code = CODES[reason]
    assert refused.value.reason == reason
    assert refused.value.code == {"GRPC": grpc_status, "JSONRPC": jsonrpc_code}[agent.binding]
    assert [agent.call("GetTask", {"id": task_id}) for task_id in stored] == before


# ── the processes ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("module", "caller"),
    [("examples.grpc_agent", GrpcCaller), ("examples.jsonrpc_agent", JsonRpcCaller)],
)
def test_a_signal_stops_an_agent_even_in_mid_stream(
    start_agent: StartAgent, module: str, caller: Callable[[str], Caller], number: signal.Signals
) -> None:
    process, url = start_agent(module, 10.0)
    agent = caller(url)
    stream = agent.stream("SendStreamingMessage", said("Hello"))
    assert "task" in next(stream)
    process.send_signal(number)
    assert process.wait(timeout=2) == 0
    agent.close()
