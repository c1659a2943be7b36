"""A store's URL as users write it, and what is wrong with one that cannot be used."""

from dataclasses import dataclass

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gateway.settings.values import ConfigurationError

_EXPECTED = "expected sqlite:///FILE, sqlite:// or postgresql://USER:PASSWORD@HOST/DATABASE"


@dataclass(frozen=True, slots=True)
class SqliteFile:
    path: str
    """Empty for one in memory."""


@dataclass(frozen=True, slots=True)
class PostgresServer:
    dsn: str
    """As libpq and asyncpg read it. Holds a secret: never shown."""

    def __repr__(self) -> str:
        return "PostgresServer(…)"


def place_of(url: str) -> SqliteFile | PostgresServer:
    """Where the URL of a store leads. Raises ConfigurationError, which does not repeat the URL."""
    scheme, colon, rest = url.partition("://")
    if not colon:
        raise ConfigurationError(f"store: {_EXPECTED}")
    match scheme:
        case "sqlite":
            return _file(url)
        case "postgresql" | "postgres" | "postgresql+asyncpg":
            return PostgresServer(f"postgresql://{rest}")
        case _:
            raise ConfigurationError(f"store: {_EXPECTED}")


def _file(url: str) -> SqliteFile:
    try:
        parts = make_url(url)
    except ArgumentError:
        raise ConfigurationError(f"store: {_EXPECTED}") from None
    if parts.host or parts.username:
        raise ConfigurationError("store: a file takes three slashes, sqlite:///FILE, and four from the root on")
    if parts.query:
        raise ConfigurationError("store: sqlite:///FILE takes no options")
    return SqliteFile("" if parts.database in (None, ":memory:") else parts.database)
