"""No gateway at all: what load and agents cost by themselves, and how fast they are."""

from collections.abc import Generator
from contextlib import contextmanager

from benchmarks.load.target import Binding, Target
from benchmarks.peers.peer import GRPC_FROM_SSE, JSONRPC_FROM_GRPC, Agents, Peer, Running

NAME = "none"


@contextmanager
def _start(agents: Agents, cores: frozenset[int]) -> Generator[Running]:
    """The callers of each direction talk to the agent that speaks as they do."""
    yield Running(
        None,
        {
            JSONRPC_FROM_GRPC: Target(Binding.JSONRPC, agents.host, agents.sse),
            GRPC_FROM_SSE: Target(Binding.GRPC, agents.host, agents.grpc),
        },
    )


CONTROL = Peer(NAME, "no gateway", (JSONRPC_FROM_GRPC, GRPC_FROM_SSE), _start, lambda: "")
