"""Runs `a2a-gateway` commands, each in a process of its own, without paying for the imports each time.

A program (this file) imports the gateway once and forks for every command that it is told to run;
what the command sees is a fresh process with its own arguments, environment and files. It must not
have started a thread or used its standard streams before it forks. `python -m gateway` itself is
tested in `test_processes`.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
DONE, FAILED, WRONG_USAGE = 0, 1, 2
WITHIN_S = 30.0
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


class Launcher:
    """The other end of the program, entered while it runs. One command at a time."""

    def __init__(self) -> None:
        self._here, self._there = socket.socketpair()
        self._here.settimeout(WITHIN_S)

    def __enter__(self) -> Self:
        command = [sys.executable, str(Path(__file__)), str(self._there.fileno())]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment(), pass_fds=[self._there.fileno()])
        self._there.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._here.close()
        self._process.wait(WITHIN_S)

    def run(self, *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> Ended:
        """The command `a2a-gateway ARGUMENTS`, once it has ended."""
        with ExitStack() as stack:
            files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
            files[0].write(stdin)
            files[0].seek(0)
            told = json.dumps({"arguments": [os.fsencode(one).hex() for one in arguments], "env": env or {}})
            socket.send_fds(self._here, [told.encode()], [file.fileno() for file in files])
            code = int(self._here.recv(16))
            for file in files:
                file.seek(0)
            return Ended(code, files[1].read(), files[2].read())


def _serve(told_on: socket.socket) -> None:
    """Runs commands until nobody can tell any; returns in the child, ready to run."""
    while True:
        told, fds, _, _ = socket.recv_fds(told_on, 1 << 20, 3)
        if not told:
            os._exit(0)
        command = json.loads(told)
        if (child := os.fork()) == 0:
            for number, fd in enumerate(fds):
                os.dup2(fd, number)
            os.environ.update(command["env"])
            sys.argv = ["a2a-gateway", *(os.fsdecode(bytes.fromhex(one)) for one in command["arguments"])]
            told_on.close()
            return
        for fd in fds:
            os.close(fd)
        _, status = os.waitpid(child, 0)
        told_on.send(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    from gateway.cli import main

    _serve(socket.socket(fileno=int(sys.argv[1])))
    main()
