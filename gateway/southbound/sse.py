"""A stream that an agent answers as Server-Sent Events, whatever is in their data."""

from collections.abc import AsyncIterator, Callable, Iterator

import httpx

from gateway.agent import Burst, CallContext, Event, Head, taken
from gateway.codec import metadata, sse
from gateway.errors import AgentError, ErrorKind, GatewayError
from gateway.settings import Limits
from gateway.southbound.http_client import release, talking_to_agent
from gateway.southbound.request import in_time, reading_answer
from generated.a2a.v1.a2a_pb import StreamResponse

MEDIA_TYPE = "text/event-stream"

ReadEvent = Callable[[bytes, bool], StreamResponse]
"""The event in a frame's data; the flag says that the frame was named an error. Raises Malformed, AgentError."""


class SseStream:
    """The events of one response as they come."""

    def __init__(
        self,
        response: httpx.Response,
        head: Head,
        read: ReadEvent,
        binding: str,
        context: CallContext,
        limits: Limits,
    ) -> None:
        self.head = head
        self._response = response
        self._read = read
        self._binding = binding
        self._chunks: AsyncIterator[bytes] = aiter(response.aiter_raw())
        self._context = context
        self._idle_s = limits.stream_idle_s
        self._reader = sse.SseReader(limits.json_bytes)
        self._failure: GatewayError | None = None

    async def burst(self) -> Burst | None:
        while self._failure is None:
            with talking_to_agent():
                chunk = await in_time(anext(self._chunks, None), self._context.deadline, self._idle_s)
            if chunk is None:
                if self._reader.pending:
                    raise AgentError(ErrorKind.UNAVAILABLE, "The agent's stream was cut in the middle of an event")
                return None
            burst, self._failure = taken(self._events(chunk))
            if burst:
                return burst
        raise self._failure

    async def close(self) -> None:
        await release(self._response)

    def _events(self, chunk: bytes) -> Iterator[Event]:
        with reading_answer():
            for event in self._reader.feed(chunk):
                self._context.show("southbound", self._binding, "response", sse.frame(event.data))
                if event.data and event.event in ("message", "error"):
                    yield Event(self._read(event.data, event.event == "error"), event.id)


def is_stream(response: httpx.Response) -> bool:
    """Whether a response is one of Server-Sent Events."""
    return response.status_code == 200 and media_type(response) == MEDIA_TYPE


def media_type(response: httpx.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def head_of(response: httpx.Response, version: str) -> Head:
    """What a response says of itself, from an agent that speaks `version`."""
    with reading_answer():
        return Head(metadata.extensions(response.headers.multi_items()), version)
