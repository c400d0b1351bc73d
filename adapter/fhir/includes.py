"""What is given beside the resources found: `_include` and `_revinclude` (https://hl7.org/fhir/R4/search.html#include).

Only what the caller's own organisation has: a reference to another's is as one to nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from adapter.fhir.clauses import ID
from adapter.fhir.results import Include
from adapter.fhir.types import TYPES
from adapter.ports import Clause, Match, Query, Stored, Unit
from adapter.r4 import json
from adapter.r4.index import Entry, index

MOST_INCLUDED: Final = 500
ROUNDS: Final = 5  # that :iterate goes on

Name = tuple[str, str]  # type and id


def beside(
    unit: Unit, tenant: str, found: Sequence[Stored], includes: Sequence[Include], readable: Collection[str], *, base: str
) -> tuple[list[Stored], bool]:
    """Each resource once and none of those found; and whether that is all: there are bounds, of resources and of rounds.

    `readable` are the types that the caller may read at all: others are not given, nor what they lead to.
    """
    given: dict[Name, Stored] = {}
    known = {(one.type, one.id) for one in found}
    last, wanted = list(found), list(includes)
    for _ in range(ROUNDS):
        new: dict[Name, Stored] = {}
        sources = {include.source for include in wanted if not include.reverse}
        entries = [(one.type, entry) for one in last if one.type in sources for entry in references(one, base)]
        for include in wanted:
            room = MOST_INCLUDED + 1 - len(given) + len(known)
            gathered = _pointing(unit, tenant, last, include, room) if include.reverse else _pointed(unit, tenant, entries, include)
            new |= {(one.type, one.id): one for one in gathered if one.type in readable and (one.type, one.id) not in known}
            if len(given) + len(new) > MOST_INCLUDED:
                return [*given.values(), *new.values()][:MOST_INCLUDED], False
        given |= new
        known |= new.keys()
        last, wanted = list(new.values()), [include for include in includes if include.iterate]
        if not (last and wanted):
            return list(given.values()), True
    return list(given.values()), False


def references(stored: Stored, base: str) -> list[Entry]:
    """What a resource's parameters say of resources here."""
    entries = index(json.parse(stored.body), base=base).entries
    return [one for one in entries if one.system in TYPES and ID.fullmatch(one.value)]


def _pointed(unit: Unit, tenant: str, entries: Iterable[tuple[str, Entry]], include: Include) -> list[Stored]:
    """What the parameter points to; `entries` are those of the sources, with the sources' types."""
    of = [one for type, one in entries if (type, one.parameter) == (include.source, include.parameter)]
    names = dict.fromkeys((one.system, one.value) for one in of if include.target in ("", one.system))
    return unit.read_all(tenant, list(names)[: MOST_INCLUDED + 1]) if names else []


def _pointing(unit: Unit, tenant: str, targets: Iterable[Stored], include: Include, room: int) -> list[Stored]:
    """What points to the targets by its parameter, `room` at most."""
    any_of = [Match(one.type, one.id) for one in targets if include.target in ("", one.type)]
    if not any_of:
        return []
    return list(unit.search(tenant, Query(include.source, (Clause(include.parameter, any_of),), limit=room)).found)
