"""What is known of a value before there is one: the types that an expression's paths lead through. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from protobuf import DescEnum, DescField, DescFieldValueList, DescFieldValueMap, DescMessage, ScalarType

from gateway.southbound.mapped.descriptors import SPECIAL_JSON
from gateway.southbound.mapped.values import Element, element_of


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value without members: `string`, `number`, `boolean`, `bytes`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Keyed:
    """An object with any keys."""

    of: "Shape"


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known members, other than a message."""

    name: str
    members: "Mapping[str, Shape]"


Shape = Leaf | Many | Keyed | Record | DescMessage | None
"""None where nothing is known."""

STRING, NUMBER, BOOLEAN, BYTES = Leaf("string"), Leaf("number"), Leaf("boolean"), Leaf("bytes")

CALLER = Record(
    "the caller's message",
    {
        "text": STRING,
        "data": None,
        "files": Many(Record("a file", {"name": STRING, "media_type": STRING, "bytes": BYTES, "url": STRING})),
        "metadata": None,
        "message": None,
        "task": None,
    },
)
"""What the expression of a request is asked of."""

_LEAVES: Mapping[ScalarType, Leaf] = {
    ScalarType.STRING: STRING,
    ScalarType.BYTES: BYTES,
    ScalarType.BOOL: BOOLEAN,
}
_SPECIAL: Mapping[str, Shape] = {"string": STRING, "bytes": BYTES, "boolean": BOOLEAN, "number": NUMBER}


def shape_of(field: DescField) -> Shape:
    match field.value:
        case DescFieldValueList(element=element):
            return Many(shape_of_element(element))
        case DescFieldValueMap(value=element):
            return Keyed(shape_of_element(element))
        case _:
            return shape_of_element(element_of(field))


def shape_of_element(element: Element) -> Shape:
    match element:
        case DescMessage():
            special = SPECIAL_JSON.get(element.type_name)
            return element if special is None else _SPECIAL.get(special)
        case DescEnum():
            return STRING
        case _:
            return _LEAVES.get(element, NUMBER)


def members_of(shape: Record | DescMessage) -> Mapping[str, Shape]:
    if isinstance(shape, Record):
        return shape.members
    return {field.name: shape_of(field) for field in shape.fields}


def in_words(shape: Shape) -> str:
    match shape:
        case None:
            return "anything"
        case Leaf(kind=kind):
            return "bytes" if kind == "bytes" else f"a {kind}"
        case Many():
            return "a list"
        case Keyed():
            return "a map"
        case Record(name=name):
            return name
        case DescMessage():
            return f"a {shape.type_name}"
