"""ListTasks: pages by key, newest status first, and the tokens that lead from one to the next."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest

from sqlalchemy import ColumnElement, Connection, func, or_, select

from gateway.tasks.sql.clock import microseconds
from gateway.tasks.sql.tables import as_bytes, as_text, digest, tasks
from gateway.tasks.sql.tasklog import WHOLE, Stored, load, with_later
from gateway.tasks.store import Query
from generated.a2a.v1.a2a_pb import TaskState

_MAC_BYTES = 16
_TIME_BYTES = 8


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended."""

    status_us: int
    id: str


@dataclass(frozen=True, slots=True)
class Found:
    """One page, its tasks not folded yet."""

    tasks: Sequence[Stored]
    end: Place | None
    """None on the last page."""
    total: int


def page(connection: Connection, query: Query, after: Place | None) -> Found:
    conditions = _conditions(query)
    total = connection.execute(select(func.count()).select_from(tasks).where(*conditions)).scalar_one()
    if after is not None:
        # The first condition is the range of the index, the second the order among equal times.
        conditions += [
            tasks.c.status_us <= after.status_us,
            or_(tasks.c.status_us < after.status_us, tasks.c.id > after.id),
        ]
    statement = WHOLE.where(*conditions).order_by(tasks.c.status_us.desc(), tasks.c.id).limit(query.page_size + 1)
    rows = connection.execute(statement).all()
    here = rows[: query.page_size]
    found = [with_later(connection, row) or load(connection, row.id) for row in here]
    end = Place(here[-1].status_us, here[-1].id) if len(rows) > len(here) else None
    return Found([stored for stored in found if stored is not None], end, total)


def token_of(place: Place, query: Query, secret: bytes) -> str:
    body = place.status_us.to_bytes(_TIME_BYTES, signed=True) + as_bytes(place.id)
    return urlsafe_b64encode(_mac(body, query, secret) + body).rstrip(b"=").decode()


def place_of(token: str, query: Query, secret: bytes) -> Place:
    """Where the page before ended. Raises ValueError for a token of another query or store."""
    wrong = ValueError("the page token is not one of this list")
    try:
        whole = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        raise wrong from None
    mac, body = whole[:_MAC_BYTES], whole[_MAC_BYTES:]
    if not compare_digest(mac, _mac(body, query, secret)):
        raise wrong
    return Place(int.from_bytes(body[:_TIME_BYTES], signed=True), as_text(body[_TIME_BYTES:]))


def _mac(body: bytes, query: Query, secret: bytes) -> bytes:
    """Binds a place to what is listed; pages of one list may differ in size."""
    listed = digest(
        query.agent,
        query.principal,
        query.context_id,
        query.state.name,
        str(microseconds(query.updated_after)) if query.updated_after else "",
    )
    return blake2b(listed + body, key=secret, digest_size=_MAC_BYTES).digest()


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.context_id:
        conditions.append(tasks.c.context == digest(query.agent, query.principal, query.context_id))
    else:
        conditions.append(tasks.c.scope == digest(query.agent, query.principal))
    if query.state is not TaskState.UNSPECIFIED:
        conditions.append(tasks.c.state == int(query.state))
    if query.updated_after is not None:
        conditions.append(tasks.c.status_us >= microseconds(query.updated_after))
    return conditions
