"""An agent reached over gRPC, whatever carries the bytes.

Decoding is ours, so a message that does not parse is an InvalidAgentResponse and not a mystery.
Unary rpcs are called like streams and their answers counted. Nothing is retried here: a SendMessage
may have had its effect.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import cast

from protobuf import Message

from gateway.agent import Answer, Burst, CallContext, Event, Head, ReadFrame
from gateway.codec import metadata, status
from gateway.codec.form import Form
from gateway.codec.rpctypes import rpc_types
from gateway.errors import AgentError, ErrorKind, GatewayError
from gateway.offload import converted
from gateway.operations import GET_EXTENDED_AGENT_CARD, Operation
from gateway.settings import Limits
from gateway.southbound.request import READING_ANSWER, WRITING_REQUEST, Waiting, addressed
from gateway.southbound.transport.channel import Channel, Pairs, Rpc, RpcFailed
from generated.a2a.v1.a2a_pb import AgentCard, GetExtendedAgentCardRequest

BINDING = "GRPC"

_DETAILS = "grpc-status-details-bin"
_ADDRESS = re.compile(r"\b(ipv4|ipv6|unix|dns|passthrough):\S+|\S+:\d{1,5}\b")


class GrpcAgent:
    """An Agent at the end of a channel, which it closes.

    `paths` gives the rpcs of the version that `form` writes. `tenant` goes into every request. Its
    own card is the extended one, which is all that gRPC offers.
    """

    def __init__(
        self,
        channel: Channel,
        paths: Mapping[Operation, str],
        form: Form[bytes],
        limits: Limits,
        tenant: str = "",
    ) -> None:
        self._channel = channel
        self._paths = paths
        self._form = form
        self._bounds = limits.bounds()
        self._limits = limits
        self._tenant = tenant

    async def call(self, operation: Operation, request: Message, context: CallContext) -> Answer:
        answers = await self._begin(operation, request, context, self._limits.unary_s)
        try:
            data = await answers.only()
            with READING_ANSWER:
                message = await converted(
                    len(data),
                    self._limits.inline_bytes,
                    lambda: self._form.read_answer(operation, data, self._bounds),
                )
            return Answer(message, answers.final_head())
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
        size_bytes = len(request.to_binary())
        with WRITING_REQUEST:
            data = await converted(
                size_bytes,
                self._limits.inline_bytes,
                lambda: self._form.write_request(operation, addressed(request, self._tenant), self._bounds),
            )
        timeout_s = default_s
        if context.deadline is not None:
            timeout_s = context.deadline - asyncio.get_running_loop().time()
        pairs = metadata.to_metadata(context.headers, self._form.version, context.extensions)
        rpc = self._channel.call(self._paths[operation], data, pairs, timeout_s)
        request_type, answer_type = rpc_types(self._form.version, operation)
        context.show("southbound", BINDING, "request", data, request_type.from_binary)
        stream = GrpcStream(rpc, operation, self._form, context, self._limits, answer_type.from_binary)
        try:
            await stream.begin()
        except BaseException:
            await stream.close()
            raise
        return stream


class GrpcStream:
    """The answers of one rpc as they come."""

    def __init__(
        self,
        rpc: Rpc,
        operation: Operation,
        form: Form[bytes],
        context: CallContext,
        limits: Limits,
        read_frame: ReadFrame,
    ) -> None:
        self.head = Head()
        self._pairs: Pairs = ()
        self._read_frame = read_frame
        self._form = form
        self._rpc = rpc
        self._operation = operation
        self._context = context
        self._waiting = Waiting(None, limits.stream_idle_s)
        self._inline_bytes = limits.inline_bytes
        self._bounds = limits.bounds()
        self._failure: GatewayError | None = None

    async def begin(self) -> None:
        """Waits for the agent's head."""
        self._pairs = await self._waiting.within(self._rpc.head())
        self.head = _head(self._pairs, self._form.version)

    async def burst(self) -> Burst | None:
        if self._failure is None:
            messages = await self._read()
            if messages is None:
                return None
            size_bytes = sum(map(len, messages))
            burst, self._failure = await converted(
                size_bytes, self._inline_bytes, lambda: self._events(messages)
            )
            if burst:
                return burst
        assert self._failure is not None
        raise self._failure

    async def only(self) -> bytes:
        """The one answer of an rpc that has one. Raises AgentError where there is none, or another."""
        messages = await self._read()
        if messages is None:
            raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, "The agent answered nothing")
        if len(messages) > 1 or await self._read() is not None:
            raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, "The agent answered twice")
        return messages[0]

    def final_head(self) -> Head:
        """The head with what came in the trailers, where some agents say which extensions they activated."""
        return _head([*self._pairs, *self._rpc.trailers], self._form.version)

    async def close(self) -> None:
        self._waiting.close()
        self._rpc.cancel()

    async def _read(self) -> Sequence[bytes] | None:
        """What has come; None once the rpc has ended well. Raises AgentError where it has not."""
        try:
            with READING_ANSWER:
                messages = await self._waiting.within(self._rpc.burst())
        except RpcFailed as failed:
            raise failed_call(self._operation.name, failed) from None
        if self._context.is_watched:
            for data in messages or ():
                self._context.show("southbound", BINDING, "response", data, self._read_frame)
        return messages

    def _events(self, messages: Sequence[bytes]) -> tuple[list[Event], GatewayError | None]:
        """The messages up to the first that cannot be read, and why it cannot."""
        read, bounds = self._form.read_event, self._bounds
        burst: list[Event] = []
        try:
            with READING_ANSWER:
                for data in messages:
                    burst.append(Event(read(data, bounds), "", len(data)))  # noqa: PERF401 # as in `taken`
        except GatewayError as error:
            return burst, error
        return burst, None


def _head(pairs: Pairs, version: str) -> Head:
    with READING_ANSWER:
        return Head(metadata.extensions(pairs), version)


def failed_call(operation: str, failed: RpcFailed) -> AgentError:
    """What the status of a call means; its text names no address."""
    rich = next((value for name, value in failed.trailers if name == _DETAILS and isinstance(value, bytes)), None)
    kind, message, details = status.from_status(operation, failed.status, failed.text, rich)
    if rich is None:
        message = _ADDRESS.sub("the agent", message[: 2 * status.MESSAGE_CHARS])
    return AgentError(kind, message, details)
