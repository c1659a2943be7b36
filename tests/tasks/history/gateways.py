"""Gateway processes that keep their addresses while they are stopped, killed and started again."""

import asyncio
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from tests.cli.launcher import Launcher, Started

HOST = "127.0.0.1"
LEASE_S = 0.7
SETTINGS = {
    "LEASE_S": str(LEASE_S),
    "WRITE_S": "0.005",
    "STOP_S": "0.3",
    "STORE_PATIENCE_S": "1",
    "BUFFER_EVENTS": "40",
    "PAGE_EVENTS": "7",
}
"""Small, so that readers fall out of memory and page through the store, and that the dead are known as such soon."""


@dataclass(slots=True)
class GatewayProcess:
    """One gateway."""

    launcher: Launcher
    store: str
    http: str
    grpc: str = ""
    settings: dict[str, str] | None = None
    started: Started | None = None

    async def start(self) -> None:
        if self.started is None:
            self.started = await asyncio.to_thread(self._start)

    async def kill(self) -> None:
        """-9, with everything that it had in memory."""
        if self.started is not None:
            self.signal(signal.SIGKILL)
            ended, self.started = self.started, None
            await asyncio.to_thread(ended.ends)

    async def stop(self) -> None:
        if self.started is not None:
            self.signal(signal.SIGCONT)
            ended, self.started = self.started, None
            ended.signal(signal.SIGTERM)
            await asyncio.to_thread(ended.ends)

    def signal(self, number: signal.Signals) -> None:
        if self.started is not None:
            self.started.signal(number)

    def _start(self) -> Started:
        named = {f"A2A_GATEWAY_TASKS__{name}": value for name, value in {**SETTINGS, **(self.settings or {})}.items()}
        started = self.launcher.start(
            "serve", "--http", self.http, "--grpc", f"{HOST}:0",
            "--agent", "historian=python:tests.tasks.history.worker:Historian",
            env={**named, "A2A_GATEWAY_STORE": self.store, "A2A_GATEWAY_LIMITS__DRAIN_S": "0.2"},
        )  # fmt: skip
        line = started.line()
        assert line.startswith("serving on "), (line, started.ends().err)
        return started


def processes(launcher: Launcher, store: str, count: int, **settings: str) -> list[GatewayProcess]:
    """So many gateways of one store, not started yet."""
    return [GatewayProcess(launcher, store, f"{HOST}:{port}", settings=settings) for port in free_ports(count)]


def free_ports(count: int) -> Sequence[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
