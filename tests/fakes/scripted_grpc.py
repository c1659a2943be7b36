"""A gRPC agent on grpc.aio that answers each method by a script, in bytes.

Every rpc is registered as a stream of bytes, so a script may answer a unary one with none or two
messages, and any message may be malformed. What HTTP/2 itself must not do is in `scripted_h2`. A
write is done when the core has taken it, which is up to a flow-control window before the peer has.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import grpc
import grpc.aio
from protobuf import Message

from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events, steps
from tests.fakes.events import Json
from tests.fakes.loopback import HOST

SERVICE = "lf.a2a.v1.A2AService"
Metadata = Sequence[tuple[str, str | bytes]]


class Context(Protocol):
    """The part of grpc.aio.ServicerContext that scripts use."""

    def invocation_metadata(self) -> Metadata: ...
    def time_remaining(self) -> float | None: ...
    def peer(self) -> str: ...
    def set_trailing_metadata(self, trailing_metadata: Metadata) -> None: ...
    async def send_initial_metadata(self, initial_metadata: Metadata) -> None: ...
    async def write(self, message: bytes) -> None: ...
    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: Metadata) -> None: ...


@dataclass(slots=True)
class Call:
    """One call as it came, and what became of it. Times are of the loop's clock, in seconds."""

    method: str
    """The rpc's name without its service."""
    path: str
    request: bytes
    metadata: tuple[tuple[str, str | bytes], ...]
    time_remaining_s: float | None
    """What was left of the deadline on arrival; None without one."""
    received_at: float
    peer: str
    meter: steps.Meter = field(default_factory=steps.Meter)
    completed: bool = False
    """The script ran to its end, or ended the call itself."""
    cancelled_at: float | None = None
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def header(self, name: str) -> list[str | bytes]:
        """All values of a metadata key."""
        return [value for key, value in self.metadata if key == name]

    def json(self, shape: type[Message]) -> Json:
        """The request as JSON."""
        return events.from_wire(shape, self.request)


class StatusSent(Exception):
    """The script ended the call with a status."""


@dataclass(slots=True)
class GrpcExchange:
    """What the steps of a script act on."""

    call: Call
    context: Context

    async def write(self, message: bytes) -> None:
        await self.context.write(message)
        self.call.meter.bytes += len(message)
        self.call.meter.note_event()


Step = steps.Step[GrpcExchange]
Script = steps.Script[GrpcExchange]
Scripts = Mapping[str, Script] | Callable[[Call], Script]
"""By the rpc's name, "*" for any other; or chosen by looking at the call."""


def raw(message: bytes) -> Step:
    """One message of these bytes, protobuf or not."""
    return lambda exchange: exchange.write(message)


def event(value: Json) -> Step:
    """One event of a stream."""
    return raw(events.event_bytes(value))


def answer(value: Json, shape: type[Message] = a2a.SendMessageResponse) -> Step:
    """One message of any type, from its JSON."""
    return raw(events.to_wire(shape, value))


def initial_metadata(*pairs: tuple[str, str | bytes]) -> Step:
    """Response headers, sent now."""
    return lambda exchange: exchange.context.send_initial_metadata(pairs)


def trailing_metadata(*pairs: tuple[str, str | bytes]) -> Step:
    """Trailers for a call that ends well."""

    async def step(exchange: GrpcExchange) -> None:
        exchange.context.set_trailing_metadata(pairs)

    return step


def end(code: grpc.StatusCode, details: str = "", *trailing: tuple[str, str | bytes]) -> Step:
    """End the call with a status other than OK; an OK end is the end of the script."""

    async def step(exchange: GrpcExchange) -> None:
        exchange.call.completed = True
        await exchange.context.abort(code, details, trailing)

    return step


def flood(make: Callable[[int], Json] = events.numbered, count: int | None = None) -> Step:
    """Numbered events as fast as flow control allows, for ever or so many; the meter counts."""

    async def step(exchange: GrpcExchange) -> None:
        number = 0
        while count is None or number < count:
            await exchange.write(events.event_bytes(make(number)))
            number += 1

    return step


class ScriptedGrpcAgent:
    """A server on `address`; `scripts` may be changed while it runs.

    Options are grpc's channel arguments. Any service name is answered, so the 0.3 one is too.
    """

    def __init__(self, scripts: Scripts, *, port: int = 0, options: Sequence[tuple[str, int | str]] = ()) -> None:
        self.scripts = scripts
        self.calls: list[Call] = []
        self.port = port
        self._options = [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            *options,
        ]
        self._server: grpc.aio.Server | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"grpc://{self.address}"

    @property
    def cancel_calls(self) -> int:
        """How many CancelTask calls came: what must stay 0 when a caller merely leaves."""
        return len(self.calls_of("CancelTask"))

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    async def call(self, method: str, number: int = 0, within_s: float = 5.0) -> Call:
        """The n-th call of a method, once it has come."""
        await steps.until(lambda: len(self.calls_of(method)) > number, within_s)
        return self.calls_of(method)[number]

    async def stop(self, grace_s: float | None = None) -> None:
        """Stop; without grace the calls still running are cancelled."""
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(grace_s)

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server(options=self._options)
        self._server.add_generic_rpc_handlers((_AnyMethod(self),))
        self.port = self._server.add_insecure_port(self.address)
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def run(self, path: str, request: bytes, context: Context) -> None:
        """Answer one call by its script."""
        now = asyncio.get_running_loop().time
        call = Call(
            path.rpartition("/")[2],
            path,
            request,
            tuple((key, value) for key, value in context.invocation_metadata()),
            context.time_remaining(),
            now(),
            context.peer(),
        )
        self.calls.append(call)
        try:
            for step in self._script(call):
                await step(GrpcExchange(call, context))
            call.completed = True
        finally:
            if not call.completed:
                call.cancelled_at = now()
                call.cancelled.set()
            call.finished.set()

    def _script(self, call: Call) -> Script:
        if callable(self.scripts):
            return self.scripts(call)
        missing: Script = (end(grpc.StatusCode.UNIMPLEMENTED, "no script for this method"),)
        return self.scripts.get(call.method, self.scripts.get("*", missing))


class _AnyMethod(grpc.GenericRpcHandler):
    """Takes every path, as bytes in and a stream of bytes out."""

    def __init__(self, agent: ScriptedGrpcAgent) -> None:
        self._agent = agent

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        path = handler_call_details.method

        async def run(request: bytes, context: Context) -> None:
            await self._agent.run(path, request, context)

        return grpc.unary_stream_rpc_method_handler(run)
