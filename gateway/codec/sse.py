"""Server-Sent Events as bytes, both ways (WHATWG HTML section 9.2).

Written: one `data:` line an event. Line separators that only some readers know (U+0085, U+2028,
U+2029) leave as JSON escapes, so every reader splits the same lines. Read: in chunks cut anywhere,
with bounds on a line and on an event, whatever the peer sends.
"""

from collections.abc import Iterator
from typing import NamedTuple

from gateway.codec.malformed import Malformed

KEEP_ALIVE = b": keep-alive\n"
"""A comment. One newline, not two: a blank line would make some readers dispatch an empty event."""

_SEPARATORS = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


def frame(json_text: bytes, event: str = "", id: str = "") -> bytes:
    """One event whose data is JSON text on one line; `id` must hold no line break."""
    if not json_text.isascii():
        for separator, escape in _SEPARATORS:
            json_text = json_text.replace(separator, escape)
    name = b"event: %s\n" % event.encode() if event else b""
    cursor = b"id: %s\n" % id.encode() if id else b""
    return b"%s%sdata: %s\n\n" % (name, cursor, json_text)


def retry(milliseconds: int) -> bytes:
    """Asks the reader to wait before it connects again."""
    return b"retry: %d\n" % milliseconds


class ServerSentEvent(NamedTuple):
    """One event as it was dispatched."""

    data: bytes
    event: str = "message"
    id: str = ""


class SseReader:
    """Turns the bytes of one stream into its events, however they are cut.

    Raises Malformed (`too_large`) once a line or an event passes `event_bytes`; every line of an
    event counts, so that empty ones cannot pile up.
    """

    def __init__(self, event_bytes: int) -> None:
        self._limit = event_bytes
        self._rest: list[bytes] = []
        self._rest_size = 0
        self._after_cr = False
        self._started = False
        self._data: list[bytes] = []
        self._size = 0
        self._event = ""
        self._id = ""

    @property
    def pending(self) -> bool:
        """Whether an event has begun and not ended: a stream that ends so was cut."""
        return bool(self._rest_size or self._data)

    @property
    def size(self) -> int:
        """Bytes of the event that has begun."""
        return self._rest_size + self._size

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The events that `chunk` completes, in order; to be read to the end before the next chunk."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = chunk.split(b"\n")
        if not lines:
            self._keep(rest)
            return
        lines[0] = b"".join((*self._rest, lines[0]))
        if not self._started:
            self._started = True
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        self._rest, self._rest_size = [], 0
        for line in lines:
            if line:
                self._field(line)
            elif self._data:
                yield self._dispatch()
            else:
                self._event = ""
        self._keep(rest)

    def _keep(self, rest: bytes) -> None:
        self._rest_size += len(rest)
        self._check(self._rest_size)
        self._rest.append(rest)

    def _dispatch(self) -> ServerSentEvent:
        event = ServerSentEvent(b"\n".join(self._data), self._event or "message", self._id)
        self._data, self._event, self._size = [], "", 0
        return event

    def _field(self, line: bytes) -> None:
        self._check(len(line))
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._size += len(line)
                self._check(self._size)
                self._data.append(value)
            case b"event":
                self._event = value.decode("utf-8", "replace")
            case b"id" if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
            case _:
                pass

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise Malformed(f"an event of over {self._limit} bytes", too_large=True)
