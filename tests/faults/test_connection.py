"""What a connection may do before, between and after its requests, and what keeps a silent one alive."""

import asyncio
import json
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from gateway.settings import Limits
from tests.fakes import steps
from tests.fakes.callers import Ending
from tests.fakes.events import COMPLETED, artifact, message, send_params, status, task
from tests.faults.gateway import (
    EVENTS,
    PATIENCE_S,
    STREAM,
    TO_GRPC,
    TO_JSONRPC,
    UNARY,
    JsonRpcCaller,
    between,
    calls_under_way,
    in_front_of,
    now,
    until_idle,
)

pytestmark = pytest.mark.anyio


def head(*more: str) -> bytes:
    lines = ("POST / HTTP/1.1", "host: gateway", "content-type: application/json", *more)
    return "".join(f"{line}\r\n" for line in lines).encode()


def request(rpc: str = UNARY) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": rpc, "params": send_params()}).encode()
    return head(f"content-length: {len(body)}") + b"\r\n" + body


async def until_closed(caller: JsonRpcCaller) -> bytes:
    """What came before the gateway closed the connection."""
    got = b""
    async with asyncio.timeout(PATIENCE_S):
        while piece := await caller.fake.read_some(65536):
            got += piece
    return got


async def endless(caller: JsonRpcCaller, piece: Callable[[int], bytes], count: int, pause_s: float = 0.0) -> None:
    """So many pieces, if they are taken."""
    for number in range(count):
        await caller.fake.send(piece(number))
        await asyncio.sleep(pause_s)


# Heads


async def test_a_head_that_is_too_big_is_answered_431_and_never_read_to_its_end() -> None:
    async with between(TO_GRPC) as it, it.caller() as caller:
        await caller.fake.send(head("x-big: " + "x" * 40_000))
        got = await until_closed(caller)
        assert got.startswith(b"HTTP/1.1 431 ")
        assert b"connection: close" in got
        assert it.agent.asked_times(UNARY) == 0


async def test_a_head_of_many_small_fields_is_too_big_as_well() -> None:
    async with between(TO_GRPC) as it, it.caller() as caller:
        await caller.fake.send(head())
        with pytest.raises(ConnectionError):
            await endless(caller, lambda number: f"x-{number}: {'y' * 100}\r\n".encode(), 10_000)
        assert calls_under_way(it.gateway) == 0


async def test_the_largest_head_that_is_allowed_is_served() -> None:
    async with between(TO_GRPC) as it, it.caller() as caller:
        it.agent.plays(UNARY, it.agent.answer(message()))
        filling = "y" * (it.gateway.settings.limits.header_bytes - 300)
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": UNARY, "params": send_params()}).encode()
        await caller.fake.send(head(f"x-big: {filling}", f"content-length: {len(body)}") + b"\r\n" + body)
        assert (await caller.fake.read_all()).status == 200


@pytest.mark.parametrize("begun", [b"", b"POST / HT", head()], ids=["nothing", "half a line", "half a head"])
async def test_a_head_that_does_not_come_in_time_is_cut(begun: bytes) -> None:
    async with between(TO_GRPC, {"head_s": 0.3}) as it, it.caller() as caller:
        if begun:
            await caller.fake.send(begun)
        assert await until_closed(caller) == b""


async def test_a_head_that_trickles_does_not_win_time() -> None:
    async with between(TO_GRPC, {"head_s": 0.3}) as it, it.caller() as caller:
        began = now()
        with pytest.raises(ConnectionError):
            await endless(caller, lambda number: b"x", 200, 0.05)
        assert now() - began < PATIENCE_S


async def test_a_second_head_on_a_kept_connection_has_its_time_too() -> None:
    async with between(TO_GRPC, {"head_s": 0.3}) as it, it.caller() as caller:
        it.agent.plays(UNARY, it.agent.answer(message()))
        await caller.fake.send(request())
        assert (await caller.fake.read_all()).status == 200
        await caller.fake.send(b"POST / HT")
        assert await until_closed(caller) == b""


