"""Owned tasks in SQL: one store for a SQLite file and for PostgreSQL.

`store.py` is the port's implementation. What it asks of a database stands in modules of functions
on a SQLAlchemy `Connection`; how one gets such a connection, and what becomes of its failures, is
`sqlite.py`'s and `postgres.py`'s.
"""

from gateway.tasks.sql.store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
