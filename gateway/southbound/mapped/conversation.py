"""One task with a mapped service: what is sent, what comes, and whose turn it is.

All four kinds of method are one loop: say something, take what comes, and where the method takes
many messages and it is the caller's turn, ask. `docs/mapping.md` tells users what happens when.
"""

from collections.abc import AsyncGenerator, Callable, Collection
from dataclasses import dataclass

from gateway.agent import CallContext
from gateway.codec.malformed import Bounds, Malformed
from gateway.errors import CallerError, ErrorKind, GrpcStatus
from gateway.southbound.mapped.rpc import Rpc, Silence
from gateway.southbound.mapped.skills import Answer, Skill
from gateway.southbound.mapped.statuses import Ending, failure, final_status
from gateway.southbound.mapped.values import Types
from gateway.worker import Ask, Status, Yield
from generated.a2a.v1.a2a_pb import Message, TaskState

UNDELIVERED = "The service had finished before the last message came, which it has not read"


@dataclass(frozen=True, slots=True)
class Turn:
    """What a message of the caller sends."""

    request: bytes | None
    last: bool
    """No message follows."""


@dataclass(slots=True)
class Conversation:
    """A call under way, for one task."""

    skill: Skill
    types: Types
    bounds: Bounds
    rpc: Rpc
    read: Callable[[Message], Turn]
    """What a further message sends. Raises CallerError."""
    trailers: Collection[str]
    context: CallContext
    on_ending: Callable[[Ending | None], None]
    """Is told how the call ended; None where the service answered what cannot be read."""
    _responses: int = 0
    _produced: bool = False

    async def run(self, turn: Turn) -> AsyncGenerator[Yield, Message | None]:
        """Yields what the task produces, from its first message on. The rpc is closed with it."""
        try:
            while True:
                self._say(turn)
                question = ""
                while (came := await self._next(turn)) is not Silence.QUIET:
                    if came is None:
                        yield await self._ended()
                        return
                    try:
                        answer = self._answer(came)
                    except Malformed as error:
                        self.on_ending(None)
                        yield failure(f"The service's response cannot be used: {error}")
                        return
                    for produced in self._yields(answer):
                        yield produced
                    if answer.failed is not None or answer.done:
                        yield _last_word(answer)
                        return
                    if answer.ask is not None and not turn.last:
                        question = answer.ask
                        break
                message = yield Ask(question or None)
                assert message is not None
                turn = self.read(message)
        except CallerError as error:
            yield Status(TaskState.FAILED, error.message, {"error": error.kind.reason})
        except TimeoutError:
            yield failure("The service was silent for too long", ErrorKind.UNAVAILABLE)
        finally:
            await self.rpc.close()

    def _say(self, turn: Turn) -> None:
        if turn.request is not None:
            self.context.show("southbound", "GRPC", "request", turn.request, self.skill.method.input.type.from_binary)
        self.rpc.say(turn.request, last=turn.last)

    async def _next(self, turn: Turn) -> bytes | Silence | None:
        came = await self.rpc.next(None if turn.last else self.skill.quiet_s)
        if isinstance(came, bytes):
            self.context.show("southbound", "GRPC", "response", came, self.skill.method.output.type.from_binary)
        return came

    def _answer(self, data: bytes) -> Answer:
        self._responses += 1
        if self.skill.answers_once and self._responses > 1:
            raise Malformed("it came after the only one there should be")
        return self.skill.answer_of(self.types.from_response(self.skill.method.output, data), self.bounds)

    def _yields(self, answer: Answer) -> list[Yield]:
        produced: list[Yield] = []
        if answer.chunk is not None:
            self._produced = True
            produced.append(answer.chunk)
        if answer.status:
            produced.append(Status(TaskState.WORKING, answer.status))
        return produced

    async def _ended(self) -> Status:
        ending = await self.rpc.ending(self.trailers)
        self.on_ending(ending)
        if ending.status is GrpcStatus.OK and self.skill.answers_once and not self._responses:
            return failure("The service answered nothing")
        unread = ending.status is GrpcStatus.OK and self.rpc.undelivered
        return final_status(ending, produced=self._produced, note=UNDELIVERED if unread else "")


def _last_word(answer: Answer) -> Status:
    if answer.failed is not None:
        return Status(TaskState.FAILED, answer.failed or "The service says that it failed")
    return Status(TaskState.COMPLETED)
