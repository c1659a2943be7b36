"""A gRPC service by script, bytes in and bytes out, with reflection that may misbehave; and a mapped one to drive."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import grpc
import grpc.aio
from grpc_reflection.v1alpha import reflection_pb2
from protobuf import Oneof
from protobuf.wkt import FileDescriptorProto, FileDescriptorSet
from protobuf.wkt.google.protobuf.struct_pb import Struct, Value

from gateway.agent import CallContext
from gateway.settings import AgentSettings, Limits
from gateway.southbound.mapped.service import MappedService
from gateway.worker import Ask, Chunk, Status, Work, Yield
from generated.a2a.v1.a2a_pb import Message, Part, Role, Task
from tests.fakes.loopback import HOST
from tests.southbound.mapped.protos import WORDS, described, files_of, made

V1 = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
V1ALPHA = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
WITHIN_S = 10.0
LINES = described(WORDS)
_NUMBERS = itertools.count(1)


class Context(Protocol):
    def invocation_metadata(self) -> Sequence[tuple[str, str | bytes]]: ...
    def time_remaining(self) -> float | None: ...
    def set_trailing_metadata(self, metadata: Sequence[tuple[str, str | bytes]]) -> None: ...
    async def read(self) -> object: ...
    async def write(self, message: bytes) -> None: ...
    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Sequence[tuple[str, str | bytes]] = ()
    ) -> None: ...


@dataclass(slots=True)
class Call:
    """One call, from the service's side."""

    context: Context
    written: int = 0
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self) -> bytes | None:
        """The next request; None once there are no more."""
        # Not by the iterator that a handler is given: one that is left in the middle makes a noise.
        data = await self.context.read()
        return data if isinstance(data, bytes) else None

    async def requests(self) -> AsyncIterator[bytes]:
        while (data := await self.read()) is not None:
            yield data

    async def line(self) -> dict[str, Any]:
        """The next request, as the members that a Line has."""
        data = await self.read()
        assert data is not None
        kind = LINES.registry.message("t.v1.Line")
        assert kind is not None
        said: Any = kind.type.from_binary(data)
        return {"text": said.text, "number": said.number}

    async def say(self, **members: Any) -> None:
        """Answers a Line."""
        await self.write(line(**members))

    async def write(self, data: bytes) -> None:
        await self.context.write(data)
        self.written += 1


Script = Callable[[Call], Awaitable[None]]


def line(**members: Any) -> bytes:
    return made(LINES, "t.v1.Line", **members)


@dataclass(slots=True)
class Scripted(grpc.GenericRpcHandler):
    """What is served; `calls` are those that came."""

    scripts: Mapping[str, Script]
    calls: list[Call] = field(default_factory=list[Call])

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        script = self.scripts.get(handler_call_details.method)
        if script is None:
            return None

        async def answer(requests: object, context: Context) -> None:
            call = Call(context)
            self.calls.append(call)
            try:
                await script(call)
            except asyncio.CancelledError:
                call.cancelled.set()
                raise

        return grpc.stream_stream_rpc_method_handler(answer)


