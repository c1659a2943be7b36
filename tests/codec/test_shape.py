"""The shape of JSON messages: one spelling, one member of a oneof, the right types; and the path of what is wrong."""

import json
from typing import Any

import pytest
from protobuf import Message

from gateway.codec import jsontext, protojson
from gateway.codec.malformed import Bounds
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.tables import named, refusal
from tests.faults.tables import BASE64, NUMBERS, TEXTS, Base64Row, NumberRow, TextRow

BOUNDS = Bounds()


def read(message_type: type[Message], text: str) -> Message:
    return protojson.decode(message_type, text.encode(), BOUNDS)


EQUAL = [
    ("camel and snake", a2a.Message, '{"taskId":"t"}', '{"task_id":"t"}'),
    (
        "snake deep inside",
        a2a.StreamResponse,
        '{"artifactUpdate":{"lastChunk":true}}',
        '{"artifact_update":{"last_chunk":true}}',
    ),
    ("null is absence", a2a.Task, "{}", '{"id":null,"status":null,"artifacts":null,"metadata":null}'),
    (
        "null of a number and a time",
        a2a.ListTasksRequest,
        "{}",
        '{"pageSize":null,"statusTimestampAfter":null,"status":null}',
    ),
    ("null of a map", a2a.AgentCard, "{}", '{"securitySchemes":null,"iconUrl":null}'),
    ("null beside a member of the same oneof", a2a.Part, '{"url":"x"}', '{"text":null,"raw":null,"url":"x"}'),
    ("null after a member of the same oneof", a2a.Part, '{"url":"x"}', '{"url":"x","text":null,"raw":null}'),
    (
        "null after a payload",
        a2a.StreamResponse,
        '{"task":{"id":"t"}}',
        '{"task":{"id":"t"},"message":null,"statusUpdate":null}',
    ),
    ("null before the other spelling", a2a.Message, '{"taskId":"t"}', '{"taskId":null,"task_id":"t"}'),
    ("null after the other spelling", a2a.Message, '{"taskId":"t"}', '{"taskId":"t","task_id":null}'),
    (
        "null after the other spelling, deep inside",
        a2a.Task,
        '{"status":{"state":2},"history":[{"messageId":"m"}]}',
        '{"status":{"state":2},"history":[{"messageId":"m","message_id":null}]}',
    ),
    ("null of the oneof", a2a.StreamResponse, "{}", '{"task":null,"statusUpdate":null}'),
    ("unknown members", a2a.Task, '{"id":"t"}', '{"id":"t","kind":"task","x":{"y":[1]}}'),
    (
        "unknown members deep inside",
        a2a.Task,
        '{"history":[{"parts":[{"text":"a"}]}]}',
        '{"history":[{"kind":"message","parts":[{"kind":"text","text":"a"}]}]}',
    ),
    ("unknown members of any shape", a2a.Task, "{}", '{"a":null,"b":1e300,"c":[{}],"":""}'),
    ("names in another case", a2a.Message, "{}", '{"TaskId":"a","TASK_ID":"b","taskid":"c"}'),
    ("enum by its number", a2a.TaskStatus, '{"state":"TASK_STATE_WORKING"}', '{"state":2}'),
    ("integer as a whole fraction", a2a.GetTaskRequest, '{"historyLength":5}', '{"historyLength":5.0}'),
    ("integer as a text", a2a.GetTaskRequest, '{"historyLength":-5}', '{"historyLength":"-5"}'),
    (
        "time in another zone",
        a2a.TaskStatus,
        '{"timestamp":"2026-01-31T12:00:00Z"}',
        '{"timestamp":"2026-01-31T13:30:00+01:30"}',
    ),
    (
        "time with more digits",
        a2a.TaskStatus,
        '{"timestamp":"2026-01-31T12:00:00.1Z"}',
        '{"timestamp":"2026-01-31T12:00:00.100000000Z"}',
    ),
]


@pytest.mark.parametrize(("message_type", "one", "other"), named(EQUAL))
def test_two_writings_of_one_message(message_type: type[Message], one: str, other: str) -> None:
    assert read(message_type, one) == read(message_type, other)


DIFFERENT = [
    ("null is a value of data", a2a.Part, '{"data":null}', "{}"),
    ("an empty text is a content", a2a.Part, '{"text":""}', "{}"),
    ("empty metadata is set", a2a.Task, '{"metadata":{}}', "{}"),
    ("an empty message is set", a2a.Task, '{"status":{}}', "{}"),
    ("no history is not any history", a2a.GetTaskRequest, '{"historyLength":0}', "{}"),
    ("not streaming is not silence", a2a.AgentCapabilities, '{"streaming":false}', "{}"),
    (
        "members of free-form values keep their spelling",
        a2a.Task,
        '{"metadata":{"taskId":1}}',
        '{"metadata":{"task_id":1}}',
    ),
]


@pytest.mark.parametrize(("message_type", "one", "other"), named(DIFFERENT))
def test_two_messages_and_both_survive(message_type: type[Message], one: str, other: str) -> None:
    assert read(message_type, one) != read(message_type, other)
    for text in (one, other):
        assert protojson.encode(read(message_type, text), BOUNDS).decode() == text


