"""The JSON-RPC envelope: every rule that it is strict about, and the id echoed byte for byte."""

import json

import pytest

from gateway.codec import jsonrpc
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds
from gateway.errors import CallerError, ErrorKind
from tests.codec.tables import named, refusal

BOUNDS = Bounds()


def request_with(member: str) -> bytes:
    return b'{"jsonrpc":"2.0",%s"method":"GetTask"}' % member.encode()


IDS = [
    ("a number", "1"),
    ("zero", "0"),
    ("a negative number", "-1"),
    ("minus zero", "-0"),
    ("a whole fraction", "1.0"),
    ("a fraction", "0.10"),
    ("an exponent", "1e3"),
    ("a capital exponent", "1E+03"),
    ("2^53 + 1", "9007199254740993"),
    ("thirty digits", "123456789012345678901234567890"),
    ("more fraction than a double holds", "0.1000000000000000055511151231257827"),
    ("a text", '"req-1"'),
    ("an empty text", '""'),
    ("a text that is a number", '"1"'),
    ("quotes and backslashes", r'"a\"b\\c\/d"'),
    ("escapes of plain letters", r'"\u0041\u00e9"'),
    ("a pair of surrogates", r'"\ud83d\ude00"'),
    ("the same as itself", '"é😀"'),
    ("control characters", r'"\r\n\u0000\t"'),
    ("a line separator", '"\u2028"'),
    ("text that looks like the end", r'"\",\"result\":1}"'),
    ("null", "null"),
]


@pytest.mark.parametrize("id", named(IDS))
def test_the_id_is_echoed_byte_for_byte(id: str) -> None:
    request = jsonrpc.read_request(request_with(f'"id":{id},'), BOUNDS)
    assert request.id == id.encode()
    assert jsonrpc.result(request.id, b"{}") == b'{"jsonrpc":"2.0","id":%s,"result":{}}' % id.encode()
    assert jsonrpc.failure(request.id, -32001, "No", []).startswith(b'{"jsonrpc":"2.0","id":%s,' % id.encode())


def test_a_missing_id_is_answered_with_null() -> None:
    assert jsonrpc.read_request(request_with(""), BOUNDS).id == b"null"


def test_an_id_is_found_behind_everything_else() -> None:
    text = b' {"params" : {"id":"inner"} , "method":"GetTask",\n"jsonrpc":"2.0", "\\u0069d" : 7.50 } '
    assert jsonrpc.read_request(text, BOUNDS) == jsonrpc.Request(b"7.50", "GetTask", {"id": "inner"})


ACCEPTED: list[tuple[str, str, JsonValue]] = [
    ("params", '{"jsonrpc":"2.0","id":1,"method":"M","params":{"a":1}}', {"a": 1}),
    ("no params are empty ones", '{"jsonrpc":"2.0","id":1,"method":"M"}', {}),
    ("null params are empty ones", '{"jsonrpc":"2.0","id":1,"method":"M","params":null}', {}),
    ("other members are nobody's", '{"jsonrpc":"2.0","id":1,"method":"M","auth":{"x":[1]}}', {}),
    ("space around", ' \t\r\n{ "jsonrpc" : "2.0" , "method" : "M" }\r\n', {}),
]


@pytest.mark.parametrize(("text", "params"), named(ACCEPTED))
def test_what_is_a_request(text: str, params: JsonValue) -> None:
    request = jsonrpc.read_request(text.encode(), BOUNDS)
    assert (request.method, request.params) == ("M", params)


PARSE, REQUEST, TOO_LARGE = ErrorKind.PARSE_ERROR, ErrorKind.INVALID_REQUEST, ErrorKind.RESOURCE_EXHAUSTED

