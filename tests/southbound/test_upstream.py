"""What an agent sees of a call: its own tenant, its own headers, and never another caller's."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest

from gateway.agent import CallContext
from gateway.operations import GET_TASK
from gateway.settings import AgentSettings
from gateway.southbound.upstream import Upstream
from generated.a2a.v1 import a2a_pb as a2a
from generated.a2a.v1.a2a_pb import GetTaskRequest
from tests.fakes import events, scripted_grpc
from tests.fakes.http_steps import json_reply
from tests.fakes.scripted_grpc import ScriptedGrpcAgent
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.southbound.reaching import HERE, interface, leading_to, reaching, task_id
from tests.southbound.test_cards import shown

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport")]

TASK = events.bare_task("t")


@dataclass(frozen=True, slots=True)
class Seen:
    """One call as the agent saw it."""

    tenant: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rig:
    upstream: Upstream
    agent: ScriptedHttpAgent | ScriptedGrpcAgent

    def seen(self) -> list[Seen]:
        if isinstance(self.agent, ScriptedGrpcAgent):
            calls = self.agent.calls_of("GetTask")
            return [
                Seen(a2a.GetTaskRequest.from_binary(call.request).tenant, cast(dict[str, str], dict(call.metadata)))
                for call in calls
            ]
        requests = self.agent.calls("GetTask")
        params = [cast(dict[str, str], request.member("params")) for request in requests]
        return [
            Seen(one.get("tenant", ""), dict(request.headers)) for one, request in zip(params, requests, strict=True)
        ]


@asynccontextmanager
async def rig(binding: str, tenant_of_card: str = "", **settings: Any) -> AsyncGenerator[Rig]:
    """An agent over a binding, which its card names."""
    if binding == "JSONRPC":
        async with ScriptedHttpAgent({"*": [json_reply(TASK)]}) as agent:
            agent.card = shown(leading_to(interface(agent.url, tenant=tenant_of_card)))
            async with reaching(agent.url, **settings) as upstream:
                yield Rig(upstream, agent)
    else:
        async with ScriptedGrpcAgent({"*": [scripted_grpc.answer(TASK, a2a.Task)]}) as over_grpc:
            card = leading_to(interface(over_grpc.address, "GRPC", tenant=tenant_of_card))
            async with ScriptedHttpAgent({}, card=shown(card)) as host, reaching(host.url, **settings) as upstream:
                yield Rig(upstream, over_grpc)


both = pytest.mark.parametrize("binding", ["JSONRPC", "GRPC"])


@both
@pytest.mark.parametrize(
    ("of_card", "of_settings", "seen"),
    [("", None, ""), ("acme", None, "acme"), ("acme", "corp", "corp"), ("acme", "", ""), ("", "corp", "corp")],
)
@pytest.mark.parametrize("of_caller", ["", "gateway-name"])
async def test_an_agent_is_told_its_own_tenant(
    binding: str, of_card: str, of_settings: str | None, of_caller: str, seen: str
) -> None:
    async with rig(binding, of_card, tenant=of_settings) as it:
        request = GetTaskRequest(id="t", tenant=of_caller)
        await it.upstream.call(GET_TASK, request, HERE)
        assert [one.tenant for one in it.seen()] == [seen]
        assert request.tenant == of_caller, "the caller's request is the caller's"


@both
async def test_an_agents_headers_replace_the_callers(binding: str) -> None:
    context = CallContext(headers={"authorization": "Bearer caller", "traceparent": "00-1"})
    async with rig(binding, headers={"Authorization": "Bearer own", "X-Own": "1"}) as it:
        await task_id(it.upstream, context)
        (seen,) = it.seen()
    assert {name: seen.headers.get(name) for name in ("authorization", "traceparent", "x-own")} == {
        "authorization": "Bearer own",
        "traceparent": "00-1",
        "x-own": "1",
    }
    assert context.headers["authorization"] == "Bearer caller"


@both
async def test_a_caller_without_credentials_gets_no_others(binding: str) -> None:
    async with rig(binding) as it:
        await task_id(it.upstream, CallContext(headers={"authorization": "Bearer one"}))
        await task_id(it.upstream)
        assert [seen.headers.get("authorization") for seen in it.seen()] == ["Bearer one", None]


async def test_a_cookie_of_an_agent_reaches_no_other_caller() -> None:
    """What an agent sets for one caller would be seen as that caller's by the next."""
    remembering = json_reply(TASK, ("set-cookie", "session=of-the-first; Path=/"))
    async with ScriptedHttpAgent({"*": [remembering]}) as agent, reaching(agent.url) as upstream:
        await task_id(upstream)
        await task_id(upstream)
        assert [request.header("cookie") for request in agent.calls("GetTask")] == [None, None]


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with ScriptedHttpAgent({"*": [json_reply(TASK)]}) as agent, reaching(agent.url) as upstream:
        assert await task_id(upstream) == "t"


@pytest.mark.parametrize(
    "name", ["cookie", "host", "content-length", "te", "a2a-version", "grpc-timeout", ":path", "x y", ""]
)
def test_headers_that_an_agent_may_not_be_sent(name: str) -> None:
    with pytest.raises(ValueError, match="may not be forwarded"):
        AgentSettings.model_validate({"name": "a", "url": "http://h/", "headers": {name: "x"}})


@pytest.mark.parametrize("value", ["Zoë", "a\nb", "a\r\nx: y", "a\0", "\x7f"])
def test_header_values_that_no_agent_can_be_sent(value: str) -> None:
    with pytest.raises(ValueError, match="x-own"):
        AgentSettings.model_validate({"name": "a", "url": "http://h/", "headers": {"x-own": value}})
