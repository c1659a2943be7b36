"""The agent of a2a-sdk 0.3 as a program: `python -m tests.interop.sdk03_agent --jsonrpc 127.0.0.1:0 …`.

Runs with the interpreter of its own environment (see `tools.peers`). Flags, ready line and end are as in `sdk_agent`.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncGenerator, Generator
from typing import Any

import grpc
import httpx
import uvicorn
from a2a.grpc import a2a_pb2_grpc
from a2a.server.apps import A2ARESTFastAPIApplication, A2AStarletteApplication
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers import DefaultRequestHandler, GrpcHandler
from a2a.server.tasks import BasePushNotificationSender, InMemoryPushNotificationConfigStore, InMemoryTaskStore
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Task

from tests.interop.peers import BINDINGS
from tests.interop.sdk03_executor import InteropExecutor

SKILLS = {
    "answer": "Answers in a few chunks",
    "ask": "Asks back before it answers",
}
EXTENDED_SKILL = {"secret": "Shown to callers of GetExtendedAgentCard only"}


class Arguments(argparse.Namespace):
    jsonrpc: tuple[str, int] | None
    grpc: tuple[str, int] | None
    rest: tuple[str, int] | None
    prefer: str
    streaming: bool
    push: bool
    post: bool


def parse_arguments() -> Arguments:
    parser = argparse.ArgumentParser(prog="tests.interop.sdk03_agent", description=__doc__)
    parser.add_argument("--jsonrpc", metavar="HOST:PORT", type=address, help="serve JSON-RPC and the card here")
    parser.add_argument("--grpc", metavar="HOST:PORT", type=address, help="serve gRPC here")
    parser.add_argument("--rest", metavar="HOST:PORT", type=address, help="serve HTTP+JSON and the card here")
    parser.add_argument("--prefer", choices=BINDINGS, default="JSONRPC", help="first in the card")
    parser.add_argument("--no-streaming", dest="streaming", action="store_false", help="do not offer streaming")
    parser.add_argument("--no-push", dest="push", action="store_false", help="do not offer push notifications")
    parser.add_argument("--post", action="store_true", help="post push notifications, too")
    arguments = parser.parse_args(namespace=Arguments())
    if not (arguments.jsonrpc or arguments.grpc or arguments.rest):
        parser.error("give --jsonrpc, --grpc or --rest")
    return arguments


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def bound_socket(where: tuple[str, int]) -> socket.socket:
    """A TCP socket on its final port. Made with IPPROTO_TCP, or asyncio leaves Nagle's algorithm on."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(where)
    return listener


def agent_card(interfaces: dict[str, str], arguments: Arguments, skills: dict[str, str]) -> AgentCard:
    (preferred, url), *others = sorted(interfaces.items(), key=lambda item: item[0] != arguments.prefer)
    return AgentCard(
        name="Interop agent",
        description="Does what the first word of the message says",
        version="1.2.3",
        url=url,
        preferred_transport=preferred,
        additional_interfaces=[AgentInterface(transport=binding, url=other) for binding, other in others] or None,
        capabilities=AgentCapabilities(streaming=arguments.streaming, push_notifications=arguments.push),
        supports_authenticated_extended_card=True,
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain", "application/json"],
        skills=[
            AgentSkill(id=name, name=name.title(), description=description, tags=["interop", name], examples=[name])
            for name, description in skills.items()
        ],
    )


class CopyingTaskStore(InMemoryTaskStore):
    """Hands out copies, as a database does.

    The SDK's own store hands out the task itself, and each reader of a stream then adds the same chunk to it.
    """

    async def get(self, task_id: str, context: ServerCallContext | None = None) -> Task | None:
        task = await super().get(task_id, context)
        return task and task.model_copy(deep=True)


class Server(uvicorn.Server):
    """uvicorn without its own signal handling: one place in `serve` decides when everything ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def serving_http(listener: socket.socket, app: Any) -> AsyncGenerator[None, None]:
    server = Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not task.done():  # uvicorn has no event to wait for
        await asyncio.sleep(0.005)
    yield
    server.should_exit = server.force_exit = True
    await task


async def serve(arguments: Arguments) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    ready: dict[str, str] = {}
    sockets = {name: bound_socket(where) for name in ("jsonrpc", "rest") if (where := getattr(arguments, name))}
    for name, listener in sockets.items():
        host, port = listener.getsockname()
        ready[name] = f"http://{host}:{port}"
    grpc_server = grpc.aio.server() if arguments.grpc else None
    if grpc_server and arguments.grpc:
        host, port = arguments.grpc
        ready["grpc"] = f"{host}:{grpc_server.add_insecure_port(f'{host}:{port}')}"
    named = {"jsonrpc": "JSONRPC", "grpc": "GRPC", "rest": "HTTP+JSON"}
    interfaces = {named[name]: ready[name] for name in named if name in ready}

    card = agent_card(interfaces, arguments, SKILLS)
    extended = agent_card(interfaces, arguments, SKILLS | EXTENDED_SKILL)
    push_configs = InMemoryPushNotificationConfigStore() if arguments.push else None
    poster = httpx.AsyncClient(trust_env=False)
    sender = BasePushNotificationSender(poster, push_configs) if push_configs and arguments.post else None
    handler = DefaultRequestHandler(
        InteropExecutor(), CopyingTaskStore(), push_config_store=push_configs, push_sender=sender
    )
    apps = {
        "jsonrpc": A2AStarletteApplication(card, handler, extended_agent_card=extended),
        "rest": A2ARESTFastAPIApplication(card, handler, extended_agent_card=extended),
    }
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(poster.aclose)
        if grpc_server:
            a2a_pb2_grpc.add_A2AServiceServicer_to_server(GrpcHandler(card, handler), grpc_server)
            await grpc_server.start()
            stack.push_async_callback(grpc_server.stop, 0)
        for name, listener in sockets.items():
            await stack.enter_async_context(serving_http(listener, apps[name].build()))
        print(json.dumps(ready), flush=True)
        await stop.wait()


def main() -> None:
    asyncio.run(serve(parse_arguments()))


if __name__ == "__main__":
    main()
