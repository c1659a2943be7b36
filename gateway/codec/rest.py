"""HTTP+JSON requests to the JSON of their messages and back (specification section 11).

A request is its path's parameters, its query and its body together. The path wins over the others;
a query names fields as JSON does, repeats or separates by commas what may be repeated, and writes
every value as text. Names that no field has are ignored, as in bodies.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, quote, unquote, urlencode

from protobuf import DescField, DescFieldValueList, DescFieldValueScalar, DescMessage, ScalarType

from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Malformed
from gateway.operations import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_AGENT_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    LIST_TASKS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Operation,
)

_PARAMETER = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """Where an operation is, below the address of an agent."""

    method: str
    path: str
    """`{field}` stands for a field of the request, by its JSON name."""
    operation: Operation
    request_desc: DescMessage | None = None
    """What the query names the fields of, where it is not the operation's request."""

    @property
    def request(self) -> DescMessage:
        return self.request_desc or self.operation.request.desc()

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The parameters that a raw path gives, by field; None where it is another's."""
        if method != self.method or not (found := _pattern(self.path).fullmatch(path)):
            return None
        return {name: unquote(value) for name, value in found.groupdict().items()}


def most_specific_first(*routes: Route) -> tuple[Route, ...]:
    """Routes in an order in which `/tasks/{id}` does not take what `/tasks/{id}:cancel` is for; else as given."""
    return tuple(sorted(routes, key=lambda route: -len(_PARAMETER.sub("", route.path))))


ROUTES_1_0 = most_specific_first(
    Route("POST", "/message:send", SEND_MESSAGE),
    Route("POST", "/message:stream", SEND_STREAMING_MESSAGE),
    Route("POST", "/tasks/{id}:cancel", CANCEL_TASK),
    # The tables of the specification say POST, its proto says GET; agents take both.
    Route("POST", "/tasks/{id}:subscribe", SUBSCRIBE_TO_TASK),
    Route("GET", "/tasks/{id}:subscribe", SUBSCRIBE_TO_TASK),
    Route("GET", "/tasks/{id}", GET_TASK),
    Route("GET", "/tasks", LIST_TASKS),
    Route("POST", "/tasks/{taskId}/pushNotificationConfigs", CREATE_PUSH_CONFIG),
    Route("GET", "/tasks/{taskId}/pushNotificationConfigs/{id}", GET_PUSH_CONFIG),
    Route("GET", "/tasks/{taskId}/pushNotificationConfigs", LIST_PUSH_CONFIGS),
    Route("DELETE", "/tasks/{taskId}/pushNotificationConfigs/{id}", DELETE_PUSH_CONFIG),
    Route("GET", "/extendedAgentCard", GET_EXTENDED_AGENT_CARD),
)
"""The routes of A2A 1.0; of two for one operation, callers are sent to the first."""


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a raw path, with its parameters."""
    for route in routes:
        if (parameters := route.match(method, path)) is not None:
            return route, parameters
    return None


def knows(routes: Sequence[Route], path: str) -> bool:
    """Whether a raw path is a route's, by whatever method."""
    return any(_pattern(route.path).fullmatch(path) for route in routes)


def methods_at(routes: Sequence[Route], path: str) -> list[str]:
    """The methods that are taken at a raw path, each once, in order of the alphabet."""
    return sorted({route.method for route in routes if _pattern(route.path).fullmatch(path)})


def to_value(desc: DescMessage, parameters: Mapping[str, str], query: str, body: JsonValue) -> JsonValue:
    """The JSON of a request message. Raises Malformed."""
    if body is not None and not isinstance(body, dict):
        raise Malformed("expected an object")
    value: dict[str, JsonValue] = dict(body or {})
    value |= _query_value(desc, query)
    for field in desc.fields:
        if field.json_name in parameters:
            value.pop(field.name, None)
    return {**value, **parameters}


def to_target(route: Route, value: dict[str, JsonValue]) -> tuple[str, JsonValue]:
    """The path with its query, and the body, of a request whose JSON is `value`. Raises Malformed."""
    rest = dict(value)

    def parameter(match: re.Match[str]) -> str:
        text = rest.pop(match[1], "")
        if not isinstance(text, str) or not text:
            raise Malformed("is required", match[1])
        return quote(text, safe="")

    path = _PARAMETER.sub(parameter, route.path)
    if route.method == "POST":
        return path, rest
    pairs = [(name, _text(item)) for name, member in rest.items() for item in _items(member)]
    return (f"{path}?{urlencode(pairs)}" if pairs else path), None


def _query_value(desc: DescMessage, query: str) -> dict[str, JsonValue]:
    fields = {name: field for field in desc.fields for name in (field.name, field.json_name)}
    value: dict[str, JsonValue] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        if (field := fields.get(name)) is None:
            continue
        if isinstance(field.value, DescFieldValueList):
            items: list[JsonValue] = [*text.split(",")]
            already = value.get(field.json_name)
            value[field.json_name] = [*already, *items] if isinstance(already, list) else items
        elif field.json_name in value:
            raise Malformed("is given twice", field.json_name)
        else:
            value[field.json_name] = _typed(field, text)
    return value


def _typed(field: DescField, text: str) -> JsonValue:
    """A query's text as the JSON that the field's type wants; what it is not, the reader refuses."""
    if isinstance(field.value, DescFieldValueScalar) and field.value.scalar is ScalarType.BOOL:
        return {"true": True, "false": False}.get(text, text)
    return text


def _items(member: JsonValue) -> list[JsonValue]:
    return member if isinstance(member, list) else [member]


def _text(item: JsonValue) -> str:
    return item if isinstance(item, str) else json.dumps(item)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    pieces = _PARAMETER.split(path)
    return re.compile(
        "".join(f"(?P<{piece}>[^/]+?)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces))
    )
