"""A relayed task as far as the gateway knows it: from what its agent tells, and from the agent itself when asked."""

import asyncio

from protobuf import Oneof

from gateway.agent import Agent, CallContext
from gateway.errors import GatewayError
from gateway.operations import GET_TASK, TERMINAL_STATES
from generated.a2a.v1.a2a_pb import (
    GetTaskRequest,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskStatus,
    TaskStatusUpdateEvent,
)


class Reported:
    """What is known of one task; nothing is kept of it but what was told last."""

    def __init__(self, ask_s: float) -> None:
        self.agent: Agent | None = None
        """Who is asked for the task, for `ask_s` at most; None where nobody can be."""
        self._ask_s = ask_s
        self._id = ""
        self._context_id = ""
        self._status: TaskStatus | None = None
        self._whole: Task | None = None

    def take(self, response: StreamResponse) -> None:
        """Takes in what the agent told next."""
        match response.payload:
            case Oneof(value=Task() as task):
                self._id, self._context_id, self._status, self._whole = task.id, task.context_id, task.status, task
            case Oneof(value=TaskStatusUpdateEvent() as update):
                self._id, self._context_id, self._status = update.task_id, update.context_id, update.status
                self._whole = None
            case Oneof(value=TaskArtifactUpdateEvent() as update):
                self._id, self._context_id, self._whole = update.task_id, update.context_id, None
            case _:
                pass

    async def task(self) -> Task | None:
        """The task as it stands.

        Where the agent does not answer, who may want its callers' credentials, it is no more than
        ids and status; None where not even that is known.
        """
        if self._whole is not None:
            return self._whole
        asked = await self._asked()
        if asked is not None:
            if self._status is not None and _is_newer(self._status, asked.status):
                asked.status = self._status
            return asked
        if self._status is None:
            return None
        return Task(id=self._id, context_id=self._context_id, status=self._status)

    async def _asked(self) -> Task | None:
        if self.agent is None or not self._id:
            return None
        context = CallContext(deadline=asyncio.get_running_loop().time() + self._ask_s)
        try:
            async with asyncio.timeout(self._ask_s):
                answer = await self.agent.call(GET_TASK, GetTaskRequest(id=self._id), context)
        except (GatewayError, TimeoutError):
            return None
        task = answer.message
        return task if isinstance(task, Task) and task.id == self._id else None


def _is_newer(told: TaskStatus, asked: TaskStatus | None) -> bool:
    """Whether an agent told of a status before it had it itself, as some do. A task that is over stays so."""
    if asked is None:
        return True
    if asked.state in TERMINAL_STATES:
        return False
    if told.state in TERMINAL_STATES or told.timestamp is None or asked.timestamp is None:
        return told.state in TERMINAL_STATES
    return told.timestamp.to_datetime() > asked.timestamp.to_datetime()