REFUSED = [
    ("both spellings", a2a.Message, '{"taskId":"a","task_id":"a"}', "", "'taskId' and 'task_id' exclude each other"),
    (
        "both spellings inside",
        a2a.Task,
        '{"history":[{},{"messageId":"a","message_id":"b"}]}',
        "history[1]",
        "'messageId' and 'message_id' exclude each other",
    ),
    ("two contents", a2a.Part, '{"text":"a","url":"b"}', "", "'text' and 'url' exclude each other"),
    ("content and data that is null", a2a.Part, '{"text":"a","data":null}', "", "'text' and 'data' exclude each other"),
    (
        "two payloads",
        a2a.StreamResponse,
        '{"task":{},"statusUpdate":{}}',
        "",
        "'task' and 'statusUpdate' exclude each other",
    ),
    (
        "two schemes",
        a2a.AgentCard,
        '{"securitySchemes":{"a":{"mtlsSecurityScheme":{},"api_key_security_scheme":{}}}}',
        "securitySchemes.a",
        "'mtlsSecurityScheme' and 'api_key_security_scheme' exclude each other",
    ),
    ("a list for a message", a2a.Task, "[]", "", "expected an object, got a list"),
    ("null for a message", a2a.Task, "null", "", "expected an object, got null"),
    ("a text for a message", a2a.Task, '{"status":"working"}', "status", "expected an object, got a string"),
    ("a message for a list", a2a.Task, '{"artifacts":{}}', "artifacts", "expected a list, got an object"),
    (
        "null in a list of messages",
        a2a.Message,
        '{"parts":[{"text":"a"},null]}',
        "parts[1]",
        "expected an object, got null",
    ),
    (
        "null in a list of texts",
        a2a.Message,
        '{"extensions":["a",null]}',
        "extensions[1]",
        "expected a string, got null",
    ),
    ("a list for a map", a2a.AgentCard, '{"securitySchemes":[]}', "securitySchemes", "expected an object, got a list"),
    ("null in a map", a2a.SecurityRequirement, '{"schemes":{"a":null}}', "schemes.a", "expected an object, got null"),
    ("a number for a text", a2a.Task, '{"id":7}', "id", "expected a string, got a number"),
    (
        "a number in a map of texts",
        a2a.OAuthFlows,
        '{"implicit":{"scopes":{"a":1}}}',
        "implicit.scopes.a",
        "expected a string, got a number",
    ),
    (
        "a text for true",
        a2a.AgentCapabilities,
        '{"streaming":"true"}',
        "streaming",
        "expected true or false, got a string",
    ),
    (
        "a number for true",
        a2a.AgentCapabilities,
        '{"streaming":1}',
        "streaming",
        "expected true or false, got a number",
    ),
    ("a list for metadata", a2a.Task, '{"metadata":[]}', "metadata", "expected an object, got a list"),
    ("a text for metadata", a2a.Task, '{"metadata":"{}"}', "metadata", "expected an object, got a string"),
    ("a number for bytes", a2a.Part, '{"raw":1}', "raw", "expected base64 text, got a number"),
]


@pytest.mark.parametrize(("message_type", "text", "path", "problem"), named(REFUSED))
def test_what_has_not_the_shape(message_type: type[Message], text: str, path: str, problem: str) -> None:
    error = refusal(lambda: read(message_type, text))
    assert (error.path, error.problem) == (path, problem)
    assert not error.syntax
    assert not error.too_large


STATES = [
    ("unknown name", '"TASK_STATE_DREAMING"'),
    ("British spelling", '"TASK_STATE_CANCELLED"'),
    ("the spelling of 0.3", '"working"'),
    ("in small letters", '"task_state_working"'),
    ("empty", '""'),
    ("number in a text", '"2"'),
    ("fraction", "2.5"),
    ("whole fraction", "2.0"),
    ("beyond 32 bits", "2147483648"),
    ("beyond every integer", "1e300"),
    ("true", "true"),
    ("list", "[]"),
]


@pytest.mark.parametrize("state", named(STATES))
def test_what_is_no_state_is_refused_with_its_path(state: str) -> None:
    error = refusal(lambda: read(a2a.Task, f'{{"status":{{"state":{state}}}}}'))
    assert error.path == "status.state"


def test_a_refused_name_comes_with_those_that_exist() -> None:
    problem = refusal(lambda: read(a2a.Message, '{"role":"user"}')).problem
    assert all(name in problem for name in ("'user'", "ROLE_USER", "ROLE_AGENT"))


@pytest.mark.parametrize("number", [99, -1, 2**31 - 1, -(2**31)])
def test_numbers_of_enums_from_later_versions_are_kept(number: int) -> None:
    text = f'{{"state":{number}}}'
    assert protojson.encode(read(a2a.TaskStatus, text), BOUNDS).decode() == text


