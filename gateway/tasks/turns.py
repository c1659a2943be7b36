"""One at a time for each task: taking it up, giving it back and ending it exclude each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A lock for each task that somebody wants, and for no other."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._wanted: dict[str, int] = {}

    def __contains__(self, task_id: str) -> bool:
        """Whether somebody has, or waits for, the turn of a task."""
        return task_id in self._locks

    @asynccontextmanager
    async def of(self, task_id: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(task_id, asyncio.Lock())
        self._wanted[task_id] = self._wanted.get(task_id, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._wanted[task_id] -= 1
            if not self._wanted[task_id]:
                del self._wanted[task_id], self._locks[task_id]
