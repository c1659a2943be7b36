"""As much of HTTP/2 and gRPC framing as two well-behaved ends need: frames, and header blocks without compression."""

from collections.abc import Iterator, Sequence

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20

ENABLE_PUSH, INITIAL_WINDOW_SIZE = 2, 4
CANCEL = 8

DEFAULT_WINDOW_BYTES = 65_535
MAX_WINDOW_BYTES = 2**31 - 1
FRAME_HEAD_BYTES = 9
GRPC_HEAD_BYTES = 5


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return frame_head(len(payload), kind, flags, stream) + payload


def frame_head(length: int, kind: int, flags: int, stream: int) -> bytes:
    return length.to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4)


def grpc_head(length: int) -> bytes:
    return b"\0" + length.to_bytes(4)


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(name.to_bytes(2) + value.to_bytes(4) for name, value in pairs))


def settings_in(payload: bytes) -> dict[int, int]:
    numbers = range(0, len(payload), 6)
    return {int.from_bytes(payload[at : at + 2]): int.from_bytes(payload[at + 2 : at + 6]) for at in numbers}


def window_update(stream: int, credit_bytes: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, credit_bytes.to_bytes(4))


WIDE_OPEN = settings((ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, MAX_WINDOW_BYTES)) + window_update(
    0, MAX_WINDOW_BYTES - DEFAULT_WINDOW_BYTES
)
"""For an end that takes whatever comes: it never has to give credit back."""


def header_block(headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """HPACK literals that enter no table (RFC 7541 section 6.2.2): the same bytes for every stream."""
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in headers)


def _string(text: bytes) -> bytes:
    if len(text) >= 127:
        raise ValueError("a longer string needs a longer length")
    return bytes((len(text),)) + text


class Frames:
    """Cuts what a connection reads into frames."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
        """Kind, flags, stream and payload of each frame that is now whole."""
        if self._pending:
            data = self._pending + data
        at, end = 0, len(data)
        while at + 9 <= end:
            after = at + 9 + (data[at] << 16 | data[at + 1] << 8 | data[at + 2])
            if after > end:
                break
            yield data[at + 3], data[at + 4], int.from_bytes(data[at + 5 : at + 9]), data[at + 9 : after]
            at = after
        self._pending = data[at:]


def unpadded(kind: int, flags: int, payload: bytes) -> bytes:
    """A payload without padding and priority (RFC 9113 sections 6.1 and 6.2)."""
    start = 5 if kind == HEADERS and flags & PRIORITY else 0
    if flags & PADDED:
        return payload[1 + start : len(payload) - payload[0]]
    return payload[start:]
