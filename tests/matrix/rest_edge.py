"""HTTP+JSON on both sides of the gateway: a scripted agent and a bare caller in the words of `meaning`.

A failure's code is the HTTP status and the name beside it; without a name, all else is a message, as in 0.3.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self, cast
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from gateway.errors import ErrorKind
from gateway.operations import Operation
from tests.fakes import http_steps, steps
from tests.fakes.callers import Ending, HttpCaller, Received
from tests.fakes.events import Json, JsonValue
from tests.fakes.scripted_http import CARD_PATH, ScriptedHttpAgent
from tests.matrix.jsonrpc_edge import card_reply, extensions_in, text_of, value_of
from tests.matrix.meaning import Asked, Failure, HeaderValue, Heard, Language, Play

FLAGS = frozenset({"includeArtifacts"})
"""Members that are true or false, which a query says in letters."""

_CLIENT_CLOSED_REQUEST = 499
_FIELD = re.compile(r"\{(\w+)(?:=([^}]*))?\}")


def code(kind: ErrorKind) -> str:
    # That the agent gave up is not that the client did.
    http = 500 if kind.row.http == _CLIENT_CLOSED_REQUEST else kind.row.http
    return f"{http} {kind.row.grpc.name}"


@dataclass(frozen=True, slots=True)
class Route:
    """`METHOD /path/{field}`, as the definitions of the services write it: `{name=tasks/*}` has a slash in it."""

    text: str

    @property
    def method(self) -> str:
        return self.text.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.text.partition(" ")[2]

    def target(self, request: Json) -> tuple[str, Json]:
        """The path of a request, and what of it is still to be said."""
        rest = dict(request)

        def field(match: re.Match[str]) -> str:
            return quote(str(rest.pop(match[1])), safe="/" if match[2] else "")

        return _FIELD.sub(field, self.path), rest

    def fields(self, method: str, path: str) -> Json | None:
        """What a path says; None where it is another's."""
        pattern = "".join(
            piece if index % 3 == 0 else f"(?P<{piece}>" if index % 3 == 1 else f"{_segments(piece)})"
            for index, piece in enumerate(_FIELD.split(self.path))
        )
        found = re.fullmatch(pattern, path)
        if found is None or method != self.method:
            return None
        return {name: unquote(text) for name, text in found.groupdict().items()}


class RestAgent:
    """An agent over HTTP+JSON that follows a Play."""

    def __init__(self, language: Language, routes: Mapping[Operation, str], card: Json) -> None:
        self._language = language
        self._routes = {operation: Route(text) for operation, text in routes.items()}
        self._card = card
        self._agent = ScriptedHttpAgent({})
        self.media_type = "application/json"
        """Of its answers in one body."""

    @property
    def url(self) -> str:
        return self._agent.url

    @property
    def address(self) -> str:
        """Where a caller of this binding reaches it."""
        return self._agent.url

    @property
    def targets(self) -> list[str]:
        """The request lines that it got, as they stood there."""
        return [f"{call.method} {call.path}" for call in self._calls()]

    async def __aenter__(self) -> Self:
        await self._agent.__aenter__()
        self._agent.card = (card_reply(self._card, self.url),)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._agent.__aexit__(*exc)

    def plays(self, operation: Operation, *plays: Play) -> None:
        """What it does from now on, call by call, the last again and again; what it was asked before is forgotten."""
        self._agent.requests.clear()
        scripts = [_script(self._language, operation, play, self.media_type) for play in plays]

        def script(request: http_steps.Request) -> http_steps.Script:
            route = self._routes.get(operation)
            if route is None or route.fields(request.method, urlsplit(request.path).path) is None:
                return (http_steps.reply(404, (), b""),)
            return scripts[min(len(self._calls()), len(scripts)) - 1]

        self._agent.scripts = script

    def asked(self) -> list[Asked]:
        """What it got, call by call."""
        return [self._asked(call) for call in self._calls()]

    async def time_left_s(self) -> float | None:
        """What was left of the deadline of its one call: HTTP carries none."""
        return None

    async def freed(self, within_s: float) -> None:
        """Returns once its caller has gone away from the one call. Raises TimeoutError."""
        await steps.until(lambda: bool(self._calls()))
        (call,) = self._calls()
        await steps.until(call.connection.gone.is_set, within_s)

    def _calls(self) -> list[http_steps.Request]:
        return [request for request in self._agent.requests if not request.path.endswith(CARD_PATH)]

    def _asked(self, call: http_steps.Request) -> Asked:
        parts = urlsplit(call.path)
        named = {operation: route.fields(call.method, parts.path) for operation, route in self._routes.items()}
        ((operation, fields),) = [(operation, fields) for operation, fields in named.items() if fields is not None]
        if call.method == "POST":
            assert call.header("content-type") == "application/json"
            assert not parts.query
            said = cast(Json, call.json)
        else:
            assert not call.body
            said = {name: _typed(name, text) for name, text in parse_qsl(parts.query, strict_parsing=bool(parts.query))}
        request = self._language.request(operation, {**said, **fields})
        return Asked(operation, request, {name: value_of(name, text) for name, text in call.headers})


