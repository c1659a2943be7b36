"""The behaviour of the SDK agent: one AgentExecutor that does what the first word of the message says.

`BEHAVIOURS` is the list; a word that is not in it gets `answer`. Only `binding` knows of one. `count` waits for
its reader (see `Pace`), because the SDK drops a reader that is more than 1,024 events behind; `flood` does not, so
that the drop itself can be provoked by a reader that stalls.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, cast

from a2a.helpers import new_data_part, new_raw_part, new_task_from_user_message, new_text_part, new_url_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import Event, EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import TaskUpdater
from a2a.types import Message, Part, SendMessageRequest, TaskState

from tests.interop.content import EXTENSION, LINE_SEPARATORS, METADATA, NESTED, RAW, RAW_FILENAME, URL, VALUES

ANSWER = ("The ", "quick ", "brown ", "fox")
SLOW_PAUSE_S = 0.15
SLOW_CHUNKS = 200
MAX_EVENTS_AHEAD = 256
FLOOD_TURN = 64


class Pace:
    """How far the reader of one streaming call has come. `wait` holds a producer back until few events are unread."""

    def __init__(self) -> None:
        self._taken = 0
        self._moved = asyncio.Event()
        self._reading = True

    def took_one(self) -> None:
        self._taken += 1
        self._moved.set()

    def left(self) -> None:
        self._reading = False
        self._moved.set()

    async def wait(self, produced: int) -> None:
        while self._reading and produced - self._taken > MAX_EVENTS_AHEAD:
            self._moved.clear()
            await self._moved.wait()


class PacedRequestHandler(DefaultRequestHandler):
    """The SDK's handler, with a `Pace` in the state of every streaming call."""

    async def on_message_send_stream(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event, None]:
        context.state["pace"] = pace = Pace()
        try:
            # A decorator of the SDK loses the signature.
            stream: AsyncGenerator[Event, None] = cast("Any", super()).on_message_send_stream(params, context)
            async with contextlib.aclosing(stream) as events:
                async for event in events:
                    yield event
                    pace.took_one()
        finally:
            pace.left()


class Turn:
    """One message being answered: what the behaviours below say goes out through here."""

    def __init__(self, context: RequestContext, events: EventQueue) -> None:
        assert context.message
        assert context.task_id
        assert context.context_id
        self.message: Message = context.message
        self.text = context.get_user_input()
        self.task = context.current_task
        self.call = context.call_context
        self.pace: Pace | None = self.call.state.get("pace")
        self.updater = TaskUpdater(events, context.task_id, context.context_id)
        self.events = events

    def argument(self) -> int:
        return int(self.text.split()[1])

    async def open(self) -> None:
        """Announces the task, unless this message continues one, and sets it to work."""
        if self.task is None:
            await self.events.enqueue_event(new_task_from_user_message(self.message))
        await self.updater.start_work(self.say("on it"))

    def say(self, text: str) -> Message:
        return self.updater.new_agent_message([new_text_part(text)])

    async def chunk(self, text: str, *, append: bool, last: bool = False) -> None:
        part = [new_text_part(text)]
        await self.updater.add_artifact(part, artifact_id="answer", name="answer", append=append, last_chunk=last)


async def answer(turn: Turn) -> None:
    await turn.open()
    for number, word in enumerate(ANSWER):
        await turn.chunk(word, append=number > 0, last=number == len(ANSWER) - 1)
    await turn.updater.complete(turn.say("done"))


async def message(turn: Turn) -> None:
    await turn.events.enqueue_event(turn.say("a message, not a task"))


async def binding(turn: Turn) -> None:
    """Says on which binding the agent was asked, and ` 0.3` when it was that version."""
    spoken: str = turn.call.state["binding"]
    # Nothing but the name of its method tells a JSON-RPC call of 0.3 from one of 1.0.
    legacy = " 0.3" if spoken == "JSONRPC" and "/" in turn.call.state["method"] else ""
    await turn.events.enqueue_event(turn.say(spoken + legacy))


async def slow(turn: Turn) -> None:
    await turn.open()
    for number in range(1, SLOW_CHUNKS + 1):
        await turn.chunk(f"{number} ", append=number > 1)
        await asyncio.sleep(SLOW_PAUSE_S)
    await turn.updater.complete()


async def ask(turn: Turn) -> None:
    await turn.open()
    await turn.updater.requires_input(turn.say("which colour?"))


async def resume(turn: Turn) -> None:
    """The second half of `ask`: whatever the next message says is the answer."""
    await turn.open()
    await turn.chunk(f"you said {turn.text}", append=False, last=True)
    await turn.updater.complete()


async def fail(turn: Turn) -> None:
    await turn.open()
    await turn.updater.failed(turn.say("it cannot be done"))


async def crash(turn: Turn) -> None:
    await turn.open()
    await turn.chunk("so far ", append=False)
    raise RuntimeError("the executor crashed")


async def count(turn: Turn) -> None:
    """Each update replaces the artifact: a task that grew would cost the SDK a copy of all of it for every event."""
    await turn.open()
    for number in range(1, turn.argument() + 1):
        await turn.chunk(str(number), append=False)
        if turn.pace is not None:
            await turn.pace.wait(number)
    await turn.updater.complete()


async def flood(turn: Turn) -> None:
    """`count` that waits for nobody: a reader that falls behind loses the rest of the stream."""
    await turn.open()
    for number in range(1, turn.argument() + 1):
        await turn.chunk(str(number), append=False)
        if number % FLOOD_TURN == 0:
            await asyncio.sleep(0)
    await turn.updater.complete()


async def parts(turn: Turn) -> None:
    await turn.open()
    await _artifacts(turn, NESTED)


async def data(turn: Turn) -> None:
    await turn.open()
    await _artifacts(turn, NESTED | LINE_SEPARATORS)


async def _artifacts(turn: Turn, value: dict[str, Any]) -> None:
    kinds: dict[str, list[Part]] = {
        "object": [new_data_part(value, media_type="application/json")],
        "values": [new_data_part(scalar) for scalar in VALUES],
        "bytes": [new_raw_part(RAW, media_type="application/octet-stream", filename=RAW_FILENAME)],
        "link": [new_url_part(URL, media_type="text/html", filename="page.html")],
    }
    for name, of_kind in kinds.items():
        await turn.updater.add_artifact(of_kind, artifact_id=name, name=name, metadata=METADATA, extensions=[EXTENSION])
    await turn.updater.complete()


BEHAVIOURS: dict[str, Callable[[Turn], Awaitable[None]]] = {
    "message": message,
    "binding": binding,
    "slow": slow,
    "ask": ask,
    "fail": fail,
    "crash": crash,
    "count": count,
    "flood": flood,
    "parts": parts,
    "data": data,
}


class InteropExecutor(AgentExecutor):
    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        turn = Turn(context, event_queue)
        if turn.task is not None and turn.task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED:
            await resume(turn)
        else:
            word = turn.text.split()[0] if turn.text.strip() else ""
            await BEHAVIOURS.get(word, answer)(turn)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """The SDK stops `execute` itself, right after this has said how the task ended."""
        assert context.task_id
        assert context.context_id
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()
