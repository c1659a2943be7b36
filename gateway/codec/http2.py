"""HTTP/2 frames out of bytes that were cut anywhere, and the few that are written by hand (RFC 9113).

DATA is meant to be handled by whoever calls; other frames go to an HTTP/2 library as they are. What
a library would not see is checked here: how long frames and header blocks are, that nothing
interrupts a header block, and padding.
"""

from collections.abc import Iterator
from struct import Struct

from gateway.codec.malformed import Malformed

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE = 0x0, 0x1, 0x2, 0x3, 0x4, 0x5
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0x6, 0x7, 0x8, 0x9
END_STREAM, END_HEADERS, PADDED, ACK = 0x1, 0x4, 0x8, 0x1

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client begins with (section 3.4)."""

MOST_WINDOW = 2**31 - 1
"""No flow-control window may be larger (section 6.9.1)."""

Frame = tuple[int, int, int, bytes]
"""Type, flags, stream and payload. A tuple and no class: there is one of these for every message."""

_HEAD = Struct(">HBBBL")
_NUMBER = Struct(">HBBBLL")
_NUMBERS = Struct(">HBBBLLL")
_SETTING = Struct(">HL")
_HEADER_TABLE_SIZE = 0x1
_KNOWN_SETTINGS = frozenset(range(1, 7))
_RESERVED_OUT = 0x7FFFFFFF


def head(length: int, kind: int, flags: int, stream_id: int) -> bytes:
    """The nine octets before a payload."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream_id)


def data(stream_id: int, content: bytes | memoryview, frame_bytes: int) -> bytes:
    """DATA frames of at most so many bytes each, joined."""
    size = len(content)
    if size <= frame_bytes:
        return head(size, DATA, 0, stream_id) + content
    return b"".join(
        part
        for at in range(0, size, frame_bytes)
        for part in (head(min(frame_bytes, size - at), DATA, 0, stream_id), content[at : at + frame_bytes])
    )


def headers(stream_id: int, block: bytes, frame_bytes: int, *, end: bool) -> bytes:
    """A header block in HEADERS and as many CONTINUATION as it takes; `end` ends the stream."""
    pieces = [block[at : at + frame_bytes] for at in range(0, len(block), frame_bytes)]
    kinds = [HEADERS, *[CONTINUATION] * (len(pieces) - 1)]
    flags = [0] * len(pieces)
    flags[0] |= END_STREAM if end else 0
    flags[-1] |= END_HEADERS
    return b"".join(
        part
        for piece, kind, flag in zip(pieces, kinds, flags, strict=True)
        for part in (head(len(piece), kind, flag, stream_id), piece)
    )


def window_update(stream_id: int, increment: int) -> bytes:
    """Lets the peer send so many more bytes; stream 0 is the connection."""
    return _NUMBER.pack(0, 4, WINDOW_UPDATE, 0, stream_id, increment)


def rst_stream(stream_id: int, code: int) -> bytes:
    """Ends a stream with an error code."""
    return _NUMBER.pack(0, 4, RST_STREAM, 0, stream_id, code)


def ping(content: bytes, *, ack: bool = False) -> bytes:
    """A PING of eight bytes, or the answer to one."""
    return head(8, PING, ACK if ack else 0, 0) + content


def said_goodbye(last_stream_id: int, code: int) -> bytes:
    """GOAWAY."""
    return _NUMBERS.pack(0, 8, GOAWAY, 0, 0, last_stream_id, code)


def number(payload: bytes) -> int:
    """The one number that WINDOW_UPDATE and RST_STREAM consist of. Raises Malformed."""
    if len(payload) != 4:
        raise Malformed("a frame of a number that is not four bytes long", too_large=True)
    return int.from_bytes(payload, "big")


def increment(payload: bytes) -> int:
    """By how much WINDOW_UPDATE opens a window; 0 is an error of the peer. Raises Malformed."""
    return number(payload) & _RESERVED_OUT


def known_settings(payload: bytes, most_table_bytes: int) -> bytes:
    """SETTINGS without those that nobody knows, of which there may be 65,536, and with an HPACK table that is bounded.

    Raises Malformed.
    """
    if len(payload) % _SETTING.size:
        raise Malformed("SETTINGS of no whole number of settings", too_large=True)
    return b"".join(
        _SETTING.pack(key, min(value, most_table_bytes) if key == _HEADER_TABLE_SIZE else value)
        for key, value in _SETTING.iter_unpack(payload)
        if key in _KNOWN_SETTINGS
    )


def goaway(payload: bytes) -> tuple[int, int]:
    """The last stream that the peer looked at, and its error code. Raises Malformed."""
    if len(payload) < 8:
        raise Malformed("a GOAWAY frame of too few bytes")
    return int.from_bytes(payload[:4], "big") & _RESERVED_OUT, int.from_bytes(payload[4:8], "big")


def unpadded(payload: bytes) -> bytes:
    """The content of a PADDED payload. Raises Malformed."""
    if not payload or payload[0] >= len(payload):
        raise Malformed("a frame of more padding than bytes")
    return payload[1 : len(payload) - payload[0]]


class FrameReader:
    """Turns the bytes of one connection into its frames.

    Raises Malformed: `too_large` for a frame over `frame_bytes` or a header block over
    `block_bytes`, compressed as it comes. What came before is given first.
    """

    def __init__(self, frame_bytes: int, block_bytes: int) -> None:
        self._frame_bytes = frame_bytes
        self._block_bytes = block_bytes
        self._rest = b""
        self._block: int | None = None
        """Bytes of the header block that has begun and not ended."""

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """The frames that `chunk` completes, in order; to be read to the end before the next chunk."""
        data = self._rest + chunk if self._rest else chunk
        start, size, unpack = 0, len(data), _HEAD.unpack_from
        while size - start >= 9:
            high, low, kind, flags, stream_id = unpack(data, start)
            length = high << 8 | low
            if length > self._frame_bytes:
                raise Malformed(f"a frame of {length} bytes", too_large=True)
            end = start + 9 + length
            if end > size:
                break
            if kind or self._block is not None:
                self._check_block(kind, flags, length)
            yield kind, flags, stream_id & _RESERVED_OUT, data[start + 9 : end]
            start = end
        self._rest = data[start:]

    def _check_block(self, kind: int, flags: int, length: int) -> None:
        if self._block is not None:
            if kind != CONTINUATION:
                raise Malformed("a frame within a header block")
            self._block += length
        elif kind in (HEADERS, PUSH_PROMISE):
            self._block = length
        else:
            return
        if self._block > self._block_bytes:
            raise Malformed(f"a header block of over {self._block_bytes} bytes", too_large=True)
        if flags & END_HEADERS:
            self._block = None
