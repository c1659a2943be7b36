"""What the versions of A2A have of their own: who speaks which, and what 1.0 and 0.3 mean differently.

Each agent is spoken to in its own version, each caller answered in its own, whatever the other one's is.
"""

from collections.abc import Mapping
from typing import Any, cast

import pytest

from gateway.errors import ErrorKind
from gateway.operations import (
    DELETE_PUSH_CONFIG,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Operation,
)
from tests.fakes.events import Json, JsonValue
from tests.matrix.conftest import Rig, as_heard
from tests.matrix.edges import EDGES, OLD, every_agent, every_caller, of, old_agent, old_caller, spelling_of
from tests.matrix.meaning import PREFIX, Failure, HeaderValue, Heard, Play, Spelled, Spelling, error_info
from tests.matrix.rest_edge import ask
from tests.matrix.words import (
    A_MESSAGE,
    A_TASK,
    BASE64,
    BASE64_OF_BASE64,
    BEGUN,
    CANCELED,
    DONE,
    HI,
    TASK,
    THE_CONFIG,
    THE_CONFIGS,
    THE_TASK,
    WORKS,
)

pytestmark = pytest.mark.anyio

CALLS: Mapping[str, tuple[Operation, Spelled, tuple[Spelled, ...]]] = {
    "unary": (GET_TASK, THE_TASK, (CANCELED,)),
    "stream": (SEND_STREAMING_MESSAGE, HI, (BEGUN, DONE)),
}
Headers = tuple[tuple[str, HeaderValue], ...]


def members(value: JsonValue) -> Json:
    assert isinstance(value, dict)
    return value


# Which version is spoken


@every_caller
@every_agent
@pytest.mark.parametrize("call", CALLS)
async def test_each_side_speaks_its_own_version(rig: Rig, call: str, north: str, south: str) -> None:
    operation, request, results = CALLS[call]
    own = EDGES[north].language.version
    for named in ("", own, f"{own}.1"):
        headers = (("a2a-version", named),) if named else ()
        heard = await rig.hear(north, south, operation, request, Play(results), headers=headers)
        (asked,) = rig.agents[south].asked()
        assert heard.results == as_heard(north, operation, results)
        assert heard.version == own
        assert asked.headers["a2a-version"] == EDGES[south].language.version


CONTRADICTING = {"1.0": ("0.3", "0.3.0"), "0.3": ("1.0", "1.0.1")}
UNKNOWN = ("0.2", "0.4", "1.1", "2.0", "10.0", "0.30")


@every_caller
async def test_version_that_contradicts_the_operation_is_refused(rig: Rig, north: str) -> None:
    south = "GRPC-1.0"
    for named in CONTRADICTING[EDGES[north].language.version]:
        failure = await refused(rig, north, south, (("a2a-version", named),))
        assert "1.0" in failure.message
        assert "0.3" in failure.message


@every_caller
async def test_version_that_is_not_supported_is_refused_with_those_that_are(rig: Rig, north: str) -> None:
    for named in UNKNOWN:
        failure = await refused(rig, north, "GRPC-1.0", (("a2a-version", named),))
        assert named in failure.message
        assert "1.0, 0.3" in failure.message


async def refused(rig: Rig, north: str, south: str, headers: Headers) -> Failure:
    kind = ErrorKind.VERSION_NOT_SUPPORTED
    heard = await rig.hear(north, south, GET_TASK, THE_TASK, Play((CANCELED,)), headers=headers)
    assert rig.agents[south].asked() == []
    assert heard.failure is not None
    assert (heard.failure.code, heard.failure.details) == (EDGES[north].code(kind), (error_info(kind),))
    return heard.failure


@pytest.mark.parametrize(("path", "version"), [("/tasks/task-1", "1.0"), ("/v1/tasks/task-1", "0.3")])
async def test_version_may_stand_in_the_query(rig: Rig, path: str, version: str) -> None:
    rig.agents["GRPC-1.0"].plays(GET_TASK, Play((CANCELED,)))
    answers = {
        named: await ask(f"http://{rig.gateway.http}/GRPC-1.0/", "GET", f"{path}?A2A-Version={named}")
        for named in ("1.0", "0.3", "2.0")
    }
    assert {named: one.status for named, one in answers.items()} == {"1.0": 400, "0.3": 400, "2.0": 400, version: 200}
    assert answers[version].header("a2a-version") == version


