"""One HTTP/1.1 response out of bytes that were cut anywhere."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from gateway.codec.malformed import Malformed
from gateway.southbound.transport.http1_reader import ResponseReader

HEAD_BYTES = 2000
RESPONSES = {
    "length": (b"HTTP/1.1 200 OK\r\nX-One:  a \r\ncontent-length: 5\r\n\r\nhello", b"hello"),
    "chunks": (b"HTTP/1.1 200 OK\r\nx-one: a\r\ntransfer-encoding: chunked\r\n\r\n2;e\r\nhe\r\n3\r\nllo\r\n0\r\nt: x\r\n\r\n", b"hello"),
    "interim": (b"HTTP/1.1 100 Go\r\nx-one: b\r\n\r\nHTTP/1.1 200 OK\r\nx-one: a\r\ncontent-length: 1\r\n\r\nh", b"h"),
    "nothing": (b"HTTP/1.1 204 None\r\nx-one: a\r\n\r\n", b""),
}
CUTS = st.lists(st.integers(0, 200))


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges) if a < b]


@given(st.sampled_from(sorted(RESPONSES)), CUTS)
def test_a_response_is_the_same_however_it_is_cut(name: str, cuts: list[int]) -> None:
    data, body = RESPONSES[name]
    reader = ResponseReader(HEAD_BYTES)
    came = b""
    for piece in pieces(data, cuts):
        assert not reader.ended
        reader.feed(piece)
        came += reader.take()
    assert (reader.begun, reader.ended, reader.reusable) == (True, True, True)
    assert (came, ("x-one", "a") in reader.headers, ("t", "x") in reader.headers) == (body, True, False)


@given(st.sampled_from(sorted(RESPONSES)), CUTS, st.binary(min_size=1, max_size=30))
def test_more_than_a_response_is_noticed_however_it_is_cut(name: str, cuts: list[int], more: bytes) -> None:
    data, body = RESPONSES[name]
    reader = ResponseReader(HEAD_BYTES)
    came = b""
    for piece in pieces(data + more, cuts):
        reader.feed(piece)
        came += reader.take()
    assert (came, reader.ended) == (body, True)
    assert not reader.reusable or not more.strip(b"\r\n"), "empty lines before a response are nobody's"


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_are_a_response_or_malformed(chunks: list[bytes]) -> None:
    reader = ResponseReader(100)
    try:
        for chunk in chunks:
            reader.feed(chunk)
        reader.feed_end()
    except Malformed:
        pass
    assert reader.begun or not reader.ended


def test_the_end_of_a_connection_ends_only_what_may_end_so() -> None:
    for data, ends in (
        (b"HTTP/1.1 200 OK\r\n\r\nhello", True),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello", False),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", False),
        (b"HTTP/1.1 200 OK\r\nx-one: a\r\n", False),
    ):
        reader = ResponseReader(HEAD_BYTES)
        reader.feed(data)
        reader.feed_end()
        assert (reader.ended, reader.reusable) == (ends, False), data
