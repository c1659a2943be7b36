"""Rpcs over a channel, and what became of them, in words that are the same for every transport."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.codec.malformed import Malformed
from gateway.settings import Limits, Tls
from gateway.southbound.transport.channel import Channel, Pairs, Rpc, RpcFailed
from gateway.southbound.transport.choice import TRANSPORTS

PATH = "/test.Service/Do"
METHOD = "Do"
PATIENCE_S = 10.0
MALFORMED, TOO_LARGE = "MALFORMED", "RESOURCE_EXHAUSTED"


@dataclass(slots=True)
class Told:
    """Everything that came of one rpc."""

    head: Pairs = ()
    messages: list[bytes] = field(default_factory=list[bytes])
    status: str = ""
    """The name of the status; MALFORMED for what is no gRPC."""
    text: str = ""
    trailers: Pairs = ()

    def named(self, name: str) -> list[str | bytes]:
        """The values of a name in the head and the trailers."""
        return [value for given, value in (*self.head, *self.trailers) if given == name]


@asynccontextmanager
async def channel_to(url: str, transport: str, **limits: Any) -> AsyncIterator[Channel]:
    """A channel of a transport."""
    given = Limits.model_validate({"reconnect_s": 0.001, **limits})
    channel = TRANSPORTS[transport].channel(url, given, Tls.model_validate({}))
    try:
        yield channel
    finally:
        await channel.close()


async def rest(rpc: Rpc, told: Told) -> Told:
    """Reads an rpc whose head is there to its end."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while (burst := await rpc.burst()) is not None:
                assert burst, "a burst is of at least one"
                told.messages += burst
        told.status, told.trailers = "OK", rpc.trailers
    except RpcFailed as failed:
        told.status, told.text, told.trailers = failed.status.name, failed.text, failed.trailers
    except Malformed as error:
        told.status, told.text = TOO_LARGE if error.too_large else MALFORMED, str(error)
    finally:
        rpc.cancel()
    return told


async def asked(
    channel: Channel, request: bytes = b"", *, metadata: Pairs = (), timeout_s: float | None = None
) -> Told:
    """One rpc from its beginning to its end."""
    rpc = channel.call(PATH, request, metadata, timeout_s)
    try:
        async with asyncio.timeout(PATIENCE_S):
            head = await rpc.head()
    except BaseException:
        rpc.cancel()
        raise
    return await rest(rpc, Told(head))
