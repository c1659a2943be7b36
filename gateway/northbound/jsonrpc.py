"""JSON-RPC 2.0 over HTTP, streams as Server-Sent Events (specification section 9).

The method says which version of A2A is spoken: the names differ.
"""

from dataclasses import dataclass

from protobuf import Message
from starlette.types import Receive, Scope, Send

from gateway.agent import Answer
from gateway.codec import jsonrpc, status
from gateway.codec.form import JSON_1_0, Form, FormOf, json_1_0
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds
from gateway.codec.v0_3 import forms as v0_3
from gateway.codec.v0_3.methods import BY_JSONRPC_METHOD
from gateway.errors import AgentError, CallerError, ErrorKind, GatewayError, GatewayFault
from gateway.northbound.exchange import BodyTooSlow, Exchange
from gateway.northbound.intake import UNNAMED_VERSION, Incoming, Intake
from gateway.northbound.reply import HttpReply
from gateway.northbound.serve import perform, serve
from gateway.northbound.site import Sites
from gateway.offload import converted
from gateway.operations import OPERATIONS, Operation
from gateway.relay.calls import Call
from gateway.relay.directory import NoSuchAgent
from generated.a2a.v1.a2a_pb import StreamResponse

BINDING = "JSONRPC"

METHODS: dict[str, tuple[Operation, FormOf[JsonValue]]] = {
    **{operation.name: (operation, json_1_0) for operation in OPERATIONS},
    **{method: (row.operation, v0_3.json_rpc) for method, row in BY_JSONRPC_METHOD.items()},
}
"""The methods that are answered, each with the form that its version gives it."""

HTTP_STATUS: tuple[tuple[type[GatewayError], ErrorKind, int], ...] = (
    (AgentError, ErrorKind.UNAUTHENTICATED, 401),
    (AgentError, ErrorKind.PERMISSION_DENIED, 403),
    (NoSuchAgent, ErrorKind.INVALID_PARAMS, 404),
    (BodyTooSlow, ErrorKind.INVALID_REQUEST, 408),
    (CallerError, ErrorKind.RESOURCE_EXHAUSTED, 413),
    (GatewayFault, ErrorKind.RESOURCE_EXHAUSTED, 503),
    (GatewayFault, ErrorKind.UNAVAILABLE, 503),
)
"""Errors that HTTP itself must be told of; every other JSON-RPC error answers 200."""


class JsonRpcEndpoint:
    """The ASGI application at the addresses of the agents and at the gateway's own."""

    def __init__(self, intake: Intake, sites: Sites) -> None:
        self._intake = intake
        self._sites = sites

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, self._intake.limits)
        wording = JsonRpcWording(self._intake.bounds)
        reply = HttpReply(exchange, wording, self._intake.limits)

        async def work(call: Call) -> None:
            if not exchange.sends_json:
                raise CallerError(
                    ErrorKind.CONTENT_TYPE_NOT_SUPPORTED,
                    "A request is application/json; send `Content-Type: application/json`",
                )
            body = await exchange.body(call)
            with exchange.watched(call):
                try:
                    request = await converted(
                        len(body),
                        self._intake.limits.inline_bytes,
                        lambda: jsonrpc.read_request(body, self._intake.bounds),
                    )
                except jsonrpc.BadEnvelope as error:
                    wording.id = error.id
                    raise
                wording.id = request.id
                accepted = await self._intake.accept(call, self._incoming(exchange, request, wording, body))
                await perform(call, accepted, reply, self._intake.limits.first_event_s)

        await serve(self._intake.calls, BINDING, work, reply)

    def _incoming(
        self, exchange: Exchange, request: jsonrpc.Request, wording: "JsonRpcWording", body: bytes
    ) -> Incoming:
        if request.method not in METHODS:
            raise CallerError(ErrorKind.METHOD_NOT_FOUND, f"There is no method {request.method[:64]!r}")
        operation, form_of = METHODS[request.method]
        wording.form = form_of(self._intake.choices(exchange.agent))
        wording.refuses_in_stream = operation.streams and wording.version == UNNAMED_VERSION

        def read() -> Message:
            return wording.form.read_request(operation, request.params, self._intake.bounds)

        return Incoming(
            operation,
            read,
            wording.form.version,
            exchange.headers,
            self._sites.seen_by(exchange.header_values, exchange.peer),
            body,
            exchange.agent,
            query_version=exchange.query_value("A2A-Version"),
        )


@dataclass(slots=True)
class JsonRpcWording:
    """The envelope around what the form writes; its id is the request's, once that is known."""

    bounds: Bounds
    form: Form[JsonValue] = JSON_1_0
    id: bytes = jsonrpc.NO_ID
    binding: str = BINDING
    media_type: str = "application/json"
    refuses_in_stream: bool = False

    @property
    def version(self) -> str:
        return self.form.version

    def answer(self, operation: Operation, answer: Answer) -> bytes:
        return jsonrpc.result(self.id, self.form.write_answer(operation, answer.message, self.bounds))

    def event(self, event: StreamResponse) -> bytes:
        return jsonrpc.result(self.id, self.form.write_event(event, self.bounds))

    def failure(self, error: GatewayError) -> tuple[int, bytes]:
        code = next((code for type_, kind, code in HTTP_STATUS if isinstance(error, type_) and error.kind is kind), 200)
        message = status.shortened(error.message)
        return code, jsonrpc.failure(self.id, error.kind.row.jsonrpc, message, status.to_data(error))
