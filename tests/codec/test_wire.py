"""The protobuf wire: any bytes are a message or Malformed; what JSON could not say is refused with its path."""

from dataclasses import replace

import pytest
from protobuf import Message
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from gateway.codec import protojson, wire
from gateway.codec.malformed import Bounds
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.tables import named, refusal

BOUNDS = Bounds()


def delimited(tag: int, content: bytes) -> bytes:
    """A field of a length: its tag byte, its length, its content."""
    size, length = len(content), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([tag]) + length + bytes([size]) + content


def nested_value(levels: int) -> bytes:
    """A data part of so many lists in one another, which need not be valid at any depth."""
    value = b""
    for _ in range(levels):
        value = delimited(0x32, delimited(0x0A, value))
    return delimited(0x22, value)


MALFORMED = [
    ("cut in a tag", b"\x8a"),
    ("cut in a length", b"\x0a\x80"),
    ("cut in a content", b"\x0a\x05abc"),
    ("length of 2^63", b"\x0a" + b"\xff" * 9 + b"\x7f"),
    ("varint of eleven bytes", b"\x38" + b"\xff" * 10 + b"\x01"),
    ("field number 0", b"\x02\x00"),
    ("wire type 6", b"\x0e\x00"),
    ("wire type 7", b"\x0f\x00"),
    ("group without an end", b"\x7b"),
    ("end without a group", b"\x7c"),
    ("group that ends as another", b"\x7b\x84\x01"),
    ("text that is not UTF-8", b"\x0a\x01\xff"),
    ("text that is a surrogate", b"\x0a\x03\xed\xa0\x80"),
    ("overlong text", b"\x0a\x02\xc0\xaf"),
    ("JSON", b'{"text":"a"}'),
    ("HTML", b"<html><body>502 Bad Gateway</body></html>"),
    ("100,000 groups", b"\x0b" * 100_000),
    ("100 values in one another", nested_value(100)),
    ("10,000 values in one another", nested_value(10_000)),
]


@pytest.mark.parametrize("data", named(MALFORMED))
def test_bytes_that_are_no_message(data: bytes) -> None:
    assert refusal(lambda: wire.decode(a2a.Part, data, BOUNDS)).syntax


def test_every_cut_of_a_message_is_a_message_or_malformed() -> None:
    status = b'{"state":2,"message":{"parts":[{"data":{"a":[1,"x"]}}]},"timestamp":"2026-01-31T12:00:00.5Z"}'
    text = b'{"statusUpdate":{"taskId":"t","status":%s}}' % status
    data = protojson.decode(a2a.StreamResponse, text, BOUNDS).to_binary()
    for end in range(1, len(data)):
        assert refusal(lambda end=end: wire.decode(a2a.StreamResponse, data[:end], BOUNDS)).syntax


def status_at(seconds: int, nanos: int = 0) -> a2a.StreamResponse:
    status = a2a.TaskStatus(timestamp=Timestamp(seconds=seconds, nanos=nanos))
    event = protojson.decode(a2a.StreamResponse, b'{"statusUpdate":{"taskId":"t"}}', BOUNDS)
    assert event.payload is not None
    assert isinstance(event.payload.value, a2a.TaskStatusUpdateEvent)
    event.payload.value.status = status
    return event


FIRST, LAST = -62_135_596_800, 253_402_300_799
TIMES = [
    ("the first second", FIRST, 0, True),
    ("the last nanosecond", LAST, 999_999_999, True),
    ("before 1970", -1, 500_000_000, True),
    ("before the first second", FIRST - 1, 0, False),
    ("after the last second", LAST + 1, 0, False),
    ("the least", -(2**63), 0, False),
    ("the greatest", 2**63 - 1, 0, False),
    ("negative nanoseconds", 0, -1, False),
    ("a second of nanoseconds", 0, 1_000_000_000, False),
]


@pytest.mark.parametrize(("seconds", "nanos", "fits"), named(TIMES))
def test_times_that_rfc_3339_can_say(seconds: int, nanos: int, fits: bool) -> None:
    data = status_at(seconds, nanos).to_binary()
    if fits:
        message = wire.decode(a2a.StreamResponse, data, BOUNDS)
        text = protojson.encode(message, BOUNDS)
        assert protojson.decode(a2a.StreamResponse, text, BOUNDS) == message
    else:
        error = refusal(lambda: wire.decode(a2a.StreamResponse, data, BOUNDS))
        assert error.problem == "a time outside the years 1 to 9999"
        assert error.path.endswith("status.timestamp")


def test_a_time_of_a_request_is_held_to_the_same_range() -> None:
    data = a2a.ListTasksRequest(status_timestamp_after=Timestamp(seconds=LAST + 1)).to_binary()
    assert refusal(lambda: wire.decode(a2a.ListTasksRequest, data, BOUNDS)).path == "statusTimestampAfter"


KEPT = [
    ("unknown varint", b"\xf8\x3f\x01"),
    ("unknown text", b"\xfa\x3f\x03abc"),
    ("unknown group", b"\xfb\x3f\x08\x01\xfc\x3f"),
    ("unknown fixed", b"\xfd\x3f\x01\x02\x03\x04"),
]


@pytest.mark.parametrize("unknown", named(KEPT))
def test_unknown_fields_pass_on_over_the_wire_and_have_no_json(unknown: bytes) -> None:
    known = a2a.Task(id="t").to_binary()
    message = wire.decode(a2a.Task, known + unknown, BOUNDS)
    assert wire.encode(message, BOUNDS) == known + unknown
    assert protojson.encode(message, BOUNDS) == b'{"id":"t"}'


LAST_WINS = [
    ("of a text", a2a.Task, b"\x0a\x01a\x0a\x01b", '{"id":"b"}'),
    ("of a oneof", a2a.Part, b"\x0a\x01a\x1a\x01b", '{"url":"b"}'),
]


@pytest.mark.parametrize(("message_type", "data", "text"), named(LAST_WINS))
def test_the_last_of_two_wins_as_protobuf_says(message_type: type[Message], data: bytes, text: str) -> None:
    assert protojson.encode(wire.decode(message_type, data, BOUNDS), BOUNDS).decode() == text


def test_the_bound_holds_both_ways() -> None:
    part = protojson.decode(a2a.Part, b'{"text":"0123456789"}', BOUNDS)
    data = part.to_binary()
    exact, less = replace(BOUNDS, message_bytes=len(data)), replace(BOUNDS, message_bytes=len(data) - 1)
    assert wire.decode(a2a.Part, wire.encode(part, exact), exact) == part
    assert refusal(lambda: wire.decode(a2a.Part, data, less)).too_large
    assert refusal(lambda: wire.encode(part, less)).too_large


def test_maps_are_held_to_the_members_that_a_json_reader_takes() -> None:
    """Accepted here, a card with more of them would be written and then refused by the next reader of JSON."""
    bounds = replace(BOUNDS, object_keys=3)
    schemes = {f"scheme-{n}": a2a.SecurityScheme() for n in range(4)}
    data = a2a.AgentCard(security_schemes=schemes).to_binary()
    error = refusal(lambda: wire.decode(a2a.AgentCard, data, bounds))
    assert (error.path, error.too_large) == ("securitySchemes", True)


def test_every_message_can_be_decoded_from_nothing() -> None:
    for desc in a2a.desc().messages:
        assert wire.decode(desc.type, b"", BOUNDS) == desc.type()
