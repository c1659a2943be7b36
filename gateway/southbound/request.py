"""What every outbound binding does with a request before it goes and with an answer that comes."""

import asyncio
import math
from collections.abc import Awaitable
from copy import copy
from typing import Any, TypeVar

from protobuf import Message

from gateway.codec.malformed import Malformed, MalformedAs
from gateway.codec.status import field_violation
from gateway.errors import AgentError, CallerError, ErrorKind
from gateway.operations import tenant_of

T = TypeVar("T")


def addressed(request: Message, tenant: str) -> Message:
    """The request with the tenant that the agent expects; the caller's own meant the gateway."""
    if tenant_of(request) == tenant:
        return request
    sent: Any = copy(request)  # Any: every request type has the field, their common type does not
    sent.tenant = tenant
    return sent


def _unwritable(error: Malformed) -> CallerError:
    if error.too_large:
        return CallerError(ErrorKind.RESOURCE_EXHAUSTED, f"The request is too large for the agent: {error}")
    return CallerError(
        ErrorKind.INVALID_PARAMS,
        f"The request cannot be written for the agent: {error}",
        (field_violation(error.path, error.problem),),
    )


def _unreadable(error: Malformed) -> AgentError:
    kind = ErrorKind.RESOURCE_EXHAUSTED if error.too_large else ErrorKind.INVALID_AGENT_RESPONSE
    return AgentError(kind, f"The agent's answer cannot be used: {error}")


WRITING_REQUEST = MalformedAs(_unwritable)
"""A request that cannot be written for the agent is too large for it, or says what its version cannot."""

READING_ANSWER = MalformedAs(_unreadable)
"""An answer that cannot be read is an invalid one, or one over the limit."""


async def in_time(waiting: Awaitable[T], deadline: float | None, idle_s: float | None) -> T:
    """What is waited for, unless the caller's deadline or the agent's silence ends first.

    Raises AgentError.
    """
    if deadline is None and idle_s is None:
        return await waiting
    loop = asyncio.get_running_loop()
    silent_at = math.inf if idle_s is None else loop.time() + idle_s
    over_at = math.inf if deadline is None else deadline
    try:
        async with asyncio.timeout_at(min(silent_at, over_at)):
            return await waiting
    except TimeoutError:
        raise _too_late(by_deadline=over_at <= silent_at, idle_s=idle_s) from None


class Waiting:
    """What one reader of a stream waits for, one wait at a time, each bounded as by `in_time`.

    A stream waits for each of its events, so one timer lasts over many waits. `close` gives it back.
    """

    __slots__ = ("_cancelling", "_deadline", "_expired", "_idle_s", "_loop", "_since", "_task", "_timer")

    def __init__(self, deadline: float | None, idle_s: float | None) -> None:
        self._deadline = math.inf if deadline is None else deadline
        self._idle_s = math.inf if idle_s is None else idle_s
        self._loop = asyncio.get_running_loop()
        self._since = 0.0
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._expired = False
        self._cancelling = 0

    async def within(self, waiting: Awaitable[T]) -> T:
        """Raises AgentError as `in_time`."""
        self._since = self._loop.time()
        self._task = task = asyncio.current_task()
        if self._timer is None and (over_at := self._over_at) < math.inf:
            self._timer = self._loop.call_at(over_at, self._look)
        try:
            return await waiting
        except asyncio.CancelledError:
            if self._expired and task is not None and task.uncancel() <= self._cancelling:
                by_deadline = self._deadline <= self._since + self._idle_s
                raise _too_late(by_deadline=by_deadline, idle_s=self._idle_s) from None
            raise
        finally:
            self._task = None

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @property
    def _over_at(self) -> float:
        return min(self._since + self._idle_s, self._deadline)

    def _look(self) -> None:
        self._timer = None
        if (task := self._task) is None:
            return
        if self._loop.time() < self._over_at:
            self._timer = self._loop.call_at(self._over_at, self._look)
            return
        self._expired, self._cancelling = True, task.cancelling()
        task.cancel()


def _too_late(*, by_deadline: bool, idle_s: float | None) -> AgentError:
    if by_deadline:
        return AgentError(ErrorKind.DEADLINE_EXCEEDED, "The agent did not answer in time")
    return AgentError(ErrorKind.UNAVAILABLE, f"The agent was silent for {idle_s} s")
