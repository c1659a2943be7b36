"""What an agent that speaks A2A 0.3 cannot be asked: a list of tasks, and to leave the history out."""

from protobuf import Message

from gateway.agent import Agent, Answer, Burst, CallContext, Head, Stream
from gateway.errors import CallerError, ErrorKind
from gateway.operations import LIST_TASKS, Operation
from generated.a2a.v1.a2a_pb import (
    AgentCard,
    GetTaskRequest,
    SendMessageConfiguration,
    SendMessageRequest,
    SendMessageResponse,
    StreamResponse,
    Task,
)


class OldAgent:
    """An Agent that speaks 0.3, which has no list of tasks and cannot be told to leave the history out."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        if operation is LIST_TASKS:
            raise CallerError(ErrorKind.UNSUPPORTED_OPERATION, "The agent speaks A2A 0.3, which lists no tasks")
        answer = await self._agent.call(operation, request, context)
        if _wants_no_history(request):
            _leave_history_out(answer.message)
        return answer

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        stream = await self._agent.open(operation, request, context)
        return _WithoutHistory(stream) if _wants_no_history(request) else stream

    async def card(self, context: CallContext) -> AgentCard:
        return await self._agent.card(context)

    async def close(self) -> None:
        await self._agent.close()


class _WithoutHistory:
    """A stream whose tasks come without their history."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    @property
    def head(self) -> Head:
        return self._stream.head

    async def burst(self) -> Burst | None:
        burst = await self._stream.burst()
        for event in burst or ():
            _leave_history_out(event.response)
        return burst

    async def close(self) -> None:
        await self._stream.close()


def _wants_no_history(request: Message) -> bool:
    match request:
        case SendMessageRequest(configuration=SendMessageConfiguration() as asking):
            return asking.has_field("history_length") and asking.history_length == 0
        case GetTaskRequest():
            return request.has_field("history_length") and request.history_length == 0
        case _:
            return False


def _leave_history_out(answer: Message) -> None:
    answers = isinstance(answer, SendMessageResponse | StreamResponse)
    task = answer.payload.value if answers and answer.payload else answer
    if isinstance(task, Task):
        task.history = []
