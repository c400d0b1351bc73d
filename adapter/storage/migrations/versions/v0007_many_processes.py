"""Which processes there are, what each has in hand of a hub's, and what caused a row of the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "process",
        sa.Column("id", key, nullable=False),
        sa.Column("roles", key, nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "in_hand",
        sa.Column("hub", key, nullable=False),
        sa.Column("name", key, nullable=False),
        sa.Column("process", key, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hub", "name", name="in_hand_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("in_hand_of_process", "in_hand", ["process"])
    op.add_column("outbox", sa.Column("cause", key, nullable=False, server_default=sa.text("''")))
