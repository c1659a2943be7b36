"""JSON-RPC 1.0 on both sides of the gateway: a scripted agent and a bare caller in the words of `meaning`."""

import base64
import json
from collections.abc import Sequence
from typing import Self, cast

from protobuf import Message
from protobuf.wkt.google.protobuf.empty_pb import Empty

from gateway.errors import ErrorKind
from gateway.operations import BY_NAME, Operation
from tests.fakes import http_steps, steps
from tests.fakes.callers import Ending, HttpCaller
from tests.fakes.events import Json, JsonValue
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.matrix.meaning import Asked, Failure, HeaderValue, Heard, Play, canonical


def code(kind: ErrorKind) -> int:
    return kind.row.jsonrpc


class JsonRpcAgent:
    """An agent over JSON-RPC that follows a Play."""

    def __init__(self) -> None:
        self._agent = ScriptedHttpAgent({})

    @property
    def url(self) -> str:
        return self._agent.url

    @property
    def address(self) -> str:
        """Where a caller of this binding reaches it."""
        return self._agent.url

    async def __aenter__(self) -> Self:
        await self._agent.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._agent.__aexit__(*exc)

    def plays(self, operation: Operation, play: Play) -> None:
        """What it does from now on; what it was asked before is forgotten."""
        self._agent.requests.clear()
        self._agent.scripts = {operation.name: _script(operation, play)}

    async def asked(self) -> Asked:
        """The one call that it got."""
        call = await self._only_call()
        params = cast(Json, call.member("params") or {})
        headers = {name: _value(name, text) for name, text in call.headers}
        return Asked(call.rpc, canonical(BY_NAME[call.rpc].request, params), headers)

    async def time_left_s(self) -> float | None:
        """What was left of the deadline of its one call: HTTP carries none."""
        return None

    async def freed(self, within_s: float) -> None:
        """Returns once its caller has gone away from the one call. Raises TimeoutError."""
        call = await self._only_call()
        await steps.until(call.connection.gone.is_set, within_s)

    async def _only_call(self) -> http_steps.Request:
        def calls() -> list[http_steps.Request]:
            return [request for request in self._agent.requests if request.rpc]

        await steps.until(lambda: bool(calls()))
        (call,) = calls()
        return call


class JsonRpcCaller:
    """A caller over JSON-RPC. The agent's `name` is a path under `address`."""

    def __init__(self, address: str, name: str = "") -> None:
        self._url = f"{address}{name}/" if name else address

    async def call(
        self,
        operation: Operation,
        request: Json,
        headers: Sequence[tuple[str, HeaderValue]] = (("a2a-version", "1.0"),),
        timeout_s: float | None = None,
    ) -> Heard:
        """Asks, and takes the answer to its end. HTTP carries no deadline: `timeout_s` is not known to the agent."""
        assert timeout_s is None
        async with HttpCaller(self._url) as caller:
            await caller.post(operation.name, request, headers=tuple((name, _text(value)) for name, value in headers))
            received = await caller.read_all()
            assert received.ending is Ending.WHOLE
            if received.header("content-type") == "text/event-stream":
                envelopes = [json.loads(event.data) for event in received.events]
            else:
                envelopes = [received.json()]
            return _heard(operation, cast(list[Json], envelopes), received.header("a2a-extensions") or "")


def _script(operation: Operation, play: Play) -> http_steps.Script:
    named = (("a2a-extensions", ",".join(play.extensions)),) if play.extensions else ()
    if play.silent:
        return (steps.hang(),)
    match play.failure:
        case Failure() as failure if not (operation.streams and play.results):
            return (http_steps.json_error(cast(int, failure.code), failure.message, _data(failure)),)
        case Failure() as failure:
            ending = [http_steps.sse_error(cast(int, failure.code), failure.message, _data(failure))]
        case None:
            ending = []
    if operation.streams:
        events = [http_steps.sse(event) for event in play.results]
        return (http_steps.head(200, http_steps.SSE_HEAD + named), *events, *ending)
    (result,) = play.results
    return (_reply(result, named),)


def _reply(result: Json, headers: http_steps.Headers) -> http_steps.Step:
    async def step(exchange: http_steps.HttpExchange) -> None:
        content = exchange.envelope("result", result)
        await http_steps.reply(200, http_steps.JSON_HEAD + headers, content)(exchange)

    return step


def _data(failure: Failure) -> JsonValue:
    return list(failure.details) or None


def _heard(operation: Operation, envelopes: list[Json], extensions: str) -> Heard:
    results: list[Json] = []
    failure: Failure | None = None
    for envelope in envelopes:
        assert failure is None, "nothing follows an error"
        assert envelope["jsonrpc"] == "2.0"
        assert envelope["id"] == 1
        match envelope:
            case {"error": {"code": int(code), "message": str(text), **more}}:
                details = cast(list[Json], more.get("data", []))
                failure = Failure(code, text, tuple(details))
            case {"result": value}:
                results.append(_result(operation.response, value))
            case _:
                raise AssertionError(f"neither result nor error: {envelope}")
    return Heard(tuple(results), failure, tuple(extensions.split(",")) if extensions else ())


def _result(shape: type[Message], value: JsonValue) -> Json:
    return {} if shape is Empty and not value else canonical(shape, cast(Json, value))


def _text(value: HeaderValue) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _value(name: str, text: str) -> HeaderValue:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True) if name.endswith("-bin") else text
