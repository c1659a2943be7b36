"""One HTTP/1.1 response out of bytes that were cut anywhere: httptools, with what it leaves open settled.

Its head and whatever else is no content are bounded; interim responses are passed over; a body that
lasts until the end of the connection is told from one that was cut; bytes behind the response are
noticed, since they may be what somebody else was meant to see.
"""

import httptools

from gateway.codec.malformed import Malformed

_TAKEN_BYTES = 16_384
"""Of a body at once: what is made of it takes ten times the room, for every slow reader."""


class ResponseReader:
    """Reads one response. The `on_…` methods are the parser's."""

    def __init__(self, head_bytes: int) -> None:
        self.status = 0
        self.headers: list[tuple[str, str | bytes]] = []
        """Lower-case names to values; complete once `begun`."""
        self.begun = False
        """The head of the final response is there."""
        self.ended = False
        """The response is whole."""
        self.reusable = False
        """Once ended: whether the connection may carry another exchange."""
        self._head_bytes = head_bytes
        self._empty_bytes = 0
        """What came since there was last some content."""
        self._framed = False
        self._body: list[bytes] = []
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    @property
    def pending(self) -> bool:
        """Whether some of the body has come and was not taken."""
        return bool(self._body)

    def take(self) -> bytes:
        """What has come of the body: of much, a piece."""
        if len(self._body) == 1 and len(self._body[0]) <= _TAKEN_BYTES:
            return self._body.pop()
        body = b"".join(self._body)
        self._body = [body[_TAKEN_BYTES:]] if len(body) > _TAKEN_BYTES else []
        return body[:_TAKEN_BYTES]

    def feed(self, data: bytes) -> None:
        """Raises Malformed for what is no HTTP/1.1, or has too long a head."""
        if self._parser is None:
            self.reusable = False  # more than was asked for
            return
        pieces = len(self._body)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.ended:
                raise Malformed("not HTTP/1.1") from None
            self.reusable = False
        self._empty_bytes = self._empty_bytes + len(data) if len(self._body) == pieces else 0
        if self.ended:
            self._parser = None  # it holds on to this reader, as this does to it
        elif self._empty_bytes > self._head_bytes:
            raise Malformed(f"over {self._head_bytes} bytes of headers", too_large=True)

    def feed_end(self) -> None:
        """The agent ends the connection: a body of no stated length is whole."""
        if self.begun and not self._framed:
            self.ended = True

    def on_message_begin(self) -> None:
        if self.ended:
            raise Malformed("more than was asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.begun:
            self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip()))

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        self.status = self._parser.get_status_code()
        if self.status < 200:
            self.headers.clear()
            return
        self.begun = True
        named = {name: str(value).lower() for name, value in self.headers}
        self._framed = "content-length" in named or named.get("transfer-encoding", "").endswith("chunked")
        if sum(len(name) + len(value) for name, value in self.headers) > self._head_bytes:
            raise Malformed(f"over {self._head_bytes} bytes of headers", too_large=True)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self.begun:
            assert self._parser is not None
            self.ended = True
            self.reusable = self._parser.should_keep_alive()
