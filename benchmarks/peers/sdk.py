"""A gateway put together from the a2a-sdk: `sdk_gateway.py`, started."""

import json
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from benchmarks.load.target import Binding, Target
from benchmarks.peers.peer import GRPC_FROM_SSE, JSONRPC_FROM_GRPC, Agents, Missing, Peer, Running
from benchmarks.processes import running


@contextmanager
def _start(way: str, agents: Agents, cores: frozenset[int]) -> Generator[Running]:
    program = [sys.executable, "-m", "benchmarks.peers.sdk_gateway", way, agents.grpc_address, agents.sse_url]
    with running(f"a2a-sdk {way}", program, cores) as process:
        ready = json.loads(process.line())
        yield Running(
            process,
            {
                JSONRPC_FROM_GRPC: Target(Binding.JSONRPC, ready["host"], ready["http"]),
                GRPC_FROM_SSE: Target(Binding.GRPC, ready["host"], ready["grpc"]),
            },
        )


def _version() -> str:
    try:
        return version("a2a-sdk")
    except PackageNotFoundError:
        raise Missing("a2a-sdk is not installed; run `make setup`") from None


_ROUTES = (JSONRPC_FROM_GRPC, GRPC_FROM_SSE)
EXECUTOR = Peer("a2a-sdk-executor", "a2a-sdk, executor", _ROUTES, partial(_start, "executor"), _version)
HANDLER = Peer("a2a-sdk-handler", "a2a-sdk, request handler", _ROUTES, partial(_start, "handler"), _version)
