"""An agent reached over gRPC, on grpc.aio with bytes in and bytes out.

Decoding is ours, so a message that does not parse is an InvalidAgentResponse and not a mystery.
Unary rpcs are called like streams and their answers counted: grpc.aio takes none for an answer and
waits for ever after two. Nothing is retried here: a SendMessage may have had its effect.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import urlsplit

import grpc
import grpc.aio
from protobuf import Message

from gateway.agent import Answer, Burst, CallContext, Event, Head
from gateway.codec import metadata, status
from gateway.codec.form import Form
from gateway.errors import AgentError, ErrorKind, GrpcStatus
from gateway.operations import GET_EXTENDED_AGENT_CARD, Operation
from gateway.settings import Limits, Tls
from gateway.southbound.request import addressed, in_time, reading_answer, writing_request
from gateway.southbound.trust import grpc_credentials
from generated.a2a.v1.a2a_pb import AgentCard, GetExtendedAgentCardRequest

BINDING = "GRPC"

_LONGEST_S = 1e8
"""What grpc can still count; longer deadlines would wrap around to the past."""
_DETAILS = "grpc-status-details-bin"
_ADDRESS = re.compile(r"\b(ipv4|ipv6|unix|dns|passthrough):\S+|\S+:\d{1,5}\b")
_TRANSPORT_TEXTS = (
    ("failed to connect", "The agent cannot be reached"),
    ("DNS resolution failed", "The agent's host has no address"),
    ("errors resolving", "The agent's host has no address"),
    ("Socket closed", "The connection to the agent broke"),
    ("Connection reset", "The connection to the agent broke"),
    ("recvmsg", "The connection to the agent broke"),
    ("Stream removed", "The connection to the agent broke"),
    ("keepalive watchdog", "The agent stopped answering"),
)
"""How grpc begins what it says itself, with addresses in it, and what callers are told instead."""

Rpc = grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
Call = grpc.aio.UnaryStreamCall[bytes, bytes]
Pairs = Sequence[tuple[str, str | bytes]]


class GrpcAgent:
    """An Agent behind `grpc://` or `grpcs://`.

    `paths` gives the rpcs of the version that `form` writes. `tenant` goes into every request. Its
    own card is the extended one, which is all that gRPC offers.
    """

    def __init__(
        self,
        url: str,
        paths: Mapping[Operation, str],
        form: Form[bytes],
        limits: Limits,
        tls: Tls,
        tenant: str = "",
    ) -> None:
        parts = urlsplit(url)
        target, options = parts.netloc, _channel_options(limits)
        if parts.scheme == "grpcs":
            self._channel = grpc.aio.secure_channel(target, grpc_credentials(tls), options)
        else:
            self._channel = grpc.aio.insecure_channel(target, options)
        self._rpcs: dict[Operation, Rpc] = {
            operation: self._channel.unary_stream(path) for operation, path in paths.items()
        }
        self._form = form
        self._bounds = limits.bounds()
        self._limits = limits
        self._tenant = tenant

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        answers = await self._begin(operation, request, context, self._limits.unary_s)
        try:
            if (data := await answers.read()) is None:
                raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, "The agent answered nothing")
            if await answers.read() is not None:
                raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, "The agent answered twice")
            with reading_answer():
                message = self._form.read_answer(operation, data, self._bounds)
            return Answer(message, await answers.final_head())
        finally:
            await answers.close()

    async def open(self, operation: Operation, request: Message, context: CallContext) -> "GrpcStream":
        return await self._begin(operation, request, context, None)

    async def card(self, context: CallContext) -> AgentCard:
        answer = await self.call(GET_EXTENDED_AGENT_CARD, GetExtendedAgentCardRequest(), context)
        return cast(AgentCard, answer.message)

    async def close(self) -> None:
        await self._channel.close()

    async def _begin(
        self, operation: Operation, request: Message, context: CallContext, default_s: float | None
    ) -> "GrpcStream":
        with writing_request():
            data = self._form.write_request(operation, addressed(request, self._tenant), self._bounds)
        timeout_s = default_s
        if context.deadline is not None:
            remaining_s = context.deadline - asyncio.get_running_loop().time()
            timeout_s = min(max(remaining_s, 0.0), _LONGEST_S)
        pairs = metadata.to_metadata(context.headers, self._form.version, context.extensions)
        call = self._rpcs[operation](data, metadata=pairs, timeout=timeout_s)
        context.show("southbound", BINDING, "request", data)
        stream = GrpcStream(call, operation, self._form, context, self._limits)
        try:
            await stream.begin()
        except BaseException:
            await stream.close()
            raise
        return stream


class GrpcStream:
    """The answers of one rpc as they come."""

    def __init__(
        self, call: Call, operation: Operation, form: Form[bytes], context: CallContext, limits: Limits
    ) -> None:
        self.head = Head()
        self._form = form
        self._call = call
        self._operation = operation
        self._context = context
        self._idle_s = limits.stream_idle_s
        self._bounds = limits.bounds()

    async def begin(self) -> None:
        """Waits for the agent's head."""
        pairs = _pairs(await in_time(self._call.initial_metadata(), None, self._idle_s))
        self.head = _head(pairs, self._form.version)

    async def burst(self) -> Burst | None:
        data = await self.read()
        if data is None:
            return None
        with reading_answer():
            return (Event(self._form.read_event(data, self._bounds)),)

    async def read(self) -> bytes | None:
        """The next answer; None once the rpc has ended well. Raises AgentError where it has not."""
        try:
            data = await in_time(self._call.read(), None, self._idle_s)
        except grpc.aio.AioRpcError as error:
            trailing = _pairs(error.trailing_metadata())
            raise _agent_error(self._operation, error.code(), error.details() or "", trailing) from None
        if not isinstance(data, bytes):  # the mark of the end
            await self._raise_unless_ok()
            return None
        self._context.show("southbound", BINDING, "response", data)
        return data

    async def final_head(self) -> Head:
        """The head with what came in the trailers, where some agents say which extensions they activated."""
        pairs = [*_pairs(await self._call.initial_metadata()), *_pairs(await self._call.trailing_metadata())]
        return _head(pairs, self._form.version)

    async def close(self) -> None:
        self._call.cancel()

    async def _raise_unless_ok(self) -> None:
        code = await self._call.code()
        if code is not grpc.StatusCode.OK:
            trailing = _pairs(await self._call.trailing_metadata())
            raise _agent_error(self._operation, code, await self._call.details() or "", trailing)


