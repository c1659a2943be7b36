"""Whether anybody here wants a task to be read: its readers, and for how long there has been none."""

import asyncio
from collections.abc import Callable


class Readership:
    """Counts the readers of one task. `when_alone` is called when the last one leaves."""

    def __init__(self, when_alone: Callable[[], None]) -> None:
        self.alone_since: float | None = None
        """By the loop's clock; None while there are readers."""
        self.gone = asyncio.Event()
        """The task need not be read any more."""
        self._when_alone = when_alone
        self._readers = 0
        self._lingering: asyncio.TimerHandle | None = None

    def join(self) -> None:
        """One more reader; it calls `leave` in the end."""
        self._readers += 1
        self.alone_since = None
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    def leave(self) -> None:
        self._readers -= 1
        self.look()

    def look(self) -> None:
        """Notices if there are no readers, which is when the task's lingering begins."""
        if not self._readers and self.alone_since is None:
            self.alone_since = asyncio.get_running_loop().time()
            self._when_alone()

    def linger(self, seconds: float) -> None:
        """Lets go after so long, unless somebody joins."""
        self._lingering = asyncio.get_running_loop().call_later(seconds, self.gone.set)

    def close(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
