"""Token deltas between callers and agents that each may or may not speak them.

Where the caller speaks the extension and the agent does not, what grows becomes patches; where the
agent speaks it and the caller does not, patches are withheld; else events pass. Patches are in the
dialect of who gets them (`docs/delta-streaming.md`).
"""

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import replace
from typing import Literal, Protocol

from protobuf import Message, Oneof
from protobuf.wkt.google.protobuf.struct_pb import Struct, Value

from gateway.agent import Agent, Answer, Burst, CallContext, Event, Head, Stream
from gateway.codec.malformed import Bounds
from gateway.codec.v0_3.choices import Choices
from gateway.deltas.coalesce import coalesced
from gateway.deltas.compress import Compress
from gateway.deltas.dialect import from_v0_3, to_v0_3
from gateway.deltas.expand import Expand
from gateway.deltas.extension import URI, declaration
from gateway.errors import GatewayError
from gateway.operations import Operation
from generated.a2a.v1.a2a_pb import (
    AgentCapabilities,
    AgentCard,
    StreamResponse,
    TaskArtifactUpdateEvent,
    TaskStatusUpdateEvent,
)

OLD = "0.3"


class Translator(Protocol):
    """Makes of each event what its caller is to get instead."""

    @property
    def holds(self) -> bool:
        """Whether it withholds something: a caller that comes back needs to be told from before that."""
        ...

    def passes(self, response: StreamResponse) -> bool:
        """Whether an event passes as it is and changes nothing here; asked of most events, so it must be quick."""
        ...

    def feed(self, response: StreamResponse) -> list[StreamResponse]: ...

    def end(self) -> list[StreamResponse]:
        """What is left when the stream is over, however it ended."""
        ...


class WithDeltas:
    """An Agent that speaks the extension with every caller that does, and with no other."""

    def __init__(
        self,
        agent: Agent,
        bounds: Bounds,
        choices: Choices,
        *,
        without: Literal["message", "chunks"] = "message",
        cursors: str = "",
    ) -> None:
        """`without`: what a caller without the extension gets of a message that grows.

        `cursors`: the member of the metadata of events under which they say their cursor, where they do.
        """
        self._agent = agent
        self._cursors = cursors
        self._bounds = bounds
        self._choices = choices
        self._chunks = without == "chunks"

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        return await self._agent.call(operation, request, context)

    async def open(self, operation: Operation, request: Message, context: CallContext) -> Stream:
        speaks = URI in context.extensions
        if self._chunks and not speaks:
            context = replace(context, extensions=(*context.extensions, URI))
        stream = await self._agent.open(operation, request, context)
        activated = stream.head.extensions
        others = tuple(uri for uri in activated if uri != URI)
        translator: Translator | None = None
        if not speaks:
            translator = Expand(chunks=self._chunks)
        elif URI not in activated:
            translator = Compress()
        head = replace(stream.head, extensions=(*others, URI) if speaks else others)
        to_old = self._choices if speaks and context.version == OLD else None
        from_old = self._bounds if stream.head.version == OLD else None
        return _TranslatedStream(stream, head, translator, from_old, to_old, self._choices, self._cursors)

    async def card(self, context: CallContext) -> AgentCard:
        """The agent's card, which offers the extension to who streams."""
        card = await self._agent.card(context)
        offered = card.capabilities
        if offered is None or not offered.streaming or any(one.uri == URI for one in offered.extensions):
            return card
        capabilities: AgentCapabilities = copy(offered)
        capabilities.extensions = [*offered.extensions, declaration()]
        card = copy(card)
        card.capabilities = capabilities
        return card

    async def close(self) -> None:
        await self._agent.close()


