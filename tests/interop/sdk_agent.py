"""An a2a-sdk agent as a program: `python -m tests.interop.sdk_agent --jsonrpc 127.0.0.1:0 --grpc 127.0.0.1:0`.

Serves one InteropExecutor over JSON-RPC (with the agent card), over gRPC, or over both, from one task store. Prints one
line when it is ready, `{"jsonrpc": "http://HOST:PORT", "grpc": "HOST:PORT"}`, and ends at once on SIGTERM. Its card
lists JSON-RPC first, unless `--prefer GRPC` says otherwise.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import Generator
from typing import Any, cast

import grpc
import uvicorn
from a2a.server.request_handlers import GrpcHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryPushNotificationConfigStore, InMemoryTaskStore
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, a2a_pb2_grpc
from starlette.applications import Starlette

from tests.interop.sdk_executor import InteropExecutor, PacedRequestHandler

VERSION = "1.0"
SKILLS = {
    "answer": "Answers in a few chunks",
    "ask": "Asks back before it answers",
}
EXTENDED_SKILL = {"secret": "Shown to callers of GetExtendedAgentCard only"}


class Arguments(argparse.Namespace):
    jsonrpc: tuple[str, int] | None
    grpc: tuple[str, int] | None
    prefer: str
    streaming: bool
    push: bool


def parse_arguments() -> Arguments:
    parser = argparse.ArgumentParser(prog="tests.interop.sdk_agent", description=__doc__)
    parser.add_argument("--jsonrpc", metavar="HOST:PORT", type=address, help="serve JSON-RPC and the card here")
    parser.add_argument("--grpc", metavar="HOST:PORT", type=address, help="serve gRPC here")
    parser.add_argument("--prefer", choices=("JSONRPC", "GRPC"), default="JSONRPC", help="first in the card")
    parser.add_argument("--no-streaming", dest="streaming", action="store_false", help="do not offer streaming")
    parser.add_argument("--no-push", dest="push", action="store_false", help="do not offer push notifications")
    arguments = parser.parse_args(namespace=Arguments())
    if arguments.jsonrpc is None and arguments.grpc is None:
        parser.error("give --jsonrpc, --grpc or both")
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
            AgentInterface(url=url, protocol_binding=binding, protocol_version=VERSION)
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


class Server(uvicorn.Server):
    """uvicorn without its own signal handling: one place in `serve` decides when everything ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(arguments: Arguments) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    http_socket = bound_socket(arguments.jsonrpc) if arguments.jsonrpc else None
    grpc_server = grpc.aio.server() if arguments.grpc else None
    ready: dict[str, str] = {}
    interfaces: dict[str, str] = {}
    if http_socket:
        host, port = http_socket.getsockname()
        ready["jsonrpc"] = interfaces["JSONRPC"] = f"http://{host}:{port}"
    if grpc_server and arguments.grpc:
        host, port = arguments.grpc
        port = grpc_server.add_insecure_port(f"{host}:{port}")
        ready["grpc"] = interfaces["GRPC"] = f"{host}:{port}"

    card = agent_card(interfaces, arguments, SKILLS)
    handler = PacedRequestHandler(
        InteropExecutor(),
        InMemoryTaskStore(),
        card,
        push_config_store=InMemoryPushNotificationConfigStore(),
        extended_agent_card=agent_card(interfaces, arguments, SKILLS | EXTENDED_SKILL),
    )
    http_server: Server | None = None
    http_task: asyncio.Task[None] | None = None
    if http_socket:
        app = Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, "/")])
        http_server = Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        http_task = asyncio.create_task(http_server.serve(sockets=[http_socket]))
        while not http_server.started and not http_task.done():  # uvicorn has no event to wait for
            await asyncio.sleep(0.005)
    if grpc_server:
        cast("Any", a2a_pb2_grpc).add_A2AServiceServicer_to_server(GrpcHandler(handler), grpc_server)
        await grpc_server.start()
    print(json.dumps(ready), flush=True)

    await stop.wait()
    if http_server and http_task:
        http_server.should_exit = http_server.force_exit = True
        await http_task
    if grpc_server:
        await grpc_server.stop(0)
    await handler.aclose()


def main() -> None:
    asyncio.run(serve(parse_arguments()))


if __name__ == "__main__":
    main()
