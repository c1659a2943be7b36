"""Definitions by server reflection: both versions, none, and servers that lie."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from protobuf.wkt import FileDescriptorProto

from gateway.agent import CallContext
from gateway.errors import AgentError, ErrorKind
from gateway.worker import Status
from generated.a2a.v1.a2a_pb import TaskState
from tests.southbound.mapped.protos import WORDS, files_of
from tests.southbound.mapped.services import (
    V1,
    V1ALPHA,
    WITHIN_S,
    Call,
    Script,
    mapped,
    ran,
    reflecting,
    said,
    serving,
    shown,
    skill,
    work,
)

pytestmark = pytest.mark.anyio

IMPORTING = (
    'syntax = "proto3"; package a; import "b.proto"; message In { b.Inner inner = 1; string text = 2; }'
    "service S { rpc M(In) returns (b.Inner); }",
    'syntax = "proto3"; package b; import "google/protobuf/timestamp.proto";'
    "message Inner { google.protobuf.Timestamp at = 1; string text = 2; }",
)


async def refuse(call: Call) -> None:
    await call.context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")


async def skills_by(scripts: dict[str, Script], limits: dict[str, Any] | None = None) -> list[str]:
    async with serving(scripts) as (_, url), mapped(url, limits) as service:
        return list((await service.ready()).skills)


@pytest.mark.parametrize("path", [V1, V1ALPHA])
async def test_either_version_will_do(path: str) -> None:
    assert await skills_by({path: reflecting()}) == ["Say", "Tell", "Collect", "Chat"]


@pytest.mark.parametrize("whole", [False, True], ids=["one file an answer", "all files at once"])
async def test_imports_are_followed(whole: bool) -> None:
    assert await skills_by({V1: reflecting(files_of(*IMPORTING), services=["a.S"], whole=whole)}) == ["M"]


async def test_well_known_imports_may_be_missing() -> None:
    files = [file for file in files_of(*IMPORTING) if not file.name.startswith("google/")]
    assert await skills_by({V1: reflecting(files, services=["a.S"])}) == ["M"]


async def test_imports_that_nothing_needs_may_be_missing() -> None:
    (file,) = files_of(WORDS)
    file = FileDescriptorProto.from_binary(file.to_binary())
    file.dependency.append("google/api/annotations.proto")
    assert await skills_by({V1: reflecting([file])}) == ["Say", "Tell", "Collect", "Chat"]


async def test_names_of_json_may_be_missing() -> None:
    (file,) = files_of(WORDS)
    file = FileDescriptorProto.from_binary(file.to_binary())
    for message in file.message_type:
        for field in message.field:
            field.json_name = ""
    async with serving({V1: reflecting([file])}) as (_, url), mapped(url) as service:
        found = await service.ready()
    line = found.skills["Say"].method.input
    assert [field.json_name for field in line.fields][-1] == "yourTurn"


async def silent(call: Call) -> None:
    await asyncio.sleep(WITHIN_S)


async def garbage(call: Call) -> None:
    await call.read()
    await call.write(b"\xff")


async def ends(call: Call) -> None:
    await call.read()


def changed(**changes: Any) -> list[FileDescriptorProto]:
    (file,) = files_of(WORDS)
    file = FileDescriptorProto.from_binary(file.to_binary())
    for name, value in changes.items():
        setattr(file, name, value)
    return [file]


def cyclic() -> list[FileDescriptorProto]:
    files = [FileDescriptorProto.from_binary(file.to_binary()) for file in files_of(*IMPORTING)]
    next(file for file in files if file.name == "b.proto").dependency.append("a.proto")
    return files


def endless() -> Script:
    """Every file imports another one."""

    chain = [FileDescriptorProto(name=f"f{n}.proto", dependency=[f"f{n + 1}.proto"]) for n in range(300)]
    first = changed(dependency=["f0.proto"])
    return reflecting([*first, *chain])


def unfit(name: str = "", number: int = 0, type_name: str = "") -> list[FileDescriptorProto]:
    (file,) = changed()
    field = file.message_type[0].field[0]
    field.name, field.number = name or field.name, number or field.number
    if type_name:
        field.type = type(field.type)(11)
        field.type_name = type_name
    return [file]


LIES: dict[str, tuple[Script, ErrorKind, str]] = {
    "a service that it does not define": (
        reflecting(services=["t.v1.Other"]),
        ErrorKind.INVALID_AGENT_RESPONSE,
        "lists t.v1.Other and does not define it",
    ),
    "files that import each other": (
        reflecting(cyclic(), services=["a.S"]),
        ErrorKind.INVALID_AGENT_RESPONSE,
        "import each other",
    ),
    "files without an end": (endless(), ErrorKind.INVALID_AGENT_RESPONSE, "over 50 files"),
    "bytes": (garbage, ErrorKind.INVALID_AGENT_RESPONSE, "an answer that does not parse"),
    "nothing": (ends, ErrorKind.INVALID_AGENT_RESPONSE, "ended before it had answered"),
    "silence": (silent, ErrorKind.DEADLINE_EXCEEDED, "took too long"),
    "a refusal": (refuse, ErrorKind.PERMISSION_DENIED, "not you"),
    "an unknown syntax": (
        reflecting(changed(syntax="proto9")),
        ErrorKind.INVALID_AGENT_RESPONSE,
        "unsupported syntax",
    ),
    "a field without a name": (reflecting(unfit(name="no name")), ErrorKind.INVALID_AGENT_RESPONSE, "is no name"),
    "a field of a type that is nowhere": (
        reflecting(unfit(type_name=".x.Y")),
        ErrorKind.INVALID_AGENT_RESPONSE,
        "could not find message: .x.Y",
    ),
    "two fields of one number": (reflecting(unfit(number=2)), ErrorKind.INVALID_AGENT_RESPONSE, "two fields of one number"),
    "a number beyond all": (reflecting(unfit(number=2**30)), ErrorKind.INVALID_AGENT_RESPONSE, "has the number"),
    "no service of its own": (
        reflecting(services=["grpc.reflection.v1.ServerReflection"]),
        ErrorKind.METHOD_NOT_FOUND,
        "the service has no methods",
    ),
}


@pytest.mark.parametrize("case", LIES)
async def test_what_cannot_be_used_is_said(case: str) -> None:
    script, kind, words_ = LIES[case]
    limits = {"descriptor_files": 50, "connect_s": 0.3}
    async with serving({V1: script}) as (_, url), mapped(url, limits) as service:
        with pytest.raises(AgentError, match=words_) as failed:
            await service.ready()
        assert failed.value.kind is kind
        (last,) = await ran(service, work(said("x")))
        assert isinstance(last, Status)
        assert last.state is TaskState.FAILED


async def test_too_many_bytes() -> None:
    async with serving({V1: reflecting()}) as (_, url), mapped(url, {"descriptor_bytes": 100}) as service:
        with pytest.raises(AgentError, match="over 100 bytes"):
            await service.ready()


async def test_no_reflection() -> None:
    async with serving({}) as (_, url), mapped(url) as service:
        with pytest.raises(AgentError, match="enable it there, or name its definitions") as failed:
            await service.ready()
        assert failed.value.kind is ErrorKind.METHOD_NOT_FOUND


async def test_no_service() -> None:
    async with serving({}) as (_, url):
        pass
    async with mapped(url, {"connect_s": 0.3}) as service:
        (last,) = await ran(service, work(said("x")))
    assert last == Status(TaskState.FAILED, "The agent cannot be reached", {"error": "UNAVAILABLE"})


# A service that comes back as another one


async def say(call: Call) -> None:
    asked = await call.line()
    await call.say(text=asked["text"])


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def test_a_service_that_comes_back_otherwise_is_read_again() -> None:
    other = files_of(WORDS.replace("rpc Say(", "rpc Speak("), source=False)
    async with serving({V1: reflecting(), "/t.v1.Words/Say": say}) as (_, url):
        context_ = mapped(url)
        service = await context_.__aenter__()
        assert shown(await ran(service, work(said("x")))) == ["x", "COMPLETED"]
    try:
        async with serving({V1: reflecting(other), "/t.v1.Words/Speak": say}, port_of(url)) as (served, _):
            assert shown(await ran(service, work(said("y", metadata={"skill": "Speak"})))) == ["y", "COMPLETED"]
            assert next(one.name for one in (await service.card(CallContext())).skills) == "Speak"
            served.calls.clear()
            assert shown(await ran(service, work(said("z")))) == ["z", "COMPLETED"]
            assert len(served.calls) == 1, "what is known is not asked for again"
    finally:
        await context_.__aexit__(None, None, None)


async def test_a_method_that_is_gone_breaks_its_skill_alone() -> None:
    less = files_of(WORDS.replace("rpc Say(", "rpc Speak("), source=False)
    chosen = [*skill("Say"), *skill("Tell")]
    async with serving({V1: reflecting(less), "/t.v1.Words/Tell": say}) as (_, url), mapped(url, skills=chosen) as service:
        (last,) = await ran(service, work(said("x")))
        assert isinstance(last, Status)
        assert last.state is TaskState.FAILED
        assert "there is no t.v1.Words/Say" in str(last.message)
        tell = work(said("x", metadata={"skill": "Tell"}))
        assert shown(await ran(service, tell)) == ["x", "COMPLETED"]
        assert [one.id for one in (await service.card(CallContext())).skills] == ["Tell"]


async def test_a_connection_that_breaks_fails_the_task_and_keeps_what_came() -> None:
    async def half(call: Call) -> None:
        await call.say(text="a")
        await asyncio.sleep(WITHIN_S)

    async with AsyncExitStack() as stack:
        _, url = await stack.enter_async_context(serving({V1: reflecting(), "/t.v1.Words/Tell": half}))
        async with mapped(url, skills=skill("Tell")) as service:
            run = service.run(work(said("x")))
            assert shown([await run.asend(None)]) == ["a"]
            await stack.aclose()
            (last,) = [one async for one in run]
    assert isinstance(last, Status)
    assert last.state is TaskState.FAILED
    assert "127.0.0.1" not in str(last.message)


async def test_an_a2a_agent_is_told_apart() -> None:
    files = files_of(WORDS.replace("t.v1", "lf.a2a.v1").replace("service Words", "service A2AService"), source=False)
    async with serving({V1: reflecting(files, services=["lf.a2a.v1.A2AService"])}) as (_, url), mapped(url) as service:
        with pytest.raises(AgentError, match="speaks A2A itself"):
            await service.ready()
