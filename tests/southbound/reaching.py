"""An agent as the gateway reaches it, asked one thing."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from gateway.agent import CallContext
from gateway.operations import GET_TASK, SEND_MESSAGE
from gateway.settings import AgentSettings, Limits
from gateway.southbound.upstream import Upstream
from generated.a2a.v1.a2a_pb import GetTaskRequest, SendMessageRequest, Task
from tests.fakes import events
from tests.fakes.events import Json

HERE = CallContext()
TRANSPORT = "native"
"""What the agents are reached by; tests that hold for each of them ask for the fixture of this name."""


def limits(**changes: Any) -> Limits:
    return Limits.model_validate(changes)


@asynccontextmanager
async def reaching(url: str, *, bounds: Limits | None = None, **settings: Any) -> AsyncGenerator[Upstream]:
    """An agent of the configuration."""
    given = AgentSettings.model_validate({"name": "agent", "url": url, "transport": TRANSPORT, **settings})
    upstream = Upstream(given, bounds or limits())
    try:
        yield upstream
    finally:
        await upstream.close()


async def task_id(upstream: Upstream, context: CallContext = HERE, tenant: str = "") -> str:
    """The id of the task that the agent answers GetTask with. Raises GatewayError."""
    answer = await upstream.call(GET_TASK, GetTaskRequest(id="t", tenant=tenant), context)
    assert isinstance(answer.message, Task)
    return answer.message.id


async def send(upstream: Upstream) -> None:
    """Says something to the agent. Raises GatewayError."""
    await upstream.call(SEND_MESSAGE, SendMessageRequest.from_json(_SAID), HERE)


_SAID = json.dumps(events.send_params())


def interface(url: str, binding: str = "JSONRPC", version: str = "1.0", tenant: str = "") -> Json:
    named: Json = {"url": url, "protocolBinding": binding, "protocolVersion": version}
    return {**named, "tenant": tenant} if tenant else named


def leading_to(*interfaces: Json, **more: events.JsonValue) -> Json:
    """A card with these interfaces."""
    return {**events.agent_card("http://nowhere.invalid/"), "supportedInterfaces": list(interfaces), **more}
