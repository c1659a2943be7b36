"""The composition root: settings in, a running gateway out. The only module that knows all others."""

import asyncio
import signal
import socket
from contextlib import AsyncExitStack, closing
from types import TracebackType
from typing import Self

import grpc.aio
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from prometheus_client import CollectorRegistry

from gateway.assembly import assemble
from gateway.northbound.console.feed import WireFeed
from gateway.northbound.console.site import ConsoleSite
from gateway.northbound.grpc import A2AHandlers
from gateway.northbound.http import http_app
from gateway.northbound.http_server import serving_http
from gateway.northbound.intake import Intake
from gateway.northbound.push import PushEndpoint
from gateway.northbound.reflection import A2A_SERVICES, enable_reflection
from gateway.northbound.site import Sites
from gateway.relay.calls import Calls, Ending
from gateway.relay.published import Signer
from gateway.relay.telemetry import Metrics
from gateway.relay.wire import Show, Wire
from gateway.settings import ConfigurationError, Limits, Settings

_LAST_WORDS_S = 1.0
"""For telling callers that the gateway stops, out of the drain time."""

_log = structlog.get_logger("a2a_gateway")


class Gateway:
    """A gateway that serves while it is entered.

        gateway = Gateway(settings)
        gateway.catch_signals()
        async with gateway:
            print(gateway.http, gateway.grpc)
            await gateway.until_signalled()

    `show`, if given, is shown every frame that crosses an edge. With `shares_ports` other processes
    may listen on the same ports.
    """

    def __init__(self, settings: Settings, show: Show | None = None, *, shares_ports: bool = False) -> None:
        self.settings = settings
        self._shares_ports = shares_ports
        self.http = ""
        """HOST:PORT of the HTTP side, once entered."""
        self.grpc = ""
        """HOST:PORT of the gRPC side, once entered."""
        self._show = show
        self._wire = Wire()
        self._feed = WireFeed(self._wire, settings)
        self._registry = CollectorRegistry()
        self._metrics = Metrics(self._registry)
        self._calls = Calls(settings.limits, self._metrics)
        self._signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
        self._stop_by = 0.0

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        _log.info("serving", http=self.http, grpc=self.grpc, agents=[agent.name for agent in self.settings.agents])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends what still runs, telling callers so, and gives everything back."""
        left_s = max(self._stop_by - asyncio.get_running_loop().time(), _LAST_WORDS_S)
        self._calls.drain()
        self._calls.end(Ending.STOPPING)
        if not await self._calls.finished(within_s=left_s):
            self._calls.end(Ending.STALLED)
        await self._feed.close(_LAST_WORDS_S)
        await self._stack.aclose()
        _log.info("stopped")

    async def _start(self, stack: AsyncExitStack) -> None:
        """Takes up each part; `stack` gives them back in the opposite order."""
        limits = self.settings.limits
        assembly = await assemble(self.settings, self._registry, stack)
        signing = self.settings.signing
        signer = signing and Signer(signing.signing_key(), signing.jku)
        if self._show is not None:
            stack.enter_context(self._wire.shown_to(self._show))
        intake = Intake(self.settings, assembly.directory, self._calls, self._wire, signer)
        listener = stack.enter_context(closing(_listen(self.settings.http, limits, shared=self._shares_ports)))
        self.http = _named(self.settings.http, listener.getsockname()[1])
        self._grpc_server = grpc.aio.server(options=_server_options(limits, shared=self._shares_ports))
        stack.push_async_callback(self._grpc_server.stop, None)
        self.grpc = _named(self.settings.grpc, self._bind_grpc())
        sites = Sites(self.settings, self.http, self.grpc)
        push = None
        if assembly.relaying is not None:
            assembly.relaying.place.base_url = sites.bound().http
            push = PushEndpoint(assembly.relaying.receiver, limits)
        self._grpc_server.add_generic_rpc_handlers((A2AHandlers(intake, sites),))
        await self._serve_health()
        enable_reflection(self._grpc_server)
        await self._grpc_server.start()
        clock = asyncio.create_task(self._calls.watch_clock())
        stack.callback(clock.cancel)
        app = http_app(intake, sites, self._metrics, ConsoleSite(self.settings, self._feed), push)
        await stack.enter_async_context(serving_http(app, listener, limits))
        if push is not None:
            stack.push_async_callback(push.finished, _LAST_WORDS_S)

    def catch_signals(self) -> None:
        """Takes SIGTERM and SIGINT from now on; to be called before entering, so that none is lost."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signals.put_nowait, number)

    async def until_signalled(self) -> bool:
        """Serves until a signal, then lets calls under way finish within the drain time.

        Whether every call finished. A second signal ends the wait.
        """
        number = await self._signals.get()
        _log.info("draining", signal=number.name, calls=len(self._calls))
        return await self._drain()

    async def _drain(self) -> bool:
        drain_s = self.settings.limits.drain_s
        last_words_s = min(_LAST_WORDS_S, drain_s / 2)
        self._stop_by = asyncio.get_running_loop().time() + drain_s
        self._calls.drain()
        await self._health.enter_graceful_shutdown()
        # Takes no new call, says GOAWAY, and leaves those under way to us.
        self._grpc_stopping = asyncio.create_task(self._grpc_server.stop(grace=drain_s))
        finished = asyncio.create_task(self._calls.finished(within_s=drain_s - last_words_s))
        again = asyncio.create_task(self._signals.get())
        await asyncio.wait((finished, again), return_when=asyncio.FIRST_COMPLETED)
        clean = finished.done() and finished.result()
        if again.done():
            self._stop_by = 0.0
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
        for service in ("", *A2A_SERVICES):
            await self._health.set(service, health_pb2.HealthCheckResponse.SERVING)


def _listen(address: str, limits: Limits, *, shared: bool) -> socket.socket:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sets TCP_NODELAY on what is accepted; else small replies wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # What is written to a caller that takes nothing dies with its connection, not much later.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(limits.send_stall_s * 1000))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.stream_buffer_bytes)
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


def _server_options(limits: Limits, *, shared: bool) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_send_message_length", limits.message_bytes),
        ("grpc.max_concurrent_streams", limits.http2_streams),
        # Above our own bound, so that the refusal is ours; equal, because between them grpc is random.
        ("grpc.max_metadata_size", 4 * limits.header_bytes),
        ("grpc.absolute_max_metadata_size", 4 * limits.header_bytes),
        ("grpc.keepalive_time_ms", int(limits.ping_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(limits.ping_answer_s * 1000)),
        ("grpc.http2.ping_timeout_ms", int(limits.ping_answer_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        # Callers may probe as often as we do.
        ("grpc.http2.min_ping_interval_without_data_ms", int(limits.ping_s * 1000 / 2)),
        # Two gateways on one port would share its calls unnoticed.
        ("grpc.so_reuseport", int(shared)),
    ]
