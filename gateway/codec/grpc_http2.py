"""gRPC over HTTP/2 as pure parts: its messages, its timeouts, its statuses and those it makes of others.

After the specification of gRPC's wire (PROTOCOL-HTTP2) and its table for HTTP statuses. Header
blocks come and go as pairs of bytes, as HPACK has them.
"""

import base64
import math
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from gateway.codec.malformed import Malformed
from gateway.errors import GrpcStatus

Pairs = list[tuple[str, str | bytes]]

HTTP_STATUS: Mapping[str, GrpcStatus] = {
    "400": GrpcStatus.INTERNAL,
    "401": GrpcStatus.UNAUTHENTICATED,
    "403": GrpcStatus.PERMISSION_DENIED,
    "404": GrpcStatus.UNIMPLEMENTED,
    "429": GrpcStatus.UNAVAILABLE,
    "502": GrpcStatus.UNAVAILABLE,
    "503": GrpcStatus.UNAVAILABLE,
    "504": GrpcStatus.UNAVAILABLE,
}
"""An HTTP answer that is not gRPC to a status; else UNKNOWN."""

RESET_STATUS: Mapping[int, GrpcStatus] = {
    0x7: GrpcStatus.UNAVAILABLE,  # REFUSED_STREAM
    0x8: GrpcStatus.CANCELLED,  # CANCEL
    0xB: GrpcStatus.RESOURCE_EXHAUSTED,  # ENHANCE_YOUR_CALM
    0xC: GrpcStatus.PERMISSION_DENIED,  # INADEQUATE_SECURITY
}
"""The error code of RST_STREAM to a status; else INTERNAL."""

_UNITS = (("n", 1), ("u", 10**3), ("m", 10**6), ("S", 10**9), ("M", 60 * 10**9), ("H", 3600 * 10**9))
"""Of a timeout, in nanoseconds."""
_MOST_DIGITS = 99_999_999
_TIMEOUT = re.compile(r"([0-9]{1,9})([numSMH])", re.ASCII)
_LONGEST_S = 1e8
"""Of a timeout that is read; longer ones are no deadlines to any clock."""
_PLAIN = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) != "%")
"""What stands for itself in a status text."""
ACCEPTED_ENCODINGS = "identity,deflate,gzip"
_PREFIX = 5
_TAKEN_BYTES = 16_384
"""After which no further message is taken at once: as objects they take ten times the room, for every slow reader."""
_NEEDED = frozenset((b":method", b":scheme", b":path"))
_PSEUDO = _NEEDED | {b":authority"}
_OF_THE_TRANSPORT = frozenset(
    (b"content-type", b"content-length", b"te", b"grpc-timeout", b"grpc-encoding", b"grpc-accept-encoding")
)
"""Fields of a request that are no metadata."""
_ENCODINGS = ("gzip", "deflate")
KNOWN_ENCODINGS = ("identity", *_ENCODINGS)


