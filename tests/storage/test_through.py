"""Searches by what lies beyond references, on both engines: whatever way is taken, they find what a plain reading of them does."""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.ports import Clause, Draft, Match, Query, Through
from adapter.r4.index import Entry, Index
from adapter.storage import DatabaseStore, rows, search, through
from tests.storage import naive
from tests.storage.naive import Kept
from tests.storage.test_search import pages
from tests.storage.things import OURS, THEIRS, a_draft, in_status, later, named

SEED = int(os.environ.get("STAFETT_SEED") or (1 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(10**6)))
WAYS = [(0, 0), (0, 5_000), (3, 3), (200, 5_000)]  # few entries, many ends: never, always, some, as it is
REFERENCES = {"Task": {"patient": "Patient", "owner": "Organization"}, "Patient": {"managed": "Organization"}, "Organization": {}}
NUMBER = {"Task": 30, "Patient": 12, "Organization": 6}
World = Mapping[str, Sequence[Kept]]


def by_chance(chance: random.Random) -> World:
    """Resources with few values and a few references, to others, to none that is there, and to another server's."""

    def of(type: str, n: int) -> Kept:
        entries = [Entry("name", "", name) for name in chance.sample(["ola", "ole", "kari"], chance.randint(0, 2))]
        for parameter, target in REFERENCES[type].items():
            ends = [Entry(parameter, target, f"x{chance.randint(0, NUMBER[target])}") for _ in range(chance.randint(0, 2))]
            entries += [*ends, *chance.sample([Entry(parameter, "", "x1"), Entry(parameter, "Device", "x1")], chance.randint(0, 1))]
        return Kept(f"x{n}", later(chance.randint(0, 5)), Index(chance.choice(["", "draft", "ready"]), entries))

    return {type: [of(type, n) for n in range(number)] for type, number in NUMBER.items()}


def a_query(chance: random.Random, type: str, steps: int) -> Query:
    able: list[Clause] = [
        Clause("name", [Match(value=chance.choice(["ol", "ola", "k", "z"]), how="prefix")], negated=chance.random() < 0.2),
        Clause("status", [Match(value=chance.choice(["draft", "ready"]))], negated=chance.random() < 0.3),
        Clause("_id", [Match(value=f"x{chance.randint(0, 5)}") for _ in range(3)], negated=chance.random() < 0.3),
        Clause("_lastUpdated", [Match(low_from=later(chance.randint(0, 6)))]),
    ]
    through = []
    for _ in range(chance.choice([0, 1, 1, 2]) if steps else 0):
        onward = [Through(name, [a_query(chance, end, steps - 1)]) for name, end in REFERENCES[type].items()]
        sources = [(of, name) for of, names in REFERENCES.items() for name, end in names.items() if end == type]
        back = [Through(name, [a_query(chance, of, steps - 1)], reverse=True) for of, name in sources]
        through.append(chance.choice([*onward, *back]))
    return Query(type, chance.sample(able, chance.choice([0, 1, 1, 2])), through=through)


def matching(world: World, query: Query) -> list[Kept]:
    """As the port says it, by going through all that there is."""
    beyond = [(one, [(end.type, other) for end in one.ends for other in matching(world, end)]) for one in query.through]

    def is_met(kept: Kept, one: Through, ends: Sequence[tuple[str, Kept]]) -> bool:
        if one.reverse:
            return any(Entry(one.parameter, query.type, kept.id) in other.index.entries for _, other in ends)
        return any(Entry(one.parameter, of, other.id) in kept.index.entries for of, other in ends)

    found = [kept for kept in world[query.type] if all(naive.holds(clause, kept) for clause in query.clauses)]
    return [kept for kept in found if all(is_met(kept, *one) for one in beyond)]


@pytest.mark.parametrize("ways", WAYS)
def test_every_search_through_references_finds_what_a_plain_reading_of_it_does(
    store: DatabaseStore, ways: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", ways[0])
    monkeypatch.setattr(through, "MANY", ways[1])
    chance = random.Random(SEED)
    ours, theirs = by_chance(chance), by_chance(chance)  # with the same ids
    for tenant, world in ((OURS, ours), (THEIRS, theirs)):
        with store.write() as unit:
            for type, one in ((type, one) for type, some in world.items() for one in some):
                unit.put(tenant, [Draft(type, one.id, one.index, lambda _version, _updated: b"{}")], one.updated)
    met = 0
    for _ in range(60):
        query = a_query(chance, chance.choice(list(ours)), 3)
        wanted = naive.search(matching(ours, query), Query(query.type))
        with store.read() as unit:
            counted = [unit.count(OURS, query), unit.count(OURS, query, 2)]
            found = [stored.id for stored in unit.search(OURS, query).found]
        assert [found, *counted] == [wanted, len(wanted), min(len(wanted), 2)], f"STAFETT_SEED={SEED}: {query}"
        met += bool(query.through and wanted)
    assert met > 5  # else this would say little


@pytest.mark.parametrize("many", [0, 5_000])
def test_pages_of_what_is_beyond_hold_every_resource_once(store: DatabaseStore, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(through, "MANY", many)
    with store.write() as unit:
        unit.put(OURS, [a_draft("p1", type="Patient"), *(a_draft(f"t{n}", type="Task", patient="p1") for n in range(5))], later(0))

    query = Query("Task", limit=2, through=[Through("patient", [Query("Patient", [named("p1", "p2")])])])

    assert pages(store, query) == ["t4", "t3", "t2", "t1", "t0"]
    assert pages(store, Query("Patient", through=[Through("patient", [Query("Task", limit=1)], reverse=True)])) == ["p1"]


@pytest.mark.parametrize("many", [0, 5_000])
def test_an_end_of_any_of_several_types_will_do(store: DatabaseStore, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(through, "MANY", many)
    owners = [Entry("owner", "Organization", "o1"), Entry("owner", "Practitioner", "o1"), Entry("owner", "Device", "o1")]
    with store.write() as unit:
        unit.put(OURS, [a_draft(f"t{n}", "x", owner, type="Task") for n, owner in enumerate(owners)], later(0))
        unit.put(OURS, [a_draft("o1", type=type, status="ready") for type in ("Organization", "Practitioner", "Device")], later(0))

    ends = [
        Query("Organization", [in_status("ready")]),
        Query("Practitioner", [in_status("ready")]),
        Query("Device", [named("o2")]),
    ]

    assert pages(store, Query("Task", through=[Through("owner", ends)])) == ["t1", "t0"]


def test_many_short_questions_take_no_longer_than_a_search_may(store: DatabaseStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each end of each chain is a question of its own; here one takes a second, and none of them is too long by itself."""
    steps = itertools.count()
    monkeypatch.setattr(rows, "time", SimpleNamespace(monotonic=lambda: float(next(steps))))
    chain = Through("patient", [Query("Patient", [Clause("name", [Match(value="ola")])])])

    with pytest.raises(Problem) as raised, store.read() as unit:
        unit.search(OURS, Query("Task", through=[chain] * 30))
    assert raised.value.kind is Kind.TOO_COSTLY
