"""What can be told of a mapping before it is used: fields that do not exist, texts that are no text. Pure.

Followed are the paths of an expression through the types of the definitions. Where those end, at a
function or at a free-form value, nothing is claimed: what is reported is wrong for certain.
"""

from collections.abc import Iterator, Sequence

from protobuf import DescMessage

from gateway.codec.expression import Expression, Node
from gateway.settings import SkillSettings
from gateway.southbound.mapped.descriptors import name_of, suggestion
from gateway.southbound.mapped.shapes import (
    BOOLEAN,
    CALLER,
    STRING,
    Keyed,
    Leaf,
    Many,
    Record,
    Shape,
    in_words,
    members_of,
    shape_of,
    shape_of_element,
)
from gateway.southbound.mapped.skills import Skill

OBJECT = Record("an object", {})


def problems_of(settings: SkillSettings, made: Skill) -> list[str]:
    """Problems of a skill's mapping, each with its place in the skill's settings."""
    found = list(_combinations(settings, made))
    request = [*_followed(made.request), *_makes(made.request.tree, CALLER, shape_of_element(made.method.input))]
    found += [f"request: {problem}" for problem in dict.fromkeys(request)]
    for place, expression, unfit in _responses(made):
        if expression is not None:
            seen: list[str] = []
            shape = follow(expression.tree, shape_of_element(made.method.output), seen)
            if not seen and isinstance(shape, unfit):
                seen.append(f"{expression.text} is {in_words(shape)}")
            found += [f"response.{place}: {problem}" for problem in dict.fromkeys(seen)]
    return found


def _combinations(settings: SkillSettings, made: Skill) -> Iterator[str]:
    if settings.messages == "many" and not made.many:
        yield f"messages: {name_of(made.method)} takes one request; expected one, or nothing"
    if made.answers.ask is not None and not made.many:
        yield "response.ask: a task of this skill takes one message, so there is nothing to ask for"


_NO_TEXT = (DescMessage, Keyed, Record)
_NO_FILE = (DescMessage, Keyed)


def _responses(made: Skill) -> Iterator[tuple[str, Expression | None, tuple[type, ...]]]:
    """The expressions of a response, each with its place and what it cannot be."""
    answers = made.answers
    yield "text", answers.text, _NO_TEXT
    yield "data", answers.data, ()
    yield "file", answers.file, _NO_FILE
    yield "status", answers.status, _NO_TEXT
    yield "artifact.id", answers.artifact_id, _NO_TEXT
    yield "artifact.name", answers.artifact_name, _NO_TEXT
    yield "ask", answers.ask, ()
    yield "done", answers.done, ()
    yield "failed", answers.failed, ()


def _followed(expression: Expression) -> list[str]:
    problems: list[str] = []
    follow(expression.tree, CALLER, problems)
    return problems


def follow(node: Node, given: Shape, problems: list[str]) -> Shape:
    """The shape of what a node makes of a shape; what cannot be is added to the problems."""
    children = node.children
    match node.kind:
        case "field":
            return _member(str(node.value), given, problems)
        case "current" | "identity":
            return given
        case "subexpression" | "index_expression" | "pipe":
            for child in children:
                given = follow(child, given, problems)
            return given
        case "index":
            return _element(given, f"[{node.value}]", problems)
        case "slice":
            return given
        case "projection":
            return Many(follow(children[1], _element(follow(children[0], given, problems), "[*]", problems), problems))
        case "filter_projection":
            element = _element(follow(children[0], given, problems), "[?…]", problems)
            follow(children[2], element, problems)
            return Many(follow(children[1], element, problems))
        case "value_projection":
            values = follow(children[0], given, problems)
            return Many(follow(children[1], values.of if isinstance(values, Keyed) else None, problems))
        case "flatten":
            flat = follow(children[0], given, problems)
            return flat.of if isinstance(flat, Many) and isinstance(flat.of, Many) else flat
        case "function_expression":
            _call(children, given, problems)
            return None
        case "or_expression":
            shapes = [follow(child, given, problems) for child in children]
            return shapes[0] if shapes[0] == shapes[1] else None
        case "comparator" | "not_expression":
            for child in children:
                follow(child, given, problems)
            return BOOLEAN
        case "multi_select_dict":
            for child in children:
                follow(child.children[0], given, problems)
            return OBJECT
        case "and_expression" | "multi_select_list":
            for child in children:
                follow(child, given, problems)
            return None
        case _:
            return None


