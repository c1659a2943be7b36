"""The programs as fixtures. Agents, gateways, and one direct run of the client by binding, serve the whole session.

Between the two gateways stands every way to name an agent: by flag and by file, over HTTP and over gRPC.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.adk import Adk, asked
from tests.interop.peers import gateway, sdk03_agent, sdk03_client, sdk_agent, sdk_client, side_by_side
from tests.interop.processes import Program
from tools.peers import NotMade, make


@pytest.fixture(scope="session")
def agent() -> Iterator[Program]:
    """An SDK agent that serves every binding and offers everything."""
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
    return side_by_side(lambda binding: sdk_client(agent.ready["jsonrpc"], binding))


@pytest.fixture(scope="session")
def compat_agent() -> Iterator[Program]:
    """An SDK agent as `agent`, that serves A2A 0.3 beside 1.0."""
    with sdk_agent("--compat") as program:
        yield program


@pytest.fixture(scope="session")
def sdk03() -> Path:
    """The interpreter of the environment of a2a-sdk 0.3, which is made when it is not there; skips where that fails."""
    try:
        return make("a2a-sdk-0.3")
    except NotMade as error:
        pytest.skip(f"the environment of a2a-sdk 0.3 cannot be made: {error}")


@pytest.fixture(scope="session")
def adk() -> Path:
    """The interpreter of the environment of kagenti-adk, which is made when it is not there; skips where that fails."""
    try:
        return make("kagenti-adk")
    except NotMade as error:
        pytest.skip(f"the environment of kagenti-adk cannot be made: {error}")


@pytest.fixture(scope="session")
def peer(adk: Path) -> Iterator[Adk]:
    """The functions and the client of kagenti-adk."""
    with asked(adk) as program:
        yield program


@pytest.fixture(scope="session")
def agent03(sdk03: Path) -> Iterator[Program]:
    """An agent of a2a-sdk 0.3 that serves every binding and offers everything."""
    with sdk03_agent(sdk03) as program:
        yield program


@pytest.fixture(scope="session")
def direct03(sdk03: Path, agent03: Program, compat_agent: Program) -> dict[str, dict[str, dict[str, Any]]]:
    """What the client of a2a-sdk 0.3 sees of either agent with nothing between: results by agent, binding and check."""
    agents = {"sdk03": agent03, "compat": compat_agent}
    return {
        name: side_by_side(lambda binding, agent=agent: sdk03_client(sdk03, agent.ready["jsonrpc"], binding))
        for name, agent in agents.items()
    }


@pytest.fixture(scope="session")
def direct_to03(agent03: Program) -> dict[str, dict[str, Any]]:
    """What the client of a2a-sdk 1.x, with its own 0.3 compatibility, sees of the agent of 0.3: by binding and check."""
    return side_by_side(lambda binding: sdk_client(agent03.ready["jsonrpc"], binding))


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
