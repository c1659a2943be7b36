"""How one reader waits for what a connection brings."""

import asyncio


class News:
    """One waits, the other tells. What is told while nobody waits is not kept: the reader looks first."""

    __slots__ = ("_waiter",)

    def __init__(self) -> None:
        self._waiter: asyncio.Future[None] | None = None

    @property
    def awaited(self) -> bool:
        """Whether somebody waits and was not told yet."""
        return self._waiter is not None and not self._waiter.done()

    def tell(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def wait(self) -> None:
        assert self._waiter is None, "a second reader"
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
