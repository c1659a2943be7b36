"""`stream --record` and `replay`: what was recorded is replayed, and recorded again as it was."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ANY, Target
from tests.cli.launcher import DONE, WRONG_USAGE, Launcher

SAID = "Good morning, recording"


def came(file: Path) -> list[Any]:
    """What is in a recording beside its head, its request and its times."""
    return [{**json.loads(line), "at": None} for line in file.read_bytes().splitlines()[2:]]


def test_a_recording_of_a_replay_is_the_recording(target: Target, cli: Launcher, tmp_path: Path) -> None:
    """Over either binding, of an agent itself or through the gateway."""
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    shown = target.run("stream", SAID, "--record", str(first)).done()
    head, request, *_, last = (json.loads(line) for line in first.read_bytes().splitlines())
    assert (head["recording"], head["version"], head["operation"]) == ("a2a", 1, "SendStreamingMessage")
    assert request["request"]["message"]["parts"] == [{"text": SAID}]
    assert last["end"] is True
    replaying = cli.start("replay", str(first), "--speed", "instant", *ANY)
    grpc = replaying.line().split()[-1]
    again = cli.run("stream", grpc, "something else", "--record", str(second)).done()
    assert (again.out, again.err) == (shown.out, shown.err)
    assert came(second) == came(first)
    replaying.signal(signal.SIGTERM)
    assert replaying.ends().code == DONE


def test_a_failed_stream_is_recorded_with_its_error(target: Target, tmp_path: Path) -> None:
    file = tmp_path / "failed.jsonl"
    ended = target.run("stream", "more", "--task", "no-such-task", "--record", str(file))
    assert ended.err.startswith("TASK_NOT_FOUND")
    *_, last = (json.loads(line) for line in file.read_bytes().splitlines())
    assert last["error"]["reason"] == "TASK_NOT_FOUND"


def test_a_stream_that_is_broken_off_says_no_end(target: Target, tmp_path: Path) -> None:
    file = tmp_path / "cut.jsonl"
    started = target.start("stream", "word " * 4000, "--json", "--record", str(file))
    assert started.line()
    started.signal(signal.SIGINT)
    assert started.ends().code == 130
    *_, last = (json.loads(line) for line in file.read_bytes().splitlines())
    assert "event" in last


@pytest.mark.parametrize(
    ("content", "more", "problem"),
    [
        (b"", (), "line 1: expected the head of a recording"),
        (b"{}\n", (), "line 1: not the head of a recording"),
        (b'{"recording":"a2a","version":1}\n{"at":0,"event":{}}\n', (), "line 2: event: it holds nothing"),
        (b"", ("--speed", "fast"), "replay_speed"),
        (b"", ("--speed", "0"), "replay_speed"),
        (b"", ("--name", "../up"), "name"),
    ],
)
def test_what_is_no_recording_is_refused(
    cli: Launcher, tmp_path: Path, content: bytes, more: tuple[str, ...], problem: str
) -> None:
    file = tmp_path / "given.jsonl"
    file.write_bytes(content)
    ended = cli.run("replay", str(file), *more, *ANY)
    assert (ended.code, ended.out) == (WRONG_USAGE, "")
    assert problem in ended.err
    assert "Traceback" not in ended.err


def test_a_file_that_is_not_there_or_cannot_be_written_is_named(cli: Launcher, target: Target, tmp_path: Path) -> None:
    missing = cli.run("replay", str(tmp_path / "nothing.jsonl"), *ANY)
    assert (missing.code, "there is no file" in missing.err) == (WRONG_USAGE, True)
    unwritable = target.run("stream", SAID, "--record", str(tmp_path))
    assert (unwritable.code, f"--record {tmp_path}" in unwritable.err) == (WRONG_USAGE, True)
