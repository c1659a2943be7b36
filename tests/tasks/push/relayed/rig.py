"""A gateway with `push: relay`, an agent that posts when it is told to, and callers of both versions."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx

from gateway.app import Gateway
from gateway.settings import AgentSettings, Limits, PushSettings, Settings, TaskSettings
from tests.fakes import events
from tests.fakes.events import Json
from tests.fakes.http_steps import Request, Script, json_error, json_reply, sse
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.tasks.push.webhook import LOOPBACK

TASK: Json = {"id": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_WORKING"}}
COMPLETED = "TASK_STATE_COMPLETED"


class PushingAgent(ScriptedHttpAgent):
    """An agent of 1.0 over JSON-RPC that keeps configurations as the SDKs do: one of the same id is replaced."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.configs: dict[str, Json] = {}
        self.task: Json = dict(TASK)
        self.answers: dict[str, Script] = {}
        """By method, what is answered in place of the usual."""
        self._client = httpx.AsyncClient(timeout=20, trust_env=False)

    async def post(self, body: Any, config: Json | None = None, **headers: str) -> httpx.Response:
        """Posts to the webhook of a configuration, as SDKs do."""
        given = config or next(iter(self.configs.values()))
        token = {"x-a2a-notification-token": str(given["token"])}
        return await self._client.post(str(given["url"]), content=json.dumps(body), headers={**token, **headers})

    async def close(self) -> None:
        await self._client.aclose()

    def _answer(self, request: Request) -> Script:
        if (script := self.answers.get(request.rpc)) is not None:
            return script
        params = cast(Json, request.member("params"))
        named = params.get("id", "")
        match request.rpc:
            case "GetTask":
                return (json_reply(self.task),)
            case "SendMessage" | "SendStreamingMessage":
                config = cast(Json, params.get("configuration") or {}).get("taskPushNotificationConfig")
                if config is not None:
                    self._keep(cast(Json, config))
                answer: Json = {"task": self.task}
                if request.rpc == "SendMessage":
                    return (json_reply(answer),)
                return (sse(answer), sse(status(COMPLETED)))
            case "CreateTaskPushNotificationConfig":
                return (json_reply(self._keep(params)),)
            case "GetTaskPushNotificationConfig" if named in self.configs:
                return (json_reply(self.configs[str(named)]),)
            case "ListTaskPushNotificationConfigs":
                return (json_reply({"configs": [*self.configs.values()]}),)
            case "DeleteTaskPushNotificationConfig":
                self.configs.pop(str(named), None)
                return (json_reply({}),)
            case _:
                return (json_error(-32001, "Task not found"),)

    def _keep(self, config: Json) -> Json:
        kept: Json = {**config, "id": config.get("id") or "task-1", "taskId": "task-1"}
        self.configs[str(kept["id"])] = kept
        return kept


def status(state: str, timestamp: str = "", task_id: str = "task-1") -> Json:
    inner: Json = {"state": state, **({"timestamp": timestamp} if timestamp else {})}
    return {"statusUpdate": {"taskId": task_id, "contextId": "context-1", "status": inner}}


def piece(text: str, *, append: bool = True) -> Json:
    artifact: Json = {"artifactId": "a", "parts": [{"text": text}]}
    update: Json = {
        "taskId": "task-1",
        "contextId": "context-1",
        "artifact": artifact,
        **({"append": True} if append else {}),
    }
    return {"artifactUpdate": update}


def old_task(state: str) -> Json:
    return {"kind": "task", "id": "task-1", "contextId": "context-1", "status": {"state": state}}


class Caller:
    """Calls over JSON-RPC; results are as they stand on the wire, errors are their codes."""

    def __init__(self, address: str, version: str = "1.0") -> None:
        self._url = f"http://{address}/"
        self._version = version

    async def call(self, method: str, params: Json) -> Any:
        envelope = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            answer = await client.post(self._url, json=envelope, headers={"a2a-version": self._version})
        if answer.headers["content-type"].startswith("text/event-stream"):
            return answer.text
        said = answer.json()
        return said["result"] if "result" in said else said["error"]

    async def send(self, config: Json | None = None, method: str = "SendMessage", **more: Any) -> Any:
        configuration: Json = {} if config is None else {"taskPushNotificationConfig": config}
        message = {**events.bare_message("hi", role="ROLE_USER"), **more}
        return await self.call(method, {"message": message, "configuration": configuration})

    async def send_old(self, config: Json) -> Any:
        message: Json = {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "x"}]}
        return await self.call(
            "message/send", {"message": message, "configuration": {"pushNotificationConfig": config}}
        )

    async def create(self, url: str, config_id: str = "", **more: Any) -> Any:
        named: Json = {"id": config_id} if config_id else {}
        return await self.call("CreateTaskPushNotificationConfig", {"taskId": "task-1", "url": url, **named, **more})

    async def get(self, config_id: str) -> Any:
        return await self.call("GetTaskPushNotificationConfig", {"taskId": "task-1", "id": config_id})

    async def list(self) -> Any:
        return (await self.call("ListTaskPushNotificationConfigs", {"taskId": "task-1"})).get("configs", [])

    async def delete(self, config_id: str) -> Any:
        return await self.call("DeleteTaskPushNotificationConfig", {"taskId": "task-1", "id": config_id})


@asynccontextmanager
async def relaying(
    agent: ScriptedHttpAgent,
    store: str = "sqlite://",
    *,
    push: dict[str, Any] | None = None,
    tasks: dict[str, Any] | None = None,
    limits: dict[str, Any] | None = None,
) -> AsyncIterator[Gateway]:
    quick = {"allow_networks": (LOOPBACK,), "allow_http": True, "retry_s": 0.01, "retry_max_s": 0.02, "pace_s": 0.01}
    settings = Settings(
        http="127.0.0.1:0",
        grpc="127.0.0.1:0",
        store=store,
        agents=(AgentSettings(name="agent", url=agent.url, push="relay"),),
        push=PushSettings.model_validate({**quick, **(push or {})}),
        tasks=TaskSettings.model_validate({"stop_s": 0.3, **(tasks or {})}),
        limits=Limits.model_validate({"drain_s": 1, **(limits or {})}),
    )
    async with Gateway(settings) as gateway:
        yield gateway


@asynccontextmanager
async def pushing() -> AsyncIterator[PushingAgent]:
    async with PushingAgent() as agent:
        try:
            yield agent
        finally:
            await agent.close()
