"""One operation of a patch: RFC 6902 with `str_ins` beside it, and its JSON form.

A member that JSON Patch does not define is ignored, as RFC 6902 section 4 asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from gateway.codec.jsontext import JsonValue

OpName = Literal["add", "remove", "replace", "move", "copy", "test", "str_ins"]

_NAMES: dict[str, OpName] = {name: name for name in get_args(OpName)}
_WITH_VALUE: frozenset[OpName] = frozenset({"add", "replace", "test", "str_ins"})
_WITH_SOURCE: frozenset[OpName] = frozenset({"move", "copy"})


class PatchRefused(ValueError):
    """A patch that is no patch, or that does not fit the draft. The draft is as it was before."""


@dataclass(frozen=True, slots=True)
class Op:
    """One operation. Values are not changed once they are in one."""

    op: OpName
    path: str
    value: JsonValue = None
    """Of add, replace, test and str_ins, where None is JSON's null; of others nothing."""
    pos: int | None = None
    """Of str_ins: code points of the text before the place; None for its end."""
    source: str = ""
    """Of move and copy: `from`."""

    def to_json(self) -> dict[str, JsonValue]:
        made: dict[str, JsonValue] = {"op": self.op, "path": self.path}
        if self.op in _WITH_SOURCE:
            made["from"] = self.source
        if self.pos is not None:
            made["pos"] = self.pos
        if self.op in _WITH_VALUE:
            made["value"] = self.value
        return made


Patch = Sequence[Op]
"""Operations that are applied together or not at all."""


def read_patch(value: JsonValue, most_ops: int) -> list[Op]:
    """The operations that a JSON value stands for. Raises PatchRefused."""
    if not isinstance(value, list):
        raise PatchRefused("a patch is a list of operations")
    if len(value) > most_ops:
        raise PatchRefused(f"a patch of over {most_ops} operations")
    return [_read_op(item) for item in value]


def _read_op(value: JsonValue) -> Op:
    if not isinstance(value, dict):
        raise PatchRefused("an operation is an object")
    given = value.get("op")
    name = _NAMES.get(given) if isinstance(given, str) else None
    if name is None:
        raise PatchRefused(f"unknown operation {str(given)[:40]!r}")
    if name in _WITH_VALUE and "value" not in value:
        raise PatchRefused(f"{name} without a value")
    source = _text(value, "from") if name in _WITH_SOURCE else ""
    operand = value["value"] if name in _WITH_VALUE else None
    if name != "str_ins":
        return Op(name, _text(value, "path"), operand, source=source)
    if not isinstance(operand, str):
        raise PatchRefused("str_ins inserts text")
    return Op(name, _text(value, "path"), operand, pos=_position(value["pos"]) if "pos" in value else None)


def _text(value: dict[str, JsonValue], name: str) -> str:
    text = value.get(name)
    if not isinstance(text, str):
        raise PatchRefused(f"{name!r} has to be a string")
    return text


def _position(value: JsonValue) -> int:
    """A double that is a whole number is one: what passed through a protobuf Struct has no integers."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer() or value < 0:
        raise PatchRefused("'pos' has to be a whole number from 0")
    return int(value)
