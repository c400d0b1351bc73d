"""The outbox: what is to be sent, in the bytes that will be sent, until it is sent or given up."""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    TextClause,
    bindparam,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from adapter.ports import Outgoing
from adapter.storage.blocking import Blocking
from adapter.storage.rows import OUTGOING, Columns, given, insertion, keeping, to_outgoing
from adapter.storage.tables import TO_PARTNERS, WAITING, key, micros, outbox

COLUMNS = [outbox.c[name] for name in OUTGOING]
ENQUEUE, keep, told = insertion(outbox, names=OUTGOING), keeping(outbox, OUTGOING), given(outbox, OUTGOING)
FIND = f"SELECT {', '.join(OUTGOING)} FROM outbox WHERE"
CHANGE = "UPDATE outbox SET state = ?, attempts = ?, next_attempt = ?, error = ?, hub_id = ?, answer = ?, outcome = ? WHERE id = ?"
STATES = ("waiting", "unanswered", "sent", "dead", "dismissed")
# In the words of the partial indexes (`adapter.storage.tables`): SQLite would not see it of a value given beside the question.
IS_WAITING, IS_TO_PARTNERS = text(f"outbox.{WAITING}"), text(f"outbox.{TO_PARTNERS}")


def _heads() -> Select[*Columns]:
    """The due head rows of their keys. A row that waits blocks the later ones of its key; any other does not."""
    earlier = outbox.alias("earlier")
    blocked = exists().where(earlier.c.key == outbox.c.key, text(f"earlier.{WAITING}"), earlier.c.position < outbox.c.position)
    put_off = outbox.c.next_attempt
    due = or_(put_off.is_(None), put_off <= bindparam("now"), put_off > bindparam("never"))
    rows = select(outbox.c.position, *COLUMNS).where(IS_WAITING, outbox.c.hub.in_(bindparam("hubs", expanding=True)), due, ~blocked)
    return rows.order_by(outbox.c.position).limit(bindparam("most", type_=Integer)).with_for_update(skip_locked=True)


LONGEST = timedelta(hours=48)
"""No row is put off or held for so long: one that is, was by a clock that stood wrong, and would wait until that time came."""

# Made once: to put one together takes longer than to ask it, and they are asked several times a second where nothing happens.
HEADS = _heads()
HEADS_BUT = HEADS.where(outbox.c.receiver.not_in(bindparam("over", expanding=True)))
WAITING_ABOUT = (
    select(*COLUMNS)
    .where(IS_TO_PARTNERS, IS_WAITING, outbox.c.about == bindparam("about"), outbox.c.hub == bindparam("hub"))
    .order_by(outbox.c.position)
)


