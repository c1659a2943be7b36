"""What a script is made of, whatever wire it is written on.

A step is a coroutine function of the exchange it acts on, so a script is a list, and a new
misbehaviour is a new function. Steps of one wire live beside the fake that speaks it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Exchange = TypeVar("Exchange")
Step = Callable[[Exchange], Awaitable[None]]
Script = Sequence[Step[Exchange]]
AnyStep = Callable[[object], Awaitable[None]]
"""A step that needs nothing of its exchange fits every script."""


@dataclass(slots=True)
class Meter:
    """What has left the fake: events handed over whole, and bytes."""

    events: int = 0
    bytes: int = 0
    stamps: list[float] = field(default_factory=list[float])
    """When each event had been taken, by the loop's clock."""

    def note_event(self) -> None:
        self.events += 1
        self.stamps.append(asyncio.get_running_loop().time())

    def idle_s(self) -> float:
        """Seconds since the last event was taken: how long the producer has been held up."""
        return asyncio.get_running_loop().time() - self.stamps[-1] if self.stamps else 0.0


def sleep(seconds: float) -> AnyStep:
    """Do nothing for a while."""

    async def step(_: object) -> None:
        await asyncio.sleep(seconds)

    return step


def wait(event: asyncio.Event) -> AnyStep:
    """Go on when the test says so."""

    async def step(_: object) -> None:
        await event.wait()

    return step


def signal(event: asyncio.Event) -> AnyStep:
    """Tell the test that the script has come this far."""

    async def step(_: object) -> None:
        event.set()

    return step


def hang() -> AnyStep:
    """Stay silent and alive until the connection or the fake ends."""

    async def step(_: object) -> None:
        await asyncio.Event().wait()

    return step


async def until(condition: Callable[[], bool], within_s: float = 5.0, poll_s: float = 0.002) -> None:
    """Return once the condition holds; TimeoutError if it does not in time."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(poll_s)
