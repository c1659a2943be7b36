"""gRPC's messages, timeouts and statuses on HTTP/2."""

import base64
import gzip
import itertools
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.codec import grpc_http2
from gateway.codec.grpc_http2 import MessageReader, UnknownCompression, framed
from gateway.codec.malformed import Malformed
from gateway.errors import GrpcStatus

MOST = 5000


def read(pieces: list[bytes], encoding: str = "identity") -> list[bytes]:
    reader = MessageReader(MOST)
    reader.encoding = encoding
    messages: list[bytes] = []
    for piece in pieces:
        reader.feed(piece)
        while reader.ready:
            messages += reader.take()
    assert not reader.buffered
    return messages


# Messages


@given(st.lists(st.binary(max_size=50), max_size=10), st.lists(st.integers(0, 400)))
def test_messages_are_the_same_however_they_are_cut(messages: list[bytes], cuts: list[int]) -> None:
    data = b"".join(map(framed, messages))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert read([data[a:b] for a, b in itertools.pairwise(edges)]) == messages
    assert read([bytes([byte]) for byte in data]) == messages


@given(st.lists(st.binary(max_size=20), max_size=6))
def test_any_bytes_are_messages_or_malformed(pieces: list[bytes]) -> None:
    reader = MessageReader(10)
    try:
        for piece in pieces:
            reader.feed(piece)
            for _ in range(30):
                if not reader.ready:
                    break
                reader.take()
            else:
                raise AssertionError("it is ready and takes nothing")
    except (Malformed, UnknownCompression):
        pass


def test_what_comes_before_what_is_too_large_is_given_first() -> None:
    reader = MessageReader(MOST)
    reader.feed(framed(b"one") + framed(b"two") + b"\0" + (MOST + 1).to_bytes(4, "big"))
    assert reader.take() == [b"one", b"two"]
    assert reader.ready
    for _ in range(2):
        with pytest.raises(Malformed) as refused:
            reader.take()
        assert refused.value.too_large


def test_a_message_under_way_is_pending_and_waited_for_whole() -> None:
    reader = MessageReader(MOST)
    reader.feed(framed(b"one") + framed(bytes(100))[:50])
    assert reader.take() == [b"one"]
    assert (reader.ready, reader.buffered) == (False, 50)
    reader.feed(bytes(54))
    assert not reader.ready
    reader.feed(b"\0")
    assert reader.take() == [bytes(100)]
    assert not reader.buffered


