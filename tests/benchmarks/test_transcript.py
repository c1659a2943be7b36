"""What is read off the wire: events with their times, comments passed over, anything else a fault."""

import json

import pytest

from benchmarks.load.recording import Progress, Recording
from benchmarks.load.target import Binding
from benchmarks.load.transcript import Heard, Said, Unreadable, events_of
from benchmarks.wire import events, http2
from benchmarks.wire.plan import Kind, Plan

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
TASK = b"data: " + json.dumps(events.task("t")).encode()
SAID = Said("task", "t", state="WORKING")


def recorded(*reads: bytes) -> Recording:
    """A stream that came in these pieces, at 1, 2, 3 … µs."""
    recording = Recording(Plan(Kind.HOLD, 0, 0), Progress())
    for at, data in enumerate(reads, start=1):
        recording.body += data
        recording.marks.append((len(recording.body), at))
    return recording


COMMENTS = [
    b": keep-alive\n" + TASK + b"\n\n",
    b": keep-alive\n\n" + TASK + b"\n\n",
    TASK + b"\n\n: keep-alive\n: keep-alive\n",
    TASK + b"\r\n\r\n: keep-alive\r\n\r\n",
    TASK + b"\n: keep-alive\n\n",
    b"id: 7\nevent: x\n" + TASK + b"\n\n",
]


@pytest.mark.parametrize("content", COMMENTS)
def test_comments_are_passed_over(content: bytes) -> None:
    assert [heard.said for heard in events_of(recorded(HEAD + content), Binding.REST)] == [SAID]


@pytest.mark.parametrize("content", [TASK, TASK + b"\n", b"id: 7\n\n", b"junk\n\n", TASK + b"\n\ndata: {}\n\n"])
def test_what_is_no_event_is_a_fault(content: bytes) -> None:
    with pytest.raises(Unreadable):
        events_of(recorded(HEAD + content), Binding.REST)


def test_an_event_has_the_time_of_its_last_byte() -> None:
    chunk = b"%x\r\n%s\n\n\r\n" % (len(TASK) + 2, TASK)
    head = HEAD.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n")
    wire = head + chunk + chunk
    reads = (wire[:50], wire[50 : len(head) + 20], wire[len(head) + 20 : -30], wire[-30:])
    assert events_of(recorded(*reads), Binding.REST) == [Heard(SAID, 3), Heard(SAID, 4)]


def test_an_rpc_has_its_status() -> None:
    message = events.to_protobuf(events.task("t"))
    recording = recorded(http2.grpc_head(len(message)) + message)
    assert events_of(recording, Binding.GRPC) == [Heard(SAID, 1)]
    recording.ended_us = 2
    recording.headers = {"grpc-status": "10", "grpc-message": "too slow"}
    with pytest.raises(Unreadable, match="grpc-status 10: too slow"):
        events_of(recording, Binding.GRPC)