class _TranslatedStream:
    """A stream, translated event by event. What is withheld has no cursor."""

    def __init__(
        self,
        stream: Stream,
        head: Head,
        translator: Translator | None,
        from_old: Bounds | None,
        to_old: Choices | None,
        choices: Choices,
        cursors: str,
    ) -> None:
        self.head = head
        self._stream = stream
        self._translator = translator
        self._from_old = from_old
        self._to_old = to_old
        self._choices = choices
        self._cursors = cursors
        self._ended = False
        self._failure: GatewayError | None = None

    async def burst(self) -> Burst | None:
        while not self._ended:
            try:
                burst = await self._stream.burst()
            except GatewayError as error:
                self._failure, burst = error, None
            if burst is None:
                self._ended = True
                translated = self._made(self._translator.end()) if self._translator is not None else []
            else:
                translated = self._translated(burst)
            if translated:
                return translated
        if self._failure is not None:
            raise self._failure
        return None

    async def close(self) -> None:
        await self._stream.close()

    def _translated(self, burst: Burst) -> Sequence[Event]:
        """What arrived together; of patches, which then waited for a slow reader, one where they follow each other."""
        if self._passes(burst):
            return burst
        translated: list[Event] = []
        waiting: list[StreamResponse] = []
        size_bytes = 0
        for event in burst:
            size_bytes += event.size_bytes
            response, mark = self._unmarked(event.response)
            if self._from_old is not None:
                response = from_v0_3(response, self._from_old, self._choices)
            waiting += self._translator.feed(response) if self._translator is not None else [response]
            if (event.cursor or mark is not None) and not self._holds:
                translated += self._made(waiting, event.cursor, mark, size_bytes)
                waiting.clear()
                size_bytes = 0
        return [*translated, *self._made(waiting, size_bytes=size_bytes)]

    def _unmarked(self, response: StreamResponse) -> tuple[StreamResponse, Value | None]:
        """An event without the cursor in its metadata: what is made of it may say more, or less."""
        update = response.payload and response.payload.value
        if self._translator is None or not isinstance(update, TaskStatusUpdateEvent | TaskArtifactUpdateEvent):
            return response, None
        if update.metadata is None or (mark := update.metadata.fields.get(self._cursors)) is None:
            return response, None
        rest = {name: value for name, value in update.metadata.fields.items() if name != self._cursors}
        return _with_metadata(update, Struct(fields=rest) if rest else None), mark

    def _passes(self, burst: Burst) -> bool:
        if self._from_old is not None or self._to_old is not None:
            return False
        if self._translator is None:
            return len(burst) == 1
        passes = self._translator.passes
        return all(passes(event.response) for event in burst)

    @property
    def _holds(self) -> bool:
        return self._translator is not None and self._translator.holds

    def _made(
        self, responses: Sequence[StreamResponse], cursor: str = "", mark: Value | None = None, size_bytes: int = 0
    ) -> list[Event]:
        """Events for the caller; the cursor, and the size of what they were made of, are with the last of them."""
        made = self._for_caller(coalesced(responses) if len(responses) > 1 else responses)
        events = [Event(response) for response in made]
        if events:
            events[-1] = Event(self._marked(events[-1].response, mark), cursor, size_bytes)
        return events

    def _marked(self, response: StreamResponse, mark: Value | None) -> StreamResponse:
        update = response.payload and response.payload.value
        if mark is None or not isinstance(update, TaskStatusUpdateEvent | TaskArtifactUpdateEvent):
            return response
        said = update.metadata.fields if update.metadata is not None else {}
        return _with_metadata(update, Struct(fields={**said, self._cursors: mark}))

    def _for_caller(self, responses: Iterable[StreamResponse]) -> list[StreamResponse]:
        if self._to_old is None:
            return [*responses]
        return [to_v0_3(response, self._to_old) for response in responses]


def _with_metadata(update: TaskStatusUpdateEvent | TaskArtifactUpdateEvent, metadata: Struct | None) -> StreamResponse:
    changed = copy(update)
    changed.metadata = metadata
    match changed:
        case TaskStatusUpdateEvent():
            return StreamResponse(payload=Oneof("status_update", changed))
        case TaskArtifactUpdateEvent():
            return StreamResponse(payload=Oneof("artifact_update", changed))
