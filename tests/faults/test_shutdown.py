"""R13: a gateway that is told to stop finishes what is short, tells the rest, and is gone in time."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import steps
from tests.fakes.callers import HttpCaller
from tests.fakes.events import COMPLETED, Json, artifact, numbered, send_params, status, task
from tests.faults.gateway import (
    PATIENCE_S,
    STREAM,
    TO_GRPC,
    UNARY,
    Caller,
    Told,
    Way,
    both_ways,
    now,
    report,
)

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
DONE = 0
SHORT: list[Json] = [
    task(),
    *(artifact(f"{number}:".ljust(16_384, "x"), append=True) for number in range(8)),
    status(COMPLETED),
]


@dataclass(slots=True)
class Served:
    """A gateway in a process of its own."""

    process: Process
    http: str
    grpc: str

    def signal(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    async def draining(self) -> None:
        """Returns once it says that it takes no calls."""
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(PATIENCE_S):
            while (await client.get(f"http://{self.http}/readyz")).status_code != 503:
                await asyncio.sleep(0.01)

    async def ended(self) -> tuple[int, float]:
        """Its exit code, and how long it took from now."""
        began = now()
        async with asyncio.timeout(3 * PATIENCE_S):
            return await self.process.wait(), now() - began


@asynccontextmanager
async def serving(url: str, **limits: float) -> AsyncIterator[Served]:
    arguments = ("serve", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--agent", f"agent={url}")
    given = {f"A2A_GATEWAY_LIMITS__{name.upper()}": str(value) for name, value in limits.items()}
    around = {name: value for name, value in os.environ.items() if not name.startswith("A2A_GATEWAY_")} | given
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *arguments,
        cwd=ROOT,
        env=around,
        stdout=PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        words = (await process.stdout.readline()).decode().split()
        assert words[:2] == ["serving", "on"]
        it = Served(process, words[2].removeprefix("http://"), words[4].removeprefix("grpc://"))
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"http://{it.http}/readyz")).status_code == 200
        yield it
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def scripts(way: Way, agent: Any, go: asyncio.Event) -> None:
    """Streams go on to their end when the test says so, but for those whose message is "long"."""
    begin = agent.event(SHORT[0])
    short = [begin, steps.wait(go), *map(agent.event, SHORT[1:])]
    long = [begin, agent.linger()]

    def choose(call: Any) -> Any:
        asked = call.request if way is TO_GRPC else call.body
        return long if b"long" in asked else short

    agent.fake.scripts = choose


async def opened(stack: AsyncExitStack, way: Way, it: Served, text: str, count: int) -> list[Caller]:
    """Streams under way, each on a connection of its own."""

    async def one() -> Caller:
        caller = await stack.enter_async_context(way.caller(it))
        await caller.ask(STREAM, send_params(text))
        assert await caller.result() == task()
        return caller

    return list(await asyncio.gather(*(one() for _ in range(count))))


def check_told(told: Told) -> None:
    """The last word of a stream that the gateway ends itself."""
    assert (told.results, told.reason, told.errors, told.late) == ([task()], "UNAVAILABLE", 1, 0)
    assert "shutting down" in told.text


@both_ways
async def test_r13_a_hundred_streams_under_way_finish_or_are_told(way: Way) -> None:
    go = asyncio.Event()
    drain_s = 3.0
    async with way.agent() as agent, serving(agent.url, drain_s=drain_s) as it, AsyncExitStack() as stack:
        scripts(way, agent, go)
        short = await opened(stack, way, it, "short", 60)
        long = await opened(stack, way, it, "long", 40)
        began = now()
        it.signal()
        await it.draining()
        refused = await refusal(way, it)
        go.set()
        finished = await asyncio.gather(*(caller.told() for caller in short))
        told = await asyncio.gather(*(caller.told() for caller in long))
        code, _ = await it.ended()
        took_s = now() - began
        report(
            f"R13 {way}", f"{len(finished)} finished, {len(told)} told, exit {code} after {took_s:.2f} s of {drain_s} s"
        )
        for one in finished:
            assert (one.results, one.reason) == (SHORT, None)
        for one in told:
            check_told(one)
        assert (refused.results, refused.reason) == ([], "UNAVAILABLE")
        assert code == DONE
        assert took_s < drain_s + PATIENCE_S
        assert agent.asked_times("CancelTask") == 0
        if way is TO_GRPC:
            for caller in long:
                fake: HttpCaller = caller.fake  # type: ignore[attr-defined]
                assert fake.received.events[-1].name == "error"
                assert fake.sse.retry_ms is not None
                assert 1000 <= fake.sse.retry_ms <= 2000


async def refusal(way: Way, it: Served) -> Told:
    """What a call gets that comes too late."""
    async with way.caller(it) as caller:
        await caller.ask(UNARY, send_params())
        told = await caller.told()
        if way is TO_GRPC:
            assert caller.fake.received.status == 503
            assert int(caller.fake.received.header("retry-after") or "") > 0
        return told


@both_ways
async def test_r13_the_gateway_leaves_as_soon_as_the_last_call_has_ended(way: Way) -> None:
    go = asyncio.Event()
    async with way.agent() as agent, serving(agent.url, drain_s=60) as it, AsyncExitStack() as stack:
        scripts(way, agent, go)
        short = await opened(stack, way, it, "short", 5)
        it.signal()
        await it.draining()
        go.set()
        for caller in short:
            told = await caller.told()
            assert (told.results, told.reason) == (SHORT, None)
        code, took_s = await it.ended()
        report(f"R13 {way}, last call ended", f"exit {code} after {took_s:.2f} s")
        assert code == DONE


@both_ways
async def test_r13_a_second_signal_cuts_at_once_and_still_says_so(way: Way) -> None:
    async with way.agent() as agent, serving(agent.url, drain_s=120) as it, AsyncExitStack() as stack:
        scripts(way, agent, asyncio.Event())
        long = await opened(stack, way, it, "long", 20)
        it.signal()
        await it.draining()
        it.signal()
        for caller in long:
            check_told(await caller.told())
        code, took_s = await it.ended()
        report(f"R13 {way}, second signal", f"exit {code} after {took_s:.2f} s")
        assert code == DONE


@both_ways
async def test_r13_a_stalled_reader_does_not_hold_up_the_end(way: Way) -> None:
    async with way.agent() as agent, serving(agent.url, drain_s=2) as it, AsyncExitStack() as stack:
        agent.plays(STREAM, agent.flood(lambda number: numbered(number, 10_000) if number else task()))
        caller = await stack.enter_async_context(way.caller(it, slow=True))
        await caller.ask(STREAM, send_params())
        assert await caller.result() == task()
        meter = (await agent.asked(STREAM)).meter
        await steps.until(lambda: meter.events > 1 and meter.idle_s() > 0.3, PATIENCE_S)
        it.signal()
        code, took_s = await it.ended()
        report(f"R13 {way}, stalled reader", f"exit {code} after {took_s:.2f} s of 2 s")
        assert code == DONE
        assert (await caller.told()).reason is not None
        await agent.freed_at(STREAM)


@both_ways
async def test_r13_a_unary_call_that_does_not_end_is_told(way: Way) -> None:
    async with way.agent() as agent, serving(agent.url, drain_s=1) as it:
        agent.plays(UNARY, agent.linger())
        async with way.caller(it) as caller:
            await caller.ask(UNARY, send_params())
            await agent.asked(UNARY)
            it.signal()
            told = await caller.told()
        assert (told.results, told.reason) == ([], "UNAVAILABLE")
        assert (await it.ended())[0] == DONE
