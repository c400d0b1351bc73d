"""Whose record each version of a resource and each message is. Of what is there, `reindex` finds it out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    for table in ("message", "resource", "resource_version"):  # with a default neither engine writes the rows anew
        op.add_column(table, sa.Column("patient", key, nullable=False, server_default=sa.text("''")))
    op.create_index("resource_of_patient", "resource", ["tenant", "patient", "type", "id"])
