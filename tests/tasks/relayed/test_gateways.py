"""Several gateways of one PostgreSQL: a task is read by one of them, and by the next one when that is gone."""

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.app import Gateway
from tests.cli.launcher import ROOT, environment
from tests.fakes import steps
from tests.fakes.loopback import HOST
from tests.fakes.proxy import Proxy
from tests.tasks.relayed.agents import WORK, OverGrpc, OverJsonRpc, Work
from tests.tasks.relayed.rig import PATIENCE_S, WIRES, Caller, Told, Wire, settings

pytestmark = pytest.mark.anyio

each_wire = pytest.mark.parametrize("wire", WIRES)


@asynccontextmanager
async def pair(
    wire: Wire, url: str, **tasks: Any
) -> AsyncIterator[tuple[Gateway, Gateway, OverGrpc | OverJsonRpc]]:
    """Two gateways before one agent; the first may be left before the end."""
    agent = wire(Work(list(WORK)))
    async with agent.serving():
        given = settings([agent.settings(agent.port)], url, **tasks)
        one, other = Gateway(given), Gateway(given)
        async with other, one:
            yield one, other, agent


@each_wire
async def test_a_task_that_one_reads_is_seen_and_resumed_on_the_other(wire: Wire, postgres_url: str) -> None:
    async with pair(wire, postgres_url) as (one, other, agent):
        async with Caller(one.http) as caller, Caller(other.http) as second:
            await caller.send()
            await caller.until(1)
            agent.work.release(2)
            told = await caller.until(3)
            await second.subscribe(told.ids[0])
            await second.until(2)
            caller.leave()
            agent.work.release()
            await second.end()
            assert second.told.events == WORK
        async with Caller(other.http) as again:
            await again.subscribe(told.ids[-1])
            assert (await again.end()).events == WORK[2:]
        assert agent.work.opened == 1
        assert agent.asked("SubscribeToTask") == 0


@each_wire
async def test_when_a_gateway_stops_the_other_reads_on_and_its_callers_notice_nothing(
    wire: Wire, postgres_url: str
) -> None:
    agent = wire(Work(list(WORK)))
    async with agent.serving():
        given = settings([agent.settings(agent.port)], postgres_url)
        async with Gateway(given) as other, Caller(other.http) as second:
            one = Gateway(given)
            await one.__aenter__()
            async with Caller(one.http) as caller:
                await caller.send()
                await caller.until(1)
                agent.work.release(2)
                told = await caller.until(3)
                await second.subscribe(told.ids[0])
                await second.until(2)
                await one.__aexit__(None, None, None)
                assert (await caller.end()).reason == "UNAVAILABLE"
            await steps.until(lambda: agent.work.opened == 2, PATIENCE_S)
            agent.work.release()
            await second.end()
            assert second.told.events == WORK
            async with Caller(other.http) as again:
                await again.subscribe(told.ids[-1])
                assert (await again.end()).events == WORK[2:]


async def test_a_task_whose_gateway_let_it_go_is_taken_by_one_that_has_readers(postgres_url: str) -> None:
    async with pair(OverGrpc, postgres_url, resume_linger_s=0.05) as (one, other, agent):
        async with Caller(one.http) as caller, Caller(other.http) as second:
            await caller.send()
            await caller.until(1)
            await second.subscribe()
            await second.until(1)
            caller.leave()
            # Without readers there, the first one lets go; the second one has a reader.
            await steps.until(lambda: agent.work.opened == 2, PATIENCE_S)
            agent.work.release()
            assert (await second.end()).events[1:] == WORK


async def test_a_caller_of_an_orphan_is_trusted_only_by_the_agent(postgres_url: str) -> None:
    def refuses(request: Any) -> tuple[int, str] | None:
        return (-32001, "not yours") if request.header("x-key") != "mine" else None

    agent = OverJsonRpc(Work(list(WORK)), refuses=refuses)
    async with agent.serving():
        given = settings([agent.settings(agent.port)], postgres_url)
        async with Gateway(given) as other:
            async with Gateway(given) as one, Caller(one.http) as caller:
                await caller.send("hi", ("x-key", "mine"))
                await caller.until(1)
                agent.work.release(2)
                told = await caller.until(3)
            # The successor has no credentials of its own, and is refused; the task is not the worse for it.
            await steps.until(lambda: agent.asked("SubscribeToTask") >= 1, PATIENCE_S)
            assert agent.header("SubscribeToTask", 0, "x-key") is None
            async with Caller(other.http) as stranger:
                await stranger.subscribe(told.ids[0], ("x-key", "theirs"))
                assert (await stranger.end()).events == []
            async with Caller(other.http) as again:
                await again.subscribe(told.ids[0], ("x-key", "mine"))
                await again.until(2)
                await steps.until(lambda: agent.work.opened == 2, PATIENCE_S)
                agent.work.release()
                assert (await again.end()).events == WORK


# A process that is killed


@asynccontextmanager
async def process(file: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A gateway in a process of its own, and where its HTTP side is."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "serve", "-c", str(file), cwd=ROOT, env=environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert started.stdout is not None
        async with asyncio.timeout(40):
            line = (await started.stdout.readline()).decode()
        found = re.fullmatch(r"serving on http://(\S+) and grpc://\S+\n", line)
        assert found, line
        yield started, found[1]
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def test_when_a_gateway_is_killed_the_other_takes_its_task(postgres_url: str, tmp_path: Path) -> None:
    agent = OverGrpc(Work(list(WORK)))
    async with agent.serving(), Proxy(HOST, agent.port) as proxy:
        file = tmp_path / "gateway.yaml"
        given = settings([agent.settings(proxy.port)], postgres_url)
        file.write_text(given.model_dump_json(exclude_unset=True))
        async with process(file) as (one, first), process(file) as (_, second):
            async with Caller(first) as caller, Caller(second) as other:
                await caller.send()
                await caller.until(1)
                agent.work.release(3)
                told = await caller.until(4)
                await other.subscribe(told.ids[0])
                await other.until(3)
                one.send_signal(signal.SIGKILL)
                await one.wait()
                cut = await caller.end()
                assert cut.ending is not None, "a stream that was cut looks like one that ended"
                # While nobody reads it, the task goes on.
                agent.work.release(2)
                await steps.until(lambda: agent.work.opened == 2, PATIENCE_S)
                agent.work.release()
                await other.end()
                seen = Told([told.events[0], *other.told.events])
                assert seen.fold().texts() == {"artifact-1": "<0><1><2><3>", "artifact-2": "<0><1>"}
                assert seen.fold().messages == ["said-1", "said-2"]
                assert seen.gaps == ["upstream"]
                # Its caller comes back to the other one, with a cursor of the first.
                async with Caller(second) as again:
                    await again.subscribe(cut.ids[-1])
                    rest = await again.end()
                    if rest.gaps[:1] == ["unknown"]:
                        # The last event was shown and not yet stored when its gateway died: it is told so.
                        assert "task" in rest.events[0]
                    else:
                        assert cut.then(rest).fold().texts() == seen.fold().texts()
