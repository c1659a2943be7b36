"""URLs as users write them, and schemas: new, of two gateways at once, too new, and held against the tables."""

import asyncio
import sqlite3
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from gateway.settings.values import ConfigurationError
from gateway.tasks.sql import open_store
from gateway.tasks.sql.schema import VERSION_TABLE
from gateway.tasks.sql.tables import metadata
from gateway.tasks.sql.url import PostgresServer, SqliteFile, place_of
from gateway.tasks.store import StoreUnavailable
from tests.tasks.conftest import POSTGRES
from tests.tasks.store.conftest import opened
from tests.tasks.store.making import record

pytestmark = pytest.mark.anyio

PLACES = {
    "sqlite:///a2a.db": SqliteFile("a2a.db"),
    "sqlite:////abs/a2a.db": SqliteFile("/abs/a2a.db"),
    "sqlite://": SqliteFile(""),
    "sqlite:///:memory:": SqliteFile(""),
    "postgresql://user:pw@host/db": PostgresServer("postgresql://user:pw@host/db"),
    "postgresql+asyncpg://user:pw@host/db": PostgresServer("postgresql://user:pw@host/db"),
    "postgres://host/db?sslmode=require": PostgresServer("postgresql://host/db?sslmode=require"),
}


@pytest.mark.parametrize("url", PLACES)
def test_urls(url: str) -> None:
    assert place_of(url) == PLACES[url]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a2a.db",
        "mysql://user:hunter2@host/db",
        "sqlite+pysqlite:///a2a.db",
        "sqlite://a2a.db",
        "sqlite:///a2a.db?mode=hunter2",
        "redis://hunter2",
        "postgresql:host",
    ],
)
def test_urls_that_name_no_store(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^store: .*sqlite:///FILE") as caught:
        open_store(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "mend"),
    [
        (lambda url: url.replace("/test", "/no_such_database_hunter2"), "create it first"),
        (lambda url: url.replace("search_path=", "search_path=no_such_schema_"), "no schema"),
        (lambda url: url.replace("5432", "notaport"), "URL"),
    ],
)
async def test_servers_that_cannot_be_used(postgres_url: str, change, mend: str) -> None:
    if (changed := change(postgres_url)) == postgres_url:
        pytest.skip("the server's URL has another form")
    store = open_store(changed)
    with pytest.raises(ConfigurationError, match=mend) as caught:
        await store.open()
    await store.close()
    assert "hunter2" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)


async def test_a_server_that_is_not_there() -> None:
    store = open_store("postgresql://ann:hunter2@127.0.0.1:1/db")
    with pytest.raises(StoreUnavailable) as caught:
        await store.open()
    await store.close()
    assert str(caught.value) == "the database cannot be reached"


@pytest.mark.parametrize("content", [b"not a database, whatever its name is" * 10, None])
async def test_files_that_cannot_be_used(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / ("a2a.db" if content else "no/such/folder/a2a.db")
    if content:
        file.write_bytes(content)
    store = open_store(f"sqlite:///{file}")
    with pytest.raises(ConfigurationError, match=r"^store: the database file"):
        await store.open()
    await store.close()


async def test_many_gateways_open_a_new_database_at_once(shared_url: str) -> None:
    stores = [open_store(shared_url) for _ in range(6)]
    await asyncio.gather(*(store.open() for store in stores))
    try:
        await stores[0].create(record())
        assert all(await asyncio.gather(*(store.load("t") for store in stores)))
        assert len({store.secret for store in stores}) == 1
    finally:
        await asyncio.gather(*(store.close() for store in stores))


async def test_a_newer_schema_is_refused(shared_url: str) -> None:
    async with opened(shared_url) as store:
        await store.create(record())
    await _execute(shared_url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    store = open_store(shared_url)
    with pytest.raises(ConfigurationError, match="newer a2a-gateway"):
        await store.open()
    await store.close()


async def test_opening_again_changes_nothing(shared_url: str) -> None:
    async with opened(shared_url) as store:
        await store.create(record())
        secret = store.secret
    async with opened(shared_url) as store:
        assert await store.load("t") == record()
        assert store.secret == secret


async def test_the_tables_are_what_migrations_make_on_sqlite(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'a2a.db'}"):
        pass
    engine = create_engine(f"sqlite:///{tmp_path / 'a2a.db'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


async def test_the_tables_are_what_migrations_make_on_postgres(postgres_url: str) -> None:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import create_async_engine

    def differences(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return compare_metadata(context, metadata)

    async with opened(postgres_url):
        pass
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(postgres_url))
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def _execute(url: str, statement: str) -> None:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute(statement)
        connection.commit()
        connection.close()
    else:
        assert url.startswith(POSTGRES)
        server = await asyncpg.connect(url)
        await server.execute(statement)
        await server.close()
