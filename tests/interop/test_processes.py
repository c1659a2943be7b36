"""The start of programs itself: one that misbehaves fails the test with its stderr, and never outlives it."""

import os
import sys
import time
from pathlib import Path

import pytest

from tests.interop.processes import ProgramError, finished, running

READY = "import json, os, sys, time; print(json.dumps({'pid': os.getpid()}), flush=True); "


def script(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_program_is_running_inside_the_block_and_gone_after_it() -> None:
    with running(script(READY + "time.sleep(60)")) as program:
        assert is_alive(program.ready["pid"])
    assert not is_alive(program.ready["pid"])


def test_program_that_ignores_sigterm_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.interop.processes.STOP_WITHIN_S", 0.2)
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + READY + "time.sleep(60)"
    with running(script(code)) as program:
        started = time.monotonic()
    assert time.monotonic() - started < 5
    assert not is_alive(program.ready["pid"])


def test_program_that_prints_a_lot_after_its_ready_line_is_not_blocked(tmp_path: Path) -> None:
    done = tmp_path / "done"
    code = READY + f"print('x' * 1_000_000, flush=True); open({str(done)!r}, 'w').close(); time.sleep(60)"
    with running(script(code)):
        deadline = time.monotonic() + 10
        while not done.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; sys.exit('cannot bind')", "(?s)before it was ready.*cannot bind"),
        ("import time; print('hello', flush=True); time.sleep(60)", "not JSON: 'hello"),
        ("import time; print('[]', flush=True); time.sleep(60)", "not a JSON object"),
        ("import time; time.sleep(60)", "no ready line after 0.5 s"),
    ],
)
def test_program_that_is_not_ready_says_why(code: str, says: str) -> None:
    with pytest.raises(ProgramError, match=says), running(script(code), ready_within_s=0.5):
        pass


def test_failure_inside_the_block_carries_the_stderr_of_the_program() -> None:
    code = "import sys; print('what went wrong', file=sys.stderr, flush=True); " + READY + "time.sleep(60)"
    with pytest.raises(AssertionError) as failure, running(script(code)):
        raise AssertionError
    assert "what went wrong" in failure.value.__notes__[0]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import sys; sys.exit('bad input')", "(?s)exit code 1.*bad input"),
        ("import time; time.sleep(60)", "not finished after 0.5 s"),
    ],
)
def test_program_that_does_not_finish_well_says_why(code: str, says: str) -> None:
    with pytest.raises(ProgramError, match=says):
        finished(script(code), within_s=0.5)
