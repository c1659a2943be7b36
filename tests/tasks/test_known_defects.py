"""Defects that a task runtime of this manner is known to have, each shown to be absent here."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import pytest

from gateway.app import Gateway
from gateway.tasks.lifecycle import PHASES, Phase
from gateway.worker import Chunk, Status, Work, Yield, text_part
from generated.a2a.v1.a2a_pb import Message, StreamResponse, TaskState
from tests.fakes.events import Json
from tests.tasks.asking import JsonRpc, Refused, send, state_of, task_of
from tests.tasks.rig import serving
from tests.tasks.workers import SCRIPTS

pytestmark = pytest.mark.anyio

Yields = AsyncGenerator[Yield, Message | None]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with serving() as gateway:
        yield gateway


@pytest.fixture
async def caller(gateway: Gateway) -> AsyncIterator[JsonRpc]:
    async with JsonRpc(gateway) as caller:
        yield caller


def busy(name: str = "busy") -> asyncio.Event:
    """A script that works until the event is set."""
    go = asyncio.Event()

    async def script(work: Work) -> Yields:
        yield Chunk([text_part("begun")])
        await go.wait()

    SCRIPTS[name] = script
    return go


async def test_a_task_under_way_holds_up_no_other(caller: JsonRpc) -> None:
    busy()
    streams = [await caller.open("SendStreamingMessage", send("busy")) for _ in range(5)]
    async with asyncio.timeout(5):
        assert [(await stream.take(3))[-1].text for stream in streams] == ["begun"] * 5


async def test_cancel_does_not_wait_for_the_work_and_overwrites_nothing(caller: JsonRpc) -> None:
    go = busy()
    opened = await caller.open("SendStreamingMessage", send("busy"))
    await opened.take(3)
    async with asyncio.timeout(5):
        assert state_of(await caller.call("CancelTask", {"id": opened.seen[0].task_id})) == "CANCELED"
    go.set()
    done = task_of(await caller.call("SendMessage", send("busy")))
    with pytest.raises(Refused) as refused:
        await caller.call("CancelTask", {"id": done["id"]})
    assert refused.value.reason == "TASK_NOT_CANCELABLE"
    assert state_of(await caller.call("GetTask", {"id": done["id"]})) == "COMPLETED"


async def test_canceling_what_is_not_there_harms_nobody(caller: JsonRpc) -> None:
    go = busy()
    opened = await caller.open("SendStreamingMessage", send("busy"))
    await opened.take(3)
    for task_id in ("nobody", "", "x" * 5000, "\0"):
        with pytest.raises(Refused) as refused:
            await caller.call("CancelTask", {"id": task_id})
        assert refused.value.reason in ("TASK_NOT_FOUND", "INVALID_PARAMS")
    go.set()
    assert (await opened.rest())[-1].state == "COMPLETED"
    assert state_of(task_of(await caller.call("SendMessage", send("busy")))) == "COMPLETED"


async def test_a_subscriber_that_never_reads_blocks_nobody(gateway: Gateway, caller: JsonRpc) -> None:
    go = asyncio.Event()

    async def script(work: Work) -> Yields:
        await go.wait()
        for _ in range(300):
            yield Chunk([text_part("x" * 10_000)])

    SCRIPTS["flood"] = script
    opened = await caller.open("SendStreamingMessage", send("flood"))
    await opened.take(2)
    idle = [JsonRpc(gateway, rcvbuf_bytes=4096) for _ in range(3)]
    for one in idle:
        await one.open("SubscribeToTask", {"id": opened.seen[0].task_id})
    go.set()
    async with asyncio.timeout(20):
        assert (await opened.rest())[-1].state == "COMPLETED"
    for one in idle:
        await one.__aexit__()


@pytest.mark.parametrize("says_so_itself", [True, False])
async def test_there_is_exactly_one_final_event(caller: JsonRpc, says_so_itself: bool) -> None:
    async def script(work: Work) -> Yields:
        yield "x"
        if says_so_itself:
            yield Status(TaskState.COMPLETED)
            yield Status(TaskState.COMPLETED)

    SCRIPTS["ends"] = script
    seen = await (await caller.open("SendStreamingMessage", send("ends"))).rest()
    assert [one.state for one in seen] == ["SUBMITTED", "WORKING", "COMPLETED"]


async def test_a_task_that_ends_while_somebody_subscribes_leaves_nobody_hanging(caller: JsonRpc) -> None:
    """Each sees the end, or is told that it is over."""
    for pause_s in (0, 0.001, 0.002, 0.004, 0.008):
        go = busy()
        opened = await caller.open("SendStreamingMessage", send("busy"))
        await opened.take(3)
        task_id = opened.seen[0].task_id

        async def subscribe(task_id: str = task_id) -> str:
            try:
                return (await (await caller.open("SubscribeToTask", {"id": task_id})).rest())[-1].state
            except Refused as refused:
                return refused.reason

        following = [asyncio.create_task(subscribe()) for _ in range(20)]
        await asyncio.sleep(pause_s)
        go.set()
        async with asyncio.timeout(10):
            ends = set(await asyncio.gather(*following))
        assert ends <= {"COMPLETED", "UNSUPPORTED_OPERATION"}


async def test_a_short_answer_shortens_nothing_that_is_kept(caller: JsonRpc) -> None:
    async def script(work: Work) -> Yields:
        for word in ("one", "two", "three"):
            yield Status(TaskState.WORKING, word)

    SCRIPTS["talks"] = script
    task_id = task_of(await caller.call("SendMessage", send("talks")))["id"]
    lengths: list[int] = []
    for length in (0, 1, None):
        query: Json = {"id": task_id} if length is None else {"id": task_id, "historyLength": length}
        lengths.append(len(cast("list[Any]", (await caller.call("GetTask", query)).get("history", []))))
    assert lengths == [0, 1, 4]


async def test_an_answer_is_a_copy_and_not_a_live_reference(caller: JsonRpc) -> None:
    busy().set()
    for _ in range(10):
        sent = send("busy", configuration={"returnImmediately": True})
        assert state_of(task_of(await caller.call("SendMessage", sent))) == "SUBMITTED"


async def test_the_first_piece_of_an_artifact_does_not_say_append_and_nothing_is_sent_twice(caller: JsonRpc) -> None:
    async def script(work: Work) -> Yields:
        for word in ("a", "b", "c"):
            yield Chunk([text_part(word)], last=word == "c")

    SCRIPTS["pieces"] = script
    seen = await (await caller.open("SendStreamingMessage", send("pieces"))).rest()
    updates = [cast("dict[str, Any]", one.event)["artifactUpdate"] for one in seen if "artifactUpdate" in one.event]
    assert [update.get("append", False) for update in updates] == [False, True, True]
    assert "".join(one.text for one in seen) == "abc"


async def test_a_task_that_waits_for_input_is_gone_on_with(caller: JsonRpc) -> None:
    async def script(work: Work) -> Yields:
        if len(work.task.history) == 1:
            yield Status(TaskState.INPUT_REQUIRED)

    SCRIPTS["asks"] = script
    task = task_of(await caller.call("SendMessage", send("asks")))
    again = task_of(await caller.call("SendMessage", send("x", taskId=task["id"])))
    assert (again["id"], again["contextId"], state_of(again)) == (task["id"], task["contextId"], "COMPLETED")


async def test_blocking_is_heeded(caller: JsonRpc) -> None:
    go = busy()
    waiting = asyncio.create_task(caller.call("SendMessage", send("busy")))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    go.set()
    assert state_of(task_of(await waiting)) == "COMPLETED"


async def test_why_a_task_failed_is_said(caller: JsonRpc) -> None:
    async def script(work: Work) -> Yields:
        yield "x"
        raise ValueError("secret")

    SCRIPTS["fails"] = script
    seen = await (await caller.open("SendStreamingMessage", send("fails"))).rest()
    assert (seen[-1].state, seen[-1].text) == ("FAILED", "The agent failed at the task")
    task = await caller.call("GetTask", {"id": seen[0].task_id})
    assert "The agent failed" in json.dumps(task["status"])


async def test_a_broken_request_is_answered_in_the_callers_own_words(gateway: Gateway) -> None:
    from tests.fakes.callers import HttpCaller

    codes: list[int] = []
    for body in (b"{", b"[]", b'{"jsonrpc":"2.0","id":1,"method":"Nothing"}', b'{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{}}'):
        async with HttpCaller(f"http://{gateway.http}/") as http:
            await http.post_body(body, (("a2a-version", "1.0"),))
            received = await http.read_all()
            codes.append(cast("dict[str, Any]", received.json())["error"]["code"])
            assert received.status == 200
    assert codes == [-32700, -32600, -32601, -32602]


async def test_a_subscriber_that_leaves_does_no_harm_to_the_task(caller: JsonRpc) -> None:
    go = asyncio.Event()

    async def script(work: Work) -> Yields:
        for number in range(200):
            yield Chunk([text_part(f"{number} ")])
            await asyncio.sleep(0.0005)
        await go.wait()

    SCRIPTS["counts"] = script
    opened = await caller.open("SendStreamingMessage", send("counts"))
    await opened.take(2)
    for _ in range(20):
        leaving = await caller.open("SubscribeToTask", {"id": opened.seen[0].task_id})
        await leaving.take(2)
        leaving.close()
    go.set()
    assert (await opened.rest())[-1].state == "COMPLETED"


# What the review of that runtime named.


@pytest.mark.parametrize("state", [state for state, phase in PHASES.items() if phase is Phase.TERMINAL], ids=lambda state: state.name)
async def test_every_final_state_ends_every_stream(caller: JsonRpc, state: TaskState) -> None:
    go = asyncio.Event()

    async def script(work: Work) -> Yields:
        yield "x"
        await go.wait()
        yield Status(state)

    SCRIPTS["ends"] = script
    opened = await caller.open("SendStreamingMessage", send("ends"))
    await opened.take(2)
    following = await caller.open("SubscribeToTask", {"id": opened.seen[0].task_id})
    go.set()
    async with asyncio.timeout(5):
        assert (await opened.rest())[-1].state == state.name
        assert (await following.rest())[-1].state == state.name
    with pytest.raises(Refused) as refused:
        await caller.open("SubscribeToTask", {"id": opened.seen[0].task_id})
    assert refused.value.reason == "UNSUPPORTED_OPERATION"


async def test_every_event_is_of_exactly_one_kind_and_no_message_stands_alone_in_a_task(caller: JsonRpc) -> None:
    async def script(work: Work) -> Yields:
        yield "text"
        yield Message(parts=[text_part("a message")])
        yield Chunk([text_part("a piece")])
        yield Status(TaskState.WORKING, "a status")

    SCRIPTS["says"] = script
    seen = await (await caller.open("SendStreamingMessage", send("says"))).rest()
    assert [list(one.event) for one in seen] == [["task"], *[["statusUpdate"]] * 2, ["artifactUpdate"], *[["statusUpdate"]] * 2]
    assert all(StreamResponse.from_json(json.dumps(one.event)).payload is not None for one in seen)


async def test_sse_is_fit_for_proxies_and_browsers(gateway: Gateway, caller: JsonRpc) -> None:
    busy().set()
    opened = await caller.open("SendStreamingMessage", send("busy"))
    await opened.rest()
    headers = dict(cast(Any, opened.caller).received.headers)
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
    assert all(one.cursor for one in opened.seen)


async def test_text_that_breaks_lines_elsewhere_stays_one_event(caller: JsonRpc) -> None:
    odd = "a\u2028b\u2029c\u0085d\x1ce\r\nf"

    async def script(work: Work) -> Yields:
        yield Chunk([text_part(odd)])

    SCRIPTS["odd"] = script
    opened = await caller.open("SendStreamingMessage", send("odd"))
    seen = await opened.rest()
    assert [one.text for one in seen if one.text] == [odd]
    raw = bytes(cast(Any, opened.caller).received.body).decode()
    assert not any(character in raw for character in "\u2028\u2029\u0085\x1c")
