"""R23, R25 to R30, R32 and R33: what is too large, too deep, no text, no number, or means something else.

A text that is refused as a whole is INVALID_REQUEST or PARSE_ERROR, a value in it INVALID_PARAMS
(docs/input.md); the tables, which are older than that line, say INVALID_PARAMS for both.
"""

import asyncio
import base64
import json
import re
import time
from typing import Any, cast
from urllib.parse import quote

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given, settings
from hypothesis import strategies as st
from protobuf import Message

from gateway.codec import jsonrpc, jsontext, sse
from gateway.codec.malformed import Bounds, Malformed
from gateway.settings import Limits
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import h2_steps, http_steps, scripted_grpc
from tests.fakes.callers import Ending, GrpcCaller, H2Answer, H2Caller, HttpCaller, SseReader, grpc_headers
from tests.fakes.events import COMPLETED, Json, message, send_params, status, task, to_wire
from tests.fakes.scripted_h2 import ScriptedH2Agent
from tests.faults import tables
from tests.faults.gateway import (
    MIB,
    PATIENCE_S,
    STREAM,
    TO_GRPC,
    TO_JSONRPC,
    UNARY,
    Between,
    Told,
    Way,
    between,
    both_ways,
    growth,
    in_front_of,
    report,
    until_idle,
)
from tests.faults.tables import ACCEPT, INVALID_AGENT_RESPONSE, INVALID_PARAMS, PARSE_ERROR

pytestmark = pytest.mark.anyio

LIMITS = Limits.model_validate({})
REFUSED = {PARSE_ERROR: {PARSE_ERROR}, INVALID_PARAMS: {INVALID_PARAMS, "INVALID_REQUEST"}}
UNARY_PATH = f"/{scripted_grpc.SERVICE}/{UNARY}"
TOO_LARGE = "RESOURCE_EXHAUSTED"


@pytest.fixture
async def north(rigs: dict[str, Between]) -> Between:
    """A JSON-RPC caller's way, with an agent that answers."""
    return _answering(rigs[TO_GRPC.name])


@pytest.fixture
async def south(rigs: dict[str, Between]) -> Between:
    """A gRPC caller's way, with an agent that answers."""
    return _answering(rigs[TO_JSONRPC.name])


def _answering(it: Between) -> Between:
    it.agent.forget()
    it.agent.plays(UNARY, it.agent.answer(message()))
    return it


