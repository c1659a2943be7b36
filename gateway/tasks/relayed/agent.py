"""An agent that speaks A2A itself, with its streams recorded: they can be resumed, and breaks are mended.

Unary operations go to the agent as they came, and so does an answer that is a message alone.
"""

from collections.abc import Awaitable, Callable, Iterable
from copy import copy
from functools import partial
from typing import cast

from protobuf import Message, Oneof

from gateway.agent import Agent, Answer, Burst, CallContext, Event, Head, Stream
from gateway.operations import (
    GET_EXTENDED_AGENT_CARD,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Operation,
)
from gateway.relay.contract import Contracted, ContractedStream, StreamContract
from gateway.tasks.cursor import RESUME_URI, GapReason, declaration
from gateway.tasks.following import Following, cursor_of
from gateway.tasks.history import history_length
from gateway.tasks.journal import ChangedHands
from gateway.tasks.lifecycle import Phase, phase_of
from gateway.tasks.relayed.adoption import Adoption
from gateway.tasks.relayed.origin import as_the_agent_has_it, key_of, upstream
from gateway.tasks.relayed.relay import Relay
from gateway.tasks.relayed.relays import Relays
from gateway.tasks.relayed.streams import Followed, Passing, Place, Said, Unfolding
from gateway.tasks.runtime import Runtime
from gateway.tasks.stream import TaskStream
from generated.a2a.v1.a2a_pb import (
    AgentCapabilities,
    AgentCard,
    SendMessageConfiguration,
    SendMessageRequest,
    SendMessageResponse,
    StreamResponse,
    SubscribeToTaskRequest,
)
from generated.a2a.v1.a2a_pb import Message as A2AMessage


