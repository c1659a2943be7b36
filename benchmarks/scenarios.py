"""What is measured: one row a scenario, with its size in a full run, a quick one, and a mere check."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.peers.peer import Direction


class Size(StrEnum):
    """How much of it is done."""

    FULL = "full"
    QUICK = "quick"
    CHECK = "check"


class Shape(StrEnum):
    """How a scenario runs and what its figure is."""

    FLAT = "flat"
    """Streams open, then every event as fast as it is taken: CPU per event."""
    PACED = "paced"
    """Streams open, then events at a rate: CPU per event, latency."""
    OPENING = "opening"
    """Streams open all at once, to their first events: CPU per stream."""
    UNARY = "unary"
    """Calls of SendMessage one after the other on each of several lanes: CPU per call."""
    FIRST = "first"
    """Streams of one event, one after the other: time to the first event."""
    TASK = "task"
    """As FLAT, of tasks that run in what is measured; opening them counts too."""
    IDLE = "idle"
    """Streams that stay silent: memory of each, CPU of each."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much. What a shape has no use for stays 0."""

    streams: int
    events: int = 0
    """Of each stream; for calls, how many on each lane."""
    rate_per_s: float = 0.0
    """Of each stream."""
    rest_s: float = 0.0
    """How long idle streams are watched."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One row."""

    name: str
    shape: Shape
    loads: Mapping[Size, Load]
    """Only the sizes that it is part of."""

    def takes(self, direction: Direction) -> bool:
        """Whether it is for a direction."""
        return (self.shape is Shape.TASK) == (direction is Direction.TO_TASK)

    def title(self, size: Size) -> str:
        load = self.loads[size]
        streams = f"{load.streams:,}"
        match self.shape:
            case Shape.FLAT | Shape.TASK:
                return f"flat out, {streams} × {load.events:,}"
            case Shape.PACED:
                return f"{streams} × {load.rate_per_s:g}/s"
            case Shape.OPENING:
                return f"opening {streams} at once"
            case Shape.UNARY:
                return "unary calls"
            case Shape.FIRST:
                return "time to first event"
            case Shape.IDLE:
                return "idle streams"

    @property
    def fresh(self) -> bool:
        """Whether it needs a process that has done nothing yet: memory once taken is not given back."""
        return self.shape is Shape.IDLE


FULL, QUICK, CHECK = Size

SCENARIOS = (
    Scenario(
        "flat-1",
        Shape.FLAT,
        {FULL: Load(1, 20_000), QUICK: Load(1, 10_000), CHECK: Load(1, 600)},
    ),
    Scenario(
        "flat-20",
        Shape.FLAT,
        {FULL: Load(20, 2_000), QUICK: Load(20, 500), CHECK: Load(5, 150)},
    ),
    Scenario(
        "paced-20",
        Shape.PACED,
        {FULL: Load(20, 250, 50), QUICK: Load(20, 75, 50), CHECK: Load(4, 10, 50)},
    ),
    Scenario(
        "paced-200",
        Shape.PACED,
        {FULL: Load(200, 200, 50), QUICK: Load(200, 75, 50), CHECK: Load(20, 10, 50)},
    ),
    Scenario(
        "paced-1000",
        Shape.PACED,
        {FULL: Load(1_000, 5, 1), CHECK: Load(40, 2, 10)},
    ),
    Scenario(
        "opening",
        Shape.OPENING,
        {FULL: Load(1_000), QUICK: Load(300), CHECK: Load(30)},
    ),
    Scenario(
        "unary",
        Shape.UNARY,
        {FULL: Load(20, 50), QUICK: Load(20, 15), CHECK: Load(4, 5)},
    ),
    Scenario(
        "first",
        Shape.FIRST,
        {FULL: Load(1, 200), QUICK: Load(1, 50), CHECK: Load(1, 5)},
    ),
    Scenario(
        "task-1",
        Shape.TASK,
        {FULL: Load(1, 10_000), QUICK: Load(1, 2_000), CHECK: Load(1, 100)},
    ),
    Scenario(
        "task-20",
        Shape.TASK,
        {FULL: Load(20, 500), QUICK: Load(20, 100), CHECK: Load(5, 20)},
    ),
    Scenario(
        "idle",
        Shape.IDLE,
        {FULL: Load(2_000, rest_s=6), CHECK: Load(40, rest_s=0.1)},
    ),
)

IDLE_STEPS = (0.25, 0.5, 1.0)
"""At which parts of the idle streams memory is read; between the first and the last is the slope."""
WARM_STREAMS = 50
"""Opened and left before idle streams are counted, so that what is made once is not theirs."""
