"""Free-form values: the bounds are the same for JSON and for protobuf, and the path says where."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from protobuf import Oneof
from protobuf.wkt.google.protobuf.struct_pb import ListValue, NullValue, Struct, Value

from gateway.codec import freeform, protojson, wire
from gateway.codec.jsontext import JsonValue, load
from gateway.codec.malformed import Bounds, Malformed
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.tables import named, refusal
from tests.faults.tables import NESTING, NUMBERS, NestingRow, NumberRow

BOUNDS = Bounds()


def number(value: float) -> Value:
    return Value(kind=Oneof("number_value", value))


def struct(**fields: Value) -> Value:
    return Value(kind=Oneof("struct_value", Struct(fields=fields)))


def items(*values: Value) -> Value:
    return Value(kind=Oneof("list_value", ListValue(values=list(values))))


def over_the_wire(value: Value) -> Callable[[], a2a.Part]:
    data = a2a.Part(content=Oneof("data", value)).to_binary()
    return lambda: wire.decode(a2a.Part, data, BOUNDS)


def as_json(value: JsonValue) -> Callable[[], a2a.Part]:
    return lambda: protojson.from_value(a2a.Part, {"data": value}, BOUNDS)


def nested_objects(levels: int) -> tuple[Any, Value, str]:
    json_value: Any = {}
    message = struct()
    for _ in range(levels - 1):
        json_value, message = {"a": json_value}, struct(a=message)
    return json_value, message, "data" + ".a" * (levels - 1)


def nested_lists(levels: int) -> tuple[Any, Value, str]:
    json_value: Any = []
    message = items()
    for _ in range(levels - 1):
        json_value, message = [json_value], items(message)
    return json_value, message, "data" + "[0]" * (levels - 1)


def nested_by_turns(levels: int) -> tuple[Any, Value, str]:
    json_value: Any = {}
    message = struct()
    path = ""
    for level in range(levels - 1):
        if level % 2:
            json_value, message, path = {"a": json_value}, struct(a=message), f".a{path}"
        else:
            json_value, message, path = [json_value], items(message), f"[0]{path}"
    return json_value, message, f"data{path}"


NESTED = [("objects", nested_objects), ("lists", nested_lists), ("both by turns", nested_by_turns)]


@pytest.mark.parametrize("nested", named(NESTED))
def test_24_levels_pass_on_both_sides(nested: Callable[[int], tuple[Any, Value, str]]) -> None:
    json_value, message, _ = nested(24)
    assert over_the_wire(message)() == as_json(json_value)()


@pytest.mark.parametrize("nested", named(NESTED))
def test_25_levels_are_refused_on_both_sides_at_the_same_place(nested: Callable[[int], tuple[Any, Value, str]]) -> None:
    json_value, message, path = nested(25)
    refusals = [refusal(as_json(json_value)), refusal(over_the_wire(message))]
    assert [(error.path, error.problem) for error in refusals] == [(path, "nested deeper than 24 levels")] * 2


STRUCTS = [
    ("metadata of a task", a2a.Task, "metadata"),
    ("params of an extension", a2a.AgentExtension, "params"),
    ("header of a signature", a2a.AgentCardSignature, "header"),
]


@pytest.mark.parametrize(("message_type", "member"), named(STRUCTS))
def test_an_object_counts_as_the_first_level_everywhere(message_type: Any, member: str) -> None:
    for levels, passes in ((24, True), (25, False)):
        json_value, message, _ = nested_objects(levels)
        inner = message.kind.value if message.kind else None
        data = message_type(**{member: inner}).to_binary()
        if passes:
            assert wire.decode(message_type, data, BOUNDS) == protojson.from_value(
                message_type, {member: json_value}, BOUNDS
            )
        else:
            path = member + ".a" * 24
            assert refusal(lambda data=data: wire.decode(message_type, data, BOUNDS)).path == path
            assert (
                refusal(lambda value=json_value: protojson.from_value(message_type, {member: value}, BOUNDS)).path
                == path
            )


DEEP_IN_MESSAGES = [
    (
        "part of a status message",
        a2a.StreamResponse,
        '{"statusUpdate":{"status":{"message":{"parts":[{"text":"a"},{"data":%s}]}}}}',
        "statusUpdate.status.message.parts[1].data",
    ),
    (
        "metadata of an artifact",
        a2a.StreamResponse,
        '{"artifactUpdate":{"artifact":{"parts":[{"text":"a","metadata":%s}]}}}',
        "artifactUpdate.artifact.parts[0].metadata",
    ),
    (
        "history of a listed task",
        a2a.ListTasksResponse,
        '{"tasks":[{},{"history":[{"metadata":%s}]}]}',
        "tasks[1].history[0].metadata",
    ),
    (
        "extension of a card",
        a2a.AgentCard,
        '{"capabilities":{"extensions":[{"params":%s}]}}',
        "capabilities.extensions[0].params",
    ),
]


@pytest.mark.parametrize(("message_type", "text", "place"), named(DEEP_IN_MESSAGES))
def test_the_path_leads_through_the_message(message_type: Any, text: str, place: str) -> None:
    within = text % ('{"a":' * 24 + "{}" + "}" * 24)
    path = place + ".a" * 24
    assert refusal(lambda: protojson.decode(message_type, within.encode(), BOUNDS)).path == path
    roomy = replace(BOUNDS, depth=30)
    data = wire.encode(protojson.decode(message_type, within.encode(), roomy), roomy)
    assert refusal(lambda: wire.decode(message_type, data, BOUNDS)).path == path


@pytest.mark.parametrize("row", NESTING, ids=lambda row: row.name)
def test_nesting_of_requests(row: NestingRow) -> None:
    def read() -> None:
        value = load(row.body(), BOUNDS)
        assert isinstance(value, dict)
        protojson.from_value(a2a.SendMessageRequest, value["params"], BOUNDS)

    if row.outcome == "ACCEPT":
        read()
    else:
        refusal(read)


@pytest.mark.parametrize("row", [row for row in NUMBERS if row.place == "free-form"], ids=lambda row: row.name)
def test_numbers(row: NumberRow) -> None:
    def read() -> a2a.Part:
        return protojson.decode(a2a.Part, b'{"data":%s}' % row.text.encode(), BOUNDS)

    if row.outcome == "ACCEPT":
        part = wire.decode(a2a.Part, wire.encode(read(), BOUNDS), BOUNDS)
        back = protojson.to_value(part, BOUNDS)
        assert isinstance(back, dict)
        assert back["data"] == row.value
    else:
        assert refusal(read).syntax == (row.outcome == "PARSE_ERROR")


INTEGERS = [
    (2**53 - 1, True),
    (2**53, True),
    (2**53 + 1, False),
    (2**53 + 2, True),
    (-(2**53), True),
    (-(2**53) - 1, False),
    (2**63 - 1, False),
    (2**63, True),
    (10**22, True),
    (10**23, False),
]


@pytest.mark.parametrize(("value", "exact"), INTEGERS)
def test_integers_are_exact_or_refused_with_a_way_out(value: int, exact: bool) -> None:
    if exact:
        freeform.check_json([value], BOUNDS)
    else:
        error = refusal(lambda: freeform.check_json({"n": [1, value]}, BOUNDS))
        assert error.path == "n[1]"
        assert str(value) in error.problem
        assert "send it as a string" in error.problem


def test_whole_numbers_are_written_without_a_fraction() -> None:
    part = over_the_wire(items(number(1.0), number(-0.0), number(2.0**53 - 1), number(0.5), number(1e300)))()
    assert protojson.encode(part, BOUNDS) == b'{"data":[1,-0.0,9007199254740991,0.5,1e+300]}'


NOT_JSON = [
    ("not a number", number(math.nan), "data", "a number that JSON does not have"),
    ("infinity", number(math.inf), "data", "a number that JSON does not have"),
    ("minus infinity in a list", items(number(1), number(-math.inf)), "data[1]", "a number that JSON does not have"),
    ("not a number in an object", struct(x=struct(y=number(math.nan))), "data.x.y", "a number that JSON does not have"),
    ("no kind", Value(), "data", "a value of no kind"),
    ("no kind in a list", items(Value()), "data[0]", "a value of no kind"),
    ("no kind in an object", struct(x=Value()), "data.x", "a value of no kind"),
]


@pytest.mark.parametrize(("value", "path", "problem"), named(NOT_JSON))
def test_what_the_wire_can_say_and_json_cannot(value: Value, path: str, problem: str) -> None:
    error = refusal(over_the_wire(value))
    assert (error.path, error.problem) == (path, problem)


def test_numbers_that_no_json_text_holds_are_refused_as_values_too() -> None:
    for value in (math.nan, math.inf, -math.inf):
        assert refusal(lambda value=value: freeform.check_json({"a": [value]}, BOUNDS)).path == "a[0]"


@pytest.mark.parametrize("number_chars", [64, 400, 5000])
def test_a_number_of_any_configured_length_is_a_double_or_malformed(number_chars: int) -> None:
    bounds = replace(BOUNDS, number_chars=number_chars)
    text = b'{"data":%s}' % (b"9" * number_chars)
    with pytest.raises(Malformed):
        protojson.decode(a2a.Part, text, bounds)


KINDS = [
    ("null", None, Value(kind=Oneof("null_value", NullValue.NULL_VALUE))),
    ("true", True, Value(kind=Oneof("bool_value", True))),
    ("text", "x", Value(kind=Oneof("string_value", "x"))),
    ("number", 1.5, number(1.5)),
    ("list", [None, []], items(Value(kind=Oneof("null_value", NullValue.NULL_VALUE)), items())),
    ("object", {"a": {}}, struct(a=struct())),
]


@pytest.mark.parametrize(("json_value", "message"), named(KINDS))
def test_every_kind_of_value(json_value: JsonValue, message: Value) -> None:
    assert as_json(json_value)() == over_the_wire(message)()


MEMBERS_AT_MOST = 3


@pytest.mark.parametrize("members", [MEMBERS_AT_MOST, MEMBERS_AT_MOST + 1])
def test_members_of_an_object_are_counted_on_both_sides(members: int) -> None:
    bounds = replace(BOUNDS, object_keys=MEMBERS_AT_MOST)
    text = json.dumps({"metadata": {"x": {f"k{n}": n for n in range(members)}}}).encode()
    data = protojson.decode(a2a.Task, text, BOUNDS).to_binary()
    if members <= MEMBERS_AT_MOST:
        assert wire.decode(a2a.Task, data, bounds) == protojson.decode(a2a.Task, text, bounds)
    else:
        assert refusal(lambda: protojson.decode(a2a.Task, text, bounds)).too_large
        error = refusal(lambda: wire.decode(a2a.Task, data, bounds))
        assert (error.path, error.too_large) == ("metadata.x", True)
