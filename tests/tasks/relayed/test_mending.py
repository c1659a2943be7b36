"""The agent's stream breaks, and its callers' does not: every event once, in order, and holes announced."""

import asyncio
import random
from typing import Any

import grpc
import pytest

from tests.fakes import http_steps, scripted_grpc
from tests.fakes.events import COMPLETED, FAILED, Json, artifact, status
from tests.fakes.loopback import Cut
from tests.fakes.proxy import TRANSPARENT, Faults, Plan
from tests.tasks.relayed.agents import WORK, OverGrpc, OverJsonRpc, OverOldJsonRpc, Work, said, tokens
from tests.tasks.relayed.rig import WIRES, Caller, Rig, Told, Wire, rig

pytestmark = pytest.mark.anyio

each_wire = pytest.mark.parametrize("wire", WIRES)


def check(told: Told, work: Work) -> None:
    """The caller knows of the task all that there is, and was told nothing twice."""
    seen, whole = told.fold(), work.task()
    assert told.reason is None, told
    assert seen.texts() == texts_of(whole)
    assert sum(map(len, pieces(told))) == sum(map(len, texts_of(whole).values())), "some text came twice"
    assert seen.state == whole["status"]["state"]  # type: ignore[index,call-overload] # JSON
    assert len(seen.messages) == len(set(seen.messages))
    assert len(set(told.ids)) == len(told.ids)


def texts_of(task: Any) -> dict[str, str]:
    return {one["artifactId"]: "".join(part["text"] for part in one["parts"]) for one in task.get("artifacts", [])}


def pieces(told: Told) -> list[str]:
    """The text of every artifact update."""
    updates: list[Any] = [event["artifactUpdate"] for event in told.events if "artifactUpdate" in event]
    return [part["text"] for update in updates for part in update["artifact"]["parts"]]


async def works_on(it: Rig, number: int, events: list[Json]) -> None:
    """The agent's next message begins another task."""
    it.agent.work = Work(list(events), f"task-{number}")


@each_wire
async def test_a_stream_without_a_break_is_the_agents(wire: Wire) -> None:
    async with rig(wire, WORK) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release()
        told = await caller.end()
        assert told.reason is None
        assert told.events == [{"task": it.work.task(0)}, *WORK]
        assert all(told.ids)
        assert len(set(told.ids)) == len(told.ids)
        assert told.gaps == []


@each_wire
async def test_a_cut_between_any_two_events_changes_nothing(wire: Wire) -> None:
    async with rig(wire, WORK) as it:
        for before in range(len(WORK)):
            await works_on(it, before, WORK)
            async with it.caller() as caller:
                await caller.send()
                await caller.until(1)
                it.work.release(before)
                await caller.until(1 + before)
                it.cut()
                await it.opened(2)
                it.work.release()
                told = await caller.end()
                assert told.events == [{"task": it.work.task(0)}, *it.work.events], before
                assert told.gaps == []


@each_wire
async def test_what_happens_while_the_wire_is_cut_is_made_up_and_announced(wire: Wire) -> None:
    async with rig(wire, WORK) as it:
        for before in range(len(WORK)):
            for meanwhile in (1, 3, len(WORK)):
                await works_on(it, 100 * before + meanwhile, WORK)
                async with it.caller() as caller:
                    await caller.send()
                    await caller.until(1)
                    it.work.release(before)
                    await caller.until(1 + before)
                    await it.cut_while(meanwhile)
                    if not it.work.is_over:
                        await it.opened(2)
                        it.work.release()
                    told = await caller.end()
                    check(told, it.work)
                    assert told.gaps == ["upstream"], (before, meanwhile)


@each_wire
@pytest.mark.parametrize("seed", range(6))
async def test_cuts_at_random_bytes_lose_and_double_nothing(wire: Wire, seed: int) -> None:
    dice = random.Random(seed)
    work = [said("begun", 1), *tokens(30), said("halfway", 2), *tokens(30, "artifact-2"), status(COMPLETED)]

    def plan(number: int) -> Plan:
        if number > 6:
            return TRANSPARENT
        return Plan(down=Faults(cut=Cut(dice.randrange(200, 4000), reset=dice.random() < 0.5)))

    async with rig(wire, work, plans=(TRANSPARENT,)) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.proxy.plans = plan
        it.cut()

        async def go_on() -> None:
            while not it.work.is_over:
                it.work.release(dice.randrange(1, 5))
                await asyncio.sleep(0.005)

        going_on = asyncio.create_task(go_on())
        told = await caller.end()
        await going_on
        check(told, it.work)


# Where it cannot go on


@each_wire
async def test_an_agent_that_stays_away_is_an_error_after_the_tries(wire: Wire) -> None:
    async with rig(wire, WORK, resume_tries=2) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release(3)
        await caller.until(4)
        await it.proxy.refuse()
        it.cut()
        told = await caller.end()
        assert (told.reason, len(told.events)) == ("UNAVAILABLE", 4)
        # It comes back, and so does the caller.
        it.work.release(2)
        await it.proxy.listen()
        async with it.caller() as again:
            await again.subscribe(told.ids[-1])
            while await again.refused() == "UNAVAILABLE":
                await again.subscribe(told.ids[-1])
            await again.until_text("<3>", told)
            it.work.release()
            whole = told.then(await again.end())
            check(whole, it.work)
            assert whole.gaps == ["upstream"]


