"""JSON-RPC 2.0 over HTTP, streams as Server-Sent Events (specification section 9).

A stream waits a moment for its first event. An error by then is a plain JSON-RPC answer; after it
the head is out, and an error is an `event: error` frame and then the end.
"""

import random
from collections.abc import Mapping
from urllib.parse import parse_qs

from protobuf import Message
from starlette.types import Receive, Scope, Send

from gateway.agent import Answer, Burst, CallContext, Head
from gateway.codec import jsonrpc, protojson, sse, status
from gateway.errors import AgentError, CallerError, ErrorKind, GatewayError, GatewayFault
from gateway.northbound.exchange import BodyTooSlow, Exchange
from gateway.northbound.intake import Incoming, Intake, writing_answer
from gateway.northbound.serve import perform, serve
from gateway.northbound.site import Sites
from gateway.operations import BY_NAME
from gateway.relay.calls import Call
from gateway.relay.directory import NoSuchAgent

BINDING = "JSONRPC"

HTTP_STATUS: tuple[tuple[type[GatewayError], ErrorKind, int], ...] = (
    (AgentError, ErrorKind.UNAUTHENTICATED, 401),
    (AgentError, ErrorKind.PERMISSION_DENIED, 403),
    (NoSuchAgent, ErrorKind.INVALID_PARAMS, 404),
    (BodyTooSlow, ErrorKind.INVALID_REQUEST, 408),
    (CallerError, ErrorKind.RESOURCE_EXHAUSTED, 413),
    (GatewayFault, ErrorKind.RESOURCE_EXHAUSTED, 503),
    (GatewayFault, ErrorKind.UNAVAILABLE, 503),
)
"""Errors that HTTP itself must be told of; every other JSON-RPC error answers 200."""

_MORE_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"www-authenticate": "Bearer"},
    503: {"retry-after": "1"},
}

_STREAM_HEADERS: Mapping[str, str] = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    # Proxies of the nginx family buffer answers unless told.
    "x-accel-buffering": "no",
}


class JsonRpcEndpoint:
    """The ASGI application at the addresses of the agents and at the gateway's own."""

    def __init__(self, intake: Intake, sites: Sites) -> None:
        self._intake = intake
        self._sites = sites

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, self._intake.limits)
        reply = JsonRpcReply(exchange, self._intake)

        async def work(call: Call) -> None:
            _check_media_type(exchange.header("content-type"))
            body = await exchange.body(call)
            async with exchange.watched(call):
                try:
                    request = jsonrpc.read_request(body, self._intake.bounds)
                except jsonrpc.BadEnvelope as error:
                    reply.id = error.id
                    raise
                reply.id = request.id
                accepted = self._intake.accept(call, self._incoming(exchange, request, body))
                await perform(call, accepted, reply, self._intake.limits.first_event_s)

        await serve(self._intake.calls, BINDING, work, reply)

    def _incoming(self, exchange: Exchange, request: jsonrpc.Request, body: bytes) -> Incoming:
        operation = BY_NAME.get(request.method)
        if operation is None:
            raise CallerError(ErrorKind.METHOD_NOT_FOUND, f"There is no method {request.method[:64]!r}")

        def read() -> Message:
            return protojson.from_value(operation.request, request.params, self._intake.bounds)

        return Incoming(
            operation,
            read,
            exchange.headers,
            self._sites.seen_by({name: str(value) for name, value in exchange.headers}, exchange.peer),
            body,
            exchange.agent,
            query_version=parse_qs(exchange.query).get("A2A-Version", [""])[0],
        )


class JsonRpcReply:
    """Writes the answer to one JSON-RPC request."""

    def __init__(self, exchange: Exchange, intake: Intake) -> None:
        self.id = jsonrpc.NO_ID
        """The text of the request's id, once it is known."""
        self._exchange = exchange
        self._bounds = intake.bounds
        self._retry_ms = intake.limits.retry_ms
        self._context = CallContext()
        self._call: Call | None = None

    def accepted(self, call: Call, context: CallContext) -> None:
        self._call, self._context = call, context

    async def answer(self, answer: Answer) -> None:
        with writing_answer():
            body = jsonrpc.result(self.id, protojson.encode(answer.message, self._bounds))
        self._context.show("northbound", BINDING, "response", body)
        await self._exchange.reply(200, body, {"content-type": "application/json", **_named(answer.head)})

    async def begin(self, head: Head, *, silent: bool) -> None:
        await self._exchange.start(200, {**_named(head), **_STREAM_HEADERS})
        if silent:
            await self._exchange.write(sse.KEEP_ALIVE)
        if self._call is not None:
            self._call.on_silence = self._break_silence

    async def burst(self, burst: Burst) -> None:
        with writing_answer():
            frames = b"".join(
                sse.frame(jsonrpc.result(self.id, protojson.encode(event.response, self._bounds)), id=event.cursor)
                for event in burst
            )
        self._context.show("northbound", BINDING, "response", frames)
        await self._exchange.write(frames)

    async def end(self) -> None:
        await self._exchange.write(b"", more=False)

    async def fail(self, error: GatewayError) -> None:
        row = error.kind.row
        body = jsonrpc.failure(self.id, row.jsonrpc, status.shortened(error.message), status.to_data(error))
        if self._exchange.begun:
            await self._exchange.write(self._advice(error) + sse.frame(body, "error"), more=False)
            return
        code = next((code for type_, kind, code in HTTP_STATUS if isinstance(error, type_) and error.kind is kind), 200)
        await self._exchange.reply(code, body, {"content-type": "application/json", **_MORE_HEADERS.get(code, {})})

    def cut(self) -> None:
        self._exchange.abort()

    async def _break_silence(self) -> None:
        await self._exchange.write(sse.KEEP_ALIVE)

    def _advice(self, error: GatewayError) -> bytes:
        """When to come back, spread out, where the gateway itself ends the stream."""
        if isinstance(error, GatewayFault) and error.kind is ErrorKind.UNAVAILABLE:
            return sse.retry(random.randint(self._retry_ms, 2 * self._retry_ms))
        return b""


def _check_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise CallerError(
            ErrorKind.CONTENT_TYPE_NOT_SUPPORTED, "A request is application/json; send `Content-Type: application/json`"
        )


def _named(head: Head) -> dict[str, str]:
    """What the answer says of itself."""
    named = {"a2a-version": "1.0"}
    if head.extensions:
        named["a2a-extensions"] = ",".join(head.extensions)
    return named
