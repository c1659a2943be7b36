"""What the client of a2a-sdk 0.3 tries on an agent: the checks of `sdk_checks`, under their names, that 0.3 can make.

0.3 lists no tasks. A message without a role cannot be made with its types.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from a2a.types import (
    Artifact,
    PushNotificationAuthenticationInfo,
    PushNotificationConfig,
    Task,
    TaskArtifactUpdateEvent,
    TaskPushNotificationConfig,
    TaskState,
)

from tests.interop.sdk03_session import Event, Session, written

Check = Callable[[Session], Awaitable[Any]]
CHECKS: dict[str, Check] = {}

UNKNOWN = "no-such-task"
WEBHOOK = "https://example.com/hook?a=1"


def check(function: Check) -> Check:
    CHECKS[getattr(function, "__name__", "")] = function
    return function


# Cards


def _card(card: Any) -> dict[str, Any]:
    shown = written(card)
    kept = ("name", "description", "version", "defaultInputModes", "defaultOutputModes", "protocolVersion")
    flags = {key: shown[key] for key in ("supportsAuthenticatedExtendedCard",) if shown.get(key)}
    # The SDK makes empty lists up when a card comes over gRPC.
    lists = {"capabilities": _said(shown["capabilities"]), "skills": [_said(skill) for skill in shown["skills"]]}
    return {key: shown[key] for key in kept} | flags | lists


def _said(value: dict[str, Any]) -> dict[str, Any]:
    return {key: member for key, member in value.items() if member != []}


@check
async def card(session: Session) -> Any:
    return _card(session.card) | {"bindings": session.bindings}


@check
async def extended_card(session: Session) -> Any:
    return _card(await session.client.get_card())


# Sending


@check
async def send(session: Session) -> Any:
    return session.show(await session.send("hello"))


@check
async def send_message_reply(session: Session) -> Any:
    return session.show(await session.send("message"))


@check
async def send_with_history(session: Session) -> Any:
    return {str(length): session.show(await session.send("hello", history_length=length)) for length in (1, 0)}


@check
async def send_return_immediately(session: Session) -> Any:
    first = await session.send_for_task("hello", blocking=False)
    while True:
        task = await session.get(first.id)
        if task.status.state == TaskState.completed:
            return {"first": session.show_task(first), "last": session.show_task(task)}


@check
async def send_parts(session: Session) -> Any:
    return session.show(await session.send("parts"))


@check
async def send_line_separators(session: Session) -> Any:
    return session.show(await session.send("data"))


@check
async def stream(session: Session) -> Any:
    return await session.show_stream(session.stream("hello"))


@check
async def stream_message_reply(session: Session) -> Any:
    return await session.show_stream(session.stream("message"))


@check
async def stream_parts(session: Session) -> Any:
    return await session.show_stream(session.stream("parts"))


@check
async def stream_line_separators(session: Session) -> Any:
    return await session.show_stream(session.stream("data"))


@check
async def input_required(session: Session) -> Any:
    asked = [event async for event in session.stream("ask")]
    first = asked[0]
    assert isinstance(first, Task)
    reply = session.message("blue", task_id=first.id, context_id=first.context_id)
    return {
        "asked": session.show(asked),
        "answered": await session.show_stream(session.stream(reply)),
        "stored": session.show_task(await session.get(first.id)),
    }


@check
async def input_required_blocking(session: Session) -> Any:
    asked = await session.send_for_task("ask")
    answered = await session.send(session.message("blue", task_id=asked.id))
    return {"asked": session.show_task(asked), "answered": session.show(answered)}


# Reading


@check
async def get_with_history(session: Session) -> Any:
    task = await session.send_for_task("hello")
    return {str(length): session.show_task(await session.get(task.id, length)) for length in (None, 0, 1)}


# Long tasks


def _numbers(artifacts: list[Artifact]) -> list[int]:
    return [int(part.root.text) for artifact in artifacts for part in artifact.parts]


def _gapless(numbers: list[int], *, start: int | None = 1) -> bool:
    first = start if start is not None else next(iter(numbers), 0)
    return numbers == list(range(first, first + len(numbers)))


async def _open_slow(session: Session) -> tuple[AsyncIterator[Event], list[Event], str]:
    """A stream of a slow task, the events up to its first chunk, and the id of the task."""
    events = session.stream("slow")
    seen: list[Event] = []
    async for event in events:
        seen.append(event)
        if isinstance(event, TaskArtifactUpdateEvent):
            break
    assert isinstance(seen[0], Task)
    return events, seen, seen[0].id


def _slow_result(session: Session, seen: list[Event], *, start: int | None = 1) -> dict[str, Any]:
    """Events without the chunks, of which only matters that none was missed, doubled or moved.

    A subscription of 0.3 need not begin with the task as it is: then `start` is None, and only later gaps count.
    """
    first = seen[0] if seen else None
    snapshot = list(first.artifacts or []) if isinstance(first, Task) else []
    live = [event.artifact for event in seen if isinstance(event, TaskArtifactUpdateEvent)]
    others = [_without_artifacts(event) for event in seen if not isinstance(event, TaskArtifactUpdateEvent)]
    return {
        "events": session.show(others),
        "live chunks": bool(live),
        "gapless": _gapless(_numbers([*snapshot, *live]), start=1 if isinstance(first, Task) else start),
    }


def _without_artifacts(event: Event) -> Event:
    return event.model_copy(update={"artifacts": None}) if isinstance(event, Task) else event


def _slow_task(session: Session, task: Task) -> Any:
    numbers = _numbers(task.artifacts or [])
    shown = session.show_task(task.model_copy(update={"artifacts": None}))
    return {"task": shown, "gapless": bool(numbers) and _gapless(numbers)}


@check
async def cancel(session: Session) -> Any:
    events, seen, task_id = await _open_slow(session)
    canceled = await session.cancel(task_id)
    seen += [event async for event in events]
    return {
        "canceled": _slow_task(session, canceled),
        "stream": _slow_result(session, seen),
        "stored": _slow_task(session, await session.get(task_id)),
    }


@check
async def subscribe(session: Session) -> Any:
    events, seen, task_id = await _open_slow(session)
    subscribed: list[Event] = []
    canceled = False
    async for event in session.subscribe(task_id):
        subscribed.append(event)
        if isinstance(event, TaskArtifactUpdateEvent) and not canceled:
            canceled = True
            await session.cancel(task_id)
    seen += [event async for event in events]
    return {
        "first stream": _slow_result(session, seen),
        "subscribed": _slow_result(session, subscribed, start=None),
    }


@check
async def cancel_input_required(session: Session) -> Any:
    task = await session.send_for_task("ask")
    canceled = await session.cancel(task.id)
    return {"canceled": session.show_task(canceled), "stored": session.show_task(await session.get(task.id))}


# Tasks that go wrong


@check
async def fail(session: Session) -> Any:
    return {
        "stream": await session.show_stream(session.stream("fail")),
        "send": session.show(await session.send("fail")),
    }


@check
async def crash(session: Session) -> Any:
    streamed = await session.show_stream(_remembered(session.stream("crash"), remembered := []))
    return {"stream": streamed, "stored": session.show_task(await session.get(remembered[0].id))}


async def _remembered(events: AsyncIterator[Event], into: list[Any]) -> AsyncIterator[Event]:
    async for event in events:
        into.append(event)
        yield event


@check
async def crash_blocking(session: Session) -> Any:
    return await session.outcome(session.send("crash"))


# Push notification configurations


def _config(task_id: str, config_id: str | None, url: str = WEBHOOK, **more: Any) -> TaskPushNotificationConfig:
    config = PushNotificationConfig(id=config_id, url=url, **more)
    return TaskPushNotificationConfig(task_id=task_id, push_notification_config=config)


@check
async def push_configs(session: Session) -> Any:
    task_id = (await session.send_for_task("hello")).id
    authentication = PushNotificationAuthenticationInfo(schemes=["Bearer"], credentials="secret")
    full = _config(task_id, "first", token="tok", authentication=authentication)
    steps: dict[str, Callable[[], Awaitable[Any]]] = {
        "list nothing": lambda: session.list_configs(task_id),
        "create": lambda: session.set_config(full),
        "create without id": lambda: session.set_config(_config(task_id, None)),
        "get": lambda: session.get_config(task_id, "first"),
        "list": lambda: session.list_configs(task_id),
        "delete": lambda: session.delete_config(task_id, "first"),
        "delete again": lambda: session.delete_config(task_id, "first"),
        "get after delete": lambda: session.get_config(task_id, "first"),
        "list after delete": lambda: session.list_configs(task_id),
    }
    session.names.name("task", task_id)
    return {name: await session.outcome(step()) for name, step in steps.items()}


@check
async def push_config_in_send(session: Session) -> Any:
    task = await session.send_with_config("hello", PushNotificationConfig(id="inline", url=WEBHOOK))
    assert isinstance(task, Task)
    return await session.outcome(session.get_config(task.id, "inline"))


@check
async def push_configs_invalid(session: Session) -> Any:
    return {
        "create for unknown task": await session.outcome(session.set_config(_config(UNKNOWN, "first"))),
        "list for unknown task": await session.outcome(session.list_configs(UNKNOWN)),
        "create without url": await session.outcome(session.set_config(_config(UNKNOWN, None, url=""))),
    }


# Requests an agent must refuse


@check
async def unknown_task(session: Session) -> Any:
    return {
        "get": await session.outcome(session.get(UNKNOWN)),
        "cancel": await session.outcome(session.cancel(UNKNOWN)),
        "subscribe": await session.show_stream(session.subscribe(UNKNOWN)),
        "send": await session.outcome(session.send(session.message("hello", task_id=UNKNOWN))),
        "stream": await session.show_stream(session.stream(session.message("hello", task_id=UNKNOWN))),
    }


@check
async def terminal_task(session: Session) -> Any:
    task = await session.send_for_task("hello")
    session.show(task)
    return {
        "cancel": await session.outcome(session.cancel(task.id)),
        "subscribe": await session.show_stream(session.subscribe(task.id)),
        "send": await session.outcome(session.send(session.message("more", task_id=task.id))),
        "stream": await session.show_stream(session.stream(session.message("more", task_id=task.id))),
    }


@check
async def wrong_context(session: Session) -> Any:
    task = await session.send_for_task("ask")
    session.show(task)
    message = session.message("blue", task_id=task.id, context_id="another-context")
    return {
        "send": await session.outcome(session.send(message)),
        "stream": await session.show_stream(session.stream(message)),
    }


@check
async def no_task_id(session: Session) -> Any:
    return await session.outcome(session.get(""))


@check
async def invalid_request(session: Session) -> Any:
    return {
        "no parts": await session.outcome(session.send(session.message(None))),
        "no parts, streamed": await session.show_stream(session.stream(session.message(None))),
        "negative history": await session.outcome(session.get(UNKNOWN, -1)),
    }
