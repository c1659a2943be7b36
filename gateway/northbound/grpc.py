"""gRPC: the service `lf.a2a.v1.A2AService` on grpc.aio, with bytes in and bytes out (section 10).

Decoding is ours, so a request that does not parse is an INVALID_ARGUMENT with its path and not
grpc's UNKNOWN.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, NoReturn, cast

import grpc
import grpc.aio
import structlog
from protobuf import Message

from gateway.agent import Agent, CallContext, Crossing
from gateway.codec import status, wire
from gateway.errors import ErrorKind, GatewayError, GatewayFault
from gateway.northbound.intake import Caller, Intake, blame_agent, blame_caller, checked
from gateway.northbound.opening import Opening
from gateway.northbound.site import Sites
from gateway.operations import BY_GRPC_PATH, Operation

BINDING = "GRPC"

Servicer = grpc.aio.ServicerContext[bytes, bytes]
if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[bytes, bytes]  # generic in its types only

_log = structlog.get_logger("a2a_gateway.grpc")


class A2AHandlers(grpc.GenericRpcHandler):
    """Finds the handler of an rpc by its path; unknown ones are UNIMPLEMENTED, by grpc itself."""

    def __init__(self, intake: Intake, sites: Sites) -> None:
        self._intake = intake
        self._sites = sites
        self._handlers = {path: self._handler(operation) for path, operation in BY_GRPC_PATH.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
        return self._handlers.get(handler_call_details.method)

    def _handler(self, operation: Operation) -> "Handler":
        async def unary(data: bytes, servicer: Servicer) -> bytes:
            async with self._served(servicer):
                agent, request, context = self._accept(operation, data, servicer)
                answer = await agent.call(operation, request, context)
                with blame_agent():
                    encoded = wire.encode(answer, self._intake.bounds)
                await servicer.send_initial_metadata(_head(context))
                _show(context, "response", encoded)
                return encoded
            raise AssertionError("unreachable: a failed call is aborted")

        async def stream(data: bytes, servicer: Servicer) -> None:
            async with self._served(servicer):
                agent, request, context = self._accept(operation, data, servicer)
                async with Opening(agent.stream(operation, request, context)) as bursts:
                    await bursts.arrives(self._intake.limits.first_event_s)
                    await servicer.send_initial_metadata(_head(context))
                    async for burst in bursts:
                        for event in burst:
                            with blame_agent():
                                encoded = wire.encode(event, self._intake.bounds)
                            _show(context, "response", encoded)
                            await self._write(servicer, encoded)

        if operation.streams:
            return grpc.unary_stream_rpc_method_handler(stream)
        return grpc.unary_unary_rpc_method_handler(unary)

    def _accept(self, operation: Operation, data: bytes, servicer: Servicer) -> tuple[Agent, Message, CallContext]:
        remaining_s = cast(float | None, servicer.time_remaining())  # None, whatever its type says
        deadline = None if remaining_s is None else asyncio.get_running_loop().time() + remaining_s
        pairs = list(cast(Sequence[tuple[str, str | bytes]], servicer.invocation_metadata() or ()))
        context = self._intake.context(Caller(BINDING, pairs, deadline=deadline))
        _show(context, "request", data)
        with blame_caller():
            request = checked(wire.decode(operation.request, data, self._intake.bounds))
        return self._intake.find(getattr(request, "tenant", ""), "", self._sites.bound()), request, context

    async def _write(self, servicer: Servicer, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._intake.limits.send_stall_s):
                await servicer.write(data)
        except TimeoutError:
            raise GatewayFault(ErrorKind.ABORTED, "The caller stopped reading") from None

    @asynccontextmanager
    async def _served(self, servicer: Servicer) -> AsyncIterator[None]:
        """Holds a place for the call and aborts it with the status of whatever goes wrong."""
        try:
            with self._intake.calls.enter():
                yield
        except GatewayError as error:
            await self._abort(servicer, error)
        except grpc.aio.AbortError:
            raise
        except Exception:
            _log.exception("unexpected error")
            await self._abort(servicer, GatewayFault(ErrorKind.INTERNAL_ERROR))

    async def _abort(self, servicer: Servicer, error: GatewayError) -> NoReturn:
        rich = status.to_status(error, self._intake.settings.status_profile)
        code = grpc.StatusCode[error.kind.grpc_status(self._intake.settings.status_profile).name]
        await servicer.abort(code, rich.message, (("grpc-status-details-bin", rich.to_binary()),))


def _head(context: CallContext) -> tuple[tuple[str, str], ...]:
    """The initial metadata of the answer."""
    named = (("a2a-version", "1.0"),)
    if context.reply.extensions:
        return (*named, ("a2a-extensions", ",".join(context.reply.extensions)))
    return named


def _show(context: CallContext, direction: Literal["request", "response"], frame: bytes) -> None:
    if context.watch is not None:
        context.watch(Crossing("northbound", BINDING, direction, frame))