class Outbox(Blocking):
    def enqueue(self, row: Outgoing) -> None:
        self.woken.add(row.hub)
        self.tell(ENQUEUE, [keep(row)])

    def outgoing(self, id: str) -> Outgoing | None:
        return next(iter(self._shown(self._named("id = ?", id))), None)

    def outgoing_for(self, message_id: str) -> list[Outgoing]:
        return self._shown(self._named("message_id = ? ORDER BY position", message_id))

    def _named(self, where: str, value: str) -> list[Outgoing]:
        return [Outgoing(*told(row)) for row in self.ask(f"{FIND} {where}", (key(value),))]

    def _shown(self, rows: list[Outgoing]) -> list[Outgoing]:
        """Those about nobody who is hidden, be it by their resource or by their message."""
        return [row for row in rows if self.is_shown(row.tenant, row.about) and self.is_shown_message(row.tenant, row.message_id)]

    def sent_with(self, msg_id: str) -> list[Outgoing]:
        return self._rows_of(outbox.c.kind == "message", outbox.c.msg_id == msg_id)

    def unanswered(self, limit: int) -> list[Outgoing]:
        return self._rows_of(outbox.c.state == "unanswered", limit=limit)

    def change_outgoing(self, row: Outgoing) -> None:
        hub_id, answer = (None if one is None else key(one) for one in (row.hub_id, row.answer))
        due = None if row.next_attempt is None else micros(row.next_attempt)
        self.tell(CHANGE, [(key(row.state), row.attempts, due, row.error, hub_id, answer, row.outcome, key(row.id))])

    def count_outgoing(self) -> dict[str, int]:
        rows = self.connection.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state))
        return dict.fromkeys(STATES, 0) | {row[0]: row[1] for row in rows}

    def hurry(self, hub: str, after: datetime) -> int:
        put_off = (IS_WAITING, outbox.c.hub == hub, outbox.c.next_attempt > after)
        return self.connection.execute(update(outbox).where(*put_off), {"next_attempt": None}).rowcount

    def waiting_about(self, about: str, hub: str) -> list[Outgoing]:
        return [to_outgoing(row) for row in self.connection.execute(WAITING_ABOUT, {"about": about, "hub": hub})]

    def deliveries(
        self,
        tenants: Sequence[str],
        *,
        hub: str = "",
        state: str = "",
        about: str = "",
        cause: str = "",
        after: str = "",
        limit: int = 50,
    ) -> list[Outgoing]:
        """Each tenant is asked for by itself: among several at once no index has the newest first."""
        wanted: list[ColumnElement[bool] | TextClause] = [IS_TO_PARTNERS]
        asked = {"hub": hub, "state": state, "about": about, "cause": cause}
        wanted += [outbox.c[name] == value for name, value in asked.items() if value]
        if after:
            last = outbox.alias()
            wanted.append(outbox.c.position < select(last.c.position).where(last.c.id == after).scalar_subquery())
        newest = select(outbox.c.position, *COLUMNS).order_by(outbox.c.position.desc()).limit(limit)
        found = [
            row
            for tenant in tenants
            for row in self.connection.execute(
                newest.where(outbox.c.tenant == tenant, *wanted, *self.about_shown("outbox", [tenant]))
            ).all()
        ]
        return [Outgoing(*row[1:]) for row in sorted(found, key=lambda row: -row[0])[:limit]]

    def count_deliveries(self, tenants: Sequence[str]) -> dict[tuple[str, str], int]:
        counted: list[ColumnElement[bool] | TextClause] = [IS_TO_PARTNERS, outbox.c.tenant.in_(tenants)]
        counted += [outbox.c.state.in_(["waiting", "dead"]), *self.about_shown("outbox", tenants)]
        grouped = (outbox.c.hub, outbox.c.state)
        rows = self.connection.execute(select(*grouped, func.count()).where(*counted).group_by(*grouped))
        return {(hub, state): number for hub, state, number in rows}

    def _rows_of(self, *wanted: ColumnElement[bool] | TextClause, limit: int | None = None) -> list[Outgoing]:
        rows = self.connection.execute(select(*COLUMNS).where(*wanted).order_by(outbox.c.position).limit(limit))
        return [to_outgoing(row) for row in rows]


def claim(
    connection: Connection, now: datetime, lease: float, limit: int, hubs: Sequence[str], passed_over: Sequence[str] = ()
) -> list[Outgoing]:
    """Take the due head rows of their keys. On PostgreSQL rows that another claimer holds are passed over.

    A row that waits blocks the later ones of its key, also while it is held or put off; any other does not.
    """
    asked = {"now": now, "never": now + LONGEST, "hubs": list(hubs), "most": limit}
    if passed_over:
        rows = connection.execute(HEADS_BUT, {**asked, "over": list(passed_over)}).all()
    else:
        rows = connection.execute(HEADS, asked).all()
    if not rows:
        return []
    until = now + timedelta(seconds=lease)
    taken = update(outbox).where(outbox.c.position.in_([row[0] for row in rows]))
    connection.execute(taken.values(attempts=outbox.c.attempts + 1, next_attempt=until))
    claimed = (Outgoing(*row[1:]) for row in rows)
    return [replace(row, attempts=row.attempts + 1, next_attempt=until) for row in claimed]
