"""PostgreSQL by asyncpg: a pool of connections, and the lock under which gateways migrate in turn."""

import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import asyncpg
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.settings.values import ConfigurationError
from gateway.tasks.sql.database import P, T, Work
from gateway.tasks.sql.failures import as_unavailable, sqlstate
from gateway.tasks.sql.notices import Wire
from gateway.tasks.sql.schema import migrate
from gateway.tasks.sql.url import PostgresServer
from gateway.tasks.store import StoreUnavailable

# asyncpg has no types.
_connect = cast("Callable[..., Awaitable[Wire]]", asyncpg.connect)  # pyright: ignore[reportUnknownMemberType] # as above

CONNECT_S = 10.0
COMMAND_S = 30.0
"""A statement that takes longer counts as lost."""
POOL = 10
"""Connections for statements; one more listens, and one is for what must not wait for the others."""
IDLE_S = 5.0
"""A connection that nobody used for so long is tried before it is used: firewalls and failovers are silent."""

_UNUSABLE = {
    "28000": "the database refuses the user; check the user's name",
    "28P01": "the database refuses the password",
    "3D000": "there is no such database; create it first",
    "3F000": "there is no schema to put tables into; create it, or name another by ?search_path=",
    "42501": "the database user may not create tables; grant CREATE on the schema",
}
"""SQLSTATE to what is to be mended; no waiting does it."""


class PostgresDatabase:
    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._engine = self._pool(POOL)
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._first_engine = self._pool(1)
        self._first = self._first_engine.execution_options(isolation_level="AUTOCOMMIT")
        self._closed = False

    async def connect(self) -> Wire:
        """A connection that is the caller's own."""
        return await _connect(self._server.dsn, timeout=CONNECT_S, command_timeout=COMMAND_S)

    async def open(self) -> None:
        with as_unavailable():
            try:
                async with self._engine.begin() as connection:
                    await connection.run_sync(_migrate)
            except DBAPIError as error:
                mend = _UNUSABLE.get(sqlstate(error.orig))
                if mend is None:
                    raise
                raise ConfigurationError(f"store: {mend}") from None
            except (ValueError, asyncpg.ClientConfigurationError):
                raise ConfigurationError("store: this is not a URL of PostgreSQL that can be read") from None

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._engine.dispose()
            await self._first_engine.dispose()

    async def read(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        return await self.write_once(work, *args, **options)

    async def write(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        self._check_open()
        with as_unavailable():
            async with self._engine.begin() as connection:
                return await connection.run_sync(work, *args, **options)

    async def write_once(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        return await self._at_once(self._autocommit, work, *args, **options)

    async def write_first(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        return await self._at_once(self._first, work, *args, **options)

    async def _at_once(self, engine: AsyncEngine, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        self._check_open()
        with as_unavailable():
            async with engine.connect() as connection:
                return await connection.run_sync(work, *args, **options)

    def _pool(self, connections: int) -> AsyncEngine:
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self.connect,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=CONNECT_S,
            hide_parameters=True,
        )
        _try_idle_connections(engine.sync_engine)
        return engine

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")


def _migrate(connection: Connection) -> None:
    # Of the schema, and until the transaction ends.
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('a2a-gateway ' || current_schema(), 0))"))
    migrate(connection)


def _try_idle_connections(engine: Engine) -> None:
    """What `pool_pre_ping` does, without its round trip for a connection that has just been used."""

    def on_checkin(connection: object, record: Any) -> None:
        record.info["used"] = time.monotonic()

    def on_checkout(connection: Any, record: Any, proxy: object) -> None:
        if time.monotonic() - record.info.get("used", time.monotonic()) > IDLE_S:
            try:
                connection.ping()
            except Exception:
                raise DisconnectionError from None

    event.listen(engine, "checkin", on_checkin)
    event.listen(engine, "checkout", on_checkout)
