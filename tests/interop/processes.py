"""Programs under test as subprocesses: start, wait for the ready line, stop, show their stderr when something fails.

Generic on purpose: the SDK peers and the gateway itself start through `running`. A program is ready when it prints its
first line on stdout: one JSON object, unless the caller brings another parser. It ends on SIGTERM, and is killed when
it does not.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 15.0
STOP_WITHIN_S = 3.0
FINISH_WITHIN_S = 60.0
STDERR_SHOWN_BYTES = 8192

ReadyLine = Callable[[str], dict[str, Any]]
"""What a program's first line says. Raises ValueError, which ends `the first line is …`, for one that says nothing."""


class ProgramError(Exception):
    """A program did not start, did not end, or ended badly. The text carries the end of its stderr."""


@dataclass
class Program:
    """A started program. `ready` is what its ready line said."""

    argv: Sequence[str]
    process: "subprocess.Popen[str]"
    stderr_file: IO[bytes]
    ready: dict[str, Any] = field(default_factory=dict[str, Any])

    def stderr(self) -> str:
        """The end of what the program has written to stderr so far. The file offset is the program's own: not moved."""
        number = self.stderr_file.fileno()
        size_bytes = os.fstat(number).st_size
        start = max(0, size_bytes - STDERR_SHOWN_BYTES)
        return os.pread(number, size_bytes - start, start).decode(errors="replace")

    def failure(self, what: str) -> ProgramError:
        return ProgramError(f"{' '.join(self.argv)}: {what}\n--- stderr ---\n{self.stderr()}")

    def stop(self) -> None:
        """Ends the program and everything it started, politely first."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_WITHIN_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_WITHIN_S)


def python(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of this checkout with the interpreter of the tests."""
    return [sys.executable, "-m", module, *arguments]


def json_object(line: str) -> dict[str, Any]:
    """The ready line of most programs."""
    try:
        ready: Any = json.loads(line)
    except ValueError:
        raise ValueError("not JSON") from None
    if not isinstance(ready, dict):
        raise ValueError("not a JSON object")
    return cast("dict[str, Any]", ready)


@contextlib.contextmanager
def running(
    argv: Sequence[str],
    *,
    ready_within_s: float = READY_WITHIN_S,
    env: dict[str, str] | None = None,
    ready_line: ReadyLine = json_object,
) -> Generator[Program]:
    """The program, ready, for the length of the block; an exception that leaves the block gets its stderr as a note."""
    with _started(argv, env) as program:
        lines: queue.Queue[str] = queue.Queue(maxsize=1)
        threading.Thread(target=_drain, args=(program.process.stdout, lines), daemon=True).start()
        try:
            program.ready = _read_ready(program, lines, ready_within_s, ready_line)
            yield program
        except ProgramError:
            raise
        except BaseException as error:
            code = program.process.poll()
            state = "still running" if code is None else f"ended with {code}"
            error.add_note(f"--- stderr of {' '.join(argv)} ({state}) ---\n{program.stderr()}")
            raise


def finished(argv: Sequence[str], *, within_s: float = FINISH_WITHIN_S, env: dict[str, str] | None = None) -> str:
    """Runs a program to its end and returns its stdout; ProgramError unless it exits with 0 in time."""
    with _started(argv, env) as program:
        try:
            output, _ = program.process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            raise program.failure(f"not finished after {within_s} s") from None
        if program.process.returncode != 0:
            raise program.failure(f"exit code {program.process.returncode}")
        return output


@contextlib.contextmanager
def _started(argv: Sequence[str], env: dict[str, str] | None) -> Generator[Program]:
    with tempfile.TemporaryFile() as stderr_file:
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr_file,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        program = Program(argv, process, stderr_file)
        try:
            yield program
        finally:
            program.stop()
            if process.stdout:
                process.stdout.close()


def _read_ready(
    program: Program, lines: "queue.Queue[str]", within_s: float, ready_line: ReadyLine
) -> dict[str, Any]:
    try:
        line = lines.get(timeout=within_s)
    except queue.Empty:
        raise program.failure(f"no ready line after {within_s} s") from None
    if not line:
        program.process.wait(STOP_WITHIN_S)
        raise program.failure(f"ended with {program.process.returncode} before it was ready")
    try:
        return ready_line(line.rstrip("\n"))
    except ValueError as error:
        raise program.failure(f"its first line is {error}: {line!r}") from None


def _drain(stdout: IO[str] | None, first: "queue.Queue[str]") -> None:
    """Hands the first line over and reads the rest away, so that the program never blocks on a full pipe."""
    assert stdout is not None
    with contextlib.suppress(ValueError, OSError):
        first.put(stdout.readline())
        for _ in stdout:
            pass
