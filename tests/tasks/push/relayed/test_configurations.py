"""Configurations: agents are given the gateway's webhook, callers see their own, and the guard stands before both."""

import json
from typing import Any

import pytest

from tests.fakes.http_steps import json_error, json_reply
from tests.tasks.push.relayed.rig import COMPLETED, Caller, piece, pushing, relaying, status
from tests.tasks.push.webhook import Webhook

pytestmark = pytest.mark.anyio

SECRETS = {"token": "caller-token", "authentication": {"scheme": "Bearer", "credentials": "caller-credentials"}}


async def test_an_agent_learns_nothing_of_the_webhook() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        caller = Caller(gateway.http)
        made = await caller.create(webhook.url, "mine", **SECRETS)
        assert made == {"id": "mine", "taskId": "task-1", "url": webhook.url, **SECRETS}
        given = agent.configs["mine"]
        assert str(given["url"]).startswith(f"http://{gateway.http}/push/")
        told = b"".join(request.body for request in agent.requests).decode()
        for secret in (webhook.url, "caller-token", "caller-credentials"):
            assert secret not in told
        assert given["authentication"] == {"scheme": "Bearer", "credentials": given["token"]}
        assert str(given["token"]) not in str(given["url"])


async def test_callers_see_what_they_gave() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        caller = Caller(gateway.http)
        await caller.create(webhook.url, "mine", **SECRETS)
        await caller.send({"url": webhook.url, "token": "inline"})
        inline = {"id": "task-1", "taskId": "task-1", "url": webhook.url, "token": "inline"}
        mine = {"id": "mine", "taskId": "task-1", "url": webhook.url, **SECRETS}
        assert await caller.get("mine") == mine
        assert await caller.get("task-1") == inline
        assert await caller.list() == [mine, inline]
        old = Caller(gateway.http, "0.3")
        assert (
            await old.call("tasks/pushNotificationConfig/get", {"id": "task-1", "pushNotificationConfigId": "mine"})
        )["pushNotificationConfig"]["url"] == webhook.url
        await caller.delete("mine")
        assert await caller.list() == [inline]
        assert [*agent.configs] == ["task-1"]


async def test_the_agent_stays_the_one_who_says_who_may_see_them() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        caller = Caller(gateway.http)
        await caller.create(webhook.url, "mine", **SECRETS)
        refusal = (json_error(-32001, "Task not found"),)
        agent.answers = {f"{verb}TaskPushNotificationConfig": refusal for verb in ("Get", "Delete")}
        agent.answers["ListTaskPushNotificationConfigs"] = refusal
        assert (await caller.get("mine"))["code"] == -32001
        assert (await caller.delete("mine"))["code"] == -32001
        assert (await caller.call("ListTaskPushNotificationConfigs", {"taskId": "task-1"}))["code"] == -32001
        agent.answers = {}
        assert (await caller.get("mine"))["url"] == webhook.url
        await agent.post(status(COMPLETED))
        await webhook.posted(1)


async def test_a_webhook_that_the_agent_has_from_elsewhere_is_shown_as_it_is() -> None:
    async with pushing() as agent, relaying(agent) as gateway:
        direct = {"id": "direct", "taskId": "task-1", "url": "https://elsewhere.example.com/push/abc.def"}
        agent.configs["direct"] = dict(direct)
        assert await Caller(gateway.http).get("direct") == direct


@pytest.mark.parametrize("url", ["http://10.0.0.1/", "https://169.254.169.254/latest", "ftp://example.com/", "x"])
async def test_the_guard_stands_before_the_agent(url: str) -> None:
    async with pushing() as agent, relaying(agent) as gateway:
        caller = Caller(gateway.http)
        refused = await caller.create(url)
        assert (refused["code"], refused["message"].partition(":")[0]) == (-32602, "url")
        for method in ("SendMessage", "SendStreamingMessage"):
            refused = await caller.send({"url": url}, method)
            assert refused["code"] == -32602
            assert refused["message"].startswith("configuration.taskPushNotificationConfig.url: ")
        assert [request.rpc for request in agent.requests if request.rpc] == []


async def test_what_an_agent_refuses_leaves_nothing_behind() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent, push={"per_task": 1}) as gateway:
        caller = Caller(gateway.http)
        unsupported = (json_error(-32003, "Push notifications are not supported"),)
        agent.answers = {"CreateTaskPushNotificationConfig": unsupported, "SendMessage": unsupported}
        for number in range(3):
            assert (await caller.create(webhook.url, f"c{number}"))["code"] == -32003
            assert (await caller.send({"url": webhook.url}, taskId="task-1"))["code"] == -32003
        agent.answers = {}
        assert (await caller.create(webhook.url, "mine"))["url"] == webhook.url


