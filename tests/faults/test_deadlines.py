"""R07 and R08: how long a caller waits, what its agent is told of it, and what is no time at all."""

import asyncio

import pytest

from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import scripted_grpc, steps
from tests.fakes.callers import GrpcCaller, H2Answer, H2Caller, grpc_headers
from tests.fakes.events import message, send_params, task, to_wire
from tests.fakes.h2_steps import frame
from tests.faults import tables
from tests.faults.gateway import (
    PATIENCE_S,
    STREAM,
    TO_GRPC,
    TO_JSONRPC,
    UNARY,
    Between,
    Way,
    between,
    both_ways,
    now,
    report,
    until_idle,
)

pytestmark = pytest.mark.anyio

SEND = to_wire(a2a.SendMessageRequest, send_params())
DEADLINE_EXCEEDED = 4
every_agent = pytest.mark.parametrize("way", [TO_GRPC, TO_JSONRPC], ids=("GRPC to GRPC", "GRPC to JSONRPC"))
"""Deadlines come from gRPC callers only, so these rows are of a gRPC caller and either agent."""


async def call(address: str, rpc: str, timeout: str | None) -> H2Answer:
    """A call whose caller does not watch its own deadline: what comes is the gateway's word."""
    more = () if timeout is None else (("grpc-timeout", timeout),)
    async with H2Caller(address) as caller:
        pairs = grpc_headers(f"/{scripted_grpc.SERVICE}/{rpc}", address, *more)
        return await caller.answer(await caller.start(pairs, frame(SEND)), PATIENCE_S)


def told_in_time(answer: H2Answer) -> bool:
    """The status of the deadline, or the reset that a gRPC server may send in its place."""
    return answer.grpc_status == DEADLINE_EXCEEDED or (answer.grpc_status is None and answer.reset_code is not None)


# R07


@every_agent
@pytest.mark.parametrize("moment", ["unary", "before the first event", "after it", "flood"])
async def test_r07_a_deadline_ends_the_call_and_frees_the_agent(way: Way, moment: str) -> None:
    async with between(way, {"first_event_s": 0.05}) as it:
        rpc = UNARY if moment == "unary" else STREAM
        acts = {
            "unary": [it.agent.linger()],
            "before the first event": [it.agent.linger()],
            "after it": [it.agent.event(task()), it.agent.linger()],
            "flood": [it.agent.flood(lambda number: task())],
        }
        it.agent.plays(rpc, *acts[moment])
        began = now()
        answer = await call(it.gateway.grpc, rpc, "300m")
        took_s = now() - began
        report(f"R07 to {way.name.split()[-1]}, {moment}", f"told {1000 * (took_s - 0.3):.0f} ms after its deadline")
        assert told_in_time(answer), answer
        assert took_s > 0.25
        freed_at = await it.agent.freed_at(rpc)
        assert freed_at - began < PATIENCE_S
        await until_idle(it.gateway)
        assert it.agent.asked_times("CancelTask") == 0


@every_agent
async def test_r07_what_is_in_time_is_not_touched(way: Way) -> None:
    async with between(way) as it:
        it.agent.plays(UNARY, steps.sleep(0.05), it.agent.answer(message()))
        answer = await call(it.gateway.grpc, UNARY, "30S")
        assert (answer.grpc_status, len(answer.messages)) == (0, 1)


@pytest.mark.parametrize("rpc", [UNARY, STREAM])
async def test_r07_a_grpc_agent_sees_no_more_time_than_is_left(rpc: str) -> None:
    async with between(TO_GRPC) as it:
        it.agent.plays(rpc, it.agent.answer(message()) if rpc == UNARY else it.agent.event(message()))
        async with GrpcCaller(it.gateway.grpc) as caller:
            outcome = await caller.call(rpc, SEND, timeout_s=2)
        assert outcome.ok
        seen_s = (await it.agent.asked(rpc)).time_remaining_s
        report(f"R07 {rpc}", f"the agent saw {seen_s:.3f} s of 2 s")
        # grpc rounds a timeout up to a unit of its header, here by up to 10 ms a hop.
        assert 1 < seen_s < 2.03


async def test_r07_a_stream_without_a_deadline_has_none_at_the_agent() -> None:
    async with between(TO_GRPC) as it:
        it.agent.plays(STREAM, it.agent.event(message()))
        assert (await call(it.gateway.grpc, STREAM, None)).grpc_status == 0
        assert (await it.agent.asked(STREAM)).time_remaining_s is None


@both_ways
async def test_r07_a_unary_call_has_the_gateways_own_time(way: Way) -> None:
    async with between(way, {"unary_s": 0.3}) as it:
        it.agent.plays(UNARY, it.agent.linger())
        told = await it.ask(UNARY, send_params())
        assert (told.reason, told.errors) == ("DEADLINE_EXCEEDED", 1)
        await it.agent.freed_at(UNARY)


@both_ways
async def test_r07_an_agent_that_is_silent_for_too_long_is_given_up(way: Way) -> None:
    async with between(way, {"stream_idle_s": 0.3, "keep_alive_s": 0.1}) as it:
        it.agent.plays(STREAM, it.agent.event(task()), it.agent.linger())
        told = await it.ask(STREAM, send_params())
        assert (told.results, told.reason, told.errors) == ([task()], "UNAVAILABLE", 1)
        await it.agent.freed_at(STREAM)


# R08


@every_agent
@pytest.mark.parametrize("row", tables.TIMEOUTS, ids=lambda row: row.name)
async def test_r08_a_timeout_means_what_it_says(rig: Between, way: Way, row: tables.TimeoutRow) -> None:
    # Where the time is over at once, the agent says nothing: grpc rounds up, and an answer could be in time.
    rig.agent.plays(UNARY, rig.agent.linger() if row.outcome == "at once" else rig.agent.answer(message()))
    answer = await call(rig.gateway.grpc, UNARY, row.value)
    asked = rig.agent.asked_times(UNARY)
    match row.outcome:
        case "at once":
            assert told_in_time(answer), answer
        case "error":
            assert (answer.grpc_status, asked) == (13, 0), "grpcio's own refusal"
        case "default" | "deadline" | "clamp" if row.seconds is not None and row.seconds < 0.15:
            assert answer.grpc_status in (0, DEADLINE_EXCEEDED, None)
        case _:
            assert (answer.grpc_status, len(answer.messages), asked) == (0, 1, 1), answer
    if way is TO_GRPC and asked:
        seen_s = (await rig.agent.asked(UNARY)).time_remaining_s
        match row.outcome:
            case "default":
                assert seen_s == pytest.approx(rig.gateway.settings.limits.unary_s, rel=0.05)
            case "deadline":
                assert row.seconds is not None
                assert seen_s < row.seconds * 1.02 + 0.02
            case "clamp":
                assert seen_s > 90_000_000
            case _:
                assert seen_s < 0.1


async def test_r08_an_absurd_timeout_can_be_waited_for_as_well() -> None:
    async with between(TO_JSONRPC, {"first_event_s": 0.05}) as it:
        it.agent.plays(STREAM, steps.sleep(0.2), it.agent.event(message()))
        for timeout in ("99999999H", "99999999S"):
            answer = await call(it.gateway.grpc, STREAM, timeout)
            assert (answer.grpc_status, len(answer.messages)) == (0, 1), timeout
        await asyncio.sleep(0)
