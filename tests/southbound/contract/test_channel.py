"""The contract of a channel: what goes, what comes, who waits for whom, and how an rpc ends."""

import asyncio
import gzip
import zlib

import pytest
from h2.settings import SettingCodes

from gateway.errors import GrpcStatus
from gateway.southbound.transport.channel import RpcFailed
from tests.fakes import steps
from tests.fakes.h2_steps import (
    GRPC_HEAD,
    GRPC_OK,
    H2Call,
    H2Exchange,
    Script,
    Step,
    data,
    fin,
    goaway,
    headers,
    message,
    rst,
    rst_stream,
    trailers,
)
from tests.fakes.loopback import Loopback
from tests.fakes.scripted_h2 import ScriptedH2Agent
from tests.southbound.contract.told import METHOD, PATH, PATIENCE_S, Told, asked, channel_to, rest

pytestmark = pytest.mark.anyio

CANCEL = 8
KIB = 1024
FINE: Script = [headers(), message(b"fine"), trailers()]


def answering(*script: Step) -> dict[str, Script]:
    return {"*": script}


# What goes and what comes


async def test_a_request_says_what_grpc_wants_to_know(transport: str) -> None:
    async with ScriptedH2Agent(answering(*FINE)) as agent, channel_to(agent.url, transport) as channel:
        told = await asked(channel, b"request", metadata=[("a2a-version", "1.0"), ("x-bin", b"\x00\xff")])
        assert (told.messages, told.status) == ([b"fine"], "OK")
        (call,) = agent.calls
    assert call.message == b"request"
    wanted = {
        ":method": "POST",
        ":scheme": "http",
        ":path": PATH,
        ":authority": agent.address,
        "te": "trailers",
        "content-type": "application/grpc",
        "a2a-version": "1.0",
        "x-bin": "AP8",
        "grpc-timeout": None,
    }
    assert {name: call.header(name) for name in wanted} == wanted
    assert "gzip" in (call.header("grpc-accept-encoding") or "")


async def test_messages_come_in_order_and_whole(transport: str) -> None:
    sent = [b"%d:" % number + bytes(number % 700) for number in range(2000)]
    script = [headers(), *map(message, sent), trailers()]
    async with ScriptedH2Agent(answering(*script)) as agent, channel_to(agent.url, transport) as channel:
        assert (await asked(channel)).messages == sent


async def test_many_streams_share_a_connection_and_nothing_else(transport: str) -> None:
    def script(call: H2Call) -> Script:
        return [headers(), *(message(call.message + b"%d" % number) for number in range(50)), trailers()]

    async with ScriptedH2Agent(script) as agent, channel_to(agent.url, transport) as channel:
        all_told = await asyncio.gather(*(asked(channel, b"%d-" % number) for number in range(40)))
        assert len(agent.connections) == 1
    for number, told in enumerate(all_told):
        assert told.messages == [b"%d-%d" % (number, one) for one in range(50)]


async def test_metadata_comes_at_both_ends(transport: str) -> None:
    script = [
        headers([*GRPC_HEAD, ("x-text", "a"), ("x-bin", "AP8"), ("x-more", "1"), ("x-more", "2")]),
        message(b"fine"),
        trailers([*GRPC_OK, ("x-last", "z"), ("y-bin", "AAE=")]),
    ]
    async with ScriptedH2Agent(answering(*script)) as agent, channel_to(agent.url, transport) as channel:
        told = await asked(channel)
    assert {name: told.named(name) for name in ("x-text", "x-bin", "x-more", "x-last", "y-bin")} == {
        "x-text": ["a"],
        "x-bin": [b"\x00\xff"],
        "x-more": ["1", "2"],
        "x-last": ["z"],
        "y-bin": [b"\x00\x01"],
    }


