"""What lies beyond a reference, before a search begins: chains and `_has` (https://hl7.org/fhir/R4/search.html#chaining).

Where few stand at the other end they are named, and the search is an ordinary one. Where they are many it is asked of each
candidate (`conditions.beyond`), which reads few rows for that very reason: soon one is met.
"""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from adapter.ports import Clause, Match, Query, Through
from adapter.storage.conditions import ENTRIES, Sql, among
from adapter.storage.rows import Columns
from adapter.storage.search import Search
from adapter.storage.tables import key

MANY = 5_000  # ends; so many are named in 20 ms

Ask = Callable[[str, Sequence[Any]], list[Columns]]


def followed(ask: Ask, postgresql: bool, tenant: str, query: Query, shown: Sql) -> Query:
    """The same query, with a clause of those that it leads to in place of each `Through` that few are beyond."""
    if not query.through:
        return query
    clauses, through = list(query.clauses), []
    for one in query.through:
        ends = [followed(ask, postgresql, tenant, end, shown) for end in one.ends]
        ids = _named(ask, postgresql, tenant, ends, shown)
        if ids is None:
            through.append(replace(one, ends=ends))
        elif one.reverse:
            clauses.append(Clause("_id", [Match(value=id) for id in _led_to(ask, postgresql, tenant, query.type, one, ids)]))
        else:
            clauses.append(Clause(one.parameter, [Match(type, id) for type, some in ids.items() for id in some]))
    return replace(query, clauses=clauses, through=through)


def _named(ask: Ask, postgresql: bool, tenant: str, ends: Sequence[Query], shown: Sql) -> dict[str, list[str]] | None:
    """The ids of what stands at the ends; None where they are many, or are themselves before many."""
    if any(end.through for end in ends):
        return None
    ids: dict[str, list[str]] = {}
    for end in ends:
        ids[end.type] = list(dict.fromkeys(Search(ask, postgresql, tenant, end, shown).ids(MANY + 1)))
        if sum(map(len, ids.values())) > MANY:
            return None
    return ids


def _led_to(ask: Ask, postgresql: bool, tenant: str, type: str, through: Through, ids: dict[str, list[str]]) -> list[str]:
    """The ids of what the ends refer to."""
    found: dict[str, None] = {}
    for source, some in ((source, some) for source, some in ids.items() if some):
        named = among("e.id", some, postgresql)
        of = f"e.tenant = ? AND {named.text} AND e.type = ? AND e.parameter = ? AND e.low IS NULL AND e.system = ?"
        values = (key(tenant), *named.values, key(source), key(through.parameter), key(type))
        found |= dict.fromkeys(row[0] for row in ask(f"SELECT e.value FROM {ENTRIES} e WHERE {of}", values))
    return list(found)
