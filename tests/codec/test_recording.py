"""Recordings: what is written is read again, and a file that is none is refused by its line."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.malformed import Bounds
from gateway.codec.recording import (
    BadRecording,
    Recording,
    end_line,
    event_line,
    head_line,
    read,
    request_line,
    task_of,
)
from gateway.errors import AgentError, ErrorKind
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events
from tests.fakes.events import Json

BOUNDS = Bounds()
HEAD: Json = {"recording": "a2a", "version": 1, "agent": "poet", "operation": "SendStreamingMessage", "protocol": "1.0"}
REQUEST: Json = {"at": 0, "request": events.send_params()}
TASK: Json = {"at": 5, "event": events.task()}
END: Json = {"at": 9, "end": True}
AGAIN: Json = {
    "at": 20,
    "request": {"message": events.bare_message("more", role="ROLE_USER", taskId=events.TASK_ID)},
}


def lines(*given: Json | bytes) -> list[bytes]:
    return [one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in given]


def reading(*given: Json | bytes) -> Recording:
    return read(lines(*given), BOUNDS, 100)


def test_turns_begin_with_requests_and_end_as_they_ended() -> None:
    error: Json = {"at": 30, "error": {"reason": "UNAVAILABLE", "message": "gone"}}
    recording = reading(HEAD, REQUEST, {**TASK, "cursor": "c-1"}, END, AGAIN, {"at": 21, "event": events.status()}, error)
    first, second = recording.turns
    assert (recording.agent, recording.task_id) == ("poet", events.TASK_ID)
    assert [(one.at_ms, task_of(one.event), one.cursor) for one in first.shown] == [(5, events.TASK_ID, "c-1")]
    assert (first.at_ms, first.ended_ms, first.failed) == (0, 9, None)
    assert (second.at_ms, len(second.shown), second.ended_ms) == (20, 1, 30)
    assert second.failed is not None
    assert (second.failed.kind, second.failed.message) == (ErrorKind.UNAVAILABLE, "gone")


def test_one_that_begins_with_a_task_under_way_or_stops_before_the_end_is_read() -> None:
    (turn,) = reading(HEAD, TASK).turns
    assert (turn.request, turn.ended_ms) == (None, None)


def test_what_is_not_known_is_passed_over() -> None:
    assert reading({**HEAD, "by": "somebody"}, {**TASK, "note": 1}).agent == "poet"


LONG = b'{"at":0,"event":"' + b"x" * BOUNDS.json_bytes + b'"}\n'
DEEP = b'{"at":0,"event":' + b"[" * 5000 + b"]" * 5000 + b"}\n"
HOSTILE: dict[str, tuple[list[Json | bytes], str]] = {
    "empty": ([], "line 1: expected the head of a recording"),
    "a picture": ([b"\x89PNG\r\n"], "line 1: not UTF-8"),
    "no JSON": ([b"hello\n"], "line 1: not JSON"),
    "a list": ([b"[]\n"], "line 1: expected an object"),
    "another format": ([{"version": 1}], 'line 1: not the head of a recording: it has no "recording": "a2a"'),
    "a later version": ([{**HEAD, "version": 2}], "line 1: version: expected 1"),
    "a version that is a truth value": ([{**HEAD, "version": True}], "line 1: version: expected 1"),
    "another protocol": ([{**HEAD, "protocol": "0.3"}], "line 1: protocol: expected 1.0"),
    "an agent without a name": ([{**HEAD, "agent": 7}], "line 1: agent: expected a text"),
    "nothing came": ([HEAD, REQUEST], "line 2: the recording ends before anything came"),
    "nothing at all": ([HEAD], "line 1: the recording ends before anything came"),
    "a cut line": ([HEAD, b'{"at":0,"event":{}}'], "line 2: the line is cut: it has no end"),
    "a long line": ([HEAD, LONG], f"line 2: a line has at most {BOUNDS.json_bytes} bytes"),
    "a deep line": ([HEAD, DEEP], "line 2: nested deeper than"),
    "an empty line": ([HEAD, b"\n"], "line 2: not JSON"),
    "doubled names": ([HEAD, b'{"at":0,"at":1,"end":true}\n'], "line 2: "),
    "no mark": ([HEAD, {"at": 0}], "line 2: expected one of request, event, error, end"),
    "two marks": ([HEAD, {**TASK, "end": True}], "line 2: expected one of request, event, error, end"),
    "no time": ([HEAD, {"event": events.task()}], "line 2: at: expected milliseconds"),
    "a negative time": ([HEAD, {**TASK, "at": -1}], "line 2: at: expected milliseconds"),
    "a time that never comes": ([HEAD, {**TASK, "at": 10**18}], "line 2: at: expected milliseconds"),
    "a time with a fraction": ([HEAD, {**TASK, "at": 1.5}], "line 2: at: expected milliseconds"),
    "a time that is a truth value": ([HEAD, {**TASK, "at": True}], "line 2: at: expected milliseconds"),
    "a time that goes back": ([HEAD, TASK, {**TASK, "at": 4}], "line 3: at: 4 is before 5"),
    "an event of no shape": ([HEAD, {"at": 0, "event": {"task": 7}}], "line 2: event: "),
    "an event of nothing": ([HEAD, {"at": 0, "event": {}}], "line 2: event: it holds nothing"),
    "a state that is none": ([HEAD, {"at": 0, "event": events.task(state="DONE")}], "line 2: event: "),
    "a request of no shape": ([HEAD, {"at": 0, "request": {"message": 7}}], "line 2: request: "),
    "another task": ([HEAD, REQUEST, TASK, END, {**REQUEST, "at": 10}], "line 5: request: it begins another task"),
    "an event after the end": ([HEAD, REQUEST, TASK, END, {**TASK, "at": 10}], "line 5: the stream had ended"),
    "an end that is none": ([HEAD, TASK, {"at": 9, "end": False}], "line 3: end: expected true"),
    "an error without a reason": ([HEAD, {"at": 9, "error": {"message": "no"}}], "line 2: error: expected reason"),
    "a cursor that breaks lines": ([HEAD, {**TASK, "cursor": "a\nevent: error"}], "line 2: cursor: "),
    "a cursor that is no text": ([HEAD, {**TASK, "cursor": 7}], "line 2: cursor: "),
    "a long cursor": ([HEAD, {**TASK, "cursor": "x" * 2000}], "line 2: cursor: "),
    "too many lines": ([HEAD, *[TASK] * 100], "line 101: a recording has at most 100 lines"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_none_is_refused_by_its_line(name: str) -> None:
    given, problem = HOSTILE[name]
    with pytest.raises(BadRecording) as refused:
        reading(*given)
    assert str(refused.value).startswith(problem)


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_refused(given: list[bytes]) -> None:
    for head in ([], lines(HEAD)):
        with pytest.raises(BadRecording, match=r"^line \d+: "):
            read([*head, *(one + b"\n" for one in given)], BOUNDS, 100)


def test_what_is_written_is_read_again() -> None:
    request = a2a.SendMessageRequest.from_json(json.dumps(events.send_params()))
    happened: list[Any] = [events.task(), events.artifact("a"), events.artifact("b", append=True), events.status()]
    shown = [a2a.StreamResponse.from_json(json.dumps(event)) for event in happened]
    written = [head_line("poet", "SendStreamingMessage"), request_line(0, request, BOUNDS)]
    written += [event_line(at, event, f"c-{at}", BOUNDS) for at, event in enumerate(shown)]
    (turn,) = read([*written, end_line(9)], BOUNDS, 100).turns
    assert turn.request == request
    assert [one.event for one in turn.shown] == shown
    assert [one.cursor for one in turn.shown] == ["c-0", "c-1", "c-2", "c-3"]
    assert turn.ended_ms == 9
    (failed,) = read([*written, end_line(9, AgentError(ErrorKind.TASK_NOT_FOUND, "gone"))], BOUNDS, 100).turns
    assert failed.failed is not None
    assert (failed.failed.kind, failed.failed.message) == (ErrorKind.TASK_NOT_FOUND, "gone")