def _member(name: str, given: Shape, problems: list[str]) -> Shape:
    match given:
        case Record() | DescMessage():
            members = members_of(given)
            if name in members:
                return members[name]
            if given is not OBJECT:
                problems.append(f"{_name(given)} has no {name!r}{_hint(name, given)}")
            return None
        case Keyed(of=value):
            return value
        case Many():
            problems.append(f"{name!r} of a list: write [*].{name} for all of them, or [0].{name}")
            return None
        case Leaf():
            problems.append(f"{in_words(given)} has no member {name!r}")
            return None
        case None:
            return None


def _name(given: Record | DescMessage) -> str:
    return given.name if isinstance(given, Record) else given.type_name


def _hint(name: str, given: Record | DescMessage) -> str:
    if isinstance(given, DescMessage):
        for field in given.fields:
            if field.json_name == name:
                return f"; the proto writes it {field.name}"
    return suggestion(name, members_of(given))


def _element(given: Shape, how: str, problems: list[str]) -> Shape:
    match given:
        case Many(of=element):
            return element
        case None:
            return None
        case _:
            problems.append(f"{how} of {in_words(given)}, which is no list")
            return None


def _call(arguments: Sequence[Node], given: Shape, problems: list[str]) -> None:
    """Looks at a function's arguments; an `&expression` is applied to the elements of the list beside it."""
    shapes = [follow(one, given, problems) for one in arguments if one.kind != "expref"]
    elements = next((shape.of for shape in shapes if isinstance(shape, Many)), None)
    for one in arguments:
        if one.kind == "expref":
            follow(one.children[0], elements, problems)


# What a request's expression makes


def _makes(node: Node, given: Shape, wanted: Shape) -> Iterator[str]:
    """What is wrong with the members that an expression makes of a shape, where it says them itself."""
    match node.kind, node.children:
        case "multi_select_dict", members:
            yield from _makes_object(members, given, wanted)
        case "multi_select_list", items:
            if isinstance(wanted, Many):
                for item in items:
                    yield from _makes(item, given, wanted.of)
            elif wanted is not None:
                yield f"makes a list of what is {in_words(wanted)}"
        case ("or_expression", choices) | ("function_expression", choices) if _gives_its_arguments(node):
            for choice in choices:
                yield from _makes(choice, given, wanted)
        case "and_expression", (_, last):
            yield from _makes(last, given, wanted)
        case ("pipe" | "subexpression"), (first, last):
            yield from _makes(last, follow(first, given, []), wanted)
        case "projection", (first, each):
            element = _element(follow(first, given, []), "", [])
            yield from _makes(each, element, wanted.of if isinstance(wanted, Many) else None)
        case "field", _:
            shape = follow(node, given, [])
            if shape == STRING and (wanted == BOOLEAN or isinstance(wanted, DescMessage | Keyed | Many)):
                yield f"gives a string for what is {in_words(wanted)}"
        case _:
            pass


def _gives_its_arguments(node: Node) -> bool:
    return node.kind == "or_expression" or node.value in ("merge", "not_null")


def _makes_object(members: Sequence[Node], given: Shape, wanted: Shape) -> Iterator[str]:
    match wanted:
        case DescMessage():
            fields = {name: field for field in wanted.fields for name in (field.json_name, field.name)}
            for member in members:
                name = str(member.value)
                if (field := fields.get(name)) is None:
                    yield f"{wanted.type_name} has no field {name!r}{suggestion(name, members_of(wanted))}"
                else:
                    yield from (f"{name}: {problem}" for problem in _makes(member.children[0], given, shape_of(field)))
        case Keyed(of=value):
            for member in members:
                yield from (f"{member.value}: {problem}" for problem in _makes(member.children[0], given, value))
        case None | Record():
            pass
        case _:
            yield f"makes an object of what is {in_words(wanted)}"
