"""An agent reached over JSON-RPC 2.0, its streams over Server-Sent Events, on httpx.

Streams have no total time limit. Nothing is retried here: a SendMessage may have had its effect.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Literal, cast

import httpx
from protobuf import Message
from protobuf.wkt.google.protobuf.empty_pb import Empty

from gateway.agent import Burst, CallContext, Crossing, taken
from gateway.codec import jsonrpc, metadata, protojson, sse, status
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Malformed
from gateway.errors import BY_HTTP_STATUS, AgentError, ErrorKind
from gateway.operations import GET_EXTENDED_AGENT_CARD, Operation
from gateway.settings import Limits
from gateway.southbound.request import addressed, blame_agent, blame_caller
from generated.a2a.v1.a2a_pb import AgentCard, GetExtendedAgentCardRequest, StreamResponse

VERSION = "1.0"
_EVENTS = "text/event-stream"


class JsonRpcAgent:
    """An Agent behind one JSON-RPC endpoint. It uses `client`, which its maker closes.

    `tenant` goes into every request.
    """

    binding = "JSONRPC"

    def __init__(self, url: str, client: httpx.AsyncClient, limits: Limits, tenant: str = "") -> None:
        self._url = url
        self._client = client
        self._limits = limits
        self._bounds = limits.bounds()
        self._tenant = tenant
        self._ids = itertools.count(1)

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Message:
        body = self._body(operation, request)
        loop = asyncio.get_running_loop()
        deadline = context.deadline or loop.time() + self._limits.unary_s
        try:
            async with asyncio.timeout_at(deadline), self._post(body, "application/json", context) as response:
                text = await _read(response, self._limits.json_bytes)
        except TimeoutError:
            raise AgentError(ErrorKind.DEADLINE_EXCEEDED, "The agent did not answer in time") from None
        _show(context, "response", text)
        result = self._result(response, text)
        if operation.response is Empty:
            return Empty()
        with blame_agent():
            return protojson.from_value(operation.response, result, self._bounds)

    async def stream(
        self, operation: Operation, request: Message, context: CallContext
    ) -> AsyncGenerator[Burst, None]:
        body = self._body(operation, request)
        async with self._post(body, _EVENTS, context) as response:
            if response.status_code != 200 or _media_type(response) != _EVENTS:
                self._result(response, await _read(response, self._limits.json_bytes))
                raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, "The agent answered a stream with a single result")
            reader = sse.SseReader(self._limits.json_bytes)
            chunks = aiter(response.aiter_raw())
            while (chunk := await self._next(chunks, context)) is not None:
                burst, failure = taken(self._events(reader, chunk, context))
                if burst:
                    yield burst
                if failure:
                    raise failure

    async def card(self, context: CallContext) -> AgentCard:
        answer = await self.call(GET_EXTENDED_AGENT_CARD, GetExtendedAgentCardRequest(), context)
        return cast(AgentCard, answer)

    async def close(self) -> None:
        """Nothing: the client is its maker's."""

    def _body(self, operation: Operation, request: Message) -> bytes:
        with blame_caller():
            params = protojson.encode(addressed(request, self._tenant), self._bounds)
        return jsonrpc.request(next(self._ids), operation.name, params)

    @asynccontextmanager
    async def _post(self, body: bytes, accept: str, context: CallContext) -> AsyncIterator[httpx.Response]:
        headers = metadata.to_headers(context.headers, VERSION, context.extensions)
        headers |= {"Accept": accept, "Accept-Encoding": "identity", "Content-Type": "application/json"}
        _show(context, "request", body)
        try:
            async with self._client.stream("POST", self._url, content=body, headers=headers) as response:
                with blame_agent():
                    context.reply.extensions = metadata.extensions(response.headers.multi_items())
                yield response
        except httpx.TransportError as error:
            raise _unavailable(error) from None

    async def _next(self, chunks: AsyncIterator[bytes], context: CallContext) -> bytes | None:
        idle_s = self._limits.stream_idle_s
        try:
            async with asyncio.timeout_at(context.deadline), asyncio.timeout(idle_s):
                return await anext(chunks, None)
        except TimeoutError:
            if context.deadline is not None and asyncio.get_running_loop().time() >= context.deadline:
                raise AgentError(ErrorKind.DEADLINE_EXCEEDED) from None
            raise AgentError(ErrorKind.UNAVAILABLE, f"The agent was silent for {idle_s} s") from None

    def _events(self, reader: sse.SseReader, chunk: bytes, context: CallContext) -> Iterator[StreamResponse]:
        with blame_agent():
            for event in reader.feed(chunk):
                _show(context, "response", sse.frame(event.data))
                if event.data and event.event in ("message", "error"):
                    yield protojson.from_value(StreamResponse, self._answer(event.data), self._bounds)

    def _result(self, response: httpx.Response, text: bytes) -> JsonValue:
        """The result in an answer's body; raises what the answer says or what its form betrays."""
        if _media_type(response).endswith("json"):
            try:
                return self._answer(text)
            except Malformed as error:
                if response.status_code == 200:
                    with blame_agent():
                        raise error
        if response.status_code == 200:
            media_type = _media_type(response) or "something of no media type"
            raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, f"The agent answered {media_type}")
        kind = BY_HTTP_STATUS.get(response.status_code, ErrorKind.UNKNOWN)
        raise AgentError(kind, f"The agent answered HTTP {response.status_code}")

    def _answer(self, text: bytes) -> JsonValue:
        answer = jsonrpc.read_answer(text, self._bounds)
        if isinstance(answer, jsonrpc.Failure):
            raise AgentError(*status.from_failure(answer))
        return answer


async def _read(response: httpx.Response, max_bytes: int) -> bytes:
    """The whole body, refused as soon as it is too long."""
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > max_bytes:
            raise AgentError(ErrorKind.RESOURCE_EXHAUSTED, f"The agent answered over {max_bytes} bytes")
        parts.append(chunk)
    return b"".join(parts)


def _media_type(response: httpx.Response) -> str:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower()


def _unavailable(error: httpx.TransportError) -> AgentError:
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout():
            what = "The agent cannot be reached"
        case httpx.RemoteProtocolError() | httpx.ReadError() | httpx.WriteError():
            what = "The connection to the agent broke"
        case _:
            what = "The exchange with the agent failed"
    return AgentError(ErrorKind.UNAVAILABLE, what)


def _show(context: CallContext, direction: Literal["request", "response"], frame: bytes) -> None:
    if context.watch is not None:
        context.watch(Crossing("southbound", "JSONRPC", direction, frame))
