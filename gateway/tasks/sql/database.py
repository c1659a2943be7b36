"""The seam between the store's statements and how a database runs them."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")

Work = Callable[Concatenate[Connection, P], T]
"""Statements on a connection; it neither commits nor awaits."""


class Database(Protocol):
    """Runs work. Every method may raise StoreUnavailable; cancelling leaves all of a work's effect or none."""

    async def open(self) -> None:
        """Connects and migrates. Raises ConfigurationError."""
        ...

    async def close(self) -> None: ...

    async def read(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Work that changes nothing. Each of its statements may see a later state than the one before."""
        ...

    async def write(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Work in a transaction."""
        ...

    async def write_once(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        """Work whose first statement alone changes anything, which needs no further transaction on PostgreSQL."""
        ...

    async def write_first(self, work: Work[P, T], *args: P.args, **options: P.kwargs) -> T:
        """The same, not behind other work where that can be: for what is late when it waits."""
        ...
