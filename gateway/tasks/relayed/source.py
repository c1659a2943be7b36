"""One task as its agent gives it: the stream of its updates, taken up wherever that is possible, and its snapshot."""

from dataclasses import dataclass, replace
from typing import cast

from protobuf import Oneof

from gateway.agent import Agent, Burst, CallContext, Event, Stream
from gateway.errors import AgentError, ErrorKind
from gateway.operations import GET_TASK, SUBSCRIBE_TO_TASK
from gateway.relay.contract import StreamContract
from gateway.tasks.following import CURSOR
from generated.a2a.v1.a2a_pb import GetTaskRequest, SubscribeToTaskRequest, Task

BREAKS = frozenset(
    {
        ErrorKind.UNAVAILABLE,
        ErrorKind.CANCELLED,
        ErrorKind.ABORTED,
        ErrorKind.UNKNOWN,
        ErrorKind.INTERNAL_ERROR,
        ErrorKind.DEADLINE_EXCEEDED,
    }
)
"""How an agent's stream ends without a word on the task: it is worth asking again."""

REFUSALS = frozenset({ErrorKind.UNAUTHENTICATED, ErrorKind.PERMISSION_DENIED})
"""The agent wants somebody else to ask."""


class Cut(AgentError):
    """A stream ended where the task goes on, or could not be taken up though the task goes on."""


@dataclass(slots=True)
class Attachment:
    """A stream of the task's updates that has begun."""

    stream: Stream
    contract: StreamContract
    backlog: Burst = ()
    """Events that were read from it already and still count."""
    mends: bool = False
    """Whether there was a stream before it, so that what it brings first may be what that one lost."""
    tells: bool = True
    """Whether its events join what came before; else only the task's snapshot says what is new."""

    async def burst(self) -> Burst | None:
        """The next events; None once the stream has ended where it may. Raises AgentError."""
        if self.backlog:
            backlog, self.backlog = self.backlog, ()
            return backlog
        burst = await self.stream.burst()
        if burst is None:
            try:
                self.contract.end()
            except AgentError as error:
                raise Cut(error.kind, error.message) from None
        return burst

    async def close(self) -> None:
        await self.stream.close()


class Source:
    """Asks an agent for one of its tasks, in the name of whoever read it last."""

    def __init__(self, agent: Agent, task_id: str, context: CallContext, *, lenient: bool) -> None:
        self.context = context
        self.cursor = ""
        """Where the agent's own cursors, if it gives any, say that we are."""
        self._agent = agent
        self._task_id = task_id
        self._lenient = lenient

    async def task(self) -> Task:
        """The task with its whole history. Raises AgentError."""
        answer = await self._agent.call(GET_TASK, GetTaskRequest(id=self._task_id), self.context)
        return cast(Task, answer.message)

    async def subscribed(self) -> Attachment | None:
        """The stream taken up again, with its first events; None where it ended without any. Raises AgentError."""
        cursor = self.cursor
        try:
            return await self._subscribed(cursor)
        except AgentError as error:
            if not cursor or error.kind in BREAKS | REFUSALS:
                raise
            # It may be the cursor that the agent does not like.
            self.cursor = ""
            return await self._subscribed("")

    async def _subscribed(self, cursor: str) -> Attachment | None:
        request = SubscribeToTaskRequest(id=self._task_id)
        context = self.context
        if cursor:
            context = replace(context, headers={**context.headers, CURSOR: cursor})
        stream = await self._agent.open(SUBSCRIBE_TO_TASK, request, context)
        try:
            burst = await stream.burst()
            if burst is None:
                await stream.close()
                return None
            # One that goes on from a cursor, or speaks 0.3, begins with whatever comes next.
            lenient = self._lenient or bool(cursor) or stream.head.version == "0.3"
            attachment = Attachment(stream, StreamContract(SUBSCRIBE_TO_TASK, request, lenient=lenient), burst)
            attachment.mends = True
            attachment.tells = task_of(burst[0]) is not None or bool(cursor and burst[0].cursor)
        except BaseException:
            await stream.close()
            raise
        return attachment


def task_of(event: Event) -> Task | None:
    """The task that an event is; None where it is something else."""
    match event.response.payload:
        case Oneof(value=Task() as task):
            return task
        case _:
            return None
