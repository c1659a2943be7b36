"""From runs to tables: medians and spreads, ratios within a round, verdicts, regions of a page."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import report, results
from benchmarks.peers.peer import GRPC_FROM_SSE, JSONRPC_FROM_GRPC, REST_FROM_GRPC
from benchmarks.results import CPU_US, P99_US, RATE, Results, Run, Spread
from benchmarks.targets import TARGETS, Target, added_ratio, judged, own, ratio

SSE, REST, GRPC = JSONRPC_FROM_GRPC, REST_FROM_GRPC, GRPC_FROM_SSE
ABOUT: dict[str, Any] = {
    "date": "2030-01-01 00:00 UTC",
    "command": "python -m benchmarks",
    "rounds": 3,
    "size": "full",
    "machine": {"cpu": "Abacus", "cores": 2, "system": "Linux", "python": "3.11", "load_average": [0.5, 0.5, 0.5]},
    "cores": "all of them",
    "versions": {"none": "", "a2a-gateway": "1"},
    "titles": {"none": "no gateway"},
    "missing": [],
    "ours": ["a2a-gateway"],
}


def of(peer: str, route: Any, *costs: float, scenario: str = "flat-1", figure: str = CPU_US) -> list[Run]:
    return [Run(scenario, peer, route, number, {figure: cost}) for number, cost in enumerate(costs)]


DONE = Results(ABOUT, (*of("a2a-gateway", SSE, 10, 30, 20), *of("envoy", REST, 20, 20, 80), *of("a2a-sdk-handler", SSE, 400)))


def test_a_figure_is_a_median_with_its_spread() -> None:
    assert DONE.spread("flat-1", "a2a-gateway", SSE, CPU_US) == Spread(20, 10, 30)
    assert DONE.spread("flat-1", "a2a-gateway", GRPC, CPU_US) is None


def test_a_ratio_is_taken_within_each_round() -> None:
    assert ratio("flat-1", SSE, "envoy")(DONE, "a2a-gateway") == {0: 0.5, 1: 1.5, 2: 0.25}
    assert ratio("flat-1", SSE, "a2a-sdk-handler")(DONE, "a2a-gateway") == {0: 0.025}


def test_added_latency_is_what_the_control_has_not() -> None:
    rows = [("none", SSE, 1.0), ("a2a-gateway", SSE, 4.0), ("envoy", REST, 3.0)]
    runs = [run for peer, route, at in rows for run in of(peer, route, at, scenario="paced-20", figure=P99_US)]
    assert added_ratio("paced-20", SSE, "envoy", P99_US)(Results(ABOUT, tuple(runs)), "a2a-gateway") == {0: 1.5}


@pytest.mark.parametrize(("at_most", "verdict"), [(20, "met"), (19.9, "missed")])
def test_a_target_is_met_by_the_median(at_most: float, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target("a thing", "µs", at_most, own("flat-1", SSE, CPU_US))
    monkeypatch.setattr("benchmarks.targets.TARGETS", (target,))
    assert [judgement.verdict for judgement in judged(DONE)] == [verdict]


def test_what_was_not_measured_is_not_met() -> None:
    assert {judgement.verdict for judgement in judged(Results(ABOUT, ()))} == {"not measured"}
    assert len(judged(DONE)) == len(TARGETS)


def test_results_are_the_same_from_their_file(tmp_path: Path) -> None:
    failed = Run("flat-1", "envoy", REST, 3, faults=("lost: 1 events, the first was 4",))
    done = Results(ABOUT, (*DONE.runs, failed))
    results.save(done, tmp_path / "results.json")
    assert results.load(tmp_path / "results.json") == done


def test_a_failed_run_shows_and_does_not_count() -> None:
    done = Results(ABOUT, (*DONE.runs, Run("flat-1", "a2a-gateway", SSE, 3, faults=("lost: 1 events",))))
    assert done.spread("flat-1", "a2a-gateway", SSE, CPU_US) == Spread(20, 10, 30)
    written = report.markdown(done)
    assert "20 (10–30) **1 failed**" in written
    assert "lost: 1 events" in written


@pytest.mark.parametrize(("reached_per_s", "cell"), [(990, "| 20 |"), (900, "| 20 late |")])
def test_who_does_not_keep_the_rate_is_late(reached_per_s: float, cell: str) -> None:
    run = Run("paced-20", "a2a-gateway", SSE, 0, {CPU_US: 20, RATE: reached_per_s})
    assert cell in report.markdown(Results(ABOUT, (run,)))


def test_only_the_regions_of_a_page_are_written() -> None:
    page = "before\n<!-- measured: about -->\nstale\n<!-- end -->\nafter\n<!-- generated: x -->\nkept\n<!-- end -->\n"
    written = report.published(page, DONE)
    assert "stale" not in written
    assert "Abacus" in written
    assert written.startswith("before\n<!-- measured: about -->\n")
    assert written.endswith("<!-- end -->\nafter\n<!-- generated: x -->\nkept\n<!-- end -->\n")
    assert report.published(written, DONE) == written
    with pytest.raises(KeyError):
        report.published("<!-- measured: nothing -->\n<!-- end -->", DONE)


def test_the_page_has_every_region_once() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md").read_text()
    assert sorted(report.regions(page)) == sorted([*report.REGIONS, "picture"])


@pytest.mark.parametrize(("folder", "path"), [("docs", "benchmarks.svg"), ("", "docs/benchmarks.svg")])
def test_the_picture_is_found_from_every_page(folder: str, path: str) -> None:
    page = "<!-- measured: picture -->\n<!-- end -->\n"
    assert f"]({path})" in report.published(page, DONE, report.ROOT / folder)
