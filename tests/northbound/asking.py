"""Two scripted agents behind a gateway, and one question put to it over either binding."""

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from gateway.app import Gateway
from gateway.settings import Settings
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events, http_steps, scripted_grpc
from tests.fakes.callers import GrpcCaller, HttpCaller, Outcome
from tests.fakes.events import Json
from tests.fakes.scripted_grpc import ScriptedGrpcAgent
from tests.fakes.scripted_http import ScriptedHttpAgent

Headers = tuple[tuple[str, str], ...]
SIGNED: Json = {"signatures": [{"protected": "e30", "signature": "c2ln"}]}
"""What a card may not say any more once it is rewritten."""
SAYING: Json = {
    "provider": {"organization": "Acme", "url": "https://acme.example.com"},
    "iconUrl": "https://acme.example.com/icon.png",
    "documentationUrl": "https://acme.example.com/docs",
    "capabilities": {
        "streaming": True,
        "pushNotifications": True,
        "extensions": [{"uri": "https://example.com/e", "required": False}],
    },
    "securitySchemes": {"token": {"httpAuthSecurityScheme": {"scheme": "Bearer"}}},
    "securityRequirements": [{"schemes": {"token": {"list": []}}}],
}
"""What a card goes on saying."""


def card(name: str, **more: events.JsonValue) -> Json:
    return {**events.agent_card("https://elsewhere.example.com/", name=name), **SAYING, **SIGNED, **more}


@dataclass(frozen=True, slots=True)
class Place:
    """A gateway; `words`, over gRPC, is its default agent, `scribe` is over JSON-RPC."""

    gateway: Gateway
    words: ScriptedGrpcAgent
    scribe: ScriptedHttpAgent

    def url(self, path: str = "/") -> str:
        return f"http://{self.gateway.http}{path}"

    async def get(self, path: str, headers: Headers = (), method: str = "GET") -> httpx.Response:
        async with httpx.AsyncClient(timeout=20, trust_env=False, verify=False) as caller:
            return await caller.request(method, self.url(path), headers=list(headers))

    async def card(self, path: str = "/", headers: Headers = ()) -> Any:
        return (await self.get(f"{path}.well-known/agent-card.json", headers)).json()

    async def post(
        self, path: str = "/", params: Json | None = None, headers: Headers = (), method: str = "GetTask"
    ) -> tuple[int, Any]:
        """The HTTP status and the JSON-RPC response of one call."""
        async with HttpCaller(self.url()) as caller:
            caller.path = path
            await caller.post(method, {"id": "t"} if params is None else params, headers=headers)
            received = await caller.read_all()
            return received.status, json.loads(bytes(received.body))

    async def call(self, tenant: str = "", metadata: Headers = (), method: str = "GetTask") -> Outcome:
        """What comes of one call over gRPC."""
        request = {
            "GetTask": lambda: a2a.GetTaskRequest(tenant=tenant, id="t"),
            "GetExtendedAgentCard": lambda: a2a.GetExtendedAgentCardRequest(tenant=tenant),
        }[method]()
        async with GrpcCaller(self.gateway.grpc) as caller:
            return await caller.call(method, request.to_binary(), metadata=metadata)

    def asked(self) -> list[str]:
        """The agents that were asked for a task since the last time, in no order; then they forget."""
        found = ["words" for call in self.words.calls if call.method == "GetTask"]
        found += ["scribe" for request in self.scribe.requests if request.rpc == "GetTask"]
        self.words.calls.clear()
        self.scribe.requests.clear()
        return found


def words_scripts() -> scripted_grpc.Scripts:
    return {
        "GetTask": [scripted_grpc.answer(events.bare_task("of-words"), a2a.Task)],
        "GetExtendedAgentCard": [scripted_grpc.answer(card("words"), a2a.AgentCard)],
    }


@asynccontextmanager
async def placed(**changes: Any) -> AsyncGenerator[Place]:
    """The place, with some settings changed; `words` and `scribe` hold changes of the agents' own."""
    async with AsyncExitStack() as stack:
        words = await stack.enter_async_context(ScriptedGrpcAgent(words_scripts()))
        scribe = await stack.enter_async_context(ScriptedHttpAgent({}))
        own = card("scribe")
        own["supportedInterfaces"] = events.agent_card(scribe.url)["supportedInterfaces"]
        scribe.card = [http_steps.reply(200, http_steps.JSON_HEAD, json.dumps(own).encode())]
        scribe.scripts = {
            "GetTask": [http_steps.json_reply(events.bare_task("of-scribe"))],
            "GetExtendedAgentCard": [http_steps.json_reply(own)],
        }
        agents = [
            {"name": "words", "url": words.url, **changes.pop("words", {})},
            {"name": "scribe", "url": scribe.url, **changes.pop("scribe", {})},
        ]
        settings = Settings.model_validate({"http": "127.0.0.1:0", "grpc": "127.0.0.1:0", "agents": agents, **changes})
        yield Place(await stack.enter_async_context(Gateway(settings)), words, scribe)
