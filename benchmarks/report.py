"""Results as Markdown: tables for each direction, the targets, and what the harness itself costs.

`publish` puts them between `<!-- measured: NAME -->` and `<!-- end -->`, wherever a page has that.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import picture
from benchmarks.peers.control import NAME as NONE
from benchmarks.peers.peer import Direction, Route
from benchmarks.processes import ROOT
from benchmarks.results import (
    AGENTS_US,
    BEND,
    CPU_US,
    IDLE_US,
    KIB,
    LOAD_US,
    P50_US,
    P99_US,
    RATE,
    Results,
    Spread,
)
from benchmarks.scenarios import SCENARIOS, Shape, Size
from benchmarks.targets import judged

PAGES = (ROOT / "README.md", ROOT / "docs" / "benchmarks.md")
PICTURE = ROOT / "docs" / "benchmarks.svg"

_REGION = re.compile(r"(?<=<!-- measured: )(?P<name>[a-z-]+) -->\n.*?<!-- end -->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of one scenario, and how it is written."""

    title: str
    scenario: str
    figure: str
    divisor: float = 1.0
    rate_per_s: float = 0.0
    """Of all streams together; who does not come to it is late."""


ON_TIME = 0.95
"""Part of the rate that counts as keeping it."""


def cost(size: Size, direction: Direction) -> tuple[Column, ...]:
    """CPU of each scenario of a direction that has a figure for it."""
    return tuple(
        Column(one.title(size), one.name, CPU_US, rate_per_s=one.loads[size].streams * one.loads[size].rate_per_s)
        for one in SCENARIOS
        if size in one.loads and one.takes(direction) and one.shape not in (Shape.FIRST, Shape.IDLE)
    )


BESIDE = (
    Column("events/s, flat out, 1", "flat-1", RATE),
    Column("events/s, flat out, 20", "flat-20", RATE),
    Column("ms at 20 × 50/s, p50", "paced-20", P50_US, 1000),
    Column("p99", "paced-20", P99_US, 1000),
    Column("ms at 200 × 50/s, p50", "paced-200", P50_US, 1000),
    Column("p99", "paced-200", P99_US, 1000),
    Column("ms to first event, p50", "first", P50_US, 1000),
    Column("p99", "first", P99_US, 1000),
    Column("KiB an idle stream", "idle", KIB),
    Column("later by earlier ones", "idle", BEND),
    Column("its µs of CPU a second", "idle", IDLE_US),
)


def markdown(results: Results) -> str:
    """Everything."""
    return "\n\n".join(f"## {title}\n\n{write(results)}" for title, write in REGIONS.values())


def publish(results: Results) -> None:
    """Writes the regions of the pages, and the picture."""
    for page in PAGES:
        if page.exists():
            page.write_text(published(page.read_text(), results, page.parent))
    picture.draw(results, PICTURE)


def published(page: str, results: Results, folder: Path = PICTURE.parent) -> str:
    """A page in a folder with its regions written anew. Raises KeyError for a region that there is not."""

    def written(match: re.Match[str]) -> str:
        name = match["name"]
        content = _image(folder) if name == "picture" else REGIONS[name][1](results)
        return f"{name} -->\n{content}\n<!-- end -->"

    return _REGION.sub(written, page)


def _image(folder: Path) -> str:
    return f"![CPU for each event]({PICTURE.relative_to(folder).as_posix()})"


def regions(page: str) -> list[str]:
    """The names of a page's regions."""
    return [match["name"] for match in _REGION.finditer(page)]


def about(results: Results) -> str:
    facts = results.about
    machine = facts["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items() if version)
    lines = [
        f"{facts['date']} by `{facts['command']}`, {facts['rounds']} rounds.",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}.",
        f"Cores: {facts['cores']}. Load average before: {machine['load_average'][0]}.",
        f"{versions}.",
        *(f"Not measured: {missing}." for missing in facts["missing"]),
    ]
    return "\n".join(lines)


def costs(direction: Direction, results: Results) -> str:
    """CPU, a row for each route of each peer. The control has none; what it costs is in `harness`."""
    rows = [row for row in results.routes(direction) if row[0] != NONE]
    return _rows_of(rows, cost(Size(results.about["size"]), direction), direction, results)