@each_wire
async def test_an_agent_that_has_forgotten_the_task_says_so(wire: Wire) -> None:
    async with rig(wire, WORK) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release(3)
        await caller.until(4)
        it.work.known = False
        it.cut()
        told = await caller.end()
        assert (told.reason, len(told.events)) == ("TASK_NOT_FOUND", 4)


@each_wire
async def test_a_task_that_ended_meanwhile_ends_as_it_did(wire: Wire) -> None:
    work = [*tokens(3), said("it broke", 1, FAILED)]
    async with rig(wire, work) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release(1)
        await caller.until(2)
        await it.cut_while(None)
        told = await caller.end()
        check(told, it.work)
        assert told.fold().messages == ["said-1"]


@each_wire
async def test_a_stream_that_just_ends_is_taken_up(wire: Wire) -> None:
    """Stock agents let go of a reader that is far behind by a clean end, with the task still at work."""
    async with rig(wire, WORK) as it, it.caller() as caller:
        first: list[bool] = []
        events: list[Json] = [{"task": it.work.task(0)}, *WORK[:2]]

        def script(call: Any) -> Any:
            rpc = call.method if isinstance(it.agent, OverGrpc) else call.rpc
            if rpc == "SendStreamingMessage" and not first:
                first.append(True)
                it.work.release(2)
                steps: Any = scripted_grpc if isinstance(it.agent, OverGrpc) else http_steps
                return [(steps.event if isinstance(it.agent, OverGrpc) else steps.sse)(event) for event in events]
            return it.agent.script(call)

        it.agent.fake.scripts = script
        await caller.send()
        await caller.until(3)
        await it.opened(1)
        it.work.release()
        told = await caller.end()
        assert told.events == [events[0], *WORK]


@each_wire
async def test_an_artifact_that_is_another_one_is_sent_whole(wire: Wire) -> None:
    async with rig(wire, [*tokens(3), status(COMPLETED)]) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release(2)
        await caller.until(3)
        # The agent begins anew, from an older state.
        it.work.events = [artifact("begun anew "), artifact("and done", append=True), status(COMPLETED)]
        it.work.done = 1
        it.cut()
        await caller.until(4)
        it.work.release()
        told = await caller.end()
        assert told.fold().texts() == {"artifact-1": "begun anew and done"}
        assert told.gaps == ["upstream"]


async def test_errors_of_the_agent_that_break_nothing_are_told_as_they_are() -> None:
    async with rig(OverJsonRpc, WORK) as it, it.caller() as caller:
        it.agent.fake.scripts = {
            "SendStreamingMessage": (
                http_steps.sse({"task": it.work.task(0)}),
                http_steps.sse_error(-32602, "this is nonsense"),
            )
        }
        await caller.send()
        told = await caller.end()
        assert (told.reason, len(told.events)) == ("INVALID_PARAMS", 1)
        assert it.agent.asked("SubscribeToTask") == 0


async def test_an_agent_with_cursors_is_resumed_by_them() -> None:
    agent = OverJsonRpc(Work(list(WORK)), cursors=True)
    async with rig(OverJsonRpc, WORK, agent=agent) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release(2)
        await caller.until(3)
        await it.cut_while(4)
        await it.opened(2)
        it.work.release()
        told = await caller.end()
        # Nothing had to be made up: the events are the agent's own.
        assert told.events == [{"task": it.work.task(0)}, *WORK]
        assert told.gaps == []
        assert it.agent.header("SubscribeToTask", 0, "last-event-id") == "2"


async def test_an_agent_of_0_3_is_asked_what_it_does_not_tell() -> None:
    agent = OverOldJsonRpc(Work(list(WORK)))
    async with rig(OverJsonRpc, WORK, agent=agent, resume_silence_s=0.02) as it:
        for before in range(len(WORK)):
            for meanwhile in (0, 2):
                await works_on(it, 100 * before + meanwhile, WORK)
                async with it.caller() as caller:
                    await caller.send()
                    await caller.until(1)
                    it.work.release(before)
                    await caller.until(1 + before)
                    await it.cut_while(meanwhile)
                    for _ in WORK:
                        await asyncio.sleep(0.002)
                        it.work.release(1)
                    told = await caller.end()
                    check(told, it.work)


async def test_a_caller_of_0_3_reads_on_too() -> None:
    async with rig(OverGrpc, WORK) as it, Caller(it.gateway.http) as caller:
        await caller.send_in_0_3()
        await caller.until(1)
        it.work.release(3)
        await caller.until(4)
        it.cut()
        await it.opened(2)
        it.work.release()
        told = await caller.end()
        assert len(told.events) == 1 + len(WORK)
        assert told.ids[-1]


async def test_the_agents_refusal_to_say_who_subscribes_ends_the_stream() -> None:
    async with rig(OverGrpc, WORK) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release(2)
        await caller.until(3)
        assert isinstance(it.agent, OverGrpc)
        it.agent.refuses = lambda call: (grpc.StatusCode.UNAUTHENTICATED, "your token has run out")
        it.cut()
        told = await caller.end()
        assert (told.reason, len(told.events)) == ("UNAUTHENTICATED", 3)
