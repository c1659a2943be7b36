"""The stores that the contract is held against, and what they are filled with."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from gateway.tasks.sql import open_store
from gateway.tasks.store import Store

KINDS = ("file", "memory", "postgres")
SHARED_KINDS = ("file", "postgres")


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    store = open_store(url)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def _url(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    match kind:
        case "file":
            return f"sqlite:///{folder / 'a2a.db'}"
        case "memory":
            return "sqlite://"
        case _:
            return request.getfixturevalue("postgres_url")


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _url(request.param, request, tmp_path)


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """One store of each kind."""
    async with opened(url) as store:
        yield store


@pytest.fixture(params=SHARED_KINDS)
def shared_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that several gateways share."""
    return _url(request.param, request, tmp_path)


@pytest.fixture
async def pair(shared_url: str) -> AsyncIterator[tuple[Store, Store]]:
    """Two gateways' stores on one database."""
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(opened(shared_url))
        other = await stack.enter_async_context(opened(shared_url))
        yield one, other
