"""Processes that die, disks that fill, servers that go away: nothing that was acknowledged is lost."""

import asyncio
import sqlite3
import sys
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import Connection, Engine, event

from gateway.tasks.sql import SqlStore
from gateway.tasks.sql.sqlite import BUSY_S, SqliteDatabase
from gateway.tasks.store import Store, StoreUnavailable
from tests.tasks.conftest import POSTGRES
from tests.tasks.store.conftest import opened
from tests.tasks.store.making import entries, folded, record, task, token, tokens

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("acknowledged", [3, 300])
async def test_a_killed_writer_loses_nothing_that_was_acknowledged(shared_url: str, acknowledged: int) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.tasks.store.writer", shared_url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    said = 0
    async with asyncio.timeout(30):
        while said < acknowledged:
            said = int(await writer.stdout.readline())
        writer.kill()
        for line in (await writer.stdout.read()).splitlines(keepends=True):
            said = int(line) if line.endswith(b"\n") else said
        await writer.wait()
    async with opened(shared_url) as store:
        loaded = await store.load("t")
        assert loaded is not None
        assert loaded.seq >= said
        assert loaded.seq % 3 == 0
        assert loaded.task == folded(task(), tokens(loaded.seq))
        assert [entry.seq for entry in await store.events("t", 0, 100_000)] == list(range(1, loaded.seq + 1))
        # And its successor goes on.
        await store.beat("h", 30)
        claimed = await store.claim("t", "h")
        assert claimed is not None
        await store.append("t", claimed.epoch, tokens(1, claimed.seq + 1, claimed.epoch))


async def test_a_full_disk_is_unavailable_until_there_is_room(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'a2a.db'}") as store:
        await store.create(record())
        _limit_pages(store, 60)
        written = 0

        async def fill() -> None:
            nonlocal written
            while written < 1000:
                await store.append("t", 1, entries([token("x" * 3000)], written + 1))
                written += 1

        with pytest.raises(StoreUnavailable, match="disk of the database is full"):
            await fill()
        assert written > 3
        loaded = await store.load("t")
        assert loaded is not None
        assert loaded.seq == written
        _limit_pages(store, 100_000)
        await store.append("t", 1, tokens(1, written + 1))
        assert len(await store.events("t", 0, 10_000)) == written + 1


def _writing_engine(store: Store) -> Engine:
    """Nothing public leads to the connection that writes."""
    assert isinstance(store, SqlStore)
    database = store._database
    assert isinstance(database, SqliteDatabase)
    return database._writer._engine


def _limit_pages(store: Store, pages: int) -> None:
    """A full disk, as SQLite knows it: its own limit for a file, set on the connection that writes."""

    def limit(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

    event.listen(_writing_engine(store), "begin", limit, once=True)


async def test_a_locked_file_is_unavailable_until_it_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.tasks.sql.sqlite.BUSY_S", BUSY_S / 50)
    async with opened(f"sqlite:///{tmp_path / 'a2a.db'}") as store:
        await store.create(record())
        other = sqlite3.connect(tmp_path / "a2a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked by another process"):
            await store.append("t", 1, tokens(1))
        # In WAL a reader waits for nobody.
        assert await store.load("t") == record()
        other.rollback()
        other.close()
        await store.append("t", 1, tokens(1))
        assert len(await store.events("t", 0, 10)) == 1


async def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "a2a.db"
    async with opened(f"sqlite:///{file}") as store:
        await store.create(record())

        # Tests may run as root, who writes to read-only files too; this is another way to be refused alike.
        def refuse(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA query_only=ON")

        event.listen(_writing_engine(store), "begin", refuse, once=True)
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            await store.append("t", 1, tokens(1))
        assert await store.load("t") == record()


async def test_connections_that_the_server_ends_come_back(postgres_url: str) -> None:
    async with opened(f"{postgres_url}&application_name={_name(postgres_url)}") as store:
        await store.create(record())
        await asyncio.gather(*(store.load("t") for _ in range(8)))
        admin = await asyncpg.connect(POSTGRES)
        for seq in range(1, 4):
            await _end_all(admin, _name(postgres_url))
            told: list[str] = []
            while len(told) < 3:
                try:
                    await store.append("t", 1, tokens(1, seq))
                    break
                except StoreUnavailable as error:
                    told.append(str(error))
            assert set(told) <= {"the connection to the database was lost", "the database is stopping or starting"}
            assert len(told) < 3
        await admin.close()
        assert len(await store.events("t", 0, 10)) == 3


async def test_idle_connections_are_tried_first(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.tasks.sql.postgres.IDLE_S", 0.0)
    async with opened(f"{postgres_url}&application_name={_name(postgres_url)}") as store:
        await store.create(record())
        admin = await asyncpg.connect(POSTGRES)
        await _end_all(admin, _name(postgres_url))
        await admin.close()
        await store.append("t", 1, tokens(1))


def _name(url: str) -> str:
    """The schema's, by which its connections are told from those of other tests."""
    return url.partition("search_path=")[2]


async def _end_all(admin: asyncpg.Connection, name: str) -> None:
    ended = await admin.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%' || $1", name
    )
    assert ended