@pytest.mark.parametrize(("encoding", "squeeze"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_messages(encoding: str, squeeze: object) -> None:
    assert callable(squeeze)
    small, large = squeeze(b"a" * MOST), squeeze(b"a" * (MOST + 1))
    data = b"\1" + framed(small)[1:]
    assert read([data + framed(b"plain")], encoding) == [b"a" * MOST, b"plain"]
    for broken in (b"\1" + framed(large)[1:], b"\1" + framed(small[:-4])[1:], b"\1" + framed(b"nothing of it")[1:]):
        with pytest.raises(Malformed):
            read([broken], encoding)


@pytest.mark.parametrize("encoding", ["identity", "br", ""])
def test_a_compression_that_nobody_knows(encoding: str) -> None:
    with pytest.raises(UnknownCompression):
        read([b"\1" + framed(b"x")[1:]], encoding)


# Fields

TIMEOUTS = {
    0.0: "0n",
    -3.0: "0n",
    1e-9: "1n",
    0.05: "50000000n",
    1.0: "1000000u",
    600.0: "600000m",
    86_400.0: "86400000m",
    1e6: "1000000S",
    1e9: "16666667M",
    1e12: "99999999H",
}


@pytest.mark.parametrize("seconds", TIMEOUTS)
def test_timeouts(seconds: float) -> None:
    assert grpc_http2.timeout(seconds) == TIMEOUTS[seconds]


@given(st.floats(0, 1e8))
def test_a_timeout_is_never_shorter_than_meant(seconds: float) -> None:
    value = grpc_http2.timeout(seconds)
    size_s = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "S": 1.0, "M": 60.0, "H": 3600.0}[value[-1]]
    assert len(value) <= 9
    assert seconds <= int(value[:-1]) * size_s * (1 + 1e-9) <= seconds * (1 + 1e-3) + 1e-8


def test_metadata_of_both_kinds() -> None:
    pairs = [("x-text", "a"), ("x-bin", b"\x00\xff\xfe"), ("x-bin", b"")]
    fields = grpc_http2.header_pairs(pairs)
    assert fields == [("x-text", "a"), ("x-bin", base64.b64encode(b"\x00\xff\xfe").decode()), ("x-bin", "")]
    came = [(b":status", b"200"), *((name.encode(), value.encode()) for name, value in fields)]
    assert grpc_http2.metadata(came) == pairs
    assert grpc_http2.metadata([(b"x-bin", b"AP8, AP8="), (b"y-bin", b"!"), (b"y-bin", b"\xff"), (b"z", b"\xff")]) == [
        ("x-bin", b"\x00\xff"),
        ("x-bin", b"\x00\xff"),
        ("z", "\xff"),
    ]


ENDS: list[tuple[list[tuple[str, str | bytes]], tuple[GrpcStatus, str] | None]] = [
    ([], None),
    ([("grpc-message", "x")], None),
    ([("grpc-status", "0")], (GrpcStatus.OK, "")),
    ([("grpc-status", "5"), ("grpc-message", "n%C3%A9 %zz %")], (GrpcStatus.NOT_FOUND, "né %zz %")),
    ([("grpc-status", "17"), ("grpc-message", "x")], (GrpcStatus.UNKNOWN, "x")),
    ([("grpc-status", "ok")], (GrpcStatus.INTERNAL, "The agent ended with the status 'ok'")),
]


@pytest.mark.parametrize(("pairs", "end"), ENDS)
def test_ends(pairs: list[tuple[str, str | bytes]], end: tuple[GrpcStatus, str] | None) -> None:
    assert grpc_http2.status_of(pairs) == end


# What a server reads and writes


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0n", 0), ("1n", 1e-9), ("250m", 0.25), ("00000002S", 2), ("1M", 60), ("2H", 7200), ("99999999H", 1e8)],
)
def test_a_timeout_is_read(text: str, seconds: float) -> None:
    assert grpc_http2.timeout_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "S", "1", "-1S", "+1S", "1.5S", "1s", "1 S", "1234567890S", "١S", "1S\n"])
def test_what_is_no_timeout_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        grpc_http2.timeout_s(text)


@given(st.floats(0, 9e7))
def test_a_timeout_that_is_written_is_read(seconds: float) -> None:
    read = grpc_http2.timeout_s(grpc_http2.timeout(seconds))
    assert seconds <= read <= seconds * 1.001 + 1e-8


@given(st.text())
def test_a_status_text_is_printable_on_the_wire_and_itself_behind_it(text: str) -> None:
    fields = grpc_http2.ended(GrpcStatus.ABORTED, text)
    assert all(" " <= char <= "~" for _, value in fields for char in value)
    assert grpc_http2.status_of(fields) == (GrpcStatus.ABORTED, text)


@given(st.lists(st.binary(max_size=40)))
def test_messages_framed_together_are_those_framed_alone(messages: list[bytes]) -> None:
    assert grpc_http2.all_framed(messages) == b"".join(map(framed, messages))


HEAD = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/a/b"), (b":authority", b"h")]


def test_a_request_head_keeps_metadata_and_nothing_else() -> None:
    fields = [
        *HEAD,
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        (b"grpc-timeout", b"1S"),
        (b"grpc-encoding", b"gzip"),
        (b"user-agent", b"me"),
        (b"x-bin", b"AP8,AQ=="),
        (b"y-bin", b"not base64!"),
    ]
    head = grpc_http2.request_head(fields)
    assert (head.method, head.path, head.content_type) == ("POST", "/a/b", "application/grpc")
    assert (head.timeout, head.encoding) == ("1S", "gzip")
    assert head.metadata == [("user-agent", "me"), ("x-bin", b"\x00\xff"), ("x-bin", b"\x01"), ("y-bin", "not base64!")]


@pytest.mark.parametrize(
    "fields",
    [
        HEAD[1:],
        HEAD[:2],
        [*HEAD, (b":path", b"/c/d")],
        [*HEAD, (b":evil", b"1")],
        [(b"a", b"b"), *HEAD],
        [(b"te", b"trailers"), *HEAD],
        [*HEAD, (b"X-One", b"1")],
        [*HEAD, (b"", b"1")],
    ],
)
def test_a_head_that_breaks_http2_is_malformed(fields: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Malformed):
        grpc_http2.request_head(fields)
