"""The example agents, a gateway in front of them, and everywhere that a client verb can be pointed at."""

import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.cli.launcher import ROOT, WITHIN_S, Ended, Launcher, Started, environment

PAUSE_S = "0.005"
ANY = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
"""Wherever there is a port."""


@dataclass(frozen=True, slots=True)
class Agents:
    """URLs of the example agents."""

    words: str
    """Over gRPC."""
    scribe: str
    """Over JSON-RPC."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """URLs of a gateway."""

    http: str
    grpc: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where a client verb is pointed at."""

    cli: Launcher
    url: str
    tenant: str = ""

    def arguments(self, verb: str, *more: str) -> tuple[str, ...]:
        return (verb, self.url, *more, *(("--tenant", self.tenant) if self.tenant else ()))

    def run(self, verb: str, *more: str, stdin: bytes = b"") -> Ended:
        return self.cli.run(*self.arguments(verb, *more), stdin=stdin)

    def start(self, verb: str, *more: str) -> Started:
        return self.cli.start(*self.arguments(verb, *more))


@contextmanager
def program(*command: str, announced: str) -> Generator[list[str]]:
    """A Python program for as long as the block runs, and the words of its first line after `announced`."""
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(announced), f"{command} printed {line!r}"
            yield line.removeprefix(announced).split()
        finally:
            process.terminate()
            try:
                process.wait(WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def cli() -> Iterator[Launcher]:
    with Launcher() as launcher:
        yield launcher


@pytest.fixture(scope="session", autouse=True)
def demos(cli: Launcher) -> dict[str, Started]:
    """A demo that leaves and one that stays. They take their time, so they begin before everything else."""
    return {"once": cli.start("demo", "--once", *ANY), "on": cli.start("demo", *ANY)}


@pytest.fixture(scope="session")
def agents() -> Iterator[Agents]:
    told = ("--address", "127.0.0.1:0", "--pause", PAUSE_S)
    with (
        program("-m", "examples.grpc_agent", *told, announced="listening on ") as words,
        program("-m", "examples.jsonrpc_agent", *told, announced="listening on ") as scribe,
    ):
        yield Agents(words[0], scribe[0])


@pytest.fixture(scope="session")
def served(agents: Agents) -> Iterator[Addresses]:
    """A gateway in front of both agents, `words` being the default one."""
    named = ("--agent", f"words={agents.words}", "--agent", f"scribe={agents.scribe}")
    command = ("-m", "gateway", "serve", *ANY, *named)
    with program(*command, announced="serving on ") as (http, _, grpc):
        yield Addresses(http, grpc)


Place = tuple[str, str]
"""A URL and the tenant to name there."""

DIRECT: dict[str, Callable[[Agents], Place]] = {
    "the gRPC agent": lambda agents: (agents.words, ""),
    "the JSON-RPC agent": lambda agents: (agents.scribe, ""),
}

THROUGH: dict[str, Callable[[Addresses], Place]] = {
    "the gRPC agent over JSON-RPC": lambda served: (f"{served.http}/words/", ""),
    "the JSON-RPC agent over gRPC": lambda served: (served.grpc, "scribe"),
}


@pytest.fixture(scope="session", params=[*DIRECT, *THROUGH])
def target(request: pytest.FixtureRequest, cli: Launcher, agents: Agents, served: Addresses) -> Target:
    """Each agent, directly and through the gateway, on each binding."""
    name: str = request.param
    return Target(cli, *(DIRECT[name](agents) if name in DIRECT else THROUGH[name](served)))


@pytest.fixture(scope="session", params=DIRECT)
def agent(request: pytest.FixtureRequest, cli: Launcher, agents: Agents) -> Target:
    """Each agent directly."""
    return Target(cli, *DIRECT[request.param](agents))
