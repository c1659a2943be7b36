"""What HTTP+JSON has of its own, in both versions: paths, queries, media types, tenants, methods."""

import json
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode

import pytest

from gateway.errors import ErrorKind
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
from tests.fakes.callers import Received
from tests.fakes.events import Json, JsonValue
from tests.matrix.conftest import Rig
from tests.matrix.edges import EDGES, every_caller, of
from tests.matrix.meaning import Failure, Play, Spelled, Spelling, error_info
from tests.matrix.rest_edge import RestAgent, ask
from tests.matrix.words import (
    A_MESSAGE,
    BEGUN,
    CANCELED,
    CARD,
    DONE,
    HI,
    NEW_CONFIG,
    NOTHING,
    PUSH_CONFIG,
    PUSH_CONFIGS,
    THE_CONFIG,
    THE_CONFIGS,
    THE_TASK,
)

pytestmark = pytest.mark.anyio

SOUTH = "GRPC-1.0"
"""The agent behind the gateway where it does not matter which: its requests are typed."""
JSON = (("content-type", "application/json"),)
TASKS = Spelled({"pageSize": 50}, None, None)
ROOTS = ["/", "/v1/"]
every_version = pytest.mark.parametrize("root", ROOTS)


def base(rig: Rig, agent: str = SOUTH) -> str:
    return f"http://{rig.gateway.http}/{agent}/" if agent else f"http://{rig.gateway.http}/"


def hi(root: str) -> bytes:
    return json.dumps(HI.new if root == "/" else HI.proto).encode()


async def asked(rig: Rig, operation: Operation, result: Spelled, method: str, target: str, **more: Any) -> JsonValue:
    """What the agent is asked by a request below its address."""
    rig.agents[SOUTH].plays(operation, Play((result,)))
    received = await ask(base(rig), method, target, **more)
    assert received.status == 200, bytes(received.body)
    (one,) = rig.agents[SOUTH].asked()
    return one.request


def told(received: Received) -> tuple[int, str | None, list[Json]]:
    """The HTTP status of an error, its reason, and its details but the identifying one."""
    error = cast(dict[str, Any], received.json())["error"]
    failure = Failure(error["code"], error["message"], tuple(error["details"]))
    return received.status, failure.reason, [one for one in failure.details if "reason" not in one]


# Queries


QUERIES: Mapping[str, tuple[Operation, str, str, Json]] = {
    "nothing": (LIST_TASKS, "/tasks", "", {}),
    "every field": (
        LIST_TASKS,
        "/tasks",
        "contextId=c&status=TASK_STATE_WORKING&pageSize=2&pageToken=t&historyLength=0&includeArtifacts=true"
        "&statusTimestampAfter=2026-01-31T12:00:00.5Z",
        {
            "contextId": "c",
            "status": "TASK_STATE_WORKING",
            "pageSize": 2,
            "pageToken": "t",
            "historyLength": 0,
            "includeArtifacts": True,
            "statusTimestampAfter": "2026-01-31T12:00:00.500Z",
        },
    ),
    "names of the definition": (LIST_TASKS, "/tasks", "page_size=2&context_id=c", {"pageSize": 2, "contextId": "c"}),
    "false": (LIST_TASKS, "/tasks", "includeArtifacts=false", {"includeArtifacts": False}),
    "a text that looks like a number": (LIST_TASKS, "/tasks", "contextId=007", {"contextId": "007"}),
    "a text that looks like a flag": (LIST_TASKS, "/tasks", "contextId=true", {"contextId": "true"}),
    "a text with a comma": (LIST_TASKS, "/tasks", "contextId=a,b", {"contextId": "a,b"}),
    "an empty text": (LIST_TASKS, "/tasks", "contextId=&pageToken=", {}),
    "escapes": (LIST_TASKS, "/tasks", "pageToken=t%C3%B6k%26n%3D1%2B1+%20x", {"pageToken": "tök&n=1+1  x"}),
    "names that nobody knows": (LIST_TASKS, "/tasks", "odd=1&pageSize=2&odd=2", {"pageSize": 2}),
    "the version": (LIST_TASKS, "/tasks", "A2A-Version=1.0&pageSize=2", {"pageSize": 2}),
    "what the path says already": (
        GET_TASK,
        "/tasks/task-1",
        "id=task-2&historyLength=3",
        {"id": "task-1", "historyLength": 3},
    ),
    "a task of 0.3": (GET_TASK, "/v1/tasks/task-1", "historyLength=3", {"id": "task-1", "historyLength": 3}),
    "a name of the definition of 0.3": (
        GET_TASK,
        "/v1/tasks/task-1",
        "history_length=3",
        {"id": "task-1", "historyLength": 3},
    ),
    "what the path of 0.3 says already": (
        GET_TASK,
        "/v1/tasks/task-1",
        "name=tasks/task-2&id=task-3",
        {"id": "task-1"},
    ),
    "a page of 0.3": (
        LIST_PUSH_CONFIGS,
        "/v1/tasks/task-1/pushNotificationConfigs",
        "pageSize=2&pageToken=t",
        {"taskId": "task-1", "pageSize": 2, "pageToken": "t"},
    ),
    "an id with a colon": (GET_TASK, "/tasks/a:b", "", {"id": "a:b"}),
    "an id that ends like a verb": (GET_TASK, "/tasks/a%3Asubscribe", "", {"id": "a:subscribe"}),
    "an escaped id": (GET_TASK, "/tasks/%C3%A4%20b%2Fc%3Ad", "", {"id": "ä b/c:d"}),
    "ids of a webhook": (
        GET_PUSH_CONFIG,
        "/tasks/task%201/pushNotificationConfigs/a%2Fb",
        "",
        {"taskId": "task 1", "id": "a/b"},
    ),
}
RESULTS = {LIST_TASKS: TASKS, GET_TASK: CANCELED, LIST_PUSH_CONFIGS: PUSH_CONFIGS, GET_PUSH_CONFIG: PUSH_CONFIG}


