"""The streams that callers of a recorded agent read: one that is not yet known to be of a task, one that is."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.agent import Burst, Head, Stream
from gateway.tasks.follower import state_after
from gateway.tasks.journal import ChangedHands
from gateway.tasks.lifecycle import Phase, phase
from gateway.tasks.relayed.relay import Relay
from gateway.tasks.stream import TaskStream


class Passing:
    """An agent's stream as it comes, of which the first events were read already."""

    def __init__(self, stream: Stream, first: Burst | None) -> None:
        self._stream = stream
        self._first = first
        self._begun = False

    @property
    def head(self) -> Head:
        return self._stream.head

    async def burst(self) -> Burst | None:
        if not self._begun:
            self._begun = True
            return self._first
        return await self._stream.burst()

    async def close(self) -> None:
        await self._stream.close()


class Said:
    """A stream that is known to its end."""

    def __init__(self, head: Head, burst: Burst) -> None:
        self.head = head
        self._burst: Burst | None = burst

    async def burst(self) -> Burst | None:
        burst, self._burst = self._burst, None
        return burst

    async def close(self) -> None:
        self._burst = None


Adopt = Callable[[Burst | None], Awaitable[Stream]]
"""What an agent's stream becomes by its first events, if there are any: the stream that its caller reads."""


class Unfolding:
    """An agent's stream until its first event says what it is: of a task, it is read for others too from then on.

    `when_unused` is called if it is closed before that.
    """

    def __init__(self, stream: Stream, head: Head, adopt: Adopt, when_unused: Callable[[], Awaitable[None]]) -> None:
        self.head = head
        self._stream = stream
        self._adopt = adopt
        self._when_unused = when_unused
        self._known: Stream | None = None
        self._adopting: asyncio.Task[Stream] | None = None
        self._closed = False

    async def burst(self) -> Burst | None:
        if self._known is not None:
            return await self._known.burst()
        if self._adopting is None:
            first = await self._stream.burst()
            # Whatever becomes of the caller, what the agent began is recorded.
            self._adopting = asyncio.create_task(self._become_known(first))
        known = await asyncio.shield(self._adopting)
        self._known = known
        return await known.burst()

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._adopting is None:
            await self._stream.close()
            await self._when_unused()
            return
        await asyncio.wait((self._adopting,))
        if not self._adopting.cancelled() and self._adopting.exception() is None:
            await self._adopting.result().close()

    async def _become_known(self, first: Burst | None) -> Stream:
        try:
            return await self._adopt(first)
        except BaseException:
            await self._stream.close()
            await self._when_unused()
            raise


Place = tuple[Relay | None, TaskStream]
"""Who keeps a task read for a reader, and what it reads; nobody where there is nothing to wait for."""


class Followed:
    """A caller's stream of a recorded task. It stays open when the task goes from one gateway to another."""

    def __init__(self, head: Head, place: Place, cursor: str, move: Callable[[str], Awaitable[Place]]) -> None:
        self.head = head
        self._relay, self._stream = place
        self._cursor = cursor
        self._move = move
        self._ended = False
        self._closed = False

    async def burst(self) -> Burst | None:
        while not self._ended:
            try:
                burst = await self._stream.burst()
            except ChangedHands:
                await self._go_on_elsewhere()
                continue
            if burst is not None:
                self._cursor = burst[-1].cursor or self._cursor
                payload = burst[-1].response.payload
                self._ended = phase(state_after(payload and payload.value)) is Phase.TERMINAL
            return burst
        return None

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._stream.close()
            if self._relay is not None:
                self._relay.readers.leave()

    async def _go_on_elsewhere(self) -> None:
        """Raises GatewayError where what follows cannot be had."""
        left_relay, left_stream = self._relay, self._stream
        self._relay, self._stream = await self._move(self._cursor)
        await left_stream.close()
        if left_relay is not None:
            left_relay.readers.leave()