async def test_the_time_for_a_head_ends_with_the_head() -> None:
    async with between(TO_GRPC, {"head_s": 0.2}) as it, it.caller() as caller:
        it.agent.plays(STREAM, steps.sleep(0.5), *map(it.agent.event, EVENTS))
        await caller.ask(STREAM, send_params())
        told = await caller.told()
        assert (told.results, told.reason) == (EVENTS, None)


async def test_a_body_that_trickles_is_answered_408() -> None:
    async with between(TO_GRPC, {"body_s": 0.3}) as it, it.caller() as caller:
        await caller.fake.send(head("content-length: 500") + b"\r\n" + b"{")
        received = await caller.fake.read_all()
        assert (received.status, received.ending) == (408, Ending.WHOLE)
        assert calls_under_way(it.gateway) == 0


async def test_an_idle_connection_is_closed() -> None:
    async with between(TO_GRPC, {"idle_connection_s": 1}) as it, it.caller() as caller:
        it.agent.plays(UNARY, it.agent.answer(message()))
        await caller.fake.send(request())
        assert (await caller.fake.read_all()).status == 200
        assert await until_closed(caller) == b""


async def test_a_connection_serves_one_request_after_another() -> None:
    async with between(TO_GRPC) as it, it.caller() as caller:
        it.agent.plays(UNARY, it.agent.answer(message()))
        it.agent.plays(STREAM, *map(it.agent.event, EVENTS))
        for rpc in (UNARY, STREAM, UNARY):
            await caller.ask(rpc, send_params())
            assert (await caller.told()).reason is None


# Pipelining


@pytest.mark.parametrize("rpc", [STREAM, UNARY])
async def test_a_request_behind_one_that_is_under_way_cuts_the_connection_and_frees_the_agent(rpc: str) -> None:
    async with between(TO_GRPC) as it, it.caller() as caller:
        it.agent.plays(rpc, it.agent.linger())
        await caller.fake.send(request(rpc))
        await it.agent.asked(rpc)
        await caller.fake.send(request(rpc))
        await until_closed(caller)
        await it.agent.freed_at(rpc)
        await until_idle(it.gateway)
        assert it.agent.asked_times(rpc) == 1


async def test_two_requests_in_one_piece_are_not_both_served() -> None:
    async with between(TO_GRPC) as it, it.caller() as caller:
        it.agent.plays(UNARY, it.agent.answer(message()))
        await caller.fake.send(request() + request())
        await until_closed(caller)
        await until_idle(it.gateway)
        assert it.agent.asked_times(UNARY) <= 1


# Silence


async def test_a_silent_stream_is_kept_alive_by_comments_that_are_no_events() -> None:
    async with between(TO_GRPC, {"keep_alive_s": 0.1, "first_event_s": 0.1}) as it, it.caller() as caller:
        go = asyncio.Event()
        it.agent.plays(
            STREAM, steps.sleep(0.3), it.agent.event(task()), steps.wait(go), it.agent.event(status(COMPLETED))
        )
        await caller.ask(STREAM, send_params())
        first = await caller.result()
        comments = caller.fake.sse.comments
        assert first == task()
        assert comments, "there was silence before the first event"

        async def speak_after_three() -> None:
            # The comments come while the caller reads, so they are counted on the wire, not by asking again.
            await asyncio.sleep(0.6)
            go.set()

        speaking = asyncio.create_task(speak_after_three())
        before = len(comments)
        told = await caller.told()
        await speaking
        assert (told.results, told.reason) == ([task(), status(COMPLETED)], None)
        assert len(caller.fake.sse.comments) - before >= 2
        assert set(caller.fake.sse.comments) == {" keep-alive"}