async def test_the_head_comes_before_any_message(transport: str) -> None:
    may_go_on = asyncio.Event()
    script = [headers([*GRPC_HEAD, ("x-early", "1")]), steps.wait(may_go_on), message(b"fine"), trailers()]
    async with ScriptedH2Agent(answering(*script)) as agent, channel_to(agent.url, transport) as channel:
        rpc = channel.call(PATH, b"", (), None)
        head = await asyncio.wait_for(rpc.head(), PATIENCE_S)
        assert ("x-early", "1") in head
        may_go_on.set()
        assert (await rest(rpc, Told(head))).messages == [b"fine"]


async def test_a_request_larger_than_the_agents_windows_arrives_whole(transport: str) -> None:
    request = bytes(range(256)) * (4 * KIB)
    async with ScriptedH2Agent(answering(*FINE)) as agent, channel_to(agent.url, transport) as channel:
        assert (await asked(channel, request)).status == "OK"
        assert agent.calls[0].message == request


async def test_a_message_larger_than_our_window_arrives_whole(transport: str) -> None:
    large = bytes(range(256)) * (8 * KIB)
    script = [headers(), message(b"small"), message(large), message(b"small"), trailers()]
    async with ScriptedH2Agent(answering(*script)) as agent:
        async with channel_to(agent.url, transport, stream_buffer_bytes=70_000) as channel:
            assert (await asked(channel)).messages == [b"small", large, b"small"]


async def test_an_empty_message_is_a_message(transport: str) -> None:
    script = [headers(), message(b""), message(b"x"), message(b""), trailers()]
    async with ScriptedH2Agent(answering(*script)) as agent, channel_to(agent.url, transport) as channel:
        assert (await asked(channel)).messages == [b"", b"x", b""]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_message_is_read(transport: str, encoding: str) -> None:
    squeezed = gzip.compress(b"a" * 5000) if encoding == "gzip" else zlib.compress(b"a" * 5000)
    script = [headers([*GRPC_HEAD, ("grpc-encoding", encoding)]), message(squeezed, compressed=True), *FINE[1:]]
    async with ScriptedH2Agent(answering(*script)) as agent, channel_to(agent.url, transport) as channel:
        assert (await asked(channel)).messages == [b"a" * 5000, b"fine"]


async def test_a_compressed_message_that_grows_too_large_is_refused(transport: str) -> None:
    bomb = gzip.compress(bytes(64 * KIB * KIB))
    script = [headers([*GRPC_HEAD, ("grpc-encoding", "gzip")]), message(bomb, compressed=True), trailers()]
    async with ScriptedH2Agent(answering(*script)) as agent:
        async with channel_to(agent.url, transport, message_bytes=KIB * KIB) as channel:
            assert (await asked(channel)).status == "RESOURCE_EXHAUSTED"


# How it ends


@pytest.mark.parametrize("status", list(GrpcStatus), ids=lambda status: status.name)
@pytest.mark.parametrize("after", ["nothing", "a message"])
async def test_every_status_comes_with_its_text(transport: str, status: GrpcStatus, after: str) -> None:
    end = [("grpc-status", str(status.value)), ("grpc-message", "n%C3%A9 100%25 %zz"), ("x-why", "1")]
    script = [headers([*GRPC_HEAD, *end], end=True)]
    if after == "a message":
        script = [headers(), message(b"one"), trailers(end)]
    async with ScriptedH2Agent(answering(*script)) as agent, channel_to(agent.url, transport) as channel:
        told = await asked(channel)
    assert told.status == status.name
    assert told.named("x-why") == ["1"]
    if status is not GrpcStatus.OK:
        assert told.text == "né 100% %zz"
    if after == "a message" and transport == "native":  # grpcio drops what its reader has not taken yet
        assert told.messages == [b"one"]


RESETS = {0: "INTERNAL", 1: "INTERNAL", 2: "INTERNAL", 3: "INTERNAL", 5: "INTERNAL", 6: "INTERNAL"}
RESETS |= {7: "UNAVAILABLE", 8: "CANCELLED", 9: "INTERNAL", 11: "RESOURCE_EXHAUSTED", 12: "PERMISSION_DENIED"}


