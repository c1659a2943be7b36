"""One run of one scenario: what load and agents are told to do, and what is read of whom before and after."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from benchmarks.load.target import Target
from benchmarks.peers.peer import Agents
from benchmarks.processes import Json, Process
from benchmarks.results import AGENTS_US, BEND, CPU_US, IDLE_US, KIB, LOAD_US, P50_US, P99_US, RATE
from benchmarks.scenarios import IDLE_STEPS, WARM_STREAMS, Load, Shape
from benchmarks.wire.plan import Kind, now_us

WITHIN_S = 120.0
"""For one step of a run."""
QUIET_WITHIN_S = 10.0
QUIET_NS = 2_000_000
"""Less CPU than this in 50 ms is quiet."""

Figures = dict[str, float]


class Faulty(Exception):
    """A run lost, doubled, reordered or altered something, or did not end. Each argument is a fault."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Who takes part in a run. `process` is None where nothing stands between load and agents."""

    load: Process
    agents: Agents
    process: Process | None
    target: Target
    timed: bool = True
    """Whether figures are wanted: then a run waits until all is quiet before it begins and after it."""


def measure(shape: Shape, load: Load, bench: Bench) -> Figures:
    """The figures of one run. Raises Faulty, or Broken where a process failed."""
    _quiet(bench)
    bench.load.do("begin", target=asdict(bench.target))
    figures = _SHAPES[shape](load, bench)
    _quiet(bench)
    return figures


class _Meter:
    """CPU time from making it to each reading, of the three parties."""

    def __init__(self, bench: Bench) -> None:
        self._parties = {CPU_US: bench.process, LOAD_US: bench.load, AGENTS_US: bench.agents.process}
        self._began_ns = self._now_ns()

    def per(self, count: int) -> Figures:
        """Microseconds for each of `count`."""
        return {name: (now - self._began_ns[name]) / 1000 / count for name, now in self._now_ns().items()}

    def _now_ns(self) -> dict[str, int]:
        return {name: process.cpu_ns() for name, process in self._parties.items() if process}


def _streams(load: Load, bench: Bench, kind: Kind) -> tuple[Figures, Json]:
    """Opens streams, lets them go, and follows them to their ends: cost per event."""
    total = load.streams * load.events
    bench.load.do("open", kind=kind, streams=load.streams, events=load.events, within_s=WITHIN_S)
    _settle(bench)
    meter = _Meter(bench)
    began_us = now_us()
    bench.agents.process.do("go", events_per_s=load.rate_per_s * load.streams)
    drained = bench.load.do("drain", within_s=WITHIN_S)
    _settle(bench)
    figures = meter.per(total)
    figures[RATE] = total / (drained["last_us"] - began_us) * 1_000_000
    judged = _judged(bench)
    return figures, judged


def _flat(load: Load, bench: Bench) -> Figures:
    figures, _ = _streams(load, bench, Kind.BURST)
    return figures


def _task(load: Load, bench: Bench) -> Figures:
    total = load.streams * load.events
    meter = _Meter(bench)
    began_us = now_us()
    bench.load.do("open", kind=Kind.BRIEF, streams=load.streams, events=load.events, within_s=WITHIN_S)
    drained = bench.load.do("drain", within_s=WITHIN_S)
    _settle(bench)
    figures = {**meter.per(total), RATE: total / (drained["last_us"] - began_us) * 1_000_000}
    _judged(bench)
    return figures


def _paced(load: Load, bench: Bench) -> Figures:
    figures, judged = _streams(load, bench, Kind.PACED)
    return {**figures, P50_US: judged["latency_us"]["p50"], P99_US: judged["latency_us"]["p99"]}


def _opening(load: Load, bench: Bench) -> Figures:
    meter = _Meter(bench)
    began_us = now_us()
    bench.load.do("open", kind=Kind.HOLD, streams=load.streams, events=0, within_s=WITHIN_S)
    took_us = now_us() - began_us
    figures = meter.per(load.streams)
    bench.load.do("leave")
    _judged(bench)
    return {**figures, RATE: load.streams / took_us * 1_000_000}


