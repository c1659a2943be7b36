"""What a peer may send on all streams of a connection together."""

from gateway.codec import http2
from gateway.codec.malformed import Malformed

FIRST = 65_535
"""Bytes that a peer may send on a new connection (RFC 9113 section 6.9.2)."""


class Inflow:
    """The window of a connection, which is never what holds a peer up: those of the streams bound what is kept.

    One stream that stalls must not hold up the others.
    """

    def __init__(self) -> None:
        self._window = http2.MOST_WINDOW
        self._leftover = 0
        """Bytes that may still come on streams that were given up."""

    @staticmethod
    def opening() -> bytes:
        """The frame that opens the window."""
        return http2.window_update(0, http2.MOST_WINDOW - FIRST)

    def receive(self, cost: int) -> None:
        """A DATA frame that counts as so many bytes."""
        self._window -= cost

    def give_up(self, window: int) -> None:
        """A stream is over on our side only; the peer may not know it yet."""
        self._leftover += max(window, 0)

    def stray(self, cost: int, *, was_open: bool) -> None:
        """DATA on no stream that is open: left over from one that was given up, or a breach. Raises Malformed."""
        self._leftover -= cost
        if not was_open or self._leftover < 0:
            raise Malformed("DATA on a stream that is not open")

    def credit(self) -> bytes:
        """The frame that opens the window anew, once it is half used."""
        if self._window >= http2.MOST_WINDOW // 2:
            return b""
        used, self._window = http2.MOST_WINDOW - self._window, http2.MOST_WINDOW
        return http2.window_update(0, used)
