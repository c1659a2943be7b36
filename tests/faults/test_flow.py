"""R01 to R06: what flows, who slows whom, and what is left when a caller goes away."""

import asyncio
from typing import Any

import pytest

from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import steps
from tests.fakes.callers import H2Caller, grpc_headers
from tests.fakes.events import Json, message, number_of, numbered, send_params, status, task, to_wire
from tests.fakes.h2_steps import frame
from tests.fakes.loopback import HOST
from tests.fakes.proxy import Proxy
from tests.faults.gateway import (
    EVENTS,
    MIB,
    PATIENCE_S,
    STREAM,
    TO_GRPC,
    TO_JSONRPC,
    UNARY,
    WAYS,
    Between,
    Way,
    between,
    both_ways,
    calls_under_way,
    growth,
    in_front_of,
    now,
    open_files,
    report,
    running_tasks,
    settled,
    until_idle,
)

pytestmark = pytest.mark.anyio

EVENT_BYTES = 10_000
AHEAD_BYTES = 2 * MIB
"""What may be under way when the caller does not read: on each of the two sockets `stream_buffer_bytes`
(256 KiB) on either end, which Linux doubles for its own book-keeping, and beside them one HTTP/2 window,
what grpc holds of a message, and the 64 KiB that uvicorn takes before it says stop."""
WITHIN_S = 1.0
"""Between a caller's leaving and its agent's being freed. A bound of the test; the figure is printed."""


def big(number: int) -> Json:
    return task() if number == 0 else numbered(number, EVENT_BYTES)


async def paused(meter: steps.Meter) -> int:
    """How many events the agent got rid of before it was held up."""
    await steps.until(lambda: meter.events > 1 and meter.idle_s() > 0.4, PATIENCE_S)
    return meter.events


# R01


@both_ways
async def test_r01_a_slow_reader_pauses_its_agent_and_misses_nothing(way: Way) -> None:
    async with between(way) as it:
        it.agent.plays(STREAM, it.agent.flood(big, 1200), it.agent.event(status("TASK_STATE_COMPLETED")))
        async with it.caller(slow=True) as caller:
            await caller.ask(STREAM, send_params())
            assert await caller.result() == task()
            meter = (await it.agent.asked(STREAM)).meter
            with growth() as grown:
                ahead = await paused(meter)
            report(f"R01 {way}", f"{ahead} events, {ahead * EVENT_BYTES} bytes ahead; RSS +{grown.bytes // 1024} KiB")
            assert ahead * EVENT_BYTES <= AHEAD_BYTES
            assert grown.bytes <= AHEAD_BYTES + 2 * MIB
            for number in range(1, 40):
                assert number_of(await caller.result()) == number
            assert meter.events - 40 <= AHEAD_BYTES // EVENT_BYTES, "the lead does not grow while it reads"
            told = await caller.told()
            assert told.reason is None
            assert [number_of(event) for event in told.results[1:-1]] == list(range(1, 1200))
            assert told.results[-1] == status("TASK_STATE_COMPLETED")


@both_ways
async def test_r01_a_slow_reader_slows_nobody_else(way: Way) -> None:
    async with between(way) as it:
        it.agent.plays(STREAM, it.agent.flood(big))
        async with it.caller(slow=True) as slow:
            await slow.ask(STREAM, send_params())
            await paused((await it.agent.asked(STREAM)).meter)
            it.agent.plays(STREAM, *map(it.agent.event, EVENTS))
            told = await it.ask(STREAM, send_params())
            assert (told.results, told.reason) == (EVENTS, None)


# R02


@both_ways
async def test_r02_a_reader_that_stops_is_cut_and_its_agent_freed(way: Way) -> None:
    async with between(way, {"send_stall_s": 0.5}) as it:
        it.agent.plays(STREAM, it.agent.flood(big))
        async with it.caller(slow=True) as caller:
            await caller.ask(STREAM, send_params())
            assert await caller.result() == task()
            meter = (await it.agent.asked(STREAM)).meter
            freed_at = await it.agent.freed_at(STREAM)
            report(f"R02 {way}", f"freed {freed_at - meter.stamps[-1]:.3f} s after its last event, limit 0.5 s")
            await until_idle(it.gateway)
            async with asyncio.timeout(5):  # or it would wait for ever
                told = await caller.told()
            assert told.reason is not None, "a stream that was cut must not look like one that ended"
            numbers = [number_of(event) for event in told.results[1:]]
            assert numbers == list(range(1, len(numbers) + 1))


# R04


