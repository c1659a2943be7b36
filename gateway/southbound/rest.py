"""An agent reached over HTTP+JSON, its streams over Server-Sent Events (specification section 11).

Streams have no total time limit. Nothing is retried here: a SendMessage may have had its effect.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

from protobuf import Message

from gateway.agent import Answer, CallContext
from gateway.codec import metadata, rest, status
from gateway.codec.form import Form
from gateway.codec.jsontext import JsonValue, dump, load
from gateway.codec.malformed import Malformed
from gateway.errors import AgentError, ErrorKind
from gateway.offload import converted
from gateway.operations import GET_EXTENDED_AGENT_CARD, Operation
from gateway.settings import Limits
from gateway.southbound import sse
from gateway.southbound.request import READING_ANSWER, WRITING_REQUEST, addressed, in_time
from gateway.southbound.transport.http import HttpClient, Response, media_type, read_whole
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
            await response.release()
        context.show("southbound", BINDING, "response", text)
        result = await converted(
            len(text), self._limits.inline_bytes, lambda: self._result(operation, response, text)
        )
        with READING_ANSWER:
            answer = await converted(
                len(text), self._limits.inline_bytes, lambda: self._form.read_answer(operation, result, self._bounds)
            )
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
            await response.release()
            raise

    async def card(self, context: CallContext) -> AgentCard:
        answer = await self.call(GET_EXTENDED_AGENT_CARD, GetExtendedAgentCardRequest(), context)
        return cast(AgentCard, answer.message)

    async def close(self) -> None:
        """Nothing: the client is its maker's."""

    async def _ask(
        self, operation: Operation, request: Message, accept: str, context: CallContext
    ) -> Response:
        first, *others = self._routes[operation]
        response = await self._ask_by(first, request, accept, context)
        if response.status == _METHOD_NOT_ALLOWED and others:
            # Nothing was done yet. What is learned here holds for the calls to come.
            await response.release()
            self._routes[operation] = (*others, first)
            response = await self._ask_by(others[0], request, accept, context)
        return response

    async def _ask_by(
        self, route: rest.Route, request: Message, accept: str, context: CallContext
    ) -> Response:
        def written() -> tuple[str, bytes | None]:
            body = self._form.write_request(route.operation, addressed(request, ""), self._bounds)
            target, content = rest.to_target(route, cast(dict[str, JsonValue], load(body, self._bounds)))
            return target, None if content is None else dump(content)

        with WRITING_REQUEST:
            target, body = await converted(len(request.to_binary()), self._limits.inline_bytes, written)
        headers = {**context.headers, **metadata.requested(self._form.version, context.extensions)}
        headers |= {"accept": accept, "accept-encoding": "identity"}
        if body is not None:
            headers["content-type"] = "application/json"
        context.show("southbound", BINDING, "request", f"{route.method} {target}\n".encode() + (body or b""))
        return await self._client.send(route.method, self._base + target, body, headers)

    def _result(self, operation: Operation, response: Response, text: bytes) -> JsonValue:
        """The JSON of an answer's body; raises what the answer says or what its form betrays."""
        value: JsonValue = None
        succeeded = 200 <= response.status < 300
        if media_type(response).endswith("json") and text.strip():
            try:
                value = load(text, self._bounds)
            except Malformed as error:
                if succeeded:
                    with READING_ANSWER:
                        raise error
        elif succeeded and not operation.answers_nothing:
            content = media_type(response) or "nothing"
            raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, f"The agent answered {content}")
        if not succeeded:
            raise AgentError(*status.from_rest(operation.name, response.status, value))
        return value
