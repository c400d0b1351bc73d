"""The clauses of a search as conditions, in SQL, and the orders it can have.

A candidate is a row `r` of `resource` or `resource_index`: both have an id, a status and a time. An entry is a row of
`resource_index`. Values are marked by `?`.
"""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from json import dumps
from typing import Any, NamedTuple

from adapter.ports import Clause, Match, Query, Through
from adapter.storage.tables import key, micros

ENTRIES = "resource_index"
OWN = ("_id", "_lastUpdated", "status")  # parameters that the rows themselves have
GROUP = 30
NO_DATES = (None, None, None, None)


class Sql(NamedTuple):
    text: str
    values: tuple[Any, ...] = ()


ALL = Sql("")  # of a condition that leaves nothing out


def asked(clause: Clause, postgresql: bool) -> Sql:
    """A clause as a condition on a candidate `r`."""
    if clause.parameter in OWN:
        found = of_own("r", clause, postgresql)
    else:
        any_of = either(alternatives("e", clause, postgresql))
        each = [has(one, f" AND ({any_of.text})", any_of.values, none=clause.negated) for one in (clause.parameter, *clause.others)]
        both = every(*each) if clause.negated else either(each)
        return Sql(f"({both.text})", both.values)
    return Sql(f"NOT ({found.text})", found.values) if clause.negated else found


def holds(query: Query, shown: Sql, postgresql: bool) -> list[Sql]:
    """All that a query asks of a candidate `r`, as conditions. `shown` is what all candidates must meet, wherever they stand."""
    clauses = [asked(clause, postgresql) for clause in query.clauses]
    return [*clauses, *(beyond(one, shown, postgresql) for one in query.through), *([] if shown is ALL else [shown])]


def beyond(through: Through, shown: Sql, postgresql: bool) -> Sql:
    """Whether what candidate `r` refers to, or what refers to it, is found. Inside, `r` is what stands at that end."""
    found = either([_end(through, end, shown, postgresql) for end in through.ends])
    return Sql(f"({found.text})", found.values)


def _end(through: Through, end: Query, shown: Sql, postgresql: bool) -> Sql:
    """An end where it is referred to is looked up by its id. One that refers is there with its entry, which has its own status
    and time: they are asked of that, and only what is left takes a look at the end itself.
    """
    if not through.reverse:
        one = every(Sql("r.tenant = e.tenant AND r.id = e.value AND r.type = ?", (key(end.type),)), *holds(end, shown, postgresql))
        there = Sql(f"(SELECT 1 FROM resource r WHERE {one.text}) IS NOT NULL", one.values)
        entry = every(Sql("e.low IS NULL AND e.system = ?", (key(end.type),)), there)
        return has(through.parameter, f" AND {entry.text}", entry.values)
    own = [of_own("e", clause, postgresql) for clause in end.clauses if clause.parameter in OWN and not clause.negated]
    rest = replace(end, clauses=[clause for clause in end.clauses if clause.parameter not in OWN or clause.negated])
    if left := holds(rest, shown, postgresql):
        one = every(Sql("r.tenant = e.tenant AND r.id = e.id AND r.type = e.type"), *left)
        own.append(Sql(f"(SELECT 1 FROM resource r WHERE {one.text}) IS NOT NULL", one.values))
    link = "e.tenant = r.tenant AND e.type = ? AND e.parameter = ? AND e.low IS NULL AND e.value = r.id AND e.system = r.type"
    entry = every(Sql(link, (key(end.type), key(through.parameter))), *own)
    return Sql(f"(SELECT 1 FROM {ENTRIES} e WHERE {entry.text} LIMIT 1) IS NOT NULL", entry.values)


def of_own(row: str, clause: Clause, postgresql: bool = False) -> Sql:
    """A clause on what the rows themselves have. A moment is from itself to itself and one microsecond."""
    if clause.parameter == "_lastUpdated":
        bounds = (("low_from", ">="), ("low_before", "<"), ("high_after", ">="), ("high_to", "<"))
        any_of = [
            every(*(Sql(f"{row}.updated {than} ?", (micros(at),)) for name, than in bounds if (at := getattr(match, name))))
            for match in clause.any_of
        ]
    else:
        column = f"{row}.id" if clause.parameter == "_id" else f"{row}.status"
        if is_exact(clause):
            return among(column, equals(clause), postgresql)
        any_of = [_value(column, match, postgresql) for match in clause.any_of]
    found = either(any_of)
    return Sql(f"({found.text})", found.values)


def alternatives(row: str, clause: Clause, postgresql: bool) -> list[Sql]:
    """The alternatives of a clause as conditions on an entry; equal values of one system are one condition."""
    equal: dict[str | None, list[str]] = {}
    others = []
    for match in clause.any_of:
        if _equal(match):
            equal.setdefault(match.system, []).append(key(match.value or ""))
        else:
            others.append(every(*of_match(row, match, postgresql)))
    grouped = []
    for system, values in equal.items():
        column = _unled(row) if values[1:] else f"{row}.value"
        grouped.append(every(Sql(f"{row}.low IS NULL"), among(column, values, postgresql), *_system(row, system)))
    return [*grouped, *others]


def of_match(row: str, match: Match, postgresql: bool = False) -> Iterator[Sql]:
    """One alternative, as conditions on an entry."""
    bounds = (("low", ">=", match.low_from), ("low", "<", match.low_before), ("high", ">", match.high_after))
    dates = [(column, than, at) for column, than, at in (*bounds, ("high", "<=", match.high_to)) if at is not None]
    for column, than, at in dates:
        yield Sql(f"{row}.{column} {than} ?", (micros(at),))
    if match.value is not None or match.system is not None:
        yield Sql(f"{row}.low IS NULL")
    if dates:
        yield Sql(f"{row}.low IS NOT NULL")
    if match.value is not None:
        yield _value(f"{row}.value" if match.how == "equal" else _unled(row), match, postgresql)
    yield from _system(row, match.system)


