"""The four kinds of method, driven as the task runtime drives them."""

import asyncio
from typing import Any

import grpc
import pytest

from gateway.agent import CallContext
from gateway.errors import CallerError, ErrorKind, GrpcStatus
from gateway.southbound.mapped import rpc
from gateway.southbound.mapped.statuses import OUTCOMES
from gateway.worker import Ask, Chunk, Status
from generated.a2a.v1.a2a_pb import TaskState
from tests.southbound.mapped.services import WITHIN_S, Call, line, ran, said, shown, skill, words, work

pytestmark = pytest.mark.anyio


async def echo(call: Call) -> None:
    asked = await call.line()
    await call.say(text=asked["text"].upper())


async def count(call: Call) -> None:
    asked = await call.line()
    for word in asked["text"].split():
        await call.say(text=f"{word} ")


async def test_unary() -> None:
    async with words({"Say": echo}, skills=skill("Say")) as (service, _):
        produced = await ran(service, work(said("hello")))
    assert shown(produced) == ["HELLO", "COMPLETED"]
    assert isinstance(produced[0], Chunk)
    assert produced[0].last


async def test_server_streaming() -> None:
    async with words({"Tell": count}, skills=skill("Tell")) as (service, _):
        produced = await ran(service, work(said("one two three")))
    assert shown(produced) == ["one ", "two ", "three ", "COMPLETED"]
    assert {one.artifact_id for one in produced if isinstance(one, Chunk)} == {"result"}


async def test_text_and_data_make_one_request() -> None:
    async def number(call: Call) -> None:
        asked = await call.line()
        await call.say(text=f"{asked['text']} {asked['number']}")

    async with words({"Say": number}, skills=skill("Say")) as (service, _):
        assert shown(await ran(service, work(said("hello", {"number": 7}))))[0] == "hello 7"
        assert shown(await ran(service, work(said("hello", {"text": "bye"}))))[0] == "bye 0"


async def collect(call: Call) -> None:
    lines = [data async for data in call.requests()]
    await call.write(total(lines=len(lines)))


def total(**members: Any) -> bytes:
    from tests.southbound.mapped.protos import made
    from tests.southbound.mapped.services import LINES

    return made(LINES, "t.v1.Total", **members)


ENDS: dict[str, tuple[tuple[object, ...], dict[str, Any] | None, int]] = {
    "a data part says so": (({"end": True},), None, 2),
    "metadata say so": (("",), {"end": True}, 2),
    "metadata say so of the last content": (("three",), {"end": True}, 3),
    "a data part with input says so": (({"skill": "Collect", "input": {"text": "three"}, "end": True},), None, 3),
}


@pytest.mark.parametrize("ends", ENDS)
async def test_client_streaming_takes_a_message_each_until_the_last(ends: str) -> None:
    contents, metadata, lines = ENDS[ends]
    async with words({"Collect": collect}, skills=skill("Collect")) as (service, _):
        produced = await ran(service, work(said("one")), said("two"), said(*contents, metadata=metadata))
    assert shown(produced) == ["ASK", "ASK", {"lines": lines, "all": []}, "COMPLETED"]


async def test_the_first_message_may_be_the_last() -> None:
    async with words({"Collect": collect}, skills=skill("Collect")) as (service, _):
        produced = await ran(service, work(said("one", metadata={"end": True})))
    assert shown(produced) == [{"lines": 1, "all": []}, "COMPLETED"]


async def test_one_message_if_the_settings_say_so() -> None:
    async with words({"Collect": collect}, skills=skill("Collect", messages="one")) as (service, _):
        assert shown(await ran(service, work(said("one")))) == [{"lines": 1, "all": []}, "COMPLETED"]


async def chat(call: Call) -> None:
    async for data in call.requests():
        await call.write(data)
        await call.say(text="!")
    await call.say(text="bye")


