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
