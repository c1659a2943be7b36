"""One gateway for every test that needs no settings of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.northbound.asking import Place, placed


@pytest.fixture(scope="module")
async def place() -> AsyncIterator[Place]:
    async with placed() as it:
        yield it
