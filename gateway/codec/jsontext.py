"""Strict JSON text (RFC 8259) to Python values and back.

Stricter than `json`: UTF-8 without a byte order mark, no duplicate names, no NaN or infinity, no
lone surrogates; depth, numbers and objects are bounded. Integers stay `int`, so that a later stage
can tell one that a double cannot hold.
"""

import json
import math
import re
from functools import cache
from typing import NoReturn

from gateway.codec.malformed import MAX_NESTING_OUTSIDE_VALUES, Bounds, Malformed

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""One that is never closed reaches to the end, so that no text is looked through twice."""
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_BRACKETS = {0x5B: 1, 0x7B: 1, 0x5D: -1, 0x7D: -1}
_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in _BRACKETS)


def load(text: bytes, bounds: Bounds) -> JsonValue:
    """The value that `text` stands for.

    Raises Malformed: `syntax` where the text is not JSON, `too_large` where it passes a bound of
    size.
    """
    if len(text) > bounds.json_bytes:
        raise Malformed(f"JSON text over {bounds.json_bytes} bytes", too_large=True)
    deepest = bounds.depth + MAX_NESTING_OUTSIDE_VALUES
    if text.count(b"{") + text.count(b"[") > deepest and nesting(text) > deepest:
        raise Malformed(f"nested deeper than {deepest} levels")
    try:
        decoded = text.decode()
        value = _parsed(decoded, _decoder(bounds))
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8 at byte {error.start}", syntax=True) from None
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error.msg.lower()} at character {error.pos}", syntax=True) from None
    if "\\u" in decoded and _SURROGATE_ESCAPE.search(decoded):
        _refuse_lone_surrogates(value)
    return value


def _parsed(text: str, decoder: json.JSONDecoder) -> JsonValue:
    if text.startswith("{"):
        # Most texts are an object from end to end; looking for space around it would take as long as reading it.
        value, end = decoder.raw_decode(text)
        if end == len(text):
            return value
    return decoder.decode(text)


def dump(value: JsonValue) -> bytes:
    """The shortest text of a value, as UTF-8 on one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def kind_of(value: JsonValue) -> str:
    """What a JSON value is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"


def nesting(text: bytes) -> int:
    """The deepest level of brackets in a JSON text; strings do not count."""
    level = deepest = 0
    for byte in _STRING.sub(b"", text).translate(None, _NOT_BRACKETS):
        level += _BRACKETS[byte]
        deepest = max(deepest, level)
    return deepest


def member_text(text: str, name: str) -> str | None:
    """The raw text of one top-level member of a valid JSON object, as it stands there.

    What `load` returns cannot say whether `1.0` or `1`, `"A"` or `"\\u0041"` was written.
    """
    skip = json.JSONDecoder()
    position = text.index("{") + 1
    while True:
        position = _past_space(text, position)
        if text[position] == "}":
            return None
        key, position = skip.raw_decode(text, position)
        start = _past_space(text, _past_space(text, position) + 1)
        _, end = skip.raw_decode(text, start)
        if key == name:
            return text[start:end]
        position = _past_space(text, end)
        if text[position] == "}":
            return None
        position += 1


def _past_space(text: str, position: int) -> int:
    while text[position] in " \t\r\n":
        position += 1
    return position


@cache
def _decoder(bounds: Bounds) -> json.JSONDecoder:
    most_keys = bounds.object_keys

    def read_object(members: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        value = dict(members)
        if len(value) != len(members):
            seen: set[str] = set()
            twice = next(name for name, _ in members if name in seen or seen.add(name))
            raise Malformed(f"member {twice!r} is given twice")
        if len(value) > most_keys:
            raise Malformed(f"an object of over {most_keys} members", too_large=True)
        return value

    def read_int(text: str) -> int:
        if len(text) > bounds.number_chars:
            raise Malformed(f"a number of over {bounds.number_chars} characters")
        try:
            return int(text)
        except ValueError:  # more digits than Python converts
            raise Malformed(f"the number of {len(text)} characters is beyond the range of a double") from None

    def read_float(text: str) -> float:
        if len(text) > bounds.number_chars:
            raise Malformed(f"a number of over {bounds.number_chars} characters")
        value = float(text)
        if math.isinf(value):
            raise Malformed(f"the number {text} is beyond the range of a double")
        return value

    def read_constant(text: str) -> NoReturn:
        raise Malformed(f"not JSON: {text} is no JSON number", syntax=True)

    return json.JSONDecoder(
        object_pairs_hook=read_object,
        parse_int=read_int,
        parse_float=read_float,
        parse_constant=read_constant,
    )


def _refuse_lone_surrogates(value: JsonValue) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Malformed("a string with half of a surrogate pair") from None
