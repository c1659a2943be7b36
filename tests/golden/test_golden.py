"""The golden rows, driven both ways: what the gateway writes, what it reads, and byte by byte."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from protobuf import DescFieldValueList, DescFieldValueMap, DescFieldValueMessage, DescMessage, Message
from protobuf.wkt.google.protobuf.empty_pb import Empty

from gateway.codec import jsonrpc, protojson, sse, status, wire
from gateway.codec.malformed import Bounds
from gateway.codec.required import check_required
from gateway.errors import AgentError, ErrorKind, GrpcStatus, StatusProfile
from gateway.operations import BY_NAME
from generated.a2a.v1 import a2a_pb as a2a
from tests.golden.rows import ERRORS, MESSAGES, Row

BOUNDS = Bounds()


def message_type(row: Row) -> type[Message]:
    return Empty if row["message"] == "Empty" else getattr(a2a, row["message"])


def written(row: Row) -> str:
    """The row's JSON on one line."""
    return json.dumps(json.loads(row["JSON"]), ensure_ascii=False, separators=(",", ":"))


def one_by_one(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


def read_stream(chunks: Iterable[bytes]) -> list[sse.ServerSentEvent]:
    reader = sse.SseReader(BOUNDS.json_bytes)
    return [event for chunk in chunks for event in reader.feed(chunk)]


def having(heading: str, rows: list[Row] = MESSAGES) -> pytest.MarkDecorator:
    found = [row for row in rows if heading in row]
    return pytest.mark.parametrize("row", found, ids=[row.name for row in found])


@having("JSON")
def test_json_and_protobuf_are_one_message(row: Row) -> None:
    from_json = protojson.decode(message_type(row), row["JSON"].encode(), BOUNDS)
    from_wire = wire.decode(message_type(row), row.bytes_of("protobuf"), BOUNDS)
    assert from_json == from_wire


@having("JSON")
def test_json_becomes_protobuf(row: Row) -> None:
    message = protojson.decode(message_type(row), row["JSON"].encode(), BOUNDS)
    assert wire.encode(message, BOUNDS) == row.bytes_of("protobuf")


@having("JSON")
def test_protobuf_becomes_json(row: Row) -> None:
    message = wire.decode(message_type(row), row.bytes_of("protobuf"), BOUNDS)
    assert protojson.encode(message, BOUNDS).decode() == written(row)


@having("JSON-RPC request")
def test_a_request_as_it_is_written_for_an_agent(row: Row) -> None:
    message = wire.decode(message_type(row), row.bytes_of("protobuf"), BOUNDS)
    given = json.loads(row["JSON-RPC request"])["id"]
    number = given if isinstance(given, int) else 0
    expected = row["JSON-RPC request"].replace(json.dumps(given), str(number), 1)
    assert jsonrpc.request(number, row["operation"], protojson.encode(message, BOUNDS)).decode() == expected


@having("JSON-RPC request")
def test_a_request_as_it_is_read_from_a_caller(row: Row) -> None:
    request = jsonrpc.read_request(row["JSON-RPC request"].encode(), BOUNDS)
    operation = BY_NAME[request.method]
    message = protojson.from_value(operation.request, request.params, BOUNDS)
    check_required(message)
    assert row["JSON-RPC request"].startswith(f'{{"jsonrpc":"2.0","id":{request.id.decode()},')
    assert (operation.name, operation.request) == (row["operation"], message_type(row))
    assert wire.encode(message, BOUNDS) == row.bytes_of("protobuf")


@having("JSON-RPC answer")
def test_an_answer_as_it_is_written_for_a_caller(row: Row) -> None:
    message = wire.decode(BY_NAME[row["operation"]].response, row.bytes_of("protobuf"), BOUNDS)
    answer = jsonrpc.result(_id_text(row["JSON-RPC answer"]), protojson.encode(message, BOUNDS))
    assert answer.decode() == row["JSON-RPC answer"]


@having("JSON-RPC answer")
def test_an_answer_as_it_is_read_from_an_agent(row: Row) -> None:
    result = jsonrpc.read_answer(row["JSON-RPC answer"].encode(), BOUNDS)
    assert not isinstance(result, jsonrpc.Failure)
    message = protojson.from_value(BY_NAME[row["operation"]].response, result, BOUNDS)
    assert wire.encode(message, BOUNDS) == row.bytes_of("protobuf")


@having("server-sent event")
def test_an_event_as_it_is_written_for_a_caller(row: Row) -> None:
    event = wire.decode(BY_NAME[row["operation"]].response, row.bytes_of("protobuf"), BOUNDS)
    given = _id_text(row["server-sent event"].removeprefix("data: "))
    assert sse.frame(jsonrpc.result(given, protojson.encode(event, BOUNDS))) == row.frame()


@having("server-sent event")
def test_an_event_as_it_is_read_from_an_agent_byte_by_byte(row: Row) -> None:
    events = read_stream(one_by_one(row.frame()))
    assert events == read_stream([row.frame()])
    assert [(event.event, event.id) for event in events] == [("message", "")]
    result = jsonrpc.read_answer(events[0].data, BOUNDS)
    assert not isinstance(result, jsonrpc.Failure)
    message = protojson.from_value(BY_NAME[row["operation"]].response, result, BOUNDS)
    assert wire.encode(message, BOUNDS) == row.bytes_of("protobuf")


def test_a_whole_stream_byte_by_byte() -> None:
    frames = [row.frame() for row in MESSAGES if "server-sent event" in row]
    stream = sse.KEEP_ALIVE + sse.KEEP_ALIVE.join(frames) + sse.retry(1000)
    assert [b"data: %s\n\n" % event.data for event in read_stream(one_by_one(stream))] == frames


# Errors


def error_of(row: Row) -> AgentError:
    """The error as it stands in the row's gRPC bytes."""
    number, name = row["gRPC status"].split()
    code = GrpcStatus[name]
    assert code.value == int(number)
    return AgentError(*status.from_status("", code, row["says"], row.bytes_of("grpc-status-details-bin")))


@having("error", ERRORS)
def test_an_error_as_it_is_read_from_grpc(row: Row) -> None:
    error = error_of(row)
    assert (error.kind, error.message) == (ErrorKind[row["error"]], row["says"])


@having("error", ERRORS)
def test_an_error_as_it_is_read_from_json_rpc(row: Row) -> None:
    failure = jsonrpc.read_answer(row["JSON-RPC answer"].encode(), BOUNDS)
    assert isinstance(failure, jsonrpc.Failure)
    error = AgentError(*status.from_failure(failure))
    assert (error.kind, error.message, error.details) == (ErrorKind[row["error"]], row["says"], error_of(row).details)


@having("error", ERRORS)
def test_an_error_as_it_is_written_for_grpc(row: Row) -> None:
    failure = jsonrpc.read_answer(row["JSON-RPC answer"].encode(), BOUNDS)
    assert isinstance(failure, jsonrpc.Failure)
    error = AgentError(*status.from_failure(failure))
    rich = status.to_status(error, StatusProfile.V1_0_1)
    assert rich.to_binary() == row.bytes_of("grpc-status-details-bin")
    assert f"{rich.code} {error.kind.grpc_status().name}" == row["gRPC status"]
    old = row["gRPC status in 1.0.0"] if "gRPC status in 1.0.0" in row else row["gRPC status"]
    old_profile = StatusProfile.V1_0_0
    assert f"{status.to_status(error, old_profile).code} {error.kind.grpc_status(old_profile).name}" == old


@having("error", ERRORS)
def test_an_error_as_it_is_written_for_json_rpc(row: Row) -> None:
    error = error_of(row)
    answer = jsonrpc.failure(b"1", error.kind.row.jsonrpc, error.message, status.to_data(error))
    assert answer.decode() == row["JSON-RPC answer"]
    assert sse.frame(answer, "error") == row.frame()


@having("error", ERRORS)
def test_an_error_that_the_gateway_makes_itself_is_identified_alike(row: Row) -> None:
    made = AgentError(ErrorKind[row["error"]], row["says"])
    data = status.to_data(made)
    given = json.loads(row["JSON-RPC answer"])["error"]
    identity = {name: given["data"][0][name] for name in ("@type", "reason", "domain")}
    assert (made.kind.row.jsonrpc, data) == (given["code"], [identity])


@having("error", ERRORS)
def test_an_error_in_the_middle_of_a_stream_byte_by_byte(row: Row) -> None:
    events = read_stream(one_by_one(row.frame()))
    assert [(event.event, event.data.decode()) for event in events] == [("error", row["JSON-RPC answer"])]


def test_every_error_has_a_row() -> None:
    assert {row["error"] for row in ERRORS} == {kind.name for kind in ErrorKind}


# The rows themselves


def test_every_operation_has_its_request_and_its_answer_in_a_row() -> None:
    asked = {row["operation"] for row in MESSAGES if "JSON-RPC request" in row}
    answered = {row["operation"] for row in MESSAGES if {"JSON-RPC answer", "server-sent event"} & set(row.sections)}
    assert (asked, answered) == (set(BY_NAME), set(BY_NAME))


def test_every_field_of_every_message_is_in_a_row() -> None:
    seen: set[str] = set()
    for row in MESSAGES:
        if row["message"] != "Empty":
            seen |= _fields_of(message_type(row).desc(), json.loads(row["JSON"]))
    known = {f"{desc.name}.{field.json_name}" for desc in a2a.desc().messages for field in desc.fields}
    assert known - seen == set()


def test_every_name_of_every_enum_is_in_a_row() -> None:
    texts = "".join(row["JSON"] for row in MESSAGES)
    names = {value.name for enum in a2a.desc().enums for value in enum.values}
    assert {name for name in names if name not in texts} == {"TASK_STATE_UNSPECIFIED", "ROLE_UNSPECIFIED"}


def test_the_stock_runtime_agrees_with_every_row() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden.stock"], cwd=root, capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert done.stdout.startswith(f"{len(MESSAGES)} messages, {len(ERRORS)} errors")


def _id_text(envelope: str) -> bytes:
    """The id's own text in an envelope that this file's rows hold."""
    return envelope.removeprefix('{"jsonrpc":"2.0","id":').partition(',"result":')[0].encode()


def _fields_of(desc: DescMessage, value: dict[str, object]) -> set[str]:
    seen: set[str] = set()
    for field in desc.fields:
        if field.json_name not in value:
            continue
        seen.add(f"{desc.name}.{field.json_name}")
        member = value[field.json_name]
        match field.value:
            case DescFieldValueMessage(message=inner):
                below = [(inner, member)]
            case DescFieldValueList(element=DescMessage() as inner):
                below = [(inner, item) for item in member]
            case DescFieldValueMap(value=DescMessage() as inner):
                below = [(inner, item) for item in member.values()]
            case _:
                below = []
        for inner, item in below:
            if inner.file is desc.file:
                seen |= _fields_of(inner, item)
    return seen
