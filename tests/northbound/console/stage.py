"""A worker that does what a test tells it, when the test tells it; so no test waits for a clock."""

import asyncio
from collections.abc import AsyncGenerator

from gateway.errors import CallerError, ErrorKind
from gateway.worker import Ask, Work, Yield, text_of
from generated.a2a.v1.a2a_pb import Message

REFUSED = "refuse me"


class _End:
    """The run is over."""


class Stage:
    """Waits for a word of an agent."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.heard: list[str] = []
        self._told: asyncio.Queue[Yield | type[_End]] = asyncio.Queue()

    def tell(self, *yields: Yield) -> None:
        """What it yields next."""
        for one in yields:
            self._told.put_nowait(one)

    def end(self) -> None:
        """Its run returns."""
        self._told.put_nowait(_End)

    def admit(self, work: Work) -> None:
        if text_of(work.message) == REFUSED:
            raise CallerError(ErrorKind.INVALID_PARAMS, "The stage plays no such thing")

    async def run(self, work: Work) -> AsyncGenerator[Yield, Message | None]:
        self.heard.append(text_of(work.message))
        while (given := await self._told.get()) is not _End:
            assert not isinstance(given, type)
            answer = yield given
            if isinstance(given, Ask):
                assert answer is not None
                self.heard.append(text_of(answer))

    async def close(self) -> None:
        """Nothing."""


STAGE = Stage()
"""The one of the process: `python:tests.northbound.console.stage:STAGE`."""
