"""What is stuck is found without reading what is not, and so is what a message or a request led to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OPEN_MESSAGE = "state IN ('received', 'parked', 'quarantined')"
WAITING = "state = 'waiting'"
LEFT_OPEN = "state IN ('unanswered', 'dead')"
TO_PARTNERS = "kind IN ('share', 'change', 'notice')"


def upgrade() -> None:
    op.drop_index("outbox_waiting", "outbox")
    for name, table, columns, where in (
        ("message_open", "message", ["hub", "state", "dismissed", "received"], OPEN_MESSAGE),
        ("outbox_waiting", "outbox", ["hub", "position", "next_attempt", "key", "state"], WAITING),
        ("outbox_left_open", "outbox", ["hub", "state", "position"], LEFT_OPEN),
        ("outbox_of_cause", "outbox", ["cause", "position"], TO_PARTNERS),
    ):
        op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