@every_caller
async def test_strict_gateway_takes_no_version_for_0_3(other: Rig, north: str) -> None:
    if EDGES[north].language.version == "1.0":
        await refused(other, north, "GRPC-1.0", ())
    else:
        heard = await other.hear(north, "GRPC-1.0", GET_TASK, THE_TASK, Play((CANCELED,)), headers=())
        assert heard == Heard(as_heard(north, GET_TASK, (CANCELED,)))


# `final`, which only 0.3 has


def reached(state: str, old_state: str, proto_state: str, *, final: bool) -> Spelled:
    """A status update."""
    about: Json = {"taskId": "task-1", "contextId": "context-1"}
    said: Json = {"final": True} if final else {}
    return Spelled(
        {"statusUpdate": {**about, "status": {"state": state}}},
        {"kind": "status-update", **about, "status": {"state": old_state}, "final": final},
        {"statusUpdate": {**about, "status": {"state": proto_state}, **said}},
    )


NOT_FINAL = (
    ("TASK_STATE_SUBMITTED", "submitted", "TASK_STATE_SUBMITTED"),
    ("TASK_STATE_WORKING", "working", "TASK_STATE_WORKING"),
)
INTERRUPTED = (
    ("TASK_STATE_INPUT_REQUIRED", "input-required", "TASK_STATE_INPUT_REQUIRED"),
    ("TASK_STATE_AUTH_REQUIRED", "auth-required", "TASK_STATE_AUTH_REQUIRED"),
)
TERMINAL = (
    ("TASK_STATE_COMPLETED", "completed", "TASK_STATE_COMPLETED"),
    ("TASK_STATE_FAILED", "failed", "TASK_STATE_FAILED"),
    ("TASK_STATE_CANCELED", "canceled", "TASK_STATE_CANCELLED"),
    ("TASK_STATE_REJECTED", "rejected", "TASK_STATE_REJECTED"),
)


async def check_final(rig: Rig, north: str, south: str, *, interrupted: bool) -> None:
    before = [reached(*names, final=False) for names in NOT_FINAL]
    lasts = [
        *(reached(*names, final=interrupted) for names in INTERRUPTED),
        *(reached(*names, final=True) for names in TERMINAL),
    ]
    for last in lasts:
        results = (BEGUN, *before, last)
        heard = await rig.hear(north, south, SEND_STREAMING_MESSAGE, HI, Play(results))
        assert heard == Heard(as_heard(north, SEND_STREAMING_MESSAGE, results))


@old_caller
@every_agent
async def test_final_is_said_of_terminal_states(rig: Rig, north: str, south: str) -> None:
    await check_final(rig, north, south, interrupted=False)


@old_caller
@every_agent
async def test_final_may_be_said_of_interrupted_states_too(other: Rig, north: str, south: str) -> None:
    await check_final(other, north, south, interrupted=True)


# `blocking`, which 0.3 may leave open


WAITS, RETURNS = True, False
UNSAID: Mapping[Spelling, tuple[JsonValue, ...]] = {
    Spelling.DIALECT: (
        HI.dialect,
        {**members(HI.dialect), "configuration": {}},
        {**members(HI.dialect), "configuration": {"acceptedOutputModes": ["text/plain"]}},
    ),
    Spelling.PROTO: (HI.proto,),
}
"""Requests that do not say whether they wait."""


def waits(south: str, request: JsonValue) -> bool:
    """What an agent was told: in 1.0 by `returnImmediately`, in 0.3 by `blocking`, which there is always said."""
    configuration = members(members(request).get("configuration", {}))
    match spelling_of(south):
        case Spelling.NEW:
            return not configuration.get("returnImmediately", False)
        case Spelling.DIALECT:
            return bool(configuration["blocking"])
        case Spelling.PROTO:
            return bool(configuration.get("blocking", False))


async def told(rig: Rig, north: str, south: str, request: JsonValue) -> bool:
    heard = await rig.hear(north, south, SEND_MESSAGE, Spelled(request, request, request), Play((A_MESSAGE,)))
    assert heard.failure is None
    (asked,) = rig.agents[south].asked()
    return waits(south, asked.request)


@old_caller
@every_agent
async def test_blocking_unsaid_waits(rig: Rig, north: str, south: str) -> None:
    requests = UNSAID[spelling_of(north)]
    assert [await told(rig, north, south, request) for request in requests] == [WAITS] * len(requests)


@old_caller
@every_agent
async def test_blocking_unsaid_may_be_set_to_return(other: Rig, north: str, south: str) -> None:
    requests = UNSAID[spelling_of(north)]
    assert [await told(other, north, south, request) for request in requests] == [RETURNS] * len(requests)