async def post(it: Between, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> tuple[int, str | None, Json]:
    """HTTP status, reason and whole answer of a body as it is."""
    async with it.caller() as caller:
        await caller.fake.post_body(body, headers)
        received = await caller.fake.read_all()
        assert received.ending is Ending.WHOLE
        answer = cast(Json, received.json())
        return received.status, reason(answer), answer


def reason(answer: Json) -> str | None:
    match answer:
        case {"error": {"data": [*details]}}:
            return next(str(detail["reason"]) for detail in details if isinstance(detail, dict) and "reason" in detail)
        case {"result": _}:
            return None
        case _:
            raise AssertionError(answer)


# R23


def padded(size: int) -> bytes:
    """A correct SendMessage request of so many bytes."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": UNARY, "params": send_params()}).encode()
    return body + b" " * (size - len(body))


def grown(size: int) -> bytes:
    """A SendMessageRequest of so many bytes in protobuf."""
    empty = len(to_wire(a2a.SendMessageRequest, send_params("x" * (size - 100))))
    wire = to_wire(a2a.SendMessageRequest, send_params("x" * (size - 100 + size - empty)))
    assert len(wire) == size
    return wire


async def test_r23_a_body_at_the_limit_passes_and_the_next_byte_is_refused(north: Between) -> None:
    assert (await post(north, padded(LIMITS.json_bytes)))[:2] == (200, None)
    assert (await post(north, padded(LIMITS.json_bytes + 1)))[:2] == (413, TOO_LARGE)
    assert north.agent.asked_times(UNARY) == 1


async def test_r23_an_announced_length_is_refused_unread(north: Between) -> None:
    async with north.caller() as caller:
        with growth() as grew:
            head = f"POST / HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ncontent-length: {1 << 30}\r\n\r\n"
            await caller.fake.send(head.encode())
            received = await caller.fake.read_all()
        assert (received.status, received.ending) == (413, Ending.WHOLE)
        assert grew.bytes < 2 * MIB


async def test_r23_a_body_of_ten_times_the_limit_is_answered_413(north: Between) -> None:
    async with north.caller() as caller:
        with growth() as grew:
            sending = asyncio.create_task(_send_until_cut(caller.fake, 10 * LIMITS.json_bytes))
            received = await caller.fake.read_all()
            sending.cancel()
            await asyncio.wait([sending])
        report("R23 10 times the limit", f"answered {received.status}; RSS +{grew.bytes >> 10} KiB")
        assert received.status == 413
        assert grew.bytes < 4 * MIB


async def _send_until_cut(caller: HttpCaller, size: int) -> int:
    head = f"POST / HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n"
    await caller.send(head.encode())
    sent = 0
    try:
        while sent < size:
            await caller.send(b" " * 65536)
            sent += 65536
    except ConnectionError:
        pass
    return sent


async def test_r23_a_stock_client_sees_413(north: Between) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        headers = {"content-type": "application/json"}
        for _ in range(5):
            answer = await client.post(f"http://{north.gateway.http}/", content=padded(8 * MIB), headers=headers)
            assert answer.status_code == 413
            assert reason(answer.json()) == TOO_LARGE
        body = padded(1000)
        assert (await client.post(f"http://{north.gateway.http}/", content=body, headers=headers)).status_code == 200


async def test_r23_chunks_without_end_are_refused_at_the_limit_and_not_read_for_ever() -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    taken = 0
    async with between(TO_GRPC, {"body_s": 1, "head_s": 1}) as it, it.caller() as caller:
        await caller.fake.send(
            b"POST / HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        )

        async def flood() -> None:
            nonlocal taken
            while True:
                await caller.fake.send(chunk)
                taken += 65536
                await asyncio.sleep(0)

        with growth() as grew:
            flooding = asyncio.create_task(flood())
            received = await caller.fake.read_head()
            refused_after = taken
            done, _ = await asyncio.wait([flooding], timeout=5)
        flooding.cancel()
        await asyncio.wait([flooding])
        report("R23 endless chunks", f"{received.status} after {refused_after >> 10} KiB, {taken >> 10} KiB taken")
        assert received.status == 413
        assert refused_after < LIMITS.json_bytes + 8 * MIB
        assert grew.bytes < 2 * LIMITS.json_bytes + 2 * MIB
        assert done, "what is left of a body that was refused is read for ever"
        assert isinstance(flooding.exception(), ConnectionError)


async def test_r23_what_trickles_in_after_a_refusal_is_not_waited_for_for_ever() -> None:
    limits: Json = {"body_s": 0.5, "head_s": 0.5, "idle_connection_s": 1}
    async with between(TO_GRPC, limits) as it, it.caller() as caller:
        head = f"POST / HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ncontent-length: {1 << 30}\r\n\r\n"
        await caller.fake.send(head.encode())
        assert (await caller.fake.read_all()).status == 413
        with pytest.raises(ConnectionError):
            await _trickle(caller.fake, 4)


async def _trickle(caller: HttpCaller, seconds: float) -> None:
    """A byte now and then, for so long."""
    for _ in range(int(seconds / 0.1)):
        await caller.send(b" ")
        await asyncio.sleep(0.1)


async def test_r23_a_length_that_promises_more_than_comes_is_waited_for_only_so_long() -> None:
    async with between(TO_GRPC, {"body_s": 0.3}) as it, it.caller() as caller:
        body = padded(500)
        head = (
            f"POST / HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ncontent-length: {len(body) + 1}\r\n\r\n"
        )
        await caller.fake.send(head.encode() + body)
        assert (await caller.fake.read_all()).status == 408
        assert it.agent.asked_times(UNARY) == 0


async def test_r23_a_length_that_promises_less_than_comes_makes_one_request_at_most(north: Between) -> None:
    async with north.caller() as caller:
        body = padded(500)
        head = (
            f"POST / HTTP/1.1\r\nhost: g\r\ncontent-type: application/json\r\ncontent-length: {len(body) - 200}\r\n\r\n"
        )
        await caller.fake.send(head.encode() + body)
        received = await caller.fake.read_all()
        if received.status == 200:  # what is left of the body was only white space
            assert reason(cast(Json, received.json())) in (None, PARSE_ERROR)
        await until_idle(north.gateway)
        assert north.agent.asked_times(UNARY) <= 1


async def test_r23_a_grpc_message_at_the_limit_passes_and_the_next_byte_is_refused(south: Between) -> None:
    async with GrpcCaller(south.gateway.grpc) as caller:
        for size, expected in (
            (LIMITS.message_bytes, "OK"),
            (LIMITS.message_bytes + 1, TOO_LARGE),
            (10 * LIMITS.message_bytes, TOO_LARGE),
            (1000, "OK"),
        ):
            outcome = await caller.call(UNARY, grown(size), timeout_s=30)
            assert outcome.code is not None
            assert outcome.code.name == expected, f"{size} bytes: {outcome.details}"
    assert south.agent.asked_times(UNARY) == 2


async def test_r23_a_grpc_prefix_that_claims_gigabytes_is_refused_unread(south: Between) -> None:
    with growth() as grew:
        async with H2Caller(south.gateway.grpc) as caller:
            pairs = grpc_headers(UNARY_PATH, south.gateway.grpc)
            body = b"\0" + (0xFFFF_FFFF).to_bytes(4, "big") + bytes(1000)
            answer = await caller.answer(await caller.start(pairs, body, end=False), PATIENCE_S)
    assert answer.grpc_status == 8
    assert grew.bytes < 2 * MIB


# R25


async def test_r25_http_fields_are_counted_exactly(north: Between) -> None:
    fixed = 4  # what the caller of the rig sends in any case
    for count, expected in ((LIMITS.header_fields, (200, None)), (LIMITS.header_fields + 1, (413, TOO_LARGE))):
        more = tuple((f"x-{number}", "1") for number in range(count - fixed))
        for _ in range(10):
            assert (await post(north, padded(300), more))[:2] == expected


async def test_r25_http_header_bytes_are_counted_exactly(north: Between) -> None:
    async with north.caller() as caller:
        fixed = {"host": north.gateway.http, "accept": "application/json, text/event-stream"}
        fixed |= {"content-type": "application/json", "content-length": "300", "x": ""}
        room = LIMITS.header_bytes - sum(len(name) + len(value) for name, value in fixed.items())
        for size, expected in ((room, 200), (room + 1, 413), (room, 200)):
            await caller.fake.post_body(padded(300), (("x", "y" * size),))
            assert (await caller.fake.read_all()).status == expected


@pytest.mark.parametrize(
    ("size", "refused"),
    [(6_000, False), (7_500, False), (8_192, True), (9_000, True), (12_000, True), (16_000, True), (20_000, True)],
)
async def test_r25_grpc_metadata_of_one_size_has_one_outcome(south: Between, size: int, refused: bool) -> None:
    outcomes = set[tuple[str, str | None]]()
    async with GrpcCaller(south.gateway.grpc, options=[("grpc.max_metadata_size", 1 << 20)]) as caller:
        request = to_wire(a2a.SendMessageRequest, send_params())
        for _ in range(30):
            outcome = await caller.call(UNARY, request, metadata=(("x-big", "y" * size),))
            assert outcome.code is not None
            outcomes.add((outcome.code.name, outcome.reason))
    assert outcomes == {(TOO_LARGE, TOO_LARGE) if refused else ("OK", None)}


async def test_r25_grpc_fields_are_counted(south: Between) -> None:
    request = to_wire(a2a.SendMessageRequest, send_params())
    async with GrpcCaller(south.gateway.grpc) as caller:
        for count, expected in ((60, None), (LIMITS.header_fields + 1, TOO_LARGE)):
            pairs = tuple((f"x-{number}", "1") for number in range(count))
            outcomes = [await caller.call(UNARY, request, metadata=pairs) for _ in range(10)]
            assert {outcome.reason for outcome in outcomes} == {expected}


@pytest.mark.parametrize("size", [2_000, 12_000, 18_000])
async def test_r25_an_agents_error_keeps_its_code_however_long_its_text_is(size: int) -> None:
    ending = h2_steps.trailers([("grpc-status", "5"), ("grpc-message", "x" * size)])
    async with ScriptedH2Agent({"*": [h2_steps.headers(), ending]}) as agent:
        async with in_front_of(agent.url) as gateway:
            it = Between(TO_GRPC, agent, gateway)
            for _ in range(3):
                told = await it.ask("GetTask", {"id": "task-1"})
                assert told.reason == "TASK_NOT_FOUND"
                check_cut(told.text, "x" * size)


async def test_r25_a_long_error_text_costs_no_more_than_it_is_long() -> None:
    # It is looked through for addresses, on the loop that serves everybody.
    def scripts(call: h2_steps.H2Call) -> h2_steps.Script:
        return [h2_steps.headers(), h2_steps.trailers([("grpc-status", "5"), ("grpc-message", "x" * size)])]

    spent_s: dict[int, float] = {}
    async with ScriptedH2Agent(scripts) as agent, in_front_of(agent.url) as gateway:
        it = Between(TO_GRPC, agent, gateway)
        for size in (100, 14_000):
            began_s = time.process_time()
            for _ in range(8):
                assert (await it.ask("GetTask", {"id": "task-1"})).reason == "TASK_NOT_FOUND"
            spent_s[size] = time.process_time() - began_s
    report("R25 long error text", f"{spent_s} s of CPU by size, for 8 calls")
    assert spent_s[14_000] < 10 * spent_s[100] + 0.8


def check_cut(told: str, text: str) -> None:
    """As much of a long text as fits into 1 KiB of a header of gRPC, which is most of it."""
    assert told.endswith("…")
    assert text.startswith(told[:-1])
    assert 900 < len(quote(told)) <= 1024


@both_ways
async def test_r25_a_long_error_text_is_cut_and_nothing_else_of_it(rig: Between, way: Way) -> None:
    rig.agent.plays(UNARY, rig.agent.fail("é" * 1500))
    told = await rig.ask(UNARY, send_params())
    assert told.reason == "TASK_NOT_FOUND"
    check_cut(told.text, "é" * 1500)


# R26


@pytest.mark.parametrize("row", tables.NESTING, ids=lambda row: row.name)
async def test_r26_a_request_is_refused_or_its_agent_can_read_it(north: Between, row: tables.NestingRow) -> None:
    code, told, answer = await post(north, row.body())
    assert code == 200
    if row.outcome == ACCEPT:
        assert told is None, answer
        assert await north.agent.request(UNARY)  # read by a stock decoder
    else:
        assert told in REFUSED[row.outcome], answer
        assert north.agent.asked_times(UNARY) == 0


def nested(levels: int) -> bytes:
    """The protobuf bytes of a Value of so many levels of lists, made without a decoder, which would refuse them."""
    value = b"\x1a\x01a"  # a string
    for _ in range(levels):
        items = b"\x0a" + _varint(len(value)) + value
        value = b"\x32" + _varint(len(items)) + items
    return value


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def wire_message(levels: int) -> bytes:
    """A Message with a data part of so many levels, in protobuf."""
    part = _field(_number(a2a.Part, "data"), nested(levels))
    role = _varint(_number(a2a.Message, "role") << 3) + b"\x01"
    return _field(_number(a2a.Message, "message_id"), b"m") + role + _field(_number(a2a.Message, "parts"), part)


def _number(shape: type[Message], name: str) -> int:
    return next(field.number for field in shape.desc().fields if field.name == name)


WIRE_LEVELS = [level for level in tables.LEVELS if level < 1000] + [2000]


@pytest.mark.parametrize("levels", WIRE_LEVELS)
async def test_r26_a_grpc_request_is_refused_or_its_agent_can_read_it(south: Between, levels: int) -> None:
    request = _field(_number(a2a.SendMessageRequest, "message"), wire_message(levels))
    async with GrpcCaller(south.gateway.grpc) as caller:
        outcome = await caller.call(UNARY, request)
    if levels <= tables.MOST_LEVELS:
        assert outcome.ok, outcome.details
        sent = cast(Any, await south.agent.request(UNARY))
        assert json.dumps(sent["message"]["parts"][0]["data"]) == "[" * levels + '"a"' + "]" * levels
    else:
        assert outcome.code is not None
        assert (outcome.code.name, outcome.reason) == ("INVALID_ARGUMENT", INVALID_PARAMS)
        assert south.agent.asked_times(UNARY) == 0


@pytest.mark.parametrize("rpc", [UNARY, STREAM])
@pytest.mark.parametrize("levels", WIRE_LEVELS)
async def test_r26_a_grpc_agents_answer_is_read_or_refused(north: Between, levels: int, rpc: str) -> None:
    number = _number(a2a.SendMessageResponse if rpc == UNARY else a2a.StreamResponse, "message")
    north.agent.plays(rpc, scripted_grpc.raw(_field(number, wire_message(levels))))
    told = await north.ask(rpc, send_params())
    _check_answer(told, levels)


@pytest.mark.parametrize("rpc", [UNARY, STREAM])
@pytest.mark.parametrize("levels", tables.LEVELS)
async def test_r26_a_jsonrpc_agents_answer_is_read_or_refused(south: Between, levels: int, rpc: str) -> None:
    value = b"[" * levels + b'"a"' + b"]" * levels
    answer = result_text(b'{"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"data": %b}]}}' % value)
    south.agent.plays(rpc, answering(rpc, answer))
    told = await south.ask(rpc, send_params())
    _check_answer(told, levels)


def _check_answer(told: Told, levels: int) -> None:
    if levels <= tables.MOST_LEVELS:
        assert told.reason is None, told.text
        assert len(told.results) == 1
    else:
        assert (told.results, told.reason, told.errors) == ([], INVALID_AGENT_RESPONSE, 1)


def result_text(result: bytes) -> bytes:
    return b'{"jsonrpc": "2.0", "id": null, "result": %b}' % result


def answering(rpc: str, text: bytes) -> http_steps.Step:
    """A JSON-RPC agent's answer as it is, but for its id: some leave it open, and so need not know ours."""
    text = text.replace(b'"id": 1', b'"id": null')
    return (
        http_steps.reply(200, http_steps.JSON_HEAD, text)
        if rpc == UNARY
        else http_steps.sse_text(b"data: " + text + b"\n\n")
    )


# R27

SAMPLE = [row for number, row in enumerate(tables.JSON_TEXTS) if number % 8 == 0 or row in tables.OPEN]
"""The whole corpus is put to the reader itself, in tests/codec; these to the whole course."""


def as_value(text: bytes) -> bytes:
    """A SendMessage request whose data part is this text."""
    return tables.text_body(b'"a"').replace(b'{"text": "a"}', b'{"data": %b}' % text)


@pytest.mark.parametrize("row", SAMPLE, ids=lambda row: row.name)
async def test_r27_json_from_a_caller(north: Between, row: tables.JsonText) -> None:
    code, told, answer = await post(north, as_value(row.text))
    assert code == 200
    if row.outcome == ACCEPT:
        assert told is None, answer
        sent = cast(Any, await north.agent.request(UNARY))
        assert sent["message"]["parts"][0].get("data") == json.loads(row.text)
    else:
        assert told in REFUSED[row.outcome] | {TOO_LARGE}, answer
        assert north.agent.asked_times(UNARY) == 0


@pytest.mark.parametrize("row", SAMPLE, ids=lambda row: row.name)
async def test_r27_json_from_an_agent(south: Between, row: tables.JsonText) -> None:
    result = b'{"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"data": %b}]}}' % row.text
    south.agent.plays(UNARY, answering(UNARY, result_text(result)))
    told = await south.ask(UNARY, send_params())
    if row.outcome == ACCEPT:
        assert told.reason is None, told.text
        assert cast(Any, told.results)[0]["message"]["parts"][0].get("data") == json.loads(row.text)
    else:
        assert (told.results, told.reason) == ([], INVALID_AGENT_RESPONSE)


def test_r27_the_reader_refuses_as_the_corpus_says() -> None:
    # All of it, once more and quickly, for who runs only these tests.
    bounds = Bounds()
    for row in tables.JSON_TEXTS:
        if row.layer == "text":
            assert _is_read(row.text, bounds) == (row.outcome == ACCEPT), row.name


def _is_read(text: bytes, bounds: Bounds) -> bool:
    try:
        jsontext.load(text, bounds)
    except Malformed:
        return False
    return True


# R28


@pytest.mark.parametrize("row", tables.NUMBERS, ids=lambda row: row.name)
async def test_r28_a_number_from_a_caller_is_exact_or_refused(north: Between, row: tables.NumberRow) -> None:
    if row.place == "int32":
        north.agent.plays("GetTask", scripted_grpc.answer({"id": "t"}, a2a.Task))
        body = b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "t", "historyLength": %b}}'
        rpc, body = "GetTask", body % row.text.encode()
    else:
        rpc, body = UNARY, as_value(row.text.encode())
    _, told, answer = await post(north, body)
    if row.outcome != ACCEPT:
        assert told in REFUSED[row.outcome], answer
        assert north.agent.asked_times(rpc) == 0
        return
    assert told is None, answer
    sent = cast(Any, await north.agent.request(rpc))
    assert (sent["historyLength"] if row.place == "int32" else sent["message"]["parts"][0]["data"]) == row.value


