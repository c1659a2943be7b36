"""Recordings read as events, each with the time at which its last byte came.

Every byte is read: what is not an event, a comment or the framing of its wire is a fault.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.load.recording import Recording
from benchmarks.load.target import Binding
from benchmarks.wire import http2
from generated.a2a.v1 import a2a_pb as a2a


class Unreadable(Exception):
    """A recording is not what its wire says it should be. The text says how."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one event says, whatever wire it came on."""

    kind: str
    """`task`, `message`, `statusUpdate` or `artifactUpdate`."""
    task_id: str = ""
    text: str = ""
    state: str = ""
    """As in `COMPLETED`."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event, and when it was whole."""

    said: Said
    at_us: int


def events_of(recording: Recording, binding: Binding) -> list[Heard]:
    """The events of a recording. Raises Unreadable."""
    read = _read_grpc if binding is Binding.GRPC else _read_http
    ends = [end for end, _ in recording.marks]
    return [Heard(said, recording.marks[bisect_left(ends, end)][1]) for end, said in read(recording)]


def _read_grpc(recording: Recording) -> Iterator[tuple[int, Said]]:
    body = bytes(recording.body)
    at = 0
    while at < len(body):
        start = at + http2.GRPC_HEAD_BYTES
        at = start + int.from_bytes(body[at + 1 : start])
        if at > len(body):
            raise Unreadable("a message was cut off")
        yield at, _said_in_json(json.loads(a2a.StreamResponse.from_binary(body[start:at]).to_json()))
    if recording.ended_us and not recording.cut and (status := recording.headers.get("grpc-status")) != "0":
        raise Unreadable(f"grpc-status {status}: {recording.headers.get('grpc-message', '')}")


_HEAD = re.compile(rb"HTTP/1\.1 (\d{3})[^\r\n]*\r\n")
_COMMENTS = re.compile(rb"(?::[^\r\n]*\r?\n(?:\r?\n)?)*")
_FRAME = re.compile(rb"((?:[^\r\n]+\r?\n)+)\r?\n")
_DATA = re.compile(rb"^data: ?([^\r\n]*)\r?$", re.MULTILINE)


def _read_http(recording: Recording) -> Iterator[tuple[int, Said]]:
    body = bytes(recording.body)
    head_end = body.find(b"\r\n\r\n") + 4
    match = _HEAD.match(body)
    if not match or head_end < 4:
        raise Unreadable(f"not HTTP: {body[:80]!r}")
    if match[1] != b"200":
        raise Unreadable(f"HTTP {match[1].decode()}: {body[head_end:][:200]!r}")
    head = body[:head_end].lower()
    content, wire_offset = (_dechunked if b"chunked" in head else _plain)(body, head_end)
    if b"text/event-stream" not in head:
        yield len(body), _said_in_json(json.loads(content))
        return
    at = _after_comments(content, 0)
    while frame := _FRAME.match(content, at):
        if not (data := _DATA.search(frame[1])):
            raise Unreadable(f"not an event: {frame[1][:80]!r}")
        yield wire_offset(frame.end()), _said_in_json(json.loads(data[1]))
        at = _after_comments(content, frame.end())
    if at < len(content):
        raise Unreadable(f"an event was cut off: {content[at:][:80]!r}")


def _after_comments(content: bytes, at: int) -> int:
    """Past the comment lines that keep a stream alive, with or without a blank line after each."""
    match = _COMMENTS.match(content, at)
    return match.end() if match else at


Content = tuple[bytes, Callable[[int], int]]
"""A body without framing, and at which byte of the wire so many bytes of it have come."""


def _plain(body: bytes, at: int) -> Content:
    return body[at:], lambda count: at + count


def _dechunked(body: bytes, at: int) -> Content:
    pieces: list[bytes] = []
    ends: list[int] = []
    wire_ends: list[int] = []
    length = 0
    while at < len(body):
        start = body.index(b"\r\n", at) + 2
        size = int(body[at : start - 2], 16)
        at = start + size
        if at + 2 > len(body):
            raise Unreadable("a chunk was cut off")
        if size:
            pieces.append(body[start:at])
            length += size
            ends.append(length)
            wire_ends.append(at)
        at += 2

    def wire_offset(count: int) -> int:
        chunk = bisect_left(ends, count)
        return wire_ends[chunk] - (ends[chunk] - count)

    return b"".join(pieces), wire_offset


def _said_in_json(event: dict[str, Any]) -> Said:
    """Reads one event of the wire, with or without a JSON-RPC envelope."""
    if "error" in event:
        raise Unreadable(f"an error: {json.dumps(event['error'])[:300]}")
    match event.get("result", event):
        case {"task": {"id": task_id, "status": {"state": state}}}:
            return Said("task", task_id, state=_state(state))
        case {"statusUpdate": {"taskId": task_id, "status": {"state": state}}}:
            return Said("statusUpdate", task_id, state=_state(state))
        case {"artifactUpdate": {"taskId": task_id, "artifact": {"artifactId": "answer", "parts": [{"text": text}]}}}:
            return Said("artifactUpdate", task_id, text=text)
        case {"message": {"role": role, "parts": [{"text": text}]}} if role in ("ROLE_AGENT", "agent"):
            return Said("message", text=text)
        case _:
            raise Unreadable(f"an event of another kind: {json.dumps(event)[:300]}")


def _state(name: str) -> str:
    return name.upper().removeprefix("TASK_STATE_")
