"""HTTP+JSON, streams as Server-Sent Events (specification section 11).

An error is a `google.rpc.Status` in JSON, with the HTTP status that belongs to it.
"""

from dataclasses import dataclass

from protobuf import Message
from starlette.types import Receive, Scope, Send

from gateway.agent import Answer
from gateway.codec import rest, status
from gateway.codec.form import Form, FormOf
from gateway.codec.jsontext import JsonValue, load
from gateway.codec.malformed import Bounds, Malformed
from gateway.errors import AgentError, CallerError, ErrorKind, GatewayError, GatewayFault, StatusProfile
from gateway.northbound.exchange import BodyTooSlow, Exchange, MethodNotAllowed
from gateway.northbound.intake import Incoming, Intake
from gateway.northbound.reply import HttpReply
from gateway.northbound.serve import perform, serve
from gateway.northbound.site import Sites
from gateway.operations import Operation
from gateway.relay.calls import Call
from gateway.relay.directory import NoSuchAgent
from generated.a2a.v1.a2a_pb import StreamResponse

BINDING = "HTTP+JSON"

_JSON = "application/json"
_A2A_JSON = "application/a2a+json"


HTTP_STATUS: tuple[tuple[type[GatewayError], ErrorKind, int], ...] = (
    (NoSuchAgent, ErrorKind.INVALID_PARAMS, 404),
    (MethodNotAllowed, ErrorKind.METHOD_NOT_FOUND, 405),
    (BodyTooSlow, ErrorKind.INVALID_REQUEST, 408),
    (CallerError, ErrorKind.RESOURCE_EXHAUSTED, 413),
    (GatewayFault, ErrorKind.RESOURCE_EXHAUSTED, 503),
    (AgentError, ErrorKind.CANCELLED, 500),
)
"""Where HTTP knows it better than the kind's own status."""


class RestEndpoint:
    """The ASGI application below the addresses of the agents, for the routes of one version."""

    def __init__(
        self, intake: Intake, sites: Sites, routes: tuple[rest.Route, ...], form_of: FormOf[JsonValue]
    ) -> None:
        self._intake = intake
        self._sites = sites
        self._routes = routes
        self._form_of = form_of

    def serves(self, path: str) -> bool:
        """Whether a raw path below an agent's address is an operation's here."""
        return rest.knows(self._routes, path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, self._intake.limits)
        media_type = _A2A_JSON if _prefers_a2a(exchange.header("accept")) else _JSON
        form = self._form_of(self._intake.choices(exchange.agent))
        wording = RestWording(form, self._intake.bounds, self._intake.settings.status_profile, media_type)
        reply = HttpReply(exchange, wording, self._intake.limits)

        async def work(call: Call) -> None:
            body = await exchange.body(call)
            with exchange.watched(call):
                accepted = await self._intake.accept(call, self._incoming(exchange, form, body))
                await perform(call, accepted, reply, self._intake.limits.first_event_s)

        await serve(self._intake.calls, BINDING, work, reply)

    def _incoming(self, exchange: Exchange, form: Form[JsonValue], body: bytes) -> Incoming:
        found = rest.find(self._routes, exchange.method, exchange.below)
        if found is None:
            raise MethodNotAllowed(exchange.method, ", ".join(rest.methods_at(self._routes, exchange.below)))
        route, parameters = found

        def read() -> Message:
            given = self._body(exchange, body)
            value = rest.to_value(route.request, parameters, exchange.query, given)
            return form.read_request(route.operation, value, self._intake.bounds)

        return Incoming(
            route.operation,
            read,
            form.version,
            exchange.headers,
            self._sites.seen_by(exchange.header_values, exchange.peer),
            body,
            exchange.agent,
            query_version=exchange.query_value("A2A-Version"),
        )

    def _body(self, exchange: Exchange, body: bytes) -> JsonValue:
        """Raises CallerError for what is no JSON, Malformed for JSON that is refused."""
        if not body.strip():
            return None
        if not exchange.sends_json:
            raise CallerError(ErrorKind.CONTENT_TYPE_NOT_SUPPORTED, f"A body is {_JSON} or {_A2A_JSON}")
        try:
            return load(body, self._intake.bounds)
        except Malformed as error:
            if error.syntax:
                raise CallerError(ErrorKind.PARSE_ERROR, str(error)) from None
            raise


@dataclass(slots=True)
class RestWording:
    """Messages as they are."""

    form: Form[JsonValue]
    bounds: Bounds
    profile: StatusProfile
    media_type: str
    binding: str = BINDING

    @property
    def version(self) -> str:
        return self.form.version

    @property
    def refuses_in_stream(self) -> bool:
        return False

    def answer(self, operation: Operation, answer: Answer) -> bytes:
        return self.form.write_answer(operation, answer.message, self.bounds)

    def event(self, event: StreamResponse) -> bytes:
        return self.form.write_event(event, self.bounds)

    def failure(self, error: GatewayError) -> tuple[int, bytes]:
        known = (code for type_, kind, code in HTTP_STATUS if isinstance(error, type_) and error.kind is kind)
        code = next(known, error.kind.http_status(self.profile))
        return code, status.to_rest(error, code, self.profile)


def _prefers_a2a(accept: str) -> bool:
    """Whether a caller names A2A's own media type and not plain JSON."""
    named = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return _A2A_JSON in named and _JSON not in named
