"""A search as the port describes it, over a list and without a thought for speed: the judge of the databases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cmp_to_key
from typing import Any

from adapter.ports import Clause, Match, Query
from adapter.r4.index import Entry, Index
from tests.storage.things import NOW

EVER = (NOW - timedelta(days=100_000), NOW + timedelta(days=100_000))


@dataclass(frozen=True)
class Kept:
    id: str
    updated: datetime
    index: Index

    def entries(self, parameter: str) -> list[Entry]:
        """What a parameter finds the resource by, its own fields among them."""
        if parameter == "_id":
            return [Entry("_id", "", self.id)]
        if parameter == "status":
            return [Entry("status", "", self.index.status)] if self.index.status else []
        if parameter == "_lastUpdated":
            return [Entry("_lastUpdated", "", "", self.updated, self.updated + timedelta(microseconds=1))]
        return [entry for entry in self.index.entries if entry.parameter == parameter]


def holds(clause: Clause, kept: Kept) -> bool:
    found = any(fits(match, entry) for match in clause.any_of for entry in kept.entries(clause.parameter))
    return found is not clause.negated


def fits(match: Match, entry: Entry) -> bool:
    bounds = (match.low_from, match.low_before, match.high_after, match.high_to)
    dated = entry.low is not None or entry.high is not None
    low, high = entry.low or EVER[0], entry.high or EVER[1]
    whole = {
        "equal": entry.value == match.value,
        "prefix": match.value is not None and entry.value.startswith(match.value),
        "contains": match.value is not None and match.value in entry.value,
    }[match.how]
    return (
        (match.system is None or (not dated and entry.system == match.system))
        and (match.value is None or (not dated and whole))
        and (dated or bounds == (None,) * 4)
        and (match.low_from is None or low >= match.low_from)
        and (match.low_before is None or low < match.low_before)
        and (match.high_after is None or high > match.high_after)
        and (match.high_to is None or high <= match.high_to)
    )


def sorting(parameter: str, descending: bool, kept: Kept) -> Any:
    """The value that a resource is sorted by; None where it has none."""
    values = [
        (entry.high or EVER[1] if descending else entry.low or EVER[0]) if entry.low or entry.high else entry.value
        for entry in kept.entries(parameter)
    ]
    return (max if descending else min)(values, default=None)


def search(all_kept: list[Kept], query: Query) -> list[str]:
    """The ids of everything that matches, in order; the page does not matter."""
    sort = list(query.sort) or [("_lastUpdated", True)]

    def compare(one: Kept, other: Kept) -> int:
        for parameter, descending in sort:
            a, b = sorting(parameter, descending, one), sorting(parameter, descending, other)
            if a == b:
                continue
            if a is None or b is None:
                return 1 if a is None else -1
            return 1 if (a > b) is not descending else -1
        return 1 if (one.id > other.id) is not sort[-1][1] else -1

    matching = [kept for kept in all_kept if all(holds(clause, kept) for clause in query.clauses)]
    return [kept.id for kept in sorted(matching, key=cmp_to_key(compare))]
