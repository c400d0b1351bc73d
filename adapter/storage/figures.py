"""What is counted for whoever watches over the service: what waits, since when, and who works on it.

What is stuck is read by partial indexes, which hold nothing else, the oldest of each queue by one look: a million rows that
are done cost nothing. PostgreSQL's wiki, "Loose indexscan", has the way that the names of the queues are found.
"""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from adapter.domain.identity import BASE
from adapter.ports import PartnerState, Process, Queue
from adapter.storage import schema
from adapter.storage.following import NAME
from adapter.storage.rows import NAMES, Part
from adapter.storage.tables import LEFT_OPEN, OPEN, OPEN_MESSAGE, WAITING, key, moment, partner, process

COUNTED: Final = {
    "waiting": ("outbox", WAITING),
    "unanswered": ("outbox", LEFT_OPEN),
    "dead": ("outbox", LEFT_OPEN),
    "received": ("message", OPEN_MESSAGE),
    "parked": ("message", OPEN_MESSAGE),
    "quarantined": ("message", OPEN_MESSAGE),
}
"""By state: its table, and the condition of the index that has it."""

TASKS: Final = (
    "SELECT s.value, k.value, count(*) FROM resource_index s JOIN resource_index k"
    " ON k.tenant = s.tenant AND k.type = s.type AND k.id = s.id AND k.parameter = 'code' AND k.system IN (?, ?)"
    " WHERE s.low IS NULL AND s.tenant = ? AND s.type = 'Task' AND s.parameter = 'business-status' AND s.value = ?"
    " AND s.system = ? AND s.status NOT IN ('completed', 'cancelled', 'entered-in-error') GROUP BY s.value, k.value"
)
CODES: Final = (f"{BASE}/CodeSystem/pathway-task", f"{BASE}/CodeSystem/coordination-task")
STANDING: Final = f"{BASE}/CodeSystem/business-status"
STATES: Final = select(*(partner.c[name] for name in NAMES[PartnerState])).order_by(partner.c.name)
PROCESSES: Final = select(*(process.c[name] for name in Process._fields)).order_by(process.c.started, process.c.id)
SIZE: Final = {
    True: "SELECT pg_database_size(current_database())",
    False: "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
}


class Figures(Part):
    def queues(self, state: str) -> list[Queue]:
        table, where = COUNTED[state]
        hubs = (
            f"WITH RECURSIVE hubs(hub) AS (SELECT min(hub) FROM {table} WHERE {where} UNION ALL"
            f" SELECT (SELECT min(hub) FROM {table} WHERE {where} AND {table}.hub > hubs.hub) FROM hubs WHERE hub IS NOT NULL)"
            f" SELECT hub FROM hubs WHERE hub IS NOT NULL AND hub <> '{NAME}'"
        )
        since, order, undismissed = (
            ("received", "received", "AND dismissed = ?") if table == "message" else ("created", "position", "")
        )
        oldest = f"SELECT {since} FROM {table} WHERE {where} AND hub = ? AND state = ? {undismissed} ORDER BY {order} LIMIT 1"
        shown = [False] if undismissed else []
        found = [(hub, self.ask(oldest, (hub, state, *shown))) for (hub,) in self.ask(hubs, ())]
        return [Queue(hub, state, moment(rows[0][0])) for hub, rows in found if rows]

    def lengths(self, state: str) -> dict[str, int]:
        """The state is asked for where the index has it: of what waits it has no other."""
        table, where = COUNTED[state]
        narrowed = "" if where == WAITING else "AND state = ? AND dismissed = ?" if table == "message" else "AND state = ?"
        said = (state, False)[: narrowed.count("?")]
        rows = self.ask(f"SELECT hub, count(*) FROM {table} WHERE {where} {narrowed} GROUP BY hub", said)
        return {hub: int(count) for hub, count in rows if hub != NAME}

    def received_at(self, ids: Sequence[str]) -> dict[str, datetime]:
        marks = ", ".join("?" * len(ids))
        rows = self.ask(f"SELECT id, received FROM message WHERE id IN ({marks})", [key(id) for id in ids])
        return {id: moment(received) for id, received in rows}

    def open_troubles(self) -> dict[tuple[str, str], int]:
        rows = self.ask(f"SELECT partner, kind, count(*) FROM trouble WHERE {OPEN} GROUP BY partner, kind", ())
        return {(partner, kind): int(count) for partner, kind, count in rows}

    def partner_states(self) -> list[PartnerState]:
        return [PartnerState(*row) for row in self.connection.execute(STATES)]

    def processes(self) -> list[Process]:
        return [Process(*row) for row in self.connection.execute(PROCESSES)]

    def audit_waits(self) -> tuple[int, datetime | None]:
        [(count, first)] = self.ask("SELECT count(*), min(moment) FROM audit_awaiting", ())
        return int(count), None if first is None else moment(first)

    def size(self) -> int:
        return int(self.ask(SIZE[self.postgresql], ())[0][0])

    def schema(self) -> str:
        return schema.version(self.connection) or ""

    def standing_tasks(self, tenants: Sequence[str], standing: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for tenant in tenants:
            for _, kind, count in self.ask(TASKS, (*CODES, key(tenant), standing, STANDING)):
                found[kind] = found.get(kind, 0) + int(count)
        return found