REFUSED = [
    ("nothing", b"", PARSE, b"null"),
    ("space", b" ", PARSE, b"null"),
    ("no JSON", b"{", PARSE, b"null"),
    ("an id in what is no JSON", b'{"jsonrpc":"2.0","id":1', PARSE, b"null"),
    ("not UTF-8", b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', PARSE, b"null"),
    ("a byte order mark", b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"M"}', PARSE, b"null"),
    ("two requests", b'{"jsonrpc":"2.0","method":"M"}{}', PARSE, b"null"),
    ("a batch", b'[{"jsonrpc":"2.0","id":1,"method":"M"}]', REQUEST, b"null"),
    ("an empty batch", b"[]", REQUEST, b"null"),
    ("a text", b'"M"', REQUEST, b"null"),
    ("a number", b"1", REQUEST, b"null"),
    ("null", b"null", REQUEST, b"null"),
    ("no version", b'{"id":1,"method":"M"}', REQUEST, b"1"),
    ("the version of 1.0", b'{"jsonrpc":"1.0","id":1,"method":"M"}', REQUEST, b"1"),
    ("a version that is a number", b'{"jsonrpc":2.0,"id":1,"method":"M"}', REQUEST, b"1"),
    ("a version with a space", b'{"jsonrpc":"2.0 ","id":1,"method":"M"}', REQUEST, b"1"),
    ("a version that is null", b'{"jsonrpc":null,"id":"a","method":"M"}', REQUEST, b'"a"'),
    ("no method", b'{"jsonrpc":"2.0","id":1.0}', REQUEST, b"1.0"),
    ("an empty method", b'{"jsonrpc":"2.0","id":1,"method":""}', REQUEST, b"1"),
    ("a method that is null", b'{"jsonrpc":"2.0","id":1,"method":null}', REQUEST, b"1"),
    ("a method that is a number", b'{"jsonrpc":"2.0","id":1,"method":1}', REQUEST, b"1"),
    ("a method that is a list", b'{"jsonrpc":"2.0","id":1,"method":["M"]}', REQUEST, b"1"),
    ("an id that is an object", b'{"jsonrpc":"2.0","id":{},"method":"M"}', REQUEST, b"null"),
    ("an id that is a list", b'{"jsonrpc":"2.0","id":[1],"method":"M"}', REQUEST, b"null"),
    ("an id that is true", b'{"jsonrpc":"2.0","id":true,"method":"M"}', REQUEST, b"null"),
    ("an id that is false", b'{"jsonrpc":"2.0","id":false,"method":"M"}', REQUEST, b"null"),
    ("an answer", b'{"jsonrpc":"2.0","id":1,"result":{}}', REQUEST, b"1"),
    ("two ids", b'{"jsonrpc":"2.0","id":1,"id":2,"method":"M"}', ErrorKind.INVALID_PARAMS, b"null"),
    ("two methods", b'{"jsonrpc":"2.0","id":1,"method":"M","method":"N"}', ErrorKind.INVALID_PARAMS, b"null"),
]


@pytest.mark.parametrize(("text", "kind", "id"), named(REFUSED))
def test_what_is_no_request(text: bytes, kind: ErrorKind, id: bytes) -> None:
    with pytest.raises(jsonrpc.BadEnvelope) as caught:
        jsonrpc.read_request(text, BOUNDS)
    assert (caught.value.kind, caught.value.id) == (kind, id)
    assert isinstance(caught.value, CallerError)


def test_a_request_over_the_bound_is_too_large_and_nothing_else() -> None:
    text = request_with(f'"x":"{"a" * 100}",')
    assert jsonrpc.read_request(text, Bounds(json_bytes=len(text)))
    with pytest.raises(jsonrpc.BadEnvelope) as caught:
        jsonrpc.read_request(text, Bounds(json_bytes=len(text) - 1))
    assert caught.value.kind is TOO_LARGE


def test_a_request_as_it_is_written() -> None:
    text = jsonrpc.request(7, "GetTask", b'{"id":"t"}')
    assert text == b'{"jsonrpc":"2.0","id":7,"method":"GetTask","params":{"id":"t"}}'
    assert jsonrpc.read_request(text, BOUNDS) == jsonrpc.Request(b"7", "GetTask", {"id": "t"})


def test_an_error_is_written_with_data_only_where_there_is_some() -> None:
    assert (
        jsonrpc.failure(b"1", -32001, "No\n", [])
        == b'{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"No\\n"}}'
    )
    assert jsonrpc.failure(b'"a"', -1, "é", [{"@type": "x"}]) == (
        '{"jsonrpc":"2.0","id":"a","error":{"code":-1,"message":"é","data":[{"@type":"x"}]}}'.encode()
    )


ANSWERS: list[tuple[str, str, JsonValue | jsonrpc.Failure]] = [
    ("a result", '{"jsonrpc":"2.0","id":1,"result":{"a":1}}', {"a": 1}),
    ("a result that is null", '{"jsonrpc":"2.0","id":1,"result":null}', None),
    ("no result, as some agents answer a deletion", '{"jsonrpc":"2.0","id":1}', None),
    ("another id", '{"jsonrpc":"2.0","id":"other","result":[]}', []),
    ("no id", '{"jsonrpc":"2.0","result":false}', False),
    ("an error that is null", '{"jsonrpc":"2.0","id":1,"result":{},"error":null}', {}),
    (
        "an error",
        '{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"No"}}',
        jsonrpc.Failure(-32001, "No", None),
    ),
    (
        "an error before a result",
        '{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":"No"}}',
        jsonrpc.Failure(1, "No", None),
    ),
    ("an error without a message", '{"jsonrpc":"2.0","error":{"code":-32603}}', jsonrpc.Failure(-32603, "", None)),
    (
        "a message that is no text",
        '{"jsonrpc":"2.0","error":{"code":-32603,"message":7}}',
        jsonrpc.Failure(-32603, "", None),
    ),
    (
        "data that is a text",
        '{"jsonrpc":"2.0","error":{"code":0,"message":"","data":"x"}}',
        jsonrpc.Failure(0, "", "x"),
    ),
    (
        "data that is a list",
        '{"jsonrpc":"2.0","error":{"code":0,"message":"","data":[{}]}}',
        jsonrpc.Failure(0, "", [{}]),
    ),
]


@pytest.mark.parametrize(("text", "answer"), named(ANSWERS))
def test_what_is_an_answer(text: str, answer: JsonValue | jsonrpc.Failure) -> None:
    assert jsonrpc.read_answer(text.encode(), BOUNDS) == answer


NO_ANSWERS = [
    ("nothing", b"", "", True),
    ("HTML", b"<html>", "", True),
    ("a list", b"[]", "", False),
    ("null", b"null", "", False),
    ("an object", b"{}", "", False),
    ("another version", b'{"jsonrpc":"1.0","result":{}}', "", False),
    ("the answer to another request", b'{"jsonrpc":"2.0","id":2,"result":{}}', "id", False),
    ("an error that is a text", b'{"jsonrpc":"2.0","error":"No"}', "error", False),
    ("an error that is false", b'{"jsonrpc":"2.0","error":false}', "error", False),
    ("an error without a code", b'{"jsonrpc":"2.0","error":{"message":"No"}}', "error.code", False),
    ("a code that is a text", b'{"jsonrpc":"2.0","error":{"code":"-32001"}}', "error.code", False),
    ("a code that is true", b'{"jsonrpc":"2.0","error":{"code":true}}', "error.code", False),
    ("a code that is a fraction", b'{"jsonrpc":"2.0","error":{"code":1.5}}', "error.code", False),
]


@pytest.mark.parametrize(("text", "path", "syntax"), named(NO_ANSWERS))
def test_what_is_no_answer(text: bytes, path: str, syntax: bool) -> None:
    error = refusal(lambda: jsonrpc.read_answer(text, BOUNDS, 1))
    assert (error.path, error.syntax) == (path, syntax)


def test_every_answer_that_is_written_can_be_read() -> None:
    for text in ("1", '"1"', "null"):
        result = jsonrpc.result(text.encode(), b'{"a":[1,"x"]}')
        assert json.loads(result) == {"jsonrpc": "2.0", "id": json.loads(text), "result": {"a": [1, "x"]}}
        assert jsonrpc.read_answer(result, BOUNDS, 1) == {"a": [1, "x"]}
