"""The rig against itself: each fake with a plain client, each caller with a plain server.

What a fault test concludes is worth no more than what is shown here.
"""

import asyncio
import json
import time

import grpc
import httpx
import pytest

from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import h2_steps, http_steps, scripted_grpc, steps
from tests.fakes.callers import Ending, GrpcCaller, H2Caller, HttpCaller, SseEvent, SseReader, grpc_headers
from tests.fakes.events import (
    COMPLETED,
    Json,
    artifact,
    bare_task,
    event_bytes,
    from_wire,
    message,
    number_of,
    numbered,
    send_params,
    status,
    task,
    to_wire,
)
from tests.fakes.loopback import HOST, Cut
from tests.fakes.proxy import Faults, Plan, Proxy
from tests.fakes.scripted_grpc import ScriptedGrpcAgent
from tests.fakes.scripted_h2 import ScriptedH2Agent
from tests.fakes.scripted_http import CARD_PATH, ScriptedHttpAgent

pytestmark = pytest.mark.anyio

STREAM: list[Json] = [task(), artifact("one"), artifact("two", append=True), status(COMPLETED)]
SEND = to_wire(a2a.SendMessageRequest, send_params())
HTTP_STREAM: http_steps.Script = [http_steps.sse(event) for event in STREAM]
GRPC_STREAM: scripted_grpc.Script = [scripted_grpc.event(event) for event in STREAM]
H2_STREAM: h2_steps.Script = [
    h2_steps.headers(),
    *(h2_steps.message(event_bytes(event)) for event in STREAM),
    h2_steps.trailers(),
]


def now() -> float:
    return asyncio.get_running_loop().time()


async def post(url: str, rpc: str, params: Json | None = None) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(url, json={"jsonrpc": "2.0", "id": "a", "method": rpc, "params": params or {}})


# Events


@pytest.mark.parametrize("event", [*STREAM, message("hi", task_id="t"), numbered(3, 20)])
async def test_every_event_is_the_same_on_both_wires(event: Json) -> None:
    assert from_wire(a2a.StreamResponse, event_bytes(event)) == event


async def test_two_members_in_one_event_become_the_last_one_in_protobuf() -> None:
    assert from_wire(a2a.StreamResponse, event_bytes({**message(), **status()})) == status()


# The event-stream parser


SSE_ROWS: list[tuple[str, bytes, list[SseEvent]]] = [
    ("one line", b"data: a\n\n", [SseEvent("a")]),
    ("two lines join", b"data: a\ndata: b\n\n", [SseEvent("a\nb")]),
    ("CRLF", b"data: a\r\n\r\n", [SseEvent("a")]),
    ("CR", b"data: a\r\rdata: b\r\r\n", [SseEvent("a"), SseEvent("b")]),
    ("one space goes", b"data:  a\n\n", [SseEvent(" a")]),
    ("no colon", b"data\n\n", [SseEvent("")]),
    ("name", b"event: error\ndata: a\n\n", [SseEvent("a", "error")]),
    ("a name alone is no event", b"event: error\n\ndata: a\n\n", [SseEvent("a")]),
    (
        "a comment after an id is no event",
        b"id: 7\ndata: a\n\n: ka\n\ndata: b\n\n",
        [SseEvent("a", last_id="7"), SseEvent("b", last_id="7")],
    ),
    ("NUL in an id is ignored", b"id: 7\0\ndata: a\n\n", [SseEvent("a")]),
    ("BOM", b"\xef\xbb\xbfdata: a\n\n", [SseEvent("a")]),
    ("unfinished", b"data: a\n\ndata: b\n", [SseEvent("a")]),
    ("U+2028 ends no line", "data: a\u2028b\n\n".encode(), [SseEvent("a\u2028b")]),
]


