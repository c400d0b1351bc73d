"""A search among the newest versions, as SQL (https://hl7.org/fhir/R4/search.html).

    page = Search(unit.ask, postgresql, tenant, query).page()

How rows are found is decided here and not by the databases, which know little of how values are spread and would be
right on most days only. There are three ways, and each reads few rows however many there are:

- *newest first*: a value and a status are one range of `resource_index_value` in the very order of the answer. Several
  values or statuses are several such ranges, each cut at the page's size. All other clauses are asked of each row.
- *few*: where a clause has few entries, counted up to a bound, they are all taken, asked and sorted.
- *walk*: many rows in the order of another parameter are read in that parameter's own index, and asked each.
"""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

from adapter.ports import Clause, Page, Query, Stored
from adapter.storage.conditions import (
    ALL,
    ENTRIES,
    OWN,
    Sql,
    alternatives,
    equals,
    every,
    has,
    holds,
    is_anything,
    is_exact,
    is_hard,
    joined,
    later,
    of_match,
    of_own,
    of_r,
    order_by,
)
from adapter.storage.rows import Columns
from adapter.storage.tables import key, moment

FEW = 200  # entries that are taken and sorted rather than read in order: 0.3 ms
FEW_INEXACT = 5_000  # the same where no clause names whole values, so that all there is would be asked: 15 ms
FEW_SORTED = 500  # the same where another order is asked for, which a walk gives at a greater cost
RANGES = 60  # of one question
NEWEST_FIRST = (("_lastUpdated", True),)


class Source(NamedTuple):
    """Rows `r` of a table: candidates, of which the clauses that it does not ensure are still to be asked.

    `once`: no resource is among them twice.
    """

    table: str
    where: Sql
    once: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    sources: Sequence[Source]
    ensured: Sequence[Clause] = ()
    ordered: bool = False  # each source's rows come newest first by its index


class Order(NamedTuple):
    """One key of the sorting: an expression on `r`, None where the resource lacks it."""

    key: Sql
    descending: bool