@pytest.mark.parametrize("code", RESETS)
async def test_a_reset_is_a_status(transport: str, code: int) -> None:
    script = [headers(), message(b"one"), rst_stream(code)]
    async with ScriptedH2Agent(answering(*script)) as agent, channel_to(agent.url, transport) as channel:
        told = await asked(channel)
        assert told.status == RESETS[code]
        if transport == "native":
            assert told.messages == [b"one"], "what came before is given before"
        agent.scripts = answering(*FINE)
        assert (await asked(channel)).status == "OK"
        assert len(agent.connections) == 1, "the connection is none the worse for it"


NOT_GRPC: dict[str, tuple[Script, str]] = {
    "400": ([headers([(":status", "400")], end=True)], "INTERNAL"),
    "401": ([headers([(":status", "401")], end=True)], "UNAUTHENTICATED"),
    "403": ([headers([(":status", "403")], end=True)], "PERMISSION_DENIED"),
    "404": ([headers([(":status", "404")], end=True)], "UNIMPLEMENTED"),
    "429": ([headers([(":status", "429")], end=True)], "UNAVAILABLE"),
    "503": ([headers([(":status", "503")], end=True)], "UNAVAILABLE"),
    "418": ([headers([(":status", "418")], end=True)], "UNKNOWN"),
    "a page": (
        [headers([(":status", "200"), ("content-type", "text/html"), ("content-length", "3")]), data(b"<p>", end=True)],
        "UNKNOWN",
    ),
    "no status at all": ([headers(), message(b"one", end=True)], "UNKNOWN"),
    "no status in the trailers": ([headers(), message(b"one"), trailers([("x-other", "1")])], "UNKNOWN"),
    "a status that is no number": ([headers(), trailers([("grpc-status", "fine")])], "INTERNAL"),
    "a status of no number": ([headers(), trailers([("grpc-status", "99")])], "UNKNOWN"),
    "compressed as nothing": ([headers(), message(b"one", compressed=True), trailers()], "INTERNAL"),
}


@pytest.mark.parametrize("answer", NOT_GRPC)
async def test_what_is_no_grpc_has_a_status_too(transport: str, answer: str) -> None:
    script, status = NOT_GRPC[answer]
    async with ScriptedH2Agent(answering(*script)) as agent, channel_to(agent.url, transport) as channel:
        assert (await asked(channel)).status == status
        if (transport, answer) != ("library", "a status that is no number"):  # grpcio forgets nothing of it
            agent.scripts = answering(*FINE)
            assert (await asked(channel)).status == "OK"


async def test_a_message_over_the_limit_is_refused_at_its_length(transport: str) -> None:
    async with ScriptedH2Agent(answering(headers(), message(b"", claimed_bytes=2**31), steps.hang())) as agent:
        async with channel_to(agent.url, transport) as channel:
            assert (await asked(channel)).status == "RESOURCE_EXHAUSTED"


async def test_a_stream_that_ends_within_a_message_has_not_ended_well(transport: str) -> None:
    script = [headers(), message(b"one"), message(b"tw", claimed_bytes=3), trailers()]
    async with ScriptedH2Agent(answering(*script)) as agent, channel_to(agent.url, transport) as channel:
        told = await asked(channel)
    assert told.messages == [b"one"]
    if transport == "native":  # grpcio reads OK, and drops it without a word
        assert told.status == "MALFORMED"


@pytest.mark.parametrize("ending", [fin(), rst()], ids=["FIN", "RST"])
async def test_a_connection_that_breaks_is_unavailable_and_made_anew(transport: str, ending: steps.AnyStep) -> None:
    async with ScriptedH2Agent(answering(headers(), message(b"one"), steps.sleep(0.02), ending)) as agent:
        async with channel_to(agent.url, transport) as channel:
            told = await asked(channel)
            assert (told.messages, told.status) == ([b"one"], "UNAVAILABLE")
            assert agent.address not in told.text
            agent.scripts = answering(*FINE)
            async with asyncio.timeout(PATIENCE_S):
                while (await asked(channel)).status != "OK":
                    await asyncio.sleep(0.01)


