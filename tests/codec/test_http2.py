"""Frames out of bytes that are cut anywhere, and what no frame may be."""

import itertools
import struct
from collections.abc import Iterable

import pytest
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec import http2
from gateway.codec.http2 import CONTINUATION, DATA, END_HEADERS, HEADERS, FrameReader
from gateway.codec.malformed import Malformed

FRAME_BYTES, BLOCK_BYTES = 1000, 2500
KINDS = st.sampled_from([DATA, 0x2, 0x4, 0x6, 0x7, 0x8, 0xF1])
FRAMES = st.lists(st.tuples(KINDS, st.integers(0, 255), st.integers(0, 2**31 - 1), st.binary(max_size=60)), max_size=12)


def written(frames: Iterable[http2.Frame]) -> bytes:
    return b"".join(http2.head(len(payload), kind, flags, number) + payload for kind, flags, number, payload in frames)


def read(chunks: Iterable[bytes]) -> list[http2.Frame]:
    reader = FrameReader(FRAME_BYTES, BLOCK_BYTES)
    return [frame for chunk in chunks for frame in reader.feed(chunk)]


@given(FRAMES, st.lists(st.integers(0, 900)))
def test_frames_are_the_same_however_they_are_cut(frames: list[http2.Frame], cuts: list[int]) -> None:
    data = written(frames)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert read(data[a:b] for a, b in itertools.pairwise(edges)) == frames


@given(FRAMES)
def test_frames_are_the_same_byte_by_byte(frames: list[http2.Frame]) -> None:
    assert read(bytes([byte]) for byte in written(frames)) == frames


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_malformed(data: bytes) -> None:
    try:
        frames = read([data])
    except Malformed:
        return
    assert written(frames) == b"" or sum(9 + len(frame[3]) for frame in frames) <= len(data)


def test_a_head_is_what_hyperframe_writes() -> None:
    frame = DataFrame(7, data=b"abc", flags=["END_STREAM"])
    assert http2.head(3, DATA, http2.END_STREAM, 7) + b"abc" == frame.serialize()
    assert http2.window_update(7, 70_000) == WindowUpdateFrame(7, window_increment=70_000).serialize()


def test_the_reserved_bit_is_nobodys() -> None:
    assert read([b"\0\0\0\0\0\x80\0\0\x01"]) == [(DATA, 0, 1, b"")]


def test_a_frame_that_is_too_long_is_refused_before_it_is_there() -> None:
    reader = FrameReader(FRAME_BYTES, BLOCK_BYTES)
    frames = reader.feed(http2.head(1, DATA, 0, 1) + b"x" + http2.head(FRAME_BYTES + 1, DATA, 0, 1))
    assert next(frames) == (DATA, 0, 1, b"x")
    with pytest.raises(Malformed) as refused:
        next(frames)
    assert refused.value.too_large


def test_a_header_block_is_bounded_over_all_its_frames() -> None:
    part = (HEADERS, 0, 1, bytes(900)), (CONTINUATION, 0, 1, bytes(900)), (CONTINUATION, 0, 1, bytes(700))
    assert len(read([written(part)])) == 3
    with pytest.raises(Malformed) as refused:
        read([written([*part, (CONTINUATION, END_HEADERS, 1, b"x")])])
    assert refused.value.too_large


@pytest.mark.parametrize("kind", [DATA, HEADERS, 0x6])
def test_nothing_interrupts_a_header_block(kind: int) -> None:
    with pytest.raises(Malformed):
        read([written([(HEADERS, 0, 1, b"a"), (kind, 0, 1, b"")])])


def test_a_header_block_ends() -> None:
    frames: list[http2.Frame] = [
        (HEADERS, 0, 1, b"a"),
        (CONTINUATION, END_HEADERS, 1, b"b"),
        (DATA, 0, 1, b"c"),
        (HEADERS, END_HEADERS, 1, b"d"),
        (DATA, 0, 1, b"e"),
    ]
    assert read([written(frames)]) == frames


@given(st.binary(max_size=50), st.integers(0, 255))
def test_padding_is_taken_off(content: bytes, pad: int) -> None:
    frame = DataFrame(1, data=content, pad_length=pad, flags=["PADDED"]).serialize()
    assert http2.unpadded(frame[9:]) == content


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\x03ab"])
def test_more_padding_than_frame_is_refused(payload: bytes) -> None:
    with pytest.raises(Malformed):
        http2.unpadded(payload)


def test_a_goodbye_says_how_far_the_peer_looked() -> None:
    frame, _ = Frame.parse_frame_header(memoryview(b"\0\0\x08\x07\0\0\0\0\0"))
    frame.parse_body(memoryview(b"\x80\0\0\x05\0\0\0\x0bdebug"))
    assert http2.goaway(b"\x80\0\0\x05\0\0\0\x0bdebug") == (5, 11)
    with pytest.raises(Malformed):
        http2.goaway(b"\0\0\0")


# Frames that are written


@pytest.mark.parametrize("size", [0, 1, 100, 101, 250])
def test_data_is_cut_into_frames(size: int) -> None:
    content = bytes(range(256))[:size]
    for given_as in (content, memoryview(content)):
        frames = read([http2.data(5, given_as, 100)])
        assert b"".join(payload for *_, payload in frames) == content
        assert all((kind, flags, number) == (DATA, 0, 5) and len(payload) <= 100 for kind, flags, number, payload in frames)


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("size", [1, 100, 101, 250])
def test_a_block_is_cut_into_continuations(size: int, end: bool) -> None:
    block = bytes(range(256))[:size]
    frames = read([http2.headers(5, block, 100, end=end)])
    assert b"".join(payload for *_, payload in frames) == block
    assert [kind for kind, *_ in frames] == [HEADERS] + [CONTINUATION] * ((size - 1) // 100)
    assert [flags & http2.END_STREAM for _, flags, *_ in frames] == [int(end)] + [0] * (len(frames) - 1)
    assert [bool(flags & END_HEADERS) for _, flags, *_ in frames] == [False] * (len(frames) - 1) + [True]


def test_small_frames_are_what_hyperframe_writes() -> None:
    assert http2.rst_stream(7, 8) == RstStreamFrame(7, error_code=8).serialize()
    assert http2.ping(b"abcdefgh") == PingFrame(0, opaque_data=b"abcdefgh").serialize()
    assert http2.ping(b"abcdefgh", ack=True) == PingFrame(0, opaque_data=b"abcdefgh", flags=["ACK"]).serialize()
    assert http2.said_goodbye(9, 11) == GoAwayFrame(0, last_stream_id=9, error_code=11).serialize()


def test_an_increment_has_no_reserved_bit() -> None:
    assert http2.increment(b"\x80\0\0\x05") == 5


@pytest.mark.parametrize("payload", [b"", b"abc", b"abcde"])
def test_a_number_is_four_bytes(payload: bytes) -> None:
    with pytest.raises(Malformed):
        http2.number(payload)


def test_known_settings_are_kept_in_order() -> None:
    given = [(4, 7), (1, 2**32 - 1), (99, 1), (0xFF04, 8), (3, 5), (0xFFFF, 1)]
    kept = SettingsFrame(0)
    kept.parse_body(memoryview(http2.known_settings(b"".join(struct.pack(">HL", *one) for one in given), 4096)))
    assert kept.settings == {4: 7, 1: 4096, 3: 5}
