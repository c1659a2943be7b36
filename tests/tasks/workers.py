"""Workers that do what a test tells them; `python:tests.tasks.workers:Scripted` names the first to a gateway."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable

from gateway.errors import CallerError, ErrorKind
from gateway.worker import Chunk, Work, Worker, Yield, text_of, text_part
from generated.a2a.v1.a2a_pb import Message

Script = Callable[[Work], AsyncGenerator[Yield, Message | None] | AsyncIterator[Yield]]

SCRIPTS: dict[str, Script] = {}
"""By the first word of the message that began the task."""


class Scripted(Worker):
    """Runs the script that the first message of its task names."""

    def __init__(self) -> None:
        self.admitted: list[Work] = []

    def admit(self, work: Work) -> None:
        if text_of(work.message) == "refuse":
            raise CallerError(ErrorKind.INVALID_PARAMS, "this worker refuses")

    def run(self, work: Work) -> AsyncGenerator[Yield, Message | None] | AsyncIterator[Yield]:
        return SCRIPTS[text_of(work.task.history[0]).split()[0]](work)

    async def close(self) -> None:
        SCRIPTS.clear()


class Counting(Worker):
    """Counts: "N" or "N PAUSE_MS" says how far and how fast. Every chunk of its artifact is one number and a space."""

    async def run(self, work: Work) -> AsyncGenerator[Yield, Message | None]:
        count, _, pause_ms = text_of(work.message).partition(" ")
        for number in range(1, int(count) + 1):
            yield Chunk([text_part(f"{number} ")], artifact_id="numbers", last=number == int(count))
            if pause_ms:
                await asyncio.sleep(float(pause_ms) / 1000)


class NoWorker:
    """Has nothing that a worker has."""
