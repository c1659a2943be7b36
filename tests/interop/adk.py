"""The programs on kagenti-adk: an agent, and its own functions and client to be asked. Each runs in its environment."""

import contextlib
import json
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

from tests.interop.processes import ROOT, Program, running

START_WITHIN_S = 60.0
"""Its imports alone take several seconds, on a machine that does other things too many."""


class Adk:
    """Asks its functions, in its own process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, do: str, given: Any) -> Any:
        answer = self.outcome(do, given)
        assert "error" not in answer, answer
        return answer["answer"]

    def outcome(self, do: str, given: Any) -> dict[str, Any]:
        asks, answers = self._process.stdin, self._process.stdout
        assert asks is not None
        assert answers is not None
        asks.write(json.dumps({"do": do, "with": given}) + "\n")
        asks.flush()
        return json.loads(answers.readline())


@contextlib.contextmanager
def asked(interpreter: Path) -> Generator[Adk]:
    """Its functions and its client; `interpreter` is the one of its environment."""
    command = [str(interpreter), "-m", "tests.interop.adk_deltas"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Adk(process)
        process.terminate()


@contextlib.contextmanager
def adk_agent(interpreter: Path) -> Generator[Program]:
    """An agent on a free port; `ready["url"]` is where its card is."""
    command = [str(interpreter), "-m", "tests.interop.adk_agent"]
    with running(command, ready_within_s=START_WITHIN_S) as program:
        yield program
