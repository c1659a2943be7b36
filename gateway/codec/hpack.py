"""Header blocks that need no memory: every field a literal that is not indexed (RFC 7541 section 6.2.2).

A few dozen bytes more on the wire than with a table, a fiftieth of the cost, and nothing that a peer
could make grow.
"""

from collections.abc import Iterable

NO_TABLE = b"\x20"
"""Sets the size of the dynamic table to 0, once, at the beginning of a connection's first block (section 6.3)."""

_STATUS_200 = b"\x88"
_NEVER_INDEXED = 0x10


def literals(fields: Iterable[tuple[str, str]]) -> bytes:
    """A header block of these fields; text is Latin-1. Such fields are never indexed on the way either."""
    block = bytearray()
    for name, value in fields:
        if name == ":status" and value == "200":
            block += _STATUS_200
        else:
            block.append(_NEVER_INDEXED)
            _add(block, name)
            _add(block, value)
    return bytes(block)


def _add(block: bytearray, text: str) -> None:
    raw = text.encode("latin-1")
    size = len(raw)
    if size < 0x7F:
        block.append(size)
    else:
        block.append(0x7F)
        size -= 0x7F
        while size >= 0x80:
            block.append(size & 0x7F | 0x80)
            size >>= 7
        block.append(size)
    block += raw
