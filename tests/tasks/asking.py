"""Callers of owned tasks on every binding, in the same words: what they are told, cursors, and reasons of refusals."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, cast
from urllib.parse import quote, urlencode

from gateway.codec.rest import ROUTES_1_0, Route
from gateway.operations import BY_NAME
from gateway.tasks.cursor import RESUME_URI
from generated.a2a.v1.a2a_pb import Task
from tests.fakes.callers import Ending, GrpcCaller, GrpcStream, HttpCaller
from tests.fakes.events import Json, JsonValue, from_wire, to_wire
from tests.fakes.sse_reader import SseEvent

Headers = Mapping[str, str]
NONE: Headers = {}
_REFUSAL_S = 0.5


class Addressed(Protocol):
    """Where a gateway is."""

    http: str
    grpc: str


@dataclass
class Refused(Exception):
    """The answer was an error."""

    reason: str
    text: str
    raw: bytes = b""
    """The whole answer where it came in one piece, for comparing."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One event of a stream."""

    event: Json
    cursor: str = ""

    @property
    def state(self) -> str:
        """The state that it gives the task; empty where it gives none."""
        match self.event:
            case {"task": {"status": {"state": str(state)}}} | {"statusUpdate": {"status": {"state": str(state)}}}:
                return state.removeprefix("TASK_STATE_")
            case _:
                return ""

    @property
    def text(self) -> str:
        """What an artifact's piece says, or the message of a status."""
        match self.event:
            case {"artifactUpdate": {"artifact": {"parts": [*parts]}}}:
                return text_of_parts(parts)
            case {"statusUpdate": {"status": {"message": {"parts": [*parts]}}}}:
                return text_of_parts(parts)
            case _:
                return ""

    @property
    def task_id(self) -> str:
        match self.event:
            case {"task": {"id": str(task_id)}}:
                return task_id
            case {"statusUpdate": {"taskId": str(task_id)}} | {"artifactUpdate": {"taskId": str(task_id)}}:
                return task_id
            case _:
                raise AssertionError(self.event)

    @property
    def gap(self) -> str:
        match self.event:
            case {"task": {"metadata": dict(metadata)}}:
                return str(cast("dict[str, Any]", metadata.get(RESUME_URI, {})).get("gap", ""))
            case _:
                return ""


def text_of_parts(parts: object) -> str:
    return "".join(str(part.get("text", "")) for part in cast("list[dict[str, Any]]", parts))


class Opened:
    """A stream under way. A refusal after the first event is raised where it stands."""

    def __init__(self, caller: "HttpCaller | GrpcStream", events: AsyncIterator[Seen]) -> None:
        self.caller = caller
        self.seen: list[Seen] = []
        self._events = events

    def __aiter__(self) -> "Opened":
        return self

    async def __anext__(self) -> Seen:
        seen = await anext(self._events)
        self.seen.append(seen)
        return seen

    async def take(self, count: int) -> list[Seen]:
        return [await anext(self) for _ in range(count)]

    async def rest(self) -> list[Seen]:
        """Everything to the end."""
        return [seen async for seen in self]

    async def to_state(self, state: str) -> list[Seen]:
        """Everything up to the event that gives the task this state."""
        seen = [await anext(self)]
        while seen[-1].state != state:
            seen.append(await anext(self))
        return seen

    def close(self) -> None:
        if isinstance(self.caller, GrpcStream):
            self.caller.cancel()
        else:
            self.caller.close()


class Caller(Protocol):
    """Calls one agent of a gateway."""

    async def call(self, rpc: str, request: Json, headers: Headers = NONE) -> Json:
        """Raises Refused."""
        ...

    async def open(self, rpc: str, request: Json, headers: Headers = NONE) -> Opened:
        """Raises Refused where the stream is refused before its first event."""
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *exc: object) -> None: ...


