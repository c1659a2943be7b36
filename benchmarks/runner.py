"""Rounds of scenarios over peers. Everybody has a turn before anybody has the next, and begins in another place."""

import json
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass

from benchmarks.machine import Cores
from benchmarks.measure import Bench, Faulty, measure
from benchmarks.peers.peer import Agents, Peer, Route
from benchmarks.processes import Broken, running
from benchmarks.results import Run
from benchmarks.scenarios import Load, Scenario, Size


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is run."""

    size: Size
    scenarios: Sequence[Scenario]
    peers: Sequence[Peer]
    rounds: int


def run(schedule: Schedule, cores: Cores) -> Generator[Run]:
    """All the runs of a schedule, as they are done. Raises Broken."""
    with ExitStack() as stack:
        agents = _agents(stack, cores)
        load = stack.enter_context(running("load", [sys.executable, "-m", "benchmarks.load"], cores.others))
        started = {peer.name: stack.enter_context(peer.start(agents, cores.measured)) for peer in schedule.peers}
        timed = schedule.size is not Size.CHECK
        for number in range(schedule.rounds):
            for scenario in schedule.scenarios:
                for peer, route in _turns(scenario, schedule.peers, number):
                    fresh = peer.start(agents, cores.measured) if scenario.fresh else nullcontext(started[peer.name])
                    with fresh as it:
                        bench = Bench(load, agents, it.process, it.targets[route], timed)
                        yield _once(scenario, scenario.loads[schedule.size], peer, route, number, bench)


def _agents(stack: ExitStack, cores: Cores) -> Agents:
    process = stack.enter_context(running("agents", [sys.executable, "-m", "benchmarks.agents"], cores.others))
    return Agents(process, **json.loads(process.line()))


def _turns(scenario: Scenario, peers: Sequence[Peer], number: int) -> list[tuple[Peer, Route]]:
    turns = [(peer, route) for peer in peers for route in peer.routes if scenario.takes(route.direction)]
    first = number % max(len(turns), 1)
    return turns[first:] + turns[:first]


def _once(scenario: Scenario, amount: Load, peer: Peer, route: Route, number: int, bench: Bench) -> Run:
    try:
        figures = measure(scenario.shape, amount, bench)
    except Faulty as fault:
        return Run(scenario.name, peer.name, route, number, faults=tuple(map(str, fault.args)))
    except Broken as broken:
        if bench.process and bench.process.popen.poll() is not None:
            raise bench.process.broken(f"it ended during {scenario.name}") from broken
        raise
    return Run(scenario.name, peer.name, route, number, figures)
