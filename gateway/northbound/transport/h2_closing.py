"""The end of a connection on which everything is said: what was said is still delivered.

Nothing is closed before the caller has, or takes no more: what comes in on a closed socket makes
the kernel throw away what is on its way out.
"""

import asyncio

LINGER_S = 0.5
"""Between two looks at what is left; how long the caller is given to close in its turn."""


class Closing:
    """Closes a transport once its caller has taken what is left, at the latest after `most_s`."""

    def __init__(self, transport: asyncio.Transport, most_s: float) -> None:
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + most_s
        self._hurried = False
        self._timer: asyncio.TimerHandle | None = None
        if not transport.is_closing():
            transport.write_eof()
        self._look(transport.get_write_buffer_size() + 1)

    def hurry(self) -> None:
        """From now on a caller that takes nothing is not waited for."""
        self._hurried = True

    def stop(self) -> None:
        """The transport is closed."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self, last_left: int) -> None:
        left = self._transport.get_write_buffer_size()
        stands_still = left >= last_left
        if self._loop.time() >= self._until or (stands_still and (self._hurried or not left)):
            self._transport.abort()
        else:
            self._timer = self._loop.call_later(LINGER_S, self._look, left)
