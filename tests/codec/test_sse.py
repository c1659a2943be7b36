"""Server-Sent Events: one frame is one event for every reader, and any cut of a stream reads the same."""

import json
from collections.abc import Iterable

import pytest
from httpx_sse._decoders import SSEDecoder, SSELineDecoder

from gateway.codec import sse
from gateway.codec.jsontext import dump
from tests.codec.tables import named, refusal
from tests.fakes.sse_reader import SseReader as AnotherReader

ROOMY = 1 << 20

Event = tuple[str, str, str]
"""Data, name and last id."""


def read(chunks: Iterable[bytes], limit: int = ROOMY) -> list[Event]:
    reader = sse.SseReader(limit)
    return [
        (event.data.decode("utf-8", "replace"), event.event, event.id)
        for chunk in chunks
        for event in reader.feed(chunk)
    ]


def read_by_another(chunks: Iterable[bytes]) -> list[Event]:
    reader = AnotherReader()
    return [(event.data, event.name, event.last_id) for chunk in chunks for event in reader.feed(chunk)]


def read_by_httpx_sse(stream: bytes) -> list[Event]:
    """What httpx-sse reads. It dispatches events without data; those are left out here."""
    lines, decoder = SSELineDecoder(), SSEDecoder()
    events = [decoder.decode(line) for line in (*lines.decode(stream.decode()), *lines.flush())]
    return [(event.data, event.event or "message", event.id) for event in events if event and event.data]


STREAMS: list[tuple[str, bytes, list[Event]]] = [
    ("one event", b"data: a\n\n", [("a", "message", "")]),
    ("two events", b"data: a\n\ndata: b\n\n", [("a", "message", ""), ("b", "message", "")]),
    ("CR LF", b"data: a\r\n\r\ndata: b\r\n\r\n", [("a", "message", ""), ("b", "message", "")]),
    ("CR", b"data: a\r\rdata: b\r\r\n", [("a", "message", ""), ("b", "message", "")]),
    ("ends by turns", b"data: a\r\ndata: b\rdata: c\n\r\n", [("a\nb\nc", "message", "")]),
    ("CR and then CR LF", b"data: a\r\r\ndata: b\n\n", [("a", "message", ""), ("b", "message", "")]),
    ("lines of one event", b"data: a\ndata:\ndata: b\n\n", [("a\n\nb", "message", "")]),
    ("no space", b"data:a\n\n", [("a", "message", "")]),
    ("one space is not the data's", b"data:  a \n\n", [(" a ", "message", "")]),
    ("a colon in the data", b"data: a: b\n\n", [("a: b", "message", "")]),
    ("a name", b"event: error\ndata: a\n\ndata: b\n\n", [("a", "error", ""), ("b", "message", "")]),
    ("a name after the data", b"data: a\nevent: error\n\n", [("a", "error", "")]),
    ("the last of two names", b"event: x\nevent: y\ndata: a\n\n", [("a", "y", "")]),
    ("an empty name", b"event: x\nevent:\ndata: a\n\n", [("a", "message", "")]),
    ("an id that stays", b"id: 7\ndata: a\n\ndata: b\n\n", [("a", "message", "7"), ("b", "message", "7")]),
    ("an id that goes", b"id: 7\ndata: a\n\nid\ndata: b\n\n", [("a", "message", "7"), ("b", "message", "")]),
    ("an id with NUL is no id", b"id: 7\nid: a\x00b\ndata: a\n\n", [("a", "message", "7")]),
    ("an id of an event without data", b"id: 8\n\ndata: a\n\n", [("a", "message", "8")]),
    ("a name of an event without data", b"event: x\n\ndata: a\n\n", [("a", "message", "")]),
    ("comments", b": hello\n:\ndata: a\n: in between\ndata: b\n\n: bye\n", [("a\nb", "message", "")]),
    ("keep-alives", sse.KEEP_ALIVE * 3 + b"data: a\n\n" + sse.KEEP_ALIVE, [("a", "message", "")]),
    ("blank lines", b"\n\n\ndata: a\n\n\n\n", [("a", "message", "")]),
    ("a time to wait", b"retry: 1000\ndata: a\n\n", [("a", "message", "")]),
    ("fields that nobody knows", b"foo: bar\ndatas: x\nDATA: y\n data: z\ndata: a\n\n", [("a", "message", "")]),
    ("an event that never ends", b"data: a\n\ndata: b\n", [("a", "message", "")]),
    ("an event cut in a line", b"data: a\n\ndata: b", [("a", "message", "")]),
    ("a byte order mark", b"\xef\xbb\xbfdata: a\n\n", [("a", "message", "")]),
    ("a byte order mark before a comment", b"\xef\xbb\xbf: hi\ndata: a\n\n", [("a", "message", "")]),
    (
        "only the first byte order mark",
        b"data: a\n\n\xef\xbb\xbfdata: b\n\ndata: c\n\n",
        [("a", "message", ""), ("c", "message", "")],
    ),
    (
        "separators of other worlds",
        "data: a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\n\n".encode(),
        [("a\u2028b\u2029c\x85d\x0be\x0cf\x1cg", "message", "")],
    ),
    ("NUL", b"data: a\x00b\n\n", [("a\x00b", "message", "")]),
    ("many bytes a character", "data: 世😀\n\n".encode(), [("世😀", "message", "")]),
    ("nothing", b"", []),
]

