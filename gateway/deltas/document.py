"""A JSON document to which patches are applied: whole lists or nothing, within bounds.

Text that is appended costs what is appended: it is kept in pieces until somebody reads it. A list
that is refused is undone step by step, so nothing is copied in advance.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard, Union, cast

from gateway.codec.jsontext import JsonValue
from gateway.deltas.op import Op, OpName, Patch, PatchRefused
from gateway.deltas.pointer import index, steps
from gateway.deltas.values import same

_SCALAR_BYTES = 8
_PIECES = 256
_ROOT = "document"

Node = Union[None, bool, int, float, str, "_Growing", list["Node"], dict[str, "Node"]]
"""A JSON value in which texts may be growing."""
Place = Any  # a list[Node] or a dict[str, Node]
Key = Any  # a place in the one, a name in the other


@dataclass(frozen=True, slots=True)
class DraftBounds:
    """How much of anything a reader of patches takes."""

    ops: int = 1024
    """Operations of one patch."""
    draft_bytes: int = 6 * 1024 * 1024
    """Of one draft: its texts and names as UTF-8, 8 for every value."""
    work_bytes: int = 32 * 1024 * 1024
    """What one patch may copy, move and rebuild."""
    depth: int = 40
    """Levels of one draft, and steps of one pointer."""
    drafts: int = 64
    """Messages that are open at once."""


class Document:
    """A JSON value, null at first, as patches change it."""

    def __init__(self, bounds: DraftBounds | None = None) -> None:
        self._bounds = bounds or DraftBounds()
        self._holder: dict[str, Node] = {_ROOT: None}
        self._bytes = _SCALAR_BYTES
        self._work = 0
        self._undo: list[Callable[[], object]] = []

    @property
    def value(self) -> JsonValue:
        """The document as it stands, as a copy. Costs the whole of it."""
        return _plain(self._holder[_ROOT])

    def read(self, *path: str | int) -> JsonValue:
        """A copy of what stands at a place; None where there is nothing."""
        node = self._holder[_ROOT]
        for step in path:
            match node, step:
                case dict(), str() if step in node:
                    node = node[step]
                case list(), int() if -len(node) <= step < len(node):
                    node = node[step]
                case _:
                    return None
        return _plain(node)

    def count(self, name: str) -> int:
        """How many elements the list under a name of the document has."""
        root = self._holder[_ROOT]
        items = root.get(name) if isinstance(root, dict) else None
        return len(items) if isinstance(items, list) else 0

    def apply(self, patch: Patch) -> None:
        """Applies all operations, or none. Raises PatchRefused."""
        if len(patch) > self._bounds.ops:
            raise PatchRefused(f"a patch of over {self._bounds.ops} operations")
        bytes_before, self._work, self._undo = self._bytes, 0, []
        for number, op in enumerate(patch):
            try:
                _APPLY[op.op](self, op)
            except PatchRefused as error:
                for step in reversed(self._undo):
                    step()
                self._bytes = bytes_before
                raise PatchRefused(f"operation {number}, {op.op} {op.path[:80]!r}: {error}") from None
        self._undo = []

    def _add(self, op: Op) -> None:
        self._insert(op.path, cast(Node, op.value))

    def _remove(self, op: Op) -> None:
        self._take(op.path)

    def _replace(self, op: Op) -> None:
        place, key = self._existing(op.path)
        self._weigh(-self._size(place[key]))
        self._set(place, key, self._taken(cast(Node, op.value), op.path))

    def _move(self, op: Op) -> None:
        if op.path.startswith(f"{op.source}/"):
            raise PatchRefused("a value cannot move into itself")
        self._existing(op.source)
        if op.path != op.source:
            self._insert(op.path, self._take(op.source))

    def _copy(self, op: Op) -> None:
        place, key = self._existing(op.source)
        self._insert(op.path, place[key])

    def _test(self, op: Op) -> None:
        place, key = self._existing(op.path)
        self._spend(self._size(place[key]))
        if not same(_plain(place[key]), op.value):
            raise PatchRefused("the value is another")

    def _insert_text(self, op: Op) -> None:
        text = op.value
        if not isinstance(text, str):
            raise PatchRefused("str_ins inserts text")
        place, key = self._existing(op.path)
        old: Node = place[key]
        if not isinstance(old, str | _Growing):
            raise PatchRefused("what stands there is no text")
        length = old.length if isinstance(old, _Growing) else len(old)
        pos = length if op.pos is None else op.pos
        if not 0 <= pos <= length:
            raise PatchRefused(f"position {op.pos} in a text of {length} code points")
        self._weigh(_text_bytes(text))
        if not text:
            return
        if pos < length:
            whole = str(old)
            self._spend(length)
            self._set(place, key, whole[:pos] + text + whole[pos:])
        elif isinstance(old, _Growing):
            old.append(text)
            self._undo.append(partial(old.cut, length))
        else:
            self._set(place, key, _Growing(old, text))

    def _insert(self, path: str, value: Node) -> None:
        place, key = self._place(path)
        if _is_list(place):
            where = index(key, len(place))
            place.insert(where, self._taken(value, path))
            self._undo.append(partial(place.pop, where))
        else:
            self._weigh(-self._size(place[key]) if key in place else _text_bytes(key))
            self._set(place, key, self._taken(value, path))

    def _take(self, path: str) -> Node:
        place, key = self._existing(path)
        if place is self._holder:
            raise PatchRefused("the document itself stays")
        value: Node = place[key]
        self._weigh(-self._size(value))
        if _is_list(place):
            place.pop(key)
            self._undo.append(partial(place.insert, key, value))
        else:
            self._weigh(-_text_bytes(str(key)))
            del place[key]
            self._undo.append(partial(place.__setitem__, key, value))
        return value

    def _set(self, place: Place, key: Key, value: Node) -> None:
        if not _is_list(place) and key not in place:
            self._undo.append(partial(place.__delitem__, key))
        else:
            self._undo.append(partial(place.__setitem__, key, place[key]))
        place[key] = value

    def _existing(self, path: str) -> tuple[Place, Key]:
        """The container of a value that is there, and the value's key in it."""
        place, key = self._place(path)
        if _is_list(place):
            _element(place, key)
            return place, int(key)
        if key not in place:
            raise PatchRefused(f"nothing at {key[:20]!r}")
        return place, key

    def _place(self, path: str) -> tuple[Place, str]:
        """The container that a path leads into, and the last step."""
        walked: Place = self._holder
        key = _ROOT
        for step in steps(path, self._bounds.depth):
            inner = _element(walked, key) if _is_list(walked) else walked.get(key)
            if not isinstance(inner, list | dict):
                raise PatchRefused(f"nothing at {key[:20]!r} to go into")
            walked, key = cast(Place, inner), step
        return walked, key

    def _taken(self, value: Node, path: str) -> Node:
        """A copy that the document may change, weighed."""
        copy, size = _copied(value, self._bounds.depth - path.count("/"))
        self._spend(size)
        self._weigh(size)
        return copy

    def _size(self, value: Node) -> int:
        size = _bytes_of(value)
        self._spend(size)
        return size

    def _weigh(self, more: int) -> None:
        self._bytes += more
        if more > 0 and self._bytes > self._bounds.draft_bytes:
            raise PatchRefused(f"a draft of over {self._bounds.draft_bytes} bytes")

    def _spend(self, work: int) -> None:
        self._work += work
        if self._work > self._bounds.work_bytes:
            raise PatchRefused(f"a patch that copies over {self._bounds.work_bytes} bytes")


