"""A worker in Python behind this project's gateway: its tasks are the gateway's own, kept in a SQLite file."""

import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.load.target import Binding, Target
from benchmarks.peers.gateway import serving, version
from benchmarks.peers.peer import JSONRPC_TO_TASK, Agents, Missing, Peer, Running
from gateway.settings.values import agent_url

WORKER = "python:benchmarks.peers.counting_worker:Counter"


def worker(name: str = "a2a-gateway-worker", changes: Mapping[str, Any] | None = None) -> Peer:
    """The gateway with a worker, and with `changes` laid over its settings."""
    return Peer(
        name, "a2a-gateway, worker", (JSONRPC_TO_TASK,), partial(_start, name, changes or {}), _version, ours=False
    )


@contextmanager
def _start(name: str, changes: Mapping[str, Any], agents: Agents, cores: frozenset[int]) -> Generator[Running]:
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{Path(folder, 'tasks.db')}"
        settings = {"store": store, "agents": [{"name": "counter", "url": WORKER}], **changes}
        with serving(name, settings, cores) as (process, host, http, _):
            yield Running(process, {JSONRPC_TO_TASK: Target(Binding.JSONRPC, host, http)})


def _version() -> str:
    try:
        agent_url(WORKER)
    except ValueError:
        raise Missing("this version of the gateway has no workers") from None
    return version()
