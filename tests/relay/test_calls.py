"""The calls under way: how many, until when, and by whose word each one ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import structlog
from prometheus_client import CollectorRegistry

from gateway.errors import AgentError, CallerError, ErrorKind, GatewayFault
from gateway.relay.calls import STOPPING_TEXT, Call, CallEnded, Calls, Ending
from gateway.relay.telemetry import Metrics
from gateway.settings import Limits
from tests.fakes import steps

pytestmark = pytest.mark.anyio

LONG_S = 1000.0


def limits(**changes: float) -> Limits:
    return Limits.model_validate(changes)


@dataclass
class Rig:
    """Calls with metrics of their own."""

    limits: Limits = field(default_factory=limits)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.calls = Calls(self.limits, Metrics(self.registry))

    def active(self) -> float | None:
        return self.registry.get_sample_value("a2a_gateway_calls_active")

    def outcomes(self) -> dict[str, float]:
        """How many calls ended how."""
        families = {family.name: family for family in self.registry.collect()}
        return {
            sample.labels["outcome"]: sample.value
            for sample in families["a2a_gateway_calls"].samples
            if sample.name.endswith("_total")
        }

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[tuple[Call, "asyncio.Task[str]"]]:
        """A call that works until it is ended, and the task whose result says how."""
        begun: asyncio.Future[Call] = asyncio.get_running_loop().create_future()

        async def work() -> str:
            with self.calls.enter("TEST") as call:
                self.calls.admit(call)
                begun.set_result(call)
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    try:
                        call.error = call.interrupted()
                    except CallEnded:
                        return "nobody is told"
                    return f"{call.error.kind.reason}: {call.error.message}"
            return "never"

        task = asyncio.create_task(work())
        yield await begun, task
        task.cancel()
        await asyncio.wait([task])


# Places


async def test_a_call_has_a_place_while_it_runs() -> None:
    rig = Rig()
    with rig.calls.enter("TEST") as call:
        assert (len(rig.calls), rig.active()) == (0, 0)
        rig.calls.admit(call)
        assert (len(rig.calls), rig.active()) == (1, 1)
    assert (len(rig.calls), rig.active(), rig.outcomes()) == (0, 0, {"OK": 1})


async def test_calls_have_names_of_their_own() -> None:
    rig = Rig()
    with rig.calls.enter("A") as one, rig.calls.enter("B") as two:
        assert one.name != two.name
        assert (one.binding, two.binding) == ("A", "B")


async def test_a_full_gateway_refuses_and_takes_again() -> None:
    rig = Rig(limits(streams=2))
    with rig.calls.enter("TEST") as one, rig.calls.enter("TEST") as three:
        rig.calls.admit(one)
        with rig.calls.enter("TEST") as two:
            rig.calls.admit(two)
            with pytest.raises(GatewayFault) as refused:
                rig.calls.admit(three)
        assert (refused.value.kind, refused.value.message) == (
            ErrorKind.RESOURCE_EXHAUSTED,
            "The gateway has 2 calls under way",
        )
        assert rig.active() == 1
        rig.calls.admit(three)
        assert rig.active() == 2
    assert rig.active() == 0


async def test_a_gateway_that_drains_refuses_and_lets_finish() -> None:
    rig = Rig()
    assert rig.calls.draining is False
    with rig.calls.enter("TEST") as running, rig.calls.enter("TEST") as late:
        rig.calls.admit(running)
        rig.calls.drain()
        assert rig.calls.draining is True
        with pytest.raises(GatewayFault) as refused:
            rig.calls.admit(late)
        assert (refused.value.kind, refused.value.message) == (ErrorKind.UNAVAILABLE, STOPPING_TEXT)
        assert await rig.calls.finished(within_s=0.001) is False
        waiting = asyncio.create_task(rig.calls.finished(within_s=30))
        await asyncio.sleep(0)
        assert not waiting.done()
    assert await waiting is True


async def test_nothing_to_finish() -> None:
    assert await Rig().calls.finished(within_s=0.001) is True


async def test_a_call_that_was_refused_gives_nothing_back() -> None:
    rig = Rig(limits(streams=1))
    with rig.calls.enter("TEST") as running:
        rig.calls.admit(running)
        with rig.calls.enter("TEST") as refused, pytest.raises(GatewayFault):
            rig.calls.admit(refused)
        assert (len(rig.calls), rig.active()) == (1, 1)
        assert await rig.calls.finished(within_s=0.001) is False


# Endings

TOLD = {
    Ending.CALLER_GONE: "nobody is told",
    Ending.STALLED: "nobody is told",
    Ending.DEADLINE_EXCEEDED: "nobody is told",
    Ending.STOPPING: f"UNAVAILABLE: {STOPPING_TEXT}",
}


@pytest.mark.parametrize("ending", Ending)
async def test_a_call_that_is_ended(ending: Ending) -> None:
    rig = Rig()
    async with rig.under_way() as (call, task):
        call.end(ending)
        assert await task == TOLD[ending]
        assert call.ending is ending
        assert task.cancelling() == 0
    assert rig.outcomes() == {"UNAVAILABLE" if ending is Ending.STOPPING else ending.name: 1}


@pytest.mark.parametrize("ending", Ending)
async def test_all_calls_are_ended(ending: Ending) -> None:
    rig = Rig()
    async with rig.under_way() as (_, one), rig.under_way() as (_, two):
        rig.calls.end(ending)
        assert await asyncio.gather(one, two) == [TOLD[ending]] * 2
    assert await rig.calls.finished(within_s=0.001) is True


STANDS = {(first, second): second if first is Ending.STOPPING else first for first in Ending for second in Ending}
"""The first reason stands, but a caller that is lost while it is told of the stop is lost."""


@pytest.mark.parametrize(("first", "second"), STANDS, ids=lambda ending: ending.name)
async def test_a_call_that_is_ended_twice(first: Ending, second: Ending) -> None:
    async with Rig().under_way() as (call, _):
        call.end(first)
        call.end(second)
        assert call.ending is STANDS[first, second]


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    """So grpc tells that a caller has gone."""
    rig = Rig()
    async with rig.under_way() as (call, task):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.ending is Ending.CALLER_GONE
    assert rig.outcomes() == {"CALLER_GONE": 1}


@pytest.mark.parametrize(
    ("left_s", "ending"), [(-1.0, Ending.DEADLINE_EXCEEDED), (LONG_S, Ending.CALLER_GONE)], ids=["over", "to come"]
)
async def test_a_cancellation_from_elsewhere_is_told_by_the_deadline(left_s: float, ending: Ending) -> None:
    rig = Rig()
    async with rig.under_way() as (call, task):
        call.deadline = asyncio.get_running_loop().time() + left_s
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert call.ending is ending


# The clock


@dataclass
class Keeper:
    """What breaks the silence of a call."""

    broken: int = 0
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> None:
        self.broken += 1
        await self.may_end.wait()


def later(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


BOUNDS = limits(send_stall_s=30, keep_alive_s=4)


@pytest.mark.parametrize(("after_s", "ended"), [(29.0, None), (31.0, Ending.STALLED), (LONG_S, Ending.STALLED)])
async def test_a_caller_that_takes_nothing_is_cut_off_in_time(after_s: float, ended: Ending | None) -> None:
    async with Rig().under_way() as (call, _):
        sending = asyncio.create_task(call.send(asyncio.Event().wait()))
        await asyncio.sleep(0)
        call.tick(later(after_s), BOUNDS)
        assert call.ending is ended
        sending.cancel()
        await asyncio.wait([sending])


async def test_a_call_that_sends_nothing_is_not_stalled() -> None:
    async with Rig().under_way() as (call, _):
        await call.send(asyncio.sleep(0))
        call.tick(later(LONG_S), BOUNDS)
        assert call.ending is None


async def test_sending_that_failed_is_over() -> None:
    async def fails() -> None:
        raise CallerError(ErrorKind.INVALID_PARAMS)

    async with Rig().under_way() as (call, _):
        with pytest.raises(CallerError):
            await call.send(fails())
        call.tick(later(LONG_S), BOUNDS)
        assert call.ending is None


@pytest.mark.parametrize(("after_s", "broken"), [(3.0, 0), (5.0, 1)])
async def test_a_silence_is_broken_in_time(after_s: float, broken: int) -> None:
    async with Rig().under_way() as (call, _):
        call.on_silence = keeper = Keeper()
        call.tick(later(after_s), BOUNDS)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert keeper.broken == broken
        keeper.may_end.set()
        await asyncio.sleep(0)


async def test_a_silence_is_broken_once_for_each_time() -> None:
    async with Rig().under_way() as (call, _):
        call.on_silence = keeper = Keeper()
        keeper.may_end.set()
        now = asyncio.get_running_loop().time()
        for after_s in (5.0, 6.0, 8.0):
            call.tick(now + after_s, BOUNDS)
        await steps.until(lambda: keeper.broken > 0)
        assert keeper.broken == 1


async def test_what_is_sent_puts_off_the_breaking_of_a_silence() -> None:
    async with Rig().under_way() as (call, _):
        call.on_silence = keeper = Keeper()
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() <= began:
            await asyncio.sleep(0.001)
        await call.send(asyncio.sleep(0))
        call.tick(began + BOUNDS.keep_alive_s, BOUNDS)
        await asyncio.sleep(0)
        assert keeper.broken == 0


async def test_a_caller_that_does_not_take_the_breaking_of_a_silence_is_cut_off() -> None:
    async with Rig().under_way() as (call, _):
        call.on_silence = keeper = Keeper()
        call.tick(later(5), BOUNDS)
        await steps.until(lambda: keeper.broken == 1)
        call.tick(later(40), BOUNDS)
        assert call.ending is Ending.STALLED
        keeper.may_end.set()
        await asyncio.sleep(0)


@asynccontextmanager
async def clock(rig: Rig) -> AsyncIterator[None]:
    watching = asyncio.create_task(rig.calls.watch_clock())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def test_the_clock_looks_after_every_call() -> None:
    rig = Rig(limits(send_stall_s=0.05, keep_alive_s=0.02))
    async with rig.under_way() as (silent, _), rig.under_way() as (stalled, ended), clock(rig):
        silent.on_silence = keeper = Keeper()
        keeper.may_end.set()
        sending = asyncio.create_task(stalled.send(asyncio.Event().wait()))
        assert await asyncio.wait_for(ended, 20) == "nobody is told"
        await steps.until(lambda: keeper.broken >= 3, within_s=20)
        assert (silent.ending, stalled.ending) == (None, Ending.STALLED)
        sending.cancel()
        await asyncio.wait([sending])


# What is told of it


def failed_by_agent(call: Call) -> None:
    call.error = AgentError(ErrorKind.TASK_NOT_FOUND, "no such task")


def stopped(call: Call) -> None:
    call.ending, call.error = Ending.STOPPING, GatewayFault(ErrorKind.UNAVAILABLE)


def gone(call: Call) -> None:
    call.ending = Ending.CALLER_GONE


def streamed(call: Call) -> None:
    call.relayed(3)
    call.relayed(2)


OUTCOMES: dict[str, tuple[Callable[[Call], None], str]] = {
    "ended well": (lambda call: None, "OK"),
    "failed by the agent": (failed_by_agent, "TASK_NOT_FOUND"),
    "stopped": (stopped, "UNAVAILABLE"),
    "left by the caller": (gone, "CALLER_GONE"),
    "streamed": (streamed, "OK"),
}


@pytest.mark.parametrize("way", OUTCOMES)
async def test_a_call_is_told_of_once(way: str) -> None:
    happens, outcome = OUTCOMES[way]
    rig = Rig()
    labels = {"agent": "words", "operation": "GetTask", "binding": "GRPC"}
    with structlog.testing.capture_logs() as logs, rig.calls.enter("GRPC") as call:
        rig.calls.admit(call)
        call.agent, call.operation = "words", "GetTask"
        happens(call)
    (line,) = logs
    error = {"error": call.error.message} if call.error else {}
    events = {"events": 5} if way == "streamed" else {}
    assert {name: value for name, value in line.items() if name != "seconds"} == {
        "event": "call",
        "log_level": "warning" if error else "info",
        "call": call.name,
        **labels,
        "outcome": outcome,
        **events,
        **error,
    }
    sample = rig.registry.get_sample_value
    assert sample("a2a_gateway_calls_total", {**labels, "outcome": outcome}) == 1
    assert sample("a2a_gateway_call_seconds_count", labels) == 1
    assert sample("a2a_gateway_stream_events_total", labels) == events.get("events")
    assert sample("a2a_gateway_first_event_seconds_count", labels) == (1 if events else None)


async def test_a_call_that_was_refused_is_told_of_without_a_name() -> None:
    rig = Rig(limits(streams=1))
    with rig.calls.enter("GRPC") as running:
        rig.calls.admit(running)
        with rig.calls.enter("GRPC") as refused:
            try:
                rig.calls.admit(refused)
            except GatewayFault as error:
                refused.error = error
    labels = {"agent": "", "operation": "", "binding": "GRPC"}
    assert rig.registry.get_sample_value("a2a_gateway_calls_total", {**labels, "outcome": "RESOURCE_EXHAUSTED"}) == 1
    assert rig.registry.get_sample_value("a2a_gateway_calls_total", {**labels, "outcome": "OK"}) == 1