# Time


async def test_a_deadline_is_told_and_kept(transport: str) -> None:
    async with ScriptedH2Agent(answering(headers(), message(b"one"), steps.hang())) as agent:
        async with channel_to(agent.url, transport) as channel:
            told = await asked(channel, timeout_s=0.2)
            assert (told.messages, told.status) == ([b"one"], "DEADLINE_EXCEEDED")
            call = await agent.call(METHOD)
            await asyncio.wait_for(call.cancelled.wait(), PATIENCE_S)
    value = call.header("grpc-timeout")
    assert value is not None
    unit_s = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "S": 1.0}[value[-1]]
    assert 0 < int(value[:-1]) * unit_s <= 0.201


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
async def test_a_deadline_that_has_passed_is_over_at_once(transport: str, timeout_s: float) -> None:
    async with ScriptedH2Agent(answering(steps.hang())) as agent, channel_to(agent.url, transport) as channel:
        assert (await asked(channel, timeout_s=timeout_s)).status == "DEADLINE_EXCEEDED"


async def test_a_far_deadline_is_no_deadline(transport: str) -> None:
    async with ScriptedH2Agent(answering(*FINE)) as agent, channel_to(agent.url, transport) as channel:
        assert (await asked(channel, timeout_s=1e12)).status == "OK"


async def test_an_agent_that_accepts_and_says_nothing_is_not_waited_for(transport: str) -> None:
    class Silent(Loopback):
        async def serve(self, connection: object) -> None:
            await asyncio.Event().wait()

    async with Silent() as agent, channel_to(f"grpc://{agent.address}", transport, connect_s=0.2) as channel:
        assert (await asked(channel)).status == "UNAVAILABLE"


async def test_an_agent_that_is_not_there_is_found_once_it_is(transport: str) -> None:
    async with ScriptedH2Agent(answering(*FINE)) as agent:
        await agent.refuse()
        async with channel_to(agent.url, transport, connect_s=0.2) as channel:
            told = await asked(channel)
            assert told.status == "UNAVAILABLE"
            assert str(agent.port) not in told.text
            await agent.listen()
            async with asyncio.timeout(PATIENCE_S):
                while (await asked(channel)).status != "OK":
                    await asyncio.sleep(0.01)


# Giving up


@pytest.mark.parametrize("moment", ["before the head", "after it", "under a flood"])
async def test_a_cancelled_rpc_is_reset_at_once(transport: str, moment: str) -> None:
    async def flood(exchange: H2Exchange) -> None:
        while True:
            await exchange.data(b"\0\0\0\x03\xe8" + bytes(1000))

    script = {"before the head": (), "after it": (headers(),), "under a flood": (headers(), flood)}[moment]
    async with ScriptedH2Agent(answering(*script, steps.hang())) as agent, channel_to(agent.url, transport) as channel:
        rpc = channel.call(PATH, b"", (), None)
        reading = asyncio.create_task(rpc.head())
        call = await agent.call(METHOD)
        if moment == "before the head":
            await asyncio.sleep(0)
            reading.cancel()
        else:
            await reading
        rpc.cancel()
        rpc.cancel()
        await asyncio.wait_for(call.cancelled.wait(), PATIENCE_S)
        assert call.reset_code == CANCEL
        agent.scripts = answering(*FINE)
        assert (await asked(channel)).status == "OK"
        assert len(agent.connections) == 1


async def test_rpcs_under_way_fail_when_the_channel_is_closed(transport: str) -> None:
    async with ScriptedH2Agent(answering(headers(), steps.hang())) as agent:
        async with channel_to(agent.url, transport) as channel:
            rpc = channel.call(PATH, b"", (), None)
            await rpc.head()
            reading = asyncio.create_task(rest(rpc, Told()))
            await asyncio.sleep(0)
        (end,) = await asyncio.gather(reading, return_exceptions=True)
        if transport == "native":  # grpc.aio cancels who reads
            assert isinstance(end, Told)
            assert end.status == "CANCELLED"


