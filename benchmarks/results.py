"""Runs and what they measured; medians, spreads and ratios over rounds; the file that they are kept in."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.load.target import Binding
from benchmarks.peers.peer import Direction, Route

CPU_US = "cpu_us"
LOAD_US = "load_cpu_us"
AGENTS_US = "agents_cpu_us"
RATE = "per_s"
P50_US = "p50_us"
P99_US = "p99_us"
KIB = "kib"
BEND = "bend"
IDLE_US = "idle_us_per_s"
"""Names of figures. `cpu_us` is of what is measured, for each event, call or stream, as the scenario is."""


@dataclass(frozen=True, slots=True)
class Run:
    """One scenario, once, through one route of one peer."""

    scenario: str
    peer: str
    route: Route
    round: int
    figures: dict[str, float] = field(default_factory=dict[str, float])
    faults: tuple[str, ...] = ()
    """Why it does not count; a run with a fault has no figures."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over several rounds."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        return cls(median(values), min(values), max(values)) if values else None


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that a benchmark brought."""

    about: dict[str, Any]
    """When, where, by which command, of which versions."""
    runs: tuple[Run, ...]

    def by_round(self, scenario: str, peer: str, route: Route, figure: str) -> dict[int, float]:
        """A figure in each round that has it."""
        return {
            run.round: run.figures[figure]
            for run in self.runs
            if (run.scenario, run.peer, run.route) == (scenario, peer, route) and figure in run.figures
        }

    def spread(self, scenario: str, peer: str, route: Route, figure: str) -> Spread | None:
        return Spread.of(list(self.by_round(scenario, peer, route, figure).values()))

    def failed(self, scenario: str, peer: str, route: Route) -> int:
        runs = (run for run in self.runs if (run.scenario, run.peer, run.route) == (scenario, peer, route))
        return sum(bool(run.faults) for run in runs)

    def routes(self, direction: Direction) -> list[tuple[str, Route]]:
        """The peers of a direction with their routes, in the order in which they ran first."""
        found = {(run.peer, run.route): None for run in self.runs if run.route.direction is direction}
        return list(found)


def paired(ours: dict[int, float], theirs: dict[int, float]) -> list[tuple[float, float]]:
    """Figures of the same rounds."""
    return [(ours[number], theirs[number]) for number in sorted(ours.keys() & theirs.keys())]


def save(results: Results, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"about": results.about, "runs": [asdict(run) for run in results.runs]}
    path.write_text(json.dumps(content, indent=1, default=str) + "\n")


def load(path: Path) -> Results:
    content: dict[str, Any] = json.loads(path.read_text())
    return Results(content["about"], tuple(_runs(content["runs"])))


def _runs(rows: Iterable[dict[str, Any]]) -> Iterable[Run]:
    for row in rows:
        route = Route(Direction(row["route"]["direction"]), Binding(row["route"]["binding"]))
        yield Run(row["scenario"], row["peer"], route, row["round"], row["figures"], tuple(row["faults"]))
