"""JSON Pointer (RFC 6901): a path as text and as the names that it walks through."""

import re

from gateway.deltas.op import PatchRefused

_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def escaped(name: str) -> str:
    """A member's name as it stands in a pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def steps(path: str, most: int) -> list[str]:
    """The names that a pointer walks through; none for the whole document. Raises PatchRefused."""
    if not path:
        return []
    if not path.startswith("/"):
        raise PatchRefused(f"{path[:80]!r} is no pointer: it has to begin with '/'")
    if path.count("/") > most:
        raise PatchRefused(f"a pointer of over {most} steps")
    names = path[1:].split("/")
    if "~" not in path:
        return names
    if _BAD_ESCAPE.search(path):
        raise PatchRefused(f"{path[:80]!r} is no pointer: '~' is written '~0'")
    return [name.replace("~1", "/").replace("~0", "~") for name in names]


def index(step: str, length: int) -> int:
    """A step into a list of `length` elements, of which `length` itself is the place after the last.

    Raises PatchRefused.
    """
    if step == "-":
        return length
    if not _INDEX.fullmatch(step) or int(step) > length:
        raise PatchRefused(f"{step[:20]!r} is no place in a list of {length}")
    return int(step)
