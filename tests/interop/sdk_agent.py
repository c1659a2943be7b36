"""An a2a-sdk agent as a program: `python -m tests.interop.sdk_agent --jsonrpc 127.0.0.1:0 --grpc 127.0.0.1:0`.

Serves one InteropExecutor over every binding that is given an address (`--jsonrpc`, `--grpc`, `--rest`), from one task
store; the agent card is at every HTTP address. Prints one line when it is ready, with the address of each binding,
`{"jsonrpc": "http://HOST:PORT", "grpc": "HOST:PORT", "rest": "http://HOST:PORT"}`, and ends at once on SIGTERM. Its
card lists JSON-RPC first, unless `--prefer` says otherwise. With `--compat` it serves A2A 0.3 beside 1.0 on all.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncGenerator, Generator, Sequence
from typing import Any, cast

import grpc
import httpx
import uvicorn
from a2a.compat.v0_3 import a2a_v0_3_pb2_grpc
from a2a.compat.v0_3.grpc_handler import CompatGrpcHandler
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers import GrpcHandler
from a2a.server.request_handlers.grpc_handler import DefaultGrpcServerCallContextBuilder
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.routes.common import DefaultServerCallContextBuilder
from a2a.server.tasks import BasePushNotificationSender, InMemoryPushNotificationConfigStore, InMemoryTaskStore
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, a2a_pb2_grpc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import BaseRoute

from tests.interop.peers import BINDINGS
from tests.interop.sdk_executor import InteropExecutor, PacedRequestHandler

VERSION = "1.0"
COMPAT_VERSION = "0.3"
SKILLS = {
    "answer": "Answers in a few chunks",
    "ask": "Asks back before it answers",
}
EXTENDED_SKILL = {"secret": "Shown to callers of GetExtendedAgentCard only"}


class Arguments(argparse.Namespace):
    jsonrpc: tuple[str, int] | None
    grpc: tuple[str, int] | None
    rest: tuple[str, int] | None
    compat: bool
    prefer: str
    streaming: bool
    push: bool
    post: bool


def parse_arguments() -> Arguments:
    parser = argparse.ArgumentParser(prog="tests.interop.sdk_agent", description=__doc__)
    parser.add_argument("--jsonrpc", metavar="HOST:PORT", type=address, help="serve JSON-RPC and the card here")
    parser.add_argument("--grpc", metavar="HOST:PORT", type=address, help="serve gRPC here")
    parser.add_argument("--rest", metavar="HOST:PORT", type=address, help="serve HTTP+JSON and the card here")
    parser.add_argument("--compat", action="store_true", help="serve A2A 0.3 too")
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
    return AgentCard(
        name="Interop agent",
        description="Does what the first word of the message says",
        version="1.2.3",
        supported_interfaces=[
            AgentInterface(url=url, protocol_binding=binding, protocol_version=version)
            for version in ((VERSION, COMPAT_VERSION) if arguments.compat else (VERSION,))
            for binding, url in sorted(interfaces.items(), key=lambda item: item[0] != arguments.prefer)
        ],
        capabilities=AgentCapabilities(
            streaming=arguments.streaming, push_notifications=arguments.push, extended_agent_card=True
        ),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain", "application/json"],
        skills=[
            AgentSkill(id=name, name=name.title(), description=description, tags=["interop", name], examples=[name])
            for name, description in skills.items()
        ],
    )


class HttpBinding(DefaultServerCallContextBuilder):
    """Leaves in the state of a call over which binding and version it came, for the executor's `binding`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def build(self, request: Request) -> ServerCallContext:
        context = super().build(request)
        context.state["binding"] = spoken(self.name, legacy=request.url.path.startswith("/v1/"))
        return context


class GrpcBinding(DefaultGrpcServerCallContextBuilder):
    """As HttpBinding. A gRPC service has one version, so this knows it from the start."""

    def __init__(self, *, legacy: bool) -> None:
        self.legacy = legacy

    def build(self, context: grpc.aio.ServicerContext) -> ServerCallContext:
        built = super().build(context)
        built.state["binding"] = spoken("GRPC", legacy=self.legacy)
        return built


def spoken(binding: str, *, legacy: bool) -> str:
    return f"{binding} {COMPAT_VERSION}" if legacy else binding


class Server(uvicorn.Server):
    """uvicorn without its own signal handling: one place in `serve` decides when everything ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@contextlib.asynccontextmanager
async def serving_http(listener: socket.socket, routes: Sequence[BaseRoute]) -> AsyncGenerator[None]:
    server = Server(uvicorn.Config(Starlette(routes=routes), log_level="warning", lifespan="off"))
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
    push_configs = InMemoryPushNotificationConfigStore()
    poster = httpx.AsyncClient(trust_env=False)
    handler = PacedRequestHandler(
        InteropExecutor(),
        InMemoryTaskStore(),
        card,
        push_config_store=push_configs,
        push_sender=BasePushNotificationSender(poster, push_configs) if arguments.post else None,
        extended_agent_card=agent_card(interfaces, arguments, SKILLS | EXTENDED_SKILL),
    )
    compat: dict[str, Any] = {"enable_v0_3_compat": arguments.compat}
    routes: dict[str, list[Any]] = {
        "jsonrpc": [*create_jsonrpc_routes(handler, "/", context_builder=HttpBinding("JSONRPC"), **compat)],
        "rest": [*create_rest_routes(handler, context_builder=HttpBinding("HTTP+JSON"), **compat)],
    }
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(poster.aclose)
        stack.push_async_callback(handler.aclose)
        if grpc_server:
            servicer = GrpcHandler(handler, GrpcBinding(legacy=False))
            cast("Any", a2a_pb2_grpc).add_A2AServiceServicer_to_server(servicer, grpc_server)
            if arguments.compat:
                legacy = CompatGrpcHandler(handler, GrpcBinding(legacy=True))
                cast("Any", a2a_v0_3_pb2_grpc).add_A2AServiceServicer_to_server(legacy, grpc_server)
            await grpc_server.start()
            stack.push_async_callback(grpc_server.stop, 0)
        for name, listener in sockets.items():
            await stack.enter_async_context(serving_http(listener, [*create_agent_card_routes(card), *routes[name]]))
        print(json.dumps(ready), flush=True)
        await stop.wait()


def main() -> None:
    asyncio.run(serve(parse_arguments()))


if __name__ == "__main__":
    main()