@old_caller
@every_agent
async def test_blocking_that_is_said_counts(rig: Rig, other: Rig, north: str, south: str) -> None:
    old = members(HI[spelling_of(north)])
    for gateway in (rig, other):
        for blocking in (WAITS, RETURNS):
            assert await told(gateway, north, south, {**old, "configuration": {"blocking": blocking}}) is blocking


@pytest.mark.parametrize("north", of(Spelling.PROTO))
@every_agent
async def test_configuration_of_a2a_v1_always_says_it(rig: Rig, north: str, south: str) -> None:
    """False is what protobuf does not write."""
    assert await told(rig, north, south, {**members(HI.proto), "configuration": {}}) is RETURNS


@pytest.mark.parametrize("north", of(Spelling.NEW))
@every_agent
async def test_caller_of_1_0_waits_unless_it_says_otherwise(rig: Rig, other: Rig, north: str, south: str) -> None:
    for gateway in (rig, other):
        assert await told(gateway, north, south, HI.new) is WAITS
        for returns in (True, False):
            request: Json = {**members(HI.new), "configuration": {"returnImmediately": returns}}
            assert await told(gateway, north, south, request) is not returns


# A history of length 0, which is none of it in 1.0 and all of it in 0.3


NO_HISTORY = {
    SEND_MESSAGE: {**members(HI.new), "configuration": {"historyLength": 0}},
    GET_TASK: {"id": "task-1", "historyLength": 0},
}
WITH_HISTORY = {SEND_MESSAGE: A_TASK, GET_TASK: TASK}


@pytest.mark.parametrize("north", of(Spelling.NEW))
@old_agent
@pytest.mark.parametrize("operation", NO_HISTORY, ids=str)
async def test_history_is_left_out_of_what_an_agent_of_0_3_answers(
    rig: Rig, operation: Operation, north: str, south: str
) -> None:
    request = cast(JsonValue, NO_HISTORY[operation])
    answer = WITH_HISTORY[operation]
    heard = await rig.hear(north, south, operation, Spelled(request, None, None), Play((answer,)))
    expected = as_heard(north, operation, (answer,))[0]
    task = expected.get("task", expected)
    assert task.pop("history")
    assert heard == Heard((expected,))


@pytest.mark.parametrize("north", of(Spelling.NEW))
@old_agent
async def test_history_is_left_out_of_the_task_that_begins_a_stream(rig: Rig, north: str, south: str) -> None:
    request = cast(JsonValue, NO_HISTORY[SEND_MESSAGE])
    heard = await rig.hear(north, south, SEND_STREAMING_MESSAGE, Spelled(request, None, None), Play((A_TASK,)))
    (event,) = cast(Any, heard.results)
    assert "history" not in event["task"]


@pytest.mark.parametrize("north", of(Spelling.NEW))
@old_agent
async def test_a_message_has_no_history_to_leave_out(rig: Rig, north: str, south: str) -> None:
    request = cast(JsonValue, NO_HISTORY[SEND_MESSAGE])
    heard = await rig.hear(north, south, SEND_MESSAGE, Spelled(request, None, None), Play((A_MESSAGE,)))
    assert heard == Heard(as_heard(north, SEND_MESSAGE, (A_MESSAGE,)))


# Webhooks: pages, and one that is not named


def config(number: int) -> Spelled:
    url = f"https://example.com/{number}"
    return Spelled(
        {"id": f"config-{number}", "taskId": "task-1", "url": url},
        {"taskId": "task-1", "pushNotificationConfig": {"id": f"config-{number}", "url": url}},
        {
            "name": f"tasks/task-1/pushNotificationConfigs/config-{number}",
            "pushNotificationConfig": {"id": f"config-{number}", "url": url},
        },
    )


def page(*numbers: int, following: str = "") -> Spelled:
    configs = [config(number) for number in numbers]
    token: Json = {"nextPageToken": following} if following else {}
    return Spelled(
        {"configs": [one.new for one in configs], **token},
        [one.dialect for one in configs],
        {"configs": [one.proto for one in configs], **token},
    )


PAGES = (Play((page(1, 2, following="töken 2"),)), Play((page(3, following="3"),)), Play((page(4),)))
HAS_PAGES = of(Spelling.NEW, Spelling.PROTO)


