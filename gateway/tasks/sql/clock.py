"""The database's own clock, which is the one that all gateways of a store share."""

from datetime import datetime
from typing import Any

from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp
from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class now_us(FunctionElement[int]):  # noqa: N801 # it is used like a function of SQL
    """Microseconds since 1970, as the statement runs."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_us, "sqlite")
def _sqlite(element: now_us, compiler: SQLCompiler, **options: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


@compiles(now_us, "postgresql")
def _postgresql(element: now_us, compiler: SQLCompiler, **options: Any) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"


def microseconds(moment: Timestamp | datetime | None) -> int:
    """Since 1970; 0 for none."""
    if moment is None:
        return 0
    if isinstance(moment, datetime):
        moment = Timestamp.from_datetime(moment)
    return moment.seconds * 1_000_000 + moment.nanos // 1000
