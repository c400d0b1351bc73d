"""What does not exist for a caller whom patients have blocked: all that is in the record of those patients, and nothing else.

A block is an active Consent (`adapter.r4.compartment.blocks`) of a patient of the organisation. It is looked up with what is read,
in the same snapshot: nothing is remembered beyond the unit. The record is what `Stored.patient` says: the Patient's id, and what
names that Patient by identifier. The Consent itself is in it, so nobody sees or lifts a block against themselves.
"""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, bindparam, text

from adapter.ports import NOBODY
from adapter.r4.index import BLOCKS
from adapter.storage.conditions import ALL, Sql
from adapter.storage.rows import Part
from adapter.storage.tables import key


class View(NamedTuple):
    """The spaces in which a caller may be blocked, and by what: organisation numbers, a person's HPR and national numbers."""

    tenants: frozenset[str] = frozenset()
    who: tuple[str, ...] = ()


EVERYTHING = View()
NONE: frozenset[str] = frozenset()
FEW = 500  # patients that are named in a question


@cache
def _blocks(number: int) -> str:
    """The entries of blocks in force against `number` names."""
    marks = ", ".join("?" for _ in range(number))
    entry = f"b.tenant = ? AND b.type = 'Consent' AND b.parameter = '{BLOCKS}' AND b.low IS NULL"
    return f"{entry} AND b.value IN ({marks}) AND b.status = 'active'"


@cache
def _hidden(number: int) -> str:
    """The patients whose record is hidden from `number` names: by id, and by each identifier, with its system and, as some name
    them, without. Led by the entries of the blocks.
    """
    block = f"{_blocks(number)} AND c.tenant = b.tenant AND c.id = b.id AND c.type = b.type"
    return (
        f"SELECT c.patient FROM resource_index b CROSS JOIN resource c WHERE {block} "
        "UNION ALL SELECT CASE f.bare WHEN 0 THEN i.system ELSE '' END || '|' || i.value "
        "FROM resource_index b CROSS JOIN resource c CROSS JOIN resource_index i "
        "CROSS JOIN (SELECT 0 AS bare UNION ALL SELECT 1) f "
        f"WHERE {block} AND i.tenant = c.tenant AND i.id = c.patient AND i.type = 'Patient' AND i.parameter = 'identifier'"
    )


def hidden(tenant: str, view: View) -> Sql:
    """The question for the patients who are hidden in a space."""
    values = (key(tenant), *map(key, view.who))
    return Sql(_hidden(len(view.who)), values * 2)


