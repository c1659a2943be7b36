"""What turns one JSON value into another, as a patch. Time is linear in both, for a given depth."""

from collections.abc import Iterator

from gateway.codec.jsontext import JsonValue
from gateway.deltas.op import Op
from gateway.deltas.pointer import escaped
from gateway.deltas.values import JsonObject, same


def difference(old: JsonValue, new: JsonValue, path: str = "") -> list[Op]:
    """The operations that make `new` of `old`; none where they are the same.

    A text with one insertion is a `str_ins`, so an appended one costs what was appended; any other
    change of a text sends it whole.
    """
    return list(_between(old, new, path))


def _between(old: JsonValue, new: JsonValue, path: str) -> Iterator[Op]:
    match old, new:
        case dict(), dict():
            yield from _objects(old, new, path)
        case list(), list():
            yield from _lists(old, new, path)
        case str(), str():
            if old != new:
                yield _texts(old, new, path)
        case _:
            if not same(old, new):
                yield Op("replace", path, new)


def _objects(old: JsonObject, new: JsonObject, path: str) -> Iterator[Op]:
    for name in old:
        if name not in new:
            yield Op("remove", f"{path}/{escaped(name)}")
    for name, value in new.items():
        member = f"{path}/{escaped(name)}"
        if name in old:
            yield from _between(old[name], value, member)
        else:
            yield Op("add", member, value)


def _lists(old: list[JsonValue], new: list[JsonValue], path: str) -> Iterator[Op]:
    """Elements that stay at either end are left alone; those between are compared by place."""
    if len(old) == len(new):
        start, kept, shared = 0, 0, len(old)
    else:
        shorter = min(len(old), len(new))
        start = next((at for at in range(shorter) if not same(old[at], new[at])), shorter)
        rest = shorter - start
        kept = next((at for at in range(rest) if not same(old[-1 - at], new[-1 - at])), rest)
        shared = shorter - kept
    for at in range(start, shared):
        yield from _between(old[at], new[at], f"{path}/{at}")
    for _ in range(len(old) - len(new)):
        yield Op("remove", f"{path}/{shared}")
    for at in range(shared, shared + len(new) - len(old)):
        yield Op("add", f"{path}/{at if kept else '-'}", new[at])


def _texts(old: str, new: str, path: str) -> Op:
    more = len(new) - len(old)
    if more > 0:
        pos = len(old) if new.startswith(old) else _shared_start(old, new)
        if new.endswith(old[pos:]):
            return Op("str_ins", path, new[pos : pos + more], pos=pos)
    return Op("replace", path, new)


def _shared_start(one: str, other: str) -> int:
    """How many code points two texts have in common at their start, of which `one` is the shorter."""
    low, high = 0, len(one)
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
