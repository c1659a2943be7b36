"""gRPC with bytes in and bytes out (specification section 10), over whichever server is chosen.

The service says which version of A2A is spoken: their packages differ. Decoding is ours, so a
request that does not parse is an INVALID_ARGUMENT with its path.
"""

from collections.abc import Mapping

from protobuf import Message

from gateway.agent import Answer, Burst, CallContext, Event, Head
from gateway.codec import metadata, status
from gateway.codec.form import Form, FormOf, wire_1_0
from gateway.codec.rpctypes import rpc_types
from gateway.codec.v0_3 import forms as v0_3
from gateway.codec.v0_3.methods import BY_GRPC_PATH
from gateway.errors import GatewayError, GrpcStatus
from gateway.northbound.intake import Accepted, Incoming, Intake
from gateway.northbound.serve import perform, serve
from gateway.northbound.site import Sites
from gateway.northbound.transport.server import Handler, Pairs, Rpc, only_request
from gateway.northbound.writing import WRITING_ANSWER, written
from gateway.offload import converted
from gateway.operations import OPERATIONS, Operation
from gateway.relay.calls import Call
from generated.google.rpc.status_pb import Status

BINDING = "GRPC"
AGENT = "a2a-agent"
"""Metadata that names the agent where no tenant can: 0.3 has none."""
CURSOR = "last-event-id"
"""Trailing metadata that says where a stream came to; the same in a request resumes there."""

METHODS: dict[str, tuple[Operation, FormOf[bytes]]] = {
    **{operation.grpc_path: (operation, wire_1_0) for operation in OPERATIONS},
    **{path: (row.operation, v0_3.wire_format) for path, row in BY_GRPC_PATH.items()},
}
"""The rpcs that are answered, each with the form that its version gives it."""


def a2a_handlers(intake: Intake, sites: Sites) -> Mapping[str, Handler]:
    """The handlers of A2A's rpcs, by path."""
    return {path: _A2ARpc(intake, sites, *method) for path, method in METHODS.items()}


class _A2ARpc:
    """Serves one rpc of A2A in one version."""

    def __init__(self, intake: Intake, sites: Sites, operation: Operation, form_of: FormOf[bytes]) -> None:
        self._intake = intake
        self._sites = sites
        self._operation = operation
        self._form_of = form_of

    async def __call__(self, rpc: Rpc) -> None:
        data = await only_request(rpc)
        agent = next((str(value) for name, value in rpc.metadata if name == AGENT), "")
        form = self._form_of(self._intake.choices(agent))
        reply = GrpcReply(rpc, self._intake, self._operation, form)

        async def work(call: Call) -> None:
            accepted = await self._intake.accept(call, self._incoming(form, data, rpc, agent))
            await perform(call, accepted, reply, self._intake.limits.first_event_s)

        await serve(self._intake.calls, BINDING, work, reply)
        if reply.is_cut:
            # As if it had ended well would be wrong. The caller sees this once it reads on.
            rpc.finish(GrpcStatus.ABORTED, "The caller took nothing for too long", reply.point)

    def _incoming(self, form: Form[bytes], data: bytes, rpc: Rpc, agent: str) -> Incoming:
        operation = self._operation

        def read() -> Message:
            return form.read_request(operation, data, self._intake.bounds)

        return Incoming(
            operation,
            read,
            form.version,
            list(rpc.metadata),
            self._sites.bound(),
            data,
            agent,
            read_frame=rpc_types(form.version, operation)[0].from_binary,
            deadline=rpc.deadline,
        )


class GrpcReply:
    """Writes the answer to one rpc."""

    def __init__(self, rpc: Rpc, intake: Intake, operation: Operation, form: Form[bytes]) -> None:
        self.is_cut = False
        self._cursor = ""
        """Of the last event that was written, where it has one."""
        self._operation = operation
        self._form = form
        self._read_frame = rpc_types(form.version, operation)[1].from_binary
        self._context = CallContext()
        self._call_name = ""
        self._rpc = rpc
        self._bounds = intake.bounds
        self._inline_bytes = intake.limits.inline_bytes
        self._profile = intake.settings.status_profile

    def entered(self, call: Call) -> None:
        self._call_name = call.name

    def accepted(self, accepted: Accepted) -> None:
        self._context = accepted.context

    async def answer(self, answer: Answer) -> None:
        size_bytes = len(answer.message.to_binary())
        with WRITING_ANSWER:
            data = await converted(
                size_bytes,
                self._inline_bytes,
                lambda: self._form.write_answer(self._operation, answer.message, self._bounds),
            )
        await self._rpc.begin(self._named(answer.head))
        self._show(data)
        await self._rpc.send((data,))
        self._rpc.finish(GrpcStatus.OK)

    async def begin(self, head: Head, *, silent: bool) -> None:
        await self._rpc.begin(self._named(head))

    async def burst(self, burst: Burst) -> None:
        messages, failure = await written(burst, self._inline_bytes, self._message)
        for data in messages:
            self._show(data)
        before = self._rpc.sent
        try:
            await self._rpc.send(messages)
        finally:
            came_to = burst[: self._rpc.sent - before]
            self._cursor = next((event.cursor for event in reversed(came_to) if event.cursor), self._cursor)
        if failure is not None:
            raise failure

    async def end(self) -> None:
        """The trailers say as far as what."""
        self._rpc.finish(GrpcStatus.OK, trailers=self.point)

    @property
    def point(self) -> Pairs:
        """Where the caller has come to, as trailing metadata; none where that is not known, or cannot be said."""
        return ((CURSOR, self._cursor),) if self._cursor and metadata.is_sendable(self._cursor) else ()

    async def fail(self, error: GatewayError) -> None:
        rich = status.to_status(error, self._profile, by_class_name=self._form.version == v0_3.VERSION)
        details = rich.to_binary()
        self._context.show("northbound", BINDING, "response", details, Status.from_binary)
        trailers = (("grpc-status-details-bin", details), (metadata.CALL, self._call_name), *self.point)
        self._rpc.finish(error.kind.grpc_status(self._profile), rich.message, trailers)

    def cut(self) -> None:
        self.is_cut = True

    def _message(self, event: Event) -> bytes:
        return self._form.write_event(event.response, self._bounds)

    def _show(self, data: bytes) -> None:
        self._context.show("northbound", BINDING, "response", data, self._read_frame)

    def _named(self, head: Head) -> tuple[tuple[str, str], ...]:
        """The initial metadata of the answer."""
        named = metadata.parameters(self._form.version, head.extensions)
        return (*named.items(), (metadata.CALL, self._call_name))
