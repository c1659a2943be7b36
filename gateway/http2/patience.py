"""How many frames without content a peer may send: they cost the most, and honest peers have reason for few."""

import asyncio

PER_CONTENT = 8
"""Frames that may come along with a request, a message or what one read brings."""
_PERIOD_S = 60.0


class Abuse(Exception):
    """The peer keeps the gateway busy with nothing."""


class Patience:
    """A budget of frames: so many a minute, and what content earns beside them."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._left = per_minute
        self._loop = asyncio.get_running_loop()
        self._filled_at = self._loop.time()

    def earn(self, frames: int, streams: int) -> None:
        """Content came or went. What is saved stays in proportion to the streams that are open."""
        self._left = min(self._left + frames, self._per_minute + PER_CONTENT * streams)

    def spend(self, streams: int) -> None:
        """One frame without content. Raises Abuse."""
        self._left -= 1
        if self._left < 0:
            now = self._loop.time()
            self.earn(int(self._per_minute * (now - self._filled_at) / _PERIOD_S), streams)
            self._filled_at = now
            if self._left < 0:
                raise Abuse
