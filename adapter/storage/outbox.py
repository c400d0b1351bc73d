"""The outbox: what is to be sent, in the bytes that will be sent, until it is sent or given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, exists, func, insert, or_, select, update

from adapter.ports import Outgoing
from adapter.storage.rows import OUTGOING, Part, to_outgoing, values
from adapter.storage.tables import outbox

COLUMNS = [outbox.c[name] for name in OUTGOING]
STATES = ("waiting", "unanswered", "sent", "dead")


class Outbox(Part):
    def enqueue(self, row: Outgoing) -> None:
        self.connection.execute(insert(outbox), values(row))

    def outgoing(self, id: str) -> Outgoing | None:
        return next(iter(self._rows_of(outbox.c.id == id)), None)

    def outgoing_for(self, message_id: str) -> list[Outgoing]:
        return self._rows_of(outbox.c.message_id == message_id)

    def sent_with(self, msg_id: str) -> list[Outgoing]:
        return self._rows_of(outbox.c.kind == "message", outbox.c.msg_id == msg_id)

    def unanswered(self, limit: int) -> list[Outgoing]:
        return self._rows_of(outbox.c.state == "unanswered", limit=limit)

    def change_outgoing(self, row: Outgoing) -> None:
        self.connection.execute(update(outbox).where(outbox.c.id == row.id), values(row))

    def count_outgoing(self) -> dict[str, int]:
        rows = self.connection.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state))
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in rows}

    def _rows_of(self, *wanted: ColumnElement[bool], limit: int | None = None) -> list[Outgoing]:
        rows = self.connection.execute(select(*COLUMNS).where(*wanted).order_by(outbox.c.position).limit(limit))
        return [to_outgoing(row) for row in rows]


def claim(connection: Connection, now: datetime, lease: float, limit: int, hubs: Sequence[str]) -> list[Outgoing]:
    """Take the due head rows of their keys. On PostgreSQL rows that another claimer holds are passed over.

    A row that waits blocks the later ones of its key, also while it is held or put off; a sent or dead one does not.
    """
    earlier = outbox.alias()
    blocked = exists().where(earlier.c.key == outbox.c.key, earlier.c.state == "waiting", earlier.c.position < outbox.c.position)
    due = (
        outbox.c.state == "waiting",
        outbox.c.hub.in_(hubs),
        or_(outbox.c.next_attempt.is_(None), outbox.c.next_attempt <= now),
        ~blocked,
    )
    heads = select(outbox.c.position, *COLUMNS).where(*due).order_by(outbox.c.position).limit(limit)
    rows = connection.execute(heads.with_for_update(skip_locked=True)).all()
    if not rows:
        return []
    until = now + timedelta(seconds=lease)
    taken = update(outbox).where(outbox.c.position.in_([row[0] for row in rows]))
    connection.execute(taken.values(attempts=outbox.c.attempts + 1, next_attempt=until))
    claimed = (Outgoing(*row[1:]) for row in rows)
    return [replace(row, attempts=row.attempts + 1, next_attempt=until) for row in claimed]
