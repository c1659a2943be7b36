"""Delivery: in the caller's version, in order, by whichever gateway; what was taken from an agent outlives a gateway."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.events import Json
from tests.fakes.http_steps import json_error
from tests.interop.peers import serving_on
from tests.interop.processes import python, running
from tests.tasks.push.events import states_of
from tests.tasks.push.relayed.rig import (
    COMPLETED,
    TASK,
    Caller,
    old_task,
    piece,
    pushing,
    relaying,
    status,
)
from tests.tasks.push.webhook import Webhook, silent
from tests.tasks.push.webhook import status as answering

pytestmark = pytest.mark.anyio

WORKING, INPUT = "TASK_STATE_WORKING", "TASK_STATE_INPUT_REQUIRED"
SECRETS: Json = {"token": "t", "authentication": {"schemes": ["Bearer"], "credentials": "c"}}


async def test_a_new_caller_is_told_what_the_agent_tells() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent, push={"pace_s": 1e-6}) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine", token="t")
        told = [{"task": TASK}, status(WORKING), piece("a", append=False), status(COMPLETED)]
        for number, body in enumerate(told):
            await agent.post(body)
            await webhook.posted(number + 1)
        assert [post.json for post in webhook.posts] == told
        assert {post.headers["content-type"] for post in webhook.posts} == {"application/a2a+json"}
        assert {post.headers["x-a2a-notification-token"] for post in webhook.posts} == {"t"}


async def test_a_new_caller_of_an_old_agent_is_told_the_task() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine")
        await agent.post(old_task("working"))
        await webhook.posted(1)
        await agent.post(old_task("completed"))
        assert [post.json["task"]["status"]["state"] for post in await webhook.posted(2)] == [WORKING, COMPLETED]


async def test_an_old_caller_is_told_the_whole_task_of_a_new_agent() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        await Caller(gateway.http, "0.3").send_old({"url": webhook.url, **SECRETS})
        agent.task = {
            **TASK,
            "status": {"state": COMPLETED},
            "artifacts": [{"artifactId": "a", "parts": [{"text": "x"}]}],
        }
        await agent.post(status(COMPLETED))
        (post,) = await webhook.posted(1)
        assert post.json["kind"] == "task"
        assert post.json["status"]["state"] == "completed"
        assert post.json["artifacts"][0]["parts"] == [{"kind": "text", "text": "x"}]
        assert post.headers["content-type"] == "application/json"
        assert (post.headers["x-a2a-notification-token"], post.headers["authorization"]) == ("t", "Bearer c")


async def test_an_agent_that_wants_credentials_is_told_of_by_what_it_told() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        await Caller(gateway.http, "0.3").send_old({"url": webhook.url})
        agent.answers = {"GetTask": (json_error(-31401, "Authentication is required"),)}
        await agent.post(status(INPUT))
        (post,) = await webhook.posted(1)
        assert (post.json["id"], post.json["status"]["state"]) == ("task-1", "input-required")


async def test_an_agent_that_tells_before_it_knows() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        await Caller(gateway.http, "0.3").send_old({"url": webhook.url})
        await agent.post(status(COMPLETED))
        (post,) = await webhook.posted(1)
        assert post.json["status"]["state"] == "completed"


async def test_order_is_kept_while_the_webhook_fails() -> None:
    script = (answering(500), answering(503), answering(200))
    async with pushing() as agent, Webhook(*script) as webhook, relaying(agent) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine")
        for state in (WORKING, INPUT, WORKING, COMPLETED):
            await agent.post(status(state))
        posts = await webhook.posted(6)
        assert states_of([post.json for post in posts]) == ["working"] * 3 + ["input_required", "working", "completed"]


async def test_what_was_missed_is_made_up_for_by_the_whole_task() -> None:
    async with pushing() as agent, Webhook(answering(400), answering(200)) as webhook, relaying(agent) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine")
        await agent.post(piece("a", append=False))
        await webhook.posted(1)
        agent.task = {**TASK, "artifacts": [{"artifactId": "a", "parts": [{"text": "ab"}]}]}
        await agent.post(piece("b"))
        assert (await webhook.posted(2))[1].json == {"task": agent.task}


async def test_what_is_deleted_is_told_nothing_more() -> None:
    async with pushing() as agent, Webhook(silent) as webhook, relaying(agent, push={"timeout_s": 60}) as gateway:
        caller = Caller(gateway.http)
        await caller.create(webhook.url, "mine")
        for state in (WORKING, COMPLETED):
            await agent.post(status(state))
        await webhook.posted(1)
        await caller.delete("mine")
        async with asyncio.timeout(5):
            await webhook.connections[0].gone.wait()
        assert len(webhook.posts) == 1


async def test_what_was_taken_outlives_the_gateway(tmp_path: Path) -> None:
    """The gateway stops while the webhook is away; the next one tells it all."""
    store = f"sqlite:///{tmp_path / 'a2a.db'}"
    async with pushing() as agent, Webhook(silent) as webhook:
        async with relaying(agent, store, push={"timeout_s": 60}) as gateway:
            await Caller(gateway.http).create(webhook.url, "mine")
            for state in (WORKING, INPUT, COMPLETED):
                assert (await agent.post(status(state))).status_code == 202
            await webhook.posted(1)
        webhook.answer_with(answering(200))
        async with relaying(agent, store) as gateway:
            posts = await webhook.posted(4)
        assert states_of([post.json for post in posts]) == ["working", "working", "input_required", "completed"]


async def test_any_gateway_of_a_store_is_posted_to(postgres_url: str) -> None:
    """A subscription made at one gateway; posts go to both in turn, as behind a balancer, and stay in order."""
    states = [WORKING, INPUT] * 10 + [COMPLETED]
    async with pushing() as agent, Webhook(answering(503), answering(200)) as webhook:
        async with relaying(agent, postgres_url) as one, relaying(agent, postgres_url) as other:
            await Caller(one.http).create(webhook.url, "mine")
            given = agent.configs["mine"]
            elsewhere: Json = {**given, "url": str(given["url"]).replace(one.http, other.http)}
            for number, state in enumerate(states):
                config = elsewhere if number % 2 else given
                assert (await agent.post(status(state), config)).status_code == 202
            assert (await Caller(other.http).get("mine"))["url"] == webhook.url
            bodies = await _until_completed(webhook)
        told = [state.removeprefix("TASK_STATE_").lower() for state in states]
        assert states_of(bodies) == ["working", *told]


async def test_a_subscription_is_removed_after_its_task(tmp_path: Path) -> None:
    brief = {"kept_s": 0.01, "prune_s": 0.05, "lease_s": 0.1}
    async with pushing() as agent, Webhook() as webhook, relaying(agent, tasks=brief) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine")
        assert (await agent.post(status(WORKING))).status_code == 202
        await asyncio.sleep(0.2)
        assert (await agent.post(status(COMPLETED))).status_code == 202
        await webhook.posted(2)
        async with asyncio.timeout(5):
            while (await agent.post(status(COMPLETED, "2026-01-01T00:00:00Z"))).status_code != 404:
                await asyncio.sleep(0.2)


async def test_what_was_taken_outlives_a_gateway_that_is_killed(postgres_url: str, tmp_path: Path) -> None:
    async with pushing() as agent, Webhook(silent) as webhook:
        settings = {
            "store": postgres_url,
            "agents": [{"name": "agent", "url": agent.url, "push": "relay"}],
            "push": {"allow_networks": ["127.0.0.0/8"], "allow_http": True, "timeout_s": 60},
            "tasks": {"lease_s": 0.5},
        }
        (tmp_path / "gateway.yaml").write_text(json.dumps(settings))  # JSON is YAML
        serve = ("serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--config", str(tmp_path / "gateway.yaml"))
        with running(python("gateway", *serve), ready_within_s=60, ready_line=serving_on) as dying:
            await Caller(dying.ready["http"].removeprefix("http://")).create(webhook.url, "mine")
            assert (await agent.post(status(COMPLETED))).status_code == 202
            await webhook.posted(1)
            dying.process.kill()
        webhook.answer_with(answering(200))
        async with relaying(agent, postgres_url, tasks={"lease_s": 0.5}):
            posts = await webhook.posted(2)
        assert states_of([post.json for post in posts]) == ["completed", "completed"]


async def _until_completed(webhook: Webhook) -> list[Any]:
    count = 1
    while True:
        posts = await webhook.posted(count)
        if states_of([posts[-1].json])[0] == "completed":
            return [post.json for post in posts]
        count = len(posts) + 1