async def test_bidirectional_asks_when_the_service_is_quiet() -> None:
    async with words({"Chat": chat}, skills=skill("Chat")) as (service, _):
        produced = await ran(service, work(said("one")), said("two"), said({"end": True}))
    assert shown(produced) == ["one", "!", "ASK", "two", "!", "ASK", "bye", "COMPLETED"]


async def test_bidirectional_asks_when_the_service_says_whose_turn_it_is() -> None:
    async def turns(call: Call) -> None:
        await call.line()
        await call.say(text="a", your_turn="And you?")
        await call.line()
        await call.say(text="b")

    mapping = {"response": {"text": "text", "ask": "your_turn"}}
    async with words({"Chat": turns}, skills=skill("Chat", **mapping | {"quiet_s": 5.0})) as (service, _):
        produced = await ran(service, work(said("one")), said("two"))
    assert shown(produced) == ["a", ("ASK", "And you?"), "b", "COMPLETED"]


async def test_what_comes_while_the_task_waits_comes_with_the_next_message() -> None:
    more = asyncio.Event()

    async def late(call: Call) -> None:
        await call.line()
        await call.say(text="a")
        await more.wait()
        for text in "bcd":
            await call.say(text=text)
        await call.line()

    async with words({"Chat": late}, skills=skill("Chat")) as (service, served):
        run = service.run(work(said("one")))
        assert shown([await run.asend(None), await run.asend(None)]) == ["a", "ASK"]
        more.set()
        rest = [await run.asend(said("two", metadata={"end": True})), *[one async for one in run]]
        assert shown(rest) == ["b", "c", "d", "COMPLETED"]
        assert len(served.calls) == 1


async def test_a_service_that_ends_while_the_task_waits_has_not_read_the_last_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[Any] = []

    class Kept(rpc.Rpc):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            calls.append(self)

    monkeypatch.setattr("gateway.southbound.mapped.service.Rpc", Kept)

    async def once(call: Call) -> None:
        await call.line()
        await call.say(text="a")

    async with words({"Chat": once}, skills=skill("Chat", response={"text": "text", "ask": "text"})) as (service, _):
        run = service.run(work(said("one")))
        assert shown([await run.asend(None), await run.asend(None)]) == ["a", ("ASK", "a")]
        async with asyncio.timeout(WITHIN_S):
            while not calls[0]._call.done():  # the end of the call travels behind the message
                await asyncio.sleep(0.001)
        rest = [await run.asend(said("two")), *[one async for one in run]]
    assert [one[0] for one in shown(rest) if isinstance(one, tuple)] == ["COMPLETED"]
    assert "has not read" in str(shown(rest))


async def test_a_service_that_does_not_read_does_not_keep_its_answers_back() -> None:
    async def deaf(call: Call) -> None:
        for _ in range(40):
            await call.write(line(text="x" * 100_000))

    async with words({"Chat": deaf}, skills=skill("Chat")) as (service, _):
        produced = await ran(service, work(said("y" * 3_000_000)))
    assert len([one for one in produced if isinstance(one, Chunk)]) == 40


# What ends a task


async def test_done_ends_the_task_and_the_call() -> None:
    async def endless(call: Call) -> None:
        await call.say(text="a")
        await call.say(text="b", done=True)
        await asyncio.sleep(WITHIN_S)

    mapping = {"response": {"text": "text", "done": "done"}}
    async with words({"Tell": endless}, skills=skill("Tell", **mapping)) as (service, served):
        assert shown(await ran(service, work(said("x")))) == ["a", "b", "COMPLETED"]
        async with asyncio.timeout(WITHIN_S):
            await served.calls[0].cancelled.wait()


async def test_failed_ends_the_task_with_its_reason() -> None:
    async def fails(call: Call) -> None:
        await call.say(text="a", status="trying")
        await call.say(failed="no more words")
        await asyncio.sleep(WITHIN_S)

    mapping = {"response": {"text": "text", "failed": "failed", "status": "status"}}
    async with words({"Tell": fails}, skills=skill("Tell", **mapping)) as (service, _):
        produced = await ran(service, work(said("x")))
    assert shown(produced) == ["a", ("WORKING", "trying"), ("FAILED", "no more words")]


