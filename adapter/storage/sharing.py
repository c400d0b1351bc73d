"""What other FHIR servers have of ours, what is remembered of them, and what waits for a person."""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, TextClause, bindparam, delete, func, insert, select, text, update

from adapter.ports import PartnerState, Shared, Trouble
from adapter.storage.blocking import Blocking
from adapter.storage.rows import NAMES, Columns, insertion, values
from adapter.storage.tables import OPEN, key, micros, partner, shared, trouble

# What every delivery and every look asks goes to the driver itself (`Part.ask`), the rest by SQLAlchemy.
SHARED = f"SELECT {', '.join(NAMES[Shared])} FROM shared WHERE"
PLACE = "tenant, type, id, partner"
KEEP = insertion(
    shared,
    f"ON CONFLICT ({PLACE}) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in NAMES[Shared] if name not in PLACE.split(", ")),
)
TROUBLE = select(*(trouble.c[name] for name in NAMES[Trouble]))
STATE = select(*(partner.c[name] for name in NAMES[PartnerState])).where(partner.c.name == bindparam("partner"))
IS_OPEN = text(f"trouble.{OPEN}")  # in the words of the partial indexes, or SQLite does not use them


class Sharing(Blocking):
    def shared(self, tenant: str, type: str, id: str) -> list[Shared]:
        return self._shared_of("tenant = ? AND type = ? AND id = ?", key(tenant), key(type), key(id))

    def shared_there(self, partner: str, type: str, remote: str) -> list[Shared]:
        """Nothing is found by the empty id, which is only that of what is not there yet."""
        return self._shared_of("partner = ? AND type = ? AND remote = ?", key(partner), key(type), key(remote)) if remote else []

    def shared_with(self, partner: str, after: str, limit: int) -> list[Shared]:
        last = [key(part) for part in after.split(" ")] if after else []
        beyond = " AND (tenant, type, id) > (?, ?, ?)" if last else ""
        return self._shared_of(f"partner = ?{beyond}", key(partner), *last, limit=limit)

    def keep_shared(self, shared: Shared) -> None:
        """Over the row of the same key, else as a new one. Two units that make it at once: one is overtaken."""
        *place, home, remote, etag, seen = values(shared).values()
        self.tell(KEEP, [(*map(key, place), home, key(remote), etag, seen)])

    def drop_shared(self, shared: Shared) -> None:
        own = [_shared.c[name] == getattr(shared, name) for name in ("tenant", "type", "id", "partner")]
        self.connection.execute(delete(_shared).where(*own))

    def partner_state(self, name: str) -> PartnerState:
        row = self.connection.execute(STATE, {"partner": name}).first()
        return PartnerState(*row) if row else PartnerState(name)

    def keep_partner_state(self, state: PartnerState) -> None:
        """As a shared resource is kept."""
        new = values(state)
        if not self.connection.execute(update(partner).where(partner.c.name == state.name), new).rowcount:
            self.connection.execute(insert(partner), new)

    def raise_trouble(self, trouble: Trouble) -> bool:
        same = [_trouble.c[name] == getattr(trouble, name) for name in ("tenant", "about", "partner", "kind")]
        words = {"en": trouble.en, "nb": trouble.nb, "detail": trouble.detail}
        if self.connection.execute(update(_trouble).where(IS_OPEN, *same), words).rowcount:
            return False
        self.connection.execute(insert(_trouble), values(trouble))
        return True

    def settle(self, tenant: str, about: str, now: datetime, *, kinds: Collection[str] = (), partner: str = "") -> int:
        wanted = f"tenant = ? AND about = ? AND {OPEN}"
        if kinds:
            wanted += f" AND kind IN ({', '.join('?' for _ in kinds)})"
        if partner:
            wanted += " AND partner = ?"
        said = (micros(now), key(tenant), key(about), *map(key, kinds), *([key(partner)] if partner else []))
        return len(self.ask(f"UPDATE trouble SET settled = ? WHERE {wanted} RETURNING 1", said))

    def troubles(self, tenants: Sequence[str], about: Sequence[str] = (), limit: int = 100) -> list[Trouble]:
        wanted: list[ColumnElement[bool] | TextClause] = [
            IS_OPEN,
            trouble.c.tenant.in_(tenants),
            *self.about_shown("trouble", tenants),
        ]
        if about:
            wanted.append(trouble.c.about.in_(about))
        rows = self.connection.execute(TROUBLE.where(*wanted).order_by(trouble.c.since, trouble.c.position).limit(limit))
        return [Trouble(*row) for row in rows]

    def count_troubles(self, tenants: Sequence[str]) -> dict[str, int]:
        wanted: list[ColumnElement[bool] | TextClause] = [IS_OPEN, trouble.c.tenant.in_(tenants)]
        wanted += self.about_shown("trouble", tenants)
        counted = select(trouble.c.partner, func.count()).where(*wanted).group_by(trouble.c.partner)
        return {name: int(number) for name, number in self.connection.execute(counted)}

    def _shared_of(self, wanted: str, *said: str, limit: int | None = None) -> list[Shared]:
        end = "" if limit is None else f" LIMIT {limit:d}"
        return [_shared_as(row) for row in self.ask(f"{SHARED} {wanted} ORDER BY {PLACE}{end}", said)]


def _shared_as(row: Columns) -> Shared:
    """SQLite has no truth values."""
    tenant, type, id, partner, home, *rest = row
    return Shared(tenant, type, id, partner, bool(home), *rest)


_shared, _trouble = shared, trouble  # where an argument has the table's name
