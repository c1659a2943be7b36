"""A gateway of this process in front of scripted workers, on any store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from gateway.app import Gateway
from gateway.settings import AgentSettings, Limits, PushSettings, Settings
from gateway.settings.tasks import TaskSettings
from tests.fakes.events import Json

SCRIPTED = "python:tests.tasks.workers:Scripted"
COUNTING = "python:tests.tasks.workers:Counting"
QUICK: Json = {"write_s": 0.002, "stop_s": 0.3}


@asynccontextmanager
async def serving(
    *workers: str,
    store: str = "sqlite://",
    tasks: Json | None = None,
    push: dict[str, Any] | None = None,
    limits: Json | None = None,
) -> AsyncIterator[Gateway]:
    """A gateway with these workers, `agent-0` being the default one; Scripted where none is named."""
    agents = tuple(
        AgentSettings.model_validate({"name": f"agent-{number}", "url": url})
        for number, url in enumerate(workers or (SCRIPTED,))
    )
    settings = Settings(
        http="127.0.0.1:0",
        grpc="127.0.0.1:0",
        store=store,
        agents=agents,
        tasks=TaskSettings.model_validate({**QUICK, **(tasks or {})}),
        push=PushSettings.model_validate(push or {}),
        limits=Limits.model_validate({"drain_s": 1, **(limits or {})}),
    )
    async with Gateway(settings) as gateway:
        yield gateway

