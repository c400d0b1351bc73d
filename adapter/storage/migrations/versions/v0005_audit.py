"""Who saw and did what, in one chain; what of it is not there yet; and the proofs of possession that are spent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("position", serial, nullable=False, autoincrement=False),
        sa.Column("id", key, nullable=False),
        sa.Column("moment", sa.BigInteger(), nullable=False),
        sa.Column("tenant", key, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "audit_about",
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("tenant", key, nullable=False),
        sa.Column("patient", key, nullable=False),
        sa.PrimaryKeyConstraint("position", "patient", name="audit_about_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("audit_of_patient", "audit_about", ["tenant", "patient", "position"])
    op.create_table(
        "audit_awaiting",
        sa.Column("id", key, nullable=False),
        sa.Column("tenant", key, nullable=False),
        sa.Column("moment", sa.BigInteger(), nullable=False),
        sa.Column("about", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", "tenant", name="audit_awaiting_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("audit_awaiting_oldest", "audit_awaiting", ["moment"])
    op.create_table(
        "proof",
        sa.Column("hash", key, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_with_rowid=False,
    )
    op.create_index("proof_until", "proof", ["until"])
