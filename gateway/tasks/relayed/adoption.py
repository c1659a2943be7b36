"""How a stream that an agent began for one caller becomes a task that is read for all."""

from collections.abc import Callable
from dataclasses import dataclass

from protobuf import Oneof

from gateway.agent import Burst, CallContext, Event, Stream
from gateway.errors import ErrorKind, GatewayFault
from gateway.relay.contract import StreamContract
from gateway.tasks.cursor import GapReason
from gateway.tasks.relayed.relay import Relay
from gateway.tasks.relayed.relays import Relays
from gateway.tasks.relayed.source import Attachment, task_of
from generated.a2a.v1.a2a_pb import TaskArtifactUpdateEvent, TaskState, TaskStatusUpdateEvent


@dataclass(slots=True)
class Adoption:
    """One caller's call, from asking the agent to knowing what its stream is of."""

    context: CallContext
    history_length: int | None = None
    """Of the task that the caller is shown first."""
    gap: GapReason | None = None
    """What that task is to be marked with."""
    sent: str = ""
    """The id of the caller's message."""
    relay: Relay | None = None
    """The one that has claimed the task, where the call goes on with one that is recorded."""

    async def give_up(self) -> None:
        """The stream is of no task that is to be recorded, or there is none."""
        relay, self.relay = self.relay, None
        if relay is not None:
            await relay.drop(GatewayFault(ErrorKind.UNAVAILABLE, "The task was let go; subscribe to it again"))

    async def begun(
        self, relays: Relays, stream: Stream, first: Burst | None, contract_of: Callable[[], StreamContract]
    ) -> tuple[Relay, Attachment | None] | None:
        """Who records the task that the stream is of, and what of the stream it is still to read.

        No attachment: the task is read already, and this stream is one too many. None: the stream is
        of no task, or of one that cannot be recorded. Raises GatewayError.
        """
        task_id = _task_of(first[0]) if first else ""
        if not first or not task_id:
            return None
        contract = contract_of()
        contract.check(first[0])
        told = task_of(first[0])
        attachment = Attachment(stream, contract, first[1:])
        if told is None:
            attachment = Attachment(stream, contract_of(), first)
        if self.relay is not None and self.relay.task_id != task_id:
            await self.give_up()
        if self.relay is None:
            # Of an unknown task that begins with an update, only the agent's snapshot says how far it is.
            attachment.tells = told is not None
            task = told or await relays.ask(task_id, self.context)
            recorded = await relays.recorded(task, self.context)
            if recorded is None:
                return None
            self.relay, is_mine = recorded
            if not is_mine:
                return self.relay, None
        elif told is not None:
            await self.relay.reading.catch_up(told, mends=True)
        else:
            attachment.tells = self.relay.reading.state is TaskState.INPUT_REQUIRED
        self.relay.sent.add(self.sent)
        self.relay.activated = stream.head.extensions
        self.relay.trust(self.context)
        return self.relay, attachment


def _task_of(event: Event) -> str:
    """The id of the task that an event is about; empty for none."""
    if (task := task_of(event)) is not None:
        return task.id
    match event.response.payload:
        case Oneof(value=TaskStatusUpdateEvent() | TaskArtifactUpdateEvent() as update):
            return update.task_id
        case _:
            return ""