@dataclass
class _Http:
    """What both bindings over HTTP share."""

    gateway: Addressed
    agent: str = ""
    rcvbuf_bytes: int | None = None
    _open: list[HttpCaller] = field(default_factory=list[HttpCaller])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        for caller in self._open:
            caller.close()

    async def _whole(self, caller: HttpCaller) -> bytes:
        received = await caller.read_all()
        caller.close()
        self._open.remove(caller)
        if received.ending is not Ending.WHOLE:
            raise ConnectionError("the answer was cut")
        return bytes(received.body)


class JsonRpc(_Http):
    """JSON-RPC with Server-Sent Events."""

    async def call(self, rpc: str, request: Json, headers: Headers = NONE) -> Json:
        caller = await self._asked(rpc, request, headers)
        body = await self._whole(caller)
        return _result(json.loads(body), body)

    async def open(self, rpc: str, request: Json, headers: Headers = NONE) -> Opened:
        caller = await self._asked(rpc, request, headers)
        return await _opened(caller, lambda event: _result(json.loads(event.data)))

    async def _asked(self, rpc: str, request: Json, headers: Headers) -> HttpCaller:
        path = f"{self.agent}/" if self.agent else ""
        caller = HttpCaller(f"http://{self.gateway.http}/{path}", rcvbuf_bytes=self.rcvbuf_bytes)
        self._open.append(caller)
        await caller.__aenter__()
        await caller.post(rpc, request, headers=(("a2a-version", "1.0"), *headers.items()))
        return caller


