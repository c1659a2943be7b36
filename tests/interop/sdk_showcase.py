"""The a2a-sdk client before tasks that the gateway owns: `python -m tests.interop.sdk_showcase URL --binding B --do WHAT`.

`stream` reads an answer to its end; `cancel` stops one that is under way, on another call; `status` asks for one in the
meantime; `resume` drops a stream and subscribes; `answer` is asked for something and says it. Prints JSON.
"""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
from a2a.client import A2ACardResolver
from a2a.types import StreamResponse, Task, TaskState

from tests.interop.peers import BINDINGS
from tests.interop.sdk_session import HTTP_TIMEOUT_S, Clients, Session

WITHIN_S = 40.0


class Heard:
    """What a stream has said so far."""

    def __init__(self) -> None:
        self.task_id = ""
        self.text = ""
        self.said: list[str] = []
        self.states: list[str] = []

    def take(self, event: StreamResponse) -> None:
        match event.WhichOneof("payload"):
            case "task":
                self.task_id = event.task.id
                self.text = text_in(event.task)
                self._state(event.task.status)
            case "artifact_update":
                chunk = "".join(part.text for part in event.artifact_update.artifact.parts)
                self.text = self.text + chunk if event.artifact_update.append else chunk
            case "status_update":
                self._state(event.status_update.status)
            case other:
                raise AssertionError(other)

    def _state(self, status: Any) -> None:
        self.states.append(name_of(status.state))
        self.said.extend(part.text for part in status.message.parts)

    def shown(self) -> dict[str, Any]:
        return {"text": self.text, "said": [*self.said], "states": [*self.states]}


def name_of(state: Any) -> str:
    return TaskState.Name(state).removeprefix("TASK_STATE_")


def text_in(task: Task) -> str:
    return "".join(part.text for artifact in task.artifacts for part in artifact.parts)


async def begun(events: AsyncIterator[StreamResponse], heard: Heard) -> None:
    """Reads until something of the answer is there."""
    async for event in events:
        heard.take(event)
        if event.HasField("artifact_update"):
            return


async def stream(session: Session, text: str) -> Any:
    heard = Heard()
    async for event in session.stream(text):
        heard.take(event)
    return heard.shown()


async def cancel(session: Session, text: str) -> Any:
    heard = Heard()
    events = session.stream(text)
    await begun(events, heard)
    canceled = await session.cancel(heard.task_id)
    async for event in events:
        heard.take(event)
    kept = await session.get(heard.task_id)
    return {
        "answer": name_of(canceled.status.state),
        "stream": heard.states[-1],
        "status": name_of(kept.status.state),
        "keeps": text_in(kept) == heard.text != "",
    }


async def status(session: Session, text: str) -> Any:
    heard = Heard()
    events = session.stream(text)
    await begun(events, heard)
    meanwhile = await session.get(heard.task_id)
    async for event in events:
        heard.take(event)
    after = await session.get(heard.task_id)
    return {
        "meanwhile": name_of(meanwhile.status.state),
        "begun": heard.text.startswith(text_in(meanwhile)) and text_in(meanwhile) != "",
        "after": name_of(after.status.state),
        "text": text_in(after),
    }


async def resume(session: Session, text: str) -> Any:
    heard = Heard()
    async with aclosing(session.stream(text)) as events:  # type: ignore[type-var] # its streams are generators
        await begun(events, heard)
    dropped, again = heard.text, Heard()
    async for event in session.subscribe(heard.task_id):
        again.take(event)
    return {"goes_on": again.text.startswith(dropped) and again.text != dropped, **again.shown()}


async def answer(session: Session, text: str) -> Any:
    heard = Heard()
    async for event in session.stream(" "):
        heard.take(event)
    asked = heard.shown()
    async for event in session.stream(session.message(text, task_id=heard.task_id)):
        heard.take(event)
    return {"asked": asked, "answered": heard.shown()}


DOES = {"stream": stream, "cancel": cancel, "status": status, "resume": resume, "answer": answer}


async def run(url: str, binding: str, what: list[str], text: str) -> dict[str, Any]:
    async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_S) as http:
        card = await A2ACardResolver(http, url).get_agent_card()
        clients = Clients(card, binding, http)
        try:
            return {one: await asyncio.wait_for(DOES[one](Session(clients), text), WITHIN_S) for one in what}
        finally:
            await clients.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.interop.sdk_showcase", description=__doc__)
    parser.add_argument("url", metavar="URL", help="where its card is")
    parser.add_argument("--binding", choices=BINDINGS, required=True)
    parser.add_argument("--do", nargs="+", choices=list(DOES), required=True)
    parser.add_argument("--text", required=True)
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(run(arguments.url, arguments.binding, arguments.do, arguments.text))))


if __name__ == "__main__":
    main()