@dataclass(frozen=True)
class Search:
    """One query of one organisation; `ask` gives the rows of a statement, `shown` is a condition that all candidates must meet."""

    ask: Callable[[str, Sequence[Any]], list[Columns]]
    postgresql: bool
    tenant: str
    query: Query
    shown: Sql = ALL

    def page(self) -> Page:
        if self.query.limit < 1 or self._impossible:
            return Page([])
        sort = tuple(self.query.sort) or NEWEST_FIRST
        if len(sort) == 1 and sort[0][0] == "_lastUpdated":
            rows = self._rows(self._newest_first(), [Order(Sql("r.updated"), sort[0][1])], by_time=True)
        elif (plan := self._few(FEW_SORTED)) is None and len(sort) == 1 and sort[0][0] not in OWN:
            rows = self._walked(*sort[0])
        else:
            orders = [self._order(*one) for one in sort]
            rows = self._rows(plan or self._largest(), orders)
        found = [Stored(self.query.type, row[-5], row[-4], moment(row[-3]), row[-2], row[-1]) for row in rows[: self.query.limit]]
        after = list(rows[self.query.limit - 1][:-4]) if len(rows) > self.query.limit else None
        return Page(found, after)

    def count(self, most: int | None) -> int:
        if self._impossible:
            return 0
        plan = self._few(FEW) or self._largest()
        once = len(plan.sources) == 1 and plan.sources[0].once  # then PostgreSQL need not find them all to count some
        ids = self._union(Sql("SELECT r.id" if once else "SELECT DISTINCT r.id"), plan)
        limit = Sql("") if most is None else Sql(" LIMIT ?", (most,))
        ((number,),) = self.ask(f"SELECT count(*) FROM ({ids.text}{limit.text}) AS c", ids.values + limit.values)
        return int(number)

    def ids(self, most: int) -> list[str]:
        """Ids of what matches, no more than `most`, in no order and some of them twice: so PostgreSQL need not find them all."""
        if self._impossible:
            return []
        plan = self._few(FEW) or self._largest()
        return [row[0] for row in self.ask(*self._union(Sql("SELECT r.id"), plan, Sql("1 = 1 LIMIT ?", (most,)), by=" UNION ALL "))]

    # ways to candidates

    def _newest_first(self) -> Plan:
        exact = sorted(filter(is_exact, self._leads), key=lambda clause: len(clause.any_of))
        simple = len(self._leads) == len(exact) == 1 and self._statuses is not None
        if (self._by_id or (self._leads and not simple)) and (few := self._few(FEW if exact else FEW_INEXACT)):
            return few
        if not exact:
            return self._whole()
        statuses = self._known_statuses() if self._statuses is None else equals(self._statuses)
        ranges = list(product(_names(exact[0]), exact[0].any_of, statuses))
        if len(ranges) > RANGES:
            return Plan(self._of(exact[0]), self._ensured(exact[0]))
        sources = [
            Source(ENTRIES, every(self._entries(name), *of_match("r", match), Sql("r.status = ?", (status,))))
            for name, match, status in ranges
        ]
        return Plan(sources, self._ensured(exact[0]), ordered=True)

    def _few(self, few: int) -> Plan | None:
        """All candidates of a clause that has few of them, if any has."""
        if self._by_id:
            return Plan([Source("resource", every(self._type, of_own("r", self._by_id, self.postgresql)))], [self._by_id])
        for clause in sorted(self._leads, key=is_hard):
            sources = self._of(clause)
            counts = [Sql(f"SELECT 1 FROM {s.table} r WHERE {s.where.text} LIMIT {few}", s.where.values) for s in sources]
            total = joined((Sql(f"(SELECT count(*) FROM ({c.text}) AS c)", c.values) for c in counts), " + ")
            if self.ask(f"SELECT {total.text}", total.values)[0][0] < few:
                return Plan(sources, self._ensured(clause))
        return None

    def _largest(self) -> Plan:
        """All candidates, however many."""
        if not self._leads:
            return self._whole()
        clause = min(self._leads, key=is_hard)
        return Plan(self._of(clause), self._ensured(clause))

    def _whole(self) -> Plan:
        if self._statuses is None:
            return Plan([Source("resource", self._type)], ordered=True)
        each = [Sql("r.status = ?", (status,)) for status in equals(self._statuses)]
        return Plan([Source("resource", every(self._type, status)) for status in each], [self._statuses], ordered=True)

    # their parts

    @cached_property
    def _type(self) -> Sql:
        return Sql("r.tenant = ? AND r.type = ?", (key(self.tenant), key(self.query.type)))

    @cached_property
    def _leads(self) -> list[Clause]:
        """Clauses that can lead to candidates."""
        able = (clause for clause in self.query.clauses if clause.parameter not in OWN and not clause.negated and clause.any_of)
        return [clause for clause in able if len(clause.any_of) <= RANGES or is_exact(clause) if not is_anything(clause)]

    @property
    def _impossible(self) -> bool:
        return any(not clause.any_of and not clause.negated for clause in self.query.clauses)

    @cached_property
    def _by_id(self) -> Clause | None:
        return self._exact_own("_id")

    @cached_property
    def _statuses(self) -> Clause | None:
        return self._exact_own("status")

    def _exact_own(self, name: str) -> Clause | None:
        own = (clause for clause in self.query.clauses if clause.parameter == name and not clause.negated)
        return next((clause for clause in own if is_exact(clause) and (name == "_id" or len(clause.any_of) <= RANGES)), None)

    def _ensured(self, lead: Clause) -> list[Clause]:
        return [lead] if self._statuses is None else [lead, self._statuses]

    def _entries(self, parameter: str) -> Sql:
        return every(self._type, Sql("r.parameter = ?", (key(parameter),)))

    def _of(self, clause: Clause) -> list[Source]:
        """The entries of a clause, in no order."""
        status = [] if self._statuses is None else [of_own("r", self._statuses, self.postgresql)]
        groups = alternatives("r", clause, self.postgresql)
        once = len(clause.any_of) == 1 and is_exact(clause) and clause.any_of[0].system is not None
        return [Source(ENTRIES, every(self._entries(name), group, *status), once) for name in _names(clause) for group in groups]

    def _known_statuses(self) -> list[str]:
        """Those that there are, found by leaping from one to the next: there are few, of however many resources."""
        of_type = self._type.text.replace("r.", "")
        sql = (
            f"WITH RECURSIVE s(status) AS (SELECT min(status) FROM resource WHERE {of_type} UNION ALL "
            f"SELECT (SELECT min(status) FROM resource WHERE {of_type} AND status > s.status) FROM s WHERE s.status IS NOT NULL) "
            "SELECT status FROM s WHERE status IS NOT NULL"
        )
        return [row[0] for row in self.ask(sql, self._type.values * 2)]

    # from candidates to rows

    def _order(self, parameter: str, descending: bool) -> Order:
        if parameter in OWN:
            return Order(Sql({"_id": "r.id", "_lastUpdated": "r.updated", "status": "NULLIF(r.status, '')"}[parameter]), descending)
        column, best = self._column(parameter, descending), "max" if descending else "min"
        return Order(of_r(f"SELECT {best}(e.{column})", parameter), descending)

    def _column(self, parameter: str, descending: bool) -> str:
        """What a parameter is sorted by: a date's beginning or end, or a value."""
        dated = f"SELECT 1 FROM {ENTRIES} r WHERE {self._type.text} AND r.parameter = ? AND r.low IS NOT NULL LIMIT 1"
        if not self.ask(dated, (*self._type.values, key(parameter))):
            return "value"
        return "high" if descending else "low"

    def _rows(self, plan: Plan, orders: Sequence[Order], *, by_time: bool = False) -> list[Columns]:
        """The page's rows and one more: sorting keys, id, version, updated, body, patient."""
        names = [f"k{number}" for number in range(len(orders))]
        columns = joined((Sql(f"{one.key.text} AS {name}", one.key.values) for one, name in zip(orders, names, strict=True)), ", ")
        head = Sql(f"SELECT DISTINCT {columns.text}, r.id AS id", columns.values)
        directions = [one.descending for one in orders]
        after = self.query.after
        cut = None
        if by_time and plan.ordered:  # each source gives the page's size at most, so that no more of it is read
            beyond = later(["r.updated"], directions, after, strict=True)
            order = order_by(["r.updated"], directions, "r.id")
            cut = Sql(f"{beyond.text} ORDER BY {order} LIMIT ?", (*beyond.values, self._limit))
        candidates = self._union(head, plan, cut)
        beyond = later([f"s.{name}" for name in names], directions, after, strict=by_time)
        order = order_by(names, directions, "id", missing=not by_time)
        page = f"SELECT * FROM ({candidates.text}) AS s WHERE {beyond.text} ORDER BY {order} LIMIT ?"
        return self._bodies(Sql(page, (*candidates.values, *beyond.values, self._limit)), names, directions)

    def _walked(self, parameter: str, descending: bool) -> list[Columns]:
        """A page in the order of a parameter's index: each resource at its first entry, and at last those that have none."""
        column, after = self._column(parameter, descending), self.query.after
        found: list[Columns] = []
        if after is None or after[0] is not None:
            entry = Sql(f"r.parameter = ? AND r.low IS {'' if column == 'value' else 'NOT '}NULL", (key(parameter),))
            better = f" AND e.{column} {'>' if descending else '<'} r.{column}"
            first = every(self._type, entry, has(parameter, better, none=True))
            beyond = later([f"r.{column}"], [descending], after, strict=True)
            order = order_by([f"r.{column}"], [descending], "r.id")
            walk = Plan([Source(ENTRIES, first)])
            head = Sql(f"SELECT DISTINCT r.{column} AS k0, r.id AS id")
            page = self._union(head, walk, Sql(f"{beyond.text} ORDER BY {order} LIMIT ?", (*beyond.values, self._limit)))
            found = self._bodies(page, ["k0"], [descending])
        if len(found) < self._limit:
            where = every(self._type, has(parameter, none=True))
            compared, last = ("<" if descending else ">"), after if after and after[0] is None else None
            beyond = Sql(f"r.id {compared} ?", (last[1],)) if last else Sql("1 = 1")
            order = "r.id DESC" if descending else "r.id"
            rest = Sql(f"{beyond.text} ORDER BY {order} LIMIT ?", (*beyond.values, self._limit - len(found)))
            page = self._union(Sql("SELECT NULL AS k0, r.id AS id"), Plan([Source("resource", where)]), rest)
            found += self._bodies(page, [], [descending], given="NULL, ")
        return found

    @property
    def _limit(self) -> int:
        return self.query.limit + 1

    def _union(self, head: Sql, plan: Plan, cut: Sql | None = None, by: str = " UNION ") -> Sql:
        """What `head` selects of all candidates that the other clauses hold for; each once, where `by` makes them so."""
        left = [clause for clause in self.query.clauses if clause not in plan.ensured]
        rest = holds(replace(self.query, clauses=left), self.shown, self.postgresql)
        parts = []
        for source in plan.sources:
            where = every(source.where, *rest, *([cut] if cut else []))
            parts.append(Sql(f"{head.text} FROM {source.table} r WHERE {where.text}", head.values + where.values))
        if len(parts) == 1:
            return parts[0]
        return joined((Sql(f"SELECT * FROM ({part.text}) AS u", part.values) for part in parts), by)

    def _bodies(self, page: Sql, names: Sequence[str], directions: Sequence[bool], given: str = "") -> list[Columns]:
        """The newest versions of the ids of a page: the last of their keys, so that `resource` need not be asked again."""
        columns = given + "".join(f"p.{name}, " for name in names)
        newest = "SELECT max(m.version) FROM resource_version m WHERE m.tenant = ? AND m.id = p.id AND m.type = ?"
        sql = (
            f"SELECT {columns}v.id, v.version, v.updated, v.body, v.patient FROM ({page.text}) AS p "
            "CROSS JOIN resource_version v "  # SQLite joins in this order and no other
            f"WHERE v.tenant = ? AND v.id = p.id AND v.type = ? AND v.version = ({newest}) "
            f"ORDER BY {order_by([f'p.{name}' for name in names], directions, 'p.id', missing=True)}"
        )
        return self.ask(sql, page.values + self._type.values * 2)


def _names(clause: Clause) -> Sequence[str]:
    return (clause.parameter, *clause.others)