@pytest.mark.parametrize("row", [row for row in tables.NUMBERS if row.place == "free-form"], ids=lambda row: row.name)
async def test_r28_a_number_from_an_agent_is_exact_or_refused(south: Between, row: tables.NumberRow) -> None:
    result = b'{"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"data": %b}]}}' % row.text.encode()
    south.agent.plays(UNARY, answering(UNARY, result_text(result)))
    told = await south.ask(UNARY, send_params())
    if row.outcome == ACCEPT:
        assert told.reason is None, told.text
        assert cast(Any, told.results)[0]["message"]["parts"][0]["data"] == row.value
    else:
        assert (told.results, told.reason) == ([], INVALID_AGENT_RESPONSE)


@both_ways
@pytest.mark.parametrize("value", [2**53 - 1, -(2**53), 2**53 + 2, 1e308, 5e-324, 0.1, 1])
async def test_r28_a_number_goes_out_and_comes_back_the_same(rig: Between, way: Way, value: float) -> None:
    params: Json = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": value}]}}
    back: Json = {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"data": value}]}}
    rig.agent.plays(UNARY, rig.agent.answer(back))
    told = await rig.ask(UNARY, params)
    assert (told.results, told.reason) == ([back], None)
    assert cast(Any, await rig.agent.request(UNARY))["message"] == params["message"]


