"""JSON values to messages of types that came at run time and back: proto2, editions, and everything in them."""

import contextlib
import json
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st
from protobuf import DescMessage

from gateway.codec.malformed import Malformed
from gateway.southbound.mapped.values import Types
from tests.southbound.mapped.protos import compiled, described, message

PROTO2 = """
syntax = "proto2"; package old;
import "google/protobuf/any.proto"; import "google/protobuf/duration.proto"; import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
message Every {
  required string must = 1;
  optional int64 wide = 2;
  optional uint64 wider = 3 [default = 5];
  repeated group Item = 4 { optional string name = 5; optional fixed64 size = 6; }
  map<string, int64> counts = 7;
  map<int32, Every> by_number = 8;
  map<bool, string> by_truth = 9;
  oneof either { string left = 10; Every right = 11; }
  optional google.protobuf.Timestamp at = 12;
  optional google.protobuf.Any any = 13;
  optional google.protobuf.Struct free = 14;
  optional google.protobuf.Value value = 15;
  optional google.protobuf.StringValue wrapped = 16;
  optional google.protobuf.Int64Value wide_wrapped = 17;
  optional google.protobuf.Duration lasts = 18;
  optional google.protobuf.FieldMask mask = 19;
  optional Colour colour = 20;
  repeated Colour colours = 21 [packed = true];
  optional bytes raw = 22;
  optional double real = 23;
  optional float less_real = 24;
  optional uint32 small = 25;
  optional sint32 signed = 26;
  optional bool truth = 27;
  repeated int64 wides = 28;
  optional string camelCase = 29;
  optional string class = 30;
  optional string self = 31;
  optional string __init__ = 32;
  extensions 100 to 200;
}
enum Colour { RED = 0; GREEN = 1; BLUE = -1; }
extend Every { optional string more = 100; }
"""
PROTO3 = """
syntax = "proto3"; package new;
message Task { string id = 1; int32 count = 2; optional int32 maybe = 3; Colour colour = 4; repeated int64 wides = 5; Task task = 6; }
message Message { Task task = 1; }
enum Colour { COLOUR_RED = 0; COLOUR_GREEN = 1; }
"""
EDITION = """
edition = "2023"; package ed;
message Line { string text = 1 [features.field_presence = IMPLICIT]; int32 count = 2; Inner inner = 3 [features.message_encoding = DELIMITED]; }
message Inner { string text = 1; }
"""

OLD = described(PROTO2)
EVERY = message(OLD, "old.Every")
TYPES = Types(OLD.registry)

SAME: dict[str, Any] = {
    "a 64-bit integer that is exact": {"wide": 9007199254740992},
    "one that is not": {"wide": "9007199254740993"},
    "unsigned": {"wider": "18446744073709551615"},
    "a list of them": {"wides": [1, -2, "9223372036854775807"]},
    "a map of them": {"counts": {"a": 1, "b": "9007199254740993"}},
    "groups": {"item": [{"name": "a", "size": 4}, {"name": "b"}]},
    "recursion": {"right": {"must": "x", "right": {"must": "y", "wide": 3}}},
    "maps by number": {"by_number": {"-7": {"must": "x", "wide": 8}}},
    "maps by truth": {"by_truth": {"true": "yes"}},
    "one of two": {"left": ""},
    "a time": {"at": "2026-01-31T12:00:00.500Z"},
    "anything packed": {"any": {"@type": "type.googleapis.com/old.Every", "must": "in", "wide": 6}},
    "a wrapper packed": {"any": {"@type": "type.googleapis.com/google.protobuf.Int64Value", "value": 5}},
    "a free object": {"free": {"a": [1, None, {"b": True}]}},
    "a free null": {"value": None},
    "a wrapper": {"wrapped": "", "wide_wrapped": 12},
    "a duration": {"lasts": "1.500s"},
    "a mask": {"mask": "a,bC"},
    "names of enums": {"colour": "BLUE", "colours": ["RED", "GREEN"]},
    "bytes": {"raw": "AAEC"},
    "numbers": {"real": 1.5, "less_real": 0.25, "small": 4294967295, "signed": -1, "truth": False},
    "numbers that JSON lacks": {"real": "NaN", "less_real": "-Infinity"},
    "an extension": {"[old.more]": "x"},
    "names as they are written": {"camelCase": "x", "class": "y", "self": "z", "__init__": "i"},
}


def lists_and_maps(value: dict[str, Any]) -> dict[str, Any]:
    """Without the members that are always there."""
    return {name: one for name, one in value.items() if one not in ([], {})}


def both_ways(desc: DescMessage, value: Any, types: Types = TYPES) -> Any:
    return types.from_response(desc, types.to_request(desc, value))


@pytest.mark.parametrize("case", SAME)
def test_a_value_comes_back_as_it_was(case: str) -> None:
    value = {"must": "m", **SAME[case]}
    back = both_ways(EVERY, value)
    pruned = json.loads(json.dumps(back), object_hook=lists_and_maps)
    assert pruned == json.loads(json.dumps(value), object_hook=lists_and_maps)


