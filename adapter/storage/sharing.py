"""What other FHIR servers have of ours, what is remembered of them, and what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Table, TextClause, delete, insert, literal, select, text, tuple_, update

from adapter.ports import PartnerState, Shared, Trouble
from adapter.storage.rows import NAMES, Part, values
from adapter.storage.tables import OPEN, partner, shared, trouble

SHARED = select(*(shared.c[name] for name in NAMES[Shared]))
TROUBLE = select(*(trouble.c[name] for name in NAMES[Trouble]))
STATE = select(*(partner.c[name] for name in NAMES[PartnerState]))
PLACE = (shared.c.tenant, shared.c.type, shared.c.id)
IS_OPEN = text(f"trouble.{OPEN}")  # in the words of the partial indexes, or SQLite does not use them


class Sharing(Part):
    def shared(self, tenant: str, type: str, id: str) -> list[Shared]:
        ours = (shared.c.tenant == tenant, shared.c.type == type, shared.c.id == id)
        return self._shared_of(*ours)

    def shared_there(self, partner: str, type: str, remote: str) -> list[Shared]:
        """Nothing is found by the empty id, which is only that of what is not there yet."""
        there = (shared.c.partner == partner, shared.c.type == type, shared.c.remote == remote)
        return self._shared_of(*there) if remote else []

    def shared_with(self, partner: str, after: str, limit: int) -> list[Shared]:
        wanted: list[ColumnElement[bool]] = [shared.c.partner == partner]
        if after:
            wanted.append(tuple_(*PLACE) > tuple_(*(literal(part) for part in after.split(" "))))
        return self._shared_of(*wanted, limit=limit)

    def keep_shared(self, shared: Shared) -> None:
        self._keep(_shared, shared, "tenant", "type", "id", "partner")

    def drop_shared(self, shared: Shared) -> None:
        own = [_shared.c[name] == getattr(shared, name) for name in ("tenant", "type", "id", "partner")]
        self.connection.execute(delete(_shared).where(*own))

    def partner_state(self, name: str) -> PartnerState:
        row = self.connection.execute(STATE.where(partner.c.name == name)).first()
        return PartnerState(*row) if row else PartnerState(name)

    def keep_partner_state(self, state: PartnerState) -> None:
        self._keep(partner, state, "name")

    def raise_trouble(self, trouble: Trouble) -> bool:
        same = [_trouble.c[name] == getattr(trouble, name) for name in ("tenant", "about", "partner", "kind")]
        words = {"en": trouble.en, "nb": trouble.nb, "detail": trouble.detail}
        if self.connection.execute(update(_trouble).where(IS_OPEN, *same), words).rowcount:
            return False
        self.connection.execute(insert(_trouble), values(trouble))
        return True

    def settle(self, tenant: str, about: str, now: datetime, *, kind: str = "", partner: str = "") -> int:
        named = {"tenant": tenant, "about": about} | ({"kind": kind} if kind else {}) | ({"partner": partner} if partner else {})
        wanted = [trouble.c[name] == value for name, value in named.items()]
        return self.connection.execute(update(trouble).where(IS_OPEN, *wanted), {"settled": now}).rowcount

    def troubles(self, tenants: Sequence[str], about: Sequence[str] = (), limit: int = 100) -> list[Trouble]:
        wanted: list[ColumnElement[bool] | TextClause] = [IS_OPEN, trouble.c.tenant.in_(tenants)]
        if about:
            wanted.append(trouble.c.about.in_(about))
        rows = self.connection.execute(TROUBLE.where(*wanted).order_by(trouble.c.since, trouble.c.position).limit(limit))
        return [Trouble(*row) for row in rows]

    def _shared_of(self, *wanted: ColumnElement[bool], limit: int | None = None) -> list[Shared]:
        rows = self.connection.execute(SHARED.where(*wanted).order_by(*PLACE, shared.c.partner).limit(limit))
        return [Shared(*row) for row in rows]

    def _keep(self, table: Table, thing: Shared | PartnerState, *key: str) -> None:
        """Over the row of the same key, else as a new one. Two units that make it at once: one is overtaken."""
        new = values(thing)
        same = [table.c[name] == new[name] for name in key]
        if not self.connection.execute(update(table).where(*same), new).rowcount:
            self.connection.execute(insert(table), new)


_shared, _trouble = shared, trouble  # where an argument has the table's name
