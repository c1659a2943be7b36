"""The composition root: settings in, a running gateway out. The only module that knows all others."""

import asyncio
import signal
from contextlib import AsyncExitStack, closing
from types import TracebackType
from typing import Self

import structlog
from prometheus_client import CollectorRegistry

from gateway.assembly import assemble
from gateway.northbound.console.feed import WireFeed
from gateway.northbound.console.site import ConsoleSite
from gateway.northbound.grpc import a2a_handlers
from gateway.northbound.health import Health
from gateway.northbound.http import http_app
from gateway.northbound.http_server import serving_http
from gateway.northbound.intake import Intake
from gateway.northbound.listening import listen
from gateway.northbound.push import PushEndpoint
from gateway.northbound.reflection import A2A_SERVICES, reflection_handlers
from gateway.northbound.site import Sites
from gateway.northbound.transport.choice import SERVERS
from gateway.relay.calls import Calls, Ending
from gateway.relay.published import Signer
from gateway.relay.telemetry import Metrics
from gateway.relay.wire import Show, Wire
from gateway.settings import Settings

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
        listener = stack.enter_context(closing(listen("http", self.settings.http, limits, shared=self._shares_ports)))
        self.http = _named(self.settings.http, listener.getsockname()[1])
        self._grpc_server = SERVERS[self.settings.grpc_server](limits)
        stack.push_async_callback(self._grpc_server.stop, 0)
        port = self._grpc_server.bind(self.settings.grpc, shared=self._shares_ports)
        self.grpc = _named(self.settings.grpc, port)
        sites = Sites(self.settings, self.http, self.grpc)
        push = None
        if assembly.relaying is not None:
            assembly.relaying.place.base_url = sites.bound().http
            push = PushEndpoint(assembly.relaying.receiver, limits)
        self._health = Health(("", *A2A_SERVICES))
        handlers = {**a2a_handlers(intake, sites), **self._health.handlers(), **reflection_handlers()}
        await self._grpc_server.start(handlers)
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
        self._health.stop()
        # Takes no new call, says GOAWAY, and leaves those under way to us.
        self._grpc_stopping = asyncio.create_task(self._grpc_server.stop(drain_s))
        finished = asyncio.create_task(self._calls.finished(within_s=drain_s - last_words_s))
        again = asyncio.create_task(self._signals.get())
        await asyncio.wait((finished, again), return_when=asyncio.FIRST_COMPLETED)
        clean = finished.done() and finished.result()
        if again.done():
            self._stop_by = 0.0
        for task in (again, finished):
            task.cancel()
        return clean


def _named(address: str, port: int) -> str:
    """The address that callers use: the bound port, and a host that they can reach."""
    host = address.rpartition(":")[0]
    everywhere = host in ("0.0.0.0", "[::]")  # noqa: S104 # compared, not bound
    return f"{'localhost' if everywhere else host}:{port}"
