"""fasta2a, a task runtime in Python: `fasta2a_agent.py`, started in an environment of its own."""

import json
from collections.abc import Generator
from contextlib import contextmanager

from benchmarks.load.target import Binding, Target
from benchmarks.peers.peer import JSONRPC_TO_TASK, Agents, Missing, Peer, Running
from benchmarks.processes import running
from tools import peers


@contextmanager
def _start(agents: Agents, cores: frozenset[int]) -> Generator[Running]:
    """By the older name of the method: by that of 1.0 it parses and writes every event once more."""
    program = [str(peers.PEERS["fasta2a"].python), "-m", "benchmarks.peers.fasta2a_agent"]
    with running("fasta2a", program, cores) as process:
        ready = json.loads(process.line())
        target = Target(Binding.JSONRPC, ready["host"], ready["port"], stream="message/stream", role="user")
        yield Running(process, {JSONRPC_TO_TASK: target})


def _version() -> str:
    try:
        peers.make("fasta2a")
    except peers.NotMade as error:
        raise Missing(str(error)) from None
    return "2.1.1"


FASTA2A = Peer("fasta2a", "fasta2a", (JSONRPC_TO_TASK,), _start, _version)
