"""A gateway with a console: the stage, and a scripted agent over gRPC."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.app import Gateway
from gateway.settings import Settings
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events, scripted_grpc
from tests.fakes.scripted_grpc import ScriptedGrpcAgent

STAGE_URL = "python:tests.northbound.console.stage:STAGE"


def settings(store: Path, *agents: dict[str, Any], **changes: Any) -> Settings:
    given = {"http": "127.0.0.1:0", "grpc": "127.0.0.1:0", "store": f"sqlite:///{store / 'tasks.db'}"}
    stage = {"name": "stage", "url": STAGE_URL}
    return Settings.model_validate({**given, "agents": [stage, *agents], **changes})


WORDS = [events.task(), events.artifact("Hello "), events.artifact("there.", append=True), events.status(events.COMPLETED)]
"""What the agent over gRPC answers every message with."""


@asynccontextmanager
async def words() -> AsyncGenerator[ScriptedGrpcAgent]:
    card = scripted_grpc.answer(events.agent_card("https://elsewhere.example.com/", name="words"), a2a.AgentCard)
    streamed = [scripted_grpc.event(event) for event in WORDS]
    async with ScriptedGrpcAgent({"SendStreamingMessage": streamed, "GetExtendedAgentCard": [card]}) as agent:
        yield agent


@asynccontextmanager
async def serving(store: Path, *agents: dict[str, Any], **changes: Any) -> AsyncGenerator[Gateway]:
    async with Gateway(settings(store, *agents, **changes)) as gateway:
        yield gateway
