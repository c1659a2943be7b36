"""Push notification configurations through every binding, and a webhook that is really told."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from gateway.app import Gateway
from gateway.worker import Ask, Chunk, Work, Yield, text_part
from generated.a2a.v1.a2a_pb import Message
from tests.fakes.events import Json
from tests.fakes.loopback import Connection, Loopback
from tests.tasks.asking import CALLERS, Caller, Grpc, JsonRpc, Refused, Rest, Seen, send, task_of
from tests.tasks.conftest import own_schema
from tests.tasks.rig import serving
from tests.tasks.workers import SCRIPTS

pytestmark = pytest.mark.anyio

PUSH: dict[str, Any] = {"allow_networks": ["127.0.0.0/8"], "allow_http": True, "pace_s": 0.01, "retry_s": 0.05}


class Webhook(Loopback):
    """Takes notifications; `told` are their bodies."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Json] = []
        self.heads: list[str] = []

    @property
    def url(self) -> str:
        return f"http://{self.address}/hook"

    @property
    def states(self) -> list[str]:
        return [state for body in self.told if (state := Seen(body).state)]

    async def serve(self, connection: Connection) -> None:
        while not connection.reader.at_eof():
            head = (await connection.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
            body = await connection.reader.readexactly(int(lines["content-length"]))
            self.heads.append(head)
            self.told.append(json.loads(body))
            await connection.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def until(self, state: str) -> None:
        async with asyncio.timeout(10):
            while state not in self.states:
                await asyncio.sleep(0.005)


@pytest.fixture
async def webhook() -> AsyncIterator[Webhook]:
    async with Webhook() as webhook:
        yield webhook


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with serving(push=PUSH) as gateway:
        yield gateway


@pytest.fixture(params=CALLERS)
async def caller(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[Caller]:
    kind: type[JsonRpc | Rest | Grpc] = CALLERS[request.param]
    async with kind(gateway) as caller:
        yield caller


def asks() -> None:
    async def script(work: Work) -> AsyncGenerator[Yield, Message | None]:
        yield Ask("and?")
        yield Chunk([text_part("done")])

    SCRIPTS["asks"] = script


async def test_configurations_are_made_read_listed_and_deleted(caller: Caller, webhook: Webhook) -> None:
    asks()
    task_id = str(task_of(await caller.call("SendMessage", send("asks")))["id"])
    made = [
        await caller.call("CreateTaskPushNotificationConfig", {"taskId": task_id, "url": webhook.url, **more})
        for more in ({}, {"id": "mine", "token": "secret"})
    ]
    assert made[0]["id"] not in ("", "mine")
    assert made[1]["id"] == "mine"
    for one in made:
        got = await caller.call("GetTaskPushNotificationConfig", {"taskId": task_id, "id": one["id"]})
        assert got == one
    listed = await caller.call("ListTaskPushNotificationConfigs", {"taskId": task_id})
    assert listed["configs"] == made
    first = await caller.call("ListTaskPushNotificationConfigs", {"taskId": task_id, "pageSize": 1})
    assert first["configs"] == made[:1]
    second = {"taskId": task_id, "pageSize": 1, "pageToken": first["nextPageToken"]}
    assert (await caller.call("ListTaskPushNotificationConfigs", second))["configs"] == made[1:]
    for _ in range(2):
        await caller.call("DeleteTaskPushNotificationConfig", {"taskId": task_id, "id": made[0]["id"]})
    with pytest.raises(Refused) as refused:
        await caller.call("GetTaskPushNotificationConfig", {"taskId": task_id, "id": made[0]["id"]})
    assert refused.value.reason == "TASK_NOT_FOUND"
    await caller.call("SendMessage", send("x", taskId=task_id))
    await webhook.until("COMPLETED")
    assert webhook.states == ["WORKING", "COMPLETED"]
    assert any("secret" in head for head in webhook.heads)
    assert [cast("dict[str, Any]", body)["artifactUpdate"]["artifact"]["parts"] for body in webhook.told if "artifactUpdate" in body] == [[{"text": "done"}]]


async def test_a_webhook_that_comes_with_the_message_hears_everything(caller: Caller, webhook: Webhook) -> None:
    asks()
    configuration: Json = {"taskPushNotificationConfig": {"url": webhook.url}}
    task = task_of(await caller.call("SendMessage", send("asks", configuration=configuration)))
    await webhook.until("INPUT_REQUIRED")
    await caller.call("SendMessage", send("x", taskId=task["id"]))
    await webhook.until("COMPLETED")
    assert webhook.states == ["WORKING", "INPUT_REQUIRED", "WORKING", "COMPLETED"]


async def test_what_no_webhook_may_be_refuses_the_message_before_there_is_a_task(caller: Caller) -> None:
    asks()
    configuration: Json = {"taskPushNotificationConfig": {"url": "http://169.254.169.254/"}}
    with pytest.raises(Refused) as refused:
        await caller.call("SendMessage", send("asks", configuration=configuration))
    assert refused.value.reason == "INVALID_PARAMS"
    assert (await caller.call("ListTasks", {})).get("totalSize", 0) == 0


@asynccontextmanager
async def two_gateways() -> AsyncIterator[tuple[Gateway, Gateway]]:
    async with own_schema() as url, serving(store=url, push=PUSH) as one, serving(store=url, push=PUSH) as other:
        yield one, other


async def test_a_webhook_made_on_another_gateway_is_told_by_the_one_that_works(webhook: Webhook) -> None:
    async with two_gateways() as (one, other), JsonRpc(one) as here, JsonRpc(other) as there:
        asks()
        task_id = str(task_of(await here.call("SendMessage", send("asks")))["id"])
        await there.call("CreateTaskPushNotificationConfig", {"taskId": task_id, "url": webhook.url})
        await asyncio.sleep(0.1)  # a notice of the database's
        await there.call("SendMessage", send("x", taskId=task_id))
        await webhook.until("COMPLETED")


async def test_messages_and_cancels_reach_the_gateway_that_works() -> None:
    async with two_gateways() as (one, other), JsonRpc(one) as here, JsonRpc(other) as there:
        asks()
        for caller, another in ((here, there), (there, here)):
            task = task_of(await caller.call("SendMessage", send("asks")))
            answer = task_of(await another.call("SendMessage", send("x", taskId=task["id"])))
            assert answer["status"]["state"] == "TASK_STATE_COMPLETED"  # type: ignore[index,call-overload] # JSON
            texts = [message["parts"][0]["text"] for message in cast("list[Any]", answer["history"])]
            assert texts == ["asks", "and?", "x"]
            task = task_of(await caller.call("SendMessage", send("asks")))
            streamed = await another.open("SubscribeToTask", {"id": task["id"]})
            canceled = await another.call("CancelTask", {"id": task["id"]})
            assert cast(Json, canceled["status"])["state"] == "TASK_STATE_CANCELED"
            assert (await streamed.rest())[-1].state == "CANCELED"
            with pytest.raises(Refused) as refused:
                await another.call("CancelTask", {"id": task["id"]})
            assert refused.value.reason == "TASK_NOT_CANCELABLE"
