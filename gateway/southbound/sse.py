"""A stream that an agent answers as Server-Sent Events, whatever is in their data."""

from collections.abc import Callable, Iterator

from gateway.agent import Burst, CallContext, Event, Head, taken
from gateway.codec import metadata, sse
from gateway.errors import AgentError, ErrorKind, GatewayError
from gateway.offload import converted
from gateway.settings import Limits
from gateway.southbound.request import READING_ANSWER, Waiting
from gateway.southbound.transport.http import Response, media_type
from generated.a2a.v1.a2a_pb import StreamResponse

MEDIA_TYPE = "text/event-stream"

ReadEvent = Callable[[bytes, bool], StreamResponse]
"""The event in a frame's data; the flag says that the frame was named an error. Raises Malformed, AgentError."""


class SseStream:
    """The events of one response as they come."""

    def __init__(
        self,
        response: Response,
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
        self._context = context
        self._waiting = Waiting(context.deadline, limits.stream_idle_s)
        self._inline_bytes = limits.inline_bytes
        self._reader = sse.SseReader(limits.json_bytes)
        self._failure: GatewayError | None = None

    async def burst(self) -> Burst | None:
        while self._failure is None:
            chunk = await self._waiting.within(self._response.chunk())
            if chunk is None:
                if self._reader.pending:
                    raise AgentError(ErrorKind.UNAVAILABLE, "The agent's stream was cut in the middle of an event")
                return None
            burst, self._failure = await self._taken(chunk)
            if burst:
                return burst
        raise self._failure

    async def close(self) -> None:
        self._waiting.close()
        await self._response.release()

    async def _taken(self, chunk: bytes) -> tuple[list[Event], GatewayError | None]:
        if self._context.is_watched:  # by someone who is told on the event loop
            return taken(self._events(chunk, shown=True))
        size_bytes = self._reader.size + len(chunk)
        return await converted(size_bytes, self._inline_bytes, lambda: taken(self._events(chunk, shown=False)))

    def _events(self, chunk: bytes, *, shown: bool) -> Iterator[Event]:
        with READING_ANSWER:
            for event in self._reader.feed(chunk):
                if shown:
                    name = "" if event.event == "message" else event.event
                    self._context.show("southbound", self._binding, "response", sse.frame(event.data, name, event.id))
                if event.data and event.event in ("message", "error"):
                    response = self._read(event.data, event.event == "error")
                    yield Event(response, event.id, len(event.data))


def is_stream(response: Response) -> bool:
    """Whether a response is one of Server-Sent Events."""
    return response.status == 200 and media_type(response) == MEDIA_TYPE


def head_of(response: Response, version: str) -> Head:
    """What a response says of itself, from an agent that speaks `version`."""
    with READING_ANSWER:
        return Head(metadata.extensions(response.headers), version)