def _unary(load: Load, bench: Bench) -> Figures:
    return _calls(load, bench, Kind.ANSWER, load.events)


def _first(load: Load, bench: Bench) -> Figures:
    return _calls(load, bench, Kind.BRIEF, 1)


def _calls(load: Load, bench: Bench, kind: Kind, events: int) -> Figures:
    """Calls one after the other on each lane: cost per call, time to the first event or answer."""
    meter = _Meter(bench)
    began_us = now_us()
    bench.load.do("calls", kind=kind, lanes=load.streams, calls=load.events, events=events, within_s=WITHIN_S)
    total = load.streams * load.events
    took_us = now_us() - began_us
    figures = meter.per(total)
    judged = _judged(bench)
    times = {P50_US: judged["first_us"]["p50"], P99_US: judged["first_us"]["p99"]}
    return {**figures, **times, RATE: total / took_us * 1_000_000}


def _idle(load: Load, bench: Bench) -> Figures:
    """Memory by the number of streams that are open and silent; CPU of all of them."""
    if not (process := bench.process):
        bench.load.do("judge")
        return {}
    bench.load.do("open", kind=Kind.HOLD, streams=min(WARM_STREAMS, load.streams), events=0, within_s=WITHIN_S)
    bench.load.do("leave")
    _judged(bench)
    _quiet(bench)
    bench.load.do("begin", target=asdict(bench.target))
    memory: list[tuple[int, int]] = []
    opened = 0
    for part in IDLE_STEPS:
        more = int(load.streams * part) - opened
        bench.load.do("open", kind=Kind.HOLD, streams=more, events=0, within_s=WITHIN_S)
        opened += more
        _settle(bench, rest_s=min(0.5, load.rest_s))
        memory.append((opened, process.memory_kib()))
    meter = _Meter(bench)
    began_us = now_us()
    time.sleep(load.rest_s)
    spent = meter.per(opened)[CPU_US] / (now_us() - began_us) * 1_000_000
    bench.load.do("leave")
    _judged(bench)
    return {**_slope(memory), IDLE_US: spent}


def _slope(memory: list[tuple[int, int]]) -> Figures:
    """KiB of a stream between the first count and the last, and how much dearer the later ones were."""
    (few, few_kib), (some, some_kib), (many, many_kib) = memory
    early, late = (some_kib - few_kib) / (some - few), (many_kib - some_kib) / (many - some)
    return {KIB: (many_kib - few_kib) / (many - few), BEND: late / early if early > 0 else 0.0}


_SHAPES: Mapping[Shape, Callable[[Load, Bench], Figures]] = {
    Shape.FLAT: _flat,
    Shape.PACED: _paced,
    Shape.OPENING: _opening,
    Shape.UNARY: _unary,
    Shape.FIRST: _first,
    Shape.TASK: _task,
    Shape.IDLE: _idle,
}


def _judged(bench: Bench) -> Json:
    judged = bench.load.do("judge")
    if judged["faulty"]:
        raise Faulty(*judged["faults"], *([f"and {judged['faulty'] - 5} more"] if judged["faulty"] > 5 else []))
    return judged


def _settle(bench: Bench, rest_s: float = 0.05) -> None:
    """Lets what is measured come to the end of what it was about."""
    if bench.timed:
        time.sleep(rest_s)


def _quiet(bench: Bench) -> None:
    """Waits until nobody does anything, so that a run pays for nothing but itself."""
    if not bench.timed:
        return
    parties = [process for process in (bench.process, bench.load, bench.agents.process) if process]
    deadline_s = time.monotonic() + QUIET_WITHIN_S
    while time.monotonic() < deadline_s:
        before = [process.cpu_ns() for process in parties]
        time.sleep(0.05)
        if all(process.cpu_ns() - then < QUIET_NS for process, then in zip(parties, before, strict=True)):
            return
