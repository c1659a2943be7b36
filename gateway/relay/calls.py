"""The calls under way: how many there may be, what each is doing, and how the gateway ends one.

A call is the asyncio task that serves it. Only `Call.end` cancels that task, with a reason, so
that a cancellation from anywhere else stays what it is.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from gateway.errors import ErrorKind, GatewayError, GatewayFault
from gateway.relay.telemetry import Metrics
from gateway.settings import Limits

STOPPING_TEXT = "The gateway is shutting down; subscribe to the task to go on"


class Ending(Enum):
    """Why the gateway ends a call."""

    CALLER_GONE = "the caller closed its connection"
    STALLED = "the caller took nothing for too long"
    DEADLINE_EXCEEDED = "the caller's time was over"
    STOPPING = "the gateway is shutting down"


class CallEnded(Exception):
    """The gateway ended the call, and there is nobody to answer."""


class Call:
    """One call: what it is about, how far it is, and the one way to end it."""

    def __init__(self, name: str, binding: str, now: float) -> None:
        self.name = name
        self.binding = binding
        self.agent = ""
        self.operation = ""
        self.deadline: float | None = None
        self.ending: Ending | None = None
        self.error: GatewayError | None = None
        self.on_silence: Callable[[], Awaitable[None]] | None = None
        """Sends something that keeps the connection alive; called when nothing was sent for a while."""
        self.events = 0
        self.began_at = now
        self.first_event_at: float | None = None
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._sent_at = now
        self._sending_since: float | None = None
        self._silence_breaker: asyncio.Task[None] | None = None

    def end(self, ending: Ending) -> None:
        """Cancels what serves the call. The first reason stands; losing the caller overrides it."""
        if self.ending is None or (self.ending is Ending.STOPPING and ending is not Ending.STOPPING):
            self.ending = ending
            if self._task is not None:
                self._task.cancel()

    def interrupted(self) -> GatewayFault:
        """What a cancelled call is to tell its caller.

        Raises CallEnded where there is nobody to tell, CancelledError where the call was not ended
        here.
        """
        if self.ending is None or self._task is None:
            # Cancelled from elsewhere: so grpc tells that the caller has gone, or that its time is over.
            self.ending = Ending.CALLER_GONE if self.deadline is None or self._loop.time() < self.deadline else (
                Ending.DEADLINE_EXCEEDED
            )
            raise asyncio.CancelledError
        self._task.uncancel()
        if self.ending is not Ending.STOPPING:
            raise CallEnded
        return GatewayFault(ErrorKind.UNAVAILABLE, STOPPING_TEXT)

    async def send(self, sending: Awaitable[object]) -> None:
        """Waits until something is sent to the caller, under the watch of the clock."""
        self._sending_since = self._loop.time()
        try:
            await sending
        finally:
            self._sending_since = None
        self._sent_at = self._loop.time()

    def relayed(self, events: int) -> None:
        """Counts events that went to the caller."""
        if self.first_event_at is None:
            self.first_event_at = self._loop.time()
        self.events += events

    def tick(self, now: float, limits: Limits) -> None:
        """Ends the call if its caller stalls; breaks its silence if it was long."""
        if self._sending_since is not None:
            if now - self._sending_since >= limits.send_stall_s:
                self.end(Ending.STALLED)
        elif self.on_silence is not None and now - self._sent_at >= limits.keep_alive_s:
            self._sent_at = now
            self._silence_breaker = asyncio.ensure_future(self.send(self.on_silence()))


class Calls:
    """Every call passes through `enter`, and is admitted or refused."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._running: set[Call] = set()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._running)

    @property
    def draining(self) -> bool:
        return self._draining

    @contextmanager
    def enter(self, binding: str) -> Iterator[Call]:
        """A call of the running task, told of to the metrics when it is over."""
        # Random, so that names of several gateways and of their earlier lives differ, and tell callers no number.
        call = Call(f"{random.getrandbits(64):016x}", binding, asyncio.get_running_loop().time())
        try:
            yield call
        finally:
            self._leave(call)

    def admit(self, call: Call) -> None:
        """Gives the call a place.

        Raises GatewayFault: UNAVAILABLE while the gateway stops, RESOURCE_EXHAUSTED while it is full.
        """
        if self._draining:
            raise GatewayFault(ErrorKind.UNAVAILABLE, STOPPING_TEXT)
        if len(self._running) >= self._limits.streams:
            raise GatewayFault(ErrorKind.RESOURCE_EXHAUSTED, f"The gateway has {self._limits.streams} calls under way")
        self._running.add(call)
        self._metrics.active.inc()
        self._idle.clear()

    async def watch_clock(self) -> None:
        """Looks after the calls until it is cancelled."""
        limits = self._limits
        every_s = min(0.5, limits.keep_alive_s / 4, limits.send_stall_s / 4)
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(every_s)
            now = loop.time()
            for call in list(self._running):
                call.tick(now, limits)

    def drain(self) -> None:
        """Refuses new calls from now on; those under way go on."""
        self._draining = True

    async def finished(self, within_s: float) -> bool:
        """Waits until no call runs, at most so long; says whether none does."""
        try:
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def end(self, ending: Ending) -> None:
        """Ends every call under way."""
        for call in list(self._running):
            call.end(ending)

    def _leave(self, call: Call) -> None:
        if call in self._running:
            self._running.discard(call)
            self._metrics.active.dec()
        if not self._running:
            self._idle.set()
        error = call.error
        outcome = error.kind.reason if error else call.ending.name if call.ending else "OK"
        first_s = None if call.first_event_at is None else call.first_event_at - call.began_at
        seconds = asyncio.get_running_loop().time() - call.began_at
        labels = (call.agent, call.operation, call.binding)
        message = error.message if error else ""
        self._metrics.ended(call.name, labels, outcome, seconds, first_s, call.events, message)
