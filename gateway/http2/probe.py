"""Whether a silent peer is still there."""

import asyncio
from collections.abc import Callable


class Probe:
    """Asks a peer that was silent for `silence_s`, and gives it up when `answer_s` later it still is.

    It runs from `begin` on, until it finds that it is not `needed`; `ask` sends a PING, `dead` is
    called once.
    """

    def __init__(
        self,
        silence_s: float,
        answer_s: float,
        *,
        needed: Callable[[], bool],
        ask: Callable[[], None],
        dead: Callable[[], None],
    ) -> None:
        self._silence_s = silence_s
        self._answer_s = answer_s
        self._needed = needed
        self._ask = ask
        self._dead = dead
        self._loop = asyncio.get_running_loop()
        self._heard_at = 0.0
        self._asked = False
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        if self._timer is None:
            self._heard_at = self._loop.time()
            self._timer = self._loop.call_later(self._silence_s, self._look)

    def heard(self) -> None:
        """The peer is there."""
        self._heard_at = self._loop.time()
        self._asked = False

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if not self._needed():
            return
        if self._asked:
            self._dead()
            return
        wait_s = self._silence_s - (self._loop.time() - self._heard_at)
        if wait_s <= 0:
            self._ask()
            self._asked, wait_s = True, self._answer_s
        self._timer = self._loop.call_later(wait_s, self._look)
