"""`demo`: example agents, the gateway in front, one message streamed each way, both wires shown.

The agents are the programs in `examples/`: two that speak A2A and a gRPC service that knows nothing
of it, each in a process of its own, and a worker that the gateway runs itself.
"""

import asyncio
import importlib.util
import re
import signal
import sys
import tempfile
import uuid
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import structlog
from protobuf import Oneof
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.agent import CallContext, Crossing
from gateway.app import Gateway
from gateway.codec import jsonrpc
from gateway.codec.form import JSON_1_0, WIRE_1_0
from gateway.codec.malformed import Bounds
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.forms import json_rpc
from gateway.operations import SEND_STREAMING_MESSAGE
from gateway.settings import ConfigurationError, Limits, Settings, Tls, agent_flag, load
from gateway.southbound.grpc import GrpcAgent
from gateway.southbound.transport.choice import TRANSPORTS
from gateway.southbound.upstream import PATHS_1_0
from generated.a2a.v1.a2a_pb import Message, Part, Role, SendMessageRequest

PAUSE_S = 0.08
"""Between the words of the example agents."""
SERVICE = "examples.translator.server"
WORKER = "python:examples.worker:Poet"

_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_READY = re.compile(r"listening on (\S+)")


async def run_demo(http: str | None, grpc: str | None, *, once: bool, versions: bool) -> None:
    """Shows a message stream each way; then serves until a signal, unless `once`.

    With `versions` the JSON-RPC side speaks A2A 0.3 and the gRPC side 1.0.

    Raises ConfigurationError where an example agent does not start or an address is taken.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    async with AsyncExitStack() as stack:
        over_grpc = await stack.enter_async_context(_example("examples.grpc_agent"))
        scribe = "examples.old_agent" if versions else "examples.jsonrpc_agent"
        over_http = await stack.enter_async_context(_example(scribe))
        agents: list[dict[str, Any]] = [agent_flag(f"words={over_grpc}"), agent_flag(f"scribe={over_http}")]
        service = await stack.enter_async_context(_example(SERVICE)) if _can_translate() else ""
        if service:
            agents.append({"name": "translator", "url": service, "skills": "auto"})
        agents.append(agent_flag(f"poet={WORKER}"))
        store = stack.enter_context(tempfile.TemporaryDirectory(prefix="a2a-gateway-demo-"))
        wires = _Wires(console)
        gateway = await stack.enter_async_context(
            _gateway({"http": http, "grpc": grpc, "agents": agents, "store": f"sqlite:///{store}/demo.db"}, wires)
        )
        console.print(f"[bold]words[/bold]       is a gRPC agent at {over_grpc}")
        console.print(f"[bold]scribe[/bold]      is a JSON-RPC agent {'of A2A 0.3 ' if versions else ''}at {over_http}")
        if service:
            console.print(f"[bold]translator[/bold]  is a gRPC service that knows nothing of A2A at {service}")
        console.print("[bold]poet[/bold]        is a page of Python that the gateway runs itself")
        console.print("The gateway stands in front of all of them.\n")
        spoken = "0.3" if versions else "1.0"
        wires.title("gRPC 1.0 from the agent", f"JSON-RPC + SSE {spoken} to the caller")
        await _ask_over_http(f"http://{gateway.http}/words/", "Good morning, gateway", old=versions)
        wires.title(f"JSON-RPC + SSE {spoken} from the agent", "gRPC 1.0 to the caller")
        await _ask_over_grpc(gateway.grpc, "scribe", "Good evening, gateway")
        if service:
            wires.title("its own gRPC from the service", "JSON-RPC + SSE 1.0 to the caller")
            await _ask_over_http(f"http://{gateway.http}/translator/", "Good morning, world", old=False)
        wires.rest()
        if once:
            return
        console.print(_try_it(gateway), markup=False, soft_wrap=True)
        await gateway.until_signalled()


class _Wires:
    """Prints every event as it crossed both edges: left what arrived, right what left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._arrived: list[Crossing] = []
        self._count = 0
        self._showing = False

    def title(self, left: str, right: str) -> None:
        self._showing = True
        self._count = 0
        self._console.print(self._row("[bold]#[/bold]", f"[bold]{left}[/bold]", f"[bold]{right}[/bold]"))

    def rest(self) -> None:
        """Shows nothing more."""
        self._showing = False

    def __call__(self, crossing: Crossing) -> None:
        if crossing.direction != "response" or not self._showing:
            return
        if crossing.side == "southbound":
            self._arrived.append(crossing)
            return
        self._count += 1
        column = (self._console.width - 8) // 2 - 3
        left = Text("\n").join(_shown(one, column, "cyan") for one in self._arrived)
        self._arrived = []
        self._console.print(self._row(Text(str(self._count), "dim"), left, _shown(crossing, column, "green")))

    def _row(self, number: str | Text, left: str | Text, right: str | Text) -> Table:
        grid = Table.grid(padding=(0, 1), expand=True)
        grid.add_column(width=3, justify="right")
        grid.add_column(ratio=1, no_wrap=True)
        grid.add_column(width=1)
        grid.add_column(ratio=1, no_wrap=True)
        grid.add_row(number, left, Text("→", "dim"), right)
        return grid


