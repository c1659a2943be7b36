"""This project's gateway: the installed command, from a configuration file, with its limits and logs as they are."""

import copy
import json
import re
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.load.target import Binding, Target
from benchmarks.peers.peer import (
    GRPC_FROM_SSE,
    JSONRPC_FROM_GRPC,
    REST_FROM_GRPC,
    Agents,
    Missing,
    Peer,
    Running,
)
from benchmarks.processes import Process, running
from gateway import __version__

Json = dict[str, Any]

COMMAND = Path(sys.executable).with_name("a2a-gateway")
_SERVING = re.compile(r"serving on http://([^:]+):(\d+) and grpc://[^:]+:(\d+)")


def gateway(name: str = "a2a-gateway", changes: Mapping[str, Any] | None = None) -> Peer:
    """The gateway, with `changes` laid over its settings; those under `agent` over the settings of every agent."""
    return Peer(
        name,
        name,
        (JSONRPC_FROM_GRPC, REST_FROM_GRPC, GRPC_FROM_SSE),
        partial(_start, name, changes or {}),
        version,
        ours=True,
    )


def settings(agents: Agents, changes: Mapping[str, Any]) -> Json:
    """The configuration."""
    changed: Json = {**copy.deepcopy(dict(changes))}
    for_agents: Json = changed.pop("agent", {})
    fronted = [
        {"name": "grpc", "url": f"grpc://{agents.grpc_address}", **for_agents},
        {"name": "sse", "url": agents.sse_url, **for_agents},
    ]
    return {"agents": fronted, **changed}


@contextmanager
def _start(name: str, changes: Mapping[str, Any], agents: Agents, cores: frozenset[int]) -> Generator[Running]:
    with serving(name, settings(agents, changes), cores) as (process, host, http, grpc):
        yield Running(
            process,
            {
                JSONRPC_FROM_GRPC: Target(Binding.JSONRPC, host, http),
                REST_FROM_GRPC: Target(Binding.REST, host, http, send="/message:send", stream="/message:stream"),
                GRPC_FROM_SSE: Target(Binding.GRPC, host, grpc, tenant="sse"),
            },
        )


@contextmanager
def serving(name: str, settings: Json, cores: frozenset[int]) -> Generator[tuple[Process, str, int, int]]:
    """A gateway with these settings, and its host, HTTP port and gRPC port."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump({"http": "127.0.0.1:0", "grpc": "127.0.0.1:0", **settings}, file)  # JSON is YAML
        file.flush()
        with running(name, [str(COMMAND), "serve", "-c", file.name], cores) as process:
            line = process.line()
            if not (match := _SERVING.search(line)):
                raise process.broken(f"it said {line!r}")
            yield process, match[1], int(match[2]), int(match[3])


def version() -> str:
    """Raises Missing."""
    if not COMMAND.exists():
        raise Missing("a2a-gateway is not installed; run `make setup`")
    return __version__
