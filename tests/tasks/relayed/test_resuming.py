"""Callers leave, stall and come back; the agent's stream is read once, and nobody misses anything unannounced."""

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import grpc
import httpx
import pytest
from pydantic import ValidationError

from gateway.deltas.extension import URI as DELTAS_URI
from gateway.settings import AgentSettings
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import http_steps, steps
from tests.fakes.callers import GrpcCaller, SseReader
from tests.fakes.events import COMPLETED, INPUT_REQUIRED, TASK_ID, Json, artifact, from_wire, message, status, to_wire
from tests.tasks.relayed.agents import WORK, OverGrpc, OverJsonRpc, OverOldJsonRpc, Work, said, tokens
from tests.tasks.relayed.rig import PATIENCE_S, RESUME_URI, WIRES, Told, Wire, rig
from tests.tasks.store.conftest import opened

pytestmark = pytest.mark.anyio

each_wire = pytest.mark.parametrize("wire", WIRES)
AUTH_REQUIRED = "TASK_STATE_AUTH_REQUIRED"


@each_wire
@pytest.mark.parametrize("read", [1, 4, len(WORK)])
async def test_who_comes_back_gets_exactly_what_was_missed(wire: Wire, read: int) -> None:
    async with rig(wire, WORK) as it:
        async with it.caller() as caller:
            await caller.send()
            await caller.until(1)
            it.work.release(read - 1)
            told = await caller.until(read)
            caller.leave()
        # Nobody reads, and the agent works on.
        it.work.release()
        async with it.caller() as again:
            await again.subscribe(told.ids[-1])
            whole = told.then(await again.end())
            assert whole.events == [{"task": it.work.task(0)}, *WORK]
            assert len(set(whole.ids)) == len(whole.ids)
        assert it.work.opened == 1


@each_wire
async def test_who_comes_back_while_the_task_goes_on_gets_the_live_tail_too(wire: Wire) -> None:
    async with rig(wire, WORK) as it:
        async with it.caller() as caller:
            await caller.send()
            await caller.until(1)
            it.work.release(2)
            told = await caller.until(3)
            caller.leave()
        it.work.release(2)
        async with it.caller() as again:
            await again.subscribe(told.ids[-2])
            await again.until(3)
            it.work.release()
            assert [*told.events[:-1], *(await again.end()).events] == [{"task": it.work.task(0)}, *WORK]
        assert it.work.opened == 1


async def test_every_point_of_a_task_can_be_resumed_from() -> None:
    async with rig(OverGrpc, WORK) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release()
        told = await caller.end()
        for number, cursor in enumerate(told.ids[:-1], 1):
            async with it.caller() as again:
                await again.subscribe(cursor)
                assert (await again.end()).events == told.events[number:]
        async with it.caller() as again:
            await again.subscribe(told.ids[-1])
            assert (await again.end()).reason == "UNSUPPORTED_OPERATION"


@each_wire
async def test_a_task_that_nobody_reads_is_let_go_and_taken_up_again(wire: Wire) -> None:
    async with rig(wire, WORK, resume_linger_s=0.05) as it:
        async with it.caller() as caller:
            await caller.send()
            await caller.until(1)
            it.work.release(2)
            told = await caller.until(3)
            caller.leave()
        if wire is OverGrpc:
            await steps.until(lambda: it.work.readers == 0, PATIENCE_S)
        else:
            await steps.until(lambda: it.agent.fake.calls("SendStreamingMessage")[0].connection.gone.is_set(), PATIENCE_S)
        it.work.release(2)
        async with it.caller() as again:
            await again.subscribe(told.ids[-1])
            await again.until(1)
            await it.opened(2)
            it.work.release()
            whole = told.then(await again.end())
            assert whole.fold().texts() == {"artifact-1": "<0><1><2><3>", "artifact-2": "<0><1>"}
            assert whole.fold().messages == ["said-1", "said-2"]
            assert whole.gaps == ["upstream"]
        assert it.agent.asked("CancelTask") == 0


async def test_of_too_many_tasks_without_readers_the_oldest_is_let_go() -> None:
    async with rig(OverGrpc, WORK, resume_lingering=1) as it:
        works: list[Work] = []
        for number in range(3):
            works.append(Work(list(WORK), f"task-{number}"))
            it.agent.work = works[-1]
            async with it.caller() as caller:
                await caller.send()
                await caller.until(1)
                caller.leave()
            await steps.until(lambda: sum(work.readers for work in works) == 1, PATIENCE_S)
        assert works[-1].readers == 1


