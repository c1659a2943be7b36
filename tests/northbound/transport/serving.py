"""A server with handlers of a test's own, and what became of its rpcs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.errors import GrpcStatus
from gateway.northbound.transport.choice import SERVERS
from gateway.northbound.transport.server import Handler, Rpc, Server, only_request
from gateway.settings import Limits

PATH = "/test.Service/Do"
PATIENCE_S = 10.0
KIB = 1024
MIB = KIB * KIB


@dataclass(slots=True)
class Serving:
    """A server under way, and the rpcs that its handlers were given."""

    server: Server
    address: str
    rpcs: list[Rpc] = field(default_factory=list[Rpc])
    cancelled: int = 0
    """Handlers that were."""
    under_way: int = 0

    async def rpc(self, number: int = 0) -> Rpc:
        """The n-th rpc, once it has come."""
        await until(lambda: len(self.rpcs) > number)
        return self.rpcs[number]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def serving(
    kind: str, handlers: Handler | Mapping[str, Handler], **limits: Any
) -> AsyncIterator[Serving]:
    """One handler serves PATH; others may be given by their paths."""
    server = SERVERS[kind](Limits.model_validate(limits))
    it = Serving(server, f"127.0.0.1:{server.bind('127.0.0.1:0', shared=False)}")
    by_path = handlers if isinstance(handlers, Mapping) else {PATH: handlers}
    await server.start({path: _watched(it, handler) for path, handler in by_path.items()})
    try:
        yield it
    finally:
        await server.stop(0)


def _watched(it: Serving, handler: Handler) -> Handler:
    async def handle(rpc: Rpc) -> None:
        it.rpcs.append(rpc)
        it.under_way += 1
        try:
            await handler(rpc)
        except asyncio.CancelledError:
            it.cancelled += 1
            raise
        finally:
            it.under_way -= 1

    return handle


def echoing(times: int = 1) -> Handler:
    """Answers with the request, so many times."""

    async def handle(rpc: Rpc) -> None:
        message = await only_request(rpc)
        await rpc.begin(())
        await rpc.send([message] * times)
        rpc.finish(GrpcStatus.OK)

    return handle


def streaming(make: Callable[[int], bytes], count: int | None = None, burst: int = 1) -> Handler:
    """Numbered messages, for ever where there is no count."""

    async def handle(rpc: Rpc) -> None:
        await only_request(rpc)
        await rpc.begin(())
        number = 0
        while count is None or number < count:
            last = number + burst if count is None else min(number + burst, count)
            await rpc.send([make(one) for one in range(number, last)])
            number = last
        rpc.finish(GrpcStatus.OK)

    return handle


def doing(act: Callable[[Rpc], Awaitable[None]]) -> Handler:
    """Takes the request, does this, and ends well."""

    async def handle(rpc: Rpc) -> None:
        await only_request(rpc)
        await act(rpc)
        rpc.finish(GrpcStatus.OK)

    return handle


async def lingering(rpc: Rpc) -> None:
    """Says that it is there, and no more."""
    await only_request(rpc)
    await rpc.begin(())
    await asyncio.Event().wait()