@asynccontextmanager
async def serving(scripts: Mapping[str, Script], port: int = 0) -> AsyncGenerator[tuple[Scripted, str]]:
    """A service for as long as the block runs, and its URL."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0), ("grpc.http2.bdp_probe", 0)))
    served = Scripted(scripts)
    server.add_generic_rpc_handlers((served,))
    bound = server.add_insecure_port(f"{HOST}:{port}")
    await server.start()
    try:
        yield served, f"grpc://{HOST}:{bound}"
    finally:
        await server.stop(None)


def reflecting(
    files: Sequence[FileDescriptorProto] | None = None,
    *,
    services: Sequence[str] = ("t.v1.Words", "grpc.reflection.v1.ServerReflection"),
    whole: bool = False,
) -> Script:
    """Server reflection over files; `whole`: a file comes with all the others."""
    known = {file.name: file for file in (files_of(WORDS, source=False) if files is None else files)}
    types = FileDescriptorSet(
        file=[FileDescriptorProto.from_binary(reflection_pb2.DESCRIPTOR.serialized_pb)]
    ).to_registry()

    def kind(name: str) -> Any:
        found = types.message(f"grpc.reflection.v1alpha.{name}")
        assert found is not None
        return found.type

    def given(file: FileDescriptorProto | None) -> Oneof[str, Any]:
        if file is None:
            return Oneof("error_response", kind("ErrorResponse")(error_code=5, error_message="no such thing"))
        found = known.values() if whole else [file]
        return Oneof(
            "file_descriptor_response",
            kind("FileDescriptorResponse")(file_descriptor_proto=[one.to_binary() for one in found]),
        )

    def defining(name: str) -> FileDescriptorProto | None:
        for file in known.values():
            if any(f"{file.package}.{service.name}" == name for service in file.service):
                return file
        return None

    async def script(call: Call) -> None:
        async for data in call.requests():
            asked = kind("ServerReflectionRequest").from_binary(data).message_request
            match asked:
                case Oneof(field="list_services"):
                    listed = [kind("ServiceResponse")(name=name) for name in services]
                    answer: Any = Oneof("list_services_response", kind("ListServiceResponse")(service=listed))
                case Oneof(field="file_containing_symbol", value=name):
                    answer = given(defining(name))
                case Oneof(field="file_by_filename", value=name):
                    answer = given(known.get(name))
                case _:
                    answer = given(None)
            await call.context.write(kind("ServerReflectionResponse")(message_response=answer).to_binary())

    return script


def settings(url: str, **more: Any) -> AgentSettings:
    return AgentSettings.model_validate({"name": "words", "url": url, "skills": "auto", **more})


def skill(name: str, **more: Any) -> list[dict[str, Any]]:
    """The settings of one skill of Words."""
    return [{"method": f"t.v1.Words/{name}", "quiet_s": 0.05, **more}]


@asynccontextmanager
async def mapped(url: str, limits: dict[str, Any] | None = None, **more: Any) -> AsyncGenerator[MappedService]:
    service = MappedService(settings(url, **more), Limits.model_validate(limits or {}))
    try:
        yield service
    finally:
        await service.close()


@asynccontextmanager
async def words(
    scripts: Mapping[str, Script], limits: dict[str, Any] | None = None, **more: Any
) -> AsyncGenerator[tuple[MappedService, Scripted]]:
    """A mapped service of Words, whose methods answer by script."""
    named = {f"/t.v1.Words/{name}": script for name, script in scripts.items()}
    async with serving({V1: reflecting(), **named}) as (served, url), mapped(url, limits, **more) as service:
        await service.ready()
        served.calls.clear()
        yield service, served


def said(*contents: object, metadata: dict[str, Any] | None = None, task_id: str = "") -> Message:
    """A caller's message: strings are text, bytes are files, anything else is data."""
    parts: list[Part] = []
    for content in contents:
        match content:
            case str():
                parts.append(Part(content=Oneof("text", content)))
            case bytes():
                parts.append(Part(content=Oneof("raw", content), media_type="image/png", filename="a.png"))
            case _:
                value: Any = content
                parts.append(Part(content=Oneof("data", Value.from_python(value))))
    return Message(
        message_id=f"message-{next(_NUMBERS)}",
        task_id=task_id,
        role=Role.USER,
        parts=parts,
        metadata=None if metadata is None else Struct.from_python(metadata),
    )


def work(message: Message, *before: Message, context: CallContext | None = None, **more: Any) -> Work:
    history = [*before, message]
    return Work(Task(id="task-1", context_id="context-1", history=history), message, context=context or CallContext(), **more)


async def ran(service: MappedService, work: Work, *replies: Message) -> list[Yield]:
    """All that a run yields; each Ask is answered by the next reply, and where there is none the run is left."""
    produced: list[Yield] = []
    left = list(replies)
    run = service.run(work)
    try:
        async with asyncio.timeout(WITHIN_S):
            answer: Message | None = None
            while True:
                one = await run.asend(answer)
                produced.append(one)
                answer = None
                if isinstance(one, Ask):
                    if not left:
                        break
                    answer = left.pop(0)
    except StopAsyncIteration:
        pass
    finally:
        await run.aclose()
    return produced


def shown(produced: Sequence[Yield]) -> list[object]:
    """Yields in few words: text, data and bytes of chunks; the state and the words of a status; questions."""
    told: list[object] = []
    for one in produced:
        match one:
            case Chunk(parts=parts):
                for part in parts:
                    assert part.content is not None
                    value: Any = part.content.value
                    told.append(value.to_python() if part.content.field == "data" else value)
            case Status(state=state, message=message):
                told.append((state.name, message) if message else state.name)
            case Ask(message=message):
                told.append(("ASK", message) if message else "ASK")
            case _:
                told.append(one)
    return told
