"""What partners have of ours, what is remembered of them, what waits for a person; and the outbox leads to partners too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

WAITING = "state = 'waiting'"
TO_PARTNERS = "kind IN ('share', 'change', 'notice')"
OPEN = "settled IS NULL"


def upgrade() -> None:
    _outbox()
    op.create_table(
        "shared",
        sa.Column("tenant", key, nullable=False),
        sa.Column("type", key, nullable=False),
        sa.Column("id", key, nullable=False),
        sa.Column("partner", key, nullable=False),
        sa.Column("home", sa.Boolean(), nullable=False),
        sa.Column("remote", key, nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "type", "id", "partner", name="shared_key"),
    )
    op.create_index("shared_there", "shared", ["partner", "type", "remote"])
    op.create_index("shared_with", "shared", ["partner", "tenant", "type", "id"])
    op.create_table(
        "partner",
        sa.Column("name", key, nullable=False),
        sa.Column("mode", key, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.BigInteger()) for name in ("open_until", "failing_since", "reached", "heard", "compared")),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "trouble",
        sa.Column("position", serial, nullable=False),
        *(sa.Column(name, key, nullable=False) for name in ("tenant", "partner", "about", "kind")),
        sa.Column("en", sa.Text(), nullable=False),
        sa.Column("nb", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("position"),
    )
    _index("trouble_open", "trouble", OPEN, "tenant", "about", "partner", "kind", unique=True)
    _index("trouble_oldest", "trouble", OPEN, "tenant", "since", "position")


def _outbox() -> None:
    with op.batch_alter_table("outbox") as batch:
        batch.add_column(sa.Column("about", key, nullable=True))
        batch.add_column(sa.Column("earlier", key, nullable=True))
        batch.add_column(sa.Column("outcome", sa.LargeBinary(), nullable=True))
    outbox = sa.table("outbox", sa.column("about"), sa.column("earlier"), sa.column("outcome", sa.LargeBinary()))
    op.execute(sa.update(outbox).values(about="", earlier="", outcome=b""))
    op.drop_index("outbox_order_of_key", "outbox")
    with op.batch_alter_table("outbox") as batch:
        for name in ("about", "earlier", "outcome"):
            batch.alter_column(name, nullable=False)
    _index("outbox_waiting", "outbox", WAITING, "hub", "position", "next_attempt", "key")
    _index("outbox_waiting_of_key", "outbox", WAITING, "key", "position")
    _index("outbox_about", "outbox", TO_PARTNERS, "about", "position")
    _index("outbox_of_tenant", "outbox", TO_PARTNERS, "tenant", "position")
    _index("outbox_by_partner", "outbox", TO_PARTNERS, "tenant", "hub", "position")
    _index("outbox_by_state", "outbox", TO_PARTNERS, "tenant", "state", "position", "hub")


def _index(name: str, table: str, where: str, *columns: str, unique: bool = False) -> None:
    only = sa.text(where)
    op.create_index(name, table, list(columns), unique=unique, sqlite_where=only, postgresql_where=only)
