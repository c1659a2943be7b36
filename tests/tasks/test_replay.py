"""A recording as an agent, over every binding: the same for everyone, to its end, in its time."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.agent import CallContext
from gateway.app import Gateway
from gateway.errors import ErrorKind, GatewayError
from gateway.operations import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    GET_EXTENDED_AGENT_CARD,
    GET_TASK,
    LIST_TASKS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
)
from gateway.settings import ConfigurationError, Limits, Settings, load
from gateway.southbound.upstream import Upstream
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events
from tests.fakes.events import Json

pytestmark = pytest.mark.anyio

ASKED = events.status(events.INPUT_REQUIRED, text="Which?")
FIRST = [events.task(), events.artifact("one "), events.artifact("two", append=True), ASKED]
SECOND = [events.task(), events.artifact(" three", append=True), events.status(events.COMPLETED)]


def write(file: Path, *turns: tuple[list[Json], Json | None]) -> Path:
    """A recording: each turn the events and how it ended, a millisecond apart."""
    lines: list[Any] = [{"recording": "a2a", "version": 1, "agent": "poet", "operation": "SendStreamingMessage"}]
    at = 0
    for number, (shown, end) in enumerate(turns):
        message = events.bare_message("hi", role="ROLE_USER", **({"taskId": events.TASK_ID} if number else {}))
        lines.append({"at": at, "request": {"message": message}})
        for event in shown:
            at += 1
            lines.append({"at": at, "event": event, "cursor": f"c-{at}"})
        if end is not None:
            lines.append({"at": at, **end})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


ENDED: Json = {"end": True}


@asynccontextmanager
async def replayed(file: Path, speed: object = "instant") -> AsyncIterator[Gateway]:
    agent = {"name": "played", "url": f"recording:{file}", "replay_speed": speed}
    settings = Settings.model_validate({"http": "127.0.0.1:0", "grpc": "127.0.0.1:0", "agents": [agent]})
    async with Gateway(settings) as gateway:
        yield gateway


@asynccontextmanager
async def asked(gateway: Gateway, binding: str = "JSONRPC") -> AsyncIterator[Upstream]:
    url = f"grpc://{gateway.grpc}" if binding == "GRPC" else f"http://{gateway.http}"
    flags = {"name": "a", "url": url, "binding": binding}
    caller = Upstream(load(None, {"agents": [flags]}).agents[-1], Limits.model_validate({}))
    try:
        yield caller
    finally:
        await caller.close()


def to_send(task_id: str = "") -> a2a.SendMessageRequest:
    more: Json = {"taskId": task_id} if task_id else {}
    message = events.bare_message("anything", role="ROLE_USER", **more)
    return a2a.SendMessageRequest.from_json(json.dumps({"message": message}))


async def streamed(caller: Upstream, operation: Any, request: Any, cursor: str = "") -> list[Json]:
    """The events of a stream, to its end."""
    context = CallContext(headers={"last-event-id": cursor} if cursor else {})
    stream = await caller.open(operation, request, context)
    found: list[Json] = []
    try:
        while (burst := await stream.burst()) is not None:
            found += [json.loads(event.response.to_json()) for event in burst]
    finally:
        await stream.close()
    return found


async def sent(caller: Upstream, task_id: str = "") -> list[Json]:
    return await streamed(caller, SEND_STREAMING_MESSAGE, to_send(task_id))


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON", "GRPC"])
async def test_every_caller_gets_what_was_recorded(tmp_path: Path, binding: str) -> None:
    file = write(tmp_path / "r.jsonl", (FIRST, ENDED), (SECOND, ENDED))
    async with replayed(file) as gateway, asked(gateway, binding) as caller:
        for _ in range(2):
            assert await sent(caller) == FIRST
            assert await sent(caller, events.TASK_ID) == SECOND
            with pytest.raises(GatewayError) as refused:
                await sent(caller, events.TASK_ID)
            assert refused.value.kind is ErrorKind.UNSUPPORTED_OPERATION
        assert await asyncio.gather(sent(caller), sent(caller)) == [FIRST, FIRST]


async def test_the_task_is_as_far_as_it_was_played(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", (FIRST, ENDED), (SECOND, ENDED))
    get = a2a.GetTaskRequest(id=events.TASK_ID)
    async with replayed(file) as gateway, asked(gateway) as caller:
        with pytest.raises(GatewayError) as refused:
            await caller.call(GET_TASK, get, CallContext())
        assert refused.value.kind is ErrorKind.TASK_NOT_FOUND
        await sent(caller)
        task = json.loads((await caller.call(GET_TASK, get, CallContext())).message.to_json())
        assert task["status"]["state"] == events.INPUT_REQUIRED
        assert task["artifacts"][0]["parts"] == [{"text": "one two"}]
        (listed,) = (await caller.call(LIST_TASKS, a2a.ListTasksRequest(), CallContext())).message.tasks  # type: ignore[attr-defined]
        assert (listed.id, listed.artifacts) == (events.TASK_ID, [])
        answer = await caller.call(SEND_MESSAGE, to_send(events.TASK_ID), CallContext())
        assert json.loads(answer.message.to_json())["task"]["status"]["state"] == events.COMPLETED


async def test_a_stream_can_be_taken_up_by_its_cursor(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", (FIRST, ENDED))
    follow = a2a.SubscribeToTaskRequest(id=events.TASK_ID)
    async with replayed(file) as gateway, asked(gateway) as caller:
        await sent(caller)
        assert await streamed(caller, SUBSCRIBE_TO_TASK, follow, "c-2") == FIRST[2:]
        assert (await streamed(caller, SUBSCRIBE_TO_TASK, follow, "unknown"))[0]["task"]["id"] == events.TASK_ID


async def test_a_message_is_answered_by_a_message(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", ([events.message("hello")], ENDED))
    async with replayed(file) as gateway, asked(gateway) as caller:
        assert await sent(caller) == [events.message("hello")]
        answer = await caller.call(SEND_MESSAGE, to_send(), CallContext())
        assert json.loads(answer.message.to_json()) == events.message("hello")


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        ({"error": {"reason": "RESOURCE_EXHAUSTED", "message": "enough"}}, ErrorKind.RESOURCE_EXHAUSTED),
        ({"error": {"reason": "HTTP 502", "message": "odd"}}, ErrorKind.UNKNOWN),
        (None, ErrorKind.UNAVAILABLE),
    ],
)
async def test_a_stream_that_did_not_end_well_does_not_look_so(
    tmp_path: Path, end: Json | None, kind: ErrorKind
) -> None:
    async with replayed(write(tmp_path / "r.jsonl", (FIRST[:2], end))) as gateway, asked(gateway) as caller:
        with pytest.raises(GatewayError) as failed:
            await sent(caller)
        assert failed.value.kind is kind


@pytest.mark.parametrize(
    ("operation", "request_", "kind"),
    [
        (CANCEL_TASK, a2a.CancelTaskRequest(id=events.TASK_ID), ErrorKind.TASK_NOT_CANCELABLE),
        (CANCEL_TASK, a2a.CancelTaskRequest(id="other"), ErrorKind.TASK_NOT_FOUND),
        (
            CREATE_PUSH_CONFIG,
            a2a.TaskPushNotificationConfig(task_id=events.TASK_ID, url="https://example.com/"),
            ErrorKind.PUSH_NOTIFICATION_NOT_SUPPORTED,
        ),
        (GET_EXTENDED_AGENT_CARD, a2a.GetExtendedAgentCardRequest(), ErrorKind.EXTENDED_AGENT_CARD_NOT_CONFIGURED),
    ],
)
async def test_what_a_recording_cannot_do(tmp_path: Path, operation: Any, request_: Any, kind: ErrorKind) -> None:
    async with replayed(write(tmp_path / "r.jsonl", (FIRST, ENDED))) as gateway, asked(gateway) as caller:
        await sent(caller)
        with pytest.raises(GatewayError) as refused:
            await caller.call(operation, request_, CallContext())
        assert refused.value.kind is kind


async def test_it_takes_the_time_that_was_recorded_unless_it_is_played_at_once(tmp_path: Path) -> None:
    """The last event came an hour after the others."""
    file = write(tmp_path / "r.jsonl", (FIRST, ENDED))
    file.write_text(file.read_text().replace('"at": 4', '"at": 3600000'))
    async with replayed(file) as gateway, asked(gateway) as caller, asyncio.timeout(30):
        assert await sent(caller) == FIRST
    async with replayed(file, 1) as gateway, asked(gateway) as caller:
        stream = await caller.open(SEND_STREAMING_MESSAGE, to_send(), CallContext())
        seen = 0
        while seen < 3:
            seen += len(await stream.burst() or ())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream.burst(), 0.2)
        await stream.close()


async def test_a_file_that_is_none_is_refused_by_its_line(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", (FIRST, ENDED))
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ConfigurationError, match=r"r\.jsonl: line 7: the line is cut"):
        async with replayed(file):
            pass
    agent = {"name": "played", "url": f"recording:{tmp_path / 'nothing.jsonl'}"}
    with pytest.raises(ConfigurationError, match="there is no file"):
        load(None, {"agents": [agent]})


async def test_a_recording_is_bounded(tmp_path: Path) -> None:
    file = write(tmp_path / "r.jsonl", (FIRST, ENDED))
    agent = {"name": "played", "url": f"recording:{file}"}
    for limits, problem in (
        ({"recording_bytes": 100}, "a recording has at most 100 bytes"),
        ({"recording_lines": 3}, "line 4: a recording has at most 3 lines"),
    ):
        given = {"http": "127.0.0.1:0", "grpc": "127.0.0.1:0", "agents": [agent], "limits": limits}
        with pytest.raises(ConfigurationError, match=problem):
            async with Gateway(Settings.model_validate(given)):
                pass