class RelayedAgent:
    """An Agent around one whose streams need not keep the contract: they are held to it here.

    `replaced` are headers of callers that the agent never sees, since the configuration has its own.
    """

    def __init__(self, name: str, agent: Agent, runtime: Runtime, *, lenient: bool, replaced: Iterable[str]) -> None:
        self._name = name
        self._agent = agent
        self._contracted = Contracted(agent, lenient=lenient)
        self._lenient = lenient
        self._following = Following(name, runtime, (RESUME_URI,), as_the_agent_has_it)
        self._relays = Relays(name, agent, runtime, lenient=lenient, replaced=replaced)

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        answer = await self._contracted.call(operation, request, context)
        if operation is GET_EXTENDED_AGENT_CARD:
            return Answer(_declared(cast(AgentCard, answer.message)), answer.head)
        return answer

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        if operation is SEND_STREAMING_MESSAGE:
            return await self._send(cast(SendMessageRequest, request), context)
        return await self._subscribe(cast(SubscribeToTaskRequest, request), context)

    async def card(self, context: CallContext) -> AgentCard:
        return _declared(await self._agent.card(context))

    async def close(self) -> None:
        await self._agent.close()

    # Subscribing.

    async def _subscribe(self, request: SubscribeToTaskRequest, context: CallContext) -> Stream:
        key, cursor = key_of(self._name, request.id), cursor_of(context)
        if cursor is not None:
            # Refused before anything else if it is none.
            self._following.point(key, cursor)
        record = await self._relays.find(request.id, context)
        if record is None:
            gap = None if cursor is None else GapReason.UNKNOWN
            return await self._begin(SUBSCRIBE_TO_TASK, request, Adoption(context, gap=gap))
        await self._relays.check_access(record, context)
        if phase_of(record.task) is Phase.TERMINAL:
            return self._followed(request.id, (None, await self._following.subscribe(key, context)), context)

        async def follow(ended: bool) -> TaskStream:
            return await self._following.subscribe(key, context, ended=ended)

        # Who says where it left may read on at once; who does not wants the task as it is now.
        place = await self._place(request.id, context, follow, current=cursor is None)
        return self._followed(request.id, place, context)

    # Sending.

    async def _send(self, request: SendMessageRequest, context: CallContext) -> Stream:
        adoption = Adoption(context, history_length=history_length(request.configuration))
        request = _with_whole_history(request)
        assert request.message is not None
        adoption.sent = request.message.message_id
        task_id = request.message.task_id
        record = await self._relays.find(task_id, context) if task_id else None
        if record is not None and phase_of(record.task) is not Phase.TERMINAL:
            adoption.relay = await self._relays.claimed(task_id, context)
            if adoption.relay is None:
                return await self._tell(request, task_id, adoption)
        return await self._begin(SEND_STREAMING_MESSAGE, request, adoption)

    async def _tell(self, request: SendMessageRequest, task_id: str, adoption: Adoption) -> Stream:
        """A message for a task that is read already: what comes of it comes there, and not in a second stream."""
        context = adoption.context
        key, length = key_of(self._name, task_id), adoption.history_length

        async def follow(ended: bool) -> TaskStream:
            return await self._following.stream(key, context, history_length=length, ended=ended)

        relay, stream = await self._place(task_id, context, follow, trusted=False)
        followed = self._followed(task_id, (relay, stream), context)
        try:
            relay.sent.add(adoption.sent)
            answer = await self._contracted.call(SEND_MESSAGE, _unwaiting(request), upstream(context))
        except BaseException:
            await followed.close()
            raise
        match answer.message:
            case SendMessageResponse(payload=Oneof(value=A2AMessage() as message)):
                await followed.close()
                return Said(answer.head, [Event(StreamResponse(payload=Oneof("message", message)))])
            case _:
                relay.trust(context)
                return followed

    # Streams.

    async def _begin(self, operation: Operation, request: Message, adoption: Adoption) -> Stream:
        """A stream of the agent's own, to be recorded if it is of a task."""
        context = adoption.context
        try:
            stream = await self._agent.open(operation, request, upstream(context))
        except BaseException:
            await adoption.give_up()
            raise
        # In 0.3 a stream that is taken up again may begin with whatever comes next.
        lenient = self._lenient or stream.head.version == "0.3"
        contract_of = partial(StreamContract, operation, request, lenient=lenient)

        async def adopt(first: Burst | None) -> Stream:
            begun = await adoption.begun(self._relays, stream, first, contract_of)
            if begun is None:
                await adoption.give_up()
                return ContractedStream(Passing(stream, first), contract_of())
            relay, attachment = begun
            if attachment is None:
                await stream.close()
            relay.readers.join()
            try:
                place = relay, await self._following.stream(
                    relay.key, context, gap=adoption.gap, history_length=adoption.history_length
                )
            except BaseException:
                relay.readers.leave()
                raise
            finally:
                if attachment is not None or relay.stands_by:
                    relay.start(attachment)
            return self._followed(relay.task_id, place, context)

        return Unfolding(stream, _head(context, stream.head.extensions), adopt, adoption.give_up)

    def _followed(self, task_id: str, place: Place, context: CallContext) -> Followed:
        activated = place[0].activated if place[0] is not None else ()
        move = partial(self._move, task_id, context)
        return Followed(_head(context, activated), place, cursor_of(context) or "", move)

    async def _move(self, task_id: str, context: CallContext, cursor: str) -> Place:
        """Where what follows a cursor can be read now. Raises ChangedHands where it cannot."""
        key = key_of(self._name, task_id)

        async def follow(ended: bool) -> TaskStream:
            resumed = await self._following.resumed(key, cursor, context, ended=ended)
            if isinstance(resumed, GapReason):
                raise ChangedHands
            return resumed

        return await self._place(task_id, context, follow)

    async def _place(
        self,
        task_id: str,
        context: CallContext,
        follow: Callable[[bool], Awaitable[TaskStream]],
        *,
        current: bool = False,
        trusted: bool = True,
    ) -> tuple[Relay, TaskStream]:
        """A stream of a recorded task that is kept read for it. Raises GatewayError."""
        relay = await self._relays.joined(task_id, context, trusted=trusted)
        try:
            while True:
                await relay.settled(current=current)
                if relay.is_over and relay.failure is not None:
                    raise relay.failure
                ended = relay.is_over
                stream = await follow(ended)
                if relay.is_over is ended:
                    return relay, stream
                await stream.close()
        except BaseException:
            relay.readers.leave()
            raise


def _head(context: CallContext, activated: Iterable[str]) -> Head:
    """What a recorded stream says of itself: what the agent activated, and what is the gateway's own."""
    offered = {RESUME_URI, *activated}
    return Head(tuple(uri for uri in context.extensions if uri in offered))


def _with_whole_history(request: SendMessageRequest) -> SendMessageRequest:
    """The request as it goes to the agent: what is recorded is whole, each caller sees as much as it wants."""
    if request.configuration is None or not request.configuration.has_field("history_length"):
        return request
    asked = copy(request)
    asked.configuration = copy(request.configuration)
    asked.configuration.clear_field("history_length")
    return asked


def _unwaiting(request: SendMessageRequest) -> SendMessageRequest:
    """The request as one that is answered at once."""
    asked = copy(request)
    configuration = asked.configuration = copy(request.configuration or SendMessageConfiguration())
    configuration.return_immediately = True
    return asked


def _declared(card: AgentCard) -> AgentCard:
    """The card with what the gateway adds to the agent."""
    declared = copy(card)
    capabilities = declared.capabilities = copy(card.capabilities or AgentCapabilities())
    capabilities.extensions = [one for one in capabilities.extensions if one.uri != RESUME_URI] + [declaration()]
    return declared
