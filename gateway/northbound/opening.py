"""A stream while its first burst is waited for: early errors can still be answered as errors."""

import asyncio
from collections.abc import AsyncGenerator

from gateway.agent import Burst


class Opening:
    """Reads a stream whose first burst may be looked for without losing it.

    Used as `async with`, which closes the stream.
    """

    def __init__(self, bursts: AsyncGenerator[Burst, None]) -> None:
        self._bursts = bursts
        self._first: asyncio.Task[Burst | None] | None = None

    async def __aenter__(self) -> "Opening":
        self._first = asyncio.ensure_future(self._next())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._first is not None:
            self._first.cancel()
            await asyncio.wait([self._first])
        await self._bursts.aclose()

    async def arrives(self, within_s: float) -> bool:
        """Whether the first burst, or the end, comes in time.

        Raises GatewayError where the stream fails before anything came.
        """
        assert self._first is not None
        await asyncio.wait([self._first], timeout=within_s)
        if not self._first.done():
            return False
        self._first.result()
        return True

    def __aiter__(self) -> "Opening":
        return self

    async def __anext__(self) -> Burst:
        if self._first is not None:
            first, self._first = self._first, None
            burst = await first
        else:
            burst = await self._next()
        if burst is None:
            raise StopAsyncIteration
        return burst

    async def _next(self) -> Burst | None:
        return await anext(self._bursts, None)
