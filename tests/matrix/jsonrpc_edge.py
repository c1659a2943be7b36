"""JSON-RPC on both sides of the gateway: a scripted agent and a bare caller in the words of `meaning`."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Self, cast

from gateway.errors import ErrorKind
from gateway.operations import Operation
from tests.fakes import http_steps, steps
from tests.fakes.callers import Ending, HttpCaller
from tests.fakes.events import Json, JsonValue
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.matrix.languages import NEW
from tests.matrix.meaning import Asked, Failure, HeaderValue, Heard, Language, Play


def code(kind: ErrorKind) -> int:
    return kind.row.jsonrpc


class JsonRpcAgent:
    """An agent over JSON-RPC that follows a Play."""

    def __init__(self, language: Language, methods: Mapping[Operation, str], card: Json) -> None:
        self._language = language
        self._methods = methods
        self._card = card
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
        self._agent.card = (card_reply(self._card, self.url),)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._agent.__aexit__(*exc)

    def plays(self, operation: Operation, *plays: Play) -> None:
        """What it does from now on, call by call, the last again and again; what it was asked before is forgotten."""
        self._agent.requests.clear()
        scripts = [_script(self._language, operation, play) for play in plays]

        def script(request: http_steps.Request) -> http_steps.Script:
            if request.rpc != self._methods.get(operation):
                return (http_steps.json_error(-32601, f"no play of {request.rpc}"),)
            return scripts[min(len(self._calls()), len(scripts)) - 1]

        self._agent.scripts = script

    def asked(self) -> list[Asked]:
        """What it got, call by call."""
        by_method = {method: operation for operation, method in self._methods.items()}
        return [self._asked(by_method[call.rpc], call) for call in self._calls()]

    async def time_left_s(self) -> float | None:
        """What was left of the deadline of its one call: HTTP carries none."""
        return None

    async def freed(self, within_s: float) -> None:
        """Returns once its caller has gone away from the one call. Raises TimeoutError."""
        await steps.until(lambda: bool(self._calls()))
        (call,) = self._calls()
        await steps.until(call.connection.gone.is_set, within_s)

    def _calls(self) -> list[http_steps.Request]:
        return [request for request in self._agent.requests if request.rpc]

    def _asked(self, operation: Operation, call: http_steps.Request) -> Asked:
        params = self._language.request(operation, call.member("params") or {})
        return Asked(operation, params, {name: value_of(name, text) for name, text in call.headers})


class JsonRpcCaller:
    """A caller over JSON-RPC. The agent's `name` is a path under `address`."""

    def __init__(self, language: Language, methods: Mapping[Operation, str], address: str, name: str = "") -> None:
        self._language = language
        self._methods = methods
        self._url = f"{address}{name}/" if name else address

    async def call(
        self,
        operation: Operation,
        request: JsonValue,
        headers: Sequence[tuple[str, HeaderValue]] | None = None,
        timeout_s: float | None = None,
    ) -> Heard:
        """Asks, and takes the answer to its end. HTTP carries no deadline: `timeout_s` is not known to the agent."""
        assert timeout_s is None
        given = (("a2a-version", self._language.version),) if headers is None else headers
        async with HttpCaller(self._url) as caller:
            texts = tuple((name, text_of(value)) for name, value in given)
            await caller.post(self._methods[operation], request, headers=texts)
            received = await caller.read_all()
            assert received.ending is Ending.WHOLE
            if received.header("content-type") == "text/event-stream":
                envelopes = [json.loads(event.data) for event in received.events]
            else:
                envelopes = [received.json()]
            results, failure = _taken(self._language, operation, cast(list[Json], envelopes))
            return Heard(
                results, failure, extensions_in(self._language, received.headers), received.header("a2a-version")
            )


def card_reply(card: Json, url: str) -> http_steps.Step:
    """A card whose addresses are the agent's: `URL` in it is where that is."""
    return http_steps.reply(200, http_steps.JSON_HEAD, json.dumps(card).replace("URL", url).encode())


def extensions_in(language: Language, headers: Sequence[tuple[str, HeaderValue]]) -> tuple[str, ...]:
    """The extensions that an answer names, which it does in the words of its version alone."""
    others = {"a2a-extensions", "x-a2a-extensions"} - {language.extensions}
    assert not others & {name for name, _ in headers}
    named = str(dict(headers).get(language.extensions, ""))
    return tuple(named.split(",")) if named else ()


def text_of(value: HeaderValue) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def value_of(name: str, text: str) -> HeaderValue:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True) if name.endswith("-bin") else text


def _script(language: Language, operation: Operation, play: Play) -> http_steps.Script:
    named = ((language.extensions, ",".join(play.extensions)),) if play.extensions else ()
    results = [result[language.spelling] for result in play.results]
    if play.silent:
        return (steps.hang(),)
    match play.failure:
        case Failure() as failure if not (operation.streams and results):
            return (http_steps.json_error(cast(int, failure.code), failure.message, _data(failure)),)
        case Failure() as failure:
            ending = [http_steps.sse_error(cast(int, failure.code), failure.message, _data(failure))]
        case None:
            ending = []
    if operation.streams:
        events = [http_steps.sse(cast(Json, event)) for event in results]
        return (http_steps.head(200, http_steps.SSE_HEAD + named), *events, *ending)
    (result,) = results
    return (_reply(result, named),)


def _reply(result: JsonValue, headers: http_steps.Headers) -> http_steps.Step:
    async def step(exchange: http_steps.HttpExchange) -> None:
        content = exchange.envelope("result", result)
        await http_steps.reply(200, http_steps.JSON_HEAD + headers, content)(exchange)

    return step


def _data(failure: Failure) -> JsonValue:
    return list(failure.details) or None


def _taken(
    language: Language, operation: Operation, envelopes: list[Json]
) -> tuple[tuple[JsonValue, ...], Failure | None]:
    results: list[JsonValue] = []
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
                # What answers nothing is null or {} in 1.0, and null in 0.3.
                nothing = language is NEW and operation.answers_nothing and value is None
                results.append(language.result(operation, {} if nothing else value))
            case _:
                raise AssertionError(f"neither result nor error: {envelope}")
    return tuple(results), failure
