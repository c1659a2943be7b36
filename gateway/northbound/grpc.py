"""gRPC on grpc.aio, with bytes in and bytes out (specification section 10).

The service says which version of A2A is spoken: their packages differ.

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
from gateway.codec import metadata, status
from gateway.codec.form import Form, FormOf, wire_1_0
from gateway.codec.rpctypes import rpc_types
from gateway.codec.v0_3 import forms as v0_3
from gateway.codec.v0_3.methods import BY_GRPC_PATH
from gateway.errors import GatewayError
from gateway.northbound.intake import WRITING_ANSWER, Accepted, Incoming, Intake
from gateway.northbound.serve import perform, serve
from gateway.northbound.site import Sites
from gateway.operations import OPERATIONS, Operation
from gateway.relay.calls import Call
from generated.google.rpc.status_pb import Status

BINDING = "GRPC"
AGENT = "a2a-agent"
"""Metadata that names the agent where no tenant can: 0.3 has none."""
CURSOR = "last-event-id"
"""Trailing metadata that says where a stream came to; the same in a request resumes there."""

Servicer = grpc.aio.ServicerContext[bytes, bytes]
if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[bytes, bytes]  # generic in its types only


METHODS: dict[str, tuple[Operation, FormOf[bytes]]] = {
    **{operation.grpc_path: (operation, wire_1_0) for operation in OPERATIONS},
    **{path: (row.operation, v0_3.wire_format) for path, row in BY_GRPC_PATH.items()},
}
"""The rpcs that are answered, each with the form that its version gives it."""


class A2AHandlers(grpc.GenericRpcHandler):
    """Finds the handler of an rpc by its path; unknown ones are UNIMPLEMENTED, by grpc itself."""

    def __init__(self, intake: Intake, sites: Sites) -> None:
        self._intake = intake
        self._sites = sites
        self._handlers = {path: self._handler(*method) for path, method in METHODS.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        return self._handlers.get(handler_call_details.method)

    def _handler(self, operation: Operation, form_of: FormOf[bytes]) -> "Handler":
        async def handle(data: bytes, servicer: Servicer) -> None:
            pairs = list(cast(Sequence[tuple[str, str | bytes]], servicer.invocation_metadata() or ()))
            agent = next((str(value) for name, value in pairs if name == AGENT), "")
            form = form_of(self._intake.choices(agent))
            reply = GrpcReply(servicer, self._intake, operation, form)

            async def work(call: Call) -> None:
                incoming = self._incoming(operation, form, data, servicer, pairs, agent)
                accepted = await self._intake.accept(call, incoming)
                await perform(call, accepted, reply, self._intake.limits.first_event_s)

            await serve(self._intake.calls, BINDING, work, reply)
            if reply.is_cut:
                # Returning would end the rpc as if it had ended well. The caller sees this once it reads on.
                await servicer.abort(grpc.StatusCode.ABORTED, "The caller took nothing for too long", reply.point)

        return grpc.unary_stream_rpc_method_handler(handle)

    def _incoming(
        self,
        operation: Operation,
        form: Form[bytes],
        data: bytes,
        servicer: Servicer,
        pairs: list[tuple[str, str | bytes]],
        agent: str,
    ) -> Incoming:
        def read() -> Message:
            return form.read_request(operation, data, self._intake.bounds)

        remaining_s = cast(float | None, servicer.time_remaining())  # None, whatever its type says
        return Incoming(
            operation,
            read,
            form.version,
            pairs,
            self._sites.bound(),
            data,
            agent,
            read_frame=rpc_types(form.version, operation)[0].from_binary,
            deadline=None if remaining_s is None else asyncio.get_running_loop().time() + remaining_s,
        )


class GrpcReply:
    """Writes the answer to one rpc."""

    def __init__(self, servicer: Servicer, intake: Intake, operation: Operation, form: Form[bytes]) -> None:
        self.is_cut = False
        self._cursor = ""
        """Of the last event that was written, where it has one."""
        self._operation = operation
        self._form = form
        self._read_frame = rpc_types(form.version, operation)[1].from_binary
        self._context = CallContext()
        self._call_name = ""
        self._servicer = servicer
        self._bounds = intake.bounds
        self._profile = intake.settings.status_profile

    def entered(self, call: Call) -> None:
        self._call_name = call.name

    def accepted(self, accepted: Accepted) -> None:
        self._context = accepted.context

    async def answer(self, answer: Answer) -> None:
        with WRITING_ANSWER:
            data = self._form.write_answer(self._operation, answer.message, self._bounds)
        await self._servicer.send_initial_metadata(self._named(answer.head))
        await self._write(data)

    async def begin(self, head: Head, *, silent: bool) -> None:
        await self._servicer.send_initial_metadata(self._named(head))

    async def burst(self, burst: Burst) -> None:
        for event in burst:
            with WRITING_ANSWER:
                data = self._form.write_event(event.response, self._bounds)
            await self._write(data)
            self._cursor = event.cursor or self._cursor

    async def end(self) -> None:
        """The rpc ends well when its handler returns; its trailers say as far as what."""
        self._servicer.set_trailing_metadata(self.point)

    @property
    def point(self) -> tuple[tuple[str, str], ...]:
        """Where the caller has come to, as trailing metadata; none where that is not known, or cannot be said."""
        return ((CURSOR, self._cursor),) if self._cursor and metadata.is_sendable(self._cursor) else ()

    async def fail(self, error: GatewayError) -> None:
        rich = status.to_status(error, self._profile, by_class_name=self._form.version == v0_3.VERSION)
        code = grpc.StatusCode[error.kind.grpc_status(self._profile).name]
        details = rich.to_binary()
        self._context.show("northbound", BINDING, "response", details, Status.from_binary)
        self._servicer.set_trailing_metadata(
            (("grpc-status-details-bin", details), (metadata.CALL, self._call_name), *self.point)
        )
        self._servicer.set_code(code)
        self._servicer.set_details(rich.message)

    def cut(self) -> None:
        self.is_cut = True

    async def _write(self, data: bytes) -> None:
        self._context.show("northbound", BINDING, "response", data, self._read_frame)
        await self._servicer.write(data)

    def _named(self, head: Head) -> tuple[tuple[str, str], ...]:
        """The initial metadata of the answer."""
        named = metadata.parameters(self._form.version, head.extensions)
        return (*named.items(), (metadata.CALL, self._call_name))
