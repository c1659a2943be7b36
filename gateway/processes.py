"""Several processes as one gateway: they share both ports, and each has an event loop of its own.

The kernel spreads connections over them (SO_REUSEPORT), so streams over HTTP/1.1 are balanced, and
the streams of one gRPC connection stay together. This module's process serves nothing: it starts
the others, passes signals on, and replaces one that dies.
"""

import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, cast

import structlog

from gateway.settings import ConfigurationError, Settings

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_log = structlog.get_logger("a2a_gateway")

METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which prometheus-client keeps the metrics of several processes in files."""

READY = "ready"
_FIRST_WAIT_S = 0.5
_LAST_WAIT_S = 30.0
_STEADY_S = 60.0
"""A process that lived this long did not die of how it was started."""


@dataclass(slots=True)
class _Worker:
    """One process, and what is known of it."""

    process: SpawnProcess
    line: Connection
    """Says when it is ready. The worker takes its end for the end of this process."""
    started_at: float
    is_ready: bool = False


def serve(settings: Settings) -> int:
    """Serves with `settings.workers` processes until SIGTERM or SIGINT. Gives the exit code.

    Raises ConfigurationError where an address cannot be listened on, or the store cannot be shared.
    """
    if settings.store == "sqlite://":
        raise ConfigurationError("store: one in memory cannot be shared by several workers; give it a file")
    with (
        tempfile.TemporaryDirectory(prefix="a2a-gateway-") as metrics,
        _reserved("http", settings.http) as http,
        _reserved("grpc", settings.grpc) as grpc,
        _signals() as received,
    ):
        os.environ[METRICS_DIRECTORY] = metrics
        return _Crew(settings.model_copy(update={"http": http, "grpc": grpc}), received).serve()


class _Crew:
    """The processes under way."""

    def __init__(self, settings: Settings, received: socket.socket) -> None:
        self._settings = settings
        self._received = received
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._wait_s = _FIRST_WAIT_S
        self._stopping = False
        self._announced = False
        self._exit_code = 0

    def serve(self) -> int:
        for _ in range(self._settings.workers):
            self._start()
        while self._workers:
            sentinels = {worker.process.sentinel: worker for worker in self._workers}
            lines = {worker.line: worker for worker in self._workers if not worker.is_ready}
            for source in wait([*sentinels, *lines, self._received]):
                if source is self._received:
                    self._pass_on(self._received.recv(1)[0])
                elif isinstance(source, Connection):
                    self._heard(lines[source])
                elif isinstance(source, int):
                    self._died(sentinels[source])
        return self._exit_code

    def _start(self) -> None:
        # Its type says that it may be Windows' kind.
        mine, theirs = cast("tuple[Connection, Connection]", self._context.Pipe())
        process = self._context.Process(target=work, args=(self._settings, theirs))
        process.start()
        theirs.close()
        self._workers.append(_Worker(process, mine, time.monotonic()))

    def _heard(self, worker: _Worker) -> None:
        worker.is_ready = True
        try:
            worker.line.recv()
        except (EOFError, OSError):
            return  # it died; its sentinel says so
        if not self._announced and all(one.is_ready for one in self._workers):
            self._announced = True
            print(f"serving on http://{self._settings.http} and grpc://{self._settings.grpc}", flush=True)

    def _pass_on(self, number: int) -> None:
        self._stopping = True
        for worker in self._workers:
            if worker.process.pid is not None and worker.process.is_alive():
                os.kill(worker.process.pid, number)

    def _died(self, worker: _Worker) -> None:
        worker.process.join()
        worker.line.close()
        self._workers.remove(worker)
        code = worker.process.exitcode or 0
        _forget_metrics(worker.process.pid)
        if self._stopping:
            # One that had not begun to serve has nothing to finish, and dies of the signal.
            begun = worker.is_ready or code != -signal.SIGTERM
            self._exit_code = max(self._exit_code, min(abs(code), 1) if begun else 0)
        elif not self._announced:
            # What keeps one from starting keeps all: the configuration, or an address that is taken.
            self._exit_code = code if code > 0 else 1
            self._pass_on(signal.SIGTERM)
        else:
            self._replace(worker, code)

    def _replace(self, worker: _Worker, code: int) -> None:
        lived_s = time.monotonic() - worker.started_at
        self._wait_s = _FIRST_WAIT_S if lived_s > _STEADY_S else min(2 * self._wait_s, _LAST_WAIT_S)
        _log.error("a worker died and is replaced", code=code, lived_s=round(lived_s, 1), wait_s=self._wait_s)
        # A signal that comes meanwhile is passed on after the wait, to the new one too.
        time.sleep(self._wait_s)
        self._start()


def work(settings: Settings, line: Connection) -> None:
    """The life of one worker, in its own process."""
    # A terminal's Ctrl-C would reach it twice: from the terminal, and passed on.
    os.setpgrp()
    import uvloop

    from gateway import logs

    logs.configure(settings)
    try:
        clean = uvloop.run(_work(settings, line))
    except ConfigurationError as error:
        print(f"a2a-gateway: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(0 if clean else 1)


async def _work(settings: Settings, line: Connection) -> bool:
    import asyncio

    from gateway import garbage
    from gateway.app import Gateway

    gateway = Gateway(settings, shares_ports=True)
    gateway.catch_signals()
    loop = asyncio.get_running_loop()
    async with gateway:
        garbage.settle()
        line.send(READY)
        # Nothing is ever sent to a worker: what can be read is the end of who watches over it.
        loop.add_reader(line.fileno(), _orphaned, loop, line)
        return await gateway.until_signalled()


def _orphaned(loop: "AbstractEventLoop", line: Connection) -> None:
    loop.remove_reader(line.fileno())
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _reserved(name: str, address: str) -> Iterator[str]:
    """Holds a port that workers will share, so that nobody else gets it; gives the address with its number."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bare = host.strip("[]")
    try:
        # Without sharing first: a port that another gateway shares is taken, too.
        with socket.socket(family) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((bare, int(port)))
            number = alone.getsockname()[1]
        with socket.socket(family) as holder:
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.bind((bare, number))
            yield f"{host}:{number}"
    except OSError as error:
        raise ConfigurationError(f"{name}: {address} cannot be listened on: {error.strerror or error}") from None


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """SIGTERM and SIGINT as bytes on a socket, so that they can be waited for beside processes."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    before = {number: signal.signal(number, _noted) for number in (signal.SIGTERM, signal.SIGINT)}
    wakeup = signal.set_wakeup_fd(writer.fileno())
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()


def _noted(number: int, frame: object) -> None:
    """The wake-up socket has it."""


def _forget_metrics(pid: int | None) -> None:
    """What a dead process had under way is not under way any more; what it counted stays counted."""
    from prometheus_client.multiprocess import mark_process_dead  # pyright: ignore[reportUnknownVariableType] # untyped

    if pid is not None:
        mark_process_dead(pid)
