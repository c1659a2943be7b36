"""Runs `a2a-gateway` commands, each in a process of its own, without paying for the imports each time.

A program (this file) imports the gateway once and forks for every command that it is told to run;
what the command sees is a fresh process with its own arguments, environment and files. The program
starts no thread and leaves its standard streams alone, so that there is nothing to inherit but
modules. `python -m gateway` itself is tested in `test_processes`.
"""

import contextlib
import gc
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

ROOT = Path(__file__).parents[2]
DONE, FAILED, WRONG_USAGE = 0, 1, 2
WITHIN_S = 40.0
"""For whatever takes a moment; nothing here waits for it to pass."""


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of whoever runs the tests, without their settings, and with `more`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("A2A_GATEWAY_")}
    return {**own, "PYTHONPATH": str(ROOT), **(more or {})}


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a command."""

    code: int
    """The exit code; negative for a signal."""
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def err(self) -> str:
        return self.stderr.decode()

    def json(self) -> list[Any]:
        """Every line of stdout as JSON. Raises ValueError."""
        return [json.loads(line) for line in self.out.splitlines()]

    def done(self) -> Self:
        """This, if the command did what it was told."""
        assert self.code == DONE, f"exit code {self.code}: {self.err}"
        return self


class Started:
    """A command under way; its output can be read as it comes."""

    def __init__(self, pid: int, status: socket.socket, out: IO[bytes], err: IO[bytes]) -> None:
        self.pid = pid
        self.out = out
        self._status = status
        self._err = err
        self._ended: Ended | None = None

    def line(self) -> str:
        """The next line of stdout; empty at its end."""
        return self.out.readline().decode()

    def lines_to(self, end: str) -> str:
        """The lines of stdout as far as the one that contains `end`."""
        lines: list[str] = []
        while end not in (line := self.line()):
            assert line, f"no {end!r} in {lines}"
            lines.append(line)
        return "".join([*lines, line])

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def ends(self) -> Ended:
        """What became of it, once it has ended; of its output what was not read before."""
        if self._ended is None:
            stdout = b"" if self.out.closed else self.out.read()
            code = int(self._status.recv(16))
            self._err.seek(0)
            self._ended = Ended(code, stdout, self._err.read())
        return self._ended

    def stop(self) -> None:
        """Ends it, if it has not ended."""
        if self._ended is None:
            with contextlib.suppress(ProcessLookupError):  # it may have ended, and nobody asked
                self.signal(signal.SIGTERM)
            self.ends()


class Launcher:
    """The other end of the program, entered while it runs."""

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair()
        self._stack = ExitStack()
        self._started: list[Started] = []

    def __enter__(self) -> Self:
        command = [sys.executable, str(Path(__file__)), str(self._there.fileno())]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment(), pass_fds=[self._there.fileno()])
        self._there.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for started in self._started:
            started.stop()
        self._here.close()
        self._process.wait(WITHIN_S)
        self._stack.close()

    def start(self, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> Started:
        """Begins the command `a2a-gateway ARGUMENTS`."""
        command = {"arguments": [os.fsencode(one).hex() for one in arguments], "env": env or {}}
        reading, writing = os.pipe()
        here, there = socket.socketpair()
        here.settimeout(WITHIN_S)
        out = self._stack.enter_context(os.fdopen(reading, "rb"))
        err = self._stack.enter_context(_file(b""))
        self._stack.enter_context(here)
        with _file(json.dumps(command).encode()) as told, _file(stdin) as given, there:
            passed = [told.fileno(), given.fileno(), writing, err.fileno(), there.fileno()]
            socket.send_fds(self._here, [b"!"], passed)
        os.close(writing)
        started = Started(int(here.recv(16)), here, out, err)
        self._started.append(started)
        return started

    def run(self, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> Ended:
        """The command `a2a-gateway ARGUMENTS`, once it has ended."""
        return self.start(*arguments, stdin=stdin, env=env).ends()


def _file(content: bytes) -> IO[bytes]:
    """A file without a name, to be read from its beginning."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 # whoever asked closes it
    file.write(content)
    file.seek(0)
    return file


def _serve(told_on: socket.socket) -> None:
    """Starts commands until nobody can tell any; returns in the process of a command, ready to run."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        told, fds, _, _ = socket.recv_fds(told_on, 1, 5)
        if not told:
            os._exit(0)
        if os.fork() == 0:
            told_on.close()
            with os.fdopen(fds.pop(0), "rb") as command:
                _watch(socket.socket(fileno=fds.pop()), fds, json.load(command))
            return
        for fd in fds:
            os.close(fd)


def _watch(status: socket.socket, files: list[int], command: dict[str, Any]) -> None:
    """Runs a command in a process of its own and tells its number and, in the end, its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Whatever runs the tests may have been started with it ignored, as what a shell puts behind is.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if (child := os.fork()) != 0:
        for file in files:
            os.close(file)
        status.send(str(child).encode())
        _, code = os.waitpid(child, 0)
        status.send(str(os.waitstatus_to_exitcode(code)).encode())
        os._exit(0)
    status.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.update(command["env"])
    sys.argv = ["a2a-gateway", *(os.fsdecode(bytes.fromhex(one)) for one in command["arguments"])]


def _warm_up() -> None:
    """Imports here what every command would import for itself, as far as running one shows it."""

    import gateway.app  # pyright: ignore[reportUnusedImport] # to have it in every fork
    import gateway.check  # pyright: ignore[reportUnusedImport]
    import gateway.demo  # noqa: F401 # pyright: ignore[reportUnusedImport]

    told_on, sys.argv = sys.argv[1:], ["a2a-gateway", "card", "http://127.0.0.1:1/"]
    with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
        main()
    sys.argv[1:] = told_on
    gc.collect()
    gc.freeze()  # else every fork copies all of it, only to see at its end that nothing can go
    assert threading.active_count() == 1, "a thread would not live on in a fork"


if __name__ == "__main__":
    from gateway.cli import main

    _warm_up()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    main()