@old_caller
@pytest.mark.parametrize("south", HAS_PAGES)
async def test_caller_of_0_3_gets_every_page(rig: Rig, north: str, south: str) -> None:
    heard = await rig.hear(north, south, LIST_PUSH_CONFIGS, THE_CONFIGS, *PAGES)
    assert heard == Heard(as_heard(north, LIST_PUSH_CONFIGS, (page(1, 2, 3, 4),)))
    first = members(THE_CONFIGS[spelling_of(south)])
    assert [asked.request for asked in rig.agents[south].asked()] == [
        first,
        {**first, "pageToken": "töken 2"},
        {**first, "pageToken": "3"},
    ]


@old_caller
@pytest.mark.parametrize("south", HAS_PAGES)
async def test_page_that_fails_fails_the_list(rig: Rig, north: str, south: str) -> None:
    kind = ErrorKind.TASK_NOT_FOUND
    failures = {edge: Failure(EDGES[edge].code(kind), "gone", (error_info(kind),)) for edge in (north, south)}
    heard = await rig.hear(north, south, LIST_PUSH_CONFIGS, THE_CONFIGS, PAGES[0], Play(failure=failures[south]))
    assert heard == Heard((), failures[north])


@old_caller
@pytest.mark.parametrize("south", HAS_PAGES)
async def test_list_without_an_end_fails(rig: Rig, north: str, south: str) -> None:
    kind = ErrorKind.INVALID_AGENT_RESPONSE
    heard = await rig.hear(north, south, LIST_PUSH_CONFIGS, THE_CONFIGS, PAGES[0])
    assert heard.failure is not None
    assert (heard.failure.code, heard.failure.details) == (EDGES[north].code(kind), (error_info(kind),))


@pytest.mark.parametrize("north", of(Spelling.NEW))
@pytest.mark.parametrize("south", HAS_PAGES)
async def test_caller_of_1_0_gets_one_page(rig: Rig, north: str, south: str) -> None:
    heard = await rig.hear(north, south, LIST_PUSH_CONFIGS, THE_CONFIGS, *PAGES)
    assert heard == Heard(as_heard(north, LIST_PUSH_CONFIGS, (page(1, 2, following="töken 2"),)))
    assert len(rig.agents[south].asked()) == 1


@pytest.mark.parametrize("north", of(Spelling.PROTO))
@pytest.mark.parametrize("south", HAS_PAGES)
async def test_caller_of_0_3_that_asks_for_a_page_gets_it(rig: Rig, north: str, south: str) -> None:
    """gRPC and HTTP+JSON of 0.3 have pages; only a size of 0 means all."""
    one = Spelled(None, None, {"parent": "tasks/task-1", "pageSize": 2})
    heard = await rig.hear(north, south, LIST_PUSH_CONFIGS, one, *PAGES)
    assert heard == Heard(as_heard(north, LIST_PUSH_CONFIGS, (page(1, 2, following="töken 2"),)))


@every_agent
async def test_webhook_that_is_not_named_is_the_first(rig: Rig, south: str) -> None:
    rig.agents[south].plays(LIST_PUSH_CONFIGS, Play((page(7, 8),)))
    heard = await rig.through("JSONRPC-0.3", south).call(GET_PUSH_CONFIG, THE_CONFIGS.dialect)
    assert heard == Heard((config(7).dialect,))
    asked = [(one.operation, one.request) for one in rig.agents[south].asked()]
    assert asked == [(LIST_PUSH_CONFIGS, THE_CONFIGS[spelling_of(south)])]


@every_agent
async def test_webhook_that_is_not_named_and_not_there(rig: Rig, south: str) -> None:
    kind = ErrorKind.TASK_NOT_FOUND
    rig.agents[south].plays(LIST_PUSH_CONFIGS, Play((page(),)))
    heard = await rig.through("JSONRPC-0.3", south).call(GET_PUSH_CONFIG, THE_CONFIGS.dialect)
    assert heard.failure is not None
    assert (heard.failure.code, heard.failure.details) == (EDGES["JSONRPC-0.3"].code(kind), (error_info(kind),))


@every_agent
async def test_webhook_to_delete_has_to_be_named(rig: Rig, south: str) -> None:
    kind = ErrorKind.INVALID_PARAMS
    rig.agents[south].plays(DELETE_PUSH_CONFIG, Play(silent=True))
    heard = await rig.through("JSONRPC-0.3", south).call(DELETE_PUSH_CONFIG, THE_CONFIGS.dialect)
    assert heard.failure is not None
    assert heard.failure.code == EDGES["JSONRPC-0.3"].code(kind)
    assert rig.agents[south].asked() == []