@each_wire
async def test_a_stalled_caller_delays_neither_the_agent_nor_another_caller(wire: Wire) -> None:
    big = [artifact(f"{number}:".ljust(20_000, "x"), append=number > 0) for number in range(100)]
    events = [*big, status(COMPLETED)]
    async with rig(wire, events, buffer_events=16) as it, it.caller(slow=True) as stalled, it.caller() as other:
        await stalled.send()
        await stalled.until(1)
        await other.subscribe()
        await other.until(1)
        it.work.release()
        told = await other.end()
        assert told.reason is None
        assert told.events[1:] == events
        assert it.work.opened == 1
        late = await stalled.end()
        assert (late.reason, late.events[1:]) == (None, told.events[1:])


async def test_a_task_first_seen_when_it_is_subscribed_to_is_recorded_from_there() -> None:
    async with rig(OverJsonRpc, WORK) as it:
        it.work.release(3)
        async with it.caller() as caller:
            await caller.subscribe()
            await caller.until(1)
            it.work.release(2)
            told = await caller.until(3)
            caller.leave()
        it.work.release()
        async with it.caller() as again:
            await again.subscribe(told.ids[0])
            assert [told.events[0], *(await again.end()).events] == [{"task": it.work.task(3)}, *WORK[3:]]


async def test_cursors_that_lead_nowhere() -> None:
    async with rig(OverJsonRpc, WORK) as it:
        async with it.caller() as caller:
            await caller.send()
            await caller.until(1)
            it.work.release(2)
            mine = (await caller.until(3)).ids[-1]
        first, it.agent.work = it.work, Work(list(WORK), "task-2")
        async with it.caller() as caller:
            await caller.send()
            await caller.until(1)
            it.work.release(2)
            theirs = (await caller.until(3)).ids[-1]
            for cursor in ("7", "x" * 400, f"{theirs}0x", "aaaa-1-1"):
                async with it.caller() as lost:
                    await lost.subscribe(cursor, task_id="task-2")
                    assert (await lost.end()).reason == "INVALID_PARAMS", cursor
                async with it.caller() as lost:
                    await lost.subscribe(cursor, task_id="task-3")
                    assert (await lost.end()).reason == "INVALID_PARAMS", cursor
            # Of another task, or of an event that never was: a gap, and the task as it is.
            tag, epoch, seq = theirs.rsplit("-", 2)
            for cursor in (mine, f"{tag}-{epoch}-{int(seq) + 7}", f"{'a' * 16}-{epoch}-{seq}"):
                async with it.caller() as lost:
                    await lost.subscribe(cursor, task_id="task-2")
                    told = await lost.until(1)
                    assert told.gaps == ["unknown"], cursor
                    assert "task" in told.events[0]
                    assert told.fold().texts() == {"artifact-1": "<0>"}
        assert first.opened == 1


async def test_events_that_are_no_longer_kept_are_a_gap() -> None:
    async with rig(OverGrpc, WORK, events_kept=2, prune_s=0.05, buffer_events=2) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release(7)
        told = await caller.until(8)

        async def gaps() -> list[str]:
            async with it.caller() as again:
                await again.subscribe(told.ids[1])
                # Removed while it was being read, they are an error, which says to come again.
                assert await again.refused() in (None, "OUT_OF_RANGE")
                return again.told.gaps

        found = await gaps()
        while not found:
            found = await gaps()
        assert found == ["expired"]


