"""gRPC served by grpc.aio."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import grpc
import grpc.aio
import structlog

from gateway.errors import GrpcStatus
from gateway.northbound.transport.server import BROKEN_OFF, Handler, Pairs, Refused
from gateway.settings import ConfigurationError, Limits

if TYPE_CHECKING:
    Servicer = grpc.aio.ServicerContext[bytes, bytes]
    Method = grpc.RpcMethodHandler[bytes, bytes]  # generic in its types only

_log = structlog.get_logger("a2a_gateway.northbound")


class GrpcioServer:
    """A server of grpc.aio."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._server: grpc.aio.Server | None = None

    def bind(self, address: str, *, shared: bool) -> int:
        self._server = grpc.aio.server(options=_options(self._limits, shared=shared))
        try:
            return self._server.add_insecure_port(address)
        except RuntimeError:
            raise ConfigurationError(f"grpc: {address} cannot be listened on; is it taken?") from None

    async def start(self, handlers: Mapping[str, Handler]) -> None:
        assert self._server is not None, "bound first"
        self._server.add_generic_rpc_handlers((_Handlers(handlers),))
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        if self._server is not None:
            await self._server.stop(grace_s or None)


class GrpcioRpc:
    """One rpc of grpc.aio. It writes messages one by one."""

    def __init__(self, servicer: "Servicer") -> None:
        self.sent = 0
        self.finished = False
        self._servicer = servicer
        remaining_s = cast(float | None, servicer.time_remaining())  # None, whatever its type says
        self.deadline = None if remaining_s is None else asyncio.get_running_loop().time() + remaining_s

    @property
    def metadata(self) -> Pairs:
        return cast(Pairs, self._servicer.invocation_metadata() or ())

    async def read(self) -> bytes | None:
        message = cast("bytes | object", await self._servicer.read())
        return message if isinstance(message, bytes) else None

    async def begin(self, metadata: Pairs) -> None:
        await self._servicer.send_initial_metadata(tuple(metadata))

    async def send(self, messages: Sequence[bytes]) -> None:
        for message in messages:
            try:
                await self._servicer.write(message)
            except grpc.aio.InternalError:  # the caller has gone, and grpc has not cancelled the handler yet
                raise asyncio.CancelledError from None
            self.sent += 1

    def finish(self, status: GrpcStatus, text: str = "", trailers: Pairs = ()) -> None:
        if not self.finished:
            self.finished = True
            self._servicer.set_trailing_metadata(tuple(trailers))
            self._servicer.set_code(grpc.StatusCode[status.name])
            self._servicer.set_details(text)


class _Handlers(grpc.GenericRpcHandler):
    """Finds the handler of an rpc by its path; unknown ones are UNIMPLEMENTED, by grpc itself."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._methods = {path: _method(handler) for path, handler in handlers.items()}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Method | None":
        return self._methods.get(handler_call_details.method)


def _method(handler: Handler) -> "Method":
    async def handle(_: object, servicer: "Servicer") -> None:
        rpc = GrpcioRpc(servicer)
        try:
            await handler(rpc)
        except Refused as refused:
            rpc.finish(refused.status, refused.text)
        except Exception:
            _log.exception("unexpected error in an rpc")
        finally:
            rpc.finish(GrpcStatus.INTERNAL, BROKEN_OFF)

    return grpc.stream_stream_rpc_method_handler(handle)


def _options(limits: Limits, *, shared: bool) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", limits.message_bytes),
        ("grpc.max_send_message_length", limits.message_bytes),
        ("grpc.max_concurrent_streams", limits.http2_streams),
        # Above our own bound, so that the refusal is ours; equal, because between them grpc is random.
        ("grpc.max_metadata_size", 4 * limits.header_bytes),
        ("grpc.absolute_max_metadata_size", 4 * limits.header_bytes),
        ("grpc.keepalive_time_ms", int(limits.ping_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(limits.ping_answer_s * 1000)),
        ("grpc.http2.ping_timeout_ms", int(limits.ping_answer_s * 1000)),
        ("grpc.keepalive_permit_without_calls", 1),
        # Callers may probe as often as we do.
        ("grpc.http2.min_ping_interval_without_data_ms", int(limits.ping_s * 1000 / 2)),
        # Two gateways on one port would share its calls unnoticed.
        ("grpc.so_reuseport", int(shared)),
    ]
