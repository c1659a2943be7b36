"""The picture: CPU per event, each direction a panel, each scenario a group of bars, from the results of the tables."""

import importlib
from pathlib import Path
from typing import Any

from benchmarks.load.target import Binding
from benchmarks.peers.peer import JSONRPC_FROM_GRPC, Direction
from benchmarks.results import CPU_US, Results
from benchmarks.scenarios import SCENARIOS, Scenario, Shape, Size

COLOURS = ("#c9c9c9", "#1b6ca8", "#e07b39", "#8a8a8a", "#5a5a5a", "#3b8f5a", "#a4508b")
"""By peer, the control first."""


def draw(results: Results, path: Path) -> None:
    """Writes the picture as SVG. Needs matplotlib, of the extra `bench`."""
    matplotlib: Any = importlib.import_module("matplotlib")  # not there for the type checker
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "a2a-gateway", "font.size": 9, "svg.fonttype": "none"})
    pyplot: Any = importlib.import_module("matplotlib.pyplot")
    measured = {run.scenario for run in results.runs}
    scenarios = [one for one in SCENARIOS if one.shape in (Shape.FLAT, Shape.PACED) and one.name in measured]
    figure, panels = pyplot.subplots(1, 2, figsize=(14, 5), sharey=True)
    greatest = max(
        _draw_direction(panel, direction, scenarios, results)
        for panel, direction in zip(panels, (Direction.TO_SSE, Direction.TO_GRPC), strict=True)
    )
    panels[0].set_ylabel("µs of CPU for each event, on a logarithmic scale")
    panels[0].set_yscale("log")
    panels[0].set_ylim(1, 10 * greatest)  # with room for the legends
    facts = results.about
    taken = f"{facts['date']}, {facts['machine']['cpu']}: medians of {facts['rounds']} rounds"
    figure.suptitle(taken, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)


def _draw_direction(panel: Any, direction: Direction, scenarios: list[Scenario], results: Results) -> float:
    """The greatest figure in it."""
    found = {
        row: [(at, spread) for at, one in enumerate(scenarios) if (spread := results.spread(one.name, *row, CPU_US))]
        for row in results.routes(direction)
    }
    rows = {row: bars for row, bars in found.items() if bars}
    width = 0.8 / max(len(rows), 1)
    peers = list(dict.fromkeys(run.peer for run in results.runs))
    for index, ((peer, route), bars) in enumerate(rows.items()):
        drawn = panel.bar(
            [at + (index - len(rows) / 2 + 0.5) * width for at, _ in bars],
            [spread.median for _, spread in bars],
            width,
            yerr=[
                [spread.median - spread.low for _, spread in bars],
                [spread.high - spread.median for _, spread in bars],
            ],
            error_kw={"elinewidth": 0.7},
            color=COLOURS[peers.index(peer) % len(COLOURS)],
            alpha=0.55 if route.binding is Binding.REST and (peer, JSONRPC_FROM_GRPC) in rows else 1,
            label=f"{peer} · {route.binding}" if direction is Direction.TO_SSE else peer,
        )
        panel.bar_label(drawn, fmt=_short, fontsize=5.5, padding=1)
    panel.set_title(direction.value)
    size = Size(results.about["size"])
    panel.set_xticks(range(len(scenarios)), [one.title(size).replace(", ", "\n") for one in scenarios])
    panel.grid(axis="y", linewidth=0.3)
    panel.set_axisbelow(True)
    panel.legend(frameon=False, ncols=2, loc="upper left")
    return max((spread.high for bars in rows.values() for _, spread in bars), default=1.0)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"
