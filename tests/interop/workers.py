"""A worker for the gateway to run: it writes token by token, and does what the first word of a message says."""

import asyncio
from collections.abc import AsyncGenerator

from gateway.worker import Chunk, Data, Metadata, Status, Work, Worker, Yield, text_of, text_part
from generated.a2a.v1.a2a_pb import Message, TaskState


class Talker(Worker):
    """Talks, token by token."""

    async def run(self, work: Work) -> AsyncGenerator[Yield, Message | None]:
        match text_of(work.message).split():
            case ["break", *_]:
                yield "Half a"
                yield " sentence"
                raise RuntimeError("on purpose")
            case ["both", *_]:
                yield "One "
                yield Chunk([text_part("first ")], "text")
                yield "two "
                yield Chunk([text_part("second")], "text", last=True)
                yield "three"
            case ["interrupt", *_]:
                yield "One"
                yield " and"
                yield Status(TaskState.WORKING, "a half.")
                yield "Two"
                yield " more."
            case _:
                for token in ("", "Hel", "lo ", "w\U0001f600r", "ld"):
                    yield token
                    await asyncio.sleep(0.1)  # what comes together is shown as one
                yield Metadata({"model": "small", "seen": [1]})
                yield Data({"n": 1})
                yield Metadata({"seen": [2]})
