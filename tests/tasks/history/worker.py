"""The worker whose events are numbered, so that whoever saw them can say what was missing."""

import asyncio
from collections.abc import AsyncGenerator

from gateway.worker import Ask, Chunk, Status, Work, Worker, Yield, text_of, text_part
from generated.a2a.v1.a2a_pb import Message, Role, TaskState


class Historian(Worker):
    """`count N PAUSE_MS` counts. `talk N` asks N times in place, `wait N` asks N times and returns each time."""

    async def run(self, work: Work) -> AsyncGenerator[Yield, Message | None]:
        kind, count, *more = text_of(work.task.history[0]).split()
        match kind:
            case "count":
                for number in range(1, int(count) + 1):
                    yield Chunk([text_part(f"{number} ")])
                    await asyncio.sleep(float(more[0]) / 1000)
            case "talk":
                if work.message.message_id != work.task.history[0].message_id:
                    # Said while the run before was about to end.
                    yield heard(work.message)
                for _ in range(int(count)):
                    answer = yield Ask("and?")
                    assert answer is not None
                    yield heard(answer)
            case _:
                asked = sum(message.role is Role.USER for message in work.task.history) - 1
                if asked:
                    yield heard(work.message)
                if asked < int(count):
                    yield Status(TaskState.INPUT_REQUIRED, "and?")


def heard(message: Message) -> Chunk:
    return Chunk([text_part(f"{text_of(message)} ")])