# The bytes of files on gRPC and HTTP+JSON of 0.3


def with_file(on_the_wire: str) -> Spelled:
    return Spelled(
        {"messageId": "m", "role": "ROLE_USER", "parts": [{"raw": BASE64, "filename": "f"}]},
        {
            "kind": "message",
            "messageId": "m",
            "role": "user",
            "parts": [{"kind": "file", "file": {"bytes": BASE64, "name": "f"}}],
        },
        {
            "messageId": "m",
            "role": "ROLE_USER",
            "content": [{"file": {"fileWithBytes": on_the_wire, "name": "f"}}],
        },
    )


async def check_file(rig: Rig, north: str, south: str, on_the_wire: str) -> None:
    file = with_file(on_the_wire)
    request = Spelled(
        {"message": file.new, "configuration": {}},
        {"message": file.dialect, "configuration": {"blocking": True}},
        {"message": file.proto, "configuration": {"blocking": True}},
    )
    answer = Spelled({"message": file.new}, file.dialect, {"message": file.proto})
    heard = await rig.hear(north, south, SEND_MESSAGE, request, Play((answer,)))
    assert heard == Heard(as_heard(north, SEND_MESSAGE, (answer,)))
    (asked,) = rig.agents[south].asked()
    assert asked.request == EDGES[south].language.request(SEND_MESSAGE, request[spelling_of(south)])


@every_caller
@every_agent
async def test_file_is_base64_text_as_the_majority_has_it(rig: Rig, north: str, south: str) -> None:
    await check_file(rig, north, south, BASE64_OF_BASE64)


@every_caller
@every_agent
async def test_file_may_be_set_to_be_the_bytes_themselves(other: Rig, north: str, south: str) -> None:
    await check_file(other, north, south, BASE64)


@pytest.mark.parametrize("north", of(Spelling.PROTO))
async def test_bytes_that_are_no_base64_text_are_refused_by_their_place(rig: Rig, north: str) -> None:
    kind = ErrorKind.INVALID_PARAMS
    request = Spelled(None, None, {"message": with_file(BASE64).proto})
    heard = await rig.hear(north, "GRPC-1.0", SEND_MESSAGE, request, Play((A_MESSAGE,)))
    assert heard.failure is not None
    assert heard.failure.code == EDGES[north].code(kind)
    violations = [cast(Any, one)["fieldViolations"] for one in heard.failure.details if "fieldViolations" in one]
    assert [one["field"] for (one,) in violations] == ["message.content[0].file.fileWithBytes"]
    assert "file_bytes: raw" in heard.failure.message


@every_caller
@pytest.mark.parametrize("south", of(Spelling.PROTO))
async def test_agents_bytes_that_are_no_base64_text_are_no_answer(rig: Rig, north: str, south: str) -> None:
    kind = ErrorKind.INVALID_AGENT_RESPONSE
    answer = Spelled(None, None, {"message": with_file(BASE64).proto})
    heard = await rig.hear(north, south, SEND_MESSAGE, HI, Play((answer,)))
    assert heard.failure is not None
    assert (heard.failure.code, heard.failure.details) == (EDGES[north].code(kind), (error_info(kind),))


# Ids with a slash, which the resource names of 0.3 cannot hold


SLASH = Spelled({"id": "a/b"}, {"id": "a/b"}, None)


@pytest.mark.parametrize("north", of(Spelling.NEW, Spelling.DIALECT))
@pytest.mark.parametrize("south", of(Spelling.NEW, Spelling.DIALECT))
async def test_id_with_a_slash(rig: Rig, north: str, south: str) -> None:
    heard = await rig.hear(north, south, GET_TASK, SLASH, Play((CANCELED,)))
    assert heard == Heard(as_heard(north, GET_TASK, (CANCELED,)))
    (asked,) = rig.agents[south].asked()
    assert asked.request == SLASH[spelling_of(south)]


@pytest.mark.parametrize("north", of(Spelling.NEW, Spelling.DIALECT))
@pytest.mark.parametrize("south", of(Spelling.PROTO))
async def test_id_with_a_slash_cannot_be_said_in_a_resource_name(rig: Rig, north: str, south: str) -> None:
    kind = ErrorKind.INVALID_PARAMS
    heard = await rig.hear(north, south, GET_TASK, SLASH, Play((CANCELED,)))
    assert rig.agents[south].asked() == []
    assert heard.failure is not None
    assert heard.failure.code == EDGES[north].code(kind)
    violations = [cast(Any, one)["fieldViolations"] for one in heard.failure.details if "fieldViolations" in one]
    assert [one["field"] for (one,) in violations] == ["id"]


