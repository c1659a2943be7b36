"""R09, R11, R12 and R24: agents that die, break the protocol, answer nonsense or never stop."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator

import pytest

from gateway.app import Gateway
from generated.a2a.v1 import a2a_pb as a2a
from generated.google.rpc.error_details_pb import ErrorInfo
from generated.google.rpc.status_pb import Status
from tests.fakes import h2_steps, http_steps, scripted_grpc, steps
from tests.fakes.callers import H2Answer, H2Caller
from tests.fakes.events import (
    INPUT_REQUIRED,
    Json,
    artifact,
    event_bytes,
    from_wire,
    message,
    raw_part,
    send_params,
    task,
    to_wire,
)
from tests.fakes.loopback import Cut
from tests.fakes.scripted_h2 import ScriptedH2Agent
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.faults import replies, tables
from tests.faults.gateway import (
    CUT,
    EVENTS,
    MIB,
    STREAM,
    TO_GRPC,
    TO_JSONRPC,
    UNARY,
    Between,
    GrpcSideCaller,
    JsonRpcCaller,
    Told,
    Way,
    both_ways,
    growth,
    in_front_of,
    now,
    report,
    until_idle,
)
from tests.faults.tables import ACCEPT, INVALID_AGENT_RESPONSE

pytestmark = pytest.mark.anyio

GRPC_STREAM: h2_steps.Script = [
    h2_steps.headers(),
    *(h2_steps.message(event_bytes(event)) for event in EVENTS),
    h2_steps.trailers(),
]
HTTP_STREAM: http_steps.Script = [http_steps.sse(event) for event in EVENTS]


# R09


def check_cut(told: Told, events: set[int], where: str) -> None:
    """A cut stream: the first of the events, one of these numbers of them, and then one error, of the connection."""
    assert told.reason == "UNAVAILABLE", f"{where}: {told.reason} after {len(told.results)} events: {told.text}"
    assert told.results == EVENTS[: len(told.results)], where
    assert len(told.results) in events, f"{where}: {len(told.results)} events, expected {events}"
    assert (told.errors, told.late) == (1, 0), where


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
async def test_r09_a_grpc_agent_that_dies_at_any_byte_never_looks_done(reset: bool) -> None:
    # The agent sends an event when the caller has the one before: when a connection ends, grpc's core throws away
    # what its reader has not taken yet, so of events that come at once with their end, the last ones may be lost.
    got: list[asyncio.Event] = []
    ends: list[int] = []

    def script(call: h2_steps.H2Call) -> h2_steps.Script:
        async def note_end(exchange: h2_steps.H2Exchange) -> None:
            ends.append(exchange.call.meter.bytes)

        acts: list[h2_steps.Step] = [h2_steps.headers()]
        for event, taken in zip(EVENTS, got, strict=True):
            acts += [h2_steps.message(event_bytes(event)), note_end, steps.wait(taken)]
        return [*acts, h2_steps.trailers()]

    async def ask(gateway: Gateway) -> Told:
        """One call that reached the agent; one on a connection that is just being found dead is made again."""
        while True:
            asked = len(agent.calls)
            told = await ask_once(gateway)
            if len(agent.calls) > asked:
                return told
            assert (told.results, told.reason) == ([], "UNAVAILABLE")

    async def ask_once(gateway: Gateway) -> Told:
        got[:] = [asyncio.Event() for _ in EVENTS]
        async with JsonRpcCaller(gateway) as caller:
            await caller.ask(STREAM, send_params())
            for taken in got:
                try:
                    await caller.result()
                except AssertionError:
                    break
                taken.set()
            return await caller.told()

    async with ScriptedH2Agent(script) as agent:
        async with in_front_of(agent.url, limits={"reconnect_s": 0.001}) as gateway:
            whole = await ask(gateway)
            assert (whole.results, whole.reason) == (EVENTS, None)
            length, whole_events = agent.calls[-1].meter.bytes, list(ends)
            slowest_s = 0.0
            for offset in range(1, length):
                agent.cut = Cut(offset, reset)
                began = now()
                told = await ask(gateway)
                slowest_s = max(slowest_s, now() - began)
                before = sum(end <= offset for end in whole_events)
                arrived = {before, before - 1} if offset in whole_events else {before}
                check_cut(told, arrived, f"cut after {offset} of {length} bytes")
            report(
                f"R09 gRPC agent, {'RST' if reset else 'FIN'}",
                f"{length - 1} offsets, slowest {slowest_s * 1000:.0f} ms",
            )
            agent.cut = None
            assert (await ask(gateway)).reason is None


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
async def test_r09_a_jsonrpc_agent_that_dies_at_any_byte_never_looks_done(reset: bool) -> None:
    # The caller is one that shows all that came: grpc's own may drop messages that come together with an error.
    ends: list[int] = []

    async def note_end(exchange: http_steps.HttpExchange) -> None:
        ends.append(exchange.request.meter.bytes - len(b"\r\n"))  # what ends the chunk is no part of the event

    # Always the same id, so that the bytes are the same in every run.
    frames = [b"data: " + json.dumps({"jsonrpc": "2.0", "id": None, "result": event}).encode() for event in EVENTS]
    script = [act for data in frames for act in (http_steps.sse_text(data + b"\n\n"), note_end)]
    async with ScriptedHttpAgent({"*": script}) as agent, in_front_of(agent.url) as gateway:
        async with H2Caller(gateway.grpc) as caller:
            whole = await _ask_h2(caller)
            assert (whole.results, whole.reason) == (EVENTS, None)
            length, whole_events = agent.requests[-1].meter.bytes, list(ends)
            slowest_s = 0.0
            offsets = range(1, length, 3 if reset else 1)
            for offset in offsets:
                agent.cut = Cut(offset, reset)
                began = now()
                told = await _ask_h2(caller)
                slowest_s = max(slowest_s, now() - began)
                before = sum(end <= offset for end in whole_events)
                # A reset may overtake what was sent before it.
                arrived = set(range(before + 1)) if reset else {before}
                check_cut(told, arrived, f"cut after {offset} of {length} bytes")
            report(
                f"R09 JSON-RPC agent, {'RST' if reset else 'FIN'}",
                f"{len(offsets)} offsets, slowest {slowest_s * 1000:.0f} ms",
            )
        await until_idle(gateway)


async def _ask_h2(caller: H2Caller) -> Told:
    path = f"/{scripted_grpc.SERVICE}/{STREAM}"
    answer = await caller.call(path, to_wire(a2a.SendMessageRequest, send_params()))
    results = [from_wire(a2a.StreamResponse, message) for message in answer.messages]
    if answer.grpc_status == 0:
        return Told(results)
    return Told(results, grpc_reason(answer), answer.header("grpc-message") or "", errors=1)


def grpc_reason(answer: H2Answer) -> str:
    """`ErrorInfo.reason` out of the trailers."""
    packed = answer.header("grpc-status-details-bin")
    assert packed is not None, answer
    for detail in Status.from_binary(base64.b64decode(packed + "=" * (-len(packed) % 4))).details:
        if detail.is_type(ErrorInfo):
            return ErrorInfo.from_binary(detail.value).reason
    raise AssertionError(answer)


@pytest.mark.parametrize("code", range(14), ids=lambda code: f"code {code}")
async def test_r09_a_stream_that_its_grpc_agent_resets_never_looks_done(h2_agent: Between, code: int) -> None:
    beginning: list[h2_steps.Step] = [h2_steps.headers(), h2_steps.message(event_bytes(EVENTS[0]))]
    h2_agent.agent.scripts = {STREAM: [*beginning, steps.sleep(0.02), h2_steps.rst_stream(code)]}
    told = await h2_agent.ask(STREAM, send_params())
    assert told.reason not in (None, CUT)
    assert (told.results, told.errors, told.late) == (EVENTS[:1], 1, 0)


async def test_r09_a_grpc_agent_that_says_goodbye_may_finish(h2_agent: Between) -> None:
    h2_agent.agent.scripts = {STREAM: [h2_steps.goaway(0), *GRPC_STREAM]}
    told = await h2_agent.ask(STREAM, send_params())
    assert (told.results, told.reason) == (EVENTS, None)


async def test_r09_an_event_that_its_agent_did_not_end_is_no_event() -> None:
    async with ScriptedHttpAgent({"*": [*HTTP_STREAM[:2], http_steps.sse_text("data: {")]}) as agent:
        async with in_front_of(agent.url) as gateway:
            told = await _ask(GrpcSideCaller(gateway))
            assert (told.results, told.reason) == (EVENTS[:2], "UNAVAILABLE")


async def test_what_came_together_with_an_event_too_large_for_the_caller_is_seen_before_the_error() -> None:
    # Within the bound of a message; base64 makes more of it than a JSON text may have.
    large = artifact("")
    large["artifactUpdate"]["artifact"]["parts"] = [raw_part(b"x" * 90_000)]  # type: ignore[index,call-overload]
    together = b"".join(h2_steps.frame(event_bytes(event)) for event in (*EVENTS[:2], large))
    script: h2_steps.Script = [h2_steps.headers(), h2_steps.data(together), h2_steps.trailers()]
    async with ScriptedH2Agent({"*": script}) as agent:
        async with in_front_of(agent.url, limits={"json_bytes": 100_000}) as gateway:
            told = await _ask(JsonRpcCaller(gateway))
    assert (told.results, told.reason) == (EVENTS[:2], "RESOURCE_EXHAUSTED")


@pytest.mark.parametrize("framed", [True, False], ids=["chunked", "until the end of the connection"])
async def test_r09_half_an_event_at_the_end_is_a_cut_even_where_a_stream_may_end(framed: bool) -> None:
    # A task that waits for input may end its stream; one that was cut while it said more did not.
    waiting = task(state=INPUT_REQUIRED)
    half = b'data: {"jsonrpc":"2.0","id":1,"result":{"statusUpd'
    head = [] if framed else [http_steps.head(200, (*http_steps.SSE_HEAD, ("connection", "close")), chunked=False)]
    script = [*head, http_steps.sse(waiting), http_steps.sse_text(half), *([] if framed else [http_steps.fin()])]
    async with ScriptedHttpAgent({"*": script}) as agent, in_front_of(agent.url) as gateway:
        told = await _ask(GrpcSideCaller(gateway))
        assert told.reason == "UNAVAILABLE"


async def _ask(caller: JsonRpcCaller | GrpcSideCaller) -> Told:
    async with caller:
        await caller.ask(STREAM, send_params())
        return await caller.told()


# R11


@both_ways
@pytest.mark.parametrize("script", tables.CONTRACT_BREACHES, ids=lambda script: script.name)
async def test_r11_a_breach_of_the_stream_contract_is_told_once(
    rig: Between, way: Way, script: tables.ContractScript
) -> None:
    rig.agent.plays(script.operation, *_acts(rig, script))
    request: Json = send_params() if script.operation == STREAM else {"id": "task-1"}
    told = await rig.ask(script.operation, request)
    outcome = (script.over_grpc if way is TO_GRPC else None) or script.outcome
    if outcome == ACCEPT:
        assert told.reason is None
        return
    assert (told.reason, told.errors, told.late) == (outcome, 1, 0)
    assert told.results == list(script.events[: script.kept])


@both_ways
@pytest.mark.parametrize("script", tables.CONTRACT_KEPT, ids=lambda script: script.name)
async def test_r11_a_stream_that_keeps_the_contract_passes(
    rig: Between, way: Way, script: tables.ContractScript
) -> None:
    rig.agent.plays(script.operation, *_acts(rig, script))
    told = await rig.ask(script.operation, send_params() if script.operation == STREAM else {"id": "task-1"})
    assert told.reason is None
    expected = [_without_empty(event) for event in script.events]
    assert [_without_empty(event) for event in told.results] == expected


def _acts(rig: Between, script: tables.ContractScript) -> list[object]:
    """One act an event; an agent of no events still answers with a stream."""
    if script.events or rig.way is TO_GRPC:
        return [rig.agent.event(event) for event in script.events]
    return [http_steps.head()]


def _without_empty(event: Json) -> Json:
    """An empty text and an absent one are one in protobuf."""
    return {
        name: _without_empty(value) if isinstance(value, dict) else value
        for name, value in event.items()
        if value != ""
    }


# R12


@pytest.mark.parametrize("row", [row for row in tables.REPLIES if row.wire == "grpc"], ids=lambda row: row.name)
async def test_r12_a_broken_grpc_answer_is_the_agents_error(h2_agent: Between, row: tables.ReplyRow) -> None:
    h2_agent.agent.scripts = {"*": replies.GRPC[row.reply]}
    told = await h2_agent.ask("GetTask", {"id": "task-1"})
    assert told.reason in (row.outcome, row.by_race), told.text
    assert (told.results, told.errors) == ([], 1)
    assert "127.0.0.1" not in told.text


@pytest.mark.parametrize("row", [row for row in tables.REPLIES if row.wire == "http"], ids=lambda row: row.name)
async def test_r12_a_broken_http_answer_is_the_agents_error(rigs: dict[str, Between], row: tables.ReplyRow) -> None:
    rig = rigs[TO_JSONRPC.name]
    rig.agent.fake.scripts = {"*": replies.HTTP[row.reply]}
    told = await rig.ask("GetTask", {"id": "task-1"})
    assert told.reason == row.outcome, told.text
    assert (told.results, told.errors) == ([], 1)
    assert "127.0.0.1" not in told.text


@pytest.mark.parametrize("reply", [name for name in replies.HTTP if name not in ("204", "another call's id")])
async def test_r12_a_stream_that_is_none_is_the_agents_error(rigs: dict[str, Between], reply: str) -> None:
    rig = rigs[TO_JSONRPC.name]
    rig.agent.fake.scripts = {"*": replies.HTTP[reply]}
    told = await rig.ask(STREAM, send_params())
    assert told.reason in (INVALID_AGENT_RESPONSE, "UNAVAILABLE"), told.text
    assert (told.results, told.errors) == ([], 1)


async def test_r12_another_calls_answer_is_nobodys(rigs: dict[str, Between]) -> None:
    # Decision: an answer with an id must be this call's; without one it may be, since some agents leave it out.
    rig = rigs[TO_JSONRPC.name]
    rig.agent.fake.scripts = {"*": replies.HTTP["another call's id"]}
    told = await rig.ask("GetTask", {"id": "task-1"})
    assert (told.results, told.reason) == ([], INVALID_AGENT_RESPONSE)


@pytest.fixture(scope="module")
async def h2_agent() -> AsyncIterator[Between]:
    """A gRPC agent that can break HTTP/2, behind the gateway."""
    async with ScriptedH2Agent({}) as agent, in_front_of(agent.url, limits={"reconnect_s": 0.001}) as gateway:
        yield Between(TO_GRPC, agent, gateway)


# R24

MOST_GROWTH = 40 * MIB
"""Of the whole process: one event of the 6 MiB that are allowed, as text and as a value, the agent's copy, the caller's."""


def endless(piece: bytes, pieces: int, before: bytes = b"") -> http_steps.Step:
    """So many pieces, if they are taken: a body without chunks, so that no framing bounds it."""

    async def step(exchange: http_steps.HttpExchange) -> None:
        await exchange.head(200, (*http_steps.SSE_HEAD, ("connection", "close")), chunked=False)
        await exchange.send(before)
        for _ in range(pieces):
            await exchange.send(piece)
        exchange.end(reset=False)

    return step


FLOODS: dict[str, http_steps.Step] = {
    "one event of 100 MB": endless(b'"' * (1 << 16), 1600, b'data: {"jsonrpc":"2.0","id":1,"result":"'),
    "a line without an end": endless(b"x" * (1 << 16), 1600),
    "a field name without an end": endless(b"x" * (1 << 16), 1600, b"data"),
    "a comment without an end": endless(b"-" * (1 << 16), 1600, b": "),
    "many data lines of one event": endless(b"data: " + b"x" * 1000 + b"\n", 100_000),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_r24_an_event_without_an_end_is_refused_before_it_fills_memory(
    rigs: dict[str, Between], flood: str
) -> None:
    rig = rigs[TO_JSONRPC.name]
    rig.agent.forget()
    rig.agent.plays(STREAM, FLOODS[flood])
    with growth() as grown:
        began = now()
        told = await rig.ask(STREAM, send_params())
        took_s = now() - began
    request = await rig.agent.asked(STREAM)
    report(
        f"R24 {flood}", f"refused after {took_s:.2f} s, {request.meter.bytes >> 10} KiB; RSS +{grown.bytes >> 10} KiB"
    )
    assert (told.results, told.reason, told.errors) == ([], "RESOURCE_EXHAUSTED", 1)
    assert request.meter.bytes < 12 * MIB
    assert grown.bytes < MOST_GROWTH
    await rig.agent.freed_at(STREAM)


async def test_r24_a_million_empty_data_lines_cost_no_more_than_their_bytes(rigs: dict[str, Between]) -> None:
    # A line of an event takes more room than its bytes, so what counts is how many there may be.
    rig = rigs[TO_JSONRPC.name]
    rig.agent.forget()
    lines = endless(b"data:\n" * 10_000, 100)
    rig.agent.plays(STREAM, lines)
    with growth() as grown:
        began = now()
        told = await rig.ask(STREAM, send_params())
        took_s = now() - began
    report("R24 a million empty data lines", f"{took_s:.2f} s; RSS +{grown.bytes >> 10} KiB")
    assert (told.results, told.errors) == ([], 1)
    assert told.reason in ("RESOURCE_EXHAUSTED", INVALID_AGENT_RESPONSE, "UNAVAILABLE")
    assert grown.bytes < MOST_GROWTH


async def test_r24_empty_data_lines_without_an_end_are_refused(rigs: dict[str, Between]) -> None:
    rig = rigs[TO_JSONRPC.name]
    rig.agent.forget()
    rig.agent.plays(STREAM, endless(b"data:\n" * 10_000, 5000))
    with growth() as grown:
        told = await rig.ask(STREAM, send_params())
    request = await rig.agent.asked(STREAM)
    report("R24 empty data lines without an end", f"{request.meter.bytes >> 10} KiB; RSS +{grown.bytes >> 10} KiB")
    assert (told.results, told.reason, told.errors) == ([], "RESOURCE_EXHAUSTED", 1)
    assert request.meter.bytes < 12 * MIB, "every byte of a line counts"
    assert grown.bytes < MOST_GROWTH


async def test_r24_lines_between_events_cost_nothing(rigs: dict[str, Between]) -> None:
    rig = rigs[TO_JSONRPC.name]
    rig.agent.forget()
    rig.agent.plays(STREAM, http_steps.sse_text(b": ka\n" * 200_000 + b"\n" * 200_000), *HTTP_STREAM)
    with growth() as grown:
        told = await rig.ask(STREAM, send_params())
    assert (told.results, told.reason) == (EVENTS, None)
    assert grown.bytes < MOST_GROWTH


async def test_r24_a_unary_answer_that_is_too_long_is_refused_before_it_is_read(rigs: dict[str, Between]) -> None:
    rig = rigs[TO_JSONRPC.name]
    rig.agent.forget()

    async def answer(exchange: http_steps.HttpExchange) -> None:
        await exchange.head(200, http_steps.JSON_HEAD, chunked=True)
        for _ in range(1600):
            await exchange.body(b" " * (1 << 16))

    rig.agent.plays(UNARY, answer)
    with growth() as grown:
        told = await rig.ask(UNARY, send_params())
    request = await rig.agent.asked(UNARY)
    report("R24 unary answer of 100 MB", f"refused after {request.meter.bytes >> 10} KiB; RSS +{grown.bytes >> 10} KiB")
    assert (told.results, told.reason, told.errors) == ([], "RESOURCE_EXHAUSTED", 1)
    assert request.meter.bytes < 12 * MIB


CONTROL_CHARACTERS: Json = message("\x01" * (4 * MIB - 1000))
"""4 MiB in protobuf, 24 MiB as JSON."""
RAW: Json = {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [raw_part(bytes(4 * MIB))]}}
"""4 MiB of bytes: 5.4 MiB of base64, which is let through."""


@pytest.mark.parametrize("rpc", [UNARY, STREAM])
async def test_r24_an_answer_that_json_makes_too_large_fails_once(rigs: dict[str, Between], rpc: str) -> None:
    rig = rigs[TO_GRPC.name]
    rig.agent.forget()
    before = [] if rpc == UNARY else [rig.agent.event(task())]
    large = rig.agent.answer(CONTROL_CHARACTERS)
    if rpc == STREAM:
        update = artifact()
        update["artifactUpdate"]["artifact"]["parts"] = CONTROL_CHARACTERS["message"]["parts"]  # type: ignore[index,call-overload]
        large = rig.agent.event(update)
    rig.agent.plays(rpc, *before, large)
    began = now()
    told = await rig.ask(rpc, send_params())
    report(f"R24 JSON of 24 MiB, {rpc}", f"refused after {now() - began:.2f} s")
    assert (told.results, told.reason, told.errors) == ([task()][: len(before)], "RESOURCE_EXHAUSTED", 1)


@pytest.mark.parametrize("rpc", [UNARY, STREAM])
@both_ways
async def test_r24_four_mebibytes_of_bytes_pass(rig: Between, way: Way, rpc: str) -> None:
    rig.agent.plays(rpc, rig.agent.answer(RAW) if rpc == UNARY else rig.agent.event(RAW))
    told = await rig.ask(rpc, send_params())
    assert (told.results, told.reason) == ([RAW], None)


async def test_r24_a_grpc_answer_over_the_limit_is_refused(rigs: dict[str, Between]) -> None:
    rig = rigs[TO_GRPC.name]
    rig.agent.forget()
    rig.agent.plays(STREAM, rig.agent.event(task()), scripted_grpc.raw(bytes(5 * MIB)))
    told = await rig.ask(STREAM, send_params())
    assert (told.results, told.reason, told.errors) == ([task()], "RESOURCE_EXHAUSTED", 1)
    rig.agent.plays(STREAM, *map(rig.agent.event, EVENTS))
    assert (await rig.ask(STREAM, send_params())).reason is None, "others are not affected"


async def test_r24_a_grpc_message_that_claims_gigabytes_is_refused(h2_agent: Between) -> None:
    script = [h2_steps.headers(), h2_steps.data((b"\0" + (1 << 31).to_bytes(4, "big")) + bytes(4096)), steps.hang()]
    h2_agent.agent.scripts = {"*": script}
    with growth() as grown:
        told = await h2_agent.ask(STREAM, send_params())
    assert (told.results, told.reason) == ([], "RESOURCE_EXHAUSTED")
    assert grown.bytes < MOST_GROWTH
