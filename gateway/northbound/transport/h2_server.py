"""gRPC served over our own HTTP/2: a listener, its connections, and their end."""

import asyncio
import socket
from collections.abc import Mapping

from gateway.northbound.listening import listen
from gateway.northbound.transport.h2_closing import LINGER_S
from gateway.northbound.transport.h2_connection import H2Connection
from gateway.northbound.transport.server import Handler
from gateway.settings import Limits


class H2Server:
    """A server over cleartext HTTP/2 with prior knowledge, as gRPC has it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._handlers: Mapping[str, Handler] = {}
        self._connections = set[H2Connection]()
        self._stopping = False
        self._empty = asyncio.Event()
        self._empty.set()

    def bind(self, address: str, *, shared: bool) -> int:
        self._listener = listen("grpc", address, self._limits, shared=shared)
        return int(self._listener.getsockname()[1])

    async def start(self, handlers: Mapping[str, Handler]) -> None:
        assert self._listener is not None, "bound first"
        self._handlers = handlers
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._made, sock=self._listener, backlog=2048)

    async def stop(self, grace_s: float) -> None:
        self._stopping = True
        if self._server is not None:
            self._server.close()
        elif self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.drain()
        try:
            async with asyncio.timeout(grace_s):
                await self._empty.wait()
        except TimeoutError:
            pass
        tasks = [task for connection in self._connections for task in connection.tasks]
        for connection in list(self._connections):
            connection.stop()
        await self._empty.wait()
        if tasks:
            await asyncio.wait(tasks, timeout=LINGER_S)

    # For connections

    def opened(self, connection: H2Connection) -> None:
        self._connections.add(connection)
        self._empty.clear()
        if self._stopping:
            connection.drain()

    def lost(self, connection: H2Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _made(self) -> H2Connection:
        return H2Connection(self._limits, self._handlers, self)
