"""A gateway of the a2a-sdk's own parts: `python -m benchmarks.peers.sdk_gateway executor|handler GRPC_ADDRESS SSE_URL`.

Its servers of both bindings, each with its client of the other one behind: as the executor of its
default request handler, which keeps tasks; or, leaner than its documentation proposes, in place of
that handler. Prints where it serves.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import grpc
import httpx
import uvicorn
import uvloop
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import Event, EventQueue
from a2a.server.request_handlers import DefaultRequestHandler, GrpcHandler, RequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    Message,
    SendMessageRequest,
    StreamResponse,
    Task,
    a2a_pb2_grpc,
)
from starlette.applications import Starlette

HOST = "127.0.0.1"
MAX_EVENTS_AHEAD = 256


def card(binding: str, url: str) -> AgentCard:
    return AgentCard(
        name="Benchmark",
        description="Relays.",
        version="1.0.0",
        supported_interfaces=[AgentInterface(url=url, protocol_binding=binding, protocol_version="1.0")],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id="say", name="Say", description="Says it.", tags=["benchmark"])],
    )


def payload(event: StreamResponse) -> Event:
    return getattr(event, cast("str", event.WhichOneof("payload")))


class Pace:
    """How far the reader of a call is: the SDK drops one that is more than 1,024 events behind."""

    def __init__(self) -> None:
        self.ahead = 0
        self._moved = asyncio.Event()

    def took_one(self) -> None:
        self.ahead -= 1
        self._moved.set()

    async def produced_one(self) -> None:
        self.ahead += 1
        while self.ahead > MAX_EVENTS_AHEAD:
            self._moved.clear()
            await self._moved.wait()


class Relay(AgentExecutor):
    """Asks the agent behind, and takes its events over under the ids that the SDK gave the task."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        pace: Pace | None = context.call_context.state.get("pace")
        async for event in self._client.send_message(SendMessageRequest(message=context.message)):
            taken = payload(event)
            if isinstance(taken, Task):
                taken.id, taken.context_id = context.task_id or "", context.context_id or ""
            elif not isinstance(taken, Message):
                taken.task_id, taken.context_id = context.task_id or "", context.context_id or ""
            await event_queue.enqueue_event(taken)
            if pace:
                await pace.produced_one()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        raise NotImplementedError  # an executor must have it, and no scenario cancels


class PacedHandler(DefaultRequestHandler):
    """The SDK's handler, which tells the executor how far the reader is."""

    async def on_message_send_stream(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event, None]:
        context.state["pace"] = pace = Pace()
        stream: AsyncGenerator[Event, None] = cast("Any", super()).on_message_send_stream(params, context)
        async with contextlib.aclosing(stream) as events:
            async for event in events:
                yield event
                pace.took_one()


class RelayHandler(DefaultRequestHandler):
    """In place of the SDK's handler: no task store, no queue, no task of its own."""

    def __init__(self, client: Client, agent_card: AgentCard) -> None:
        super().__init__(Relay(client), InMemoryTaskStore(), agent_card)
        self._client = client

    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Task | Message:
        answer = [payload(event) async for event in self._client.send_message(params)][-1]
        return cast("Task | Message", answer)

    async def on_message_send_stream(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event, None]:
        events: AsyncIterator[StreamResponse] = self._client.send_message(params)
        async with contextlib.aclosing(cast("AsyncGenerator[StreamResponse]", events)):
            async for event in events:
                yield payload(event)


def handler(way: str, client: Client, agent_card: AgentCard) -> RequestHandler:
    if way == "handler":
        return RelayHandler(client, agent_card)
    return PacedHandler(Relay(client), InMemoryTaskStore(), agent_card)


async def serve(way: str, grpc_address: str, sse_url: str) -> None:
    http_client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=None)
    clients = ClientFactory(
        ClientConfig(
            httpx_client=http_client,
            grpc_channel_factory=grpc.aio.insecure_channel,
            supported_protocol_bindings=["JSONRPC", "GRPC"],
        )
    )
    grpc_server = grpc.aio.server()
    to_sse = handler(way, clients.create(card("JSONRPC", sse_url)), card("GRPC", "unused:1"))
    cast("Any", a2a_pb2_grpc).add_A2AServiceServicer_to_server(GrpcHandler(to_sse), grpc_server)
    grpc_port = grpc_server.add_insecure_port(f"{HOST}:0")
    await grpc_server.start()

    front = card("JSONRPC", f"http://{HOST}/")
    to_grpc = handler(way, clients.create(card("GRPC", grpc_address)), front)
    app = Starlette(routes=[*create_agent_card_routes(front), *create_jsonrpc_routes(to_grpc, "/")])
    config = uvicorn.Config(app, host=HOST, port=0, log_level="warning", lifespan="off", backlog=4096)
    http_server = uvicorn.Server(config)
    serving = asyncio.create_task(http_server.serve())
    while not http_server.started:
        await asyncio.sleep(0.01)
    http_port = http_server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"host": HOST, "http": http_port, "grpc": grpc_port}), flush=True)
    await serving


if __name__ == "__main__":
    way, grpc_address, sse_url = sys.argv[1:]
    uvloop.run(serve(way, grpc_address, sse_url))
