"""Workers as their readers run them: the one in `examples/`, and the one that the documentation shows."""

import json
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.cli.launcher import WITHIN_S, environment
from tests.examples.conftest import EXIT_TIMEOUT_S, ROOT

PAGE = (ROOT / "docs" / "tasks.md").read_text()
ANY = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")


@contextmanager
def served(worker: str, folder: Path) -> Generator[str]:
    """A gateway that runs a worker, started in a folder; its URL."""
    command = [sys.executable, "-m", "gateway", "serve", *ANY, "--agent", f"poet={worker}"]
    with subprocess.Popen(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("serving on "), line
            yield line.split()[2]
        finally:
            process.terminate()
            process.wait(EXIT_TIMEOUT_S)


def said(url: str, text: str, **more: str) -> list[Any]:
    """The results of the events that answer a message."""
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": text}], **more}
    call = {"jsonrpc": "2.0", "id": 1, "method": "SendStreamingMessage", "params": {"message": message}}
    answer = httpx.post(url, json=call, headers={"A2A-Version": "1.0"}, trust_env=False, timeout=WITHIN_S)
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line)["result"] for line in lines]


def poem_of(events: list[Any]) -> str:
    """The text of the artifacts: of the task as the stream begins with it, and what was appended."""
    artifacts = [
        *events[0]["task"].get("artifacts", ()),
        *(event["artifactUpdate"]["artifact"] for event in events if "artifactUpdate" in event),
    ]
    return "".join(part["text"] for artifact in artifacts for part in artifact["parts"])


def last(events: list[Any]) -> tuple[str, str]:
    """The state that a task is left in, and what was said with it."""
    status = events[-1]["statusUpdate"]["status"]
    return status["state"], "".join(part["text"] for part in status["message"]["parts"])


def test_the_example_asks_and_writes(tmp_path: Path) -> None:
    """It is named as from the folder that the gateway was started in."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with served("python:examples.worker:Poet", tmp_path) as url:
        asked = said(url, " ")
        assert last(asked) == ("TASK_STATE_INPUT_REQUIRED", "What shall it be about?")
        answered = said(url, "rain", taskId=asked[0]["task"]["id"])
        assert poem_of(answered).startswith("Of rain I sing, \n")
        assert last(answered) == ("TASK_STATE_COMPLETED", "That was a poem about rain.")
        assert poem_of(said(url, "snow")).startswith("Of snow I sing, \n")
        card = httpx.get(f"{url}/.well-known/agent-card.json", trust_env=False, timeout=WITHIN_S).json()
        assert card["description"] == "Writes a few lines about anything, word by word."
    assert (tmp_path / "a2a.db").exists(), "its tasks are kept where the gateway was started"


def test_the_one_that_is_documented_does_what_is_said_of_it(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (command,) = re.findall(r"```sh\na2a-gateway serve --agent poet=python:(\S+)\n```", PAGE)
    assert command == "examples.worker:Poet"
    (tmp_path / "poets.py").write_text(code)
    with served("python:poets:Poet", tmp_path) as url:
        events = said(url, "rain")
        assert poem_of(events) == "Of rain I sing. "
        assert last(events) == ("TASK_STATE_COMPLETED", "That was a poem about rain.")