# R29


@pytest.mark.parametrize("row", tables.TEXTS, ids=lambda row: row.name)
async def test_r29_a_text_from_a_caller_arrives_or_is_refused(north: Between, row: tables.TextRow) -> None:
    code, told, answer = await post(north, row.body)
    assert code == 200
    if row.outcome == ACCEPT:
        assert told is None, answer
        assert cast(Any, await north.agent.request(UNARY))["message"]["parts"][0]["text"] == row.seen
    else:
        assert told in REFUSED[row.outcome], answer
        assert north.agent.asked_times(UNARY) == 0


@pytest.mark.parametrize("rpc", [UNARY, STREAM])
@pytest.mark.parametrize("row", tables.TEXTS, ids=lambda row: row.name)
async def test_r29_a_text_from_an_agent_arrives_or_is_refused(south: Between, row: tables.TextRow, rpc: str) -> None:
    answer = row.body.replace(b'"method": "SendMessage", "params"', b'"result"')
    assert b"result" in answer
    if rpc == STREAM and (b"\n" in answer or answer.startswith(b"\xef\xbb\xbf")):
        pytest.skip("a line break in it would end the line of the event, and a mark stands before no event")
    south.agent.plays(rpc, answering(rpc, answer))
    told = await south.ask(rpc, send_params())
    if row.outcome == ACCEPT:
        assert told.reason is None, told.text
        assert cast(Any, told.results)[0]["message"]["parts"][0]["text"] == row.seen
    else:
        assert (told.results, told.reason, told.errors) == ([], INVALID_AGENT_RESPONSE, 1)


