"""What the example agent is and says; nothing here knows on which binding it is asked.

It repeats what it was told and adds a remark, word by word, with pauses as a language model makes
them. A message with "ask me" in it is answered by a question, one with "fail" in it ends badly.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from examples.model import A2AError, Artifact, Json, Message, Reason, Role, TaskState
from examples.tasks import TaskRecord, Tasks


def agent_card(url: str, protocol_binding: str) -> Json:
    """The agent card in A2A's JSON form (specification section 4.4)."""
    return {
        "name": "Example agent",
        "description": "Repeats what it is told, one word at a time.",
        "supportedInterfaces": [
            {"url": url, "protocolBinding": protocol_binding, "protocolVersion": "1.0"}
        ],
        "version": "1.0.0",
        "capabilities": {"streaming": True, "pushNotifications": False, "extendedAgentCard": True},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [
            {
                "id": "answer",
                "name": "Answer",
                "description": "Answers a message with its own words and a remark on them.",
                "tags": ["example", "streaming"],
                "examples": ["Good morning!", "Please ask me something.", "Please fail."],
            }
        ],
    }


@dataclass(frozen=True, slots=True)
class Answer:
    """The words to say, and how the task stands after them."""

    words: list[str]
    state: TaskState = TaskState.COMPLETED
    saying: str = ""


def answer_to(text: str) -> Answer:
    if "ask me" in text.lower():
        return Answer([], TaskState.INPUT_REQUIRED, "What would you like me to repeat?")
    words = _words(_reply(text.strip()))
    if "fail" in text.lower():
        return Answer(words[:4], TaskState.FAILED, "I lost the thread, as I was told to.")
    return Answer(words)


def _reply(text: str) -> str:
    end = "" if text.endswith((".", "!", "?")) else "."
    count = len(text.split())
    return (
        f"You said: {text}{end} That makes {count} {'word' if count == 1 else 'words'}. "
        "I am only an example, so I know no more; but every word reached you as soon as I had it."
    )


def _words(text: str) -> list[str]:
    """The words of `text`, each with the space that follows it: joined they are `text` again."""
    return re.findall(r"\S+\s*", text)


class AnsweringAgent:
    """Takes messages and works on their tasks. `pause_s` is how long it thinks before each word."""

    def __init__(self, pause_s: float) -> None:
        self.tasks = Tasks()
        self._pause_s = pause_s

    def receive(self, message: Message) -> TaskRecord:
        """The task that `message` began or continued, already at work.

        Raises A2AError when the message is not one this agent can take.
        """
        if not message.message_id or not message.parts:
            raise A2AError(
                Reason.INVALID_PARAMS, "a message needs a messageId and at least one part"
            )
        if message.role is not Role.USER:
            raise A2AError(Reason.INVALID_PARAMS, "a message to an agent has the role ROLE_USER")
        if message.task_id:
            record = self.tasks.find(message.task_id)
            record.resume(message)
        else:
            record = TaskRecord(message)
            self.tasks.add(record)
        record.start(self._work_on(record, message.text))
        return record

    async def _work_on(self, record: TaskRecord, text: str) -> None:
        record.move_to(TaskState.WORKING)
        try:
            await self._say(record, answer_to(text))
        except Exception:
            record.move_to(TaskState.FAILED, "The agent broke down.")
            raise

    async def _say(self, record: TaskRecord, answer: Answer) -> None:
        complete = answer.state is TaskState.COMPLETED
        for number, word in enumerate(answer.words, start=1):
            await asyncio.sleep(self._pause_s)
            record.add_to(
                Artifact("answer", "Answer", (word,)),
                append=number > 1,
                last_chunk=complete and number == len(answer.words),
            )
        await asyncio.sleep(self._pause_s)
        record.move_to(answer.state, answer.saying)
