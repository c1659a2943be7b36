"""The calls under way: how many there may be, and how they end when the gateway stops."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.errors import ErrorKind, GatewayFault

STOPPING = "The gateway is shutting down; subscribe to the task to go on"


class Calls:
    """Every call passes through `enter`. While it runs, `stop` can end it with an error of its own."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running: set[asyncio.Task[object]] = set()
        self._stopped: set[asyncio.Task[object]] = set()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._running)

    @property
    def draining(self) -> bool:
        return self._draining

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Holds a place for the running task's call.

        Raises GatewayFault: UNAVAILABLE where the gateway is stopping, also later from inside when
        it stops the call; RESOURCE_EXHAUSTED where it is full.
        """
        if self._draining:
            raise GatewayFault(ErrorKind.UNAVAILABLE, STOPPING)
        if len(self._running) >= self._most:
            raise GatewayFault(ErrorKind.RESOURCE_EXHAUSTED, f"The gateway has {self._most} calls under way")
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        self._idle.clear()
        try:
            yield
        except asyncio.CancelledError:
            if task not in self._stopped:
                raise
            task.uncancel()
            raise GatewayFault(ErrorKind.UNAVAILABLE, STOPPING) from None
        finally:
            self._running.discard(task)
            self._stopped.discard(task)
            if not self._running:
                self._idle.set()

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

    def stop(self) -> None:
        """Ends every call under way: each fails with UNAVAILABLE and tells its caller so."""
        for task in self._running - self._stopped:
            self._stopped.add(task)
            task.cancel()
