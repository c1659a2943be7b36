"""Agents of the a2a-sdk that call back through the gateway: each version of caller, of agent, and each binding between.

The webhook is the caller's own and is told in the caller's version; the agent never learns where it is.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.interop.peers import BINDINGS, gateway, sdk03_agent, sdk_agent
from tests.interop.processes import Program
from tests.tasks.push.events import states_of
from tests.tasks.push.webhook import Posted, Webhook

# The first test may have to make the environment of 0.3.
pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

SECRETS = {"token": "caller-token"}
NEW, OLD = "1.0", "0.3"
REACHED = [("sdk", NEW, binding) for binding in BINDINGS]
REACHED += [("compat", OLD, binding) for binding in BINDINGS]
REACHED += [("sdk03", OLD, binding) for binding in BINDINGS]
"""An agent, the version that the gateway speaks to it, and the binding."""

STATES = {
    "sdk": ["submitted", "working", "completed"],
    "compat": ["submitted", "working", "completed"],
    # Of a call that is not streamed it tells the end alone.
    "sdk03": ["completed"],
}


@dataclass(frozen=True, slots=True)
class Relayed:
    gateway: Program

    async def call(self, agent: str, version: str, method: str, params: Any) -> Any:
        envelope = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            url = f"{self.gateway.ready['http']}/{agent}/"
            answer = await client.post(url, json=envelope, headers={"a2a-version": version})
        said = answer.json()
        assert "result" in said, said
        return said["result"]


def named(agent: str, binding: str) -> str:
    return f"{agent}-{binding.lower().replace('+', '-')}"


@pytest.fixture(scope="module")
def relayed(sdk03: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relayed]:
    """A gateway in front of agents that post, each on every binding."""
    folder = tmp_path_factory.mktemp("gateway")
    with sdk_agent("--post") as sdk, sdk_agent("--post", "--compat") as compat, sdk03_agent(sdk03, "--post") as old:
        agents = {"sdk": sdk, "compat": compat, "sdk03": old}
        settings = {
            "store": f"sqlite:///{folder / 'a2a.db'}",
            "push": {"allow_networks": ["127.0.0.0/8"], "allow_http": True, "pace_s": 0.01},
            "agents": [
                {
                    "name": named(agent, binding),
                    "url": agents[agent].ready["jsonrpc"],
                    "binding": binding,
                    "version": version,
                    "push": "relay",
                }
                for agent, version, binding in REACHED
            ],
        }
        (folder / "gateway.yaml").write_text(json.dumps(settings))  # JSON is YAML
        with gateway("--config", str(folder / "gateway.yaml")) as program:
            yield Relayed(program)


async def ended(webhook: Webhook) -> list[Posted]:
    """What was posted until the task was over."""
    count = 1
    while True:
        posts = await webhook.posted(count)
        if states_of([posts[-1].json])[0] == "completed":
            return posts
        count = len(posts) + 1


def text_of(artifacts: list[Any]) -> str:
    return "".join(part["text"] for artifact in artifacts for part in artifact["parts"])


@pytest.mark.parametrize(("agent", "version", "binding"), REACHED, ids=str)
async def test_a_caller_of_1_0(relayed: Relayed, agent: str, version: str, binding: str) -> None:
    name = named(agent, binding)
    message = {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "answer"}]}
    async with Webhook() as webhook:
        config = {"id": "mine", "url": webhook.url, **SECRETS}
        sent = await relayed.call(
            name, NEW, "SendMessage", {"message": message, "configuration": {"taskPushNotificationConfig": config}}
        )
        task = sent["task"]
        posts = await ended(webhook)
        got = await relayed.call(name, NEW, "GetTaskPushNotificationConfig", {"taskId": task["id"], "id": "mine"})
    assert got == {**config, "taskId": task["id"]}
    bodies = [post.json for post in posts]
    assert all(len(body) == 1 and set(body) <= {"task", "statusUpdate", "artifactUpdate"} for body in bodies)
    told = states_of(bodies)
    assert [state for index, state in enumerate(told) if state != "piece" and state not in told[:index]] == STATES[
        agent
    ]
    assert {body.get("task", {}).get("id") or next(iter(body.values()))["taskId"] for body in bodies} == {task["id"]}
    pieces = [body["artifactUpdate"]["artifact"] for body in bodies if "artifactUpdate" in body]
    whole = [body["task"].get("artifacts", []) for body in bodies if "task" in body][-1]
    assert text_of(pieces or whole) == text_of(task["artifacts"]) == "The quick brown fox"
    assert_ours(posts)


@pytest.mark.parametrize(("agent", "version", "binding"), REACHED, ids=str)
async def test_a_caller_of_0_3(relayed: Relayed, agent: str, version: str, binding: str) -> None:
    name = named(agent, binding)
    message = {"kind": "message", "messageId": "m-1", "role": "user", "parts": [{"kind": "text", "text": "answer"}]}
    async with Webhook() as webhook:
        config = {"id": "mine", "url": webhook.url, **SECRETS}
        task = await relayed.call(
            name, OLD, "message/send", {"message": message, "configuration": {"pushNotificationConfig": config}}
        )
        posts = await ended(webhook)
    bodies = [post.json for post in posts]
    assert {(body["kind"], body["id"]) for body in bodies} == {("task", task["id"])}
    assert text_of(bodies[-1]["artifacts"]) == "The quick brown fox"
    assert_ours(posts)


async def test_a_configuration_of_a_task_under_way(relayed: Relayed) -> None:
    message = {"messageId": "m-1", "role": "ROLE_USER", "parts": [{"text": "ask"}]}
    async with Webhook() as webhook:
        name = named("sdk", "JSONRPC")
        sent = await relayed.call(name, NEW, "SendMessage", {"message": message})
        task_id = sent["task"]["id"]
        config = {"taskId": task_id, "url": webhook.url, **SECRETS}
        made = await relayed.call(name, NEW, "CreateTaskPushNotificationConfig", config)
        assert made == {**config, "id": made["id"]}
        listed = await relayed.call(name, NEW, "ListTaskPushNotificationConfigs", {"taskId": task_id})
        assert listed == {"configs": [made]}
        answer = {"messageId": "m-2", "taskId": task_id, "role": "ROLE_USER", "parts": [{"text": "blue"}]}
        await relayed.call(name, NEW, "SendMessage", {"message": answer})
        posts = await ended(webhook)
    assert_ours(posts)


def assert_ours(posts: list[Posted]) -> None:
    """The gateway posted, and no SDK did, with what the caller gave."""
    assert {post.headers["user-agent"].partition("/")[0] for post in posts} == {"a2a-gateway"}
    assert {post.headers["x-a2a-notification-token"] for post in posts} == {SECRETS["token"]}