@pytest.mark.parametrize(("stream", "expected"), [row[1:] for row in SSE_ROWS], ids=[row[0] for row in SSE_ROWS])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
async def test_event_streams_parse_whatever_the_pieces(stream: bytes, expected: list[SseEvent], size: int) -> None:
    reader = SseReader()
    got = [event for at in range(0, len(stream), size) for event in reader.feed(stream[at : at + size])]
    assert got == expected


# The JSON-RPC agent


async def test_http_agent_serves_its_card_and_records_requests() -> None:
    async with ScriptedHttpAgent({"GetTask": [http_steps.json_reply(bare_task())]}) as agent:
        async with httpx.AsyncClient(trust_env=False, base_url=agent.url) as client:
            card = (await client.get(CARD_PATH)).json()
            body = {"jsonrpc": "2.0", "id": 7, "method": "GetTask", "params": {"id": "task-1"}}
            answer = await client.post("/", json=body, headers={"A2A-Version": "1.0"})
        request = await agent.call("GetTask")
        assert card["supportedInterfaces"] == [
            {"url": agent.url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
        ]
        assert answer.json() == {"jsonrpc": "2.0", "id": 7, "result": bare_task()}
        assert request.json == body
        assert request.header("a2a-version") == "1.0"
        assert len(agent.connections) == 1, "the connection was kept alive"


async def test_http_agent_without_a_script_says_method_not_found() -> None:
    async with ScriptedHttpAgent({}) as agent:
        assert (await post(agent.url, "GetTask")).json()["error"]["code"] == -32601


async def test_http_agent_streams_and_httpx_agrees() -> None:
    async with ScriptedHttpAgent({"*": [*HTTP_STREAM, http_steps.sse_error(-32603, "late")]}) as agent:
        answer = await post(agent.url, "SendStreamingMessage", send_params())
        events = SseReader().feed(answer.content)
        assert [json.loads(event.data)["result"] for event in events[:-1]] == STREAM
        assert events[-1].name == "error"
        assert agent.requests[0].completed
        assert agent.requests[0].meter.events == len(STREAM)


@pytest.mark.parametrize("ending", [http_steps.fin(), http_steps.rst()])
async def test_http_agent_ends_a_body_too_early(ending: http_steps.Step) -> None:
    async with ScriptedHttpAgent({"*": [http_steps.sse(task()), ending]}) as agent:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await post(agent.url, "SendStreamingMessage")


async def test_http_agent_cuts_its_response_at_any_byte() -> None:
    async with ScriptedHttpAgent({"*": HTTP_STREAM}) as agent:
        await post(agent.url, "SendStreamingMessage")
        whole = agent.requests[0].meter.bytes
        for offset in range(1, whole, 97):
            agent.cut = Cut(offset)
            async with HttpCaller(agent.url) as caller:
                await caller.post("SendStreamingMessage")
                received = await caller.read_all()
                assert received.ending is Ending.CUT, offset
                assert caller.bytes_read == offset


@pytest.mark.parametrize("leave", ["close", "reset", "half_close"])
async def test_http_agent_notes_when_the_client_goes_away(leave: str) -> None:
    async with ScriptedHttpAgent({"*": [http_steps.sse(task()), steps.hang()]}) as agent:
        async with HttpCaller(agent.url) as caller:
            await caller.post("SendStreamingMessage")
            async for _ in caller.events():
                break
            connection = agent.requests[0].connection
            assert not connection.gone.is_set()
            left_at = now()
            getattr(caller, leave)()
            async with asyncio.timeout(1):
                await connection.gone.wait()
            assert connection.gone_at is not None
            assert 0 <= connection.gone_at - left_at < 0.5
            assert connection.was_reset == (leave == "reset")


async def test_http_flood_stops_when_the_reader_does_and_keeps_order() -> None:
    flood = http_steps.flood(lambda number: numbered(number, 10_000))
    async with ScriptedHttpAgent({"*": [flood]}, sndbuf_bytes=16384) as agent:
        async with HttpCaller(agent.url, rcvbuf_bytes=4096) as caller:
            await caller.post("SendStreamingMessage")
            results = caller.results()
            assert number_of(await anext(results)) == 0
            meter = (await agent.call("SendStreamingMessage")).meter
            await steps.until(lambda: meter.idle_s() > 0.1)
            stopped_at = meter.events
            assert stopped_at * 10_000 < 500_000, "small buffers, small lead"
            for number in range(1, 200):
                assert number_of(await anext(results)) == number
            assert meter.events > stopped_at


async def test_script_may_be_chosen_by_looking_at_the_request() -> None:
    def choose(request: http_steps.Request) -> http_steps.Script:
        return [http_steps.json_reply({"echo": request.member("params")})]

    async with ScriptedHttpAgent(choose) as agent:
        assert (await post(agent.url, "GetTask", {"id": "x"})).json()["result"] == {"echo": {"id": "x"}}


# The gRPC agent


async def test_grpc_agent_streams_and_records() -> None:
    script: scripted_grpc.Script = [
        scripted_grpc.initial_metadata(("x-initial", "i")),
        *GRPC_STREAM,
        scripted_grpc.trailing_metadata(("x-trailing", "t")),
    ]
    async with ScriptedGrpcAgent({"SendStreamingMessage": script}) as agent, GrpcCaller(agent.address) as caller:
        outcome = await caller.call("SendStreamingMessage", SEND, metadata=(("a2a-version", "1.0"),), timeout_s=5)
        call = await agent.call("SendStreamingMessage")
        assert [from_wire(a2a.StreamResponse, wire) for wire in outcome.messages] == STREAM
        assert outcome.ok
        assert ("x-initial", "i") in outcome.initial
        assert ("x-trailing", "t") in outcome.trailing
        assert call.json(a2a.SendMessageRequest) == send_params()
        assert call.header("a2a-version") == ["1.0"]
        assert call.time_remaining_s is not None
        assert 4 < call.time_remaining_s < 5.05, "grpc rounds the deadline up"
        assert call.completed


async def test_grpc_agent_fails_as_told() -> None:
    failing = scripted_grpc.end(grpc.StatusCode.ABORTED, "no: \u00e9", ("x-why", "because"))
    async with ScriptedGrpcAgent({"*": [scripted_grpc.event(task()), failing]}) as agent:
        async with GrpcCaller(agent.address) as caller:
            outcome = await caller.call("SubscribeToTask")
            assert (outcome.code, outcome.details, len(outcome.messages)) == (grpc.StatusCode.ABORTED, "no: \u00e9", 1)
            assert ("x-why", "because") in outcome.trailing


@pytest.mark.parametrize("count", [0, 2])
async def test_grpc_agent_answers_a_unary_rpc_with_none_or_two(count: int) -> None:
    # Read as a stream: grpc.aio's own unary call takes none for a None, and waits for ever on two.
    answer = scripted_grpc.answer(bare_task(), a2a.Task)
    async with ScriptedGrpcAgent({"GetTask": [answer] * count}) as agent, GrpcCaller(agent.address) as caller:
        outcome = await caller.call("GetTask")
        assert (outcome.code, len(outcome.messages)) == (grpc.StatusCode.OK, count)


async def test_grpc_agent_notes_a_cancelled_call() -> None:
    script: scripted_grpc.Script = [scripted_grpc.event(task()), steps.hang()]
    async with ScriptedGrpcAgent({"*": script}) as agent, GrpcCaller(agent.address) as caller:
        stream = caller.stream("SubscribeToTask")
        async for _ in stream.messages():
            break
        call = await agent.call("SubscribeToTask")
        stream.cancel()
        async with asyncio.timeout(1):
            await call.cancelled.wait()
        assert call.cancelled_at is not None
        assert stream.left_at is not None
        assert call.cancelled_at >= stream.left_at
        assert (await stream.finish()).code is grpc.StatusCode.CANCELLED
        assert agent.cancel_calls == 0


async def test_grpc_deadline_cancels_the_call_at_the_agent() -> None:
    async with ScriptedGrpcAgent({"*": [steps.hang()]}) as agent, GrpcCaller(agent.address) as caller:
        outcome = await caller.call("GetTask", timeout_s=0.1)
        assert outcome.code is grpc.StatusCode.DEADLINE_EXCEEDED
        async with asyncio.timeout(1):
            await agent.calls[0].cancelled.wait()


async def test_grpc_flood_stops_when_the_reader_does_and_keeps_order() -> None:
    flood = scripted_grpc.flood(lambda number: numbered(number, 10_000))
    async with ScriptedGrpcAgent({"*": [flood]}) as agent, GrpcCaller(agent.address) as caller:
        stream = caller.stream("SubscribeToTask")
        messages = stream.messages()
        assert number_of(from_wire(a2a.StreamResponse, await anext(messages))) == 0
        meter = agent.calls[0].meter
        await steps.until(lambda: meter.idle_s() > 0.15)
        stopped_at = meter.events
        for number in range(1, stopped_at + 50):
            assert number_of(from_wire(a2a.StreamResponse, await anext(messages))) == number
        assert meter.events > stopped_at
        stream.cancel()


# The HTTP/2 agent


async def test_h2_agent_streams_and_grpc_agrees() -> None:
    async with ScriptedH2Agent({"*": H2_STREAM}) as agent, GrpcCaller(agent.address) as caller:
        outcome = await caller.call("SendStreamingMessage", SEND, metadata=(("a2a-version", "1.0"),))
        assert [from_wire(a2a.StreamResponse, wire) for wire in outcome.messages] == STREAM
        assert outcome.ok
        assert agent.calls[0].message == SEND
        assert agent.calls[0].header("a2a-version") == "1.0"


async def test_h2_agent_cuts_its_golden_stream_at_any_byte() -> None:
    async with ScriptedH2Agent({"*": H2_STREAM}) as agent:
        for reset in (False, True):
            agent.cut = None
            async with GrpcCaller(agent.address) as caller:
                assert (await caller.call("SendStreamingMessage", SEND)).ok
            whole = agent.calls[-1].meter.bytes
            for offset in range(1, whole, 61):
                agent.cut = Cut(offset, reset)
                async with GrpcCaller(agent.address) as caller:
                    outcome = await caller.call("SendStreamingMessage", SEND, timeout_s=2)
                    assert not outcome.ok, offset
                    assert agent.calls[-1].meter.bytes == offset


async def test_h2_agent_waits_for_the_window() -> None:
    big = event_bytes(numbered(0, 300_000))
    script: h2_steps.Script = [h2_steps.headers(), h2_steps.message(big), h2_steps.trailers()]
    async with ScriptedH2Agent({"*": script}) as agent, GrpcCaller(agent.address) as caller:
        assert (await caller.call("SubscribeToTask")).messages == [big]


async def test_h2_agent_resets_and_says_goodbye() -> None:
    scripts: dict[str, h2_steps.Script] = {
        "GetTask": [h2_steps.headers(), h2_steps.rst_stream(7)],
        "ListTasks": [h2_steps.goaway(0, 1), *H2_STREAM],
        "CancelTask": [h2_steps.headers(), h2_steps.fin()],
    }
    async with ScriptedH2Agent(scripts) as agent:
        async with H2Caller(agent.address) as caller:
            assert (await caller.call(f"/{scripted_grpc.SERVICE}/GetTask")).reset_code == 7
        async with H2Caller(agent.address) as caller:
            answer = await caller.call(f"/{scripted_grpc.SERVICE}/ListTasks")
            assert (answer.goaway_code, answer.grpc_status, len(answer.messages)) == (0, 0, len(STREAM))
        async with H2Caller(agent.address) as caller:
            assert (await caller.call(f"/{scripted_grpc.SERVICE}/CancelTask")).closed


async def test_h2_agent_notes_how_a_call_was_given_up() -> None:
    script: h2_steps.Script = [h2_steps.headers(), steps.hang()]
    async with ScriptedH2Agent({"*": script}) as agent:
        async with H2Caller(agent.address) as caller:
            stream_id = await caller.start(grpc_headers("/s/GetTask", agent.address), h2_steps.frame(b""))
            call = await agent.call("GetTask")
            await caller.cancel(stream_id)
            await steps.until(lambda: call.reset_code == 8)
            await caller.start(grpc_headers("/s/GetTask", agent.address), h2_steps.frame(b""))
            second = await agent.call("GetTask", 1)
            caller.reset()
            async with asyncio.timeout(1):
                await second.cancelled.wait()
            assert second.reset_code is None


# The callers against a plain server


async def test_h2_caller_sends_headers_as_they_are() -> None:
    async with ScriptedH2Agent({"*": H2_STREAM}) as agent, H2Caller(agent.address) as caller:
        pairs = grpc_headers("/s/GetTask", agent.address, ("X-Upper", "1"), ("grpc-timeout", "-1S"), (":path", "/evil"))
        answer = await caller.answer(await caller.start(pairs, h2_steps.frame(SEND)))
        assert answer.ended
        assert agent.calls[0].headers == pairs


async def test_h2_caller_sees_the_trailers_of_a_grpc_server() -> None:
    script: scripted_grpc.Script = [
        scripted_grpc.initial_metadata(("x-initial", "i")),
        *GRPC_STREAM,
        scripted_grpc.end(grpc.StatusCode.NOT_FOUND, "a b"),
    ]
    async with ScriptedGrpcAgent({"*": script}) as agent, H2Caller(agent.address) as caller:
        answer = await caller.call(f"/{scripted_grpc.SERVICE}/SubscribeToTask", b"", ("grpc-timeout", "4S"))
        assert answer.header("x-initial") == "i"
        assert answer.grpc_status == 5
        assert dict(answer.trailers)["grpc-message"] == "a b"
        assert [from_wire(a2a.StreamResponse, wire) for wire in answer.messages] == STREAM
        remaining_s = agent.calls[0].time_remaining_s
        assert remaining_s is not None
        assert 3 < remaining_s < 4.05, "grpc rounds the deadline up"


async def test_http_caller_reads_plain_and_streamed_answers() -> None:
    scripts: dict[str, http_steps.Script] = {"GetTask": [http_steps.json_reply(bare_task())], "*": HTTP_STREAM}
    async with ScriptedHttpAgent(scripts) as agent, HttpCaller(agent.url) as caller:
        await caller.post("GetTask", {"id": "task-1"}, call_id="x")
        received = await caller.read_all()
        assert received.json() == {"jsonrpc": "2.0", "id": "x", "result": bare_task()}
        assert received.ending is Ending.WHOLE
        await caller.post("SubscribeToTask", {"id": "task-1"})
        assert [event async for event in caller.results()] == STREAM
        assert caller.received.ending is Ending.WHOLE
        assert caller.received.header("content-type") == "text/event-stream"


# The proxy


def through(agent: ScriptedHttpAgent, *plans: Plan) -> Proxy:
    return Proxy(HOST, agent.port, plans)


async def streamed(port: int) -> tuple[HttpCaller, Ending | None]:
    async with HttpCaller(f"http://{HOST}:{port}/") as caller:
        await caller.post("SendStreamingMessage")
        return caller, (await caller.read_all()).ending


async def test_proxy_is_transparent_and_counts() -> None:
    async with ScriptedHttpAgent({"*": HTTP_STREAM}) as agent, through(agent) as proxy:
        caller, ending = await streamed(proxy.port)
        assert ending is Ending.WHOLE
        assert len(caller.received.events) == len(STREAM)
        assert proxy.bytes_down == caller.bytes_read == agent.requests[0].meter.bytes
        assert proxy.bytes_up > 0


async def test_proxy_cuts_at_every_byte_and_no_cut_looks_whole() -> None:
    async with ScriptedHttpAgent({"*": HTTP_STREAM}) as agent:
        async with through(agent) as proxy:
            whole = (await streamed(proxy.port))[0].bytes_read
        for reset, ending in ((False, Ending.CUT), (True, Ending.RESET)):
            offsets = range(1, whole, 53)
            async with through(agent, *(Plan(down=Faults(cut=Cut(offset, reset))) for offset in offsets)) as proxy:
                for offset in offsets:
                    caller, seen = await streamed(proxy.port)
                    assert seen in (ending, Ending.CUT if reset else ending), offset
                    assert caller.bytes_read <= offset
                    assert reset or caller.bytes_read == offset


async def test_proxy_delays_throttles_garbles_and_half_closes() -> None:
    async with ScriptedHttpAgent({"*": HTTP_STREAM}) as agent:
        faults = (
            Faults(delay_s=0.05),
            Faults(rate_bytes_s=4000.0),
            Faults(garble_at=9),
            Faults(half_close_after=150),
        )
        async with through(agent, *(Plan(down=fault) for fault in faults)) as proxy:
            started = time.monotonic()
            assert (await streamed(proxy.port))[1] is Ending.WHOLE
            assert time.monotonic() - started > 0.05
            started = time.monotonic()
            assert (await streamed(proxy.port))[1] is Ending.WHOLE
            assert time.monotonic() - started > agent.requests[1].meter.bytes / 4000 * 0.8
            with pytest.raises(ValueError, match="invalid literal"):
                await streamed(proxy.port)
            assert (await streamed(proxy.port))[1] is Ending.CUT


async def test_proxy_blackhole_hides_everything_and_closes_nothing() -> None:
    script: http_steps.Script = [http_steps.sse(task()), http_steps.flood()]
    async with ScriptedHttpAgent({"*": script}) as agent, through(agent) as proxy:
        async with HttpCaller(f"http://{HOST}:{proxy.port}/") as caller:
            await caller.post("SendStreamingMessage")
            await anext(caller.results())
            proxy.links[0].blackhole()
            caller.close()
            await asyncio.sleep(0.1)
            assert not agent.requests[0].connection.gone.is_set()


@pytest.mark.parametrize("reset", [False, True])
async def test_proxy_passes_on_how_the_caller_left(reset: bool) -> None:
    script: http_steps.Script = [http_steps.sse(task()), steps.hang()]
    async with ScriptedHttpAgent({"*": script}) as agent, through(agent) as proxy:
        async with HttpCaller(f"http://{HOST}:{proxy.port}/") as caller:
            await caller.post("SendStreamingMessage")
            await anext(caller.results())
            if reset:
                caller.reset()
            connection = agent.requests[0].connection
            if not reset:
                caller.close()
            async with asyncio.timeout(1):
                await connection.gone.wait()
            assert connection.was_reset == reset


async def test_proxy_refuses_resets_and_comes_back() -> None:
    async with ScriptedHttpAgent({"*": HTTP_STREAM}) as agent:
        async with through(agent, Plan(reset_on_accept=True), Plan()) as proxy:
            with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError)):
                await post(f"http://{HOST}:{proxy.port}/", "GetTask")
            await proxy.refuse()
            with pytest.raises(httpx.ConnectError):
                await post(f"http://{HOST}:{proxy.port}/", "GetTask")
            await proxy.listen()
            assert (await streamed(proxy.port))[1] is Ending.WHOLE


async def test_nothing_is_left_open() -> None:
    async with ScriptedHttpAgent({"*": [steps.hang()]}) as agent, through(agent) as proxy:
        caller = HttpCaller(f"http://{HOST}:{proxy.port}/")
        async with caller:
            await caller.post("SendStreamingMessage")
            await agent.call("SendStreamingMessage")
    assert agent.open_connections == proxy.open_connections == 0
    await steps.until(lambda: len(asyncio.all_tasks()) <= 2)
