"""One call of any kind on grpc.aio, bytes in and bytes out.

On the wire all four kinds are streams both ways, and are called so here: a single request goes out
with the call, several one by one. Nothing is read ahead of whoever reads, but for the one message
that a silence was waited for; writing never waits for reading.
"""

import asyncio
from collections.abc import Collection, Sequence
from enum import Enum
from typing import Any, Final, cast

import grpc
import grpc.aio

from gateway.codec import metadata
from gateway.errors import GrpcStatus
from gateway.southbound.grpc import failed_call
from gateway.southbound.mapped.statuses import Ending
from gateway.southbound.transport.grpcio_channel import failed, pairs_of

Single = grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
Several = grpc.aio.StreamStreamMultiCallable[bytes, bytes]
Sending = grpc.aio.StreamStreamCall[bytes, bytes]
Call = grpc.aio.UnaryStreamCall[bytes, bytes] | Sending


class Silence(Enum):
    """That no message came for a while."""

    QUIET = "quiet"


QUIET: Final = Silence.QUIET


class Rpc:
    """A call under way. `close` it, whatever happened."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        path: str,
        headers: Sequence[tuple[str, str | bytes]],
        timeout_s: float | None,
        idle_s: float | None,
    ) -> None:
        self._channel = channel
        self._path = path
        self._headers = headers
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._call: Call | None = None
        self._reading: asyncio.Future[bytes | None] | None = None
        self._writing: asyncio.Future[None] | None = None
        self.undelivered = False
        """The service had ended the call before a request could be sent."""

    def say(self, data: bytes | None, *, last: bool) -> None:
        """Sends a request behind those before it, and with `last` ends our side. Does not wait.

        The first one begins the call.
        """
        if self._call is None and data is not None and last:
            single = cast(Single, self._channel.unary_stream(self._path))
            self._call = single(data, metadata=self._headers, timeout=self._timeout_s)
            return
        if self._call is None:
            several = cast(Several, self._channel.stream_stream(self._path))
            self._call = several(metadata=self._headers, timeout=self._timeout_s)
        sending = cast(Sending, self._call)
        self._writing = asyncio.ensure_future(self._write(sending, self._writing, data, last))

    async def next(self, quiet_s: float | None = None) -> bytes | Silence | None:
        """The next response, or None once the call has ended, well or not.

        With `quiet_s`: QUIET if all was sent and nothing came for so long. Cancelling ends the call.
        """
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read(self._begun()))
        if self._writing is not None and not self._writing.done() and quiet_s is not None:
            await asyncio.wait((self._reading, self._writing), return_when=asyncio.FIRST_COMPLETED)
            if not self._reading.done():
                return await self.next(quiet_s)
        bounds = [bound for bound in (quiet_s, self._idle_s) if bound is not None]
        done, _ = await asyncio.wait((self._reading,), timeout=min(bounds) if bounds else None)
        if not done:
            if quiet_s is not None:
                return QUIET
            raise TimeoutError
        reading, self._reading = self._reading, None
        return reading.result()

    async def ending(self, trailers: Collection[str]) -> Ending:
        """How the call ended, once it has."""
        call = self._begun()
        code = GrpcStatus[(await call.code()).name]
        trailing = pairs_of(await call.trailing_metadata())
        kept = metadata.forwarded(_carried(trailing), frozenset(trailers))
        if code is GrpcStatus.OK:
            return Ending(code, None, kept)
        return Ending(code, failed_call("", failed(await call.code(), await call.details(), trailing)), kept)

    async def close(self) -> None:
        """Ends the call at once, if it has not ended."""
        if self._call is not None:
            self._call.cancel()
        waited_for = [task for task in (self._reading, self._writing) if task is not None]
        for task in waited_for:
            task.cancel()
        await asyncio.gather(*waited_for, return_exceptions=True)

    def _begun(self) -> Call:
        assert self._call is not None, "nothing was said yet"
        return self._call

    async def _read(self, call: Call) -> bytes | None:
        try:
            data = await call.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return None  # `ending` says why
        return data if isinstance(data, bytes) else None

    async def _write(
        self, call: Sending, before: asyncio.Future[None] | None, data: bytes | None, last: bool
    ) -> None:
        try:
            if before is not None:
                await before
            if data is not None:
                await call.wait_for_connection()
                await _sent(call, data)
            if last:
                await call.done_writing()
        except Exception:  # of several kinds, none of which says more than the status that whoever reads is given
            self.undelivered = self.undelivered or data is not None


async def _sent(call: Sending, data: bytes) -> None:
    """Sends a message. Raises what grpc raises where the call has ended."""
    if call.done():
        raise asyncio.InvalidStateError
    # Not by `call.write`, which makes a status of its own of a write that fails, and the service's is lost.
    await cast(Any, call)._cython_call.send_serialized_message(data)


def _carried(pairs: Sequence[tuple[str, str | bytes]]) -> list[tuple[str, str | bytes]]:
    """Trailers whose values a header could carry; others are the service's own affair."""
    return [(name, value) for name, value in pairs if isinstance(value, bytes) or metadata.is_sendable(value)]
