"""An agent of fasta2a that says what it is asked to: `python -m benchmarks.peers.fasta2a_agent`.

Prints where it serves. Runs in fasta2a's own environment, so it imports nothing of the project but the plan.
"""

# Not seen by the type checker of the project, which does not know fasta2a.
# pyright: basic, reportMissingImports=false

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
import uvloop
from fasta2a import FastA2A, Worker
from fasta2a.broker import InMemoryBroker
from fasta2a.storage import InMemoryStorage

from benchmarks.wire.plan import event_text, plan_in

HOST = "127.0.0.1"


class Counter(Worker[Any]):
    """Publishes the events of the plan as updates of one artifact."""

    async def run_task(self, params: Any) -> None:
        plan = plan_in(json.dumps(params["message"]).encode())
        assert plan
        for number in range(plan.events):
            text = event_text(plan.stream, number).decode()
            artifact = {"artifact_id": "answer", "parts": [{"text": text}]}
            await self.publish_artifact(params["id"], params["context_id"], artifact)
        await self.storage.update_task(params["id"], state="completed")

    async def cancel_task(self, params: Any) -> None:
        raise NotImplementedError  # the worker must have it, and no scenario cancels

    def build_message_history(self, history: list[Any]) -> list[Any]:
        return history

    def build_artifacts(self, result: Any) -> list[Any]:
        return []


async def serve() -> None:
    storage, broker = InMemoryStorage(), InMemoryBroker()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastA2A) -> AsyncIterator[None]:
        async with app.task_manager, Counter(storage=storage, broker=broker).run():
            yield

    app = FastA2A(storage=storage, broker=broker, lifespan=lifespan)
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=0, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"host": HOST, "port": port}), flush=True)
    await serving


if __name__ == "__main__":
    uvloop.run(serve())
