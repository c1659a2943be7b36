"""The composition root: settings in, a running gateway out. The only module that knows all others."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import grpc.aio
import structlog
import uvicorn
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from prometheus_client import CollectorRegistry

from gateway.agent import Agent
from gateway.northbound.grpc import A2AHandlers
from gateway.northbound.http import http_app
from gateway.northbound.intake import Intake, Watch
from gateway.northbound.reflection import enable_reflection
from gateway.northbound.site import Sites
from gateway.operations import SERVICE
from gateway.relay.calls import Calls
from gateway.relay.contract import Contracted
from gateway.relay.directory import Directory
from gateway.relay.telemetry import Metrics, Observed
from gateway.settings import AgentSettings, ConfigurationError, Limits, Settings
from gateway.southbound.upstream import Upstream

_log = structlog.get_logger("a2a_gateway")


def connect(settings: AgentSettings, limits: Limits, metrics: Metrics) -> Agent:
    """An agent of the configuration, with everything that the gateway wraps around it."""
    upstream = Upstream(settings, limits)
    contracted = Contracted(upstream, lenient=settings.stream_contract == "lenient")
    return Observed(contracted, settings.name, metrics)


class Gateway:
    """A gateway that serves while it is entered.

        async with Gateway(settings) as gateway:
            print(gateway.http, gateway.grpc)
            await gateway.until_signalled()

    `watch`, if given, is shown every frame that crosses an edge.
    """

    def __init__(self, settings: Settings, watch: Watch | None = None) -> None:
        self.settings = settings
        self.http = ""
        """HOST:PORT of the HTTP side, once entered."""
        self.grpc = ""
        """HOST:PORT of the gRPC side, once entered."""
        self._watch = watch
        self._calls = Calls(settings.limits.streams)
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        metrics = Metrics(CollectorRegistry())
        limits = self.settings.limits
        self._directory = Directory(
            {agent.name: connect(agent, limits, metrics) for agent in self.settings.agents}
        )
        intake = Intake(self.settings, self._directory, self._calls, self._watch)
        listener = _listen(self.settings.http, limits)
        self.http = _named(self.settings.http, listener.getsockname()[1])
        self._grpc_server = grpc.aio.server(options=_server_options(limits))
        self.grpc = _named(self.settings.grpc, self._bind_grpc())
        sites = Sites(self.settings, self.http, self.grpc)
        self._grpc_server.add_generic_rpc_handlers((A2AHandlers(intake, sites),))
        await self._serve_health()
        enable_reflection(self._grpc_server)
        await self._grpc_server.start()
        self._http_server = _HttpServer(_http_config(http_app(intake, sites, metrics), limits))
        self._http_task = asyncio.create_task(self._http_server.serve(sockets=[listener]))
        while not self._http_server.started and not self._http_task.done():
            await asyncio.sleep(0.001)
        _log.info("serving", http=self.http, grpc=self.grpc, agents=list(self._directory))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends at once what still runs, telling callers so, and gives everything back."""
        self._calls.drain()
        self._calls.stop()
        await self._calls.finished(within_s=1.0)
        self._http_server.should_exit = True
        await self._grpc_server.stop(grace=1.0)
        await self._http_task
        await self._directory.close()
        _log.info("stopped")

    async def until_signalled(self) -> bool:
        """Serves until SIGTERM or SIGINT, then lets calls under way finish within the drain time.

        Whether every call finished. A second signal ends the wait.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signals.put_nowait, number)
        number = await self._signals.get()
        _log.info("draining", signal=number.name, calls=len(self._calls))
        return await self._drain()

    async def _drain(self) -> bool:
        drain_s = self.settings.limits.drain_s
        self._calls.drain()
        await self._health.enter_graceful_shutdown()
        # Takes no new call, says GOAWAY, and leaves those under way to us.
        self._grpc_stopping = asyncio.create_task(self._grpc_server.stop(grace=drain_s))
        finished = asyncio.create_task(self._calls.finished(within_s=max(drain_s - 2.0, drain_s / 2)))
        again = asyncio.create_task(self._signals.get())
        await asyncio.wait((finished, again), return_when=asyncio.FIRST_COMPLETED)
        clean = finished.done() and finished.result()
        for task in (again, finished):
            task.cancel()
        return clean

    def _bind_grpc(self) -> int:
        try:
            return self._grpc_server.add_insecure_port(self.settings.grpc)
        except RuntimeError:
            raise ConfigurationError(f"grpc: {self.settings.grpc} cannot be listened on; is it taken?") from None

    async def _serve_health(self) -> None:
        self._health = HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc_server)  # pyright: ignore[reportUnknownMemberType] # untyped
        for service in ("", SERVICE):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)


class _HttpServer(uvicorn.Server):
    """uvicorn without its own signal handling: the gateway drains both of its sides together."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _http_config(app: object, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType] # Starlette's application type is wider
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=60,
        # A backstop: by then every call has been ended.
        timeout_graceful_shutdown=max(1, int(limits.drain_s)),
    )


def _listen(address: str, limits: Limits) -> socket.socket:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY on what is accepted; else small replies wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # What is written to a caller that takes nothing dies with its connection, not much later.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.send_stall_s * 1000))
        listener.bind((host.strip("[]"), int(port)))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise ConfigurationError(f"http: {address} cannot be listened on: {error.strerror or error}") from None
    listener.setblocking(False)
    return listener


def _named(address: str, port: int) -> str:
    """The address that callers use: the bound port, and a host that they can reach."""
    host = address.rpartition(":")[0]
    everywhere = host in ("0.0.0.0", "[::]")  # noqa: S104 # compared, not bound
    return f"{'localhost' if everywhere else host}:{port}"


def _server_options(limits: Limits) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_send_message_length", limits.message_bytes),
        ("grpc.max_concurrent_streams", limits.http2_streams),
        # Above our own bound, so that the refusal is ours; equal, because between them grpc is random.
        ("grpc.max_metadata_size", 4 * limits.header_bytes),
        ("grpc.absolute_max_metadata_size", 4 * limits.header_bytes),
        ("grpc.keepalive_time_ms", int(limits.ping_s * 1000)),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        # Two gateways on one port would share its calls unnoticed.
        ("grpc.so_reuseport", 0),
    ]
