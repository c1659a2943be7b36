"""The SDK peers as fixtures. One agent and one direct run of the client for each binding serve the whole session."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.peers import BINDINGS, sdk_agent, sdk_client
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
