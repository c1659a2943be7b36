"""The configuration of a mapped service as text: what is inferred for each method, ready to be edited. Pure."""

import json
import re
from collections.abc import Iterator

from protobuf import DescEnum, DescField, DescFieldValueList, DescFieldValueMap, DescMessage, ScalarType

from gateway.settings import RESERVED_PATHS, AgentSettings, ResponseMapping
from gateway.southbound.mapped import inference
from gateway.southbound.mapped.descriptors import Descriptors, has_special_json, name_of
from gateway.southbound.mapped.schema import Schema
from gateway.southbound.mapped.skills import Skill
from gateway.southbound.mapped.values import Element, element_of

_KINDS = {
    "unary": "one request, one response",
    "server_streaming": "one request, a stream of responses",
    "client_streaming": "a stream of requests, one response: a message each, until one says that it is the last",
    "bidi_streaming": "streams of requests and of responses: a message each, until one says that it is the last",
}
_PLAIN = re.compile(r"[A-Za-z_@][A-Za-z0-9_./@-]*")
_NOT_PLAIN = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def draft(settings: AgentSettings, schema: Schema) -> str:
    """A configuration file with one agent."""
    lines = [
        "# Inferred by a2a-gateway map. Edit what callers should see; `a2a-gateway check -c FILE` finds mistakes.",
        "agents:",
        f"  - name: {_scalar(settings.name)}",
        f"    url: {_scalar(settings.url)}",
        *(f"    {line}" for line in _source(settings)),
        "    skills:",
    ]
    for one in schema.skills.values():
        lines.extend(f"      {line}" for line in _skill(one, schema.descriptors))
    return "\n".join(lines) + "\n"


def agent_name(descriptors: Descriptors) -> str:
    """A name for an agent, after the first of its services."""
    service = next(descriptors.services(), None)
    name = service.name.lower() if service is not None else "service"
    return name[:63] if name[0].isalnum() and name not in RESERVED_PATHS else "service"


def _source(settings: AgentSettings) -> Iterator[str]:
    source = settings.descriptors
    if source.set is not None:
        yield "descriptors:"
        yield f"  set: {_scalar(str(source.set))}"
    elif source.protos:
        yield "descriptors:"
        yield f"  protos: [{', '.join(_scalar(str(path)) for path in source.protos)}]"
        if source.includes:
            yield f"  includes: [{', '.join(_scalar(str(path)) for path in source.includes)}]"


def _skill(one: Skill, descriptors: Descriptors) -> Iterator[str]:
    method = one.method
    if comment := descriptors.comments.get(name_of(method)):
        yield from _comment(comment)
    yield from _comment(_KINDS[method.method_kind])
    yield from _fields("takes", method.input, descriptors)
    yield from _fields("gives", method.output, descriptors)
    yield f"- method: {_scalar(name_of(method))}"
    if one.id != method.name:
        yield f"  id: {_scalar(one.id)}"
    yield f"  request: {_scalar(one.request.text)}"
    yield from (f"  {line}" for line in _response(inference.response_of(method)))


def _response(mapping: ResponseMapping) -> Iterator[str]:
    given = [f"{name}: {_scalar(text)}" for name in ("text", "data", "file") if (text := getattr(mapping, name))]
    if not given:
        yield "response: {}"
        return
    yield "response:"
    yield from (f"  {line}" for line in given)


def _fields(verb: str, desc: DescMessage, descriptors: Descriptors) -> Iterator[str]:
    """A message's fields as comments, with what its author says of each."""
    yield from _comment(f"{verb} {desc.type_name}")
    if has_special_json(desc):
        return
    for field in desc.fields:
        said = descriptors.comments.get(f"{desc.type_name}.{field.name}", "")
        first = said.partition("\n")[0]
        yield from _comment(f"  {field.name}: {_type(field)}{' – ' if first else ''}{first}")


def _type(field: DescField) -> str:
    match field.value:
        case DescFieldValueList(element=element):
            return f"list of {_element(element)}"
        case DescFieldValueMap(key=key, value=element):
            return f"map of {_element(key)} to {_element(element)}"
        case _:
            return _element(element_of(field))


def _element(element: Element) -> str:
    match element:
        case DescMessage():
            return element.type_name
        case DescEnum():
            names = [value.name for value in element.values]
            return " or ".join(names[:8]) + (" …" if len(names) > 8 else "")
        case _:
            return ScalarType(element).name.lower()


def _comment(text: str) -> Iterator[str]:
    for line in text.splitlines():
        printable = "".join(character if character.isprintable() else " " for character in line)
        yield f"# {printable}".rstrip()


def _scalar(text: str) -> str:
    """A text as YAML, in quotes where it would be taken for something else."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN and not text.startswith("@"):
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())
