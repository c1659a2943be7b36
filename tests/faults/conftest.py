"""A gateway for whole tables: one for each way, with default settings, for as long as a module runs."""

from collections.abc import AsyncIterator

import pytest

from tests.faults.gateway import TO_GRPC, TO_JSONRPC, Between, Way, between, until_idle


@pytest.fixture(scope="module")
async def rigs() -> AsyncIterator[dict[str, Between]]:
    async with between(TO_GRPC) as to_grpc, between(TO_JSONRPC) as to_jsonrpc:
        yield {TO_GRPC.name: to_grpc, TO_JSONRPC.name: to_jsonrpc}


@pytest.fixture
async def rig(rigs: dict[str, Between], way: Way) -> AsyncIterator[Between]:
    """The gateway and the agent of a test's `way`; the agent remembers no other test."""
    it = rigs[way.name]
    it.agent.forget()
    yield it
    await until_idle(it.gateway)
