"""An agent reached over JSON-RPC 2.0, its streams over Server-Sent Events.

Streams have no total time limit. Nothing is retried here: a SendMessage may have had its effect.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from typing import cast

import httpx
from protobuf import Message
from protobuf.wkt.google.protobuf.empty_pb import Empty

from gateway.agent import Answer, Burst, CallContext, Event, Head, taken
from gateway.codec import jsonrpc, metadata, protojson, sse, status
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds, Malformed
from gateway.errors import BY_HTTP_STATUS, AgentError, ErrorKind, GatewayError
from gateway.operations import GET_EXTENDED_AGENT_CARD, Operation
from gateway.settings import Limits
from gateway.southbound.http_client import HttpClient, read_whole, release, talking_to_agent
from gateway.southbound.request import addressed, in_time, reading_answer, writing_request
from generated.a2a.v1.a2a_pb import AgentCard, GetExtendedAgentCardRequest, StreamResponse

BINDING = "JSONRPC"
VERSION = "1.0"

_JSON = "application/json"
_EVENTS = "text/event-stream"


class JsonRpcAgent:
    """An Agent behind one JSON-RPC endpoint. It uses `client`, which its maker closes.

    `tenant` goes into every request.
    """

    def __init__(self, url: str, client: HttpClient, limits: Limits, tenant: str = "") -> None:
        self._url = url
        self._client = client
        self._limits = limits
        self._bounds = limits.bounds()
        self._tenant = tenant
        self._ids = itertools.count(1)

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        deadline = context.deadline or asyncio.get_running_loop().time() + self._limits.unary_s
        response = await in_time(self._post(operation, request, _JSON, context), deadline, None)
        try:
            text = await in_time(read_whole(response, self._limits.json_bytes), deadline, None)
        finally:
            await release(response)
        context.show("southbound", BINDING, "response", text)
        result = _result(response, text, self._bounds)
        head = _head(response)
        if operation.response is Empty:
            return Answer(Empty(), head)
        with reading_answer():
            return Answer(protojson.from_value(operation.response, result, self._bounds), head)

    async def open(self, operation: Operation, request: Message, context: CallContext) -> "SseStream":
        idle_s = self._limits.stream_idle_s
        response = await in_time(self._post(operation, request, _EVENTS, context), context.deadline, idle_s)
        try:
            if response.status_code != 200 or _media_type(response) != _EVENTS:
                text = await in_time(read_whole(response, self._limits.json_bytes), context.deadline, idle_s)
                _result(response, text, self._bounds)
                raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, "The agent answered a stream with a single result")
            return SseStream(response, context, self._limits)
        except BaseException:
            await release(response)
            raise

    async def card(self, context: CallContext) -> AgentCard:
        answer = await self.call(GET_EXTENDED_AGENT_CARD, GetExtendedAgentCardRequest(), context)
        return cast(AgentCard, answer.message)

    async def close(self) -> None:
        """Nothing: the client is its maker's."""

    async def _post(
        self, operation: Operation, request: Message, accept: str, context: CallContext
    ) -> httpx.Response:
        with writing_request():
            params = protojson.encode(addressed(request, self._tenant), self._bounds)
        body = jsonrpc.request(next(self._ids), operation.name, params)
        headers = metadata.to_headers(context.headers, VERSION, context.extensions)
        headers |= {"Accept": accept, "Accept-Encoding": "identity", "Content-Type": _JSON}
        context.show("southbound", BINDING, "request", body)
        return await self._client.send("POST", self._url, body, headers)


class SseStream:
    """The events of one SSE response as they come."""

    def __init__(self, response: httpx.Response, context: CallContext, limits: Limits) -> None:
        self.head = _head(response)
        self._response = response
        self._chunks: AsyncIterator[bytes] = aiter(response.aiter_raw())
        self._context = context
        self._idle_s = limits.stream_idle_s
        self._bounds = limits.bounds()
        self._reader = sse.SseReader(limits.json_bytes)
        self._failure: GatewayError | None = None

    async def burst(self) -> Burst | None:
        while self._failure is None:
            with talking_to_agent():
                chunk = await in_time(anext(self._chunks, None), self._context.deadline, self._idle_s)
            if chunk is None:
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
                self._context.show("southbound", BINDING, "response", sse.frame(event.data))
                if event.data and event.event in ("message", "error"):
                    result = _answer(event.data, self._bounds)
                    yield Event(protojson.from_value(StreamResponse, result, self._bounds), event.id)


def _result(response: httpx.Response, text: bytes, bounds: Bounds) -> JsonValue:
    """The result in an answer's body; raises what the answer says or what its form betrays."""
    if _media_type(response).endswith("json"):
        try:
            return _answer(text, bounds)
        except Malformed as error:
            if response.status_code == 200:
                with reading_answer():
                    raise error
    if response.status_code == 200:
        media_type = _media_type(response) or "something of no media type"
        raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, f"The agent answered {media_type}")
    kind = BY_HTTP_STATUS.get(response.status_code, ErrorKind.UNKNOWN)
    raise AgentError(kind, f"The agent answered HTTP {response.status_code}")


def _answer(text: bytes, bounds: Bounds) -> JsonValue:
    answer = jsonrpc.read_answer(text, bounds)
    if isinstance(answer, jsonrpc.Failure):
        raise AgentError(*status.from_failure(answer))
    return answer


def _head(response: httpx.Response) -> Head:
    with reading_answer():
        return Head(metadata.extensions(response.headers.multi_items()))


def _media_type(response: httpx.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()
