"""The processes of a benchmark: started on their cores, spoken to by lines, ended with all that they started."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from benchmarks import accounting

ROOT = Path(__file__).resolve().parents[1]
READY_WITHIN_S = 30.0
STOP_WITHIN_S = 5.0
SHOWN_BYTES = 4096

Json = dict[str, Any]


class Broken(Exception):
    """A process did not start, or did not do as it was told. The text has the end of what it wrote."""


@dataclass(slots=True)
class Process:
    """A running process."""

    name: str
    popen: "subprocess.Popen[str]"
    log: IO[bytes]

    @property
    def pid(self) -> int:
        return self.popen.pid

    def cpu_ns(self) -> int:
        """CPU time of the process and all that it started."""
        return accounting.cpu_ns(accounting.tree(self.pid))

    def memory_kib(self) -> int:
        """PSS of the process and all that it started."""
        return accounting.memory_kib(accounting.tree(self.pid))

    def line(self) -> str:
        """The next line of its stdout. Raises Broken."""
        assert self.popen.stdout
        if not (line := self.popen.stdout.readline()):
            raise self.broken("it ended")
        return line

    def do(self, verb: str, **arguments: object) -> Json:
        """Has it do something, and its answer. Raises Broken."""
        assert self.popen.stdin
        print(json.dumps({"do": verb, **arguments}), file=self.popen.stdin, flush=True)
        answer: Json = json.loads(self.line())
        if "error" in answer:
            raise self.broken(f"{verb}: {answer['error']}")
        return answer

    def broken(self, what: str) -> Broken:
        size = os.fstat(self.log.fileno()).st_size
        shown = os.pread(self.log.fileno(), SHOWN_BYTES, max(0, size - SHOWN_BYTES)).decode(errors="replace")
        return Broken(f"{self.name}: {what}\n{shown}")


@contextlib.contextmanager
def running(
    name: str, command: Sequence[str], cores: frozenset[int], env: Mapping[str, str] | None = None
) -> Generator[Process]:
    """A process on some cores. Whoever enters waits until it is ready: by `line`, or by `until`."""
    with tempfile.TemporaryFile() as log:
        popen = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            os.sched_setaffinity(popen.pid, cores)
            yield Process(name, popen, log)
        finally:
            _stop(popen)


def _stop(popen: "subprocess.Popen[str]") -> None:
    popen.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        popen.wait(STOP_WITHIN_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait(STOP_WITHIN_S)
    for pipe in (popen.stdin, popen.stdout):
        if pipe:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def until(process: Process, ready: Callable[[], bool]) -> None:
    """Waits until a process is ready. Raises Broken where it is not in time, or ends."""
    deadline_s = time.monotonic() + READY_WITHIN_S
    while not ready():
        if process.popen.poll() is not None:
            raise process.broken(f"it ended with {process.popen.returncode}")
        if time.monotonic() > deadline_s:
            raise process.broken(f"it was not ready after {READY_WITHIN_S} s")
        time.sleep(0.02)
