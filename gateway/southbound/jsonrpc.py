"""An agent reached over JSON-RPC 2.0, its streams over Server-Sent Events.

Streams have no total time limit. Nothing is retried here: a SendMessage may have had its effect.
"""

import asyncio
import itertools
import random
from collections.abc import Mapping
from typing import cast

from protobuf import Message

from gateway.agent import Answer, CallContext
from gateway.codec import jsonrpc, metadata, status
from gateway.codec.form import Form
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Malformed
from gateway.errors import BY_HTTP_STATUS, AgentError, ErrorKind
from gateway.offload import converted
from gateway.operations import GET_EXTENDED_AGENT_CARD, Operation
from gateway.settings import Limits
from gateway.southbound import sse
from gateway.southbound.request import READING_ANSWER, WRITING_REQUEST, addressed, in_time
from gateway.southbound.transport.http import HttpClient, Response, media_type, read_whole
from generated.a2a.v1.a2a_pb import AgentCard, GetExtendedAgentCardRequest, StreamResponse

BINDING = "JSONRPC"

_JSON = "application/json"


class JsonRpcAgent:
    """An Agent behind one JSON-RPC endpoint. It uses `client`, which its maker closes.

    `methods` names the operations in the version that `form` writes. `tenant` goes into every
    request.
    """

    def __init__(
        self,
        url: str,
        methods: Mapping[Operation, str],
        form: Form[JsonValue],
        client: HttpClient,
        limits: Limits,
        tenant: str = "",
    ) -> None:
        self._url = url
        self._methods = methods
        self._form = form
        self._client = client
        self._limits = limits
        self._bounds = limits.bounds()
        self._tenant = tenant
        self._ids = itertools.count(random.randrange(1, 2**31))  # so that no agent can guess the next one

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        deadline = context.deadline or asyncio.get_running_loop().time() + self._limits.unary_s
        number = next(self._ids)
        response = await in_time(self._post(number, operation, request, _JSON, context), deadline, None)
        try:
            text = await in_time(read_whole(response, self._limits.json_bytes), deadline, None)
        finally:
            await response.release()
        context.show("southbound", BINDING, "response", text)
        result = await converted(
            len(text), self._limits.inline_bytes, lambda: self._result(response, text, number)
        )
        with READING_ANSWER:
            answer = await converted(
                len(text), self._limits.inline_bytes, lambda: self._form.read_answer(operation, result, self._bounds)
            )
        return Answer(answer, sse.head_of(response, self._form.version))

    async def open(self, operation: Operation, request: Message, context: CallContext) -> sse.SseStream:
        number, idle_s = next(self._ids), self._limits.stream_idle_s
        asking = self._post(number, operation, request, sse.MEDIA_TYPE, context)
        response = await in_time(asking, context.deadline, idle_s)

        def read(data: bytes, is_error: bool) -> StreamResponse:
            return self._form.read_event(self._answer(data, number), self._bounds)

        try:
            if not sse.is_stream(response):
                text = await in_time(read_whole(response, self._limits.json_bytes), context.deadline, idle_s)
                self._result(response, text, number)
                raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, "The agent answered a stream with a single result")
            head = sse.head_of(response, self._form.version)
            return sse.SseStream(response, head, read, BINDING, context, self._limits)
        except BaseException:
            await response.release()
            raise

    async def card(self, context: CallContext) -> AgentCard:
        answer = await self.call(GET_EXTENDED_AGENT_CARD, GetExtendedAgentCardRequest(), context)
        return cast(AgentCard, answer.message)

    async def close(self) -> None:
        """Nothing: the client is its maker's."""

    async def _post(
        self, number: int, operation: Operation, request: Message, accept: str, context: CallContext
    ) -> Response:
        size_bytes = len(request.to_binary())
        with WRITING_REQUEST:
            params = await converted(
                size_bytes,
                self._limits.inline_bytes,
                lambda: self._form.write_request(operation, addressed(request, self._tenant), self._bounds),
            )
        body = jsonrpc.request(number, self._methods[operation], params)
        headers = {**context.headers, **metadata.requested(self._form.version, context.extensions)}
        headers |= {"accept": accept, "accept-encoding": "identity", "content-type": _JSON}
        context.show("southbound", BINDING, "request", body)
        return await self._client.send("POST", self._url, body, headers)

    def _result(self, response: Response, text: bytes, number: int) -> JsonValue:
        """The result in an answer's body; raises what the answer says or what its form betrays."""
        if media_type(response).endswith("json"):
            try:
                return self._answer(text, number)
            except Malformed as error:
                if response.status == 200:
                    with READING_ANSWER:
                        raise error
        if response.status == 200:
            content = media_type(response) or "something of no media type"
            raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, f"The agent answered {content}")
        kind = BY_HTTP_STATUS.get(response.status, ErrorKind.UNKNOWN)
        raise AgentError(kind, f"The agent answered HTTP {response.status}")

    def _answer(self, text: bytes, number: int) -> JsonValue:
        answer = jsonrpc.read_answer(text, self._bounds, number)
        if isinstance(answer, jsonrpc.Failure):
            raise AgentError(*status.from_failure(answer))
        return answer