@pytest.mark.parametrize("text", [b"\xff", b"\xc0\xaf", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
async def test_r29_bytes_that_are_no_text_are_refused_in_protobuf_too(rigs: dict[str, Between], text: bytes) -> None:
    part = _field(_number(a2a.Part, "text"), text)
    role = _varint(_number(a2a.Message, "role") << 3) + b"\x01"
    body = _field(_number(a2a.Message, "message_id"), b"m") + role + _field(_number(a2a.Message, "parts"), part)
    south, north = _answering(rigs[TO_JSONRPC.name]), _answering(rigs[TO_GRPC.name])
    async with GrpcCaller(south.gateway.grpc) as caller:
        outcome = await caller.call(UNARY, _field(_number(a2a.SendMessageRequest, "message"), body))
    assert outcome.code is not None
    assert (outcome.code.name, outcome.reason) == ("INVALID_ARGUMENT", INVALID_PARAMS)
    assert south.agent.asked_times(UNARY) == 0
    north.agent.plays(UNARY, scripted_grpc.raw(_field(_number(a2a.SendMessageResponse, "message"), body)))
    told = await north.ask(UNARY, send_params())
    assert (told.results, told.reason) == ([], INVALID_AGENT_RESPONSE)


# R30


def raw_body(row: tables.Base64Row) -> bytes:
    return tables.text_body(b'"a"').replace(b'{"text": "a"}', b'{"raw": %b}' % json.dumps(row.text).encode())


@pytest.mark.parametrize("row", tables.BASE64, ids=lambda row: row.name)
async def test_r30_base64_from_a_caller(north: Between, row: tables.Base64Row) -> None:
    _, told, answer = await post(north, raw_body(row))
    if row.outcome == ACCEPT:
        assert told is None, answer
        sent = cast(Any, await north.agent.request(UNARY))
        assert base64.b64decode(sent["message"]["parts"][0]["raw"]) == row.content
    else:
        assert told in REFUSED[row.outcome], str(answer)[:300]
        assert north.agent.asked_times(UNARY) == 0


@pytest.mark.parametrize("row", tables.BASE64, ids=lambda row: row.name)
async def test_r30_base64_from_an_agent(south: Between, row: tables.Base64Row) -> None:
    answer = raw_body(row).replace(b'"method": "SendMessage", "params"', b'"result"')
    south.agent.plays(UNARY, answering(UNARY, answer))
    told = await south.ask(UNARY, send_params())
    if row.outcome == ACCEPT:
        assert told.reason is None, told.text
        assert base64.b64decode(cast(Any, told.results)[0]["message"]["parts"][0]["raw"]) == row.content
    else:
        assert (told.results, told.reason) == ([], INVALID_AGENT_RESPONSE)


# R32

NASTY = (
    "a\r\nb\rc\nd",
    "\n\n",
    "data: x\n\n",
    "event: error\ndata: {}\n\n",
    "id: 1\nretry: 1\n",
    "\x00",
    "\u0085",
    "\u2028\u2029",
    "\ufeff",
    ": comment\n",
    "\x0b\x0c\x1c\x1d\x1e",
    "\\n",
    "a\u0085b\u2028data: c",
)


def by_httpx_sse(body: bytes) -> list[tuple[str, str]]:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)
    return [(event.event, event.data) for event in EventSource(response).iter_sse()]


def by_the_rig(body: bytes) -> list[tuple[str, str]]:
    return [(event.name, event.data) for event in SseReader().feed(body)]


def by_the_gateway(body: bytes) -> list[tuple[str, str]]:
    return [(event.event, event.data.decode()) for event in sse.SseReader(1 << 24).feed(body)]


READERS = (by_httpx_sse, by_the_rig, by_the_gateway)
TEXT = st.text(st.characters(codec="utf-8"), max_size=40) | st.sampled_from(NASTY)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(TEXT, st.sampled_from(["", "error"]), st.booleans()), min_size=1, max_size=8))
def test_r32_three_readers_see_the_same_events(rows: list[tuple[str, str, bool]]) -> None:
    texts = [jsonrpc.result(b'"1"', jsontext.dump({"text": text, "quiet": quiet})) for text, _, quiet in rows]
    body = b"".join(
        (sse.KEEP_ALIVE if quiet else b"") + sse.frame(data, event)
        for data, (_, event, quiet) in zip(texts, rows, strict=True)
    )
    for read in READERS:
        events = read(body)
        assert [json.loads(data)["result"]["text"] for _, data in events] == [text for text, _, _ in rows]
        assert [name for name, _ in events] == [event or "message" for _, event, _ in rows]


