"""The process in the container, without the container: its health, its signals, its exit codes."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
DONE, FAILED, WRONG_CONFIGURATION = 0, 1, 2
WITHIN_S = 30.0
"""For whatever takes a moment; nothing here waits for it to pass."""

QUESTION = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "SendStreamingMessage",
    "params": {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "Good morning"}]}},
}


def environment() -> dict[str, str]:
    """The environment of whoever runs the tests, without their settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("A2A_GATEWAY_")}


def gateway(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "gateway", *arguments]


def ended(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """What became of a verb that ends by itself."""
    command, around = gateway(*arguments), environment()
    return subprocess.run(command, cwd=ROOT, env=around, capture_output=True, text=True, timeout=WITHIN_S, check=False)


def health(url: str) -> "subprocess.CompletedProcess[str]":
    return ended("health", url)


@dataclass(frozen=True, slots=True)
class Serving:
    process: "subprocess.Popen[str]"
    url: str

    def ends(self) -> int:
        """The exit code, once it has ended."""
        return self.process.wait(WITHIN_S)


@contextmanager
def program(command: list[str], announced: str) -> Generator[tuple["subprocess.Popen[str]", str]]:
    """A program for as long as the block runs, and the word after `announced` on its first line."""
    with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(announced), f"{command} printed {line!r}"
            yield process, line.removeprefix(announced).split()[0]
        finally:
            process.kill()


@contextmanager
def serving(*arguments: str) -> Generator[Serving]:
    command = gateway("serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", *arguments)
    with program(command, "serving on ") as (process, url):
        # Once it answers, it also listens to signals.
        assert httpx.get(f"{url}/readyz", timeout=WITHIN_S, trust_env=False).status_code == 200
        yield Serving(process, url)


@pytest.fixture
def slow_agent() -> Iterator[str]:
    """The address of an agent that takes a minute for each word."""
    command = [sys.executable, "-m", "examples.grpc_agent", "--address", "127.0.0.1:0", "--pause", "60"]
    with program(command, "listening on ") as (_, url):
        yield url


@contextmanager
def call_under_way(url: str) -> Generator[None]:
    timeout = httpx.Timeout(WITHIN_S)
    headers = {"A2A-Version": "1.0"}
    with httpx.stream("POST", url, json=QUESTION, headers=headers, timeout=timeout, trust_env=False) as answer:
        assert answer.status_code == 200
        events = answer.iter_bytes()  # held, because an iterator that nobody holds hangs up
        assert next(events)
        yield


def until_draining(url: str) -> None:
    until = time.monotonic() + WITHIN_S
    while httpx.get(f"{url}/readyz", timeout=WITHIN_S, trust_env=False).status_code != 503:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_gateway_that_takes_calls_is_healthy() -> None:
    with serving() as it:
        result = health(it.url)
    assert (result.returncode, result.stdout) == (DONE, "ready\n")


def test_a_gateway_that_drains_is_not_healthy_but_alive(slow_agent: str) -> None:
    with serving("--agent", f"slow={slow_agent}") as it, call_under_way(it.url):
        it.process.send_signal(signal.SIGTERM)
        until_draining(it.url)
        result = health(it.url)
        assert (result.returncode, result.stdout) == (FAILED, "")
        assert "503" in result.stderr
        assert httpx.get(f"{it.url}/livez", timeout=WITHIN_S, trust_env=False).status_code == 200
        assert it.process.poll() is None


def test_a_gateway_that_is_not_there_is_not_healthy() -> None:
    with socket.socket() as taken:  # bound, so that nobody else listens there; not listening
        taken.bind(("127.0.0.1", 0))
        result = health(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert (result.returncode, result.stdout) == (FAILED, "")
    assert result.stderr.startswith("not ready: ")


def test_something_else_at_its_port_is_not_healthy(slow_agent: str) -> None:
    result = health(slow_agent.replace("grpc://", "http://"))
    assert (result.returncode, result.stdout) == (FAILED, "")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_an_idle_gateway_with_success(number: signal.Signals) -> None:
    with serving() as it:
        it.process.send_signal(number)
        assert it.ends() == DONE


def test_a_second_signal_ends_the_drain_with_success(slow_agent: str) -> None:
    with serving("--agent", f"slow={slow_agent}") as it, call_under_way(it.url):
        it.process.send_signal(signal.SIGTERM)
        until_draining(it.url)
        assert it.process.poll() is None
        it.process.send_signal(signal.SIGTERM)
        assert it.ends() == DONE


def test_a_configuration_that_cannot_be_used_ends_it_with_its_own_code(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_text("agents: [{name: words, url: words:50051}]\n")
    result = ended("serve", "--config", str(file))
    assert result.returncode == WRONG_CONFIGURATION
    assert result.stderr.startswith(f"{file}: agents.0.url: ")