async def test_the_same_webhook_with_every_message_is_one() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent, push={"per_task": 1}) as gateway:
        caller = Caller(gateway.http)
        urls: set[Any] = set()
        for _ in range(3):
            await caller.send({"url": webhook.url}, taskId="task-1")
            urls.add(agent.configs["task-1"]["url"])
        assert len(urls) == 1


async def test_what_the_agent_has_replaced_does_not_count() -> None:
    """An agent may keep one configuration without an id a task: then others of the same task are gone."""
    async with pushing() as agent, Webhook() as webhook, relaying(agent, push={"per_task": 2}) as gateway:
        caller = Caller(gateway.http)
        for number in range(5):
            await caller.send({"url": webhook.url, "token": f"turn-{number}"}, taskId="task-1")
        assert [config["token"] for config in await caller.list()] == ["turn-4"]
        await caller.create(webhook.url, "second")
        refused = await caller.create(webhook.url, "third")
        assert "at most 2 webhooks" in refused["message"]
        await agent.post(status(COMPLETED), agent.configs["task-1"])
        assert (await webhook.posted(1))[0].headers["x-a2a-notification-token"] == "turn-4"


async def test_a_configuration_of_the_same_id_takes_the_place_of_the_other() -> None:
    async with pushing() as agent, Webhook() as first, Webhook() as second:
        async with relaying(agent, push={"per_task": 1}) as gateway:
            caller = Caller(gateway.http)
            await caller.create(first.url, "mine")
            await caller.create(second.url, "mine")
            assert [config["url"] for config in await caller.list()] == [second.url]
            assert (await agent.post(status(COMPLETED))).status_code == 202
            await second.posted(1)
            assert first.posts == []


async def test_a_caller_who_is_shown_nothing_takes_nothing_from_others() -> None:
    """Agents that keep callers apart show each its own; a stranger who knows the task must not end what it cannot see."""
    async with pushing() as agent, Webhook() as webhook, relaying(agent, push={"per_task": 1}) as gateway:
        caller = Caller(gateway.http)
        await caller.create(webhook.url, "mine")
        agent.answers = {
            "ListTaskPushNotificationConfigs": (json_reply({"configs": []}),),
            "CreateTaskPushNotificationConfig": (json_error(-32001, "Task not found"),),
        }
        for config_id in ("theirs", "mine"):
            assert (await caller.create(webhook.url, config_id, token="t"))["code"] == -32001
        assert (await agent.post(status(COMPLETED))).status_code == 202
        await webhook.posted(1)


async def test_an_old_caller_sees_what_it_gave() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        given = {"id": "mine", "url": webhook.url, "token": "t"}
        asked = {"taskId": "task-1", "pushNotificationConfig": given}
        old = Caller(gateway.http, "0.3")
        assert await old.call("tasks/pushNotificationConfig/set", asked) == asked
        assert await old.call("tasks/pushNotificationConfig/list", {"id": "task-1"}) == [asked]


async def test_an_answer_without_a_task_needs_no_webhook() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        said = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "no task"}]}
        agent.answers = {"SendMessage": (json_reply({"message": said}),)}
        await Caller(gateway.http).send({"url": webhook.url})
        sent = json.loads(agent.calls("SendMessage")[0].body)["params"]["configuration"]["taskPushNotificationConfig"]
        assert (await agent.post(status(COMPLETED), sent)).status_code == 404


async def test_a_stream_brings_its_webhook_along() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        caller = Caller(gateway.http)
        streamed = await caller.send({"url": webhook.url, "token": "t"}, "SendStreamingMessage")
        assert COMPLETED in streamed
        assert await caller.list() == [{"id": "task-1", "taskId": "task-1", "url": webhook.url, "token": "t"}]
        for body in (piece("a", append=False), status(COMPLETED)):
            assert (await agent.post(body)).status_code == 202
        assert [post.json for post in await webhook.posted(2)][-1] == status(COMPLETED)


async def test_messages_without_a_webhook_pass() -> None:
    async with pushing() as agent, relaying(agent) as gateway:
        assert (await Caller(gateway.http).send())["task"]["id"] == "task-1"
        assert agent.configs == {}
