"""The tables of the store as its statements see them. What makes them is `migrations/`.

Texts of callers may hold anything and be of any length, so they are kept as bytes and compared by
digest. Ids of tasks are made by gateways; what cannot be one is not asked for (`is_storable`).
"""

from hashlib import blake2b

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

MAX_ID_BYTES = 1000
"""Of a task's id: both databases index it whole, and PostgreSQL's indexes take 2,704 bytes."""

# Bytes have the same order everywhere; a collation has that of the operating system.
_Id = Text().with_variant(Text(collation="C"), "postgresql")
_Number = BigInteger().with_variant(Integer(), "sqlite")

metadata = MetaData()

store = Table(
    "a2a_store",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

gateways = Table(
    "a2a_gateways",
    metadata,
    Column("name", Text, primary_key=True),
    Column("alive_until_us", BigInteger, nullable=False),
)

tasks = Table(
    "a2a_tasks",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("agent", Text, nullable=False),
    Column("principal", LargeBinary, nullable=False),
    # Digests of (agent, principal) and of (agent, principal, context id).
    Column("scope", LargeBinary, nullable=False),
    Column("context", LargeBinary, nullable=False),
    Column("state", Integer, nullable=False),
    Column("status_us", BigInteger, nullable=False),
    Column("owner", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("snapshot_seq", BigInteger, nullable=False),
    Column("snapshot_bytes", BigInteger, nullable=False),
    # Of the events that are not in the snapshot.
    Column("pending_bytes", BigInteger, nullable=False),
    # How many events are kept that the snapshot holds, and when the oldest was written.
    Column("spare", BigInteger, nullable=False),
    Column("oldest_us", BigInteger, nullable=False),
)

# State comes last, so that counting and filtering never leave the index.
Index("a2a_tasks_of_caller", tasks.c.scope, tasks.c.status_us.desc(), tasks.c.id, tasks.c.state)
Index("a2a_tasks_of_context", tasks.c.context, tasks.c.status_us.desc(), tasks.c.id, tasks.c.state)
Index("a2a_tasks_in_state", tasks.c.state, tasks.c.status_us)
_owned = tasks.c.owner != ""
Index("a2a_tasks_owned", tasks.c.owner, sqlite_where=_owned, postgresql_where=_owned)
_prunable = tasks.c.spare > 0
Index("a2a_tasks_prunable", tasks.c.oldest_us, sqlite_where=_prunable, postgresql_where=_prunable)

# A table of its own: SQLite writes a row whole, and every append changes the row of its task.
snapshots = Table(
    "a2a_snapshots",
    metadata,
    Column("task_id", _Id, ForeignKey(tasks.c.id, ondelete="CASCADE"), primary_key=True),
    Column("task", LargeBinary, nullable=False),
    Column("request", LargeBinary, nullable=False),
)

# No foreign key: PostgreSQL would look the task up once for every event, and `append` has locked it.
events = Table(
    "a2a_events",
    metadata,
    Column("task_id", _Id, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("written_us", BigInteger, nullable=False),
    Column("response", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

commands = Table(
    "a2a_commands",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("task_id", _Id, ForeignKey(tasks.c.id, ondelete="CASCADE"), nullable=False, index=True),
    Column("message", LargeBinary, nullable=True),
    sqlite_autoincrement=True,
)

hooks = Table(
    "a2a_hooks",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("task_id", _Id, ForeignKey(tasks.c.id, ondelete="CASCADE"), nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("version", Text, nullable=False),
    Column("config", LargeBinary, nullable=False),
    UniqueConstraint("task_id", "key", name="a2a_hooks_key"),
    sqlite_autoincrement=True,
)

# Webhooks of tasks that are not in the store: their ids are the agents' and may hold anything.
subscriptions = Table(
    "a2a_subscriptions",
    metadata,
    Column("number", _Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("agent", Text, nullable=False),
    # Digest of (agent, task id), empty while the task is not known.
    Column("task", LargeBinary, nullable=False, index=True),
    Column("task_id", LargeBinary, nullable=False),
    Column("version", Text, nullable=False),
    Column("config", LargeBinary, nullable=False),
    Column("is_owed", Boolean, nullable=False),
    # Of the last arrival: its number, and what it is recognised by if it comes again.
    Column("seq", BigInteger, nullable=False),
    Column("last", LargeBinary, nullable=False),
    # The gateway that delivers, empty where nothing waits.
    Column("holder", Text, nullable=False),
    Column("held_until_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False, index=True),
    sqlite_autoincrement=True,
)
_held = subscriptions.c.holder != ""
Index("a2a_subscriptions_held", subscriptions.c.holder, sqlite_where=_held, postgresql_where=_held)

# What agents have told and webhooks have not taken yet.
arrivals = Table(
    "a2a_arrivals",
    metadata,
    Column("subscription_id", Text, ForeignKey(subscriptions.c.id, ondelete="CASCADE"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("response", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)


def is_storable(task_id: str) -> bool:
    """Whether there can be a task of this id: text of PostgreSQL holds no NUL and no half surrogate pair."""
    try:
        return 0 < len(task_id) <= MAX_ID_BYTES >= len(task_id.encode()) and "\0" not in task_id
    except UnicodeEncodeError:
        return False


def as_bytes(text: str) -> bytes:
    """Any text, even one with half a surrogate pair."""
    return text.encode("utf-8", "surrogatepass")


def as_text(stored: bytes) -> str:
    return stored.decode("utf-8", "surrogatepass")


def digest(*texts: str) -> bytes:
    """16 bytes that stand for these texts in this order."""
    whole = blake2b(digest_size=16)
    for text in texts:
        piece = as_bytes(text)
        whole.update(len(piece).to_bytes(8) + piece)
    return whole.digest()