def _shown(crossing: Crossing, width: int, style: str) -> Text:
    """A frame in one line: its size, its beginning and its end."""
    size = f"{len(crossing.frame):>4} B "
    if crossing.binding == "GRPC":
        line = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in crossing.frame)
    else:
        line = crossing.frame.decode().strip().replace("\n", "⏎")
    line = _ID.sub("…", line)
    room = max(width - len(size), 20)
    if len(line) > room:
        head = room // 3
        line = f"{line[:head]}…{line[len(line) - (room - head - 1):]}"
    return Text(size, "dim") + Text(line, style)


async def _ask_over_http(url: str, text: str, *, old: bool) -> None:
    form, method = (json_rpc(Choices()), "message/stream") if old else (JSON_1_0, SEND_STREAMING_MESSAGE.name)
    params = form.write_request(SEND_STREAMING_MESSAGE, _question(text), Bounds())
    body = jsonrpc.request(1, method, params)
    headers = {"Content-Type": "application/json", "A2A-Version": form.version}
    async with (
        httpx.AsyncClient(timeout=30, trust_env=False) as caller,
        caller.stream("POST", url, content=body, headers=headers) as answer,
    ):
        async for _ in answer.aiter_raw():
            pass


async def _ask_over_grpc(address: str, tenant: str, text: str) -> None:
    limits = Limits.model_validate({})
    channel = TRANSPORTS["native"].channel(f"grpc://{address}", limits, Tls.model_validate({}))
    caller = GrpcAgent(channel, PATHS_1_0, WIRE_1_0, limits, tenant)
    try:
        stream = await caller.open(SEND_STREAMING_MESSAGE, _question(text), CallContext())
        while await stream.burst() is not None:
            pass
    finally:
        await caller.close()


def _question(text: str) -> SendMessageRequest:
    part = Part(content=Oneof("text", text))
    return SendMessageRequest(message=Message(message_id=str(uuid.uuid4()), role=Role.USER, parts=[part]))


def _can_translate() -> bool:
    """Whether the translator can start: it makes its messages from the proto, which an image has no tools for."""
    return importlib.util.find_spec("grpc_tools") is not None


@asynccontextmanager
async def _gateway(flags: dict[str, Any], wires: _Wires) -> AsyncIterator[Gateway]:
    """A gateway at its usual addresses; where they are taken and nobody chose them, at free ones."""
    settings = load(None, flags)
    gateway = Gateway(settings, wires)
    try:
        await gateway.__aenter__()
    except ConfigurationError:
        if flags["http"] or flags["grpc"]:
            raise
        gateway = Gateway(_at_free_ports(settings), wires)
        await gateway.__aenter__()
    gateway.catch_signals()
    try:
        yield gateway
    finally:
        await gateway.__aexit__(None, None, None)


def _at_free_ports(settings: Settings) -> Settings:
    return settings.model_copy(update={"http": "127.0.0.1:0", "grpc": "127.0.0.1:0"})


@asynccontextmanager
async def _example(module: str) -> AsyncIterator[str]:
    """Runs an example agent; its URL."""
    arguments = ("-m", module, "--address", "127.0.0.1:0", "--pause", str(PAUSE_S))
    agent = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=PIPE, start_new_session=True
    )
    try:
        yield await _ready(module, agent)
    finally:
        if agent.returncode is None:
            agent.send_signal(signal.SIGTERM)
        await agent.wait()


async def _ready(module: str, agent: Process) -> str:
    assert agent.stdout is not None
    try:
        async with asyncio.timeout(20):
            line = (await agent.stdout.readline()).decode()
    except TimeoutError:
        line = ""
    if not (match := _READY.search(line)):
        raise ConfigurationError(f"{module} did not start")
    return match[1]


def _try_it(gateway: Gateway) -> str:
    return f"""
Serving until Ctrl-C:
  JSON-RPC + SSE   http://{gateway.http}/ (words), http://{gateway.http}/scribe/, and so on by name
  gRPC             {gateway.grpc} (tenant words, scribe and so on)
  agent cards      http://{gateway.http}/.well-known/agent-card.json
  console          http://{gateway.http}/console
  metrics          http://{gateway.http}/metrics

Try:
  a2a-gateway stream http://{gateway.http}/scribe/ "Good day"
  a2a-gateway stream http://{gateway.http}/poet/ "rain"
  a2a-gateway stream grpc://{gateway.grpc} "Good day" --tenant words --json
"""