EMPTY_DATA = b"data\n\ndata:\n\ndata: \n\ndata: a\n\n"


@pytest.mark.parametrize(("stream", "events"), named(STREAMS))
def test_a_stream_and_its_events(stream: bytes, events: list[Event]) -> None:
    assert read([stream]) == events


@pytest.mark.parametrize(("stream", "events"), named(STREAMS))
def test_every_cut_in_two_gives_the_same_events(stream: bytes, events: list[Event]) -> None:
    for at in range(len(stream) + 1):
        assert read([stream[:at], b"", stream[at:]]) == events


@pytest.mark.parametrize(("stream", "events"), named(STREAMS))
def test_byte_by_byte_gives_the_same_events(stream: bytes, events: list[Event]) -> None:
    assert read(stream[at : at + 1] for at in range(len(stream))) == events


@pytest.mark.parametrize(("stream", "events"), named(STREAMS))
def test_another_reader_of_the_rules_agrees(stream: bytes, events: list[Event]) -> None:
    assert read_by_another([stream]) == events


BEYOND_HTTPX_SSE = ("byte order mark", "an event that never ends")
"""It takes no mark off, and it was never asked where a stream ends."""


@pytest.mark.parametrize(
    ("stream", "events"), named(row for row in STREAMS if not any(words in row[0] for words in BEYOND_HTTPX_SSE))
)
def test_httpx_sse_agrees_where_it_follows_the_rules(stream: bytes, events: list[Event]) -> None:
    assert read_by_httpx_sse(stream) == events


def test_an_event_of_empty_data_is_an_event_as_the_rules_say() -> None:
    assert read([EMPTY_DATA]) == [("", "message", "")] * 3 + [("a", "message", "")]


def test_bytes_that_are_not_utf_8_are_passed_on_for_the_json_reader_to_refuse() -> None:
    assert [event.data for event in sse.SseReader(ROOMY).feed(b"data: \xff\n\n")] == [b"\xff"]


FRAMES = [
    ("an event", b'{"a":1}', "", b'data: {"a":1}\n\n'),
    ("an error", b'{"a":1}', "error", b'event: error\ndata: {"a":1}\n\n'),
    ("a next line", '"a\x85b"'.encode(), "", b'data: "a\\u0085b"\n\n'),
    ("a line separator", '"a\u2028b"'.encode(), "", b'data: "a\\u2028b"\n\n'),
    ("a paragraph separator", '"a\u2029b"'.encode(), "", b'data: "a\\u2029b"\n\n'),
    ("their neighbours stay", '"\x84\u2027\u202a"'.encode(), "", 'data: "\x84\u2027\u202a"\n\n'.encode()),
]


@pytest.mark.parametrize(("json_text", "name", "frame"), named(FRAMES))
def test_a_frame(json_text: bytes, name: str, frame: bytes) -> None:
    assert sse.frame(json_text, name) == frame
    assert [json.loads(data) for data, _, _ in read([frame])] == [json.loads(json_text)]