def _system(row: str, system: str | None) -> list[Sql]:
    return [] if system is None else [Sql(f"{row}.system = ?", (key(system),))]


def _unled(row: str) -> str:
    """The value of an entry; of one of a candidate's few so said that no index of all values there are leads to it."""
    return f"{row}.value" if row == "r" else f"({row}.value || '')"


def _value(column: str, match: Match, postgresql: bool) -> Sql:
    """A beginning is a range of the index, and no character has a meaning of its own (as it would have in LIKE)."""
    value = (match.value or "").replace("\0", "\ufffd")
    if match.value is None:
        return Sql(f"{column} <> ''")
    if match.how == "equal":
        return Sql(f"{column} = ?", (key(match.value),))
    if match.how == "prefix":
        return Sql(f"{column} >= ? AND {column} < ?", (value, value + "\U0010ffff"))
    return Sql(f"{'strpos' if postgresql else 'instr'}({column}, ?) > 0", (value,))


def has(parameter: str, also: str = "", values: tuple[Any, ...] = (), *, none: bool = False) -> Sql:
    """Whether candidate `r` has an entry of a parameter; or with `none`, that it has none.

    Not said by EXISTS: PostgreSQL would sometimes join with all entries there are, rather than look at those of `r`.
    """
    entry = of_r("SELECT 1", parameter, f"{also} LIMIT 1")
    return Sql(f"{entry.text} IS {'' if none else 'NOT '}NULL", entry.values + values)


def of_r(select: str, parameter: str, also: str = "") -> Sql:
    """A question of the entries that candidate `r` has of a parameter.

    They have its status and its time too: with these said, also the index of values leads straight to an entry of `r`,
    should a database choose that one.
    """
    same = "e.tenant = r.tenant AND e.id = r.id AND e.type = r.type AND e.parameter = ?"
    same += " AND e.status = r.status AND e.updated = r.updated"
    return Sql(f"({select} FROM {ENTRIES} e WHERE {same}{also})", (key(parameter),))


def later(keys: Sequence[str], directions: Sequence[bool], after: Sequence[Any] | None, *, strict: bool = False) -> Sql:
    """What comes after the last row of the page before. `strict`: the one key is never missing, and is an index's own."""
    if after is None:
        return Sql("1 = 1")
    last = (after[-1],)
    id = f"{keys[0].partition('.')[0]}.id"
    if strict:
        return Sql(f"({keys[0]}, {id}) {'<' if directions[0] else '>'} (?, ?)", (after[0], *last))
    found, same = [], Sql("1 = 1")
    for name, descending, value in zip(keys, directions, after, strict=False):
        if value is not None:
            further = Sql(f"({name} {'<' if descending else '>'} ? OR {name} IS NULL)", (value,))
            found.append(every(same, further))
        here = Sql(f"{name} IS NULL") if value is None else Sql(f"{name} = ?", (value,))
        same = every(same, here)
    found.append(every(same, Sql(f"{id} {'<' if directions[-1] else '>'} ?", last)))
    return Sql(*joined((Sql(f"({one.text})", one.values) for one in found), " OR "))


def order_by(keys: Sequence[str], directions: Sequence[bool], id: str, *, missing: bool = False) -> str:
    """ORDER BY: the keys, then the id in the direction of the last."""
    parts = []
    for name, descending in zip(keys, directions, strict=False):
        parts += [f"{name} IS NULL"] if missing else []
        parts.append(f"{name} DESC" if descending else name)
    return ", ".join([*parts, f"{id} DESC" if directions[-1] else id])


def is_exact(clause: Clause) -> bool:
    """Whether a clause names whole values alone."""
    return bool(clause.any_of) and all(_equal(match) for match in clause.any_of)


def _equal(match: Match) -> bool:
    return match.value is not None and match.how == "equal" and match[3:] == NO_DATES


def is_anything(clause: Clause) -> bool:
    """Whether any entry will do."""
    return any(match.value is None and match.system is None and match[3:] == NO_DATES for match in clause.any_of)


def is_hard(clause: Clause) -> bool:
    """Whether no index leads to a clause's entries, only to all of its parameter's."""
    return any(match.how == "contains" or (match.value is None and match[3:] == NO_DATES) for match in clause.any_of)


def equals(clause: Clause) -> list[str]:
    """The values that an exact clause names."""
    return list(dict.fromkeys(key(match.value or "") for match in clause.any_of))


def among(column: str, values: Sequence[str], postgresql: bool) -> Sql:
    """Whether a column has one of the values. Many go as one: statements are kept by their text, and are planned each."""
    if len(values) <= GROUP:
        return Sql(f"{column} IN ({', '.join('?' for _ in values)})", tuple(values))
    if postgresql:
        return Sql(f"{column} = ANY(?::text[])", (list(values),))
    return Sql(f"{column} IN (SELECT value FROM json_each(?))", (dumps(values),))


def every(*parts: Sql) -> Sql:
    return joined(parts, " AND ") if parts else Sql("1 = 1")


def either(parts: Sequence[Sql]) -> Sql:
    """At least one of the parts. Many are bracketed in groups: SQLite allows an expression no more than 1,000 levels."""
    if len(parts) > GROUP:
        groups = (either(parts[at : at + GROUP]) for at in range(0, len(parts), GROUP))
        return either([Sql(f"({group.text})", group.values) for group in groups])
    return joined(parts, " OR ") if parts else Sql("1 = 0")


def joined(parts: Iterable[Sql], by: str) -> Sql:
    listed = list(parts)
    return Sql(by.join(part.text for part in listed), tuple(value for part in listed for value in part.values))
