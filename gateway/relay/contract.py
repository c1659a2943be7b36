"""The stream contract of A2A, held against what an agent really streams (sections 3.1.2 and 3.1.6).

A stream is one message, or a task and then its updates until the task is terminal or interrupted.
A message that continues a task may be answered by updates of that task at once. An agent that
breaks this gets InvalidAgentResponse in its name, once; nothing is invented, and a stream that just
stops never looks like one that ended.
"""

from enum import Enum, auto

from protobuf import Message, Oneof

from gateway.agent import Agent, Answer, Burst, CallContext, Event, Head, Stream
from gateway.errors import AgentError, ErrorKind, GatewayError
from gateway.operations import INTERRUPTED_STATES, SUBSCRIBE_TO_TASK, TERMINAL_STATES, Operation
from generated.a2a.v1.a2a_pb import (
    AgentCard,
    SendMessageRequest,
    SendMessageResponse,
    SubscribeToTaskRequest,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatusUpdateEvent,
)
from generated.a2a.v1.a2a_pb import Message as A2AMessage


class Phase(Enum):
    """How far a stream has come."""

    EMPTY = auto()
    """Nothing came yet."""
    MESSAGE = auto()
    """The one message came; nothing may follow."""
    TASK = auto()
    """A task is under way."""


class StreamContract:
    """Follows the stream that a request opened.

    `lenient` lets it begin with an update, whatever the request was.
    """

    def __init__(self, operation: Operation, request: Message, *, lenient: bool = False) -> None:
        self._subscribes = operation is SUBSCRIBE_TO_TASK
        self._lenient = lenient
        self._phase = Phase.EMPTY
        self._continued = _continued(request)
        self._task_id: str = request.id if isinstance(request, SubscribeToTaskRequest) else self._continued
        self._state: TaskState = TaskState.UNSPECIFIED

    def kept(self, burst: Burst) -> tuple[Burst, GatewayError | None]:
        """The next events up to the first that the agent may not send, and what is wrong with that."""
        for number, event in enumerate(burst):
            try:
                self.check(event)
            except AgentError as error:
                return burst[:number], error
        return burst, None

    def check(self, event: Event) -> None:
        """Takes the next event. Raises AgentError where the agent may not send it."""
        match event.response.payload:
            case Oneof(value=TaskArtifactUpdateEvent() as update):
                self._update(update.task_id)
            case Oneof(value=TaskStatusUpdateEvent() as update):
                self._update(update.task_id)
                self._state = update.status.state if update.status else TaskState.UNSPECIFIED
            case Oneof(value=Task() as task):
                self._task(task)
            case Oneof(value=A2AMessage()):
                self._message()
            case _:
                raise _broken("an event that holds nothing")

    def end(self) -> None:
        """Takes the end of the stream. Raises AgentError where it ended too soon."""
        if self._phase is Phase.EMPTY:
            raise _broken("a stream without an event")
        if self._phase is Phase.TASK and self._state not in TERMINAL_STATES | INTERRUPTED_STATES:
            raise _broken(f"the end of the stream while task {self._task_id} was {_name(self._state)}")

    def _task(self, task: Task) -> None:
        state = task.status.state if task.status else TaskState.UNSPECIFIED
        if self._phase is Phase.MESSAGE:
            raise _broken("a task after a message")
        if self._task_id and task.id != self._task_id and (self._subscribes or self._phase is Phase.TASK):
            raise _broken(f"task {task.id} in the stream of task {self._task_id}")
        if self._phase is Phase.TASK and self._state in TERMINAL_STATES and state is not self._state:
            raise _broken(f"{_name(state)} after {_name(self._state)}")
        self._phase, self._task_id, self._state = Phase.TASK, task.id, state

    def _message(self) -> None:
        if self._phase is not Phase.EMPTY or self._subscribes:
            of_task = self._subscribes or self._phase is Phase.TASK
            raise _broken("a message in the stream of a task" if of_task else "a second message")
        self._phase = Phase.MESSAGE

    def _update(self, task_id: str) -> None:
        match self._phase:
            case Phase.TASK:
                if task_id != self._task_id:
                    raise _broken(f"an update of task {task_id} in the stream of task {self._task_id}")
                if self._state in TERMINAL_STATES:
                    raise _broken(f"an update after {_name(self._state)}")
            case Phase.EMPTY if self._lenient or (task_id and task_id == self._continued):
                self._phase, self._task_id, self._state = Phase.TASK, task_id, TaskState.WORKING
            case Phase.EMPTY:
                raise _broken("an update before the task (`stream_contract: lenient` lets that pass)")
            case Phase.MESSAGE:
                raise _broken("an update after a message")


class ContractedStream:
    """A stream that keeps the contract, or fails."""

    def __init__(self, stream: Stream, contract: StreamContract) -> None:
        self._stream = stream
        self._contract = contract
        self._failure: GatewayError | None = None

    @property
    def head(self) -> Head:
        return self._stream.head

    async def burst(self) -> Burst | None:
        if self._failure is None:
            burst = await self._stream.burst()
            if burst is None:
                self._contract.end()
                return None
            burst, self._failure = self._contract.kept(burst)
            if burst:
                return burst
        assert self._failure is not None
        raise self._failure

    async def close(self) -> None:
        await self._stream.close()


class Contracted:
    """An Agent whose streams and answers keep the contract, or fail."""

    def __init__(self, agent: Agent, *, lenient: bool = False) -> None:
        self._agent = agent
        self._lenient = lenient

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        answer = await self._agent.call(operation, request, context)
        if isinstance(answer.message, SendMessageResponse) and answer.message.payload is None:
            raise _broken("neither a task nor a message")
        return answer

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        stream = await self._agent.open(operation, request, context)
        # 0.3 lets a stream that is taken up again begin with whatever comes next.
        lenient = self._lenient or stream.head.version == "0.3"
        return ContractedStream(stream, StreamContract(operation, request, lenient=lenient))

    async def card(self, context: CallContext) -> AgentCard:
        return await self._agent.card(context)

    async def close(self) -> None:
        await self._agent.close()


def _continued(request: Message) -> str:
    """The task that a sent message goes on with, whose state its caller knows; empty for none."""
    if isinstance(request, SendMessageRequest) and request.message is not None:
        return request.message.task_id
    return ""


def _broken(what: str) -> AgentError:
    return AgentError(ErrorKind.INVALID_AGENT_RESPONSE, f"The agent sent {what}")


def _name(state: TaskState) -> str:
    return f"TASK_STATE_{state.name}"