# Who waits for whom


@pytest.mark.parametrize("size", [50, 5000])
async def test_an_agent_runs_no_further_ahead_than_the_window(transport: str, size: int) -> None:
    window = 128 * KIB

    async def flood(exchange: H2Exchange) -> None:
        for number in range(400_000 // size):
            await exchange.data(b"\0" + size.to_bytes(4, "big") + b"%08d" % number + bytes(size - 8))
            exchange.call.meter.note_event()

    async with ScriptedH2Agent(answering(headers(), flood, trailers())) as agent:
        async with channel_to(agent.url, transport, stream_buffer_bytes=window) as channel:
            rpc = channel.call(PATH, b"", (), None)
            await rpc.head()
            meter = (await agent.call(METHOD)).meter
            await steps.until(lambda: meter.events > 0 and meter.idle_s() > 0.1, PATIENCE_S)
            # grpcio takes a message beyond it.
            assert meter.events * (size + 5) <= window + (0 if transport == "native" else size + 5 + 64 * KIB)
            told = Told()
            for _ in range(10):  # nor does its lead grow while it is read slowly
                told.messages += await rpc.burst() or ()
                await asyncio.sleep(0.02)
                lead = meter.events - len(told.messages)
                assert lead * (size + 5) <= window + 2 * (size + 5) + (0 if transport == "native" else 64 * KIB)
            told = await rest(rpc, told)
            assert [int(one[:8]) for one in told.messages] == list(range(400_000 // size))


async def test_streams_that_stall_do_not_starve_another(transport: str) -> None:
    async def flood(exchange: H2Exchange) -> None:
        while True:
            await exchange.data(b"\0\0\0\x03\xe8" + bytes(1000))
            exchange.call.meter.note_event()

    async with ScriptedH2Agent(answering(headers(), flood)) as agent:
        async with channel_to(agent.url, transport, stream_buffer_bytes=70_000) as channel:
            stalled = [channel.call(PATH, b"", (), None) for _ in range(30)]
            for rpc in stalled:
                await rpc.head()
            await steps.until(lambda: all(call.meter.idle_s() > 0.05 for call in agent.calls), PATIENCE_S)
            agent.scripts = answering(headers(), *[message(bytes(1000))] * 500, trailers())
            assert len((await asked(channel)).messages) == 500
            for rpc in stalled:
                rpc.cancel()


async def test_calls_beyond_what_the_agent_allows_at_once_wait_their_turn(transport: str) -> None:
    may_answer = asyncio.Event()
    script = [steps.wait(may_answer), *FINE]
    async with ScriptedH2Agent(answering(*script), settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2}) as agent:
        async with channel_to(agent.url, transport) as channel:
            calls = [asyncio.create_task(asked(channel, b"%d" % number)) for number in range(6)]
            await agent.call(METHOD, 1)
            late = await asked(channel, timeout_s=0.1)
            assert late.status == "DEADLINE_EXCEEDED", "whoever waits for a place keeps its deadline"
            assert len(agent.calls) == 2
            given_up = next(number for number in range(6) if b"%d" % number not in [one.message for one in agent.calls])
            calls[given_up].cancel()
            await asyncio.gather(calls[given_up], return_exceptions=True)
            may_answer.set()
            others = await asyncio.gather(*(call for call in calls if call is not calls[given_up]))
            assert [told.status for told in others] == ["OK"] * 5
            answered = sorted(call.message for call in agent.calls)
            assert answered == [b"%d" % number for number in range(6) if number != given_up]
            assert len(agent.connections) == 1


async def test_an_agent_that_never_opens_its_window_is_not_waited_for_beyond_the_deadline(transport: str) -> None:
    async with ScriptedH2Agent(answering(*FINE), settings={SettingCodes.INITIAL_WINDOW_SIZE: 0}) as agent:
        async with channel_to(agent.url, transport) as channel:
            assert (await asked(channel, b"request", timeout_s=0.2)).status == "DEADLINE_EXCEEDED"
            call = await agent.call(METHOD)
            await asyncio.wait_for(call.cancelled.wait(), PATIENCE_S)
            assert call.body == b""


async def test_an_answer_before_the_request_was_taken_is_an_answer(transport: str) -> None:
    refusal = [headers([*GRPC_HEAD, ("grpc-status", "8"), ("grpc-message", "too much")], end=True)]
    closed = {SettingCodes.INITIAL_WINDOW_SIZE: 0}
    async with ScriptedH2Agent(answering(*refusal), settings=closed, early=True) as agent:
        async with channel_to(agent.url, transport) as channel:
            told = await asked(channel, bytes(KIB * KIB), timeout_s=PATIENCE_S)
            assert (told.status, told.text) == ("RESOURCE_EXHAUSTED", "too much")
            assert (await asked(channel, timeout_s=PATIENCE_S)).status == "RESOURCE_EXHAUSTED"
            assert len(agent.connections) == 1


# Goodbyes


async def test_after_a_goodbye_streams_finish_and_new_ones_go_elsewhere(transport: str) -> None:
    may_finish = asyncio.Event()
    script = [headers(), message(b"one"), goaway(0, 1), steps.wait(may_finish), message(b"two"), trailers()]
    async with ScriptedH2Agent(answering(*script)) as agent, channel_to(agent.url, transport) as channel:
        rpc = channel.call(PATH, b"", (), None)
        head = await rpc.head()
        first = await rpc.burst()
        assert first is not None
        await asyncio.sleep(0.02)
        agent.scripts = answering(*FINE)
        async with asyncio.timeout(PATIENCE_S):
            while (await asked(channel)).status != "OK":
                await asyncio.sleep(0.01)
        assert len(agent.connections) == 2
        may_finish.set()
        told = await rest(rpc, Told(head, list(first)))
        assert (told.messages, told.status) == ([b"one", b"two"], "OK")


async def test_a_call_that_a_goodbye_left_out_is_made_again_or_refused(transport: str) -> None:
    """The agent says that it did not look at the call, so nothing can be done twice."""
    answers: list[Script] = [[goaway(0, 0), fin()], FINE]

    def script(call: H2Call) -> Script:
        return answers[min(len(agent.calls) - 1, 1)]

    async with ScriptedH2Agent(script) as agent, channel_to(agent.url, transport) as channel:
        told = await asked(channel)
        assert told.status == ("OK" if transport == "native" else "UNAVAILABLE")
        assert len(agent.calls) == (2 if transport == "native" else 1)


async def test_a_refused_call_is_made_again_once(transport: str) -> None:
    async with ScriptedH2Agent(answering(rst_stream(7))) as agent, channel_to(agent.url, transport) as channel:
        assert (await asked(channel)).status == "UNAVAILABLE"
        assert len(agent.calls) == (2 if transport == "native" else 1)


async def test_a_call_that_broke_is_not_made_again(transport: str) -> None:
    async with ScriptedH2Agent(answering(fin())) as agent, channel_to(agent.url, transport) as channel:
        assert (await asked(channel)).status == "UNAVAILABLE"
        assert len(agent.calls) == 1


async def test_no_transport_is_named_in_a_failure(transport: str) -> None:
    async with ScriptedH2Agent({}) as agent:
        gone = agent.url
    async with channel_to(gone, transport, connect_s=0.2) as channel:
        rpc = channel.call(PATH, b"", (), None)
        assert list(await rpc.head()) == []
        with pytest.raises(RpcFailed) as failed:
            await rpc.burst()
        rpc.cancel()
    assert failed.value.text == "The agent cannot be reached"
