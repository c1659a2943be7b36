"""JSON text: what is accepted, what is refused and as what; the corpus of RFC 8259 and the bounds."""

import json
import time
from dataclasses import replace

import pytest

from gateway.codec import freeform, jsontext
from gateway.codec.malformed import MAX_NESTING_OUTSIDE_VALUES, Bounds, Malformed
from tests.codec.tables import named, refusal
from tests.faults.json_corpus import ACCEPT, PARSE_ERROR, JsonText
from tests.faults.tables import JSON_TEXTS

BOUNDS = Bounds()


@pytest.mark.parametrize("row", JSON_TEXTS, ids=lambda row: row.name)
def test_the_corpus(row: JsonText) -> None:
    if row.outcome == ACCEPT or row.layer == "value":
        assert jsontext.load(row.text, BOUNDS) == json.loads(row.text)
    else:
        assert refusal(lambda: jsontext.load(row.text, BOUNDS)).syntax == (row.outcome == PARSE_ERROR)


@pytest.mark.parametrize("row", [row for row in JSON_TEXTS if row.layer == "value"], ids=lambda row: row.name)
def test_the_part_of_the_corpus_that_no_free_form_value_can_be(row: JsonText) -> None:
    value = jsontext.load(row.text, BOUNDS)
    if row.outcome == ACCEPT:
        freeform.check_json(value, BOUNDS)
    else:
        refusal(lambda: freeform.check_json(value, BOUNDS))


SMALL = Bounds(json_bytes=200, depth=3, object_keys=3, number_chars=8)
DEEPEST = SMALL.depth + MAX_NESTING_OUTSIDE_VALUES

AT_THE_BOUND = [
    ("bytes", b'"' + b"x" * 198 + b'"'),
    ("depth", b"[" * DEEPEST + b"]" * DEEPEST),
    ("depth, brackets in strings do not count", b'["' + b"[{" * 50 + b'"]'),
    ("depth, escaped quotes in strings", rb'["\"' + b"[" * 50 + rb'\\"]'),
    ("depth, siblings do not count", b"[" + b"[]," * 40 + b"[]]"),
    ("members", b'{"a":1,"b":2,"c":3}'),
    ("digits", b"12345678"),
    ("characters of a fraction", b"-1.3e-10"),
]
BEYOND_THE_BOUND = [
    ("bytes", b'"' + b"x" * 199 + b'"', True),
    ("bytes, before anything is read", b"!" * 201, True),
    ("depth", b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), False),
    ("depth, objects", b'{"a":' * DEEPEST + b"{}" + b"}" * DEEPEST, False),
    ("members", b'{"a":1,"b":2,"c":3,"d":4}', True),
    ("members, far inside", b'[[{"x":{"a":1,"b":2,"c":3,"d":4}}]]', True),
    ("digits", b"123456789", False),
    ("characters of a fraction", b"-1.33e-10", False),
]


@pytest.mark.parametrize("text", named(AT_THE_BOUND))
def test_at_the_bound(text: bytes) -> None:
    assert jsontext.load(text, SMALL) == json.loads(text)


@pytest.mark.parametrize(("text", "too_large"), named(BEYOND_THE_BOUND))
def test_beyond_the_bound(text: bytes, too_large: bool) -> None:
    error = refusal(lambda: jsontext.load(text, SMALL))
    assert (error.too_large, error.syntax) == (too_large, False)


POINTS_AT = [
    ("the byte that is not UTF-8", b'"ab\xff"', "byte 3"),
    ("the character that is not JSON", b'{"a": x}', "character 6"),
    ("the name that is given twice", b'[{"taskId": 1, "taskId": 2}]', "'taskId'"),
    ("the number that is no double", b"[1e999]", "1e999"),
    ("the word that is no number", b"[NaN]", "NaN"),
]


@pytest.mark.parametrize(("text", "place"), named(POINTS_AT))
def test_a_refusal_points_at_the_place(text: bytes, place: str) -> None:
    assert place in str(refusal(lambda: jsontext.load(text, BOUNDS)))


READ_AS = [
    ("whole numbers stay whole", b"[1, 1.0, 1e0]", [int, float, float]),
    ("great whole numbers stay exact", b"[9007199254740993]", [int]),
    ("words", b"[true, null]", [bool, type(None)]),
]


@pytest.mark.parametrize(("text", "types"), named(READ_AS))
def test_what_a_later_stage_can_tell_apart(text: bytes, types: list[type]) -> None:
    value = jsontext.load(text, BOUNDS)
    assert isinstance(value, list)
    assert [type(member) for member in value] == types


WRITTEN = [
    ("no spaces", {"a": [1, 2.5, None, True]}, b'{"a":[1,2.5,null,true]}'),
    ("text as UTF-8", "é世😀", '"é世😀"'.encode()),
    ("control characters escaped", "\r\n\x00", rb'"\r\n\u0000"'),
    ("half a surrogate pair from elsewhere cannot break the text", "\ud800", b'"?"'),
]


@pytest.mark.parametrize(("value", "text"), named(WRITTEN))
def test_what_is_written(value: jsontext.JsonValue, text: bytes) -> None:
    assert jsontext.dump(value) == text


MEMBERS = [
    ("a number as it stands", '{"id": 1.0}', "1.0"),
    ("an exponent as it stands", '{"id":1e3}', "1e3"),
    ("escapes as they stand", r'{"id": "A\u0041\/"}', r'"A\u0041\/"'),
    ("an escaped name", r'{"\u0069d": 7}', "7"),
    ("the last member", '{"a": {"id": 1}, "b": "id", "id" : null }', "null"),
    ("not one further in", '{"a": {"id": 1}}', None),
    ("not the text of another", '{"a": "\\"id\\": 1"}', None),
    ("nothing there", " { } ", None),
    ("spaces of every kind", '\t\r\n {\n"id"\t:\r\n"x" \n}', '"x"'),
]


@pytest.mark.parametrize(("text", "raw"), named(MEMBERS))
def test_the_raw_text_of_a_member(text: str, raw: str | None) -> None:
    assert jsontext.member_text(text, "id") == raw


EXPENSIVE = [
    ("an unclosed string of escaped quotes", b"[" * 41 + b'"' + rb"\"" * 14_000),
    ("an unclosed string of escapes", b"[" * 41 + b'"' + rb"\\" * 14_000),
    (
        "fourteen thousand members and then one of them twice",
        b"{%s}" % b",".join(b'"%d":0' % (n % 14_000) for n in range(28_000)),
    ),
    (
        "fourteen thousand members and the last of them twice",
        b"{%s}" % b",".join(b'"%d":0' % min(n, 13_999) for n in range(14_001)),
    ),
    ("brackets in brackets", b"[" * 14_000),
    ("objects and lists by turns", b'{"a":[' * 7_000),
    ("one long number", b"9" * 28_000),
    ("one long fraction", b"0." + b"9" * 28_000),
]


@pytest.mark.parametrize("text", named(EXPENSIVE))
def test_a_refusal_costs_no_more_than_the_text_is_long(text: bytes) -> None:
    """Some 30 kB: milliseconds where the work is linear, seconds where it is quadratic; then 6 MB block for hours."""
    begin_s = time.thread_time()
    refusal(lambda: jsontext.load(text, BOUNDS))
    assert time.thread_time() - begin_s < 0.5


def test_bounds_are_those_that_are_given() -> None:
    text = b'{"a":1,"b":2}'
    assert jsontext.load(text, replace(SMALL, object_keys=2)) == {"a": 1, "b": 2}
    with pytest.raises(Malformed):
        jsontext.load(text, replace(SMALL, object_keys=1))