REFUSED: dict[str, tuple[Any, str]] = {
    "an unknown field": ({"must": "", "wied": 1}, "wied: old.Every has no such field; did you mean wide?"),
    "deep inside": ({"must": "", "right": {"must": "", "item": [{"nam": ""}]}}, "right.item[0].nam: old.Every.Item has no such"),
    "a required field": ({"right": {"must": ""}}, "must: a required field"),
    "a required field inside": ({"must": "", "right": {}}, "right.must: a required field"),
    "text for a number": ({"must": "", "wide": "x"}, "wide: expected an integer, got a string"),
    "a fraction": ({"must": "", "small": 1.5}, "small: expected an integer, got a number"),
    "too large": ({"must": "", "small": 2**32}, "small: 4294967296 is not within 0 and 4294967295"),
    "true for a number": ({"must": "", "small": True}, "small: expected an integer, got a boolean"),
    "a number for a text": ({"must": 1}, "must: expected a string, got a number"),
    "a list for one": ({"must": ["x"]}, "must: expected a string, got a list"),
    "one for a list": ({"must": "", "wides": 1}, "wides: expected a list, got a number"),
    "null in a list": ({"must": "", "wides": [1, None]}, "wides[1]: expected an integer, got null"),
    "a list for a map": ({"must": "", "counts": []}, "counts: expected an object, got a list"),
    "a bad key": ({"must": "", "by_number": {"x": {"must": ""}}}, "by_number.x: expected an integer"),
    "a bad truth": ({"must": "", "by_truth": {"yes": ""}}, "by_truth.yes: expected true or false"),
    "no base64": ({"must": "", "raw": "a"}, "raw: not base64"),
    "no colour": ({"must": "", "colour": "REDD"}, "colour: 'REDD' is no old.Colour; did you mean RED?"),
    "no number of a colour": ({"must": "", "colour": 7}, "colour: 7 is no old.Colour"),
    "no time": ({"must": "", "at": "noon"}, "at: no google.protobuf.Timestamp: invalid RFC 3339"),
    "a type that nobody knows": ({"must": "", "any": {"@type": "x/y.Z"}}, "any: no google.protobuf.Any"),
    "both of two": ({"must": "", "left": "", "right": {"must": ""}}, "'left' and 'right' exclude each other"),
    "two spellings": ({"must": "", "by_truth": {}, "byTruth": {}}, "'by_truth' and 'byTruth' exclude each other"),
    "a text": ("x", "expected an object, as old.Every is, got a string"),
    "an unknown extension": ({"must": "", "[old.less]": 1}, "[old.less]: old.Every has no such field"),
    "half a surrogate pair": ({"must": "\ud800"}, "surrogate|utf-8"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_said_with_its_path(case: str) -> None:
    value, words = REFUSED[case]
    with pytest.raises(Malformed) as refused:
        TYPES.to_request(EVERY, value)
    assert any(one in str(refused.value) for one in words.split("|"))


def test_both_spellings_are_read() -> None:
    assert TYPES.to_request(EVERY, {"must": "", "byTruth": {"true": "x"}}) == TYPES.to_request(
        EVERY, {"must": "", "by_truth": {"true": "x"}}
    )


def test_nesting_is_bounded() -> None:
    value: Any = {"must": ""}
    for _ in range(200):
        value = {"must": "", "right": value}
    with pytest.raises(Malformed, match="nested deeper"):
        TYPES.to_request(EVERY, value)


def test_fields_without_presence_are_always_there() -> None:
    new = described(PROTO3)
    types = Types(new.registry)
    value = types.from_response(message(new, "new.Task"), b"")
    assert value == {"id": "", "count": 0, "colour": "COLOUR_RED", "wides": []}


def test_names_of_the_gateways_own_types_do_not_clash() -> None:
    clashing = described(PROTO3.replace("package new", "package lf.a2a.v1"))
    types = Types(clashing.registry)
    desc = message(clashing, "lf.a2a.v1.Message")
    assert both_ways(desc, {"task": {"count": 3}}, types) == {
        "task": {"id": "", "count": 3, "colour": "COLOUR_RED", "wides": []}
    }


def test_editions() -> None:
    found = described(EDITION)
    desc = message(found, "ed.Line")
    types = Types(found.registry)
    assert both_ways(desc, {"inner": {"text": "x"}}, types) == {"text": "", "inner": {"text": "x"}}
    assert b"\x1b" in types.to_request(desc, {"inner": {"text": "x"}}), "inner is a group on the wire"


def test_unknown_numbers_of_open_enums_are_numbers() -> None:
    new = described(PROTO3)
    value: Any = Types(new.registry).from_response(message(new, "new.Task"), b"\x20\x07")
    assert value["colour"] == 7


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([field.name for field in EVERY.fields]) | st.text(max_size=4), inner, max_size=4),
    max_leaves=15,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_any_json_is_a_request_or_malformed(value: Any) -> None:
    try:
        data = TYPES.to_request(EVERY, value)
    except Malformed:
        return
    TYPES.from_response(EVERY, data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_response_or_malformed(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        json.dumps(TYPES.from_response(EVERY, data))


def stock(name: str) -> Any:
    """The same type as google.protobuf has it, in a pool of its own."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(compiled(PROTO2)).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


@pytest.mark.parametrize("case", [one for one in SAME if "packed" not in one and "extension" not in one])
def test_google_reads_the_same(case: str) -> None:
    value = {"must": "m", **SAME[case]}
    every = stock("old.Every")
    theirs = every.FromString(TYPES.to_request(EVERY, value))
    assert theirs == json_format.ParseDict(value, every())
