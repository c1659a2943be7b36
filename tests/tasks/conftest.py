"""Stores to test with: a PostgreSQL schema of one's own, where there is a server."""

import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

POSTGRES = os.environ.get("A2A_GATEWAY_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/test")
REQUIRED = os.environ.get("A2A_GATEWAY_TEST_REQUIRE", "").split(",")
"""What a test may not be skipped for want of: `postgres`."""


@asynccontextmanager
async def own_schema() -> AsyncIterator[str]:
    """The URL of a new, empty schema, which is dropped afterwards. Skips the test where there is no server."""
    try:
        connection = await asyncpg.connect(POSTGRES, timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        missing = f"no PostgreSQL to test with: {error}; name one in A2A_GATEWAY_TEST_POSTGRES"
        if "postgres" in REQUIRED:
            pytest.fail(missing)
        pytest.skip(missing)
    schema = f"a2a_test_{secrets.token_hex(6)}"
    await connection.execute(f"CREATE SCHEMA {schema}")
    try:
        yield f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}search_path={schema}"
    finally:
        await connection.execute(f"DROP SCHEMA {schema} CASCADE")
        await connection.close()


@pytest.fixture
async def postgres_url() -> AsyncIterator[str]:
    """A schema of the test's own."""
    async with own_schema() as url:
        yield url
