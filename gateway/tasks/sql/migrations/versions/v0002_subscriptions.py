"""Webhooks of relayed tasks, and what their agents have told."""

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade(operations: Operations) -> None:
    operations.create_table(
        "a2a_subscriptions",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("task", sa.LargeBinary, nullable=False),
        sa.Column("task_id", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("config", sa.LargeBinary, nullable=False),
        sa.Column("is_owed", sa.Boolean, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("last", sa.LargeBinary, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("held_until_us", sa.BigInteger, nullable=False),
        sa.Column("expires_us", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    operations.create_index("ix_a2a_subscriptions_task", "a2a_subscriptions", ["task"])
    operations.create_index("ix_a2a_subscriptions_expires_us", "a2a_subscriptions", ["expires_us"])
    held = sa.text("holder != ''")
    operations.create_index(
        "a2a_subscriptions_held", "a2a_subscriptions", ["holder"], sqlite_where=held, postgresql_where=held
    )
    operations.create_table(
        "a2a_arrivals",
        sa.Column(
            "subscription_id", sa.Text, sa.ForeignKey("a2a_subscriptions.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("response", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
