"""What must hold for all input: nothing is lost, only Malformed is raised, what one side takes the other can read."""

import json
import math
from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st
from protobuf import Message

from gateway.codec import freeform, jsonrpc, jsontext, metadata, protojson, sse, status, wire
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.required import check_required
from gateway.errors import BY_GRPC_STATUS, AgentError, GrpcStatus, StatusProfile
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.given import (
    ANY_MESSAGE,
    ANY_NEAR_JSON,
    ANY_WIRE,
    FREE_FORM,
    JSON_VALUES,
    TEXTS,
    bounded,
    cut,
)

BOUNDS = Bounds()


@bounded(80)
@given(ANY_MESSAGE)
def test_a_message_survives_protobuf_and_json(message: Message) -> None:
    over_wire = wire.decode(type(message), wire.encode(message, BOUNDS), BOUNDS)
    over_json = protojson.decode(type(message), protojson.encode(message, BOUNDS), BOUNDS)
    assert over_wire == message
    assert over_json == message


@bounded(50)
@given(ANY_MESSAGE)
def test_a_message_survives_a_chain_of_both(message: Message) -> None:
    hop = wire.decode(type(message), wire.encode(message, BOUNDS), BOUNDS)
    hop = protojson.decode(type(message), protojson.encode(hop, BOUNDS), BOUNDS)
    hop = wire.decode(type(message), wire.encode(hop, BOUNDS), BOUNDS)
    assert hop == message


@bounded(50)
@given(ANY_MESSAGE)
def test_json_text_and_json_value_are_the_same_writing(message: Message) -> None:
    text = protojson.encode(message, BOUNDS)
    assert b"\n" not in text
    assert protojson.to_value(message, BOUNDS) == json.loads(text)


@bounded(120)
@given(ANY_NEAR_JSON)
@example((a2a.GetTaskRequest, {"historyLength": 1e300}))
def test_json_is_a_message_that_both_sides_can_read_or_malformed(
    nearly: tuple[type[Message], jsontext.JsonValue],
) -> None:
    message_type, value = nearly
    try:
        message = protojson.from_value(message_type, value, BOUNDS)
    except Malformed:
        return
    assert wire.decode(message_type, wire.encode(message, BOUNDS), BOUNDS) == message
    assert protojson.decode(message_type, protojson.encode(message, BOUNDS), BOUNDS) == message


@bounded(50)
@given(st.sampled_from([a2a.SendMessageRequest, a2a.AgentCard, a2a.Part]), JSON_VALUES)
def test_any_json_value_is_a_message_or_malformed(message_type: type[Message], value: jsontext.JsonValue) -> None:
    with suppress(Malformed):
        assert isinstance(protojson.from_value(message_type, value, BOUNDS), message_type)


@bounded(150)
@given(ANY_WIRE)
def test_bytes_are_a_message_that_both_sides_can_read_or_malformed(given_bytes: tuple[type[Message], bytes]) -> None:
    message_type, data = given_bytes
    try:
        message = wire.decode(message_type, data, BOUNDS)
    except Malformed:
        return
    again = wire.decode(message_type, wire.encode(message, BOUNDS), BOUNDS)
    text = protojson.encode(message, BOUNDS)
    over_json = protojson.decode(message_type, text, BOUNDS)
    assert again == message
    # Unknown fields stay on the wire and have no JSON, so the two are compared as JSON.
    assert json.loads(protojson.encode(over_json, BOUNDS)) == json.loads(text)


@bounded(120)
@given(ANY_MESSAGE)
def test_what_is_required_is_there_or_malformed_with_its_path(message: Message) -> None:
    refused: Malformed | None = None
    try:
        check_required(message)
    except Malformed as error:
        refused = error
    assert refused is None or refused.path or type(message) is a2a.Part


@bounded(120)
@given(JSON_VALUES)
def test_a_free_form_value_passes_alike_as_json_and_as_a_message(value: jsontext.JsonValue) -> None:
    try:
        freeform.check_json(value, BOUNDS)
    except Malformed:
        return
    part = protojson.from_value(a2a.Part, {"data": value}, BOUNDS)
    assert wire.decode(a2a.Part, wire.encode(part, BOUNDS), BOUNDS) == part
    back = protojson.to_value(part, BOUNDS)
    assert isinstance(back, dict)
    assert _same(back["data"], value)


@bounded(80)
@given(FREE_FORM)
def test_json_text_is_read_as_it_was_written(value: jsontext.JsonValue) -> None:
    text = jsontext.dump(value)
    assert _same(jsontext.load(text, BOUNDS), value)
    assert _same(json.loads(text), value)


_JSON_ALPHABET = st.sampled_from(
    [*'[]{},:"\\ue0123.-+ \n', "true", "null", "NaN", "1e999", "\\ud800", "\\", "é", "\x00", '"a":']
)


@bounded(150)
@given(st.binary(max_size=20) | st.lists(_JSON_ALPHABET, max_size=14).map(lambda parts: "".join(parts).encode()))
def test_any_text_is_json_or_malformed(text: bytes) -> None:
    try:
        value = jsontext.load(text, BOUNDS)
    except Malformed:
        return
    assert _same(json.loads(text), value)
    assert _same(jsontext.load(jsontext.dump(value), BOUNDS), value)


@bounded(120)
@given(
    FREE_FORM
    | st.fixed_dictionaries(
        {}, optional={"jsonrpc": st.just("2.0") | FREE_FORM, "id": FREE_FORM, "method": FREE_FORM, "params": FREE_FORM}
    )
)
def test_any_json_is_a_request_or_a_bad_envelope(value: jsontext.JsonValue) -> None:
    try:
        request = jsonrpc.read_request(jsontext.dump(value), BOUNDS)
    except jsonrpc.BadEnvelope as error:
        json.loads(error.id)
        return
    assert isinstance(value, dict)
    assert _same(json.loads(request.id), value.get("id"))
    assert request.method == value["method"]