async def test_closing_the_run_cancels_the_call_at_once() -> None:
    async def endless(call: Call) -> None:
        await call.say(text="a")
        await asyncio.sleep(WITHIN_S)

    async with words({"Tell": endless}, skills=skill("Tell")) as (service, served):
        run = service.run(work(said("x")))
        await run.asend(None)
        await run.aclose()
        async with asyncio.timeout(WITHIN_S):
            await served.calls[0].cancelled.wait()


async def test_cancelling_whoever_waits_cancels_the_call() -> None:
    async def silent(call: Call) -> None:
        await asyncio.sleep(WITHIN_S)

    async with words({"Tell": silent}, skills=skill("Tell")) as (service, served):
        run = service.run(work(said("x")))
        waiting = asyncio.ensure_future(run.asend(None))
        while not served.calls:
            await asyncio.sleep(0.001)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await run.aclose()
        async with asyncio.timeout(WITHIN_S):
            await served.calls[0].cancelled.wait()


async def test_closing_while_the_task_waits_cancels_the_call() -> None:
    async with words({"Chat": chat}, skills=skill("Chat")) as (service, served):
        assert shown(await ran(service, work(said("one"))))[-1] == "ASK"
        async with asyncio.timeout(WITHIN_S):
            await served.calls[0].cancelled.wait()


async def test_a_slow_consumer_holds_the_service_back() -> None:
    async def flood(call: Call) -> None:
        for _ in range(200):
            await call.write(line(text="x" * 65536))

    async with words({"Tell": flood}, skills=skill("Tell")) as (service, served):
        run = service.run(work(said("x")))
        await run.asend(None)
        await asyncio.sleep(0.2)
        written = served.calls[0].written
        await asyncio.sleep(0.2)
        assert served.calls[0].written == written < 100
        rest = [one async for one in run]
    assert len([one for one in rest if isinstance(one, Chunk)]) == 199


# Statuses


@pytest.mark.parametrize("produced", [False, True], ids=["nothing produced", "something produced"])
@pytest.mark.parametrize("status", [one for one in GrpcStatus if one is not GrpcStatus.OK], ids=lambda one: one.name)
async def test_every_status_becomes_its_state(status: GrpcStatus, produced: bool) -> None:
    async def fails(call: Call) -> None:
        await call.line()
        if produced:
            await call.say(text="a")
        await call.context.abort(grpc.StatusCode[status.name], "because of 10.1.2.3:5000", (("x-cost", "7"), ("x-no", "1")))

    async with words({"Tell": fails}, skills=skill("Tell"), trailers=["x-cost"]) as (service, _):
        *before, last = await ran(service, work(said("x")))
    assert shown(before) == (["a"] if produced else [])
    assert isinstance(last, Status)
    outcome = OUTCOMES[status]
    assert last.state is (outcome.after_output if produced else outcome.state)
    assert last.message == f"{outcome.words}: because of the agent"
    assert last.metadata == {"grpc": {"code": status.name, "trailers": {"x-cost": "7"}}}


async def test_details_of_a_status_are_kept() -> None:
    from protobuf.wkt.google.protobuf.any_pb import Any as Packed

    from generated.google.rpc.error_details_pb import BadRequest, RetryInfo
    from generated.google.rpc.status_pb import Status as RpcStatus

    bad = BadRequest(field_violations=[BadRequest.FieldViolation(field="text", description="too long")])
    details = [
        Packed(type_url="type.googleapis.com/google.rpc.BadRequest", value=bad.to_binary()),
        Packed(type_url="type.googleapis.com/google.rpc.RetryInfo", value=RetryInfo().to_binary()),
    ]
    rich = RpcStatus(code=3, message="bad text", details=details).to_binary()

    async def fails(call: Call) -> None:
        await call.context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad text", (("grpc-status-details-bin", rich),))

    async with words({"Say": fails}, skills=skill("Say")) as (service, _):
        (last,) = await ran(service, work(said("x")))
    assert isinstance(last, Status)
    assert last.state is TaskState.REJECTED
    about: Any = last.metadata["grpc"]
    assert about["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "text", "description": "too long"}],
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo"},
    ]