def test_a_frame_with_an_id_says_it_to_every_reader() -> None:
    stream = sse.frame(b"{}", "error", "task-1/7") + sse.frame(b"[]")
    assert stream == b"event: error\nid: task-1/7\ndata: {}\n\ndata: []\n\n"
    for events in (read([stream]), read_by_another([stream]), read_by_httpx_sse(stream)):
        assert events == [("{}", "error", "task-1/7"), ("[]", "message", "task-1/7")]


AWKWARD = [
    "\r",
    "\n",
    "\r\n",
    "\n\n",
    "\x00",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\ufeff",
    "data: x\n\n",
    "event: error\n",
    ": c",
    "😀",
]


@pytest.mark.parametrize("text", AWKWARD, ids=ascii)
def test_every_reader_splits_a_frame_alike(text: str) -> None:
    stream = sse.frame(dump({"text": f"a{text}b"})) + sse.KEEP_ALIVE + sse.frame(dump({"text": text}), "error")
    expected = [(f"a{text}b", "message"), (text, "error")]
    for events in (read([stream]), read_by_another([stream]), read_by_httpx_sse(stream)):
        assert [(json.loads(data)["text"], name) for data, name, _ in events] == expected
    # Readers that split lines as Python does, after decoding, see the same lines.
    assert stream.decode().splitlines() == stream.decode().removesuffix("\n").split("\n")


def test_a_keep_alive_and_a_time_to_wait_are_no_events_for_anyone() -> None:
    stream = sse.KEEP_ALIVE + sse.retry(1500) + sse.frame(b"{}") + sse.KEEP_ALIVE * 2
    assert sse.retry(1500) == b"retry: 1500\n"
    for events in (read([stream]), read_by_another([stream]), read_by_httpx_sse(stream)):
        assert [data for data, _, _ in events] == ["{}"]


LIMIT = 20

WITHIN = [
    ("a line of the limit", b"data: " + b"x" * (LIMIT - 6) + b"\n\n"),
    ("a comment of the limit", b":" * LIMIT + b"\ndata: a\n\n"),
    ("many events", b"data: xxxxxxxxxx\n\n" * 50),
    ("many comments", b": xxxxxxxxxx\n" * 50 + b"data: a\n\n"),
    ("many names", b"event: xxxxxxxx\n" * 50 + b"data: a\n\n"),
    ("many blank lines", b"\n" * 1000 + b"data: a\n\n"),
    ("lines that add up to the limit", b"data:xxxxx\n" * 2 + b"\n"),
]

BEYOND = [
    ("a line", b"data: " + b"x" * (LIMIT - 5) + b"\n\n"),
    ("a line that never ends", b"x" * (LIMIT + 1)),
    ("a comment that never ends", b":" * (LIMIT + 1)),
    ("an id", b"id: " + b"x" * LIMIT + b"\n"),
    ("lines of an event together", b"data: xxxxxxxxx\n" * 3),
    ("empty lines of data", b"data:\n" * (LIMIT + 1)),
    ("lines of no more than the word data", b"data\n" * (LIMIT + 1)),
    ("after good events", b"data: a\n\n" * 5 + b"x" * (LIMIT + 1)),
]


def in_pieces(stream: bytes) -> list[list[bytes]]:
    return [
        [stream],
        [stream[at : at + 1] for at in range(len(stream))],
        [stream[at : at + 7] for at in range(0, len(stream), 7)],
    ]


@pytest.mark.parametrize("stream", named(WITHIN))
def test_within_the_bound(stream: bytes) -> None:
    for chunks in in_pieces(stream):
        assert read(chunks, LIMIT) == read_by_another([stream])


@pytest.mark.parametrize("stream", named(BEYOND))
def test_beyond_the_bound(stream: bytes) -> None:
    for chunks in in_pieces(stream):
        assert refusal(lambda chunks=chunks: read(chunks, LIMIT)).too_large


def test_events_before_the_one_that_is_too_large_are_given() -> None:
    events = sse.SseReader(LIMIT).feed(b"data: a\n\ndata: b\n\n" + b"x" * (LIMIT + 1))
    assert [next(events).data, next(events).data] == [b"a", b"b"]
    assert refusal(lambda: next(events)).too_large