async def test_r32_awkward_texts_stay_inside_their_events(north: Between) -> None:
    events: list[Json] = [task("t\n\nid")]
    for number, text in enumerate(NASTY):
        update = status(text=text, task_id="t\n\nid", context_id=text)
        update["statusUpdate"]["metadata"] = {text or "x": text, "n": number}  # type: ignore[index,call-overload]
        events.append(update)
    north.agent.plays(STREAM, *map(north.agent.event, events), north.agent.fail("data: x\n\nevent: y\r\r"))
    async with north.caller() as caller:
        await caller.fake.post(STREAM, send_params(), call_id="a\n\nb\u2028c\u0085")
        received = await caller.fake.read_all()
    assert received.ending is Ending.WHOLE
    for read in READERS:
        seen = [(name, json.loads(data)) for name, data in read(bytes(received.body))]
        assert [name for name, _ in seen] == ["message"] * len(events) + ["error"]
        assert [envelope["result"] for _, envelope in seen[:-1]] == events
        assert {envelope["id"] for _, envelope in seen} == {"a\n\nb\u2028c\u0085"}
        assert seen[-1][1]["error"]["message"] == "data: x\n\nevent: y\r\r"


@pytest.mark.parametrize("id", ["7\n\ndata: {}", "a\rb", "\x00", "x" * 10_000, "\u2028"], ids=ascii)
async def test_r32_an_agents_event_id_never_makes_an_event(id: str) -> None:
    # The point to resume from is the agent's own; here both sides speak JSON-RPC.
    async with TO_JSONRPC.agent() as agent, in_front_of(agent.url) as gateway:
        event = json.dumps({"jsonrpc": "2.0", "id": 1, "result": task(state=COMPLETED)})
        agent.plays(STREAM, http_steps.sse_text(f"id: {id}\ndata: {event}\n\n"))
        async with TO_GRPC.caller(gateway) as caller:
            await caller.ask(STREAM, send_params())
            await caller.told()
            body = bytes(caller.fake.received.body)  # type: ignore[attr-defined]
        envelopes = [[json.loads(data) for name, data in read(body) if name == "message"] for read in READERS]
        assert envelopes[0] == envelopes[1] == envelopes[2]
        assert all("result" in envelope for envelope in envelopes[0])