def shown_row(sql: str, tenant: str, view: View) -> Sql:
    """A question for a row that has a `patient`, so that it finds nothing where that one is hidden: all in one statement.

    First it is asked whether anybody blocks the caller, since mostly nobody does: that is 5 µs, with the rest 10.
    """
    if not view.who or tenant not in view.tenants:
        return Sql(sql)
    patients, names = hidden(tenant, view), _blocks(len(view.who))
    nobody = f"NOT EXISTS (SELECT 1 FROM resource_index b WHERE {names})"
    values = patients.values[: len(patients.values) // 2]
    return Sql(
        f"SELECT * FROM ({sql}) AS n WHERE n.patient = '' OR {nobody} OR n.patient NOT IN ({patients.text})",
        values + patients.values,
    )


class Blocking(Part):
    """What the parts of a unit leave out. Without a block in force a unit asks one short question more."""

    def __init__(self, connection: Connection, view: View = EVERYTHING) -> None:
        super().__init__(connection)
        self._view = view if view.who else EVERYTHING
        self._found: dict[str, frozenset[str]] = {}

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        try:
            with super().savepoint():
                yield
        finally:
            self._found.clear()  # a block may have been undone

    def hidden(self, tenant: str) -> frozenset[str]:
        """The patients (as `Stored.patient`) whose record does not exist for the caller in a space."""
        if tenant not in self._view.tenants:
            return NONE
        if tenant not in self._found:
            self._found[tenant] = frozenset(row[0] for row in self.ask(*hidden(tenant, self._view)))
        return self._found[tenant]

    def shown(self, tenant: str, patient: str) -> Sql:
        """The condition that `patient`, a column or expression, is not hidden; `ALL` where nothing is.

        The patients are named, as long as they are few: asked for within the question, PostgreSQL takes longer over one that is
        hidden than over one who never was.
        """
        found = sorted(self.hidden(tenant))
        if len(found) > FEW:
            patients = hidden(tenant, self._view)
            return Sql(f"{patient} NOT IN ({patients.text})", patients.values)
        return Sql(f"{patient} NOT IN ({', '.join('?' for _ in found)})", tuple(found)) if found else ALL

    def about_shown(self, table: str, tenants: Sequence[str]) -> list[TextClause]:
        """The conditions that rows of a table are not `about` a resource that is hidden in one of the spaces."""
        names = "SELECT a.type || '/' || a.id FROM resource a WHERE a.tenant = ? AND a.patient IN ({})"
        return self._unless(table, tenants, f"{table}.about IN ({names})", lambda tenant: (key(tenant),))

    def message_shown(self, tenants: Sequence[str]) -> list[TextClause]:
        """The conditions that messages are not about a patient who is hidden in one of the spaces."""
        return self._unless("message", tenants, "message.patient IN ({})", lambda _: (), self._spaces)

    def _spaces(self, tenant: str) -> Sequence[str]:
        """Where blocks are that hold for messages of a tenant: what came for nobody speaks of patients of any."""
        return sorted(self._view.tenants - {NOBODY}) if tenant == NOBODY else (tenant,)

    def _unless(
        self,
        table: str,
        tenants: Sequence[str],
        condition: str,
        values: Callable[[str], tuple[str, ...]],
        spaces: Callable[[str], Sequence[str]] = lambda tenant: (tenant,),
    ) -> list[TextClause]:
        held = [(tenant, space) for tenant in dict.fromkeys(tenants) for space in spaces(tenant) if self.hidden(space)]
        return [
            _named(
                Sql(
                    f"NOT ({table}.tenant = ? AND {condition.format(patients.text)})",
                    (key(tenant), *values(tenant), *patients.values),
                ),
                f"hidden_{number}",
            )
            for number, (tenant, space) in enumerate(held)
            for patients in [hidden(space, self._view)]
        ]

    def is_shown(self, tenant: str, about: str) -> bool:
        """Whether a resource (`Task/id`) is not hidden; what is not there is not."""
        if not self.hidden(tenant):
            return True
        type, _, id = about.partition("/")
        asked = "SELECT patient FROM resource WHERE tenant = ? AND id = ? AND type = ?"
        return not self._any(tenant, asked, (key(tenant), key(id), key(type)))

    def is_shown_message(self, tenant: str, id: str) -> bool:
        """Whether a message is not about a patient who is hidden."""
        closed = self.hidden_from(tenant)
        return not closed or all(row[0] not in closed for row in self.ask("SELECT patient FROM message WHERE id = ?", (key(id),)))

    def hidden_from(self, tenant: str) -> frozenset[str]:
        """The patients of whom messages of a tenant do not exist for the caller."""
        return NONE.union(*map(self.hidden, self._spaces(tenant)))

    def _any(self, tenant: str, asked: str, values: tuple[str, ...]) -> bool:
        return any(row[0] in self.hidden(tenant) for row in self.ask(asked, values))


def _named(condition: Sql, prefix: str) -> TextClause:
    """A condition in SQLAlchemy's words."""
    parts = condition.text.split("?")
    names = [f"{prefix}_{number}" for number in range(len(condition.values))]
    said: Mapping[str, str] = dict(zip(names, condition.values, strict=True))
    whole = parts[0] + "".join(f":{name}{part}" for name, part in zip(names, parts[1:], strict=True))
    return text(whole).bindparams(*(bindparam(name, value) for name, value in said.items()))
