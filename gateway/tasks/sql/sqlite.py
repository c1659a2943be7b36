"""A SQLite file, or one in memory: a thread writes, a few read, and work is one hop to a thread.

Writers of one process queue for the thread; those of several wait for the file, `BUSY_S` at most.
Work is not cut short by cancelling: once its thread has begun, it ends.
"""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from gateway.settings.values import ConfigurationError
from gateway.tasks.sql.database import P, T, Work
from gateway.tasks.sql.failures import as_unavailable
from gateway.tasks.sql.schema import migrate
from gateway.tasks.sql.url import SqliteFile
from gateway.tasks.store import StoreUnavailable

BUSY_S = 5.0
"""How long a writer waits for another process before the store counts as unavailable."""
READERS = 2
"""Threads that read; in WAL they wait for no writer."""


class SqliteDatabase:
    def __init__(self, file: SqliteFile) -> None:
        self._writer = _Lane(file.path, "BEGIN IMMEDIATE", threads=1)
        # What is in memory belongs to one connection.
        self._reader = _Lane(file.path, "BEGIN", threads=READERS) if file.path else self._writer

    async def open(self) -> None:
        try:
            await self._writer.run(migrate)
        except StoreUnavailable as error:
            raise ConfigurationError(f"store: {error}") from None

    async def close(self) -> None:
        await self._writer.close()
        await self._reader.close()

    async def read(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        return await self._reader.run(work, *args, **options)

    async def write(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        return await self._writer.run(work, *args, **options)

    async def write_once(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        return await self._writer.run(work, *args, **options)

    async def write_first(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        return await self._writer.run(work, *args, **options)


class _Lane:
    """Threads, each with a connection, that begin their transactions in one way."""

    def __init__(self, path: str, begin: str, threads: int) -> None:
        self._engine = _engine(path, begin, threads)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="a2a-store")
        self._closed = False

    async def run(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")

        def transaction() -> T:
            with as_unavailable(), self._engine.begin() as connection:
                return work(connection, *args, **options)

        return await asyncio.get_running_loop().run_in_executor(self._threads, transaction)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._threads.shutdown)
            self._engine.dispose()


def _engine(path: str, begin: str, connections: int) -> Engine:
    def connect() -> sqlite3.Connection:
        # The driver must not begin transactions of its own; each thread may use any of the connections.
        return sqlite3.connect(path or ":memory:", timeout=BUSY_S, isolation_level=None, check_same_thread=False)

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, pool_size=connections, max_overflow=0, hide_parameters=True
    )

    def on_connect(connection: sqlite3.Connection, record: object) -> None:
        # NORMAL: a commit is in the file, so it outlives the process, however that ends. It need not be on
        # the disk: a power loss may take the last moments of every task back, whole commits of them, and a
        # task that callers saw end may be found at work again. FULL would cost an fsync for each append.
        for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}").close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    return engine