# R33

AGENT_SEES = re.compile(
    r"authorization|traceparent|tracestate|baggage|last-event-id|a2a-version|(x-)?a2a-extensions|user-agent|host|accept"
    r"|accept-encoding"
    r"|connection|content-type|content-length|te|grpc-timeout|grpc-accept-encoding|:.*"
)
"""What an agent may see: the list of what is forwarded, and what the gateway's own client says."""


@pytest.mark.parametrize("row", [row for row in tables.HEADERS if row.wire == "http"], ids=lambda row: row.name)
async def test_r33_a_header_of_an_http_caller(north: Between, row: tables.HeaderRow) -> None:
    body = padded(300)
    async with north.caller() as caller:
        await caller.fake.post_body(body, ((row.field, row.value),))
        received = await caller.fake.read_all()
    told = reason(cast(Json, received.json())) if received.header("content-type") == "application/json" else "refused"
    assert received.status < 500, "no fault of a caller's is the gateway's"
    assert told not in ("INTERNAL_ERROR", "UNKNOWN", "UNAVAILABLE")
    asked = north.agent.fake.calls_of(UNARY)
    metadata = [(name, value) for call in asked for name, value in call.metadata]
    _check_header(row, told is None, metadata)


REFUSED_BY_GRPC = {"upper case", "te", "binary key with text", "second :authority", "unknown pseudo header"}
"""Header lists that break HTTP/2 or gRPC themselves: grpc's core answers INTERNAL before any code of the gateway's."""
TAKEN_BY_GRPC = {"second :path"}
"""Of two paths grpc's core takes the last, as a bare grpc server does: it is the caller's own call that changes."""


