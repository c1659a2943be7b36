"""HTTP/2 frames out of bytes that were cut anywhere, and the few that are written by hand (RFC 9113).

DATA is meant to be handled by whoever calls; other frames go to an HTTP/2 library as they are. What
a library would not see is checked here: how long frames and header blocks are, that nothing
interrupts a header block, and padding.
"""

from collections.abc import Iterator
from struct import Struct

from gateway.codec.malformed import Malformed

DATA, HEADERS, RST_STREAM, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0x0, 0x1, 0x3, 0x7, 0x8, 0x9
END_STREAM, END_HEADERS, PADDED = 0x1, 0x4, 0x8

MOST_WINDOW = 2**31 - 1
"""No flow-control window may be larger (section 6.9.1)."""

Frame = tuple[int, int, int, bytes]
"""Type, flags, stream and payload. A tuple and no class: there is one of these for every message."""

_HEAD = Struct(">HBBBL")
_WINDOW_UPDATE = Struct(">HBBBLL")
_PUSH_PROMISE = 0x5
_RESERVED_OUT = 0x7FFFFFFF


def head(length: int, kind: int, flags: int, stream_id: int) -> bytes:
    """The nine octets before a payload."""
    return _HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream_id)


def window_update(stream_id: int, increment: int) -> bytes:
    """Lets the peer send so many more bytes; stream 0 is the connection."""
    return _WINDOW_UPDATE.pack(0, 4, WINDOW_UPDATE, 0, stream_id, increment)


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
        elif kind in (HEADERS, _PUSH_PROMISE):
            self._block = length
        else:
            return
        if self._block > self._block_bytes:
            raise Malformed(f"a header block of over {self._block_bytes} bytes", too_large=True)
        if flags & END_HEADERS:
            self._block = None
