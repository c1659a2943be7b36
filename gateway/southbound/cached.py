"""Something that is read from far away and believed for a while."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from gateway.errors import GatewayError

T = TypeVar("T")


class Cached(Generic[T]):
    """A value, read when it is first asked for and anew once it is older than `max_age_s`.

    Whoever asks meanwhile waits for the same reading; once there is a value, nobody waits: it is
    read anew in the background, and the last one serves while that fails. `read` raises
    GatewayError where there is none.
    """

    def __init__(self, read: Callable[[], Awaitable[T]], max_age_s: float, failure_age_s: float) -> None:
        self._read = read
        self._max_age_s = max_age_s
        self._failure_age_s = failure_age_s
        self._value: T | None = None
        self._failure: GatewayError | None = None
        self._until = 0.0
        self._reading: asyncio.Task[None] | None = None
        self._doubted = False

    @property
    def latest(self) -> T | None:
        """What was last read, however old; None before there is anything."""
        return self._value

    def doubt(self) -> None:
        """Whoever asks next waits for a new reading, and gets the last value only if that fails."""
        self._until = 0.0
        self._doubted = True

    async def get(self) -> T:
        """Raises GatewayError where there is no value to be had."""
        if asyncio.get_running_loop().time() >= self._until and self._reading is None:
            self._reading = asyncio.create_task(self._renew())
        if (self._value is None or self._doubted) and self._reading is not None:
            await asyncio.shield(self._reading)
        if self._value is None:
            assert self._failure is not None
            raise type(self._failure)(self._failure.kind, self._failure.message, self._failure.details)
        return self._value

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    async def _renew(self) -> None:
        age_s = self._max_age_s
        try:
            self._value = await self._read()
        except GatewayError as error:
            self._failure = error
            age_s = self._failure_age_s
        finally:
            self._reading = None
        self._doubted = False
        self._until = asyncio.get_running_loop().time() + age_s