@pytest.mark.parametrize("row", [row for row in tables.HEADERS if row.wire == "grpc"], ids=lambda row: row.name)
async def test_r33_a_header_of_a_grpc_caller(south: Between, row: tables.HeaderRow) -> None:
    answer = await _h2_call(south, (row.field, row.value))
    asked = [request for request in south.agent.fake.requests if request.rpc]
    if row.name in TAKEN_BY_GRPC:
        assert len(asked) <= 1
        return
    if row.name in REFUSED_BY_GRPC and answer.grpc_status == 13:
        assert answer.header("grpc-status-details-bin") is None, "the gateway's own word"
    else:
        assert answer.grpc_status not in (2, 13), answer
    _check_header(row, answer.grpc_status == 0, [pair for request in asked for pair in request.headers])
    assert all(request.rpc == UNARY for request in asked)


async def _h2_call(it: Between, *more: tuple[str, str]) -> H2Answer:
    async with H2Caller(it.gateway.grpc) as caller:
        return await caller.call(UNARY_PATH, to_wire(a2a.SendMessageRequest, send_params()), *more)


def _check_header(row: tables.HeaderRow, succeeded: bool, seen: list[tuple[str, str | bytes]]) -> None:
    match row.outcome:
        case "forwarded":
            assert succeeded
            assert (row.field, row.value) in seen
        case "dropped":
            assert succeeded
            assert row.value == "" or row.value not in [value for _, value in seen]
        case _:
            assert succeeded == bool(seen)
            assert row.value not in [value for _, value in seen if value != "1"]
    for name, value in seen:
        assert AGENT_SEES.fullmatch(name), name
        assert "evil" not in str(value)


@both_ways
@pytest.mark.parametrize(("name", "text"), tables.STATUS_TEXTS, ids=[row[0] for row in tables.STATUS_TEXTS])
@pytest.mark.parametrize("rpc", [UNARY, STREAM])
async def test_r33_the_text_of_an_agents_error_is_a_text(
    rig: Between, way: Way, name: str, text: str, rpc: str
) -> None:
    first = [] if rpc == UNARY else [rig.agent.event(task())]
    last = rig.agent.fail(text)
    if rpc == STREAM and way is TO_JSONRPC:
        last = http_steps.sse_error(-32001, text)
    rig.agent.plays(rpc, *first, last)
    told = await rig.ask(rpc, send_params())
    assert (told.results, told.reason, told.errors) == ([task()][: len(first)], "TASK_NOT_FOUND", 1)
    if len(text) > 1024:
        check_cut(told.text, text)
    else:
        assert told.text == text
