"""The answer to a call over HTTP: one body, or Server-Sent Events; JSON-RPC and HTTP+JSON differ in words only.

A stream waits a moment for its first event. An error by then is a plain answer; after it the head is
out, and an error is an `event: error` frame and then the end.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.agent import Answer, Burst, CallContext, Event, Head
from gateway.codec import metadata, sse
from gateway.errors import ErrorKind, GatewayError, GatewayFault
from gateway.northbound.exchange import Exchange, MethodNotAllowed
from gateway.northbound.intake import Accepted
from gateway.northbound.writing import WRITING_ANSWER, written
from gateway.offload import converted
from gateway.operations import Operation
from gateway.relay.calls import Call
from gateway.settings import Limits
from generated.a2a.v1.a2a_pb import StreamResponse

_STREAM_HEADERS: Mapping[str, str] = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    # Proxies of the nginx family buffer answers unless told.
    "x-accel-buffering": "no",
}

_MORE_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"www-authenticate": "Bearer"},
    503: {"retry-after": "1"},
}


class Wording(Protocol):
    """What a binding over HTTP says. Writing raises Malformed for what is too large."""

    @property
    def binding(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def media_type(self) -> str:
        """Of an answer in one body."""
        ...

    @property
    def refuses_in_stream(self) -> bool:
        """Whether any error of a stream, its refusal too, is an event without a name: all that its callers read."""
        ...

    def answer(self, operation: Operation, answer: Answer) -> bytes: ...

    def event(self, event: StreamResponse) -> bytes:
        """The data of one SSE frame: JSON on one line."""
        ...

    def failure(self, error: GatewayError) -> tuple[int, bytes]:
        """The HTTP status and the JSON of an error."""
        ...


@dataclass(slots=True)
class HttpReply:
    """Writes the answer to one call in a binding's words."""

    exchange: Exchange
    wording: Wording
    limits: Limits
    _context: CallContext = CallContext()
    _operation: Operation | None = None
    _call: Call | None = None

    def entered(self, call: Call) -> None:
        self._call = call

    def accepted(self, accepted: Accepted) -> None:
        self._operation, self._context = accepted.operation, accepted.context

    async def answer(self, answer: Answer) -> None:
        operation = self._operation
        assert operation is not None
        size_bytes = len(answer.message.to_binary())
        with WRITING_ANSWER:
            body = await converted(
                size_bytes, self.limits.inline_bytes, lambda: self.wording.answer(operation, answer)
            )
        self._context.show("northbound", self.wording.binding, "response", body)
        await self.exchange.reply(200, body, {"content-type": self.wording.media_type, **self._named(answer.head)})

    async def begin(self, head: Head, *, silent: bool) -> None:
        await self.exchange.start(200, {**self._named(head), **_STREAM_HEADERS})
        if silent:
            await self.exchange.write(sse.KEEP_ALIVE)
        if self._call is not None:
            self._call.on_silence = self._break_silence

    async def burst(self, burst: Burst) -> None:
        frames, failure = await written(burst, self.limits.inline_bytes, self._frame)
        if self._context.is_watched:
            for frame in frames:
                self._context.show("northbound", self.wording.binding, "response", frame)
        if frames:
            await self.exchange.write(b"".join(frames))
        if failure is not None:
            raise failure

    async def end(self) -> None:
        await self.exchange.write(b"", more=False)

    async def fail(self, error: GatewayError) -> None:
        if self.exchange.ended:
            # The caller has its whole answer, and what failed is no part of it.
            return
        code, body = self.wording.failure(error)
        if not self.exchange.begun and self.wording.refuses_in_stream:
            frame = sse.frame(body)
            self._context.show("northbound", self.wording.binding, "response", frame)
            await self.exchange.start(200, {**self._call_name(), **_STREAM_HEADERS})
            await self.exchange.write(frame, more=False)
        elif self.exchange.begun:
            frame = sse.frame(body, "" if self.wording.refuses_in_stream else "error")
            self._context.show("northbound", self.wording.binding, "response", frame)
            await self.exchange.write(self._advice(error) + frame, more=False)
        else:
            headers = {"content-type": "application/json", **self._call_name(), **_MORE_HEADERS.get(code, {})}
            if isinstance(error, MethodNotAllowed):
                headers["allow"] = error.allow
            self._context.show("northbound", self.wording.binding, "response", body)
            await self.exchange.reply(code, body, headers)

    def cut(self) -> None:
        self.exchange.abort()

    def _frame(self, event: Event) -> bytes:
        return sse.frame(self.wording.event(event.response), id=event.cursor)

    async def _break_silence(self) -> None:
        await self.exchange.write(sse.KEEP_ALIVE)

    def _named(self, head: Head) -> dict[str, str]:
        return {**metadata.parameters(self.wording.version, head.extensions), **self._call_name()}

    def _call_name(self) -> dict[str, str]:
        return {metadata.CALL: self._call.name} if self._call is not None else {}

    def _advice(self, error: GatewayError) -> bytes:
        """When to come back, spread out, where the gateway itself ends the stream."""
        if isinstance(error, GatewayFault) and error.kind is ErrorKind.UNAVAILABLE:
            return sse.retry(random.randint(self.limits.retry_ms, 2 * self.limits.retry_ms))
        return b""
