"""What every outbound binding does with a request before it goes and with an answer that came."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from protobuf import Message

from gateway.codec.malformed import Malformed
from gateway.errors import AgentError, CallerError, ErrorKind


def addressed(request: Message, tenant: str) -> Message:
    """The request with the tenant that the agent expects; the caller's own meant the gateway."""
    if getattr(request, "tenant") == tenant:  # noqa: B009 # every request type has the field
        return request
    sent: Any = copy(request)
    sent.tenant = tenant
    return sent


@contextmanager
def blame_caller() -> Iterator[None]:
    """A request that cannot be written for the agent was too large to begin with."""
    try:
        yield
    except Malformed as error:
        raise CallerError(ErrorKind.RESOURCE_EXHAUSTED, f"The request is too large for the agent: {error}") from None


@contextmanager
def blame_agent() -> Iterator[None]:
    """An answer that cannot be read is an invalid one, or one over the limit."""
    try:
        yield
    except Malformed as error:
        kind = ErrorKind.RESOURCE_EXHAUSTED if error.too_large else ErrorKind.INVALID_AGENT_RESPONSE
        raise AgentError(kind, f"The agent's answer cannot be used: {error}") from None
