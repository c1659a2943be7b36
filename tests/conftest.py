"""What every test shares: one event loop, the one that the gateway runs on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session", autouse=True)
async def one_loop(anyio_backend: tuple[str, dict[str, Any]]) -> AsyncIterator[None]:
    """Keeps the loop from test to test: grpc.aio hands what is left of a closed one to the next, which it breaks."""
    yield  # noqa: PT022 # a fixture that returned would let go of the loop at once
