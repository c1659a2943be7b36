"""The harness's own framing, against the libraries that know better."""

import hpack
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.wire import events, http2
from benchmarks.wire.plan import EVENT_TEXT, Kind, Plan, event_text, plan_in
from generated.a2a.v1 import a2a_pb as a2a

short_text = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=100)


@given(st.lists(st.tuples(short_text.map(str.lower), short_text), max_size=8))
def test_a_header_block_is_read_by_hpack(headers: list[tuple[str, str]]) -> None:
    block = http2.header_block([(name.encode(), value.encode()) for name, value in headers])
    assert [(str(name), str(value)) for name, value in hpack.Decoder().decode(block)] == headers


whole_frames = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 255), st.integers(0, 2**31 - 1), st.binary(max_size=300)))


@given(whole_frames, st.lists(st.integers(1, 50), min_size=1))
def test_frames_are_the_same_however_they_are_split(
    sent: list[tuple[int, int, int, bytes]], sizes: list[int]
) -> None:
    wire = b"".join(http2.frame(kind, flags, stream, payload) for kind, flags, stream, payload in sent)
    frames, received, at, turn = http2.Frames(), [], 0, 0
    while at < len(wire):
        size = sizes[turn % len(sizes)]
        received += frames.feed(wire[at : at + size])
        at, turn = at + size, turn + 1
    assert received == sent


@given(st.binary(max_size=20), st.integers(0, 20))
def test_padding_goes(payload: bytes, padding: int) -> None:
    assert http2.unpadded(http2.DATA, http2.PADDED, bytes((padding,)) + payload + bytes(padding)) == payload


@given(st.sampled_from(Kind), st.integers(0, 10**8 - 1), st.integers(0, 10**5 - 1))
def test_a_plan_is_found_in_a_request_of_either_wire(kind: Kind, count: int, stream: int) -> None:
    plan = Plan(kind, count, stream)
    request = events.request(plan.text)
    assert plan_in(events.to_json(request)) == plan
    assert plan_in(events.to_protobuf_request(request)) == plan


def test_a_block_is_its_events_one_after_the_other() -> None:
    encoded = events.to_protobuf(events.update("task-1", event_text(3, 0).decode()))
    updates = events.Updates.of(encoded, 3, events.grpc_frame(5))
    assert updates.block(7, 10) == b"".join(updates.one(number, 0) for number in (7, 8, 9))
    assert updates.block(4, 4) == b""
    messages = [payload[http2.GRPC_HEAD_BYTES :] for *_, payload in http2.Frames().feed(updates.one(12, 34))]
    (event,) = map(a2a.StreamResponse.from_binary, messages)
    assert event == a2a.StreamResponse.from_binary(events.to_protobuf(events.update("task-1", event_text(3, 12, 34).decode())))


def test_the_text_of_an_event_says_what_it_is() -> None:
    match = EVENT_TEXT.fullmatch(event_text(3, 12, 34).decode())
    assert match
    assert [int(group) for group in match.groups()] == [3, 12, 34]
