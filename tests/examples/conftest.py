"""The examples as their readers run them: real processes, on ports of their own choosing."""

import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

ROOT = Path(__file__).parents[2]
EXIT_TIMEOUT_S = 5

Running: TypeAlias = tuple[subprocess.Popen[str], str]
"""The process of an agent, and the URL that it printed."""


@contextmanager
def running(module: str, pause_s: float) -> Generator[Running, None, None]:
    """An example agent for as long as the block runs."""
    command = [sys.executable, "-m", module, "--address", "127.0.0.1:0", "--pause", str(pause_s)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("listening on "), f"{module} printed {line!r}"
            yield process, line.removeprefix("listening on ").strip()
        finally:
            process.terminate()
            try:
                process.wait(EXIT_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture
def start_agent() -> Iterator[Callable[[str, float], Running]]:
    """Starts an agent that is stopped with the test."""
    with ExitStack() as stack:
        yield lambda module, pause_s: stack.enter_context(running(module, pause_s))


@pytest.fixture(scope="session")
def grpc_url() -> Iterator[str]:
    with running("examples.grpc_agent", 0.005) as (_, url):
        yield url


@pytest.fixture(scope="session")
def jsonrpc_url() -> Iterator[str]:
    with running("examples.jsonrpc_agent", 0.005) as (_, url):
        yield url