async def test_r04_a_grpc_caller_that_is_done_writing_gets_everything() -> None:
    # A caller of grpc.aio is done writing with its one message; this one says so in a frame of its own, later.
    async with between(TO_JSONRPC) as it:
        it.agent.plays(STREAM, *(act for event in EVENTS for act in (it.agent.event(event), steps.sleep(0.02))))
        async with H2Caller(it.gateway.grpc) as caller:
            body = frame(to_wire(a2a.SendMessageRequest, send_params()))
            pairs = grpc_headers(f"/lf.a2a.v1.A2AService/{STREAM}", it.gateway.grpc)
            stream_id = await caller.start(pairs, body, end=False)
            caller.h2.end_stream(stream_id)
            await caller.flush()
            answer = await caller.answer(stream_id, PATIENCE_S)
            assert (answer.grpc_status, len(answer.messages)) == (0, len(EVENTS))


async def test_r04_a_half_closed_http_connection_counts_as_gone() -> None:
    # Documented: uvicorn does not tell a half-close from a close.
    async with between(TO_GRPC) as it:
        it.agent.plays(STREAM, it.agent.event(task()), it.agent.linger())
        async with it.caller() as caller:
            await caller.ask(STREAM, send_params())
            assert await caller.result() == task()
            caller.fake.half_close()
            await it.agent.freed_at(STREAM)
            await until_idle(it.gateway)
            assert (await caller.told()).reason is not None


# R05

MOMENTS = ("before the first event", "after it", "while the agent floods", "unary")
LEAVINGS = [(way, how, moment) for way in WAYS for how in way.exits for moment in MOMENTS]


async def under_way(it: Between, caller: Any, moment: str) -> str:
    """Brings a call to this moment; the operation that it is."""
    agent = it.agent
    match moment:
        case "unary":
            agent.plays(UNARY, agent.linger())
        case "before the first event":
            agent.plays(STREAM, agent.linger())
        case "after it":
            agent.plays(STREAM, agent.event(task()), agent.linger())
        case _:
            agent.plays(STREAM, agent.flood(big))
    rpc = UNARY if moment == "unary" else STREAM
    await caller.ask(rpc, send_params())
    if moment in ("after it", "while the agent floods"):
        assert await caller.result() == task()
    await agent.asked(rpc, agent.asked_times(rpc) - 1 if agent.asked_times(rpc) else 0)
    return rpc


@pytest.mark.parametrize(("way", "how", "moment"), LEAVINGS, ids=lambda value: str(value))
async def test_r05_a_caller_that_leaves_frees_its_agent_and_not_its_task(way: Way, how: str, moment: str) -> None:
    async with between(way) as it:
        for number in range(2):  # the first one opens what stays open: the channel to a gRPC agent
            tasks, files = running_tasks(), open_files()
            async with it.caller() as caller:
                rpc = await under_way(it, caller, moment)
                await it.agent.asked(rpc, number)
                caller.leave(how)
                freed_after_s = await it.agent.freed_at(rpc, number) - caller.left_at
                await until_idle(it.gateway)
        report(f"R05 {way}, {how}, {moment}", f"freed after {freed_after_s * 1000:.1f} ms")
        assert freed_after_s < WITHIN_S
        assert it.agent.asked_times("CancelTask") == 0
        await settled(tasks, files)


@pytest.mark.parametrize("reset", [False, True], ids=["FIN", "RST"])
@pytest.mark.parametrize("moment", MOMENTS)
async def test_r05_a_grpc_connection_that_ends_frees_the_agent(moment: str, reset: bool) -> None:
    async with between(TO_JSONRPC) as it:
        async with Proxy(HOST, int(it.gateway.grpc.rpartition(":")[2])) as proxy:
            async with it.caller(port=proxy.port) as caller:
                rpc = await under_way(it, caller, moment)
                await it.agent.asked(rpc)
                left_at = now()
                proxy.links[0].cut(reset=reset)
                freed_after_s = await it.agent.freed_at(rpc) - left_at
                await until_idle(it.gateway)
        report(
            f"R05 GRPC to JSONRPC, connection {'RST' if reset else 'FIN'}, {moment}", f"{freed_after_s * 1000:.1f} ms"
        )
        assert freed_after_s < WITHIN_S
        assert it.agent.asked_times("CancelTask") == 0


@both_ways
async def test_r05_a_caller_that_falls_silent_under_a_flood_is_noticed(way: Way) -> None:
    # The socket stays open and nothing comes back: what is sent stalls, and `send_stall_s` ends it.
    async with between(way, {"send_stall_s": 0.5}) as it:
        it.agent.plays(STREAM, it.agent.flood(big))
        address = it.gateway.http if way is TO_GRPC else it.gateway.grpc
        async with Proxy(HOST, int(address.rpartition(":")[2])) as proxy:
            async with it.caller(port=proxy.port) as caller:
                await caller.ask(STREAM, send_params())
                assert await caller.result() == task()
                proxy.links[0].blackhole()
                gone_at = now()
                freed_after_s = await it.agent.freed_at(STREAM) - gone_at
                await until_idle(it.gateway)
                report(f"R05 {way}, black hole, flood", f"freed after {freed_after_s:.3f} s, limit 0.5 s")
                assert it.agent.asked_times("CancelTask") == 0


