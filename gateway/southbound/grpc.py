"""An agent reached over gRPC, on grpc.aio with bytes in and bytes out.

Decoding is ours, so a message that does not parse is an InvalidAgentResponse and not a mystery.
Nothing is retried here: a SendMessage may have had its effect.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from typing import Literal, cast
from urllib.parse import urlsplit

import grpc
import grpc.aio
from protobuf import Message

from gateway.agent import Burst, CallContext, Crossing
from gateway.codec import metadata, status, wire
from gateway.errors import AgentError, ErrorKind, GrpcStatus
from gateway.operations import BY_GRPC_PATH, GET_EXTENDED_AGENT_CARD, Operation
from gateway.settings import Limits, Tls
from gateway.southbound.request import addressed, blame_agent, blame_caller
from gateway.southbound.trust import grpc_credentials
from generated.a2a.v1.a2a_pb import AgentCard, GetExtendedAgentCardRequest, StreamResponse

VERSION = "1.0"
_DETAILS = "grpc-status-details-bin"
_ADDRESS = re.compile(r"\b(ipv4|ipv6|unix|dns|passthrough):\S+|\S+:\d{1,5}\b")

UnaryRpc = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
StreamingRpc = grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
Metadata = Sequence[tuple[str, str | bytes]]


class GrpcAgent:
    """An Agent behind `grpc://` or `grpcs://`.

    `tenant` goes into every request. Its own card is the extended one, which is all that gRPC
    offers.
    """

    binding = "GRPC"

    def __init__(self, url: str, limits: Limits, tls: Tls, tenant: str = "") -> None:
        parts = urlsplit(url)
        target, options = parts.netloc, _channel_options(limits)
        if parts.scheme == "grpcs":
            self._channel = grpc.aio.secure_channel(target, grpc_credentials(tls), options)
        else:
            self._channel = grpc.aio.insecure_channel(target, options)
        self._bounds = limits.bounds()
        self._limits = limits
        self._tenant = tenant
        rpcs = BY_GRPC_PATH.items()
        self._unary: dict[Operation, UnaryRpc] = {
            one: self._channel.unary_unary(path) for path, one in rpcs if not one.streams
        }
        self._streaming: dict[Operation, StreamingRpc] = {
            one: self._channel.unary_stream(path) for path, one in rpcs if one.streams
        }

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Message:
        data = self._encode(request)
        rpc = self._unary[operation](data, metadata=_metadata(context), timeout=_remaining(context, self._limits))
        _show(context, "request", data)
        try:
            answer: bytes = await rpc
            context.reply.extensions = metadata.extensions(
                [*_pairs(await rpc.initial_metadata()), *_pairs(await rpc.trailing_metadata())]
            )
        except grpc.aio.AioRpcError as error:
            raise _error(operation, error) from None
        finally:
            rpc.cancel()
        _show(context, "response", answer)
        return self._decode(operation, answer)

    async def stream(
        self, operation: Operation, request: Message, context: CallContext
    ) -> AsyncGenerator[Burst, None]:
        data = self._encode(request)
        rpc = self._streaming[operation](data, metadata=_metadata(context), timeout=_remaining(context, None))
        _show(context, "request", data)
        idle_s = self._limits.stream_idle_s
        try:
            first = True
            while True:
                async with asyncio.timeout(idle_s):
                    answer = await rpc.read()
                if first:
                    context.reply.extensions = metadata.extensions(_pairs(await rpc.initial_metadata()))
                    first = False
                if not isinstance(answer, bytes):  # the mark of the end
                    await _raise_unless_ok(operation, rpc)
                    return
                _show(context, "response", answer)
                yield (cast(StreamResponse, self._decode(operation, answer)),)
        except grpc.aio.AioRpcError as error:
            raise _error(operation, error) from None
        except TimeoutError:
            raise AgentError(ErrorKind.UNAVAILABLE, f"The agent was silent for {idle_s} s") from None
        finally:
            rpc.cancel()

    async def card(self, context: CallContext) -> AgentCard:
        answer = await self.call(GET_EXTENDED_AGENT_CARD, GetExtendedAgentCardRequest(), context)
        return cast(AgentCard, answer)

    async def close(self) -> None:
        await self._channel.close()

    def _encode(self, request: Message) -> bytes:
        with blame_caller():
            return wire.encode(addressed(request, self._tenant), self._bounds)

    def _decode(self, operation: Operation, answer: bytes) -> Message:
        with blame_agent():
            return wire.decode(operation.response, answer, self._bounds)


def _channel_options(limits: Limits) -> list[tuple[str, int]]:
    header_bytes = 2 * limits.header_bytes  # room for what the transport adds, and for rich statuses
    return [
        ("grpc.max_send_message_length", limits.message_bytes),
        ("grpc.max_receive_message_length", limits.message_bytes),
        # Equal, because between the soft and the hard limit grpc refuses at random.
        ("grpc.max_metadata_size", header_bytes),
        ("grpc.absolute_max_metadata_size", header_bytes),
        ("grpc.keepalive_time_ms", int(limits.ping_s * 1000)),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.enable_retries", 0),
        ("grpc.min_reconnect_backoff_ms", int(limits.connect_s * 1000)),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", int(limits.connect_s * 1000)),
        # Agents of one address do not share a connection, so one cannot starve the other.
        ("grpc.use_local_subchannel_pool", 1),
    ]


def _metadata(context: CallContext) -> list[tuple[str, str | bytes]]:
    return metadata.to_metadata(context.headers, VERSION, context.extensions)


def _remaining(context: CallContext, limits: Limits | None) -> float | None:
    """Seconds until the caller stops waiting; the default for unary calls where it did not say."""
    if context.deadline is None:
        return limits.unary_s if limits else None
    return max(context.deadline - asyncio.get_running_loop().time(), 0.0)


async def _raise_unless_ok(operation: Operation, rpc: grpc.aio.UnaryStreamCall[bytes, bytes]) -> None:
    code = await rpc.code()
    if code is not grpc.StatusCode.OK:
        trailing = _pairs(await rpc.trailing_metadata())
        raise _to_agent_error(operation, code, await rpc.details() or "", trailing)


def _error(operation: Operation, error: grpc.aio.AioRpcError) -> AgentError:
    return _to_agent_error(operation, error.code(), error.details() or "", _pairs(error.trailing_metadata()))


def _to_agent_error(operation: Operation, code: grpc.StatusCode, text: str, trailing: Metadata) -> AgentError:
    rich = next((value for name, value in trailing if name == _DETAILS and isinstance(value, bytes)), None)
    kind, message, details = status.from_status(operation.name, GrpcStatus[code.name], text, rich)
    if rich is None:
        message = _ADDRESS.sub("the agent", message)
    return AgentError(kind, message, details)


def _pairs(pairs: object) -> Metadata:
    return list(cast(Sequence[tuple[str, str | bytes]], pairs or ()))


def _show(context: CallContext, direction: Literal["request", "response"], frame: bytes) -> None:
    if context.watch is not None:
        context.watch(Crossing("southbound", "GRPC", direction, frame))
