"""What a worker yields and what callers see of it, on every binding."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import pytest
from protobuf import Oneof

from gateway.app import Gateway
from gateway.worker import Ask, Chunk, Data, Metadata, Status, Work, Yield, text_of, text_part
from generated.a2a.v1.a2a_pb import Artifact, Message, Part, Role, TaskState
from tests.fakes.events import Json
from tests.fakes.steps import until
from tests.tasks.asking import CALLERS, Caller, Grpc, JsonRpc, Refused, Rest, Seen, send, state_of, task_of
from tests.tasks.rig import serving
from tests.tasks.workers import SCRIPTS

pytestmark = pytest.mark.anyio

Yields = AsyncGenerator[Yield, Message | None]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with serving(tasks={"messages": 2, "task_bytes": 20_000}) as gateway:
        yield gateway


@pytest.fixture(params=CALLERS)
async def caller(request: pytest.FixtureRequest, gateway: Gateway) -> AsyncIterator[Caller]:
    kind: type[JsonRpc | Rest | Grpc] = CALLERS[request.param]
    async with kind(gateway) as caller:
        yield caller


@pytest.fixture
async def jsonrpc(gateway: Gateway) -> AsyncIterator[JsonRpc]:
    async with JsonRpc(gateway) as caller:
        yield caller


def plays(name: str, *yields: Yield) -> None:
    """A script that yields these."""

    async def script(work: Work) -> Yields:
        for given in yields:
            yield given

    SCRIPTS[name] = script


def of(seen: list[Seen]) -> list[tuple[str, str]]:
    """Events in short: what they are about, and what they say."""
    return [(one.state or cast("dict[str, Any]", one.event)["artifactUpdate"]["artifact"]["artifactId"], one.text) for one in seen]


async def stored(caller: Caller, task_id: str, **more: Any) -> Json:
    return await caller.call("GetTask", {"id": task_id, **more})


# What is yielded


async def test_every_kind_of_yield(caller: Caller) -> None:
    plays(
        "all",
        "Hel",
        "lo",
        Data({"n": [1, None, "x"]}),
        Part(content=Oneof("raw", b"\0\1"), media_type="application/octet-stream"),
        Metadata({"a": {"b": 1}}),
        Metadata({"a": {"c": 2}}),
        Message(parts=[text_part("said")]),
        Artifact(artifact_id="whole", name="n", parts=[text_part("all of it")]),
        Artifact(parts=[text_part("no id")]),
        Chunk([text_part("one ")], artifact_id="pieces", name="p", metadata={"k": 1}),
        Chunk([text_part("two")], artifact_id="pieces", last=True),
        Status(TaskState.WORKING, "half way", {"progress": 0.5}),
        "bye",
    )
    seen = await (await caller.open("SendStreamingMessage", send("all"))).rest()
    no_id = of(seen)[4][0]
    assert of(seen) == [
        ("SUBMITTED", ""),
        ("WORKING", ""),
        ("WORKING", "Hellosaid"),
        ("whole", "all of it"),
        (no_id, "no id"),
        ("pieces", "one "),
        ("pieces", "two"),
        ("WORKING", "half way"),
        ("COMPLETED", "bye"),
    ]
    assert no_id
    updates = [cast("dict[str, Any]", one.event)["artifactUpdate"] for one in seen[3:7]]
    assert [(update.get("append", False), update.get("lastChunk", False)) for update in updates] == [
        (False, True), (False, True), (False, False), (True, True),
    ]  # fmt: skip
    task = cast("dict[str, Any]", await stored(caller, seen[0].task_id))
    first = task["history"][1]
    assert [list(part) for part in first["parts"]][1][0] == "data"
    assert first["parts"][1]["data"] == {"n": [1, None, "x"]}
    assert first["metadata"] == {"a": {"b": 1, "c": 2}}
    assert [message["role"] for message in task["history"]] == ["ROLE_USER", "ROLE_AGENT", "ROLE_AGENT"]
    assert [artifact["parts"] for artifact in task["artifacts"]][2] == [{"text": "one two"}]
    assert task["artifacts"][2]["metadata"] == {"k": 1}
    assert task["status"]["message"]["parts"] == [{"text": "bye"}]
    assert {message["taskId"] for message in task["history"]} == {task["id"]}


async def test_a_worker_that_yields_nothing_completes(caller: Caller) -> None:
    plays("nothing")
    answer = task_of(await caller.call("SendMessage", send("nothing")))
    assert state_of(answer) == "COMPLETED"
    assert "message" not in cast(Json, answer["status"])


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "REJECTED", "CANCELED"])
async def test_nothing_follows_a_final_status(jsonrpc: JsonRpc, state: str) -> None:
    plays("final", "a", Status(TaskState[state], "the end"), "b", Chunk([text_part("c")]), Status(TaskState.FAILED))
    seen = await (await jsonrpc.open("SendStreamingMessage", send("final"))).rest()
    assert [one.state for one in seen if one.state in ("COMPLETED", "FAILED", "REJECTED", "CANCELED")] == [state]
    assert seen[-1].state == state
    assert state_of(await stored(jsonrpc, seen[0].task_id)) == state


async def test_what_was_yielded_may_be_changed_afterwards(jsonrpc: JsonRpc) -> None:
    async def script(work: Work) -> Yields:
        part, whole = text_part("one "), Artifact(artifact_id="w", parts=[text_part("1")])
        message = Message(parts=[text_part("first")])
        yield Chunk([part])
        part.content = Oneof("text", "two")
        yield Chunk([part])
        part.content = Oneof("text", "three")
        yield whole
        whole.parts.append(text_part("2"))
        yield whole
        yield message
        message.parts.clear()
        work.task.history.clear()
        work.message.parts.clear()

    SCRIPTS["changes"] = script
    seen = await (await jsonrpc.open("SendStreamingMessage", send("changes"))).rest()
    assert [one.text for one in seen] == ["", "", "one ", "two", "1", "12", "first", ""]
    task = cast("dict[str, Any]", await stored(jsonrpc, seen[0].task_id))
    assert [message["parts"] for message in task["history"]] == [[{"text": "changes"}], [{"text": "first"}]]


NONSENSE: dict[str, Any] = {
    "an object": object(),
    "a number": 1,
    "bytes": b"x",
    "None": None,
    "a state that cannot follow": Status(TaskState.SUBMITTED),
    "no state": Status(TaskState.UNSPECIFIED),
    "half a surrogate pair": Chunk([text_part("\ud800")]),
    "half a pair at the end": Status(TaskState.COMPLETED, "\ud800"),
    "metadata that is no JSON": Status(TaskState.COMPLETED, metadata=cast(Any, {"x": object()})),
    "an artifact's metadata that is no JSON": Chunk([], metadata=cast(Any, {"x": object()})),
    "data that is no JSON": Data(cast(Any, {"x": object()})),
    "no parts but a string": Chunk(cast(Any, "text")),
}


@pytest.mark.parametrize("what", NONSENSE)
async def test_nonsense_fails_the_task_and_what_came_before_stays(jsonrpc: JsonRpc, what: str) -> None:
    plays("nonsense", Chunk([text_part("good")]), "so far", NONSENSE[what], "never")
    async with asyncio.timeout(5):
        answer = cast("dict[str, Any]", task_of(await jsonrpc.call("SendMessage", send("nonsense"))))
    assert state_of(answer) == "FAILED"
    assert answer["status"]["message"]["parts"] == [{"text": "The agent failed at the task"}]
    assert answer["artifacts"][0]["parts"] == [{"text": "good"}]
    assert answer["history"][-1]["parts"] == [{"text": "so far"}]


class _Exploding:
    """An iterator without `aclose`."""

    def __aiter__(self) -> "_Exploding":
        return self

    async def __anext__(self) -> Yield:
        raise ValueError("secret")


FAILURES: dict[str, Any] = {
    "an exception": ValueError("secret"),
    "a group": ExceptionGroup("secret", [ValueError("secret")]),
    "the program's end": SystemExit(3),
    "a cancellation of its own": asyncio.CancelledError("secret"),
    "a timeout": TimeoutError("secret"),
    "the end of an iterator": StopIteration("secret"),
}


@pytest.mark.parametrize("what", FAILURES)
async def test_an_exception_fails_the_task_and_its_text_stays_here(
    jsonrpc: JsonRpc, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script(work: Work) -> Yields:
        yield Chunk([text_part("good")])
        yield "so far"
        raise FAILURES[what]

    SCRIPTS["raises"] = script
    opened = await jsonrpc.open("SendStreamingMessage", send("raises"))
    seen = await opened.rest()
    assert of(seen)[-2:] == [("WORKING", "so far"), ("FAILED", "The agent failed at the task")]
    assert seen[2].text == "good"
    assert "secret" not in json.dumps([one.event for one in seen])


async def test_a_worker_whose_run_raises_at_once_fails_the_task(jsonrpc: JsonRpc) -> None:
    def script(work: Work) -> Yields:
        raise ValueError("secret")

    SCRIPTS["raises"] = script
    answer = cast("dict[str, Any]", task_of(await jsonrpc.call("SendMessage", send("raises"))))
    assert answer["status"]["message"]["parts"] == [{"text": "The agent failed at the task"}]
    SCRIPTS["explodes"] = lambda work: _Exploding()
    assert state_of(task_of(await jsonrpc.call("SendMessage", send("explodes")))) == "FAILED"


async def test_a_task_that_grows_too_large_fails_and_keeps_what_fits(jsonrpc: JsonRpc) -> None:
    async def script(work: Work) -> Yields:
        for _ in range(100):
            yield Chunk([text_part("x" * 1000)])

    SCRIPTS["grows"] = script
    answer = cast("dict[str, Any]", task_of(await jsonrpc.call("SendMessage", send("grows"))))
    assert state_of(answer) == "FAILED"
    assert answer["status"]["message"]["parts"] == [{"text": "The task is larger than 20000 bytes"}]
    assert 15_000 < len(answer["artifacts"][0]["parts"][0]["text"]) < 20_000


@pytest.mark.parametrize("how", ["text", "status", "artifact", "message"])
async def test_no_way_of_growing_too_large_gets_past(jsonrpc: JsonRpc, how: str) -> None:
    large = "x" * 30_000
    plays(
        "grows",
        {
            "text": large,
            "status": Status(TaskState.COMPLETED, large),
            "artifact": Artifact(artifact_id="a", parts=[text_part(large)]),
            "message": Message(parts=[text_part(large)]),
        }[how],
    )
    answer = task_of(await jsonrpc.call("SendMessage", send("grows")))
    assert state_of(answer) == "FAILED"
    assert len(json.dumps(answer)) < 20_000


async def test_a_worker_may_refuse_a_message(caller: Caller) -> None:
    with pytest.raises(Refused) as refused:
        await caller.call("SendMessage", send("refuse"))
    assert refused.value.text == "this worker refuses"
    plays("asks", Status(TaskState.INPUT_REQUIRED, "what?"))
    task = task_of(await caller.call("SendMessage", send("asks")))
    with pytest.raises(Refused):
        await caller.call("SendMessage", send("refuse", taskId=task["id"]))
    assert state_of(await stored(caller, str(task["id"]))) == "INPUT_REQUIRED"


# Asking for input


async def test_asking_in_place(caller: Caller) -> None:
    async def script(work: Work) -> Yields:
        first = yield Ask("one?")
        assert first is not None
        second = yield Ask(Message(parts=[text_part("two?")]), auth=True)
        assert second is not None
        yield f"{text_of(first)} {text_of(second)}"

    SCRIPTS["ask"] = script
    opened = await caller.open("SendStreamingMessage", send("ask"))
    seen = await opened.rest()
    assert of(seen)[-1] == ("INPUT_REQUIRED", "one?")
    task_id = seen[0].task_id
    following = await caller.open("SubscribeToTask", {"id": task_id})
    assert (await anext(following)).state == "INPUT_REQUIRED"
    answer = task_of(await caller.call("SendMessage", send("first", taskId=task_id)))
    assert state_of(answer) == "AUTH_REQUIRED"
    answer = task_of(await caller.call("SendMessage", send("second", taskId=task_id)))
    assert state_of(answer) == "COMPLETED"
    texts = [message["parts"][0]["text"] for message in cast("list[Any]", answer["history"])]
    assert texts == ["ask", "one?", "first", "two?", "second"]
    assert of(await following.rest()) == [
        ("WORKING", ""),
        ("AUTH_REQUIRED", "two?"),
        ("WORKING", ""),
        ("COMPLETED", "first second"),
    ]


async def test_asking_by_status_and_returning(caller: Caller) -> None:
    """The run ends; the next message begins a new one, which sees all of the history. Subscribers stay."""

    async def script(work: Work) -> Yields:
        said = [text_of(message) for message in work.task.history if message.role is Role.USER]
        assert text_of(work.message) == said[-1]
        if len(said) < 3:
            yield Chunk([text_part(f"{len(said)};")])
            yield Status(TaskState.INPUT_REQUIRED if len(said) == 1 else TaskState.AUTH_REQUIRED, f"{len(said)}?")
        else:
            yield " ".join(said)

    SCRIPTS["ask"] = script
    opened = await caller.open("SendStreamingMessage", send("ask"))
    seen = await opened.rest()
    assert of(seen)[-1] == ("INPUT_REQUIRED", "1?")
    task_id = seen[0].task_id
    following = await caller.open("SubscribeToTask", {"id": task_id})
    assert (await anext(following)).state == "INPUT_REQUIRED"
    second = await caller.open("SendStreamingMessage", send("second", taskId=task_id))
    assert of(await second.to_state("AUTH_REQUIRED"))[-1] == ("AUTH_REQUIRED", "2?")
    answer = task_of(await caller.call("SendMessage", send("third", taskId=task_id)))
    assert state_of(answer) == "COMPLETED"
    expected = [
        ("WORKING", ""),
        ("result", "2;"),
        ("AUTH_REQUIRED", "2?"),
        ("WORKING", ""),
        ("COMPLETED", "ask second third"),
    ]
    assert of(await following.rest()) == expected
    # The other stream went on through the hand-over, too: authorization may come from elsewhere.
    assert of(await second.rest()) == expected[3:]
    assert cast("list[Any]", answer["artifacts"])[0]["parts"] == [{"text": "1;2;"}]


async def test_what_is_yielded_after_asking_is_not_lost(jsonrpc: JsonRpc) -> None:
    plays("ask", Status(TaskState.INPUT_REQUIRED, "what?"), "I am all ears")
    answer = task_of(await jsonrpc.call("SendMessage", send("ask")))
    await until(lambda: True)
    async with asyncio.timeout(5):
        while "I am all ears" not in json.dumps(answer):
            answer = await stored(jsonrpc, str(answer["id"]))
    assert state_of(answer) == "INPUT_REQUIRED"


async def test_messages_to_a_working_task_are_worked_on_one_after_the_other(caller: Caller) -> None:
    go = asyncio.Event()
    said: list[tuple[str, str]] = []

    async def script(work: Work) -> Yields:
        said.append((text_of(work.message), str(work.metadata.get("n", ""))))
        yield Status(TaskState.WORKING, f"at {text_of(work.message)}")
        await go.wait()

    SCRIPTS["works"] = script
    opened = await caller.open("SendStreamingMessage", send("works", metadata={"n": "0"}))
    task_id = (await opened.take(3))[0].task_id
    for number in (1, 2):
        sent = send(f"more {number}", taskId=task_id, metadata={"n": f"{number}"}, configuration={"returnImmediately": True})
        answer = task_of(await caller.call("SendMessage", sent))
        assert state_of(answer) == "WORKING"
        assert len(cast("list[Any]", answer["history"])) >= 1 + number
    with pytest.raises(Refused) as refused:
        await caller.call("SendMessage", send("one too many", taskId=task_id))
    assert "RESOURCE_EXHAUSTED" in refused.value.reason
    go.set()
    assert (await opened.rest())[-1].state == "COMPLETED"
    assert said == [("works", "0"), ("more 1", "1"), ("more 2", "2")]


async def test_a_message_to_a_task_that_is_over_is_refused(caller: Caller) -> None:
    plays("quick")
    task = task_of(await caller.call("SendMessage", send("quick")))
    for rpc in ("SendMessage", "SendStreamingMessage"):
        with pytest.raises(Refused) as refused:
            await (caller.call if rpc == "SendMessage" else caller.open)(rpc, send("late", taskId=task["id"]))
        assert refused.value.reason == "UNSUPPORTED_OPERATION"
    assert len(cast("list[Any]", (await stored(caller, str(task["id"])))["history"])) == 1


async def test_a_message_to_no_task_or_a_wrong_context_is_refused(caller: Caller) -> None:
    plays("ask", Status(TaskState.INPUT_REQUIRED))
    task = task_of(await caller.call("SendMessage", send("ask", contextId="mine")))
    assert task["contextId"] == "mine"
    with pytest.raises(Refused) as refused:
        await caller.call("SendMessage", send("x", taskId="nobody"))
    assert refused.value.reason == "TASK_NOT_FOUND"
    with pytest.raises(Refused) as refused:
        await caller.call("SendMessage", send("x", taskId=task["id"], contextId="another"))
    assert refused.value.reason == "INVALID_PARAMS"
    assert state_of(await stored(caller, str(task["id"]))) == "INPUT_REQUIRED"
    answer = task_of(await caller.call("SendMessage", send("x", taskId=task["id"], contextId="mine")))
    assert answer["contextId"] == "mine"


# Canceling


async def _until_closed(closed: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await closed.wait()


async def test_cancel_closes_the_worker_where_it_stands(caller: Caller) -> None:
    closed = asyncio.Event()

    async def script(work: Work) -> Yields:
        yield Chunk([text_part("so far")])
        yield "begun"
        try:
            await asyncio.Event().wait()
        finally:
            closed.set()

    SCRIPTS["waits"] = script
    opened = await caller.open("SendStreamingMessage", send("waits"))
    task_id = (await opened.take(3))[0].task_id
    answer = await caller.call("CancelTask", {"id": task_id})
    assert state_of(answer) == "CANCELED"
    assert cast("list[Any]", answer["artifacts"])[0]["parts"] == [{"text": "so far"}]
    await _until_closed(closed)
    assert of(await opened.rest()) == [("WORKING", "begun"), ("CANCELED", "")]
    with pytest.raises(Refused) as refused:
        await caller.call("CancelTask", {"id": task_id})
    assert refused.value.reason == "TASK_NOT_CANCELABLE"
    with pytest.raises(Refused) as refused:
        await caller.call("CancelTask", {"id": "nobody"})
    assert refused.value.reason == "TASK_NOT_FOUND"
    with pytest.raises(Refused) as refused:
        await caller.open("SubscribeToTask", {"id": task_id})
    assert refused.value.reason == "UNSUPPORTED_OPERATION"


async def test_cancel_wins_over_whatever_a_worker_yields_later(jsonrpc: JsonRpc) -> None:
    closed = asyncio.Event()

    async def script(work: Work) -> Yields:
        while True:
            try:
                yield "."
                await asyncio.sleep(0.001)
            except asyncio.CancelledError:
                # It does not take no for an answer.
                yield Chunk([text_part("late")])
                yield Status(TaskState.COMPLETED, "I did it all the same")
            finally:
                closed.set()

    SCRIPTS["stubborn"] = script
    opened = await jsonrpc.open("SendStreamingMessage", send("stubborn"))
    task_id = (await opened.take(2))[0].task_id
    assert state_of(await jsonrpc.call("CancelTask", {"id": task_id})) == "CANCELED"
    await _until_closed(closed)
    assert (await opened.rest())[-1].state == "CANCELED"
    await asyncio.sleep(0.05)
    task = await stored(jsonrpc, task_id)
    assert state_of(task) == "CANCELED"
    assert "late" not in json.dumps(task)


async def test_a_worker_that_never_lets_go_holds_up_nobody(gateway: Gateway, jsonrpc: JsonRpc) -> None:
    let_go = asyncio.Event()

    async def script(work: Work) -> Yields:
        yield "."
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    SCRIPTS["holds"] = script
    opened = await jsonrpc.open("SendStreamingMessage", send("holds"))
    task_id = (await opened.take(2))[0].task_id
    try:
        async with asyncio.timeout(5):
            assert state_of(await jsonrpc.call("CancelTask", {"id": task_id})) == "CANCELED"
            with pytest.raises(Refused) as refused:
                await jsonrpc.call("SendMessage", send("x", taskId=task_id))
        assert refused.value.reason == "UNSUPPORTED_OPERATION"
    finally:
        let_go.set()


async def test_a_cancel_whose_caller_goes_away_is_a_cancel(jsonrpc: JsonRpc) -> None:
    closed = asyncio.Event()

    async def script(work: Work) -> Yields:
        yield "."
        try:
            await asyncio.Event().wait()
        finally:
            closed.set()

    SCRIPTS["waits"] = script
    opened = await jsonrpc.open("SendStreamingMessage", send("waits"))
    task_id = (await opened.take(2))[0].task_id
    canceling = await jsonrpc._asked("CancelTask", {"id": task_id}, {})  # pyright: ignore[reportPrivateUsage] - to leave in the middle
    canceling.reset()
    await _until_closed(closed)
    assert (await opened.rest())[-1].state == "CANCELED"


async def test_a_message_whose_caller_goes_away_is_worked_on() -> None:
    async with serving() as gateway, JsonRpc(gateway) as jsonrpc:
        begun = asyncio.Event()

        async def script(work: Work) -> Yields:
            begun.set()
            yield "done"

        SCRIPTS["leave"] = script
        for _ in range(10):
            begun.clear()
            sending = await jsonrpc._asked("SendMessage", send("leave"), {})  # pyright: ignore[reportPrivateUsage] - to leave in the middle
            await asyncio.sleep(0.0005)
            sending.reset()
        async with asyncio.timeout(5):
            while True:
                tasks = cast("list[Json]", (await jsonrpc.call("ListTasks", {})).get("tasks", []))
                if all(state_of(task) == "COMPLETED" for task in tasks):
                    break
                await asyncio.sleep(0.01)


async def test_cancel_at_every_stage(caller: Caller) -> None:
    """WORKING is above; here it waits for a slot, for its caller in place, and in the store."""
    async with serving(tasks={"at_once": 1}) as gateway, type(caller)(gateway) as caller:  # type: ignore[call-arg] # each takes the gateway
        started: list[str] = []

        async def busy(work: Work) -> Yields:
            started.append(text_of(work.message))
            yield "."
            await asyncio.Event().wait()

        async def asks(work: Work) -> Yields:
            yield Ask("what?")
            yield "never"

        SCRIPTS["busy"], SCRIPTS["asks"] = busy, asks
        plays("leaves", Status(TaskState.INPUT_REQUIRED, "what?"))
        in_place = task_of(await caller.call("SendMessage", send("asks")))
        in_store = task_of(await caller.call("SendMessage", send("leaves")))
        first = await caller.open("SendStreamingMessage", send("busy 1"))
        assert (await first.take(2))[-1].state == "WORKING"
        queued = await caller.open("SendStreamingMessage", send("busy 2"))
        assert (await queued.take(1))[0].state == "SUBMITTED"
        for task_id in (in_place["id"], in_store["id"], queued.seen[0].task_id, first.seen[0].task_id):
            assert state_of(await caller.call("CancelTask", {"id": task_id})) == "CANCELED"
            assert state_of(await stored(caller, str(task_id))) == "CANCELED"
        assert of(await queued.rest()) == [("CANCELED", "")]
        assert (await first.rest())[-1].state == "CANCELED"
        assert started == ["busy 1"]
        again = await caller.open("SendStreamingMessage", send("busy 3"))
        assert (await again.take(2))[-1].state == "WORKING"


# Many at once


async def test_at_once_bounds_what_is_worked_on_and_waiting_what_waits() -> None:
    async with serving(tasks={"at_once": 2, "waiting": 3}) as gateway, JsonRpc(gateway) as caller:
        at_work, most, go = 0, 0, asyncio.Event()

        async def script(work: Work) -> Yields:
            nonlocal at_work, most
            at_work += 1
            most = max(most, at_work)
            yield "."
            await go.wait()
            at_work -= 1

        SCRIPTS["works"] = script
        answers = await asyncio.gather(
            *(caller.call("SendMessage", send("works", configuration={"returnImmediately": True})) for _ in range(9)),
            return_exceptions=True,
        )
        refused = [answer for answer in answers if isinstance(answer, Refused)]
        assert len(refused) == 4
        assert {one.reason for one in refused} == {"RESOURCE_EXHAUSTED"}
        go.set()
        async with asyncio.timeout(5):
            while cast("list[Any]", (await caller.call("ListTasks", {"status": "TASK_STATE_COMPLETED"}))["tasks"]).__len__() < 5:
                await asyncio.sleep(0.01)
        assert most == 2


async def test_a_task_that_waits_in_place_keeps_no_other_from_being_worked_on() -> None:
    async with serving(tasks={"at_once": 1}) as gateway, JsonRpc(gateway) as caller:

        async def asks(work: Work) -> Yields:
            answer = yield Ask("what?")
            assert answer is not None
            yield f"so {text_of(answer)}"

        SCRIPTS["asks"] = asks
        plays("quick")
        asked = [task_of(await caller.call("SendMessage", send("asks"))) for _ in range(3)]
        assert state_of(task_of(await caller.call("SendMessage", send("quick")))) == "COMPLETED"
        for task in asked:
            answer = task_of(await caller.call("SendMessage", send("this", taskId=task["id"])))
            assert state_of(answer) == "COMPLETED"


async def test_nobody_answers_in_time() -> None:
    async with serving(tasks={"unanswered_s": 0.3, "prune_s": 0.1}) as gateway, JsonRpc(gateway) as caller:

        async def asks(work: Work) -> Yields:
            yield Ask("what?")

        SCRIPTS["asks"] = asks
        plays("leaves", Status(TaskState.INPUT_REQUIRED, "what?"))
        for how in ("asks", "leaves"):
            task_id = str(task_of(await caller.call("SendMessage", send(how)))["id"])
            following = await caller.open("SubscribeToTask", {"id": task_id})
            async with asyncio.timeout(5):
                assert of(await following.rest())[-1] == ("FAILED", "Nobody answered in time")
            assert state_of(await stored(caller, task_id)) == "FAILED"


# What is answered


async def test_returning_immediately_and_waiting(caller: Caller) -> None:
    go = asyncio.Event()

    async def script(work: Work) -> Yields:
        yield "x"
        await go.wait()

    SCRIPTS["works"] = script
    answer = task_of(await caller.call("SendMessage", send("works", configuration={"returnImmediately": True})))
    assert state_of(answer) == "SUBMITTED"
    waiting = asyncio.create_task(caller.call("SendMessage", send("works")))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    go.set()
    assert state_of(task_of(await waiting)) == "COMPLETED"


async def test_who_waits_too_long_is_told_and_the_task_goes_on() -> None:
    async with serving(limits={"unary_s": 0.2}) as gateway, JsonRpc(gateway) as caller:
        go = asyncio.Event()

        async def script(work: Work) -> Yields:
            yield "x"
            await go.wait()

        SCRIPTS["works"] = script
        with pytest.raises(Refused) as refused:
            await caller.call("SendMessage", send("works"))
        assert refused.value.reason == "DEADLINE_EXCEEDED"
        go.set()
        async with asyncio.timeout(5):
            while not cast("list[Any]", (await caller.call("ListTasks", {"status": "TASK_STATE_COMPLETED"})).get("tasks")):
                await asyncio.sleep(0.01)


async def test_history_length_shortens_the_answer_and_never_what_is_stored(caller: Caller) -> None:
    async def script(work: Work) -> Yields:
        answer = yield Ask("one?")
        assert answer is not None
        answer = yield Ask("two?")

    SCRIPTS["ask"] = script
    first = task_of(await caller.call("SendMessage", send("ask", configuration={"historyLength": 0})))
    assert "history" not in first
    task_id = str(first["id"])
    second = task_of(await caller.call("SendMessage", send("x", taskId=task_id, configuration={"historyLength": 1})))
    assert [message["parts"][0]["text"] for message in cast("list[Any]", second["history"])] == ["x"]
    lengths: list[int] = []
    for length in ({"historyLength": 0}, {"historyLength": 2}, {"historyLength": 99}, {}):
        task = await stored(caller, task_id, **length)
        lengths.append(len(cast("list[Any]", task.get("history", []))))
        (listed,) = cast("list[Json]", (await caller.call("ListTasks", length))["tasks"])
        assert len(cast("list[Any]", listed.get("history", []))) == lengths[-1]
    assert lengths == [0, 2, 3, 3]
    following = await caller.open("SubscribeToTask", {"id": task_id})
    assert len(cast("dict[str, Any]", (await anext(following)).event)["task"]["history"]) == 3
    with pytest.raises(Refused):
        await stored(caller, task_id, historyLength=-1)
    opened = await caller.open("SendStreamingMessage", send("ask", configuration={"historyLength": 0}))
    assert "history" not in cast("dict[str, Any]", (await anext(opened)).event)["task"]


async def test_listing_filters_pages_and_counts(caller: Caller) -> None:
    plays("done", Artifact(artifact_id="a", parts=[text_part("x")]))
    plays("asks", Status(TaskState.INPUT_REQUIRED))
    for number in range(7):
        await caller.call("SendMessage", send("asks" if number % 3 else "done", contextId=f"c{number % 2}"))
    whole = await caller.call("ListTasks", {})
    tasks = cast("list[Json]", whole["tasks"])
    assert whole["totalSize"] == len(tasks) == 7
    assert all("artifacts" not in task for task in tasks)
    paged: list[Json] = []
    token = ""
    while True:
        page = await caller.call("ListTasks", {"pageSize": 2, **({"pageToken": token} if token else {})})
        assert page["totalSize"] == 7
        assert page["pageSize"] == 2
        paged += cast("list[Json]", page["tasks"])
        if not (token := str(page.get("nextPageToken", ""))):
            break
    assert paged == tasks
    by_state = await caller.call("ListTasks", {"status": "TASK_STATE_COMPLETED", "includeArtifacts": True})
    assert by_state["totalSize"] == 3
    assert all("artifacts" in task for task in cast("list[Json]", by_state["tasks"]))
    assert (await caller.call("ListTasks", {"contextId": "c1"}))["totalSize"] == 3
    assert (await caller.call("ListTasks", {"contextId": "c2"})).get("totalSize", 0) == 0
    newest = cast("dict[str, Any]", tasks[0])["status"]["timestamp"]
    assert (await caller.call("ListTasks", {"statusTimestampAfter": newest}))["totalSize"] == 1
    for wrong in ({"pageSize": 0}, {"pageSize": 101}, {"pageToken": "x"}, {"pageToken": "ü"}, {"historyLength": -1}):
        with pytest.raises(Refused) as refused:
            await caller.call("ListTasks", wrong)
        assert refused.value.reason == "INVALID_PARAMS", wrong
    first = await caller.call("ListTasks", {"pageSize": 1})
    with pytest.raises(Refused):
        await caller.call("ListTasks", {"pageSize": 1, "contextId": "c1", "pageToken": first["nextPageToken"]})


async def test_a_moment_that_no_calendar_has_is_refused(gateway: Gateway) -> None:
    from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

    from generated.a2a.v1.a2a_pb import ListTasksRequest
    from tests.fakes.callers import GrpcCaller

    async with GrpcCaller(gateway.grpc) as caller:
        for seconds in (10**17, -(10**17)):
            request = ListTasksRequest(status_timestamp_after=Timestamp(seconds=seconds))
            outcome = await caller.call("ListTasks", request.to_binary(), metadata=(("a2a-version", "1.0"),))
            assert outcome.reason == "INVALID_PARAMS"


async def test_the_first_event_is_the_task_as_submitted_and_cursors_count_on(caller: Caller) -> None:
    plays("works", "a", Chunk([text_part("b")]), Status(TaskState.WORKING, "c"))
    for _ in range(10):
        seen = await (await caller.open("SendStreamingMessage", send("works"))).rest()
        assert "task" in seen[0].event
        assert [one.state or "artifact" for one in seen] == ["SUBMITTED", "WORKING", "artifact", "WORKING", "COMPLETED"]
        assert [int(one.cursor.rpartition("-")[2]) for one in seen] == list(range(len(seen)))
        assert len({one.cursor.partition("-")[0] for one in seen}) == 1
