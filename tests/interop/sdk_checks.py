"""What the SDK client tries on an agent: one function per check, in the order they run, collected in `CHECKS`.

A check returns a result that is the same on every run and every route to the agent. Where the number of events depends
on the clock (`slow`), it says whether the chunks were gapless instead of showing them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from a2a.types import (
    Artifact,
    AuthenticationInfo,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    StreamResponse,
    Task,
    TaskPushNotificationConfig,
    TaskState,
)

from tests.interop.sdk_session import Session

Check = Callable[[Session], Awaitable[Any]]
CHECKS: dict[str, Check] = {}

UNKNOWN = "no-such-task"
WEBHOOK = "https://example.com/hook?a=1"


def check(function: Check) -> Check:
    CHECKS[getattr(function, "__name__", "")] = function
    return function


# Cards


def _card(session: Session, card: Any) -> dict[str, Any]:
    shown = session.show(card)
    kept = ("name", "description", "version", "capabilities", "defaultInputModes", "defaultOutputModes", "skills")
    return {key: shown[key] for key in kept if key in shown}


@check
async def card(session: Session) -> Any:
    return _card(session, session.card)


@check
async def extended_card(session: Session) -> Any:
    return _card(session, await session.client.get_extended_agent_card(GetExtendedAgentCardRequest()))


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
    first = await session.send_for_task("hello", return_immediately=True)
    while True:
        task = await session.get(first.id)
        if task.status.state == TaskState.TASK_STATE_COMPLETED:
            return {"first": session.show(first), "last": session.show(task)}


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
    first = asked[0].task
    reply = session.message("blue", task_id=first.id, context_id=first.context_id)
    return {
        "asked": session.show(asked),
        "answered": await session.show_stream(session.stream(reply)),
        "stored": session.show(await session.get(first.id)),
    }


@check
async def input_required_blocking(session: Session) -> Any:
    asked = await session.send_for_task("ask")
    answered = await session.send(session.message("blue", task_id=asked.id))
    return {"asked": session.show(asked), "answered": session.show(answered)}


# Reading


@check
async def get_with_history(session: Session) -> Any:
    task = await session.send_for_task("hello")
    return {str(length): session.show(await session.get(task.id, length)) for length in (None, 0, 1)}


@check
async def list_tasks(session: Session) -> Any:
    context_id = session.new_context()
    for text in ("hello", "fail", "ask"):
        await session.send(session.message(text, context_id=context_id))
    pages: list[Any] = []
    token = ""
    while not pages or token:
        request = ListTasksRequest(context_id=context_id, page_size=1, page_token=token, history_length=0)
        page = await session.client.list_tasks(request)
        pages.append(session.show(page))
        token = page.next_page_token
    whole = ListTasksRequest(context_id=context_id, include_artifacts=True)
    failed = ListTasksRequest(context_id=context_id, status=TaskState.TASK_STATE_FAILED)
    nothing = ListTasksRequest(context_id=session.new_context())
    return {
        "one by one": pages,
        "whole": session.show(await session.client.list_tasks(whole)),
        "failed": session.show(await session.client.list_tasks(failed)),
        "nothing": session.show(await session.client.list_tasks(nothing)),
    }


@check
async def list_tasks_invalid(session: Session) -> Any:
    return {
        "page size 101": await session.outcome(session.client.list_tasks(ListTasksRequest(page_size=101))),
        "page token": await session.outcome(session.client.list_tasks(ListTasksRequest(page_token="nonsense"))),
        "history": await session.outcome(session.client.list_tasks(ListTasksRequest(history_length=-1))),
    }


# Long tasks


def _numbers(artifacts: list[Artifact]) -> list[int]:
    return [int(part.text) for artifact in artifacts for part in artifact.parts]


async def _open_slow(session: Session) -> tuple[AsyncIterator[StreamResponse], list[StreamResponse], str]:
    """A stream of a slow task, the events up to its first chunk, and the id of the task."""
    events = session.stream("slow")
    seen: list[StreamResponse] = []
    async for event in events:
        seen.append(event)
        if event.HasField("artifact_update"):
            break
    return events, seen, seen[0].task.id


def _gapless(numbers: list[int], *, start: int | None = 1) -> bool:
    first = start if start is not None else next(iter(numbers), 0)
    return numbers == list(range(first, first + len(numbers)))


def _slow_result(session: Session, seen: list[StreamResponse], *, start: int | None = 1) -> dict[str, Any]:
    """Events without the chunks, of which only matters that none was missed, doubled or moved.

    The subscription of an agent of 0.3 need not begin with the task as it is: then `start` is None, and only later
    gaps count.
    """
    snapshot: list[Artifact] = list(seen[0].task.artifacts) if seen[0].HasField("task") else []
    live = [event.artifact_update.artifact for event in seen if event.HasField("artifact_update")]
    others = [_without_artifacts(event) for event in seen if not event.HasField("artifact_update")]
    return {
        "events": session.show(others),
        "live chunks": bool(live),
        "gapless": _gapless(_numbers([*snapshot, *live]), start=1 if seen[0].HasField("task") else start),
    }


def _without_artifacts(event: StreamResponse) -> StreamResponse:
    copy = StreamResponse()
    copy.CopyFrom(event)
    if copy.HasField("task"):
        copy.task.ClearField("artifacts")
    return copy


def _slow_task(session: Session, task: Task) -> Any:
    numbers = _numbers(list(task.artifacts))
    copy = Task()
    copy.CopyFrom(task)
    copy.ClearField("artifacts")
    return {"task": session.show(copy), "gapless": bool(numbers) and _gapless(numbers)}


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
    subscribed: list[StreamResponse] = []
    canceled = False
    async for event in session.subscribe(task_id):
        subscribed.append(event)
        if event.HasField("artifact_update") and not canceled:
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
    return {"canceled": session.show(await session.cancel(task.id)), "stored": session.show(await session.get(task.id))}


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
    return {"stream": streamed, "stored": session.show(await session.get(remembered[0].task.id))}


async def _remembered(events: AsyncIterator[StreamResponse], into: list[StreamResponse]) -> AsyncIterator[StreamResponse]:
    async for event in events:
        into.append(event)
        yield event


@check
async def crash_blocking(session: Session) -> Any:
    return await session.outcome(session.send("crash"))


# Push notification configurations


def _config(task_id: str, config_id: str, **more: Any) -> TaskPushNotificationConfig:
    return TaskPushNotificationConfig(task_id=task_id, id=config_id, url=WEBHOOK, **more)


@check
async def push_configs(session: Session) -> Any:
    client = session.client
    task = await session.send_for_task("hello")
    full = _config(
        task.id, "first", token="tok", authentication=AuthenticationInfo(scheme="Bearer", credentials="secret")
    )
    get = GetTaskPushNotificationConfigRequest(task_id=task.id, id="first")
    listing = ListTaskPushNotificationConfigsRequest(task_id=task.id)
    delete = DeleteTaskPushNotificationConfigRequest(task_id=task.id, id="first")
    steps: dict[str, Callable[[], Awaitable[Any]]] = {
        "list nothing": lambda: client.list_task_push_notification_configs(listing),
        "create": lambda: client.create_task_push_notification_config(full),
        "create without id": lambda: client.create_task_push_notification_config(_config(task.id, "")),
        "get": lambda: client.get_task_push_notification_config(get),
        "list": lambda: client.list_task_push_notification_configs(listing),
        "delete": lambda: client.delete_task_push_notification_config(delete),
        "delete again": lambda: client.delete_task_push_notification_config(delete),
        "get after delete": lambda: client.get_task_push_notification_config(get),
        "list after delete": lambda: client.list_task_push_notification_configs(listing),
    }
    return {name: await session.outcome(step()) for name, step in steps.items()}


@check
async def push_config_in_send(session: Session) -> Any:
    task = await session.send_for_task("hello", task_push_notification_config=_config("", "inline"))
    get = GetTaskPushNotificationConfigRequest(task_id=task.id, id="inline")
    return await session.outcome(session.client.get_task_push_notification_config(get))


@check
async def push_configs_invalid(session: Session) -> Any:
    client = session.client
    unknown = ListTaskPushNotificationConfigsRequest(task_id=UNKNOWN)
    nothing = TaskPushNotificationConfig(task_id=UNKNOWN)
    return {
        "create for unknown task": await session.outcome(
            client.create_task_push_notification_config(_config(UNKNOWN, "first"))
        ),
        "list for unknown task": await session.outcome(client.list_task_push_notification_configs(unknown)),
        "create without url": await session.outcome(client.create_task_push_notification_config(nothing)),
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
    no_role = session.message("hello")
    no_role.ClearField("role")
    return {
        "no parts": await session.outcome(session.send(session.message(None))),
        "no parts, streamed": await session.show_stream(session.stream(session.message(None))),
        "no role": await session.outcome(session.send(no_role)),
        "negative history": await session.outcome(session.get(UNKNOWN, -1)),
    }
