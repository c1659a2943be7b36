"""One task, read from its agent once for all who want it, and recorded.

It is read here as long as it has readers here, and a while longer. Where another gateway reads it, its
events come through the store, and this one stands by to take over.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from gateway.agent import CallContext
from gateway.errors import ErrorKind, GatewayError, GatewayFault
from gateway.relay.calls import STOPPING_TEXT
from gateway.tasks.journal import store_away
from gateway.tasks.lifecycle import Phase, phase
from gateway.tasks.live import LiveTask
from gateway.tasks.relayed.origin import upstream
from gateway.tasks.relayed.readership import Readership
from gateway.tasks.relayed.reading import Reading
from gateway.tasks.relayed.source import Attachment, Source
from gateway.tasks.runtime import Runtime
from gateway.tasks.store import Record, StoreUnavailable

_log = structlog.get_logger("a2a_gateway.tasks")


class Relay:
    """Keeps one task read. `when_alone` is called when its last reader leaves, `when_over` once it reads no more."""

    def __init__(
        self,
        key: str,
        source: Source,
        runtime: Runtime,
        when_alone: Callable[[], None],
        when_over: Callable[["Relay"], None],
    ) -> None:
        self.key = key
        self.task_id = key.partition("/")[2]
        self.trusted: CallContext | None = None
        """Whom the agent has let read the task, last."""
        self.activated: tuple[str, ...] = ()
        """The extensions that the agent said it activated."""
        self.sent: set[str] = set()
        """Ids of messages that callers sent through here."""
        self.readers = Readership(self._left_alone)
        self.is_over = False
        self.failure: GatewayError | None = None
        """Why it is over, unless the task is over or waits."""
        self._source = source
        self._runtime = runtime
        self._settings = runtime.settings
        self._when_alone = when_alone
        self._when_over = when_over
        self._mine: tuple[LiveTask, Reading] | None = None
        """The task as it is recorded here; None where this gateway does not have it."""
        self._placed = asyncio.Event()
        """It is known who reads the task."""
        self._current = asyncio.Event()
        """What the agent had when it was asked is recorded, or somebody else sees to that."""
        self._handed = asyncio.Event()
        """It was given the task that it stands by for."""
        self._over = asyncio.Event()
        self._stopping = False
        self._work: asyncio.Task[None] | None = None
        self._run: asyncio.Task[None] | None = None
        """What reads the task."""
        self._going_on: asyncio.Future[Attachment | None] | None = None
        """While it is paused: what it is to read next."""

    @property
    def stands_by(self) -> bool:
        """Whether another gateway reads the task."""
        return self._mine is None and not self.is_over

    @property
    def waits(self) -> bool:
        """Whether the task waits for its caller, and is read here for what may come."""
        is_read = self._run is not None and self._going_on is None
        return is_read and phase(self.reading.state) is Phase.INTERRUPTED

    @property
    def reading(self) -> Reading:
        """How the task is recorded, which this gateway must have."""
        assert self._mine is not None
        return self._mine[1]

    def trust(self, context: CallContext) -> None:
        """The agent has let this caller read the task: from now on it is asked in its name."""
        self.trusted = self._source.context = upstream(context)

    async def settled(self, *, current: bool) -> None:
        """Returns once it is known who reads the task; `current`: and all that there was is recorded."""
        await (self._current if current else self._placed).wait()

    # How the task comes here.

    async def create(self, record: Record) -> bool:
        """A task that is new to the store; False where it has it already, or cannot. Raises StoreUnavailable."""
        return self._has(await self._runtime.take_in_new(record))

    async def claim(self) -> bool:
        """Whether the task could be had for this gateway. Raises StoreUnavailable."""
        return self._has(await self._runtime.take_in_idle(self.key))

    def inherit(self, record: Record) -> None:
        """The task, claimed for this gateway; in its turn."""
        self._has(self._runtime.take_in(record))
        self._handed.set()
        self.start()

    def _has(self, live: LiveTask | None) -> bool:
        if live is None:
            return False
        self._mine = live, Reading(live, self._source, self._settings, self.sent, self._current)
        self._placed.set()
        return True

    # How it is read.

    def start(self, attachment: Attachment | None = None) -> None:
        """Reads the task, once or again after a pause: from here on, or as soon as it can be had."""
        if attachment is not None:
            # It begins where the record does.
            self._current.set()
        if self._work is None:
            self._work = asyncio.create_task(self._keep(attachment))
            self.readers.look()
        elif self._going_on is not None and not self._going_on.done():
            self._going_on.set_result(attachment)
            self.readers.leave()

    async def pause(self) -> bool:
        """Stops reading until `start`, for a stream that takes the place of the one that is read.

        False where it reads no more anyway.
        """
        if self.is_over or self._run is None or self.readers.gone.is_set():
            return False
        self.readers.join()
        self._going_on = asyncio.get_running_loop().create_future()
        self._run.cancel()
        await asyncio.wait((self._run,))
        return not self.is_over

    async def drop(self, failure: GatewayError) -> None:
        """What was to be read will not be: a task that was read before is read on, another is for others."""
        if self._work is None:
            await self._end(failure)
        else:
            self.start()

    def let_go(self) -> None:
        """Reads no further."""
        self.readers.gone.set()

    async def stop(self) -> None:
        """The gateway stops: what is recorded is written, and the task left to the others."""
        self._stopping = True
        self.let_go()
        if not await self.over(2 * self._settings.stop_s) and self._mine is not None:
            # What could not be written by now is for a successor to find out.
            self._mine[0].abandon(GatewayFault(ErrorKind.UNAVAILABLE, STOPPING_TEXT))
            await self._over.wait()

    async def over(self, within_s: float) -> bool:
        """Whether nothing more will happen to it, before too long."""
        try:
            async with asyncio.timeout(within_s):
                return await self._over.wait()
        except TimeoutError:
            return False

    def _left_alone(self) -> None:
        if self.stands_by:
            self.let_go()
        else:
            self.readers.linger(self._settings.resume_linger_s)
            self._when_alone()

    async def _keep(self, attachment: Attachment | None) -> None:
        failure: GatewayError | None = None
        try:
            if self._mine is not None or await self._wait_for_it():
                failure = await self._read(attachment)
        except StoreUnavailable:
            failure = store_away()
        except Exception:
            _log.exception("unexpected error", task=self.key)
            failure = GatewayFault(ErrorKind.INTERNAL_ERROR)
        await self._end(failure)

    async def _end(self, failure: GatewayError | None) -> None:
        self.is_over, self.failure = True, failure
        self.readers.close()
        if self._mine is not None:
            live, _ = self._mine
            await live.leave(owned=self._stopping, failure=failure)
            self._runtime.let_go(live)
        self._placed.set()
        self._current.set()
        self._when_over(self)
        self._over.set()

    async def _wait_for_it(self) -> bool:
        """Whether the task came to this gateway, before nobody here wanted it any more. Raises StoreUnavailable."""
        if await self.claim():
            return True
        self._placed.set()
        self._current.set()
        handed = asyncio.create_task(self._handed.wait())
        gone = asyncio.create_task(self.readers.gone.wait())
        try:
            while not gone.done():
                await asyncio.wait(
                    (handed, gone), timeout=self._settings.lease_s / 3, return_when=asyncio.FIRST_COMPLETED
                )
                if self._mine is not None:
                    return True
                with suppress(StoreUnavailable):
                    if await self.claim():
                        return True
            return False
        finally:
            handed.cancel()
            gone.cancel()

    async def _read(self, attachment: Attachment | None) -> GatewayError | None:
        """Reads until the task is over or waits, or nobody wants it any more; why it is not read to the end."""
        gone = asyncio.create_task(self.readers.gone.wait())
        while True:
            run = self._run = asyncio.create_task(self.reading.run(attachment))
            await asyncio.wait((run, gone), return_when=asyncio.FIRST_COMPLETED)
            if gone.done() or self._going_on is None:
                break
            await asyncio.wait((self._going_on, gone), return_when=asyncio.FIRST_COMPLETED)
            if not self._going_on.done():
                break
            attachment, self._going_on = self._going_on.result(), None
        # From here on whoever comes waits for the end.
        self.is_over, self.failure = True, self._outcome(run)
        run.cancel()
        gone.cancel()
        await asyncio.wait((run, gone))
        return self.failure

    def _outcome(self, run: "asyncio.Task[None]") -> GatewayError | None:
        if not run.done() or run.cancelled():
            text = STOPPING_TEXT if self._stopping else "The task was let go; subscribe to it again"
            return GatewayFault(ErrorKind.UNAVAILABLE, text)
        match run.exception():
            case None:
                return None
            case GatewayError() as error:
                _log.warning("a task cannot be read from its agent", task=self.key, error=error.kind.reason)
                return error
            case error:
                raise error