class RestCaller:
    """A caller over HTTP+JSON. The agent's `name` is a path under `address`."""

    def __init__(self, language: Language, routes: Mapping[Operation, str], address: str, name: str = "") -> None:
        self._language = language
        self._routes = {operation: Route(text) for operation, text in routes.items()}
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
        route = self._routes[operation]
        path, rest = route.target(cast(Json, request))
        body = json.dumps(rest).encode() if route.method == "POST" else b""
        query = "" if route.method == "POST" or not rest else f"?{urlencode({k: _text(v) for k, v in rest.items()})}"
        texts = tuple((name, text_of(value)) for name, value in given)
        if body:
            texts = (*texts, ("content-type", "application/json"))
        received = await ask(self._url, route.method, path + query, body, texts)
        results, failure = self._taken(operation, received)
        return Heard(results, failure, extensions_in(self._language, received.headers), received.header("a2a-version"))

    def _taken(self, operation: Operation, received: Received) -> tuple[tuple[JsonValue, ...], Failure | None]:
        if received.status != 200:
            assert received.header("content-type") == "application/json"
            failure = _failure(received.json())
            assert str(failure.code).startswith(f"{received.status} ")
            return (), failure
        if received.header("content-type") != "text/event-stream":
            assert received.header("content-type") == "application/json"
            return (self._language.result(operation, received.json()),), None
        events = [(event.name, json.loads(event.data)) for event in received.events]
        failures = [_failure(value) for name, value in events if name == "error"]
        assert len(failures) <= 1
        assert not failures or events[-1][0] == "error", "nothing follows an error"
        results = [self._language.result(operation, value) for name, value in events if name == "message"]
        return tuple(results), failures[0] if failures else None


async def ask(
    url: str, method: str, target: str, body: bytes = b"", headers: Sequence[tuple[str, str]] = ()
) -> Received:
    """One HTTP exchange; `target` is below `url`, which ends in a slash."""
    async with HttpCaller(url) as caller:
        length = (("content-length", str(len(body))),) if body or method == "POST" else ()
        lines = "".join(f"{name}: {value}\r\n" for name, value in (("host", urlsplit(url).netloc), *length, *headers))
        path = caller.path.rstrip("/") + target
        await caller.send(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body)
        received = await caller.read_all()
        assert received.ending is Ending.WHOLE
        return received


def _script(language: Language, operation: Operation, play: Play, media_type: str) -> http_steps.Script:
    head = (("content-type", media_type),)
    named = ((language.extensions, ",".join(play.extensions)),) if play.extensions else ()
    results = [json.dumps(result[language.spelling_of(operation)]).encode() for result in play.results]
    if play.silent:
        return (steps.hang(),)
    ending: list[http_steps.Step] = []
    if play.failure is not None:
        http, error = _error(play.failure)
        if not (operation.streams and results):
            return (http_steps.reply(http, head, error),)
        ending = [http_steps.sse_text(b"event: error\ndata: %b\n\n" % error)]
    if operation.streams:
        events = [http_steps.sse_text(b"data: %b\n\n" % event) for event in results]
        return (http_steps.head(200, http_steps.SSE_HEAD + named), *events, *ending)
    (result,) = results
    return (http_steps.reply(200, head + named, result),)


def _error(failure: Failure) -> tuple[int, bytes]:
    http, _, status = str(failure.code).partition(" ")
    if not status:
        return int(http), json.dumps({"message": failure.message}).encode()
    details: Json = {"details": list(failure.details)} if failure.details else {}
    error: Json = {"code": int(http), "status": status, "message": failure.message, **details}
    return int(http), json.dumps({"error": error}).encode()


def _failure(value: JsonValue) -> Failure:
    match value:
        case {"error": {"code": int(http), "status": str(status), "message": str(text), **more}}:
            return Failure(f"{http} {status}", text, tuple(cast(list[Json], more.get("details", []))))
        case _:
            raise AssertionError(f"no error: {value}")


def _typed(name: str, text: str) -> JsonValue:
    return {"true": True, "false": False}[text] if name in FLAGS else text


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _segments(pattern: str | None) -> str:
    return (pattern or "*").replace("*", "[^/:]+")