def timeout(seconds: float) -> str:
    """The value of `grpc-timeout`: the finest unit that can say it, rounded up; at most what can be said."""
    nanoseconds = math.ceil(max(seconds, 0.0) * 1e9)
    for unit, size in _UNITS:
        if (count := -(-nanoseconds // size)) <= _MOST_DIGITS:
            return f"{count}{unit}"
    return f"{_MOST_DIGITS}H"


def timeout_s(value: str) -> float:
    """What `grpc-timeout` says, in seconds, at most three years. Nine digits are taken as well. Raises Malformed."""
    if not (match := _TIMEOUT.fullmatch(value)):
        raise Malformed(f"{value[:16]!r} is no timeout", "grpc-timeout")
    return min(int(match[1]) * dict(_UNITS)[match[2]] / 1e9, _LONGEST_S)


def framed(message: bytes) -> bytes:
    """A message behind its prefix, uncompressed."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def all_framed(messages: Sequence[bytes]) -> bytes:
    """Messages behind their prefixes."""
    return b"".join(part for one in messages for part in (b"\0" + len(one).to_bytes(4, "big"), one))


def ended(status: GrpcStatus, text: str) -> list[tuple[str, str]]:
    """The end of an rpc as header fields."""
    fields = [("grpc-status", str(status.value))]
    if text:
        fields.append(("grpc-message", quote(text, safe=_PLAIN, errors="replace")))
    return fields


def header_pairs(pairs: Iterable[tuple[str, str | bytes]]) -> list[tuple[str, str]]:
    """Metadata as header fields."""
    return [
        (name, base64.b64encode(value).decode().rstrip("=") if isinstance(value, bytes) else value)
        for name, value in pairs
    ]


def metadata(fields: Iterable[tuple[bytes, bytes]], *, keep_broken: bool = False) -> Pairs:
    """Header fields as metadata. Pseudo-headers are left out.

    What is no base64 in a `-bin` is left out as well; with `keep_broken` it stays what it is, a text.
    """
    pairs: Pairs = []
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name.endswith("-bin"):
            for one in value.split(","):
                try:
                    pairs.append((name, base64.b64decode(one.strip() + "=" * (-len(one.strip()) % 4), validate=True)))
                except ValueError:
                    if keep_broken:
                        pairs.append((name, one))
        elif not name.startswith(":"):
            pairs.append((name, value))
    return pairs


@dataclass(frozen=True, slots=True)
class RequestHead:
    """The head of a request, in texts; empty what it lacks."""

    method: str
    path: str
    content_type: str
    timeout: str
    encoding: str
    metadata: Pairs


def request_head(fields: Iterable[tuple[bytes, bytes]]) -> RequestHead:
    """What the header fields of a request say. Raises Malformed where they break HTTP/2 (RFC 9113 section 8.3)."""
    pseudo: dict[bytes, bytes] = {}
    regular: list[tuple[bytes, bytes]] = []
    named: dict[bytes, bytes] = {}
    for name, value in fields:
        if name[:1] == b":":
            if regular or named or name not in _PSEUDO or name in pseudo:
                raise Malformed("pseudo-headers that are out of place")
            pseudo[name] = value
        elif name in _OF_THE_TRANSPORT:
            named[name] = value
        elif not name or name != name.lower():
            raise Malformed("a header name in upper case")
        else:
            regular.append((name, value))
    if not pseudo.keys() >= _NEEDED:
        raise Malformed("a request without its pseudo-headers")
    method, path, content_type, timeout, encoding = (
        known.get(name, b"").decode("latin-1")
        for known, name in (
            (pseudo, b":method"),
            (pseudo, b":path"),
            (named, b"content-type"),
            (named, b"grpc-timeout"),
            (named, b"grpc-encoding"),
        )
    )
    return RequestHead(method, path, content_type, timeout, encoding, metadata(regular, keep_broken=True))


def status_of(pairs: Iterable[tuple[str, str | bytes]]) -> tuple[GrpcStatus, str] | None:
    """What trailers say of the end: the status and its text; None where they say nothing."""
    named = dict(pairs)
    code = named.get("grpc-status")
    if code is None:
        return None
    text = unquote(str(named.get("grpc-message", "")), errors="replace")
    try:
        number = int(str(code))
    except ValueError:
        return GrpcStatus.INTERNAL, f"The agent ended with the status {str(code)[:32]!r}"
    try:
        return GrpcStatus(number), text
    except ValueError:
        return GrpcStatus.UNKNOWN, text


class UnknownCompression(Exception):
    """A compressed message in an encoding that was not named, or is not known."""


class MessageReader:
    """Turns the content of one stream's DATA into messages, however it is cut.

    Raises Malformed for a message of over `max_bytes`, compressed or not, and for what is not
    compressed as it says; UnknownCompression. What came before is given first.
    """

    __slots__ = ("_max_bytes", "_needed", "_pieces", "_size", "encoding")

    def __init__(self, max_bytes: int) -> None:
        self.encoding = "identity"
        """How compressed messages are, as `grpc-encoding` says."""
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._needed = _PREFIX

    @property
    def ready(self) -> bool:
        """Whether `take` can get on."""
        return self._size >= self._needed

    @property
    def buffered(self) -> int:
        """Bytes that came and were not taken. Where nothing more can be taken, a message has begun and not ended."""
        return self._size

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)

    def take(self) -> list[bytes]:
        """Messages that are whole: of many small ones, some."""
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        messages: list[bytes] = []
        start, end, size = 0, 0, self._size
        try:
            while size - start >= _PREFIX and start < _TAKEN_BYTES:
                body = start + _PREFIX
                end = body + int.from_bytes(data[start + 1 : body], "big")
                if end - body > self._max_bytes:
                    raise Malformed(f"a message of over {self._max_bytes} bytes", too_large=True)
                if end > size:
                    break
                messages.append(self._inflated(data[body:end]) if data[start] else data[body:end])
                start = end
        except (Malformed, UnknownCompression):
            if not messages:
                raise
            self._keep(data[start:], 0)  # to be raised by the next call
            return messages
        more = size - start >= _PREFIX and start < _TAKEN_BYTES  # of a message whose length is known
        self._keep(data[start:], end - start if more else _PREFIX)
        return messages

    def _keep(self, rest: bytes, needed: int) -> None:
        self._pieces, self._size, self._needed = ([rest] if rest else []), len(rest), needed

    def _inflated(self, message: bytes) -> bytes:
        if self.encoding not in _ENCODINGS:
            raise UnknownCompression(f"a message compressed as {self.encoding[:32]!r}")
        inflater = zlib.decompressobj(wbits=47)  # either format, told by its first bytes
        try:
            inflated = inflater.decompress(message, self._max_bytes + 1)
        except zlib.error as error:
            raise Malformed(f"a message that is not {self.encoding}: {error}") from None
        if len(inflated) > self._max_bytes:
            raise Malformed(f"a message of over {self._max_bytes} bytes", too_large=True)
        if not inflater.eof:
            raise Malformed(f"a message that is not whole {self.encoding}")
        return inflated
