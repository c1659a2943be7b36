"""What a database's failures mean: one table a database. Nothing of an address or a value gets out."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gateway.tasks.store import StoreUnavailable

_LOST = "the connection to the database was lost"

_SQLITE: Mapping[int, str] = {
    sqlite3.SQLITE_BUSY: "the database is locked by another process",
    sqlite3.SQLITE_LOCKED: "the database is locked by another process",
    sqlite3.SQLITE_NOMEM: "the database is out of memory",
    sqlite3.SQLITE_READONLY: "the database file cannot be written",
    sqlite3.SQLITE_IOERR: "the disk of the database fails",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged",
    sqlite3.SQLITE_FULL: "the disk of the database is full",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_PROTOCOL: "the database is locked by another process",
    sqlite3.SQLITE_NOTADB: "the database file is not one of SQLite",
}
"""Primary result code to what is wrong."""

_POSTGRES: Mapping[str, str] = {
    "08": _LOST,
    "25006": "the database accepts no writes",
    "28": "the database refuses the user",
    "3D": "the database does not exist",
    "3F": "the schema does not exist",
    "40": "the database undid the transaction",
    "42501": "the database user may not do this",
    "42P01": "the tables are gone",
    "53": "the database has no room left",
    "55": "the database is locked",
    "57": "the database is stopping or starting",
    "58": "the disk of the database fails",
    "XX": "the database is damaged",
}
"""SQLSTATE, or its class, to what is wrong."""


@contextmanager
def as_unavailable() -> Iterator[None]:
    """Raises StoreUnavailable in place of a failure that is the database's, and no other."""
    try:
        yield
    except DBAPIError as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise StoreUnavailable(reason) from None
    except PoolTimeout:
        raise StoreUnavailable("all connections to the database are busy") from None
    except TimeoutError:
        raise StoreUnavailable("the database did not answer in time") from None
    except OSError:
        raise StoreUnavailable("the database cannot be reached") from None


def sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of a failure of PostgreSQL; empty where it has none."""
    state: object = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else ""


def _reason(error: DBAPIError) -> str | None:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _SQLITE.get(getattr(cause, "sqlite_errorcode", 0) & 0xFF)
    state = sqlstate(cause)
    if error.connection_invalidated or (isinstance(error, InterfaceError) and not state):
        return _LOST
    return _POSTGRES.get(state) or _POSTGRES.get(state[:2])
