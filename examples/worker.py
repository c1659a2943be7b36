"""An agent in a page of Python: a worker whose tasks the gateway owns.

    a2a-gateway serve --agent poet=python:examples.worker:Poet
    a2a-gateway stream http://127.0.0.1:8080 "a poem about rain"
"""

import asyncio
from collections.abc import AsyncGenerator

from gateway.worker import Ask, Chunk, Status, Work, Worker, Yield, text_of, text_part
from generated.a2a.v1.a2a_pb import Message, TaskState


class Poet(Worker):
    """Writes a few lines about anything, word by word."""

    async def run(self, work: Work) -> AsyncGenerator[Yield, Message | None]:
        subject = text_of(work.message).strip()
        if not subject:
            # The task waits; what the caller sends next is what the yield gives.
            answer = yield Ask("What shall it be about?")
            assert answer is not None
            subject = text_of(answer).strip()
        yield Status(TaskState.WORKING, "I am thinking of a first line.")
        for line in (f"Of {subject} I sing,", f"for {subject} is all there is", "until the next request."):
            for word in line.split():
                yield Chunk([text_part(f"{word} ")], artifact_id="poem", name="A poem")
                await asyncio.sleep(0.05)
            yield Chunk([text_part("\n")], artifact_id="poem")
        # What is yielded as text becomes the message that the task ends with.
        yield f"That was a poem about {subject}."