def _channel_options(limits: Limits) -> list[tuple[str, int]]:
    header_bytes = 8 * limits.header_bytes  # room for a long status text, whose code would be lost otherwise
    return [
        ("grpc.max_send_message_length", limits.message_bytes),
        ("grpc.max_receive_message_length", limits.message_bytes),
        # Equal, because between the soft and the hard limit grpc refuses at random.
        ("grpc.max_metadata_size", header_bytes),
        ("grpc.absolute_max_metadata_size", header_bytes),
        # A window that grows with the link would let an agent run megabytes ahead of a slow caller.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", limits.stream_buffer_bytes),
        ("grpc.keepalive_time_ms", int(limits.agent_ping_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(limits.ping_answer_s * 1000)),
        ("grpc.http2.ping_timeout_ms", int(limits.ping_answer_s * 1000)),
        ("grpc.enable_retries", 0),
        ("grpc.min_reconnect_backoff_ms", int(limits.connect_s * 1000)),
        ("grpc.initial_reconnect_backoff_ms", int(limits.reconnect_s * 1000)),
        ("grpc.max_reconnect_backoff_ms", int(limits.connect_s * 1000)),
        # Agents of one address do not share a connection, so one cannot starve the other.
        ("grpc.use_local_subchannel_pool", 1),
    ]


def _head(pairs: Pairs, version: str) -> Head:
    with reading_answer():
        return Head(metadata.extensions(pairs), version)


def _agent_error(operation: Operation, code: grpc.StatusCode, text: str, trailing: Pairs) -> AgentError:
    rich = next((value for name, value in trailing if name == _DETAILS and isinstance(value, bytes)), None)
    kind, message, details = status.from_status(operation.name, GrpcStatus[code.name], text, rich)
    if rich is None:
        message = next((said for begin, said in _TRANSPORT_TEXTS if message.startswith(begin)), message)
        message = _ADDRESS.sub("the agent", message[: 2 * status.MESSAGE_CHARS])
    return AgentError(kind, message, details)


def _pairs(pairs: object) -> Pairs:
    return list(cast(Pairs, pairs or ()))