async def test_r05_an_idle_grpc_caller_in_a_black_hole_is_noticed_by_pings() -> None:
    async with between(TO_JSONRPC, {"ping_s": 1, "ping_answer_s": 0.5}) as it:
        it.agent.plays(STREAM, it.agent.event(task()), it.agent.linger())
        async with Proxy(HOST, int(it.gateway.grpc.rpartition(":")[2])) as proxy:
            async with it.caller(port=proxy.port) as caller:
                await caller.ask(STREAM, send_params())
                assert await caller.result() == task()
                proxy.links[0].blackhole()
                gone_at = now()
                freed_after_s = await it.agent.freed_at(STREAM) - gone_at
                await until_idle(it.gateway)
                report(
                    "R05 GRPC to JSONRPC, black hole, idle", f"freed after {freed_after_s:.3f} s, limits 1 s and 0.5 s"
                )


async def test_r10_an_idle_grpc_agent_in_a_black_hole_is_noticed_by_pings() -> None:
    async with TO_GRPC.agent() as agent:
        agent.plays(STREAM, agent.event(task()), agent.linger())
        async with Proxy(HOST, agent.port) as proxy:
            limits: Json = {"agent_ping_s": 1, "ping_answer_s": 0.5}
            async with in_front_of(f"grpc://{HOST}:{proxy.port}", limits=limits) as gateway:
                async with TO_GRPC.caller(gateway) as caller:
                    await caller.ask(STREAM, send_params())
                    assert await caller.result() == task()
                    proxy.links[0].blackhole()
                    gone_at = now()
                    told = await caller.told()
                    report(
                        "R10 JSONRPC to GRPC, black hole, idle",
                        f"told after {now() - gone_at:.3f} s, limits 1 s and 0.5 s",
                    )
                    assert (told.results, told.reason, told.errors) == ([task()], "UNAVAILABLE", 1)


# R06


@pytest.mark.parametrize(("way", "how"), [(way, how) for way in WAYS for how in way.exits], ids=str)
async def test_r06_two_hundred_opened_and_dropped_streams_leave_nothing(way: Way, how: str) -> None:
    async with between(way) as it:
        it.agent.plays(STREAM, it.agent.event(task()), it.agent.linger())

        async def open_and_drop() -> None:
            async with it.caller() as caller:
                await caller.ask(STREAM, send_params())
                assert await caller.result() == task()
                caller.leave(how)

        await asyncio.gather(*(open_and_drop() for _ in range(10)))
        await until_idle(it.gateway)
        await settled_agent(it)
        tasks, files = running_tasks(), open_files()
        with growth() as grown:
            for _ in range(20):
                await asyncio.gather(*(open_and_drop() for _ in range(10)))
            await until_idle(it.gateway)
            await settled_agent(it)
            await settled(tasks, files)
        report(f"R06 {way}, {how}", f"RSS +{grown.bytes // 1024} KiB over 200 streams")
        assert calls_under_way(it.gateway) == 0
        assert it.agent.asked_times(STREAM) == 210
        assert it.agent.asked_times("CancelTask") == 0


async def settled_agent(it: Between) -> None:
    """Every call that the agent got was given up."""
    for number in range(it.agent.asked_times(STREAM)):
        await it.agent.freed_at(STREAM, number)


@both_ways
async def test_r06_a_stream_dropped_before_it_is_open_leaves_nothing(way: Way) -> None:
    async with between(way) as it:
        it.agent.plays(STREAM, it.agent.linger())
        it.agent.plays(UNARY, it.agent.answer(message()))
        assert (await it.ask(UNARY, send_params())).reason is None

        async def ask_and_leave(after_s: float) -> None:  # a frame of its own: what it names keeps a connection open
            async with it.caller() as caller:
                await caller.ask(UNARY, send_params())
                assert (await caller.told()).reason is None
                await caller.ask(STREAM, send_params())
                await asyncio.sleep(after_s)
                caller.leave(way.exits[0])

        tasks, files = running_tasks(), open_files()
        for number in range(60):
            await ask_and_leave(number % 6 / 1000)  # somewhere between the call and its agent's head
        await until_idle(it.gateway)
        await settled(tasks, files)
        assert (await it.ask(UNARY, send_params())).reason is None