_APPLY: dict[OpName, Callable[[Document, Op], None]] = {
    "add": Document._add,  # pyright: ignore[reportPrivateUsage] # the table belongs to the class
    "remove": Document._remove,  # pyright: ignore[reportPrivateUsage]
    "replace": Document._replace,  # pyright: ignore[reportPrivateUsage]
    "move": Document._move,  # pyright: ignore[reportPrivateUsage]
    "copy": Document._copy,  # pyright: ignore[reportPrivateUsage]
    "test": Document._test,  # pyright: ignore[reportPrivateUsage]
    "str_ins": Document._insert_text,  # pyright: ignore[reportPrivateUsage]
}


class _Growing:
    """A text in pieces: small ones as they came, and blocks of those that came before."""

    __slots__ = ("_blocks", "_pieces", "length")

    def __init__(self, text: str, more: str) -> None:
        self._blocks = [text]
        self._pieces = [more]
        self.length = len(text) + len(more)

    def append(self, text: str) -> None:
        self._pieces.append(text)
        self.length += len(text)
        if len(self._pieces) >= _PIECES:
            self._blocks.append("".join(self._pieces))
            self._pieces.clear()

    def cut(self, length: int) -> None:
        self._blocks, self._pieces = [str(self)[:length]], []
        self.length = length

    def __str__(self) -> str:
        if self._pieces or len(self._blocks) > 1:
            self._blocks, self._pieces = ["".join([*self._blocks, *self._pieces])], []
        return self._blocks[0]


def applied(value: JsonValue, patch: Patch, bounds: DraftBounds | None = None) -> JsonValue:
    """What a patch makes of a value, which stays as it is. Raises PatchRefused."""
    document = Document(bounds)
    document.apply([Op("replace", "", value)])
    document.apply(patch)
    return document.value


def _is_list(place: Place) -> TypeGuard[list[Node]]:
    return isinstance(place, list)


def _element(items: list[Node], step: str) -> Node:
    where = index(step, len(items))
    if where == len(items):
        raise PatchRefused(f"nothing at {step[:20]!r}")
    return items[where]


def _plain(node: Node) -> JsonValue:
    match node:
        case dict():
            return {name: _plain(member) for name, member in node.items()}
        case list():
            return [_plain(item) for item in node]
        case _Growing():
            return str(node)
        case _:
            return node


def _copied(node: Node, levels: int) -> tuple[Node, int]:
    """A copy and its size in bytes."""
    match node:
        case str():
            return node, _SCALAR_BYTES + _text_bytes(node)
        case _Growing():
            return str(node), _SCALAR_BYTES + _text_bytes(str(node))
        case dict() | list() if levels <= 0:
            raise PatchRefused("nested too deep")
        case dict():
            members = {name: _copied(member, levels - 1) for name, member in node.items()}
            names_bytes = sum(map(_text_bytes, members))
            return {name: copy for name, (copy, _) in members.items()}, _total(members.values()) + names_bytes
        case list():
            items = [_copied(item, levels - 1) for item in node]
            return [copy for copy, _ in items], _total(items)
        case _:
            return node, _SCALAR_BYTES


def _total(parts: Iterable[tuple[Node, int]]) -> int:
    return _SCALAR_BYTES + sum(size for _, size in parts)


def _bytes_of(node: Node) -> int:
    match node:
        case str() | _Growing():
            return _SCALAR_BYTES + _text_bytes(str(node))
        case dict():
            return _SCALAR_BYTES + sum(_text_bytes(name) + _bytes_of(member) for name, member in node.items())
        case list():
            return _SCALAR_BYTES + sum(map(_bytes_of, node))
        case _:
            return _SCALAR_BYTES


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
