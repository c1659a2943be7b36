"""The course of every call, whatever its binding: admitted, accepted, asked, answered.

A binding brings two things: how it reads a call (`accept`), and how it writes what comes of it (a
`Reply`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from gateway.agent import Agent, Answer, Burst, CallContext, Head, Stream
from gateway.errors import ErrorKind, GatewayError, GatewayFault
from gateway.northbound.intake import Accepted
from gateway.relay.calls import Call, CallEnded, Calls

_log = structlog.get_logger("a2a_gateway.northbound")


class Responder(Protocol):
    """How the caller of one exchange is told that it failed."""

    def entered(self, call: Call) -> None:
        """The call that the exchange is; comes before everything else."""
        ...

    async def fail(self, error: GatewayError) -> None:
        """Tells the error in the form that is left, given what was written before. Raises no GatewayError."""
        ...

    def cut(self) -> None:
        """Nobody reads any more: breaks off, so that nobody takes it for the end."""
        ...


class Reply(Responder, Protocol):
    """How one binding writes the answer to one call. Each may raise GatewayError where it cannot."""

    def accepted(self, accepted: Accepted) -> None:
        """What is answered from now on."""
        ...

    async def answer(self, answer: Answer) -> None:
        """The whole answer of a unary operation."""
        ...

    async def begin(self, head: Head, *, silent: bool) -> None:
        """The head of a stream; `silent` where its first event is still to come."""
        ...

    async def burst(self, burst: Burst) -> None:
        """Events, as soon as they are there."""
        ...

    async def end(self) -> None:
        """The stream ended well."""
        ...


async def serve(calls: Calls, binding: str, work: Callable[[Call], Awaitable[None]], reply: Responder) -> None:
    """Does the work of one call; whatever goes wrong is told by the reply."""
    with calls.enter(binding) as call:
        reply.entered(call)
        try:
            try:
                calls.admit(call)
                await work(call)
            except asyncio.CancelledError:
                call.error = call.interrupted()
            except GatewayError as error:
                call.error = error
            except CallEnded:
                raise
            except Exception:
                _log.exception("unexpected error", call=call.name)
                call.error = GatewayFault(ErrorKind.INTERNAL_ERROR)
            if call.error is not None:
                await call.send(reply.fail(call.error))
        except CallEnded:
            reply.cut()
        except asyncio.CancelledError:
            reply.cut()
            try:
                call.interrupted()
            except CallEnded:
                return


async def perform(call: Call, accepted: Accepted, reply: Reply, first_event_s: float) -> None:
    """Asks the agent and writes its answer. Raises GatewayError."""
    agent, operation = accepted.agent, accepted.operation
    reply.accepted(accepted)
    if not operation.streams:
        answer = await agent.call(operation, accepted.request, accepted.context)
        await call.send(reply.answer(answer))
        return
    opening = _Opening(agent, accepted)
    try:
        in_time = await opening.arrives(first_event_s)
        await call.send(reply.begin(opening.head, silent=not in_time))
        while (burst := await opening.burst()) is not None:
            await call.send(reply.burst(burst))
            call.relayed(len(burst))
        await call.send(reply.end())
    finally:
        await opening.close()


class _Opening:
    """A stream that is being opened: its first burst can be looked for without being lost."""

    def __init__(self, agent: Agent, accepted: Accepted) -> None:
        self.head = accepted.head
        self._stream: Stream | None = None
        self._first: asyncio.Task[Burst | None] | None = asyncio.ensure_future(self._begin(agent, accepted))

    async def arrives(self, within_s: float) -> bool:
        """Whether the first burst, or the end, comes in time.

        Raises GatewayError where the stream fails before anything came.
        """
        assert self._first is not None
        await asyncio.wait((self._first,), timeout=within_s)
        if self._first.done():
            self._first.result()
            return True
        return False

    async def burst(self) -> Burst | None:
        if self._first is None:
            assert self._stream is not None
            return await self._stream.burst()
        first, self._first = self._first, None
        try:
            return await first
        except BaseException:
            await self._stop(first)
            raise

    async def close(self) -> None:
        if self._first is not None:
            await self._stop(self._first)
        if self._stream is not None:
            await self._stream.close()

    async def _begin(self, agent: Agent, accepted: Accepted) -> Burst | None:
        self._stream = await agent.open(accepted.operation, accepted.request, accepted.context)
        self.head = self._stream.head
        return await self._stream.burst()

    async def _stop(self, first: "asyncio.Task[Burst | None]") -> None:
        first.cancel()
        await asyncio.wait((first,))
        if not first.cancelled():
            first.exception()  # looked at, so that it is not reported as lost


def context_free(call: Call) -> CallContext:
    """The context of what the gateway asks on nobody's behalf."""
    return CallContext(call=call.name, binding=call.binding)