@pytest.mark.parametrize("north", of(Spelling.PROTO))
@pytest.mark.parametrize("south", of(Spelling.NEW, Spelling.DIALECT))
async def test_answer_with_such_an_id_cannot_be_told_in_a_resource_name(rig: Rig, north: str, south: str) -> None:
    kind = ErrorKind.INVALID_AGENT_RESPONSE
    url = "https://example.com/1"
    answer = Spelled(
        {"id": "a/b", "taskId": "task-1", "url": url},
        {"taskId": "task-1", "pushNotificationConfig": {"id": "a/b", "url": url}},
        None,
    )
    heard = await rig.hear(north, south, GET_PUSH_CONFIG, THE_CONFIG, Play((answer,)))
    assert heard.failure is not None
    assert (heard.failure.code, heard.failure.details) == (EDGES[north].code(kind), (error_info(kind),))


async def test_resource_name_with_too_many_segments_is_refused(rig: Rig) -> None:
    kind = ErrorKind.INVALID_PARAMS
    name = Spelled(None, None, {"name": "tasks/a/b"})
    heard = await rig.hear("GRPC-0.3", "GRPC-1.0", GET_TASK, name, Play((CANCELED,)))
    assert heard.failure is not None
    assert heard.failure.code == EDGES["GRPC-0.3"].code(kind)
    assert {"@type": f"{PREFIX}google.rpc.BadRequest"}.items() <= heard.failure.details[-1].items()


# A stream that is taken up again


@every_caller
@old_agent
@pytest.mark.parametrize("call", [(SUBSCRIBE_TO_TASK, THE_TASK), (SEND_STREAMING_MESSAGE, HI)], ids=["again", "first"])
async def test_stream_of_0_3_may_begin_with_whatever_comes_next(
    rig: Rig, call: tuple[Operation, Spelled], north: str, south: str
) -> None:
    operation, request = call
    heard = await rig.hear(north, south, operation, request, Play((WORKS, DONE)))
    assert heard == Heard(as_heard(north, operation, (WORKS, DONE)))


async def check_begins_with_the_task(rig: Rig, north: str, south: str, operation: Operation, request: Spelled) -> None:
    kind = ErrorKind.INVALID_AGENT_RESPONSE
    heard = await rig.hear(north, south, operation, request, Play((WORKS, DONE)))
    assert heard.results == ()
    assert heard.failure is not None
    assert heard.failure.code == EDGES[north].code(kind)


@every_caller
@pytest.mark.parametrize("south", of(Spelling.NEW))
async def test_stream_of_1_0_begins_with_the_task(rig: Rig, north: str, south: str) -> None:
    await check_begins_with_the_task(rig, north, south, SEND_STREAMING_MESSAGE, HI)


@every_caller
@pytest.mark.parametrize("south", of(Spelling.NEW))
async def test_subscription_of_1_0_begins_with_the_task(rig: Rig, north: str, south: str) -> None:
    """Section 3.1.6 of the specification."""
    await check_begins_with_the_task(rig, north, south, SUBSCRIBE_TO_TASK, THE_TASK)


# Which agent is meant


@old_caller
async def test_default_agent_needs_no_name(rig: Rig, north: str) -> None:
    default = next(iter(EDGES))
    rig.agents[default].plays(SEND_STREAMING_MESSAGE, Play((BEGUN, WORKS, DONE)))
    heard = await EDGES[north].caller(rig.address(north), "").call(SEND_STREAMING_MESSAGE, HI[spelling_of(north)])
    assert heard == Heard(as_heard(north, SEND_STREAMING_MESSAGE, (BEGUN, WORKS, DONE)))


async def test_metadata_that_names_no_agent(rig: Rig) -> None:
    kind = ErrorKind.INVALID_PARAMS
    heard = await EDGES["GRPC-0.3"].caller(rig.address("GRPC-0.3"), "nobody").call(GET_TASK, THE_TASK.proto)
    assert heard.failure is not None
    assert heard.failure.code == EDGES["GRPC-0.3"].code(kind)


def test_both_versions_are_on_every_binding() -> None:
    bindings = {edge.binding for edge in EDGES.values()}
    assert {(edge.binding, edge.language.version) for edge in EDGES.values()} == {
        (binding, version) for binding in bindings for version in ("1.0", "0.3")
    }
    assert len(OLD) == len(bindings) == 3
