"""The stream contract as a table: what an agent may stream, and what it is told where it may not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from protobuf import Message

from gateway.agent import Answer, Burst, CallContext, Event, Head
from gateway.errors import AgentError, ErrorKind, GatewayError
from gateway.operations import (
    GET_TASK,
    INTERRUPTED_STATES,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    TERMINAL_STATES,
    Operation,
)
from gateway.relay.contract import Contracted, ContractedStream, StreamContract
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes.events import (
    CANCELED,
    COMPLETED,
    FAILED,
    INPUT_REQUIRED,
    WORKING,
    Json,
    artifact,
    message,
    status,
    task,
)

OK = ""
SUBMITTED = "TASK_STATE_SUBMITTED"
OPEN_END = "the end of the stream while task task-1 was {}"
TOO_EARLY = "an update before the task (`stream_contract: lenient` lets that pass)"

NEW = a2a.SendMessageRequest(message=a2a.Message(message_id="m"))
CONTINUING = a2a.SendMessageRequest(message=a2a.Message(message_id="m", task_id="task-1"))
SUBSCRIBING = a2a.SubscribeToTaskRequest(id="task-1")


@dataclass(frozen=True)
class Row:
    events: Sequence[Json]
    new: str
    """What comes of them where the message begins something: nothing wrong, or what is said."""
    continuing: str | None = None
    """Where it continues task-1; None: the same."""
    subscribing: str | None = None
    """Where the request subscribes to task-1; None: the same."""
    lenient: str | None = None
    """Where the contract is lenient and the message begins something; None: the same."""


NO_MESSAGE = "a message in the stream of a task"

ROWS: dict[str, Row] = {
    "nothing": Row([], "a stream without an event"),
    "an event that holds nothing": Row([{}], "an event that holds nothing"),
    "a message": Row([message()], OK, subscribing=NO_MESSAGE),
    "a message and another": Row([message(), message()], "a second message", subscribing=NO_MESSAGE),
    "a message and a task": Row([message(), task()], "a task after a message", subscribing=NO_MESSAGE),
    "a message and an update": Row([message(), status()], "an update after a message", subscribing=NO_MESSAGE),
    "a message and an artifact": Row([message(), artifact()], "an update after a message", subscribing=NO_MESSAGE),
    "a task that is done": Row([task(state=COMPLETED)], OK),
    "a task that is not": Row([task(state=SUBMITTED)], OPEN_END.format(SUBMITTED)),
    "a task without a status": Row([{"task": {"id": "task-1"}}], OPEN_END.format("TASK_STATE_UNSPECIFIED")),
    "a task that is worked on": Row([task(state=SUBMITTED), status()], OPEN_END.format(WORKING)),
    "a task and its artifact": Row([task(), artifact()], OPEN_END.format(WORKING)),
    "a task to its end": Row(
        [task(state=SUBMITTED), status(), artifact(), artifact(append=True), status(COMPLETED)], OK
    ),
    "a task to its failure": Row([task(), status(FAILED)], OK),
    "a task that asks": Row([task(), status(INPUT_REQUIRED)], OK),
    "a task that asks and goes on": Row([task(), status(INPUT_REQUIRED), status(), artifact(), status(COMPLETED)], OK),
    "a task that asks, goes on and stops": Row([task(), status(INPUT_REQUIRED), status()], OPEN_END.format(WORKING)),
    "a status without a state": Row(
        [task(), {"statusUpdate": {"taskId": "task-1"}}], OPEN_END.format("TASK_STATE_UNSPECIFIED")
    ),
    "a task and a message": Row([task(), message()], NO_MESSAGE),
    "a done task and a message": Row([task(state=COMPLETED), message()], NO_MESSAGE),
    "a task again": Row([task(), task(), status(COMPLETED)], OK),
    "a task again, further on": Row([task(), task(state=COMPLETED)], OK),
    "a done task again": Row([task(), status(COMPLETED), task(state=COMPLETED)], OK),
    "a done task that is not done": Row(
        [task(), status(COMPLETED), task(state=WORKING)], "TASK_STATE_WORKING after TASK_STATE_COMPLETED"
    ),
    "a done task done otherwise": Row(
        [task(state=COMPLETED), task(state=FAILED)], "TASK_STATE_FAILED after TASK_STATE_COMPLETED"
    ),
    "another task": Row([task(), task("task-2")], "task task-2 in the stream of task task-1"),
    "an update of another task": Row(
        [task(), status(task_id="task-2")], "an update of task task-2 in the stream of task task-1"
    ),
    "an artifact of another task": Row(
        [task(), artifact(task_id="task-2")], "an update of task task-2 in the stream of task task-1"
    ),
    "an update of no task": Row([task(), status(task_id="")], "an update of task  in the stream of task task-1"),
    "an update after the end": Row([task(), status(COMPLETED), status()], "an update after TASK_STATE_COMPLETED"),
    "an artifact after the end": Row([task(), status(FAILED), artifact()], "an update after TASK_STATE_FAILED"),
    "the end twice": Row([task(), status(CANCELED), status(CANCELED)], "an update after TASK_STATE_CANCELED"),
    "an update first": Row([status(), status(COMPLETED)], TOO_EARLY, continuing=OK, subscribing=TOO_EARLY, lenient=OK),
    "an artifact first": Row(
        [artifact(), status(COMPLETED)], TOO_EARLY, continuing=OK, subscribing=TOO_EARLY, lenient=OK
    ),
    "an artifact first, and no end": Row(
        [artifact()], TOO_EARLY, OPEN_END.format(WORKING), TOO_EARLY, OPEN_END.format(WORKING)
    ),
    "a last update first": Row([status(COMPLETED)], TOO_EARLY, continuing=OK, subscribing=TOO_EARLY, lenient=OK),
    "an update of another task first": Row(
        [status(COMPLETED, task_id="task-2")], TOO_EARLY, TOO_EARLY, TOO_EARLY, lenient=OK
    ),
    "an update of no task first": Row([status(COMPLETED, task_id="")], TOO_EARLY, TOO_EARLY, TOO_EARLY, lenient=OK),
    "updates of two tasks": Row(
        [status(), status(COMPLETED, task_id="task-2")],
        TOO_EARLY,
        "an update of task task-2 in the stream of task task-1",
        TOO_EARLY,
        "an update of task task-2 in the stream of task task-1",
    ),
    "an update first and then the task": Row(
        [status(), task(state=COMPLETED)], TOO_EARLY, continuing=OK, subscribing=TOO_EARLY, lenient=OK
    ),
}

for state in (*TERMINAL_STATES, *INTERRUPTED_STATES):
    ROWS[f"the end in {state.name}"] = Row([task(), status(f"TASK_STATE_{state.name}")], OK)


def event(value: Json) -> Event:
    return Event(a2a.StreamResponse.from_json(json.dumps(value)))


def outcome(contract: StreamContract, events: Sequence[Json]) -> str:
    """What is said of a stream: nothing, or what the agent should not have sent."""
    try:
        for given in map(event, events):
            contract.check(given)
        contract.end()
    except AgentError as error:
        return str(error).removeprefix("INVALID_AGENT_RESPONSE: The agent sent ")
    return OK


@pytest.mark.parametrize("stream", ROWS)
def test_of_a_message_that_begins_something(stream: str) -> None:
    row = ROWS[stream]
    assert outcome(StreamContract(SEND_STREAMING_MESSAGE, NEW), row.events) == row.new


@pytest.mark.parametrize("stream", ROWS)
def test_of_a_message_that_begins_something_leniently(stream: str) -> None:
    row = ROWS[stream]
    expected = row.new if row.lenient is None else row.lenient
    assert outcome(StreamContract(SEND_STREAMING_MESSAGE, NEW, lenient=True), row.events) == expected


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("stream", ROWS)
def test_of_a_message_that_continues_a_task(stream: str, lenient: bool) -> None:
    row = ROWS[stream]
    strict = row.new if row.continuing is None else row.continuing
    expected = row.lenient if lenient and row.lenient is not None else strict
    assert outcome(StreamContract(SEND_STREAMING_MESSAGE, CONTINUING, lenient=lenient), row.events) == expected


@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("stream", ROWS)
def test_of_a_subscription(stream: str, lenient: bool) -> None:
    row = ROWS[stream]
    strict = row.new if row.subscribing is None else row.subscribing
    expected = row.lenient if lenient and row.lenient is not None else strict
    assert outcome(StreamContract(SUBSCRIBE_TO_TASK, SUBSCRIBING, lenient=lenient), row.events) == expected


def test_every_state_is_final_or_not() -> None:
    assert set(a2a.TaskState) - TERMINAL_STATES - INTERRUPTED_STATES == {
        a2a.TaskState.UNSPECIFIED,
        a2a.TaskState.SUBMITTED,
        a2a.TaskState.WORKING,
    }


# As an agent


class Scripted:
    """An agent whose one stream brings these bursts and then ends, or fails."""

    def __init__(
        self, *bursts: Sequence[Json], failure: GatewayError | None = None, answer: Message | None = None
    ) -> None:
        self.head = Head(("https://example.com/e",))
        self.closed = 0
        self._bursts = [[event(value) for value in burst] for burst in bursts]
        self._failure = failure
        self._answer = answer

    async def burst(self) -> Burst | None:
        if self._bursts:
            return self._bursts.pop(0)
        if self._failure:
            raise self._failure
        return None

    async def open(self, operation: Operation, request: Message, context: CallContext) -> "Scripted":
        return self

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        assert self._answer is not None
        return Answer(self._answer, self.head)

    async def card(self, context: CallContext) -> a2a.AgentCard:
        return a2a.AgentCard(name="scripted")

    async def close(self) -> None:
        self.closed += 1


async def opened(agent: Scripted, *, lenient: bool = False) -> ContractedStream:
    stream = await Contracted(agent, lenient=lenient).open(SEND_STREAMING_MESSAGE, NEW, CallContext())
    assert isinstance(stream, ContractedStream)
    return stream


@pytest.mark.anyio
async def test_what_came_before_a_breach_is_given_before_it_is_told() -> None:
    stream = await opened(Scripted([task()], [artifact(), message(), artifact()], [status(COMPLETED)]))
    assert await stream.burst() == [event(task())]
    assert await stream.burst() == [event(artifact())]
    for _ in range(2):
        with pytest.raises(AgentError, match="a message in the stream of a task"):
            await stream.burst()


@pytest.mark.anyio
async def test_a_breach_at_the_start_of_a_burst_is_told_at_once() -> None:
    stream = await opened(Scripted([artifact()]))
    with pytest.raises(AgentError, match="an update before the task"):
        await stream.burst()


@pytest.mark.anyio
async def test_an_end_that_comes_too_soon_is_told() -> None:
    stream = await opened(Scripted([task()]))
    await stream.burst()
    with pytest.raises(AgentError, match="the end of the stream"):
        await stream.burst()


@pytest.mark.anyio
async def test_a_failure_of_the_agents_own_is_no_breach() -> None:
    failure = AgentError(ErrorKind.UNAVAILABLE, "gone")
    stream = await opened(Scripted([task()], failure=failure))
    await stream.burst()
    with pytest.raises(AgentError) as failed:
        await stream.burst()
    assert failed.value is failure


@pytest.mark.anyio
async def test_the_rest_is_the_agents_own() -> None:
    agent = Scripted([message()], answer=a2a.Task(id="t"))
    stream = await opened(agent)
    assert stream.head is agent.head
    assert await stream.burst() == [event(message())]
    assert await stream.burst() is None
    await stream.close()
    assert agent.closed == 1
    contracted = Contracted(agent)
    assert (await contracted.call(GET_TASK, a2a.GetTaskRequest(), CallContext())).message == a2a.Task(id="t")
    assert (await contracted.card(CallContext())).name == "scripted"
    await contracted.close()
    assert agent.closed == 2


@pytest.mark.anyio
@pytest.mark.parametrize("lenient", [False, True])
async def test_an_answer_to_a_message_is_a_message_or_a_task(lenient: bool) -> None:
    for value in (message(), task()):
        answer = a2a.SendMessageResponse.from_json(json.dumps(value))
        given = await Contracted(Scripted(answer=answer), lenient=lenient).call(SEND_MESSAGE, NEW, CallContext())
        assert given.message is answer
    with pytest.raises(AgentError, match="neither a task nor a message"):
        await Contracted(Scripted(answer=a2a.SendMessageResponse()), lenient=lenient).call(
            SEND_MESSAGE, NEW, CallContext()
        )