TIMES_REFUSED = [
    ("no zone", "2026-01-31T12:00:00"),
    ("a space", "2026-01-31 12:00:00Z"),
    ("ten digits of fraction", "2026-01-31T12:00:00.0000000001Z"),
    ("no digit of fraction", "2026-01-31T12:00:00.Z"),
    ("small letters", "2026-01-31t12:00:00z"),
    ("no such month", "2026-13-31T12:00:00Z"),
    ("no such day", "2026-02-30T12:00:00Z"),
    ("hour 24", "2026-01-31T24:00:00Z"),
    ("second 61", "2026-01-31T12:00:61Z"),
    ("year 0", "0000-01-01T00:00:00Z"),
    ("before year 1 by its zone", "0001-01-01T00:00:00+00:01"),
    ("after year 9999 by its zone", "9999-12-31T23:59:59-00:01"),
    ("no such zone", "2026-01-31T12:00:00+99:99"),
    ("digits of another script", "٢٠٢٦-01-31T12:00:00Z"),
    ("a line feed after it", "2026-01-31T12:00:00Z\n"),
    ("empty", ""),
]


@pytest.mark.parametrize("time", named(TIMES_REFUSED))
def test_what_is_no_time_is_refused_with_its_path(time: str) -> None:
    error = refusal(lambda: read(a2a.Task, json.dumps({"status": {"timestamp": time}})))
    assert error.path == "status.timestamp"


TIMES = [
    ("the first", "0001-01-01T00:00:00Z"),
    ("the last", "9999-12-31T23:59:59.999999999Z"),
    ("before 1970", "1969-12-31T23:59:59.500Z"),
    ("milliseconds", "2026-01-31T12:00:00.100Z"),
    ("microseconds", "2026-01-31T12:00:00.000001Z"),
    ("a leap day", "2024-02-29T00:00:00Z"),
]


@pytest.mark.parametrize("time", named(TIMES))
def test_a_time_is_written_as_it_was_read(time: str) -> None:
    text = f'{{"timestamp":"{time}"}}'
    assert protojson.encode(read(a2a.TaskStatus, text), BOUNDS).decode() == text


@pytest.mark.parametrize("row", [row for row in NUMBERS if row.place == "int32"], ids=lambda row: row.name)
def test_integer_fields(row: NumberRow) -> None:
    text = f'{{"historyLength":{row.text}}}'
    if row.outcome == "ACCEPT":
        assert read(a2a.GetTaskRequest, text) == a2a.GetTaskRequest(history_length=row.value)
    else:
        assert refusal(lambda: read(a2a.GetTaskRequest, text)).path == "historyLength"


INTEGERS_REFUSED = [
    "-2147483649",
    '"2147483648"',
    '""',
    '" 5"',
    '"5.0"',
    '"+5"',
    '"0x5"',
    '"٥"',
    "1e300",
    "-0.5",
    "[]",
    "{}",
]


@pytest.mark.parametrize("text", INTEGERS_REFUSED)
def test_what_is_no_integer_is_refused_with_its_path(text: str) -> None:
    assert refusal(lambda: read(a2a.GetTaskRequest, f'{{"historyLength":{text}}}')).path == "historyLength"


@pytest.mark.parametrize("row", BASE64, ids=lambda row: row.name)
def test_bytes(row: Base64Row) -> None:
    value: Any = {"parts": [{"raw": row.text}]}
    if row.outcome == "ACCEPT":
        message = protojson.from_value(a2a.Message, value, BOUNDS)
        content = message.parts[0].content
        assert content is not None
        assert content.value == row.content
    else:
        error = refusal(lambda: protojson.from_value(a2a.Message, value, BOUNDS))
        assert (error.path, error.problem) == ("parts[0].raw", "not base64")


@pytest.mark.parametrize("text", ["=", "====", "A===", "QQ=", "QQ====", "QUI==", "+_8=", "QQ==\n", "Q Q=", "ＱＱ=="])
def test_what_only_looks_like_base64(text: str) -> None:
    assert refusal(lambda: protojson.from_value(a2a.Part, {"raw": text}, BOUNDS)).path == "raw"


@pytest.mark.parametrize("row", TEXTS, ids=lambda row: row.name)
def test_texts_of_requests(row: TextRow) -> None:
    def parse() -> a2a.SendMessageRequest:
        value = jsontext.load(row.body, BOUNDS)
        assert isinstance(value, dict)
        return protojson.from_value(a2a.SendMessageRequest, value["params"], BOUNDS)

    if row.outcome == "ACCEPT":
        message = parse().message
        assert message is not None
        content = message.parts[0].content
        assert content is not None
        assert content.value == row.seen
    else:
        assert refusal(parse).syntax == (row.outcome == "PARSE_ERROR")


def test_unknown_members_are_taken_out_of_the_value_and_nothing_else() -> None:
    value: Any = {
        "id": "t",
        "new": 1,
        "status": {"state": 1, "new": 2},
        "metadata": {"new": 3},
        "history": [{"new": 4}],
    }
    protojson.from_value(a2a.Task, value, BOUNDS)
    assert value == {"id": "t", "status": {"state": 1}, "metadata": {"new": 3}, "history": [{}]}