@pytest.mark.parametrize("name", QUERIES)
async def test_query(rig: Rig, name: str) -> None:
    operation, path, query, request = QUERIES[name]
    target = f"{path}?{query}" if query else path
    got = await asked(rig, operation, RESULTS[operation], "GET", target)
    assert got == EDGES[SOUTH].language.request(operation, request)


BAD_QUERIES: Mapping[str, tuple[str, str]] = {
    "/tasks?pageSize=two": ("pageSize", "a number in letters"),
    "/tasks?pageSize=": ("pageSize", "no number"),
    "/tasks?pageSize=2.5": ("pageSize", "half a page"),
    "/tasks?pageSize=99999999999": ("pageSize", "a number that is too large"),
    "/tasks?includeArtifacts=yes": ("includeArtifacts", "no flag"),
    "/tasks?includeArtifacts=1": ("includeArtifacts", "a number for a flag"),
    "/tasks?status=WORKING": ("status", "no state"),
    "/tasks?status=working": ("status", "a state of 0.3"),
    "/tasks?statusTimestampAfter=yesterday": ("statusTimestampAfter", "no time"),
    "/tasks?pageSize=1&pageSize=2": ("pageSize", "two values for one"),
    "/tasks?pageSize=1&page_size=2": ("pageSize", "two values by two names"),
    "/tasks/task-1?historyLength=x": ("historyLength", "a number in letters"),
    "/v1/tasks/task-1?historyLength=x": ("historyLength", "a number in letters in 0.3"),
}


@pytest.mark.parametrize("target", BAD_QUERIES)
async def test_query_that_is_not_of_its_type_is_refused_by_name(rig: Rig, target: str) -> None:
    rig.agents[SOUTH].plays(LIST_TASKS, Play((TASKS,)))
    status, reason, details = told(await ask(base(rig), "GET", target))
    assert (status, reason) == (400, "INVALID_PARAMS")
    assert [one["field"] for detail in details for one in cast(Any, detail)["fieldViolations"]] == [
        BAD_QUERIES[target][0]
    ]
    assert rig.agents[SOUTH].asked() == []


# What the gateway writes


