"""Recordings: what a caller asked of an agent and what came, line by line; docs/recordings.md has the format. PURE.

A reader takes a whole file and gives a `Recording` or raises `BadRecording`, which names the line.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from protobuf import Message, Oneof

from gateway.codec import protojson
from gateway.codec.jsontext import JsonValue, dump, load
from gateway.codec.malformed import Bounds, Malformed
from gateway.errors import ErrorKind, GatewayError
from generated.a2a.v1 import a2a_pb as a2a

VERSION = 1
_FORMAT = "a2a"
_LONGEST_MS = 7 * 24 * 3600 * 1000
_CURSOR_CHARS = 1024
_MARKS = ("request", "event", "error", "end")
"""Of which every line after the first has one."""


class BadRecording(Exception):
    """The file is no recording; the message names the line."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An event, when it came and the cursor that came with it."""

    at_ms: int
    event: a2a.StreamResponse
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """That a stream ended with an error."""

    kind: ErrorKind
    message: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One message to the agent and the stream that answered it."""

    at_ms: int = 0
    request: a2a.SendMessageRequest | None = None
    """None where the recording began with a task that was under way."""
    shown: tuple[Shown, ...] = ()
    ended_ms: int | None = None
    """When the stream ended; None where the recording stopped before."""
    failed: Failed | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """One task, or one message that was answered by a message."""

    agent: str
    turns: tuple[Turn, ...]

    @property
    def task_id(self) -> str:
        """Empty where no event names a task."""
        return next((name for turn in self.turns for one in turn.shown if (name := task_of(one.event))), "")


@dataclass(slots=True)
class _Reading:
    bounds: Bounds
    turns: list[Turn] = field(default_factory=list[Turn])
    shown: list[Shown] = field(default_factory=list[Shown])
    at_ms: int = 0

    def close(self) -> None:
        """Gives the last turn the events that were read for it."""
        if self.turns:
            self.turns[-1] = replace(self.turns[-1], shown=tuple(self.shown))
        self.shown = []


def read(lines: Iterable[bytes], bounds: Bounds, most_lines: int) -> Recording:
    """The recording that the lines of a file are. Raises BadRecording."""
    reading = _Reading(bounds)
    agent: str | None = None
    for number, line in enumerate(lines, 1):
        try:
            if number > most_lines:
                raise Malformed(f"a recording has at most {most_lines} lines")
            if len(line) > bounds.json_bytes:
                raise Malformed(f"a line has at most {bounds.json_bytes} bytes")
            if not line.endswith(b"\n"):
                raise Malformed("the line is cut: it has no end")
            value = load(line, bounds)
            if not isinstance(value, dict):
                raise Malformed("expected an object")
            if agent is None:
                agent = _head(value)
            else:
                _line(reading, value)
        except Malformed as error:
            raise BadRecording(f"line {number}: {error}") from None
    reading.close()
    if agent is None:
        raise BadRecording("line 1: expected the head of a recording")
    if not any(turn.shown or turn.failed for turn in reading.turns):
        raise BadRecording(f"line {1 + len(reading.turns)}: the recording ends before anything came")
    return Recording(agent, tuple(reading.turns))


def head_line(agent: str, operation: str) -> bytes:
    """The first line of a recording."""
    head: dict[str, JsonValue] = {"recording": _FORMAT, "version": VERSION, "agent": agent}
    return dump({**head, "operation": operation, "protocol": "1.0"}) + b"\n"


def request_line(at_ms: int, request: Message, bounds: Bounds) -> bytes:
    return _written(at_ms, {"request": protojson.to_value(request, bounds)})


def event_line(at_ms: int, event: a2a.StreamResponse, cursor: str, bounds: Bounds) -> bytes:
    marked: dict[str, JsonValue] = {"event": protojson.to_value(event, bounds)}
    return _written(at_ms, {**marked, "cursor": cursor} if cursor else marked)


def end_line(at_ms: int, error: GatewayError | None = None) -> bytes:
    if error is None:
        return _written(at_ms, {"end": True})
    return _written(at_ms, {"error": {"reason": error.kind.reason, "message": error.message}})


def task_of(event: a2a.StreamResponse) -> str:
    """The task that an event is about; empty for a message on its own."""
    match event.payload:
        case Oneof(value=a2a.Task(id=task_id)):
            return task_id
        case Oneof(value=a2a.TaskStatusUpdateEvent(task_id=task_id)):
            return task_id
        case Oneof(value=a2a.TaskArtifactUpdateEvent(task_id=task_id)):
            return task_id
        case _:
            return ""


def _written(at_ms: int, marked: dict[str, JsonValue]) -> bytes:
    return json.dumps({"at": at_ms, **marked}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _head(value: dict[str, JsonValue]) -> str:
    if value.get("recording") != _FORMAT:
        raise Malformed(f'not the head of a recording: it has no "recording": "{_FORMAT}"')
    if value.get("version") != VERSION or value["version"] is True:
        raise Malformed(f"version: expected {VERSION}")
    if value.get("protocol", "1.0") != "1.0":
        raise Malformed("protocol: expected 1.0")
    agent = value.get("agent", "")
    if not isinstance(agent, str):
        raise Malformed("agent: expected a text")
    return agent


def _line(reading: _Reading, value: dict[str, JsonValue]) -> None:
    marks = [mark for mark in _MARKS if mark in value]
    if len(marks) != 1:
        raise Malformed(f"expected one of {', '.join(_MARKS)}")
    reading.at_ms = at_ms = _moment(value.get("at"), reading.at_ms)
    mark = marks[0]
    if mark == "request":
        _begin(reading, at_ms, value["request"])
        return
    if not reading.turns:
        reading.turns.append(Turn(at_ms))
    turn = reading.turns[-1]
    if turn.ended_ms is not None:
        raise Malformed("the stream had ended; a request begins another")
    match mark:
        case "event":
            reading.shown.append(Shown(at_ms, _event(reading, value["event"]), _cursor(value.get("cursor", ""))))
        case "error":
            reading.turns[-1] = replace(turn, ended_ms=at_ms, failed=_failed(value["error"]))
        case _:
            if value["end"] is not True:
                raise Malformed("end: expected true")
            reading.turns[-1] = replace(turn, ended_ms=at_ms)


def _begin(reading: _Reading, at_ms: int, value: JsonValue) -> None:
    try:
        request = protojson.from_value(a2a.SendMessageRequest, value, reading.bounds)
    except Malformed as error:
        raise Malformed(f"request: {error}") from None
    named = request.message.task_id if request.message is not None else ""
    if reading.turns and not named:
        raise Malformed("request: it begins another task, and a recording holds one")
    reading.close()
    reading.turns.append(Turn(at_ms, request))


def _event(reading: _Reading, value: JsonValue) -> a2a.StreamResponse:
    try:
        event = protojson.from_value(a2a.StreamResponse, value, reading.bounds)
    except Malformed as error:
        raise Malformed(f"event: {error}") from None
    if event.payload is None:
        raise Malformed("event: it holds nothing")
    return event


def _moment(value: JsonValue, before_ms: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LONGEST_MS:
        raise Malformed(f"at: expected milliseconds, a whole number up to {_LONGEST_MS}")
    if value < before_ms:
        raise Malformed(f"at: {value} is before {before_ms}, where the line above is")
    return value


def _cursor(value: JsonValue) -> str:
    # It becomes a header and a line of SSE.
    if not isinstance(value, str) or len(value) > _CURSOR_CHARS or not value.isprintable() or not value.isascii():
        raise Malformed(f"cursor: expected up to {_CURSOR_CHARS} printable ASCII characters")
    return value


def _failed(value: JsonValue) -> Failed:
    match value:
        case {"reason": str(reason), "message": str(message)}:
            return Failed(ErrorKind.__members__.get(reason, ErrorKind.UNKNOWN), message)
        case _:
            raise Malformed("error: expected reason and message")
