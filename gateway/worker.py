"""The second port: a `Worker` does the work of tasks that the gateway owns.

Python code of a user is one; so is a gRPC service that knows nothing of A2A. A worker yields what
it produces and is told nothing of stores, subscribers and bindings; the task runtime makes events
of its yields (specification sections 4.1 and 3.1).

    class Translator(Worker):
        async def run(self, work):
            language = yield Ask("Into which language?")
            async for word in translate(text_of(work.message), text_of(language)):
                yield word
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from protobuf import Oneof

from gateway.agent import CallContext
from gateway.codec.jsontext import JsonValue
from generated.a2a.v1.a2a_pb import Artifact, Message, Part, Task, TaskState


@dataclass(frozen=True, slots=True)
class Metadata:
    """More metadata of the message under construction: objects merge, lists concatenate, else the last wins."""

    values: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Data:
    """A data part of the message under construction."""

    value: JsonValue
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an artifact: its parts follow those that came before under the same id.

    The first one makes the artifact; name, description and metadata count there. Text that follows
    text lengthens the same part.
    """

    parts: Sequence[Part]
    artifact_id: str = "result"
    last: bool = False
    name: str = ""
    description: str = ""
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True, slots=True)
class Status:
    """A new state of the task, perhaps with something to say. A terminal one ends the run.

    The message joins what is under construction. After INPUT_REQUIRED or AUTH_REQUIRED a run that
    returns leaves the task waiting, and the caller's next message begins a new run, wherever a
    gateway of the same store is; a run that wants to go on in place yields `Ask` instead.
    """

    state: TaskState
    message: Message | str | None = None
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True, slots=True)
class Ask:
    """Puts the task into INPUT_REQUIRED (`auth`: AUTH_REQUIRED); the yield gives the caller's next message."""

    message: Message | str | None = None
    auth: bool = False


Yield = str | Part | Data | Metadata | Message | Artifact | Chunk | Status | Ask
"""What a worker produces.

`str`, `Part`, `Data` and `Metadata` build one message, which is sent whole when something of
another kind follows or the run ends; callers that speak the delta extension see it grow. A
`Message` is said while working. An `Artifact` is whole; a `Chunk` is a piece of one.
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What a run is about. Everything is a copy: changing it changes no task."""

    task: Task
    """The task as it stood when the run began, with all its history; the message is its last."""
    message: Message
    """What the caller sent."""
    metadata: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    """The metadata of the request, which is not that of the message."""
    output_modes: tuple[str, ...] = ()
    """Media types that the caller can take; empty for any."""
    context: CallContext = field(default_factory=CallContext)
    """The call that began the run: its headers, extensions and deadline."""


class Worker(Protocol):
    """Does tasks. One instance serves all of them, several at once."""

    def admit(self, work: Work) -> None:
        """Looks at a message before there is a task for it, or before it goes to one.

        Raises CallerError to refuse it.
        """

    def run(self, work: Work) -> AsyncGenerator[Yield, Message | None] | AsyncIterator[Yield]:
        """Yields what the task produces; returning completes it.

        An exception fails the task and what was produced stays. Cancelling the task closes the
        generator where it stands. Only after an `Ask` does a yield give something: the next message.
        """
        ...

    async def close(self) -> None:
        """Gives back what the worker holds. Its runs are over by then."""


def text_part(text: str) -> Part:
    return Part(content=Oneof("text", text))


def text_of(message: Message) -> str:
    """The text parts of a message, one after the other."""
    contents = (part.content for part in message.parts)
    return "".join(content.value for content in contents if content is not None and content.field == "text")
