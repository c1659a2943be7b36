"""The programs as fixtures. Agents, gateways, and one direct run of the client by binding, serve the whole session.

Between the two gateways stands every way to name an agent: by flag and by file, over HTTP and over gRPC.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.peers import BINDINGS, gateway, sdk_agent, sdk_client
from tests.interop.processes import Program


@pytest.fixture(scope="session")
def agent() -> Iterator[Program]:
    """An SDK agent that serves both bindings and offers everything."""
    with sdk_agent() as program:
        yield program


@pytest.fixture(scope="session")
def bare_agent() -> Iterator[Program]:
    """An SDK agent that offers neither streaming nor push notifications."""
    with sdk_agent("--no-streaming", "--no-push") as program:
        yield program


@pytest.fixture(scope="session")
def direct(agent: Program) -> dict[str, dict[str, Any]]:
    """What the SDK client sees of `agent` with nothing between them: results by binding and check."""
    return {binding: sdk_client(agent.ready["jsonrpc"], binding) for binding in BINDINGS}


@pytest.fixture(scope="session")
def grpc_first_agent() -> Iterator[Program]:
    """An SDK agent as `agent`, but for its card: that lists gRPC before JSON-RPC."""
    with sdk_agent("--prefer", "GRPC") as program:
        yield program


@pytest.fixture(scope="session")
def gateway_by_flags(agent: Program, bare_agent: Program) -> Iterator[Program]:
    """`agent` over HTTP as the default, the same agent over gRPC, and `bare_agent`."""
    agents = {
        "sdk": agent.ready["jsonrpc"],
        "over-grpc": f"grpc://{agent.ready['grpc']}",
        "bare": bare_agent.ready["jsonrpc"],
    }
    with gateway(*(word for name, url in agents.items() for word in ("--agent", f"{name}={url}"))) as program:
        yield program


@pytest.fixture(scope="session")
def gateway_by_file(
    agent: Program, grpc_first_agent: Program, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Program]:
    """`agent` over gRPC with its card from HTTP as the default, and `grpc_first_agent`."""
    card_url = f"{agent.ready['jsonrpc']}/.well-known/agent-card.json"
    agents = [
        {"name": "sdk", "url": f"grpc://{agent.ready['grpc']}", "card": card_url},
        {"name": "grpc-first", "url": grpc_first_agent.ready["jsonrpc"]},
    ]
    file = tmp_path_factory.mktemp("gateway") / "gateway.yaml"
    file.write_text(json.dumps({"agents": agents}))  # JSON is YAML
    with gateway("--config", str(file)) as program:
        yield program