async def test_trailers_enrich_a_good_end_too() -> None:
    async def costs(call: Call) -> None:
        await call.say(text="a")
        call.context.set_trailing_metadata((("x-cost", "7"), ("x-other", "8")))

    async with words({"Say": costs}, skills=skill("Say"), trailers=["x-cost"]) as (service, _):
        produced = await ran(service, work(said("x")))
    assert isinstance(produced[-1], Status)
    assert produced[-1].metadata == {"grpc": {"trailers": {"x-cost": "7"}}}


# Answers that cannot be used


async def twice(call: Call) -> None:
    await call.say(text="a")
    await call.say(text="b")


async def nothing(call: Call) -> None:
    await call.line()


async def garbage(call: Call) -> None:
    await call.say(text="a")
    await call.write(b"\xff\xff\xff")


async def not_utf8(call: Call) -> None:
    await call.write(b"\x0a\x01\xff")


HOSTILE: dict[str, tuple[str, Any, list[object], str]] = {
    "two answers to one": ("Say", twice, ["a"], "after the only one"),
    "no answer": ("Say", nothing, [], "answered nothing"),
    "bytes that are no message": ("Tell", garbage, ["a"], "no valid t.v1.Line"),
    "a string that is no text": ("Tell", not_utf8, [], "no valid t.v1.Line"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_answers_that_cannot_be_used_fail_the_task(case: str) -> None:
    name, script, before, words_ = HOSTILE[case]
    async with words({name: script}, skills=skill(name)) as (service, _):
        *produced, last = await ran(service, work(said("x")))
    assert shown(produced) == before
    assert isinstance(last, Status)
    assert last.state is TaskState.FAILED
    assert words_ in str(last.message)


async def test_an_answer_over_the_limit_fails_the_task() -> None:
    async def large(call: Call) -> None:
        await call.write(line(text="x" * 200_000))

    async with words({"Tell": large}, {"message_bytes": 100_000}, skills=skill("Tell")) as (service, _):
        (last,) = await ran(service, work(said("x")))
    assert isinstance(last, Status)
    assert last.state is TaskState.FAILED
    assert last.metadata["grpc"] == {"code": "RESOURCE_EXHAUSTED"}


async def test_a_mapping_that_does_not_fit_fails_the_task() -> None:
    mapping = {"response": {"text": "text", "data": "max([text, number])"}}
    async with words({"Say": echo}, skills=skill("Say", **mapping)) as (service, _):
        (last,) = await ran(service, work(said("x")))
    assert isinstance(last, Status)
    assert last.state is TaskState.FAILED
    assert "response.data: max() takes" in str(last.message)


# Bounds, headers


async def test_the_settings_bound_the_call_and_the_callers_deadline_does_not() -> None:
    async def silent(call: Call) -> None:
        await asyncio.sleep(WITHIN_S)

    async with words({"Say": silent}, skills=skill("Say", timeout_s=0.1)) as (service, _):
        (last,) = await ran(service, work(said("x")))
    assert isinstance(last, Status)
    assert last.metadata["grpc"] == {"code": "DEADLINE_EXCEEDED"}

    async with words({"Say": echo}, skills=skill("Say")) as (service, served):
        passed = CallContext(deadline=asyncio.get_running_loop().time() - 1)
        assert shown(await ran(service, work(said("x"), context=passed)))[-1] == "COMPLETED"
        assert served.calls[0].context.time_remaining() is None


async def test_silence_beyond_the_limit_fails_the_task() -> None:
    async def silent(call: Call) -> None:
        await asyncio.sleep(WITHIN_S)

    async with words({"Say": silent}, {"stream_idle_s": 0.1}, skills=skill("Say")) as (service, _):
        assert shown(await ran(service, work(said("x")))) == [("FAILED", "The service was silent for too long")]


async def test_headers_go_along() -> None:
    async with words({"Say": echo}, skills=skill("Say"), headers={"x-own": "ours"}) as (service, served):
        context = CallContext(headers={"authorization": "Bearer x", "x-own": "theirs", "last-event-id": "9"})
        await ran(service, work(said("x"), context=context))
        sent = dict(served.calls[0].context.invocation_metadata())
    assert sent["authorization"] == "Bearer x"
    assert sent["x-own"] == "ours"
    assert "last-event-id" not in sent
    assert not [name for name in sent if "a2a" in name]


# What is refused


async def test_admission_refuses_what_makes_no_request() -> None:
    async with words({"Say": echo}, skills=skill("Say")) as (service, _):
        service.admit(work(said("x")))
        with pytest.raises(CallerError, match=r"Line\.number: expected an integer, got a string") as refused:
            service.admit(work(said({"number": "seven"})))
        assert refused.value.kind is ErrorKind.INVALID_PARAMS
        with pytest.raises(CallerError, match=r"Line\.txt: t\.v1\.Line has no such field; did you mean text"):
            service.admit(work(said({"txt": "x"})))
        with pytest.raises(CallerError, match="there are Say") as refused:
            service.admit(work(said("x", metadata={"skill": "Sing"})))
        assert refused.value.kind is ErrorKind.INVALID_PARAMS


async def test_what_admission_did_not_see_is_rejected_by_the_run() -> None:
    async with words({"Say": echo}, skills=skill("Say")) as (service, served):
        (last,) = await ran(service, work(said({"number": "seven"})))
        assert not served.calls
    assert isinstance(last, Status)
    assert last.state is TaskState.REJECTED


async def test_files_that_a_skill_has_no_use_for_are_refused() -> None:
    async with words({"Say": echo}, skills=skill("Say", request="{text: text}")) as (service, _):
        with pytest.raises(CallerError, match="takes no files") as refused:
            service.admit(work(said("x", b"123")))
        assert refused.value.kind is ErrorKind.CONTENT_TYPE_NOT_SUPPORTED
        with pytest.raises(CallerError, match="takes no data"):
            service.admit(work(said("x", {"number": 1})))


async def test_a_task_keeps_its_skill() -> None:
    async with words({"Chat": chat, "Say": echo}) as (service, _):
        first = said("x", metadata={"skill": "Chat"})
        assert shown(await ran(service, work(said("y"), first)))[-1] == "ASK"
        with pytest.raises(CallerError, match="is of the skill 'Chat'"):
            service.admit(work(said("y", metadata={"skill": "Say"}), first))


async def test_asked_for_credentials_the_task_waits_for_a_new_run() -> None:
    async def guarded(call: Call) -> None:
        if "authorization" not in dict(call.context.invocation_metadata()):
            await call.context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        await echo(call)

    async with words({"Say": guarded}, skills=skill("Say")) as (service, _):
        (last,) = await ran(service, work(said("x")))
        assert isinstance(last, Status)
        assert last.state is TaskState.AUTH_REQUIRED
        again = work(said("x"), context=CallContext(headers={"authorization": "Bearer x"}))
        assert shown(await ran(service, again)) == ["X", "COMPLETED"]


async def test_an_ask_is_no_more_than_a_turn() -> None:
    async with words({"Chat": chat}, skills=skill("Chat")) as (service, _):
        produced = await ran(service, work(said("one")))
    assert produced[-1] == Ask(None)


async def test_a_call_that_is_refused_while_it_is_written_to_keeps_its_status() -> None:
    async with words({}, skills=skill("Chat", quiet_s=5.0)) as (service, _):
        long = work(said("x" * 100_000))
        runs = await asyncio.gather(*(ran(service, long) for _ in range(40)))
    assert {str(shown(one)) for one in runs} == {
        "[('FAILED', 'The service does not have this method: Method not found!')]"
    }
