"""An agent reached over HTTP+JSON, its streams over Server-Sent Events (specification section 11).

Streams have no total time limit. Nothing is retried here: a SendMessage may have had its effect.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

import httpx
from protobuf import Message

from gateway.agent import Answer, CallContext
from gateway.codec import metadata, rest, status
from gateway.codec.form import Form
from gateway.codec.jsontext import JsonValue, dump, load
from gateway.codec.malformed import Malformed
from gateway.errors import AgentError, ErrorKind
from gateway.operations import GET_EXTENDED_AGENT_CARD, Operation
from gateway.settings import Limits
from gateway.southbound import sse
from gateway.southbound.http_client import HttpClient, read_whole, release
from gateway.southbound.request import addressed, in_time, reading_answer, writing_request
from generated.a2a.v1.a2a_pb import AgentCard, GetExtendedAgentCardRequest, StreamResponse

BINDING = "HTTP+JSON"

_JSON = "application/json, application/a2a+json"
_METHOD_NOT_ALLOWED = 405


class RestAgent:
    """An Agent below one HTTP address. It uses `client`, which its maker closes.

    `routes` gives the operations of the version that `form` writes; of two for one operation, the second is for an
    agent that does not know the method of the first. `tenant` goes into every request, as the specification has it:
    before the path.
    """

    def __init__(
        self,
        url: str,
        routes: Mapping[Operation, Sequence[rest.Route]],
        form: Form[JsonValue],
        client: HttpClient,
        limits: Limits,
        tenant: str = "",
    ) -> None:
        self._base = url.rstrip("/") + (f"/{tenant}" if tenant else "")
        self._routes = dict(routes)
        self._form = form
        self._client = client
        self._limits = limits
        self._bounds = limits.bounds()

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        deadline = context.deadline or asyncio.get_running_loop().time() + self._limits.unary_s
        response = await in_time(self._ask(operation, request, _JSON, context), deadline, None)
        try:
            text = await in_time(read_whole(response, self._limits.json_bytes), deadline, None)
        finally:
            await release(response)
        context.show("southbound", BINDING, "response", text)
        result = self._result(operation, response, text)
        with reading_answer():
            answer = self._form.read_answer(operation, result, self._bounds)
        return Answer(answer, sse.head_of(response, self._form.version))

    async def open(self, operation: Operation, request: Message, context: CallContext) -> sse.SseStream:
        idle_s = self._limits.stream_idle_s
        response = await in_time(self._ask(operation, request, sse.MEDIA_TYPE, context), context.deadline, idle_s)

        def read(data: bytes, is_error: bool) -> StreamResponse:
            value = load(data, self._bounds)
            # Some agents do not name the frame that says what went wrong.
            if is_error or (isinstance(value, dict) and "error" in value):
                raise AgentError(*status.from_rest(operation.name, 500, value))
            return self._form.read_event(value, self._bounds)

        try:
            if not sse.is_stream(response):
                text = await in_time(read_whole(response, self._limits.json_bytes), context.deadline, idle_s)
                self._result(operation, response, text)
                raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, "The agent answered a stream with a single result")
            head = sse.head_of(response, self._form.version)
            return sse.SseStream(response, head, read, BINDING, context, self._limits)
        except BaseException:
            await release(response)
            raise

    async def card(self, context: CallContext) -> AgentCard:
        answer = await self.call(GET_EXTENDED_AGENT_CARD, GetExtendedAgentCardRequest(), context)
        return cast(AgentCard, answer.message)

    async def close(self) -> None:
        """Nothing: the client is its maker's."""

    async def _ask(
        self, operation: Operation, request: Message, accept: str, context: CallContext
    ) -> httpx.Response:
        first, *others = self._routes[operation]
        response = await self._ask_by(first, request, accept, context)
        if response.status_code == _METHOD_NOT_ALLOWED and others:
            # Nothing was done yet. What is learned here holds for the calls to come.
            await release(response)
            self._routes[operation] = (*others, first)
            response = await self._ask_by(others[0], request, accept, context)
        return response

    async def _ask_by(
        self, route: rest.Route, request: Message, accept: str, context: CallContext
    ) -> httpx.Response:
        with writing_request():
            written = self._form.write_request(route.operation, addressed(request, ""), self._bounds)
            target, content = rest.to_target(route, cast(dict[str, JsonValue], load(written, self._bounds)))
        body = None if content is None else dump(content)
        headers = {**context.headers, **metadata.parameters(self._form.version, context.extensions)}
        headers |= {"accept": accept, "accept-encoding": "identity"}
        if body is not None:
            headers["content-type"] = "application/json"
        context.show("southbound", BINDING, "request", f"{route.method} {target}\n".encode() + (body or b""))
        return await self._client.send(route.method, self._base + target, body, headers)

    def _result(self, operation: Operation, response: httpx.Response, text: bytes) -> JsonValue:
        """The JSON of an answer's body; raises what the answer says or what its form betrays."""
        value: JsonValue = None
        if sse.media_type(response).endswith("json") and text.strip():
            try:
                value = load(text, self._bounds)
            except Malformed as error:
                if response.is_success:
                    with reading_answer():
                        raise error
        elif response.is_success and not operation.answers_nothing:
            media_type = sse.media_type(response) or "nothing"
            raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, f"The agent answered {media_type}")
        if not response.is_success:
            raise AgentError(*status.from_rest(operation.name, response.status_code, value))
        return value
