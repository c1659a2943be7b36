"""Callers that are told apart: what belongs to another is as what is not there, byte for byte, in every operation."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, cast

import pytest

from gateway.app import Gateway
from gateway.operations import OPERATIONS
from gateway.worker import Status, Work, Yield
from generated.a2a.v1.a2a_pb import Message, TaskState
from tests.fakes.events import Json
from tests.tasks.asking import CALLERS, Caller, Grpc, JsonRpc, Refused, Rest, send, task_of
from tests.tasks.rig import SCRIPTED, serving
from tests.tasks.workers import SCRIPTS

pytestmark = pytest.mark.anyio

ME, YOU = {"x-user": "me"}, {"x-user": "you"}
HOOK = {"id": "h", "url": "http://127.0.0.1:9/hook"}

REQUESTS: dict[str, Callable[[str], Json]] = {
    "SendMessage": lambda task_id: send("x", taskId=task_id),
    "SendStreamingMessage": lambda task_id: send("x", taskId=task_id),
    "GetTask": lambda task_id: {"id": task_id},
    "CancelTask": lambda task_id: {"id": task_id},
    "SubscribeToTask": lambda task_id: {"id": task_id},
    "CreateTaskPushNotificationConfig": lambda task_id: {"taskId": task_id, **cast(Json, HOOK)},
    "GetTaskPushNotificationConfig": lambda task_id: {"taskId": task_id, "id": "h"},
    "ListTaskPushNotificationConfigs": lambda task_id: {"taskId": task_id},
    "DeleteTaskPushNotificationConfig": lambda task_id: {"taskId": task_id, "id": "h"},
}
"""Every operation on a task that its request names."""


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    push: dict[str, Any] = {"allow_networks": ["127.0.0.0/8"], "allow_http": True, "tries": 1}
    async with serving(SCRIPTED, SCRIPTED, tasks={"principal_header": "x-user"}, push=push) as gateway:
        yield gateway


@pytest.fixture(params=CALLERS)
async def caller(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[Caller]:
    kind: type[JsonRpc | Rest | Grpc] = CALLERS[request.param]
    async with kind(gateway) as caller:
        yield caller


def test_no_operation_on_a_task_is_left_out() -> None:
    without = {"ListTasks", "GetExtendedAgentCard"}
    assert set(REQUESTS) == {operation.name for operation in OPERATIONS} - without


async def refusal(caller: Caller, rpc: str, task_id: str, headers: dict[str, str]) -> tuple[str, str, bytes]:
    streams = rpc in ("SendStreamingMessage", "SubscribeToTask")
    with pytest.raises(Refused) as refused:
        await (caller.open if streams else caller.call)(rpc, REQUESTS[rpc](task_id), headers)
    return refused.value.reason, refused.value.text, refused.value.raw


@pytest.mark.parametrize("rpc", REQUESTS)
@pytest.mark.parametrize("stage", ["live", "in the store", "over"])
async def test_anothers_task_is_as_unknown_as_no_task(caller: Caller, rpc: str, stage: str) -> None:
    go = asyncio.Event()

    async def script(work: Work) -> AsyncGenerator[Yield, Message | None]:
        yield "x"
        if stage == "live":
            await go.wait()
        elif stage == "in the store":
            yield Status(TaskState.INPUT_REQUIRED)

    SCRIPTS["works"] = script
    sent = send("works", configuration={"returnImmediately": stage == "live"})
    task_id = str(task_of(await caller.call("SendMessage", sent, ME))["id"])
    unknown = task_id[:-8] + "00000000"
    foreign = await refusal(caller, rpc, task_id, YOU)
    assert foreign == await refusal(caller, rpc, unknown, YOU)
    assert foreign == await refusal(caller, rpc, unknown, ME)
    assert foreign[0] == "TASK_NOT_FOUND"
    other_agent = type(caller)(caller.gateway, "agent-1")  # type: ignore[call-arg,attr-defined] # each has and takes them
    async with other_agent:
        assert (await refusal(other_agent, rpc, task_id, ME))[:2] == foreign[:2]
    with pytest.raises(Refused) as refused:
        await caller.call("GetTask", {"id": task_id})
    assert refused.value.reason == "UNAUTHENTICATED"
    assert (await caller.call("GetTask", {"id": task_id}, ME))["id"] == task_id
    go.set()


async def test_a_list_is_its_callers_own(caller: Caller) -> None:
    async def script(work: Work) -> AsyncGenerator[Yield, Message | None]:
        yield "x"

    SCRIPTS["works"] = script
    mine = task_of(await caller.call("SendMessage", send("works", contextId="shared"), ME))
    yours = task_of(await caller.call("SendMessage", send("works", contextId="shared"), YOU))
    for headers, own in ((ME, mine), (YOU, yours)):
        for query in ({}, {"contextId": "shared"}, {"status": "TASK_STATE_COMPLETED"}):
            page = await caller.call("ListTasks", cast(Json, query), headers)
            assert [task["id"] for task in cast("list[Json]", page["tasks"])] == [own["id"]]
            assert page["totalSize"] == 1
    with pytest.raises(Refused):
        await caller.call("ListTasks", {})
    await caller.call("SendMessage", send("works"), ME)
    token = (await caller.call("ListTasks", {"pageSize": 1}, ME))["nextPageToken"]
    with pytest.raises(Refused) as refused:
        await caller.call("ListTasks", {"pageSize": 1, "pageToken": token}, YOU)
    assert refused.value.reason == "INVALID_PARAMS"
