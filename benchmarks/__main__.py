"""The command: `python -m benchmarks [--quick | --check] [--peer NAME]… [--scenario NAME]… [--variant NAME=YAML]…`."""

import argparse
import datetime
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

import yaml

from benchmarks import machine, report, results
from benchmarks.peers.gateway import gateway
from benchmarks.peers.peer import Missing, Peer
from benchmarks.peers.roster import PEERS, QUICK
from benchmarks.processes import ROOT, Broken
from benchmarks.results import Results, Run
from benchmarks.runner import Schedule, run
from benchmarks.scenarios import SCENARIOS, Size

FOLDER = ROOT / "benchmarks" / "results"
ROUNDS: Mapping[Size, int] = {Size.FULL: 5, Size.QUICK: 1, Size.CHECK: 1}


class Arguments(argparse.Namespace):
    size: Size
    peer: list[str]
    scenario: list[str]
    variant: list[str]
    rounds: int | None
    out: Path | None
    publish: bool
    unpinned: bool
    again: Path | None


def main() -> int:
    signal.signal(signal.SIGTERM, stop)
    arguments = parse()
    if arguments.again:
        return again(arguments, arguments.again)
    try:
        peers, versions, missing = chosen_peers(arguments)
    except Missing as problem:
        print(problem, file=sys.stderr)
        return 1
    scenarios = [
        scenario
        for scenario in SCENARIOS
        if arguments.size in scenario.loads and (not arguments.scenario or scenario.name in arguments.scenario)
    ]
    schedule = Schedule(arguments.size, scenarios, peers, arguments.rounds or ROUNDS[arguments.size])
    cores = machine.cores(pinned=not arguments.unpinned)
    about: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]]),
        "size": arguments.size,
        "rounds": schedule.rounds,
        "machine": machine.description(),
        "cores": str(cores),
        "pinned": cores.pinned,
        "open_files": machine.open_files(),
        "versions": versions,
        "titles": {peer.name: peer.title for peer in peers},
        "ours": [peer.name for peer in peers if peer.ours],
        "missing": missing,
    }
    name = "quick.json" if arguments.size is Size.QUICK else f"{about['date'][:10]}.json"
    runs: list[Run] = []
    broken = ""
    try:
        for one in run(schedule, cores):
            tell(one)
            runs.append(one)
            if arguments.size is not Size.CHECK:  # at once, so that an hour is not lost to its last minute
                results.save(Results(about, tuple(runs)), arguments.out or FOLDER / name)
    except Broken as problem:
        broken = str(problem)
    done = Results(about, tuple(runs))
    if arguments.size is not Size.CHECK:
        print(report.markdown(done))
    failed = [one for one in runs if one.faults]
    print(broken or f"{len(runs)} runs, {len(failed)} failed", file=sys.stderr)
    if arguments.publish and not broken and arguments.size is Size.FULL:
        report.publish(done)
    return 1 if broken or failed else 0


def stop(number: int, frame: object) -> NoReturn:
    """Leaves by the way out, so that all that was started ends too."""
    sys.exit(128 + number)


def again(arguments: Arguments, path: Path) -> int:
    """The tables of results that are there already."""
    done = results.load(path)
    print(report.markdown(done))
    if arguments.publish:
        report.publish(done)
    return 0


def parse() -> Arguments:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measures the gateway beside its peers.")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", dest="size", action="store_const", const=Size.QUICK, help="about a minute")
    sizes.add_argument("--check", dest="size", action="store_const", const=Size.CHECK, help="correctness alone")
    names = ", ".join(peer.name for peer in PEERS)
    scenarios = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--peer", action="append", default=[], help=f"only these, of: {names}")
    parser.add_argument("--scenario", action="append", default=[], choices=scenarios, help="only these")
    parser.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME=YAML",
        help="one more row: the gateway with these settings, such as 'small={limits: {streams: 10}}'; "
        "what is under `agent` is for every agent",
    )
    parser.add_argument("--unpinned", action="store_true", help="everybody on every core, as several workers need them")
    parser.add_argument("--rounds", type=int, help="how often each has its turn")
    parser.add_argument("--out", type=Path, help="where the results go, instead of benchmarks/results/")
    parser.add_argument("--again", type=Path, metavar="FILE", help="measure nothing; the tables of these results")
    parser.add_argument("--publish", action="store_true", help="write what a full run brings into docs/ and the README")
    parser.set_defaults(size=Size.FULL)
    return parser.parse_args(namespace=Arguments())


def chosen_peers(arguments: Arguments) -> tuple[list[Peer], dict[str, str], list[str]]:
    """The peers, their versions, and those that are not here. Raises Missing for one that was asked for by name."""
    variants = [_variant(text) for text in arguments.variant]
    known = {peer.name: peer for peer in (*PEERS, *variants)}
    named = arguments.peer or [peer.name for peer in (QUICK if arguments.size is Size.QUICK else PEERS)]
    wanted = [*named, *(peer.name for peer in variants)]
    if unknown := set(wanted) - set(known):
        raise Missing(f"no such peer: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    peers: list[Peer] = []
    versions: dict[str, str] = {}
    missing: list[str] = []
    for name in dict.fromkeys(wanted):
        try:
            versions[name] = known[name].version()
            peers.append(known[name])
        except Missing as problem:
            if arguments.peer:
                raise
            missing.append(f"{name}: {problem}")
    return peers, versions, missing


def _variant(text: str) -> Peer:
    name, _, settings = text.partition("=")
    changes: object = yaml.safe_load(settings)
    if not name or not isinstance(changes, dict):
        raise Missing(f"--variant {text}: expected NAME=YAML, such as 'small={{limits: {{streams: 10}}}}'")
    return gateway(name, cast("dict[str, Any]", changes))


def tell(done: Run) -> None:
    figures = " ".join(f"{name}={value:.4g}" for name, value in done.figures.items())
    where = f"{done.round + 1} {done.scenario:<10} {done.peer:<16} {done.route.binding:<9}"
    print(f"{where} {figures}{'FAILED ' + '; '.join(done.faults) if done.faults else ''}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
