"""What every inbound binding does with an answer before it goes."""

from collections.abc import Callable

from gateway.agent import Burst, Event
from gateway.codec.malformed import Malformed, MalformedAs
from gateway.errors import AgentError, ErrorKind, GatewayError
from gateway.offload import converted


def _unwritable(error: Malformed) -> AgentError:
    if error.too_large:
        return AgentError(ErrorKind.RESOURCE_EXHAUSTED, f"The agent's answer is too large: {error}")
    return AgentError(ErrorKind.INVALID_AGENT_RESPONSE, f"The agent's answer cannot be written for the caller: {error}")


WRITING_ANSWER = MalformedAs(_unwritable)
"""An answer that cannot be written for the caller is too large, or says what the caller's version cannot."""


async def written(
    burst: Burst, inline_bytes: int, write: Callable[[Event], bytes]
) -> tuple[list[bytes], GatewayError | None]:
    """The events up to the first that cannot be written for the caller, and why it cannot.

    `write` is called in a thread where the events are larger than `inline_bytes`.
    """
    size_bytes = sum([event.size_bytes for event in burst])
    return await converted(size_bytes, inline_bytes, lambda: _written(burst, write))


def _written(burst: Burst, write: Callable[[Event], bytes]) -> tuple[list[bytes], GatewayError | None]:
    frames: list[bytes] = []
    try:
        with WRITING_ANSWER:
            for event in burst:
                frames.append(write(event))  # noqa: PERF401 # what came before an error is kept
    except GatewayError as failure:
        return frames, failure
    return frames, None
