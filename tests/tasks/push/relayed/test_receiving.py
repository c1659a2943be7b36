"""The receiving route: strangers find nothing, agents' posts are bounded and kept before they are taken."""

import asyncio
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from gateway.app import Gateway
from gateway.settings import AgentSettings, Settings
from tests.fakes.events import Json
from tests.tasks.push.relayed.rig import COMPLETED, Caller, old_task, piece, pushing, relaying, status
from tests.tasks.push.webhook import Webhook, silent

pytestmark = pytest.mark.anyio

WORKING = "TASK_STATE_WORKING"


def seen(response: httpx.Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """All of an answer that could tell one from another."""
    return (
        response.status_code,
        [pair for pair in response.headers.multi_items() if pair[0] != "date"],
        response.content,
    )


async def test_strangers_find_nothing() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        caller = Caller(gateway.http)
        await caller.create(webhook.url, "mine")
        given = agent.configs["mine"]
        url, token = str(given["url"]), str(given["token"])
        body = json.dumps(status(COMPLETED))
        known = {"x-a2a-notification-token": token}
        attempts: list[tuple[str, str, dict[str, str]]] = [
            ("POST", f"http://{gateway.http}/nowhere/at/all", known),
            ("POST", f"http://{gateway.http}/push/x", known),
            ("POST", f"{url}x", known),
            ("POST", url[:-1] + ("A" if url[-1] != "A" else "B"), known),
            ("POST", url, {}),
            ("POST", url, {"x-a2a-notification-token": ""}),
            ("POST", url, {"x-a2a-notification-token": token[:-1]}),
            ("POST", url, {"authorization": f"Basic {token}"}),
            ("POST", url, {"x-a2a-notification-token": url.rpartition(".")[2]}),
            ("PUT", url, known),
        ]
        async with httpx.AsyncClient(trust_env=False) as client:
            answers = [
                seen(await client.request(method, at, content=body, headers=sent)) for method, at, sent in attempts
            ]
            await caller.delete("mine")
            answers.append(seen(await client.post(url, content=body, headers=known)))
        assert answers[0][0] == 404
        assert answers == [answers[0]] * len(answers)
        assert webhook.posts == []


@pytest.mark.parametrize("name", ["x-a2a-notification-token", "a2a-notification-token", "authorization"])
async def test_the_token_may_come_in_any_of_the_headers_that_agents_use(name: str) -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine")
        given = agent.configs["mine"]
        value = f"bearer {given['token']}" if name == "authorization" else str(given["token"])
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(str(given["url"]), content=json.dumps(status(COMPLETED)), headers={name: value})
        assert answer.status_code == 202
        await webhook.posted(1)


BAD: dict[str, bytes] = {
    "no JSON": b"nonsense",
    "nothing told": b"{}",
    "no task": json.dumps({"task": {"id": "", "status": {"state": WORKING}}}).encode(),
    "another task": json.dumps(status(COMPLETED, task_id="task-2")).encode(),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
async def test_what_cannot_be_used_is_refused(body: bytes) -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine")
        given = agent.configs["mine"]
        async with httpx.AsyncClient(trust_env=False) as client:
            headers = {"x-a2a-notification-token": str(given["token"])}
            answer = await client.post(str(given["url"]), content=body, headers=headers)
        assert answer.status_code == 400
        assert (await agent.post(status(COMPLETED))).status_code == 202
        assert [post.json for post in await webhook.posted(1)] == [status(COMPLETED)]


async def test_bodies_are_bounded() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent, limits={"json_bytes": 4096}) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine")
        assert (await agent.post(piece("x" * 5000))).status_code == 413
        assert (await agent.post(status(COMPLETED))).status_code == 202


async def test_a_body_must_arrive_in_time() -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent, limits={"body_s": 0.1}) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine")
        given = agent.configs["mine"]

        url = urlsplit(str(given["url"]))
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        head = f"POST {url.path} HTTP/1.1\r\nhost: x\r\nx-a2a-notification-token: {given['token']}\r\n"
        writer.write(f"{head}content-length: 100\r\n\r\n{{".encode())
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_too_much_that_waits_is_refused() -> None:
    async with pushing() as agent, Webhook(silent) as webhook, relaying(agent, push={"relayed_waiting": 2}) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine")
        codes = [(await agent.post(piece(str(number)))).status_code for number in range(3)]
        assert codes == [202, 202, 429]


REPEATS: dict[str, tuple[Json, int]] = {
    "a state": (status(WORKING, "2026-01-01T00:00:00Z"), 1),
    "a task of 0.3": (old_task("working"), 1),
    "an artifact from its beginning": (piece("x", append=False), 1),
    "a piece that goes on": (piece("x"), 2),
}


@pytest.mark.parametrize(("body", "times"), REPEATS.values(), ids=REPEATS)
async def test_what_an_agent_posts_again_is_told_once_where_it_says_nothing_new(body: Json, times: int) -> None:
    async with pushing() as agent, Webhook() as webhook, relaying(agent, push={"pace_s": 1e-6}) as gateway:
        await Caller(gateway.http).create(webhook.url, "mine")
        for count in (1, min(2, times)):
            assert (await agent.post(body)).status_code == 202
            await webhook.posted(count)
        assert (await agent.post(status(COMPLETED))).status_code == 202
        assert len(await webhook.posted(times + 1)) == times + 1


async def test_without_relaying_there_is_nothing_there(tmp_path: Path) -> None:
    async with pushing() as agent:
        passing = AgentSettings(name="agent", url=agent.url)
        settings = Settings(
            http="127.0.0.1:0", grpc="127.0.0.1:0", agents=(passing,), store=f"sqlite:///{tmp_path}/not-opened"
        )
        async with Gateway(settings) as gateway, Webhook() as webhook:
            await Caller(gateway.http).create(webhook.url, "mine")
            assert agent.configs["mine"]["url"] == webhook.url
            async with httpx.AsyncClient(trust_env=False) as client:
                assert (await client.post(f"http://{gateway.http}/push/x")).status_code == 404
    assert os.listdir(tmp_path) == []
