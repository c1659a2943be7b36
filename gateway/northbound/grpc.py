"""gRPC: the service `lf.a2a.v1.A2AService` on grpc.aio, with bytes in and bytes out (section 10).

Decoding is ours, so a request that does not parse is an INVALID_ARGUMENT with its path and not
grpc's UNKNOWN. Unary rpcs are handled like streams of one message: on the wire they are the same.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import grpc
import grpc.aio
from protobuf import Message

from gateway.agent import Answer, Burst, CallContext, Head
from gateway.codec import status, wire
from gateway.errors import GatewayError
from gateway.northbound.intake import Incoming, Intake, writing_answer
from gateway.northbound.serve import perform, serve
from gateway.northbound.site import Sites
from gateway.operations import BY_GRPC_PATH, Operation
from gateway.relay.calls import Call

BINDING = "GRPC"

Servicer = grpc.aio.ServicerContext[bytes, bytes]
if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[bytes, bytes]  # generic in its types only


class A2AHandlers(grpc.GenericRpcHandler):
    """Finds the handler of an rpc by its path; unknown ones are UNIMPLEMENTED, by grpc itself."""

    def __init__(self, intake: Intake, sites: Sites) -> None:
        self._intake = intake
        self._sites = sites
        self._handlers = {path: self._handler(operation) for path, operation in BY_GRPC_PATH.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        return self._handlers.get(handler_call_details.method)

    def _handler(self, operation: Operation) -> "Handler":
        async def handle(data: bytes, servicer: Servicer) -> None:
            reply = GrpcReply(servicer, self._intake)

            async def work(call: Call) -> None:
                accepted = self._intake.accept(call, self._incoming(operation, data, servicer))
                await perform(call, accepted, reply, self._intake.limits.first_event_s)

            await serve(self._intake.calls, BINDING, work, reply)
            if reply.is_cut:
                # Returning would end the rpc as if it had ended well.
                raise asyncio.CancelledError

        return grpc.unary_stream_rpc_method_handler(handle)

    def _incoming(self, operation: Operation, data: bytes, servicer: Servicer) -> Incoming:
        def read() -> Message:
            return wire.decode(operation.request, data, self._intake.bounds)

        remaining_s = cast(float | None, servicer.time_remaining())  # None, whatever its type says
        return Incoming(
            operation,
            read,
            list(cast(Sequence[tuple[str, str | bytes]], servicer.invocation_metadata() or ())),
            self._sites.bound(),
            data,
            deadline=None if remaining_s is None else asyncio.get_running_loop().time() + remaining_s,
        )


class GrpcReply:
    """Writes the answer to one rpc."""

    def __init__(self, servicer: Servicer, intake: Intake) -> None:
        self.is_cut = False
        self._context = CallContext()
        self._servicer = servicer
        self._bounds = intake.bounds
        self._profile = intake.settings.status_profile

    def accepted(self, call: Call, context: CallContext) -> None:
        self._context = context

    async def answer(self, answer: Answer) -> None:
        with writing_answer():
            data = wire.encode(answer.message, self._bounds)
        await self._servicer.send_initial_metadata(_named(answer.head))
        await self._write(data)

    async def begin(self, head: Head, *, silent: bool) -> None:
        await self._servicer.send_initial_metadata(_named(head))

    async def burst(self, burst: Burst) -> None:
        for event in burst:
            with writing_answer():
                data = wire.encode(event.response, self._bounds)
            await self._write(data)

    async def end(self) -> None:
        """Nothing: the rpc ends well when its handler returns."""

    async def fail(self, error: GatewayError) -> None:
        rich = status.to_status(error, self._profile)
        code = grpc.StatusCode[error.kind.grpc_status(self._profile).name]
        self._servicer.set_trailing_metadata((("grpc-status-details-bin", rich.to_binary()),))
        self._servicer.set_code(code)
        self._servicer.set_details(rich.message)

    def cut(self) -> None:
        self.is_cut = True

    async def _write(self, data: bytes) -> None:
        self._context.show("northbound", BINDING, "response", data)
        await self._servicer.write(data)


def _named(head: Head) -> tuple[tuple[str, str], ...]:
    """The initial metadata of the answer."""
    named = (("a2a-version", "1.0"),)
    if head.extensions:
        return (*named, ("a2a-extensions", ",".join(head.extensions)))
    return named
