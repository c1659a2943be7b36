"""`serve --workers`: processes that share both ports and one store, and what becomes of one that dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.conftest import ANY
from tests.cli.launcher import ROOT, WITHIN_S, WRONG_USAGE, environment

pytestmark = pytest.mark.timeout(120)

POET = "poet=python:examples.worker:Poet"


@dataclass(frozen=True, slots=True)
class Crew:
    """A gateway of two processes."""

    process: "subprocess.Popen[str]"
    http: str

    def pids(self) -> set[int]:
        """Of the processes that serve. What else there is tracks resources and serves nobody."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(pid) for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()}

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Asks on a connection of its own: any of the processes may get it."""
        with httpx.Client(trust_env=False, timeout=WITHIN_S) as client:
            return client.request(method, self.http + path, headers={"A2A-Version": "1.0"}, **more)


@contextmanager
def crew(folder: Path, *arguments: str) -> Iterator[Crew]:
    store = f"sqlite:///{folder}/a2a.db"
    command = [sys.executable, "-m", "gateway", "serve", *ANY, "--workers", "2", "--store", store, "--agent", POET]
    with subprocess.Popen(
        [*command, *arguments], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("serving on "), line
            yield Crew(process, line.split()[2])
        finally:
            process.terminate()
            try:
                process.wait(WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    with crew(tmp_path_factory.mktemp("workers")) as started:
        yield started


def message(text: str, **more: Any) -> dict[str, Any]:
    said = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": text}], **more}
    return {"message": said, "configuration": {"returnImmediately": True}}


def test_a_task_of_one_process_is_seen_answered_and_canceled_at_any(two: Crew) -> None:
    assert len(two.pids()) == 2
    # A question: the worker asks what about, and waits for the answer in the process that has the task.
    asked = two.ask("POST", "/message:send", json={"message": {**message(" ")["message"]}}).json()["task"]
    assert asked["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    seen = {two.ask("GET", f"/tasks/{asked['id']}").json()["status"]["state"] for _ in range(12)}
    assert seen == {"TASK_STATE_INPUT_REQUIRED"}
    answer = {"message": message("rain", taskId=asked["id"])["message"]}
    told = two.ask("POST", "/message:send", json=answer).json()["task"]
    assert told["status"]["state"] == "TASK_STATE_COMPLETED"
    for _ in range(8):
        begun = two.ask("POST", "/message:send", json=message("snow")).json()["task"]
        canceled = two.ask("POST", f"/tasks/{begun['id']}:cancel", json={})
        assert canceled.json()["status"]["state"] == "TASK_STATE_CANCELED", canceled.text


def test_metrics_are_of_all_processes(two: Crew) -> None:
    def counted() -> float:
        lines = two.ask("GET", "/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("a2a_gateway_calls_total{"))

    before = counted()
    for _ in range(10):
        two.ask("GET", "/tasks/none")
    assert counted() == before + 10


def test_one_that_dies_is_replaced_and_the_other_serves_on(tmp_path: Path) -> None:
    with crew(tmp_path) as started:
        before = started.pids()
        os.kill(min(before), signal.SIGKILL)
        assert started.ask("GET", "/livez").text == "alive\n"
        until = time.monotonic() + WITHIN_S
        while len(started.pids() - before) < 1 and time.monotonic() < until:
            time.sleep(0.1)
        assert max(before) in started.pids()
        assert len(started.pids()) == 2
        started.process.send_signal(signal.SIGTERM)
        assert started.process.wait(WITHIN_S) == 0


def test_they_end_with_the_one_that_watches_over_them(tmp_path: Path) -> None:
    with crew(tmp_path) as started:
        left = started.pids()
        started.process.kill()
        until = time.monotonic() + WITHIN_S
        while any(Path(f"/proc/{pid}").exists() for pid in left) and time.monotonic() < until:
            time.sleep(0.1)
        assert not any(Path(f"/proc/{pid}").exists() for pid in left)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--store", "sqlite://"), "store: one in memory cannot be shared by several workers; give it a file\n"),
        (("--agent", "poet=python:examples.nothing:Poet"), "python:examples.nothing:Poet: No module named"),
        (("--workers", "0"), "Invalid value for '--workers'"),
    ],
)
def test_what_cannot_be_served_by_several_is_said_once(arguments: tuple[str, ...], problem: str) -> None:
    command = [sys.executable, "-m", "gateway", "serve", *ANY, "--workers", "2", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=WITHIN_S)
    assert ended.returncode == WRONG_USAGE, ended.stderr
    assert problem in ended.stderr
