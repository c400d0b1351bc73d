"""One index table for every search parameter. What was found by before is found again by `adapter.storage.reindex`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
found_by = ("tenant", "type", "parameter")


def upgrade() -> None:
    op.drop_table("resource_identifier")
    op.drop_index("resource_by_patient", "resource")
    with op.batch_alter_table("resource", table_kwargs={"sqlite_with_rowid": False}) as batch:
        batch.drop_column("patient")
    op.create_table(
        "resource_index",
        sa.Column("tenant", key, nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("parameter", key, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("system", key, nullable=False),
        sa.Column("value", key, nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=True),
        sa.Column("high", sa.BigInteger(), nullable=True),
        sa.Column("status", key, nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", "type", "parameter", "position", name="resource_index_key"),
        sqlite_with_rowid=False,
    )
    for name, where, columns in (
        ("resource_index_value", "low IS NULL", ("value", "status", "updated", "id", "system", "low")),
        ("resource_index_low", "low IS NOT NULL", ("low", "id", "status", "updated", "high")),
        ("resource_index_high", "low IS NOT NULL", ("high", "id", "status", "updated", "low")),
    ):
        only = sa.text(where)
        op.create_index(name, "resource_index", [*found_by, *columns], sqlite_where=only, postgresql_where=only)
    op.create_index("resource_version_newest", "resource_version", ["tenant", "type", "updated", "id", "version"])
