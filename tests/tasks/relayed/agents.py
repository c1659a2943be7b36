"""Agents with one task that they work through as far as the test lets them, over gRPC and over JSON-RPC.

Whoever sends a message gets the stream from its beginning; whoever subscribes gets the task as it
stands and what follows. The fold is the tests' own, so that the gateway's is not judged by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, cast

import grpc

from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import http_steps, scripted_grpc
from tests.fakes.events import (
    COMPLETED,
    TASK_ID,
    WORKING,
    Json,
    agent_card,
    artifact,
    bare_message,
    bare_task,
    status,
)
from tests.fakes.loopback import HOST
from tests.fakes.scripted_grpc import ScriptedGrpcAgent
from tests.fakes.scripted_http import ScriptedHttpAgent

TERMINAL = {"TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED", "TASK_STATE_REJECTED"}
STANDS_STILL = TERMINAL | {"TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"}


def tokens(count: int, artifact_id: str = "artifact-1") -> list[Json]:
    """A stream of tokens: one artifact, piece by piece."""
    return [artifact(f"<{number}>", artifact_id=artifact_id, append=number > 0) for number in range(count)]


def said(text: str, number: int, state: str = WORKING) -> Json:
    """A status update that says something."""
    update = status(state)
    cast(Any, update)["statusUpdate"]["status"]["message"] = bare_message(text, message_id=f"said-{number}")
    return update


WORK: list[Json] = [said("begun", 1), *tokens(4), said("halfway", 2), *tokens(2, "artifact-2"), status(COMPLETED)]


@dataclass(slots=True)
class Work:
    """One task of an agent: what happens to it, and how much of that has happened."""

    events: list[Json]
    task_id: str = TASK_ID
    done: int = 0
    known: bool = True
    """Whether the agent still knows the task."""
    history: list[Json] = field(default_factory=list[Json])
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    stays_open: bool = False
    """Whether its streams stay open while it waits for its caller."""
    opened: int = 0
    """How many streams of it have begun."""
    readers: int = 0
    """How many of them are open."""

    def __post_init__(self) -> None:
        self.events = deepcopy(self.events)
        for event in self.events:
            cast(Any, next(iter(event.values())))["taskId"] = self.task_id

    def release(self, count: int | None = None) -> None:
        """So many more events happen; all that are left where None."""
        self.done = len(self.events) if count is None else min(self.done + count, len(self.events))
        self.changed.set()
        self.changed = asyncio.Event()

    @property
    def is_over(self) -> bool:
        return self.done > 0 and _state(self.events[self.done - 1]) in TERMINAL

    def task(self, done: int | None = None) -> Json:
        """The task as it stands, or stood after so many events."""
        at = Fold(bare_task(self.task_id, history=[{**bare_message("hi", message_id="request-1", role="ROLE_USER")}]))
        for event in self.events[: self.done if done is None else done]:
            at.take(event)
        return at.task()

    async def updates(self, after: int) -> AsyncIterator[Json]:
        """What happens after so many events, as it happens, until the task stands still."""
        self.opened += 1
        self.readers += 1
        try:
            while True:
                while after < self.done:
                    event = self.events[after]
                    after += 1
                    yield event
                    still = TERMINAL if self.stays_open else STANDS_STILL
                    if _state(event) in still and after == self.done:
                        return
                await self.changed.wait()
        finally:
            self.readers -= 1


def _state(event: Json) -> str:
    update = cast(Any, event).get("statusUpdate")
    return update["status"]["state"] if update else ""


class Fold:
    """What events make of a task, in the words of the specification; every doubling shows."""

    def __init__(self, task: Json | None = None) -> None:
        self._task: Any = deepcopy(task)
        self.states: list[str] = []
        self.messages: list[str] = []

    def take(self, event: Json) -> None:
        match event:
            case {"task": dict(task)}:
                self._task = deepcopy(task)
            case {"statusUpdate": {"status": dict(now)}}:
                before = self._task["status"].get("message")
                if before is not None:
                    self._task.setdefault("history", []).append(before)
                self._task["status"] = deepcopy(now)
                self.states.append(str(now["state"]))
                if "message" in now:
                    self.messages.append(cast(Any, now)["message"]["messageId"])
            case {"artifactUpdate": {"artifact": dict(piece)} as update}:
                artifacts: list[Any] = self._task.setdefault("artifacts", [])
                there = next((one for one in artifacts if one["artifactId"] == piece["artifactId"]), None)
                if there is None:
                    artifacts.append(deepcopy(piece))
                elif update.get("append"):
                    there["parts"] += deepcopy(piece["parts"])
                else:
                    artifacts[artifacts.index(there)] = deepcopy(piece)
            case _:
                raise AssertionError(f"no event of a task: {event}")

    def task(self) -> Json:
        return deepcopy(self._task)

    def texts(self) -> dict[str, str]:
        """The text of every artifact."""
        return {
            one["artifactId"]: "".join(part["text"] for part in one["parts"])
            for one in (self._task or {}).get("artifacts", [])
        }

    @property
    def state(self) -> str:
        return self._task["status"]["state"]


@dataclass(slots=True)
class OverGrpc:
    """The agent over gRPC."""

    work: Work
    fake: ScriptedGrpcAgent = field(default_factory=lambda: ScriptedGrpcAgent({}))
    refuses: Callable[[scripted_grpc.Call], tuple[grpc.StatusCode, str] | None] = lambda call: None

    @property
    def port(self) -> int:
        return self.fake.port

    def settings(self, port: int) -> Json:
        return {"url": f"grpc://{HOST}:{port}"}

    def asked(self, rpc: str) -> int:
        return len(self.fake.calls_of(rpc))

    def header(self, rpc: str, number: int, name: str) -> str | None:
        values = self.fake.calls_of(rpc)[number].header(name)
        return str(values[0]) if values else None

    def script(self, call: scripted_grpc.Call) -> scripted_grpc.Script:
        work = self.work
        if (refusal := self.refuses(call)) is not None:
            return (scripted_grpc.end(*refusal),)
        if not work.known and call.method != "SendStreamingMessage":
            return (scripted_grpc.end(grpc.StatusCode.NOT_FOUND, "no such task"),)
        match call.method:
            case "SendStreamingMessage":
                return (lambda exchange: self._stream(exchange, work.done),)
            case "SubscribeToTask" if work.is_over:
                return (scripted_grpc.end(grpc.StatusCode.FAILED_PRECONDITION, "over"),)
            case "SubscribeToTask":
                return (lambda exchange: self._stream(exchange, work.done),)
            case "GetTask":
                return (scripted_grpc.answer(work.task(), a2a.Task),)
            case _:
                return (scripted_grpc.answer({"task": work.task()}),)

    async def _stream(self, exchange: scripted_grpc.GrpcExchange, after: int) -> None:
        await scripted_grpc.event({"task": self.work.task(after)})(exchange)
        async for event in self.work.updates(after):
            await scripted_grpc.event(event)(exchange)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        self.fake.scripts = self.script
        async with self.fake:
            yield


@dataclass(slots=True)
class OverJsonRpc:
    """The agent over JSON-RPC and SSE; with `cursors`, its events have ids by which it resumes."""

    work: Work
    cursors: bool = False
    fake: ScriptedHttpAgent = field(default_factory=lambda: ScriptedHttpAgent({}))
    refuses: Callable[[http_steps.Request], tuple[int, str] | None] = lambda request: None

    @property
    def port(self) -> int:
        return self.fake.port

    def settings(self, port: int) -> Json:
        url = f"http://{HOST}:{port}/"
        return {"url": url, "card": agent_card(url)}

    def asked(self, rpc: str) -> int:
        return len(self.fake.calls(rpc))

    def header(self, rpc: str, number: int, name: str) -> str | None:
        return self.fake.calls(rpc)[number].header(name)

    def script(self, request: http_steps.Request) -> http_steps.Script:
        work = self.work
        if (refusal := self.refuses(request)) is not None:
            return (http_steps.json_error(*refusal),)
        if not work.known and request.rpc != "SendStreamingMessage":
            return (http_steps.json_error(-32001, "no such task"),)
        match request.rpc:
            case "SendStreamingMessage":
                return (lambda exchange: self.stream(exchange, work.done),)
            case "SubscribeToTask" if self.cursors and (cursor := request.header("last-event-id")):
                return (lambda exchange: self.stream(exchange, int(cursor), bare=True),)
            case "SubscribeToTask" if work.is_over:
                return (http_steps.json_error(-32004, "over"),)
            case "SubscribeToTask":
                return (lambda exchange: self.stream(exchange, work.done),)
            case "GetTask":
                return (http_steps.json_reply(work.task()),)
            case _:
                return (http_steps.json_reply({"task": work.task()}),)

    async def stream(self, exchange: http_steps.HttpExchange, after: int, *, bare: bool = False) -> None:
        if not bare:
            await self.write(exchange, {"task": self.work.task(after)}, after)
        async for event in self.work.updates(after):
            after += 1
            await self.write(exchange, event, after)

    async def write(self, exchange: http_steps.HttpExchange, event: Json, number: int) -> None:
        if exchange.connection.gone.is_set():
            exchange.end(reset=True)
        cursor = b"id: %d\n" % number if self.cursors else b""
        await exchange.event(b"%bdata: %b\n\n" % (cursor, exchange.envelope("result", event)))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        self.fake.scripts = self.script
        async with self.fake:
            yield


@dataclass(slots=True)
class OverOldJsonRpc(OverJsonRpc):
    """The agent over JSON-RPC in 0.3, where a stream that is taken up again begins with whatever comes next."""

    begins_with_task: bool = True

    def settings(self, port: int) -> Json:
        url = f"http://{HOST}:{port}/"
        return {"url": url, "card": agent_card(url, version="0.3")}

    def script(self, request: http_steps.Request) -> http_steps.Script:
        work = self.work
        match request.rpc:
            case "message/stream":
                return (lambda exchange: self.stream(exchange, work.done, bare=not self.begins_with_task),)
            case "tasks/resubscribe" if work.is_over:
                return (http_steps.json_reply(_old_task(work.task())),)
            case "tasks/resubscribe":
                return (lambda exchange: self.stream(exchange, work.done, bare=True),)
            case _:
                return (http_steps.json_reply(_old_task(work.task())),)

    async def write(self, exchange: http_steps.HttpExchange, event: Json, number: int) -> None:
        await OverJsonRpc.write(self, exchange, _old_event(event), number)


def _old_event(event: Json) -> Json:
    match event:
        case {"task": dict(task)}:
            return _old_task(task)
        case {"statusUpdate": dict(update)}:
            return {"kind": "status-update", "final": False, **update, "status": _old_status(update["status"])}
        case {"artifactUpdate": dict(update)}:
            return {"kind": "artifact-update", **update, "artifact": _old_artifact(update["artifact"])}
        case _:
            raise AssertionError(event)


def _old_task(task: Json) -> Json:
    old: Any = {"kind": "task", **task, "status": _old_status(task["status"])}
    old["artifacts"] = [_old_artifact(one) for one in cast(Any, task.get("artifacts", []))]
    old["history"] = [_old_message(one) for one in cast(Any, task.get("history", []))]
    return old


def _old_status(status: Any) -> Any:
    old = {**status, "state": status["state"].removeprefix("TASK_STATE_").lower().replace("_", "-")}
    return {**old, "message": _old_message(status["message"])} if "message" in status else old


def _old_message(message: Any) -> Any:
    role = message["role"].removeprefix("ROLE_").lower()
    return {"kind": "message", **message, "role": role, "parts": [{"kind": "text", **one} for one in message["parts"]]}


def _old_artifact(artifact: Any) -> Any:
    return {**artifact, "parts": [{"kind": "text", **one} for one in artifact["parts"]]}