TARGETS: Mapping[str, tuple[str, Operation, Json, Spelled, str]] = {
    "a list": (
        "REST-1.0",
        LIST_TASKS,
        {
            "contextId": "context-1",
            "status": "TASK_STATE_COMPLETED",
            "pageSize": 2,
            "pageToken": "tök&n=1+1",
            "historyLength": 0,
            "statusTimestampAfter": "2026-01-31T12:00:00.123Z",
            "includeArtifacts": True,
        },
        TASKS,
        "GET /tasks?contextId=context-1&status=TASK_STATE_COMPLETED&pageSize=2&pageToken=t%C3%B6k%26n%3D1%2B1"
        "&historyLength=0&statusTimestampAfter=2026-01-31T12%3A00%3A00.123Z&includeArtifacts=true",
    ),
    "a task": ("REST-1.0", GET_TASK, {"id": "task-1"}, CANCELED, "GET /tasks/task-1"),
    "an id that needs escapes": (
        "REST-1.0",
        GET_TASK,
        {"id": "ä b/c?d#e%f", "historyLength": 3},
        CANCELED,
        "GET /tasks/%C3%A4%20b%2Fc%3Fd%23e%25f?historyLength=3",
    ),
    "a subscription": ("REST-1.0", SUBSCRIBE_TO_TASK, {"id": "task-1"}, DONE, "POST /tasks/task-1:subscribe"),
    "a card": ("REST-1.0", GET_EXTENDED_AGENT_CARD, {}, CARD, "GET /extendedAgentCard"),
    "a webhook": (
        "REST-1.0",
        DELETE_PUSH_CONFIG,
        {"taskId": "task-1", "id": "config 1"},
        NOTHING,
        "DELETE /tasks/task-1/pushNotificationConfigs/config%201",
    ),
    "a task of 0.3": (
        "REST-0.3",
        GET_TASK,
        {"id": "ä", "historyLength": 3},
        CANCELED,
        "GET /v1/tasks/%C3%A4?historyLength=3",
    ),
    "a page of 0.3": (
        "REST-0.3",
        LIST_PUSH_CONFIGS,
        {"taskId": "task-1", "pageSize": 2, "pageToken": "a b"},
        PUSH_CONFIGS,
        "GET /v1/tasks/task-1/pushNotificationConfigs?pageSize=2&pageToken=a+b",
    ),
    "a card of 0.3": ("REST-0.3", GET_EXTENDED_AGENT_CARD, {}, CARD, "GET /v1/card"),
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("north", of(Spelling.NEW))
async def test_request_line(rig: Rig, north: str, name: str) -> None:
    south, operation, request, result, line = TARGETS[name]
    results = (BEGUN, result) if operation.streams else (result,)
    heard = await rig.hear(north, south, operation, Spelled(request, None, None), Play(results))
    assert heard.failure is None
    agent = rig.agents[south]
    assert isinstance(agent, RestAgent)
    assert agent.targets == [line]


# Media types


ACCEPTS: Mapping[str, str] = {
    "": "application/json",
    "*/*": "application/json",
    "application/json": "application/json",
    "application/a2a+json": "application/a2a+json",
    "Application/A2A+JSON; q=0.9": "application/a2a+json",
    "application/a2a+json, application/json;q=0.5": "application/json",
    "text/html": "application/json",
}


@every_version
@pytest.mark.parametrize("accept", ACCEPTS)
async def test_answer_is_of_the_media_type_that_its_caller_takes(rig: Rig, accept: str, root: str) -> None:
    rig.agents[SOUTH].plays(GET_TASK, Play((CANCELED,)))
    headers = (("accept", accept),) if accept else ()
    received = await ask(base(rig), "GET", f"{root}tasks/task-1", headers=headers)
    assert (received.status, received.header("content-type")) == (200, ACCEPTS[accept])


BODIES: Mapping[str, int] = {
    "application/json": 200,
    "application/a2a+json": 200,
    "APPLICATION/JSON; charset=utf-8": 200,
    "application/problem+json": 200,
    "": 400,
    "text/plain": 400,
    "application/x-www-form-urlencoded": 400,
    "application/grpc": 400,
}
"""What a body says it is, and the status that it gets."""


@every_version
@pytest.mark.parametrize("media_type", BODIES)
async def test_body_says_that_it_is_json(rig: Rig, media_type: str, root: str) -> None:
    rig.agents[SOUTH].plays(SEND_MESSAGE, Play((A_MESSAGE,)))
    headers = (("content-type", media_type),) if media_type else ()
    received = await ask(base(rig), "POST", f"{root}message:send", hi(root), headers)
    assert received.status == BODIES[media_type]
    assert len(rig.agents[SOUTH].asked()) == (received.status == 200)
    if received.status != 200:
        assert told(received) == (400, "CONTENT_TYPE_NOT_SUPPORTED", [])


@every_version
@pytest.mark.parametrize("headers", [(), JSON], ids=["nothing said", "said to be JSON"])
@pytest.mark.parametrize("body", [b"", b" \r\n", b"{}"], ids=["none", "blank", "empty"])
async def test_request_whose_path_says_all_needs_no_body(
    rig: Rig, body: bytes, headers: tuple[tuple[str, str], ...], root: str
) -> None:
    if body == b"{}" and not headers:
        return  # that is a body, and it does not say what it is
    got = await asked(rig, CANCEL_TASK, CANCELED, "POST", f"{root}tasks/task-1:cancel", body=body, headers=headers)
    assert got == {"id": "task-1"}


BAD_BODIES: Mapping[str, tuple[bytes, int, str]] = {
    "no JSON": (b"{", 400, "PARSE_ERROR"),
    "a list": (b"[]", 400, "INVALID_PARAMS"),
    "a text": (b'"hi"', 400, "INVALID_PARAMS"),
    "nothing": (b"", 400, "INVALID_PARAMS"),
    "null": (b"null", 400, "INVALID_PARAMS"),
    "no message": (b"{}", 400, "INVALID_PARAMS"),
    "bytes that are no text": (b'{"message":"\xff"}', 400, "PARSE_ERROR"),
}


@every_version
@pytest.mark.parametrize("stream", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize("name", BAD_BODIES)
async def test_body_that_cannot_be_used(rig: Rig, name: str, stream: bool, root: str) -> None:
    body, status, reason = BAD_BODIES[name]
    rig.agents[SOUTH].plays(SEND_MESSAGE, Play((A_MESSAGE,)))
    received = await ask(base(rig), "POST", f"{root}message:{'stream' if stream else 'send'}", body, JSON)
    assert told(received)[:2] == (status, reason)
    assert rig.agents[SOUTH].asked() == []


@every_caller
@pytest.mark.parametrize("south", ["REST-1.0", "REST-0.3"])
@pytest.mark.parametrize("media_type", ["application/a2a+json", "application/json; charset=utf-8"])
async def test_agent_may_answer_in_either_media_type(rig: Rig, media_type: str, north: str, south: str) -> None:
    agent = rig.agents[south]
    assert isinstance(agent, RestAgent)
    kind = ErrorKind.TASK_NOT_FOUND
    before, agent.media_type = agent.media_type, media_type
    try:
        ok = await rig.hear(north, south, GET_TASK, THE_TASK, Play((CANCELED,)))
        failure = Failure(EDGES[south].code(kind), "gone", (error_info(kind),))
        failed = await rig.hear(north, south, GET_TASK, THE_TASK, Play(failure=failure))
    finally:
        agent.media_type = before
    assert ok.failure is None
    assert failed.failure == Failure(EDGES[north].code(kind), "gone", (error_info(kind),))


# Tenants: which agent is meant


FORMS: Mapping[str, str] = {
    "/{name}": "its address",
    "/{name}/{name}": "its address, and its name as the tenant",
}


@every_version
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", EDGES)
async def test_agent_is_named_by_the_path(rig: Rig, name: str, form: str, root: str) -> None:
    rig.agents[name].plays(GET_TASK, Play((CANCELED,)))
    received = await ask(base(rig, ""), "GET", form.format(name=name) + f"{root}tasks/task-1")
    assert received.json() == (CANCELED.new if root == "/" else CANCELED.proto)
    (one,) = rig.agents[name].asked()
    assert one.operation is GET_TASK


@every_version
@pytest.mark.parametrize("form", FORMS)
async def test_every_route_is_below_every_form_of_address(rig: Rig, form: str, root: str) -> None:
    agent = rig.agents[SOUTH]
    place = form.format(name=SOUTH) + root
    old = root == "/v1/"
    config = json.dumps(NEW_CONFIG.proto if old else NEW_CONFIG.new).encode()
    found: dict[Operation, int] = {}
    calls: list[tuple[Operation, tuple[Spelled, ...], str, str, bytes]] = [
        (SEND_MESSAGE, (A_MESSAGE,), "POST", "message:send", hi(root)),
        (SEND_STREAMING_MESSAGE, (A_MESSAGE,), "POST", "message:stream", hi(root)),
        (GET_TASK, (CANCELED,), "GET", "tasks/task-1", b""),
        (CANCEL_TASK, (CANCELED,), "POST", "tasks/task-1:cancel", b"{}"),
        (SUBSCRIBE_TO_TASK, (BEGUN, DONE), "POST", "tasks/task-1:subscribe", b"{}"),
        (CREATE_PUSH_CONFIG, (PUSH_CONFIG,), "POST", "tasks/task-1/pushNotificationConfigs", config),
        (GET_PUSH_CONFIG, (PUSH_CONFIG,), "GET", "tasks/task-1/pushNotificationConfigs/config-1", b""),
        (LIST_PUSH_CONFIGS, (PUSH_CONFIGS,), "GET", "tasks/task-1/pushNotificationConfigs", b""),
        (DELETE_PUSH_CONFIG, (NOTHING,), "DELETE", "tasks/task-1/pushNotificationConfigs/config-1", b""),
        (GET_EXTENDED_AGENT_CARD, (CARD,), "GET", "card" if old else "extendedAgentCard", b""),
    ]
    for operation, results, method, target, body in calls:
        agent.plays(operation, Play(results))
        received = await ask(base(rig, ""), method, place + target, body, JSON if body else ())
        assert received.status == 200, (method, place + target, bytes(received.body))
        found[operation] = len(agent.asked())
    assert found == {operation: 1 for operation, *_ in calls}


@every_version
async def test_default_agent_is_at_the_root(rig: Rig, root: str) -> None:
    default = next(iter(EDGES))
    rig.agents[default].plays(GET_TASK, Play((CANCELED,)))
    received = await ask(base(rig, ""), "GET", f"{root}tasks/task-1")
    assert received.status == 200
    assert len(rig.agents[default].asked()) == 1


TENANTS: Mapping[str, tuple[str, str, bytes]] = {
    "in the query": ("GET", f"/tasks/task-1?{urlencode({'tenant': SOUTH})}", b""),
    "in the body": ("POST", "/tasks/task-1:cancel", json.dumps({"tenant": SOUTH}).encode()),
    "in the path and the query": ("GET", f"/{SOUTH}/tasks/task-1?{urlencode({'tenant': SOUTH})}", b""),
    "in the path and the body": ("POST", f"/{SOUTH}/tasks/task-1:cancel", json.dumps({"tenant": SOUTH}).encode()),
}


@pytest.mark.parametrize("place", TENANTS)
async def test_tenant_may_stand(rig: Rig, place: str) -> None:
    method, target, body = TENANTS[place]
    rig.agents[SOUTH].plays(CANCEL_TASK if body else GET_TASK, Play((CANCELED,)))
    received = await ask(base(rig, ""), method, target, body, JSON if body else ())
    assert received.status == 200, bytes(received.body)
    assert len(rig.agents[SOUTH].asked()) == 1


async def test_tenant_that_is_not_the_agent_of_the_address_is_refused(rig: Rig) -> None:
    received = await ask(base(rig), "GET", "/tasks/task-1?tenant=JSONRPC-1.0")
    assert told(received)[:2] == (400, "INVALID_PARAMS")


@every_version
async def test_agent_that_is_not_there(rig: Rig, root: str) -> None:
    received = await ask(base(rig, "nobody"), "GET", f"{root}tasks/task-1")
    assert told(received)[:2] == (404, "INVALID_PARAMS")


@every_version
@pytest.mark.parametrize("place", [f"/{SOUTH}/JSONRPC-1.0", f"/{SOUTH}/{SOUTH}/{SOUTH}"])
async def test_nothing_is_at_other_addresses(rig: Rig, place: str, root: str) -> None:
    received = await ask(base(rig, ""), "GET", f"{place}{root}tasks/task-1")
    assert received.status == 404


# Methods


@every_version
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_subscribing_is_a_get_or_a_post(rig: Rig, method: str, root: str) -> None:
    """The definition says the one, the tables of the specification the other."""
    rig.agents[SOUTH].plays(SUBSCRIBE_TO_TASK, Play((BEGUN, DONE)))
    received = await ask(base(rig), method, f"{root}tasks/task-1:subscribe")
    assert (received.status, received.header("content-type")) == (200, "text/event-stream")
    events = [json.loads(event.data) for event in received.events]
    assert events == ([BEGUN.new, DONE.new] if root == "/" else [BEGUN.proto, DONE.proto])


@every_version
async def test_id_before_a_verb_may_have_a_colon(rig: Rig, root: str) -> None:
    got = await asked(rig, CANCEL_TASK, CANCELED, "POST", f"{root}tasks/a:b:cancel", body=b"{}", headers=JSON)
    assert cast(Json, got)["id"] == "a:b"


WRONG_METHODS = [
    ("GET", "message:send"),
    ("PUT", "message:stream"),
    ("POST", "tasks/task-1"),
    ("DELETE", "tasks/task-1"),
    ("DELETE", "tasks/task-1:cancel"),
    ("PUT", "tasks/task-1:subscribe"),
    ("PUT", "tasks/task-1/pushNotificationConfigs"),
    ("POST", "tasks/task-1/pushNotificationConfigs/config-1"),
    ("PATCH", "tasks/task-1/pushNotificationConfigs/config-1"),
]


@every_version
@pytest.mark.parametrize(("method", "target"), WRONG_METHODS)
async def test_wrong_method_is_refused(rig: Rig, method: str, target: str, root: str) -> None:
    rig.agents[SOUTH].plays(GET_TASK, Play((CANCELED,)))
    received = await ask(base(rig), method, root + target)
    assert told(received) == (405, "METHOD_NOT_FOUND", [])
    assert rig.agents[SOUTH].asked() == []


async def test_wrong_method_is_told_the_right_one(rig: Rig) -> None:
    """HTTP demands it of every 405 (RFC 9110, section 15.5.6)."""
    received = await ask(base(rig), "PUT", "/tasks/task-1:subscribe")
    assert sorted((received.header("allow") or "").split(", ")) == ["GET", "POST"]


@pytest.mark.parametrize("target", ["/v1/tasks", "/v1/extendedAgentCard", "/card", "/task/task-1", "/message:sing"])
async def test_nothing_is_at_addresses_of_no_operation(rig: Rig, target: str) -> None:
    """There is no list of tasks in 0.3, among others."""
    assert (await ask(base(rig), "GET", target)).status == 404


# The body that makes a webhook in 0.3, where the definition and the SDKs differ


WEBHOOK: Json = {"url": "https://example.com/hook?a=1", "token": "tök"}
BODIES_0_3: Mapping[str, tuple[Json, Json]] = {
    "the whole request": (
        {"parent": "tasks/task-1", "configId": "c", "config": {"pushNotificationConfig": {**WEBHOOK, "id": "c"}}},
        {"id": "c"},
    ),
    "without a parent": ({"configId": "c", "config": {"pushNotificationConfig": WEBHOOK}}, {"id": "c"}),
    "without an id": ({"config": {"pushNotificationConfig": WEBHOOK}}, {}),
    "the configuration alone": ({"pushNotificationConfig": {**WEBHOOK, "id": "c"}}, {"id": "c"}),
    "names of the definition": (
        {"config_id": "c", "config": {"push_notification_config": WEBHOOK}},
        {"id": "c"},
    ),
    "another parent, which the path corrects": (
        {"parent": "tasks/other", "config": {"pushNotificationConfig": WEBHOOK}},
        {},
    ),
}


@pytest.mark.parametrize("name", BODIES_0_3)
async def test_webhook_is_made_from(rig: Rig, name: str) -> None:
    body, ids = BODIES_0_3[name]
    target = "/v1/tasks/task-1/pushNotificationConfigs"
    got = await asked(
        rig, CREATE_PUSH_CONFIG, PUSH_CONFIG, "POST", target, body=json.dumps(body).encode(), headers=JSON
    )
    assert got == {**WEBHOOK, **ids, "taskId": "task-1"}


async def test_ids_of_a_webhook_that_disagree_are_refused(rig: Rig) -> None:
    body = json.dumps({"configId": "a", "config": {"pushNotificationConfig": {**WEBHOOK, "id": "b"}}}).encode()
    received = await ask(base(rig), "POST", "/v1/tasks/task-1/pushNotificationConfigs", body, JSON)
    assert told(received)[:2] == (400, "INVALID_PARAMS")


def test_requests_of_the_tables_are_those_of_the_rows() -> None:
    """The paths above spell what the rows say."""
    assert THE_TASK.proto == {"name": "tasks/task-1"}
    assert THE_CONFIG.proto == {"name": "tasks/task-1/pushNotificationConfigs/config-1"}
    assert THE_CONFIGS.proto == {"parent": "tasks/task-1"}