async def test_a_task_that_nobody_has_read_for_long_is_forgotten(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a2a.db'}"
    long_ago: Json = {"timestamp": "2020-01-01T00:00:00Z"}
    work = [status(), *tokens(3), status(COMPLETED)]
    for event in work[:1]:
        cast(Any, event)["statusUpdate"]["status"] |= long_ago
    async with rig(OverGrpc, work, store=url, resume_linger_s=0.05, unanswered_s=0.1, prune_s=0.05) as it:
        async with it.caller() as caller:
            await caller.send()
            await caller.until(1)
            it.work.release(2)
            told = await caller.until(3)
            caller.leave()
        async with opened(url) as store, asyncio.timeout(PATIENCE_S):
            while await store.load(f"agent/{TASK_ID}") is not None:
                await asyncio.sleep(0.02)
        async with it.caller() as again:
            await again.subscribe(told.ids[-1])
            assert (await again.until(1)).gaps == ["unknown"]
            assert again.told.fold().texts() == {"artifact-1": "<0>"}
        assert it.agent.asked("CancelTask") == 0


async def test_a_task_that_grows_too_large_is_an_error() -> None:
    async with rig(OverGrpc, [artifact("x" * 1000), artifact("y" * 5000, append=True)], task_bytes=4000) as it:
        async with it.caller() as caller:
            await caller.send()
            await caller.until(1)
            it.work.release()
            told = await caller.end()
            assert (told.reason, len(told.events)) == ("RESOURCE_EXHAUSTED", 2)


# Who may read


async def test_the_agent_says_whether_another_caller_may_read() -> None:
    def refuses(request: http_steps.Request) -> tuple[int, str] | None:
        return (-32001, "not yours") if request.header("authorization") not in {"Bearer a", "Bearer b"} else None

    agent = OverJsonRpc(Work(list(WORK)), refuses=refuses)
    async with rig(OverJsonRpc, WORK, agent=agent) as it, it.caller() as caller:
        await caller.send("hi", ("authorization", "Bearer a"))
        await caller.until(1)
        it.work.release(2)
        told = await caller.until(3)
        for cursor in (None, told.ids[-1], told.ids[0]):
            for other in ((), (("authorization", "Bearer x"),)):
                async with it.caller() as stranger:
                    await stranger.subscribe(cursor, *other)
                    seen = await stranger.end()
                    assert (seen.events, seen.reason) == ([], "TASK_NOT_FOUND")
        asked = it.agent.asked("GetTask")
        async with it.caller() as owner:
            await owner.subscribe(told.ids[0], ("authorization", "Bearer a"))
            assert (await owner.until(2)).events == told.events[1:]
        assert it.agent.asked("GetTask") == asked, "who is known needs no asking"
        async with it.caller() as friend:
            await friend.subscribe(told.ids[0], ("authorization", "Bearer b"))
            assert (await friend.until(2)).events == told.events[1:]
        # From now on the agent is asked with what was good last.
        it.cut()
        await it.opened(2)
        assert it.agent.header("SubscribeToTask", -1, "authorization") == "Bearer b"
        assert it.agent.asked("SendStreamingMessage") == 1


async def test_a_message_with_bad_credentials_opens_no_door() -> None:
    def refuses(request: http_steps.Request) -> tuple[int, str] | None:
        return (-32001, "not yours") if request.header("authorization") != "Bearer a" else None

    agent = OverJsonRpc(Work([*tokens(2), status(INPUT_REQUIRED)]), refuses=refuses)
    async with rig(OverJsonRpc, WORK, agent=agent) as it, it.caller() as caller:
        await caller.send("hi", ("authorization", "Bearer a"))
        await caller.until(1)
        it.work.release()
        told = await caller.end()
        bad = ("authorization", "Bearer x")
        async with it.caller() as stranger:
            await stranger.send("more", bad, taskId=TASK_ID)
            assert (await stranger.end()).reason == "TASK_NOT_FOUND"
        async with it.caller() as stranger:
            await stranger.subscribe(told.ids[0], bad)
            assert (await stranger.end()).events == []


async def test_callers_that_a_proxy_names_see_their_own_tasks_alone() -> None:
    async with rig(OverGrpc, WORK, principal_header="x-user") as it, it.caller() as caller:
        await caller.send("hi", ("x-user", "ann"))
        await caller.until(1)
        it.work.release(2)
        told = await caller.until(3)
        async with it.caller() as other:
            await other.subscribe(told.ids[-1], ("x-user", "bob"))
            assert (await other.end()).reason == "TASK_NOT_FOUND"
        async with it.caller() as same:
            await same.subscribe(told.ids[0], ("x-user", "ann"))
            assert (await same.until(2)).events == told.events[1:]


# What passes, and what goes on


async def test_a_message_alone_passes_unchanged() -> None:
    async with rig(OverJsonRpc, WORK) as it, it.caller() as caller:
        it.agent.fake.scripts = {"SendStreamingMessage": (http_steps.sse(message("no task")),)}
        await caller.send()
        told = await caller.end()
        assert (told.events, told.ids, told.reason) == ([message("no task")], [""], None)


async def test_what_breaks_the_contract_is_the_agents_fault() -> None:
    async with rig(OverJsonRpc, WORK) as it, it.caller() as caller:
        it.agent.fake.scripts = {"SendStreamingMessage": (http_steps.sse(WORK[1]), http_steps.sse(WORK[2]))}
        await caller.send()
        told = await caller.end()
        assert (told.events, told.reason) == ([], "INVALID_AGENT_RESPONSE")


@each_wire
async def test_each_caller_sees_as_much_history_as_it_wants(wire: Wire) -> None:
    async with rig(wire, WORK) as it, it.caller() as caller:
        await caller.send(configuration={"historyLength": 0})
        first = (await caller.until(1)).events[0]
        assert "history" not in cast(Any, first)["task"]
        async with it.caller() as other:
            await other.subscribe()
            assert (await other.until(1)).events == [{"task": it.work.task(0)}]


@each_wire
async def test_a_task_that_waited_goes_on_with_the_callers_answer(wire: Wire) -> None:
    first: list[Json] = [*tokens(2), said("which?", 1, INPUT_REQUIRED)]
    rest: list[Json] = [status(), artifact("done", artifact_id="artifact-2"), status(COMPLETED)]
    async with rig(wire, [*first, *rest]) as it:
        async with it.caller() as caller:
            await caller.send()
            await caller.until(1)
            it.work.release(3)
            told = await caller.end()
            assert told.events[1:] == first
        async with it.caller() as caller:
            await caller.send("this one", taskId=TASK_ID)
            again = await caller.until(1)
            assert again.fold().texts() == {"artifact-1": "<0><1>"}
            it.work.release()
            await caller.end()
            assert again.events[1:] == rest
            assert again.gaps == []
        # From the snapshot that the answer's stream began with.
        async with it.caller() as late:
            await late.subscribe(again.ids[0])
            assert (await late.end()).events == rest
        # From before the question to the end, in one.
        async with it.caller() as late:
            await late.subscribe(told.ids[0])
            assert (await late.end()).events == [*first, *rest]


@each_wire
async def test_a_message_for_a_task_whose_stream_is_read_opens_no_second_one(wire: Wire) -> None:
    async with rig(wire, WORK) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release(1)
        await caller.until(2)
        async with it.caller() as second:
            await second.send("and one thing more", taskId=TASK_ID)
            await second.until(1)
            it.work.release()
            assert (await caller.end()).events[1:] == WORK
            assert (await second.end()).events[1:] == WORK[1:]
        assert (it.work.opened, it.agent.asked("SendMessage")) == (1, 1)


@each_wire
async def test_a_message_for_a_task_that_waits_with_its_stream_open_takes_the_streams_place(wire: Wire) -> None:
    work: list[Json] = [status(AUTH_REQUIRED), status(), *tokens(2), status(COMPLETED)]
    async with rig(wire, work) as it, it.caller() as caller:
        it.work.stays_open = True
        await caller.send()
        await caller.until(1)
        it.work.release(1)
        await caller.until(2)
        async with it.caller() as second:
            await second.send("here is my token", taskId=TASK_ID)
            await second.until(1)
            await it.opened(2)
            it.work.release()
            assert (await caller.end()).events[1:] == work
            assert (await second.end()).events[1:] == work[1:]
        assert caller.told.gaps == []
        assert it.agent.asked("SendStreamingMessage") == 2


async def test_a_message_that_is_refused_leaves_the_task_as_it_was_read() -> None:
    work: list[Json] = [status(AUTH_REQUIRED), status(), *tokens(2), status(COMPLETED)]
    agent = OverJsonRpc(Work(work, stays_open=True))
    async with rig(OverJsonRpc, work, agent=agent) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release(1)
        await caller.until(2)
        agent.refuses = lambda request: (-32602, "no") if request.rpc == "SendStreamingMessage" else None
        async with it.caller() as second:
            await second.send("nonsense", taskId=TASK_ID)
            assert (await second.end()).reason == "INVALID_PARAMS"
        await it.opened(2)
        it.work.release()
        assert (await caller.end()).events[1:] == work


async def test_a_stream_of_an_unknown_task_may_begin_with_an_update_in_0_3() -> None:
    agent = OverOldJsonRpc(Work(list(WORK)), begins_with_task=False)
    async with rig(OverJsonRpc, WORK, agent=agent) as it, it.caller() as caller:
        await caller.send()
        await it.opened(1)
        for _ in WORK:
            it.work.release(1)
            await steps.until(lambda: it.agent.asked("tasks/get") > 0, PATIENCE_S)
        told = await caller.end()
        assert told.reason is None
        assert "task" in told.events[0]
        assert told.fold().texts() == {"artifact-1": "<0><1><2><3>", "artifact-2": "<0><1>"}
        assert told.fold().state == COMPLETED


async def test_a_task_that_is_over_at_once() -> None:
    async with rig(OverJsonRpc, WORK) as it, it.caller() as caller:
        it.work.release()
        over: Json = {"task": it.work.task()}
        it.agent.fake.scripts = {"SendStreamingMessage": (http_steps.sse(over),)}
        await caller.send()
        told = await caller.end()
        assert (told.events, told.reason) == ([over], None)


# Other ways to read


@pytest.mark.parametrize("path", [f"/tasks/{TASK_ID}:subscribe", f"/agent/tasks/{TASK_ID}:subscribe"])
async def test_an_event_source_resumes_by_a_plain_get(path: str) -> None:
    async with rig(OverGrpc, WORK) as it, it.caller() as caller:
        await caller.send()
        await caller.until(1)
        it.work.release(4)
        told = await caller.until(5)
        it.work.release()
        await caller.end()
        # What browsers send: no body, no version, nothing else of A2A.
        headers = {"accept": "text/event-stream", "cache-control": "no-cache", "last-event-id": told.ids[2]}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://{it.gateway.http}{path}", headers=headers)
            assert answer.headers["content-type"] == "text/event-stream"
            got = SseReader().feed(answer.content)
            assert [json.loads(event.data) for event in got] == WORK[2:]
            assert [event.last_id for event in got] == caller.told.ids[3:]
            over = await client.get(
                f"http://{it.gateway.http}{path}", headers={**headers, "last-event-id": got[-1].last_id}
            )
            # An EventSource tries no more after this.
            assert over.status_code == 400


async def test_grpc_trailers_say_how_far_the_stream_came() -> None:
    async with rig(OverJsonRpc, WORK, resume_tries=1) as it, GrpcCaller(it.gateway.grpc) as caller:
        sent: Json = {"message": {"messageId": "request-1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}}
        extension = ("a2a-extensions", RESUME_URI)
        stream = caller.stream("SendStreamingMessage", to_wire(a2a.SendMessageRequest, sent), metadata=(extension,))
        messages = stream.messages()
        events = [from_wire(a2a.StreamResponse, await anext(messages))]
        it.work.release(3)
        events += [from_wire(a2a.StreamResponse, await anext(messages)) for _ in range(3)]
        marks = [cast(Any, next(iter(event.values())))["metadata"][RESUME_URI]["cursor"] for event in events]
        assert len(set(marks)) == 4
        await it.proxy.refuse()
        it.cut()
        async for _ in messages:
            pass
        broken = stream.outcome
        assert broken.code is grpc.StatusCode.UNAVAILABLE
        assert dict(broken.initial)["a2a-extensions"] == RESUME_URI
        assert dict(broken.trailing)["last-event-id"] == marks[-1]
        await it.proxy.listen()
        it.work.release()
        again = await caller.call(
            "SubscribeToTask",
            to_wire(a2a.SubscribeToTaskRequest, {"id": TASK_ID}),
            metadata=(("last-event-id", marks[-1]),),
        )
        assert again.ok, again
        rest = [from_wire(a2a.StreamResponse, data) for data in again.messages]
        told = Told([*events, *rest])
        assert told.fold().texts() == {"artifact-1": "<0><1><2><3>", "artifact-2": "<0><1>"}
        assert told.gaps == ["upstream"]
        last = dict(again.trailing)["last-event-id"]
        assert last != marks[-1]
        over = await caller.call(
            "SubscribeToTask", to_wire(a2a.SubscribeToTaskRequest, {"id": TASK_ID}), metadata=(("last-event-id", last),)
        )
        assert over.reason == "UNSUPPORTED_OPERATION"
        assert "last-event-id" not in dict(over.trailing)


async def test_the_card_declares_the_extension() -> None:
    async with rig(OverGrpc, WORK) as it, httpx.AsyncClient(trust_env=False) as client:
        card = to_wire(a2a.AgentCard, cast(Json, OverJsonRpc(Work([])).settings(1)["card"]))
        assert isinstance(it.agent, OverGrpc)
        scripted = it.agent.fake

        def script(call: Any) -> Any:
            async def answer(exchange: Any) -> None:
                await exchange.write(card)

            return (answer,)

        scripted.scripts = script
        answer = await client.get(f"http://{it.gateway.http}/.well-known/agent-card.json")
        declared = answer.json()["capabilities"]["extensions"]
        assert [one["uri"] for one in declared] == [RESUME_URI, DELTAS_URI]


def test_only_agents_of_a2a_can_be_told_to_resume() -> None:
    with pytest.raises(ValidationError, match="resume: for agents that speak A2A"):
        AgentSettings.model_validate({"name": "a", "url": "python:examples.worker:Poet", "resume": True})
