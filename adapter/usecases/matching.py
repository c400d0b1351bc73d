"""Whether one resource matches a search's clauses, told by what it is found by: what the store says of all, said of one. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from adapter.ports import Clause, Match
from adapter.r4.index import Entry, Index


def matches(clauses: Iterable[Clause], id: str, index: Index) -> bool:
    """Whether all of the clauses hold of the resource with this id and index."""
    return all(holds(clause, id, index) for clause in clauses)


def holds(clause: Clause, id: str, index: Index) -> bool:
    """Whether a clause holds; one that asks what only the store knows (`_lastUpdated`) does not."""
    if clause.parameter in ("_id", "status"):
        value = id if clause.parameter == "_id" else index.status
        found = any(value if match.value is None else value == match.value for match in clause.any_of)
    else:
        entries = [entry for entry in index.entries if entry.parameter == clause.parameter]
        found = any(_is(match, entry) for match in clause.any_of for entry in entries)
    return found is not clause.negated


def _is(match: Match, entry: Entry) -> bool:
    dated = entry.low is not None or entry.high is not None
    if any(bound is not None for bound in match[3:]):
        return dated and _within(match, entry)
    if match.system is not None and (dated or entry.system != match.system):
        return False
    if match.value is None:
        return True
    if dated:
        return False
    if match.how == "prefix":
        return entry.value.startswith(match.value)
    return match.value in entry.value if match.how == "contains" else entry.value == match.value


def _within(match: Match, entry: Entry) -> bool:
    """An open end is before, or after, all there is."""
    low, high = entry.low, entry.high
    return (
        (match.low_from is None or (low is not None and low >= match.low_from))
        and (match.low_before is None or low is None or low < match.low_before)
        and (match.high_after is None or high is None or high > match.high_after)
        and (match.high_to is None or (high is not None and high <= match.high_to))
    )
