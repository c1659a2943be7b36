"""The behaviour of the agent of a2a-sdk 0.3: the words of `sdk_executor`, said with the types of 0.3.

What 0.3 cannot say is said as the SDKs have agreed to: data that is no object goes into `value` of one that is marked
`data_part_compat`.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types import DataPart, FilePart, FileWithBytes, FileWithUri, Message, Part, TaskState, TextPart
from a2a.utils import new_task

from tests.interop.content import EXTENSION, LINE_SEPARATORS, METADATA, NESTED, RAW, RAW_FILENAME, URL, VALUES

ANSWER = ("The ", "quick ", "brown ", "fox")
SLOW_PAUSE_S = 0.15
SLOW_CHUNKS = 200


class Turn:
    """One message being answered: what the behaviours below say goes out through here."""

    def __init__(self, context: RequestContext, events: EventQueue) -> None:
        assert context.message
        assert context.task_id
        assert context.context_id
        assert context.call_context
        self.message: Message = context.message
        self.text = context.get_user_input()
        self.task = context.current_task
        self.state = context.call_context.state
        self.updater = TaskUpdater(events, context.task_id, context.context_id)
        self.events = events

    async def open(self) -> None:
        """Announces the task, unless this message continues one, and sets it to work."""
        if self.task is None:
            await self.events.enqueue_event(new_task(self.message))
        await self.updater.start_work(self.say("on it"))

    def say(self, text: str) -> Message:
        return self.updater.new_agent_message([Part(TextPart(text=text))])

    async def chunk(self, text: str, *, append: bool, last: bool = False) -> None:
        part = [Part(TextPart(text=text))]
        await self.updater.add_artifact(part, artifact_id="answer", name="answer", append=append, last_chunk=last)


async def answer(turn: Turn) -> None:
    await turn.open()
    for number, word in enumerate(ANSWER):
        await turn.chunk(word, append=number > 0, last=number == len(ANSWER) - 1)
    await turn.updater.complete(turn.say("done"))


async def message(turn: Turn) -> None:
    await turn.events.enqueue_event(turn.say("a message, not a task"))


async def binding(turn: Turn) -> None:
    """Says on which binding the agent was asked: what the SDK keeps of a call differs."""
    spoken = "GRPC" if "grpc_context" in turn.state else "JSONRPC" if "method" in turn.state else "HTTP+JSON"
    await turn.events.enqueue_event(turn.say(f"{spoken} 0.3"))


async def slow(turn: Turn) -> None:
    await turn.open()
    for number in range(1, SLOW_CHUNKS + 1):
        await turn.chunk(f"{number} ", append=number > 1)
        await asyncio.sleep(SLOW_PAUSE_S)
    await turn.updater.complete()


async def ask(turn: Turn) -> None:
    """Final, as 0.3 has it: no more comes of this message."""
    await turn.open()
    await turn.updater.requires_input(turn.say("which colour?"), final=True)


async def resume(turn: Turn) -> None:
    """The second half of `ask`: whatever the next message says is the answer."""
    await turn.open()
    await turn.chunk(f"you said {turn.text}", append=False, last=True)
    await turn.updater.complete()


async def fail(turn: Turn) -> None:
    await turn.open()
    await turn.updater.failed(turn.say("it cannot be done"))


async def crash(turn: Turn) -> None:
    """Waits until its events were read: the SDK drops the ones that were not."""
    await turn.open()
    await turn.chunk("so far ", append=False)
    await turn.events.queue.join()
    raise RuntimeError("the executor crashed")


async def count(turn: Turn) -> None:
    """Each update replaces the artifact. The SDK's queue makes this wait for its reader."""
    await turn.open()
    for number in range(1, int(turn.text.split()[1]) + 1):
        await turn.chunk(str(number), append=False)
    await turn.updater.complete()


async def parts(turn: Turn) -> None:
    await turn.open()
    await _artifacts(turn, NESTED)


async def data(turn: Turn) -> None:
    await turn.open()
    await _artifacts(turn, NESTED | LINE_SEPARATORS)


async def _artifacts(turn: Turn, value: dict[str, Any]) -> None:
    encoded = base64.b64encode(RAW).decode()
    kinds: dict[str, list[DataPart] | list[FilePart]] = {
        "object": [DataPart(data=value)],
        "values": [DataPart(data={"value": scalar}, metadata={"data_part_compat": True}) for scalar in VALUES],
        "bytes": [FilePart(file=FileWithBytes(bytes=encoded, mime_type="application/octet-stream", name=RAW_FILENAME))],
        "link": [FilePart(file=FileWithUri(uri=URL, mime_type="text/html", name="page.html"))],
    }
    for name, of_kind in kinds.items():
        await turn.updater.add_artifact(
            [Part(root=one) for one in of_kind], artifact_id=name, name=name, metadata=METADATA, extensions=[EXTENSION]
        )
    await turn.updater.complete()


BEHAVIOURS: dict[str, Callable[[Turn], Awaitable[None]]] = {
    "message": message,
    "binding": binding,
    "slow": slow,
    "ask": ask,
    "fail": fail,
    "crash": crash,
    "count": count,
    "parts": parts,
    "data": data,
}


class InteropExecutor(AgentExecutor):
    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Ends its own stream when it is stopped: the SDK tells the news of `cancel` to the caller of `cancel` alone,
        and would keep every other stream of the task open for ever."""
        turn = Turn(context, event_queue)
        try:
            if turn.task is not None and turn.task.status.state == TaskState.input_required:
                await resume(turn)
            else:
                word = turn.text.split()[0] if turn.text.strip() else ""
                await BEHAVIOURS.get(word, answer)(turn)
        except asyncio.CancelledError:
            await turn.updater.cancel()
            raise

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.task_id
        assert context.context_id
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()