def beside(direction: Direction, results: Results) -> str:
    """What is not CPU for an event."""
    return _rows_of(results.routes(direction), BESIDE, direction, results)


def _rows_of(
    routes: Sequence[tuple[str, Route]], columns: Sequence[Column], direction: Direction, results: Results
) -> str:
    if not routes:
        return "Not measured."
    present = {run.scenario for run in results.runs}
    shown = [column for column in columns if column.scenario in present]
    rows = [
        [_name(results, peer, route), *(_cell(results, column, peer, route) for column in shown)]
        for peer, route in routes
    ]
    return _table([direction.value, *(column.title for column in shown)], rows)


def targets(results: Results) -> str:
    """Every target, for every row that is ours."""
    rows: list[list[str]] = []
    for ours in results.about["ours"]:
        for judgement in judged(results, ours):
            aim = judgement.target
            found = _spread(judgement.found)
            rows.append([ours, aim.what, f"{aim.at_most:g} {aim.unit}", found, judgement.verdict])
    return _table(["", "target", "at most", "found", ""], rows)


def harness(results: Results) -> str:
    """What load and agents spend on an event or call, without a gateway and at worst with one."""
    size = Size(results.about["size"])
    titles = {one.name: one.title(size) for one in SCENARIOS if size in one.loads}
    rows: list[list[str]] = []
    for direction in Direction:
        for scenario, peer, route in dict.fromkeys((run.scenario, run.peer, run.route) for run in results.runs):
            if peer == NONE and route.direction is direction and scenario != "idle":
                own = [_spread(results.spread(scenario, peer, route, name)) for name in (LOAD_US, AGENTS_US)]
                measured = [results.spread(scenario, *row, CPU_US) for row in results.routes(direction)]
                least = min((found.median for found in measured if found), default=None)
                rows.append([direction.value, titles[scenario], *own, "" if least is None else _number(least)])
    return _table(["direction", "scenario", "load, µs", "agents, µs", "least that was measured, µs"], rows)


def failures(results: Results) -> str:
    failed = [run for run in results.runs if run.faults]
    counted = f"{len(results.runs)} runs, every event of each counted and checked for order and content."
    if not failed:
        return f"{counted} None was lost, doubled, reordered or altered."
    rows = [
        [run.scenario, _name(results, run.peer, run.route), str(run.round + 1), "; ".join(run.faults)] for run in failed
    ]
    return f"{counted} Failed:\n\n{_table(['scenario', 'through', 'round', 'why'], rows)}"


Region = Callable[[Results], str]
REGIONS: Mapping[str, tuple[str, Region]] = {
    "about": ("Taken", about),
    "cost-sse": ("CPU, µs for each event, call or stream: SSE ← gRPC", partial(costs, Direction.TO_SSE)),
    "cost-grpc": ("CPU, µs for each event, call or stream: gRPC ← SSE", partial(costs, Direction.TO_GRPC)),
    "cost-task": ("CPU, µs for each event: a task in Python", partial(costs, Direction.TO_TASK)),
    "beside-sse": ("Speed and memory: SSE ← gRPC", partial(beside, Direction.TO_SSE)),
    "beside-grpc": ("Speed and memory: gRPC ← SSE", partial(beside, Direction.TO_GRPC)),
    "targets": ("Targets", targets),
    "harness": ("What the harness costs", harness),
    "runs": ("Runs", failures),
}
"""What each region holds, under its heading."""


def _name(results: Results, peer: str, route: Route) -> str:
    title = results.about["titles"].get(peer, peer)
    return f"{title} · {route.binding}" if route.direction is Direction.TO_SSE else title


def _cell(results: Results, column: Column, peer: str, route: Route) -> str:
    found = results.spread(column.scenario, peer, route, column.figure)
    written = _spread(found and Spread(*(value / column.divisor for value in (found.median, found.low, found.high))))
    if column.rate_per_s and (reached := results.spread(column.scenario, peer, route, RATE)):
        written += "" if reached.median >= ON_TIME * column.rate_per_s else " late"
    failed = results.failed(column.scenario, peer, route)
    return f"{written} **{failed} failed**".strip() if failed else written


def _spread(found: Spread | None) -> str:
    if found is None:
        return ""
    if found.low == found.high:
        return _number(found.median)
    return f"{_number(found.median)} ({_number(found.low)}–{_number(found.high)})"


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
