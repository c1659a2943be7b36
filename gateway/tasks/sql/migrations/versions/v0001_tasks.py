"""Tasks as snapshots and events, gateways with leases, commands and hooks."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade(operations: Operations) -> None:
    text_id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

    operations.create_table(
        "a2a_store",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
    )
    operations.create_table(
        "a2a_gateways",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("alive_until_us", sa.BigInteger, nullable=False),
    )
    operations.create_table(
        "a2a_tasks",
        sa.Column("id", text_id, primary_key=True),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("principal", sa.LargeBinary, nullable=False),
        sa.Column("scope", sa.LargeBinary, nullable=False),
        sa.Column("context", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("status_us", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("snapshot_seq", sa.BigInteger, nullable=False),
        sa.Column("snapshot_bytes", sa.BigInteger, nullable=False),
        sa.Column("pending_bytes", sa.BigInteger, nullable=False),
        sa.Column("spare", sa.BigInteger, nullable=False),
        sa.Column("oldest_us", sa.BigInteger, nullable=False),
        # Every append changes the row; where its page has room, no index is touched.
        postgresql_with={"fillfactor": 50},
    )
    for name, first in (("a2a_tasks_of_caller", "scope"), ("a2a_tasks_of_context", "context")):
        operations.create_index(name, "a2a_tasks", [first, sa.text("status_us DESC"), "id", "state"])
    operations.create_index("a2a_tasks_in_state", "a2a_tasks", ["state", "status_us"])
    for name, column, condition in (
        ("a2a_tasks_owned", "owner", sa.text("owner != ''")),
        ("a2a_tasks_prunable", "oldest_us", sa.text("spare > 0")),
    ):
        operations.create_index(name, "a2a_tasks", [column], sqlite_where=condition, postgresql_where=condition)
    operations.create_table(
        "a2a_snapshots",
        sa.Column("task_id", text_id, sa.ForeignKey("a2a_tasks.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("task", sa.LargeBinary, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
    )
    operations.create_table(
        "a2a_events",
        sa.Column("task_id", text_id, primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("written_us", sa.BigInteger, nullable=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    operations.create_table(
        "a2a_commands",
        sa.Column("id", number, primary_key=True),
        sa.Column("task_id", text_id, sa.ForeignKey("a2a_tasks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=True),
        sqlite_autoincrement=True,
    )
    operations.create_index("ix_a2a_commands_task_id", "a2a_commands", ["task_id"])
    operations.create_table(
        "a2a_hooks",
        sa.Column("number", number, primary_key=True),
        sa.Column("task_id", text_id, sa.ForeignKey("a2a_tasks.id", ondelete="CASCADE"), nullable=False),
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("config", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("task_id", "key", name="a2a_hooks_key"),
        sqlite_autoincrement=True,
    )