_ANSWERS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0")},
    optional={
        "result": FREE_FORM,
        "error": FREE_FORM
        | st.fixed_dictionaries(
            {"code": st.integers() | FREE_FORM}, optional={"message": FREE_FORM, "data": FREE_FORM}
        ),
    },
)


@bounded(120)
@given(_ANSWERS)
def test_any_answer_is_a_result_an_error_or_malformed(value: dict[str, jsontext.JsonValue]) -> None:
    try:
        answer = jsonrpc.read_answer(jsontext.dump(value), BOUNDS)
    except Malformed:
        return
    if not isinstance(answer, jsonrpc.Failure):
        assert _same(answer, value.get("result"))
        return
    error = AgentError(*status.from_failure(answer))
    written = jsontext.dump(status.to_data(error))
    assert json.loads(written)[0]["@type"].endswith("google.rpc.ErrorInfo")
    rich = status.to_status(error, StatusProfile.V1_0_1)
    assert status.from_status("", error.kind.grpc_status(), rich.message, rich.to_binary())[0] is error.kind


@bounded(120)
@given(st.sampled_from(sorted(GrpcStatus, key=lambda code: code.value)[1:]), TEXTS, st.none() | st.binary(max_size=30))
def test_any_grpc_status_is_an_error_that_json_rpc_can_say(code: GrpcStatus, message: str, rich: bytes | None) -> None:
    error = AgentError(*status.from_status("GetTask", code, message, rich))
    answer = jsonrpc.failure(b"1", error.kind.row.jsonrpc, error.message, status.to_data(error))
    failure = jsonrpc.read_answer(answer, BOUNDS)
    assert isinstance(failure, jsonrpc.Failure)
    assert status.from_failure(failure)[0] is error.kind
    if rich is None and "Error:" not in message:
        assert error.kind is BY_GRPC_STATUS[code]


def _read(chunks: list[bytes]) -> list[sse.ServerSentEvent]:
    reader = sse.SseReader(BOUNDS.json_bytes)
    return [event for chunk in chunks for event in reader.feed(chunk)]


@bounded(120)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.data())
def test_any_text_survives_a_stream_in_any_chunks(texts: list[str], data: st.DataObject) -> None:
    stream = b"".join(sse.KEEP_ALIVE + sse.frame(jsontext.dump({"text": text})) for text in texts)
    events = _read(data.draw(cut(stream)))
    assert [json.loads(event.data)["text"] for event in events] == texts


_FIELDS = (
    b"data: a",
    b"data:a",
    b"data:  a",
    b"data",
    b"data:",
    b"data: \xff",
    b"data: {}",
    "data: \u2028\x85".encode(),
)
_OTHERS = (b": comment", b"event: error", b"id: 7", b"id: a\x00", b"retry: 5", b"unknown: x", b"\xef\xbb\xbf", b"", b"")
_LINES = st.lists(st.sampled_from([*_FIELDS, *_OTHERS]), max_size=10)


@bounded(150)
@given(_LINES, st.lists(st.sampled_from([b"\n", b"\r", b"\r\n"]), min_size=10, max_size=10), st.booleans(), st.data())
def test_any_cut_of_any_stream_gives_the_same_events(
    lines: list[bytes], ends: list[bytes], bom: bool, data: st.DataObject
) -> None:
    stream = (b"\xef\xbb\xbf" if bom else b"") + b"".join(line + end for line, end in zip(lines, ends, strict=False))
    assert _read(data.draw(cut(stream))) == _read([stream])


@bounded(150)
@given(st.binary(max_size=60), st.integers(1, 20))
def test_a_stream_reader_keeps_its_bound_whatever_comes(stream: bytes, limit: int) -> None:
    reader = sse.SseReader(limit)
    events: list[sse.ServerSentEvent] = []
    refused: Malformed | None = None
    try:
        events.extend(reader.feed(stream))
    except Malformed as error:
        refused = error
    assert all(len(event.data) <= limit for event in events)
    assert refused is None or refused.too_large


@bounded(120)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a2a-extensions", "a2a-version", "x-trace", "x-trace-bin", "authorization"]),
            TEXTS | st.binary(max_size=9),
        ),
        max_size=5,
    )
)
def test_any_headers_are_carried_or_malformed(pairs: list[tuple[str, str | bytes]]) -> None:
    allowed = frozenset({"x-trace", "x-trace-bin", "authorization"})
    try:
        version = metadata.version(pairs)
        extensions = metadata.extensions(pairs)
        headers = metadata.forwarded(pairs, allowed)
    except Malformed:
        return
    sent = metadata.to_metadata(headers, version, extensions)
    assert all(isinstance(value, bytes) == name.endswith("-bin") for name, value in sent)
    assert metadata.extensions(sent) == extensions
    assert all(
        value.isascii() and value.isprintable() for value in metadata.parameters(version, extensions).values()
    )


def _same(one: object, other: object) -> bool:
    """Equality that tells true from 1 and minus zero from zero, but not 1.0 from 1."""
    match one, other:
        case dict(), dict():
            return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
        case list(), list():
            return len(one) == len(other) and all(map(_same, one, other))
        case bool(), _:
            return one is other
        case int() | float(), int() | float() if not isinstance(other, bool):
            zero_alike = one != 0 or math.copysign(1, one) == math.copysign(1, other)
            return one == other and zero_alike
        case _:
            return type(one) is type(other) and one == other
