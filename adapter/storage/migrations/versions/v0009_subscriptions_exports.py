"""Who wants to be told of what, what they are to be told and were told; and what was asked for in bulk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
UNDERWAY = "underway <> 0"
serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "subscription",
        sa.Column("tenant", key, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("status", key, nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="subscription_key"),
        sa.Index("subscription_of_type", "tenant", "type", "status"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subscription_standing",
        sa.Column("tenant", key, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("underway", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reached", sa.BigInteger()),
        sa.Column("due", sa.BigInteger()),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name="subscription_standing_key"),
        sa.Index("subscription_standing_due", "due"),
        sa.Index(
            "subscription_standing_underway", "tenant", "id", sqlite_where=sa.text(UNDERWAY), postgresql_where=sa.text(UNDERWAY)
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subscription_event",
        sa.Column("tenant", key, nullable=False),
        sa.Column("subscription", key, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("moment", sa.BigInteger(), nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "subscription", "number", name="subscription_event_key"),
        sa.Index("subscription_event_about", "tenant", "id", "type"),
        sa.Index("subscription_event_oldest", "moment"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "subscription_attempt",
        sa.Column("position", serial, primary_key=True),
        sa.Column("tenant", key, nullable=False),
        sa.Column("subscription", key, nullable=False),
        sa.Column("moment", sa.BigInteger(), nullable=False),
        sa.Column("kind", key, nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("outcome", key, nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Index("subscription_attempt_of", "tenant", "subscription", "position"),
        sa.Index("subscription_attempt_oldest", "moment"),
    )
    op.create_table(
        "change",
        sa.Column("position", serial, primary_key=True),
        sa.Column("tenant", key, nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("moment", sa.BigInteger(), nullable=False),
        sa.Column("cause", key, nullable=False),
        sa.Index("change_of", "tenant", "id", "type"),
    )
    op.create_table(
        "export",
        sa.Column("id", key, nullable=False),
        sa.Column("tenant", key, nullable=False),
        sa.Column("mark", key, nullable=False),
        sa.Column("state", key, nullable=False),
        sa.Column("asked", sa.LargeBinary(), nullable=False),
        sa.Column("requested", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger()),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="export_key"),
        sa.Index("export_by_state", "state", "requested"),
        sa.Index("export_of_tenant", "tenant", "requested"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "export_file",
        sa.Column("export", key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("tenant", key, nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("resources", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("export", "number", name="export_file_key"),
    )
