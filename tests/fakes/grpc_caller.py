"""A gRPC caller on grpc.aio that sends and gets bytes. How a call ended is a value, never an exception.

It calls any path with any bytes, and reads the A2A reason out of `grpc-status-details-bin`. What
grpcio refuses to send is in `h2_caller`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, Self, cast

import grpc
import grpc.aio

from generated.google.rpc.error_details_pb import ErrorInfo
from generated.google.rpc.status_pb import Status
from tests.fakes.scripted_grpc import SERVICE

Metadata = Sequence[tuple[str, str | bytes]]
DETAILS_KEY = "grpc-status-details-bin"


class _RawCall(Protocol):
    """The part of grpc.aio's call objects that is used."""

    def cancel(self) -> bool: ...
    def done(self) -> bool: ...
    async def read(self) -> bytes | object: ...
    async def code(self) -> grpc.StatusCode: ...
    async def details(self) -> str | None: ...
    async def initial_metadata(self) -> Metadata: ...
    async def trailing_metadata(self) -> Metadata: ...


@dataclass(slots=True)
class Outcome:
    """What one call brought."""

    messages: list[bytes] = field(default_factory=list[bytes])
    stamps: list[float] = field(default_factory=list[float])
    """When each message had been read, by the loop's clock."""
    code: grpc.StatusCode | None = None
    """None while the call runs."""
    details: str = ""
    initial: list[tuple[str, str | bytes]] = field(default_factory=list[tuple[str, str | bytes]])
    trailing: list[tuple[str, str | bytes]] = field(default_factory=list[tuple[str, str | bytes]])
    ended_at: float | None = None

    @property
    def ok(self) -> bool:
        return self.code is grpc.StatusCode.OK

    @property
    def status(self) -> Status | None:
        """The rich status, if the trailers have one."""
        packed = dict(self.trailing).get(DETAILS_KEY)
        return Status.from_binary(packed) if isinstance(packed, bytes) else None

    @property
    def reason(self) -> str | None:
        """`ErrorInfo.reason`, the identity of an A2A error."""
        for detail in self.status.details if self.status else ():
            if detail.is_type(ErrorInfo):
                return ErrorInfo.from_binary(detail.value).reason
        return None


class GrpcStream:
    """A running call. Messages are read only by the one who iterates."""

    def __init__(self, call: _RawCall) -> None:
        self._call = call
        self.outcome = Outcome()
        self.left_at: float | None = None

    async def messages(self) -> AsyncIterator[bytes]:
        """The messages up to the end of the call (grpc.aio.EOF or None here), which `outcome` then tells."""
        while isinstance(message := await self._read(), bytes):
            self.outcome.messages.append(message)
            self.outcome.stamps.append(asyncio.get_running_loop().time())
            yield message
        await self.finish()

    async def finish(self) -> Outcome:
        """Wait for the status without reading further messages."""
        outcome = self.outcome
        with suppress(asyncio.CancelledError if self._call.done() else grpc.aio.UsageError):
            outcome.initial = list(await self._call.initial_metadata() or ())
        outcome.code = await self._call.code()
        outcome.details = await self._call.details() or ""
        outcome.trailing = list(await self._call.trailing_metadata() or ())
        outcome.ended_at = asyncio.get_running_loop().time()
        return outcome

    def cancel(self) -> None:
        """RST_STREAM(CANCEL), now."""
        self.left_at = asyncio.get_running_loop().time()
        self._call.cancel()

    async def _read(self) -> bytes | object:
        try:
            return await self._call.read()
        except grpc.aio.AioRpcError:
            return None
        except asyncio.CancelledError:
            if self._call.done():
                return None
            raise


class GrpcCaller:
    """A channel of its own to `address` (host:port), opened by `async with`."""

    def __init__(self, address: str, *, options: Sequence[tuple[str, int | str]] = ()) -> None:
        self._address = address
        self._options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            *options,
        ]
        self._channel: grpc.aio.Channel | None = None

    async def __aenter__(self) -> Self:
        self._channel = grpc.aio.insecure_channel(self._address, options=self._options)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._channel is not None:
            await self._channel.close()

    def stream(
        self, method: str, request: bytes = b"", *, metadata: Metadata = (), timeout_s: float | None = None
    ) -> GrpcStream:
        """Start a call; `method` is a name of A2A 1.0's service, or a whole path."""
        path = method if method.startswith("/") else f"/{SERVICE}/{method}"
        assert self._channel is not None
        start = cast(Callable[..., _RawCall], self._channel.unary_stream(path))
        return GrpcStream(start(request, metadata=tuple(metadata), timeout=timeout_s))

    async def call(
        self, method: str, request: bytes = b"", *, metadata: Metadata = (), timeout_s: float | None = 10.0
    ) -> Outcome:
        """Call and take everything that comes: for a unary rpc, one message and OK."""
        running = self.stream(method, request, metadata=metadata, timeout_s=timeout_s)
        async for _ in running.messages():
            pass
        return running.outcome
