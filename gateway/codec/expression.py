"""JMESPath expressions of mappings: read once, with the place of a mistake, and asked many times.

Expressions come from the configuration alone; what they are asked of may come from anyone, so
every way in which asking can fail is one exception.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import jmespath
import jmespath.exceptions
import jmespath.functions

from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Malformed

EVERYTHING = "@"
"""Among the members that an expression asks for: all of them."""

_FUNCTIONS = cast(dict[str, dict[str, Any]], jmespath.functions.Functions.FUNCTION_TABLE)


class ExpressionError(ValueError):
    """Text that is no expression: what is wrong, and at which character."""


@dataclass(frozen=True, slots=True)
class Node:
    """A piece of an expression: its kind as JMESPath's own grammar names it, and what it is made of."""

    kind: str
    value: object = None
    children: "tuple[Node, ...]" = ()


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """An expression, ready to be asked."""

    text: str
    tree: Node
    asks_for: frozenset[str]
    """The members of what it is asked of that it looks at; `EVERYTHING` where it takes the whole."""
    _parsed: Any

    def of(self, value: JsonValue) -> JsonValue:
        """What the expression makes of a value. Raises Malformed where it cannot be applied to it."""
        try:
            return cast(JsonValue, self._parsed.search(value))
        except jmespath.exceptions.JMESPathTypeError as error:
            # Its own text would quote the value.
            wanted = " or ".join(cast(list[str], error.expected_types))
            problem = f"{error.function_name}() takes {wanted}, got {error.actual_type}"
            raise Malformed(problem) from None
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            # The library lets through whatever Python says of values that do not fit.
            raise Malformed("the expression does not fit this value") from None

    def needs(self, member: str) -> bool:
        return member in self.asks_for or EVERYTHING in self.asks_for


def expression(text: str) -> Expression:
    """Reads an expression. Raises ExpressionError, which says where the text goes wrong."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PendingDeprecationWarning)
            parsed = cast(Any, jmespath.compile(text))  # pyright: ignore[reportUnknownMemberType] # it ships no types
    except PendingDeprecationWarning:
        raise ExpressionError(f"what stands between backticks is JSON, and a text has its quotes: {text}") from None
    except jmespath.exceptions.EmptyExpressionError:
        raise ExpressionError("an empty expression") from None
    except jmespath.exceptions.IncompleteExpressionError:
        raise ExpressionError(f"the expression ends too early, at character {len(text)}: {text}") from None
    except jmespath.exceptions.ParseError as error:
        place = error.lex_position
        raise ExpressionError(f"not JMESPath at character {place}, before {text[place:] or 'its end'!r}") from None
    except jmespath.exceptions.JMESPathError as error:
        raise ExpressionError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise ExpressionError("nested too deeply") from None
    tree = _node(parsed.parsed)
    for one in walk(tree):
        if one.kind == "function_expression":
            _check_function(str(one.value), len(one.children))
    return Expression(text, tree, frozenset(_members(tree)), parsed)


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def _node(given: dict[str, Any]) -> Node:
    # The children of a slice are numbers.
    children = tuple(_node(cast(dict[str, Any], child)) for child in given["children"] if isinstance(child, dict))
    return Node(given["type"], given.get("value"), children)


def _check_function(name: str, given: int) -> None:
    if (known := _FUNCTIONS.get(name)) is None:
        raise ExpressionError(f"there is no function {name}(); there are {', '.join(sorted(_FUNCTIONS))}")
    signature = cast(tuple[dict[str, Any], ...], known["signature"])
    variadic = bool(signature and signature[-1].get("variadic"))
    if given < len(signature) or (given > len(signature) and not variadic):
        least = "at least " if variadic else ""
        raise ExpressionError(f"{name}() takes {least}{len(signature)} arguments, not {given}")


_STEPS = frozenset({"subexpression", "index_expression", "pipe", "projection", "value_projection", "filter_projection"})
"""Kinds whose first child looks at what is given, and the others at what the first made of it."""


def _members(node: Node) -> Iterator[str]:
    """The members of the value itself that a node looks at."""
    if node.kind == "field":
        yield str(node.value)
    elif node.kind in ("current", "identity"):
        yield EVERYTHING
    elif node.kind in _STEPS:
        first, *rest = node.children
        found = set(_members(first))
        if first.kind in ("current", "identity") and node.kind in ("subexpression", "pipe"):
            found.discard(EVERYTHING)
            found.update(_members(rest[0]))
        yield from found
    else:
        for child in node.children:
            yield from _members(child)
