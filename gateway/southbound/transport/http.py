"""The port under agents over HTTP: one request, one response whose body is read as it comes.

Redirects are not followed, cookies are not kept, nothing is sent twice and no proxy is used.
"""

from collections.abc import Mapping
from typing import Protocol

from gateway.codec.metadata import Pairs
from gateway.errors import AgentError, ErrorKind


class Response(Protocol):
    """A response whose head is there. Whoever got it releases it."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Pairs:
        """Lower-case names to values, in order."""
        ...

    async def chunk(self) -> bytes | None:
        """What has arrived of the body, at least a byte; None at its end.

        A body that was cut does not end: it raises AgentError, after what came of it. The agent can
        send no more than a bounded piece ahead of the reader.
        """
        ...

    async def release(self) -> None:
        """Gives the connection back, or closes it at once where the body was not read to its end."""
        ...


class HttpClient(Protocol):
    """Sends requests to one agent."""

    async def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        """The response once its head is there.

        Raises AgentError. Cancelling frees the agent's side at once.
        """
        ...

    async def close(self) -> None:
        """Gives back connections. Responses under way fail."""
        ...


def header(response: Response, name: str) -> str:
    """The first value of a header by its lower-case name; empty where there is none."""
    return next((str(value) for given, value in response.headers if given == name), "")


def media_type(response: Response) -> str:
    """What a response says it holds, without parameters, in lower case."""
    return header(response, "content-type").partition(";")[0].strip().lower()


async def read_whole(response: Response, max_bytes: int) -> bytes:
    """The body of a response, refused as soon as it is too long. Raises AgentError."""
    parts: list[bytes] = []
    size = 0
    while (part := await response.chunk()) is not None:
        size += len(part)
        if size > max_bytes:
            raise AgentError(ErrorKind.RESOURCE_EXHAUSTED, f"The agent answered over {max_bytes} bytes")
        parts.append(part)
    return b"".join(parts)
