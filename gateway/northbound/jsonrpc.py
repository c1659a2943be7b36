"""JSON-RPC 2.0 over HTTP, streams as Server-Sent Events (specification section 9).

A stream waits a moment for its first event. An error by then is a plain JSON-RPC answer; after it
the headers are out, and an error is an `event: error` frame and then the end.
"""

import random
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qs

import structlog
from protobuf import Message
from starlette.types import Receive, Scope, Send

from gateway.agent import Agent, Burst, CallContext, Crossing
from gateway.codec import jsonrpc, protojson, sse, status
from gateway.errors import AgentError, CallerError, ErrorKind, GatewayError, GatewayFault
from gateway.northbound.exchange import BodyTooSlow, CallerGone, Exchange
from gateway.northbound.intake import Caller, Intake, blame_agent, blame_caller, checked
from gateway.northbound.opening import Opening
from gateway.northbound.site import Sites
from gateway.operations import BY_NAME, Operation

BINDING = "JSONRPC"

HTTP_STATUS: Mapping[tuple[type[GatewayError], ErrorKind], int] = {
    (AgentError, ErrorKind.UNAUTHENTICATED): 401,
    (AgentError, ErrorKind.PERMISSION_DENIED): 403,
    (CallerError, ErrorKind.RESOURCE_EXHAUSTED): 413,
    (BodyTooSlow, ErrorKind.INVALID_REQUEST): 408,
    (GatewayFault, ErrorKind.RESOURCE_EXHAUSTED): 503,
    (GatewayFault, ErrorKind.UNAVAILABLE): 503,
}
"""Errors that HTTP itself must be told of; every other JSON-RPC error answers 200."""

_MORE_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"www-authenticate": "Bearer"},
    503: {"retry-after": "1"},
}

_log = structlog.get_logger("a2a_gateway.jsonrpc")


class JsonRpcEndpoint:
    """The ASGI application at the address of one agent; `name` is empty at the gateway's own."""

    def __init__(self, intake: Intake, sites: Sites, name: str) -> None:
        self._intake = intake
        self._sites = sites
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _Call(Exchange(scope, receive, send, self._intake.limits), self._intake)
        try:
            try:
                with self._intake.calls.enter():
                    await self._serve(call)
            except GatewayError as error:
                await call.fail(error)
            except CallerGone:
                raise
            except Exception:
                _log.exception("unexpected error")
                await call.fail(GatewayFault(ErrorKind.INTERNAL_ERROR))
        except CallerGone:
            pass

    async def _serve(self, call: "_Call") -> None:
        exchange = call.exchange
        _check_media_type(exchange.header("content-type"))
        body = await exchange.body()
        async with exchange.watched():
            try:
                request = jsonrpc.read_request(body, self._intake.bounds)
            except jsonrpc.BadEnvelope as error:
                call.id = error.id
                raise
            call.id = request.id
            operation = BY_NAME.get(request.method)
            if operation is None:
                raise CallerError(ErrorKind.METHOD_NOT_FOUND, f"There is no method {request.method[:64]!r}")
            version = parse_qs(exchange.query).get("A2A-Version", [""])[0]
            context = self._intake.context(Caller(BINDING, list(exchange.headers), version))
            call.show(context, "request", body)
            with blame_caller():
                message = protojson.from_value(operation.request, request.params, self._intake.bounds)
                checked(message)
            site = self._sites.seen_by(dict(exchange.headers), exchange.peer)
            agent = self._intake.find(getattr(message, "tenant", ""), self._name, site)
            if operation.streams:
                await call.stream(agent, operation, message, context)
            else:
                await call.answer(agent, operation, message, context)


class _Call:
    """One JSON-RPC call and its answer."""

    def __init__(self, exchange: Exchange, intake: Intake) -> None:
        self.exchange = exchange
        self.id = jsonrpc.NO_ID
        self._limits = intake.limits
        self._bounds = intake.bounds

    async def answer(self, agent: Agent, operation: Operation, request: Message, context: CallContext) -> None:
        answer = await agent.call(operation, request, context)
        with blame_agent():
            body = jsonrpc.result(self.id, protojson.encode(answer, self._bounds))
        self.show(context, "response", body)
        await self.exchange.reply(200, body, {"content-type": "application/json", **_head(context)})

    async def stream(self, agent: Agent, operation: Operation, request: Message, context: CallContext) -> None:
        async with Opening(agent.stream(operation, request, context)) as bursts:
            in_time = await bursts.arrives(self._limits.first_event_s)
            await self.exchange.open_stream(_head(context))
            if not in_time:
                await self.exchange.write(sse.KEEP_ALIVE)
            async for burst in bursts:
                frames = self._frames(burst)
                self.show(context, "response", frames)
                await self.exchange.write(frames)
        await self.exchange.end_stream()

    async def fail(self, error: GatewayError) -> None:
        """Answers the error in the form that the state of the exchange leaves."""
        row = error.kind.row
        body = jsonrpc.failure(self.id, row.jsonrpc, status.shortened(error.message), status.to_data(error))
        if self.exchange.begun:
            await self.exchange.end_stream(_advice(error, self._limits.retry_ms) + sse.frame(body, "error"))
        else:
            code = HTTP_STATUS.get((type(error), error.kind), 200)
            headers = {"content-type": "application/json", **_MORE_HEADERS.get(code, {})}
            await self.exchange.reply(code, body, headers)

    def show(self, context: CallContext, direction: Literal["request", "response"], frame: bytes) -> None:
        if context.watch is not None:
            context.watch(Crossing("northbound", BINDING, direction, frame))

    def _frames(self, burst: Burst) -> bytes:
        with blame_agent():
            return b"".join(
                sse.frame(jsonrpc.result(self.id, protojson.encode(event, self._bounds))) for event in burst
            )


def _check_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise CallerError(
            ErrorKind.CONTENT_TYPE_NOT_SUPPORTED, "A request is application/json; send `Content-Type: application/json`"
        )


def _head(context: CallContext) -> dict[str, str]:
    """What the answer says of itself."""
    named = {"a2a-version": "1.0"}
    if context.reply.extensions:
        named["a2a-extensions"] = ",".join(context.reply.extensions)
    return named


def _advice(error: GatewayError, retry_ms: int) -> bytes:
    """When to come back, spread out, where the gateway itself ends the stream."""
    if isinstance(error, GatewayFault) and error.kind is ErrorKind.UNAVAILABLE:
        return sse.retry(random.randint(retry_ms, 2 * retry_ms))
    return b""
