"""HTTP headers to gRPC metadata and back, by an allow-list (specification sections 3.2.6 and 10.2).

Only what is named passes: the service parameters of A2A, the caller's credentials, trace context,
the point to resume from and what the configuration adds. The rest, hop-by-hop and transport headers
above all, stays where it was. Values must be what both sides can carry; nothing is dropped silently
for its characters.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping

from gateway.codec.malformed import Malformed

VERSION = "a2a-version"
EXTENSIONS = "a2a-extensions"
OLD_EXTENSIONS = "x-a2a-extensions"
"""What 0.3 calls it; read everywhere."""

CALL = "a2a-gateway-call"
"""In which answers name their call as the log does."""

ALWAYS_FORWARDED = ("authorization", "traceparent", "tracestate", "baggage", "last-event-id")

FORBIDDEN = re.compile(
    r"(:.*|grpc-.*|content-.*|proxy-.*|a2a-.*|x-a2a-.*|accept|accept-encoding|connection|cookie|expect|host"
    r"|keep-alive|origin|set-cookie|te|trailer|transfer-encoding|upgrade|user-agent)"
)
"""Names that the configuration may not add to the allow-list."""

_NAME = re.compile(r"[0-9a-z_.-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")

Pairs = Iterable[tuple[str, str | bytes]]


def check_size(pairs: Pairs, max_fields: int, max_bytes: int) -> None:
    """Raises Malformed (`too_large`) unless headers or metadata stay within their bounds.

    A field counts as its name and its value.
    """
    fields = size = 0
    for name, value in pairs:
        fields += 1
        size += len(name) + len(value)
    if fields > max_fields:
        raise Malformed(f"over {max_fields} header fields", too_large=True)
    if size > max_bytes:
        raise Malformed(f"over {max_bytes} bytes of headers", too_large=True)


def is_forwardable(name: str) -> bool:
    """Whether the configuration may name this header."""
    return bool(_NAME.fullmatch(name)) and not FORBIDDEN.fullmatch(name)


def is_sendable(value: str) -> bool:
    """Whether both sides can carry a header of this value."""
    return bool(_VALUE.fullmatch(value))


def forwarded(pairs: Pairs, allowed: frozenset[str]) -> dict[str, str]:
    """The headers or metadata that go on, by lower-case name; repeated ones are joined.

    The value of a `-bin` name is its base64 text, as gRPC writes it. Raises Malformed for a value
    that the other side could not carry.
    """
    found: dict[str, str] = {}
    for given, value in pairs:
        name = given.lower()
        if name in allowed:
            text = _text(name, value)
            joint = "," if name.endswith("-bin") else ", "
            found[name] = f"{found[name]}{joint}{text}" if name in found else text
    return found


def extensions(pairs: Pairs) -> tuple[str, ...]:
    """The extension URIs that headers or metadata list, in order, each once. Raises Malformed."""
    uris: dict[str, None] = {}
    for given, value in pairs:
        name = given.lower()
        if name in (EXTENSIONS, OLD_EXTENSIONS):
            uris.update(dict.fromkeys(uri.strip() for uri in _text(name, value).split(",") if uri.strip()))
    return tuple(uris)


def version(pairs: Pairs, query: str = "") -> str:
    """The protocol version asked for, as Major.Minor; empty where none is named.

    Headers win over the query parameter. Raises Malformed for what is no version.
    """
    named = query
    for name, value in pairs:
        if name.lower() == VERSION and value:
            named = _text(VERSION, value)
    named = named.strip()
    if not named:
        return ""
    if not (match := re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})(\.[0-9]+)*", named)):
        raise Malformed(f"{named[:32]!r} is no protocol version", "A2A-Version")
    return f"{int(match[1])}.{int(match[2])}"


def requested(version: str, extensions: tuple[str, ...]) -> dict[str, str]:
    """A2A's own parameters of a call to an agent of this version.

    Extensions go by both names to agents of 1.0: SDKs of its first releases read only the older one.
    """
    older = {OLD_EXTENSIONS: ",".join(extensions)} if extensions else {}
    return {**parameters(version, extensions), **older}


def parameters(version: str, extensions: tuple[str, ...]) -> dict[str, str]:
    """A2A's own parameters as a peer of this version names them, in lower case."""
    named = {VERSION: version}
    if extensions:
        named[OLD_EXTENSIONS if version == "0.3" else EXTENSIONS] = ",".join(extensions)
    return named


def to_metadata(
    headers: Mapping[str, str], version: str, extensions: tuple[str, ...]
) -> list[tuple[str, str | bytes]]:
    """What goes on to an agent over gRPC."""
    pairs: list[tuple[str, str | bytes]] = [
        (name, value)
        for name, text in headers.items()
        for value in ((_binary(name, one.strip()) for one in text.split(",")) if name.endswith("-bin") else (text,))
    ]
    pairs.extend(requested(version, extensions).items())
    return pairs


def _text(name: str, value: str | bytes) -> str:
    if name.endswith("-bin") and isinstance(value, bytes):
        return base64.b64encode(value).decode().rstrip("=")
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not _VALUE.fullmatch(text):
        raise Malformed("only printable ASCII can be forwarded", name)
    if name.endswith("-bin"):
        for one in text.split(","):
            _binary(name, one.strip())
    return text.strip()


def _binary(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise Malformed("a header ending in -bin holds base64", name) from None