async def test_a_comment_never_stands_inside_an_event() -> None:
    # A reader that is slower than the keep-alive: the clock ticks while events are still being written.
    big = [task(), *(artifact(f"{number}:".ljust(200_000, "x")) for number in range(12)), status(COMPLETED)]
    async with between(TO_GRPC, {"keep_alive_s": 0.05}) as it, it.caller(slow=True) as caller:
        acts = [act for event in big for act in (it.agent.event(event), steps.sleep(0.03))]
        it.agent.plays(STREAM, *acts)
        await caller.ask(STREAM, send_params())
        results = []
        for _ in big:
            await asyncio.sleep(0.02)
            results.append(await caller.result())
        told = await caller.told()
        assert (results, told.reason) == (big, None)
        for event in caller.fake.received.events:
            json.loads(event.data)
        body = bytes(caller.fake.received.body)
        for at in range(len(body.split(b": keep-alive\n")) - 1):
            before = b": keep-alive\n".join(body.split(b": keep-alive\n")[: at + 1])
            assert before == b"" or before.endswith((b"\n\n", b": keep-alive\n")), before[-40:]


async def test_a_silent_grpc_stream_outlives_more_pings_than_a_stock_server_forgives() -> None:
    # A stock grpc.aio server says "too many pings" after two that come within five minutes of one another, so the
    # gateway must not send them to an agent oftener; shortening the wait here would only show that the server is right.
    limits = Limits.model_validate({})
    assert limits.agent_ping_s >= 300
    async with between(TO_GRPC, {"ping_s": 0.5, "keep_alive_s": 0.2}) as it, it.caller() as caller:
        go = asyncio.Event()
        it.agent.plays(STREAM, it.agent.event(task()), steps.wait(go), it.agent.event(status(COMPLETED)))
        await caller.ask(STREAM, send_params())
        assert await caller.result() == task()
        await asyncio.sleep(2.5)
        go.set()
        told = await caller.told()
        assert (told.results, told.reason) == ([task(), status(COMPLETED)], None)


async def test_pings_that_a_stock_server_permits_do_not_end_a_stream() -> None:
    # The same with an agent that permits pings, so that some really go out.
    async with between(TO_GRPC, {"agent_ping_s": 0.3, "ping_answer_s": 5}) as it:
        await it.agent.fake.stop()
        it.agent.fake._options.append(("grpc.http2.min_ping_interval_without_data_ms", 100))  # pyright: ignore[reportPrivateUsage] - options are read on entering
        await it.agent.fake.__aenter__()
        async with it.caller() as caller:
            go = asyncio.Event()
            it.agent.plays(STREAM, it.agent.event(task()), steps.wait(go), it.agent.event(status(COMPLETED)))
            await caller.ask(STREAM, send_params())
            assert await caller.result() == task()
            await asyncio.sleep(1.5)
            go.set()
            assert (await caller.told()).reason is None


async def test_a_grpc_caller_may_ping_a_silent_stream() -> None:
    # Stock clients that were told to keep alive each ten seconds; here each half of `ping_s` and more.
    options = [("grpc.keepalive_time_ms", 1000), ("grpc.http2.max_pings_without_data", 0)]
    async with between(TO_JSONRPC, {"ping_s": 1}) as it:
        go = asyncio.Event()
        it.agent.plays(STREAM, it.agent.event(task()), steps.wait(go), it.agent.event(status(COMPLETED)))
        async with it.caller() as caller:
            caller.fake._options += options
            await caller.fake.__aexit__()
            await caller.fake.__aenter__()
            await caller.ask(STREAM, send_params())
            assert await caller.result() == task()
            await asyncio.sleep(3.5)
            go.set()
            assert (await caller.told()).reason is None


# The end


async def test_a_stalled_reader_does_not_hold_up_the_end_of_the_gateway() -> None:
    async with TO_GRPC.agent() as agent, AsyncExitStack() as callers:
        agent.plays(STREAM, agent.flood(lambda number: artifact("x" * 10_000) if number else task()))
        async with in_front_of(agent.url) as gateway:
            caller = await callers.enter_async_context(JsonRpcCaller(gateway, slow=True))
            await caller.ask(STREAM, send_params())
            assert await caller.result() == task()
            meter = (await agent.asked(STREAM)).meter
            await steps.until(lambda: meter.events > 1 and meter.idle_s() > 0.3, PATIENCE_S)
            began = now()
        assert now() - began < 5
        await agent.freed_at(STREAM)
        assert (await caller.told()).reason is not None
