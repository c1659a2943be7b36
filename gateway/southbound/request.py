"""What every outbound binding does with a request before it goes and with an answer that comes."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, TypeVar

from protobuf import Message

from gateway.codec.malformed import Malformed
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


@contextmanager
def writing_request() -> Iterator[None]:
    """A request that cannot be written for the agent is too large for it, or says what its version cannot."""
    try:
        yield
    except Malformed as error:
        if error.too_large:
            raise CallerError(
                ErrorKind.RESOURCE_EXHAUSTED, f"The request is too large for the agent: {error}"
            ) from None
        raise CallerError(
            ErrorKind.INVALID_PARAMS,
            f"The request cannot be written for the agent: {error}",
            (field_violation(error.path, error.problem),),
        ) from None


@contextmanager
def reading_answer() -> Iterator[None]:
    """An answer that cannot be read is an invalid one, or one over the limit."""
    try:
        yield
    except Malformed as error:
        kind = ErrorKind.RESOURCE_EXHAUSTED if error.too_large else ErrorKind.INVALID_AGENT_RESPONSE
        raise AgentError(kind, f"The agent's answer cannot be used: {error}") from None


async def in_time(waiting: Awaitable[T], deadline: float | None, idle_s: float | None) -> T:
    """What is waited for, unless the caller's deadline or the agent's silence ends first.

    Raises AgentError.
    """
    if deadline is None and idle_s is None:
        return await waiting
    loop = asyncio.get_running_loop()
    silent_at = float("inf") if idle_s is None else loop.time() + idle_s
    over_at = float("inf") if deadline is None else deadline
    try:
        async with asyncio.timeout_at(min(silent_at, over_at)):
            return await waiting
    except TimeoutError:
        if over_at <= silent_at:
            raise AgentError(ErrorKind.DEADLINE_EXCEEDED, "The agent did not answer in time") from None
        raise AgentError(ErrorKind.UNAVAILABLE, f"The agent was silent for {idle_s} s") from None