class Rest(_Http):
    """HTTP+JSON with Server-Sent Events."""

    async def call(self, rpc: str, request: Json, headers: Headers = NONE) -> Json:
        caller = await self._asked(rpc, request, headers)
        body = await self._whole(caller)
        answer = json.loads(body) if body else {}
        if caller.received.status >= 400:
            raise _refused(answer["error"], body)
        return answer

    async def open(self, rpc: str, request: Json, headers: Headers = NONE) -> Opened:
        caller = await self._asked(rpc, request, headers)

        def read(event: SseEvent) -> Json:
            value = json.loads(event.data)
            if "error" in value:
                raise _refused(value["error"])
            return value

        return await _opened(caller, read)

    async def _asked(self, rpc: str, request: Json, headers: Headers) -> HttpCaller:
        route = _route(rpc)
        rest = dict(request)
        path = route.path
        for name in list(rest):
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", quote(str(rest.pop(name)), safe=""))
        prefix = f"/{self.agent}" if self.agent else ""
        body = b""
        if route.method == "POST":
            body = json.dumps(rest).encode()
        elif rest:
            path += "?" + urlencode({name: _as_query(value) for name, value in rest.items()})
        caller = HttpCaller(f"http://{self.gateway.http}/", rcvbuf_bytes=self.rcvbuf_bytes)
        self._open.append(caller)
        await caller.__aenter__()
        lines = {
            "host": self.gateway.http,
            "a2a-version": "1.0",
            "content-type": "application/json",
            "content-length": str(len(body)),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        await caller.send(f"{route.method} {prefix}{path} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
        return caller


@dataclass
class Grpc:
    """gRPC; cursors are in the metadata of events, for who names the resume extension."""

    gateway: Addressed
    agent: str = ""
    _caller: GrpcCaller | None = None
    _streams: list[GrpcStream] = field(default_factory=list[GrpcStream])

    async def __aenter__(self) -> Self:
        self._caller = await GrpcCaller(self.gateway.grpc).__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        for stream in self._streams:
            stream.cancel()
        assert self._caller is not None
        await self._caller.__aexit__(*exc)

    async def call(self, rpc: str, request: Json, headers: Headers = NONE) -> Json:
        stream = self._asked(rpc, request, headers)
        messages = [message async for message in stream.messages()]
        _check(stream)
        return from_wire(BY_NAME[rpc].response, messages[0])

    async def open(self, rpc: str, request: Json, headers: Headers = NONE) -> Opened:
        stream = self._asked(rpc, request, {"a2a-extensions": RESUME_URI, **headers})

        async def events() -> AsyncIterator[Seen]:
            async for message in stream.messages():
                event = from_wire(BY_NAME[rpc].response, message)
                yield Seen(event, _cursor_in(event))
            _check(stream)

        told = events()
        first = asyncio.ensure_future(anext(told, None))
        # A refusal comes at once; an event may be a long time coming.
        await asyncio.wait((first,), timeout=_REFUSAL_S)
        if first.done():
            first.result()

        async def all_events() -> AsyncIterator[Seen]:
            seen = await first
            while seen is not None:
                yield seen
                seen = await anext(told, None)

        return Opened(stream, all_events())

    def _asked(self, rpc: str, request: Json, headers: Headers) -> GrpcStream:
        assert self._caller is not None
        named: Json = {"tenant": self.agent} if self.agent else {}
        stream = self._caller.stream(
            rpc,
            to_wire(BY_NAME[rpc].request, {**request, **named}),
            metadata=(("a2a-version", "1.0"), *headers.items()),
        )
        self._streams.append(stream)
        return stream


CALLERS: dict[str, type[JsonRpc | Rest | Grpc]] = {"JSONRPC": JsonRpc, "HTTP+JSON": Rest, "GRPC": Grpc}


def send(text: str, **more: JsonValue) -> Json:
    """A SendMessageRequest; `task_id` and such go into its message, `configuration` beside it."""
    beside = {name: more.pop(name) for name in ("configuration", "metadata") if name in more}
    message: Json = {"messageId": f"m-{text[:20]}", "role": "ROLE_USER", "parts": [{"text": text}], **more}
    return {"message": message, **beside}


def task_of(answer: Json) -> Json:
    return cast(Json, answer["task"])


def state_of(task: Json) -> str:
    return str(cast(Json, task["status"])["state"]).removeprefix("TASK_STATE_")


def as_task(task: Json) -> Task:
    return Task.from_json(json.dumps(task))


async def _opened(caller: HttpCaller, read: Any) -> Opened:
    received = await caller.read_head()
    if not received.status:
        raise ConnectionError("there was no answer")
    if received.header("content-type") != "text/event-stream":
        await caller.read_all()
        body = bytes(received.body)
        answer = json.loads(body) if body[:1] == b"{" else {"error": {"message": body.decode(), "details": []}}
        raise _refused(answer["error"], body) if "error" in answer else AssertionError(answer)

    async def events() -> AsyncIterator[Seen]:
        async for event in caller.events():
            yield Seen(read(event), event.last_id)
        if caller.received.ending is not Ending.WHOLE:
            raise ConnectionError("the stream was cut")

    return Opened(caller, events())


def _route(rpc: str) -> Route:
    return next(route for route in ROUTES_1_0 if route.operation.name == rpc)


def _as_query(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cursor_in(event: Json) -> str:
    (inner,) = event.values()
    metadata = cast("dict[str, Any]", cast(Json, inner).get("metadata", {}))
    return str(metadata.get(RESUME_URI, {}).get("cursor", ""))


def _result(envelope: Json, raw: bytes = b"") -> Json:
    if "error" in envelope:
        raise _refused(cast(Json, envelope["error"]), raw)
    return cast(Json, envelope["result"] or {})


def _refused(error: Json, raw: bytes = b"") -> Refused:
    details = cast("list[Json]", error.get("data") or error.get("details") or [])
    reason = next((str(detail["reason"]) for detail in details if "reason" in detail), str(error.get("status", "")))
    return Refused(reason, str(error["message"]), raw)


def _check(stream: GrpcStream) -> None:
    outcome = stream.outcome
    if not outcome.ok:
        packed = dict(outcome.trailing).get("grpc-status-details-bin", b"")
        raise Refused(outcome.reason or str(outcome.code), outcome.details, packed if isinstance(packed, bytes) else b"")
