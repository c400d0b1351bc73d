"""Search by any parameter, on both engines. Short cases by hand; many made by chance are judged by `naive`."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.ports import Clause, Draft, Match, Page, Query
from adapter.r4.index import Entry
from adapter.storage import DatabaseStore, rows, search
from tests.storage import naive
from tests.storage.naive import Kept
from tests.storage.things import NOW, OURS, THEIRS, a_draft, a_stored, identified, in_status, later, named, of_patient

A, B = "urn:oid:2.16.578.1.12.4.1.4.1", "urn:ietf:rfc:3986"
SEED = int(os.environ.get("STAFETT_SEED") or (1 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(10**6)))
WAYS = [(0, 0), (3, 3), (200, 500)]  # few entries: never, seldom, as it is


def put(store: DatabaseStore, *drafts: Draft, now: float = 0, tenant: str = OURS) -> None:
    with store.write() as unit:
        unit.put(tenant, drafts, later(now))


def ids(store: DatabaseStore, *clauses: Clause, sort: Sequence[tuple[str, bool]] = (), type: str = "Task") -> list[str]:
    with store.read() as unit:
        return [stored.id for stored in unit.search(OURS, Query(type, clauses, sort)).found]


def pages(store: DatabaseStore, query: Query) -> list[str]:
    """The ids of all pages, one after the other."""
    found: list[str] = []
    with store.read() as unit:
        after: Sequence[Any] | None = None
        while True:
            page = unit.search(OURS, replace(query, after=after))
            found += [stored.id for stored in page.found]
            after = page.next
            if after is None:
                return found


def updated(since: float | None = None, before: float | None = None) -> Clause:
    return Clause("_lastUpdated", [Match(low_from=None if since is None else later(since), low_before=later(before or 99))])


def text(value: str, how: Any = "equal") -> Clause:
    return Clause("name", [Match(value=value, how=how)])


def day(number: int, parameter: str = "deadline", days: int = 1) -> Entry:
    return Entry(parameter, low=NOW + timedelta(days=number), high=NOW + timedelta(days=number + days))


def due(**bounds: int) -> Clause:
    return Clause("deadline", [Match(**{name: NOW + timedelta(days=number) for name, number in bounds.items()})])


def test_all_of_a_type_come_newest_first_and_then_by_id(store: DatabaseStore) -> None:
    put(store, a_draft("a"), a_draft("c"), a_draft("t", type="Task"))
    put(store, a_draft("b"), now=1)

    assert ids(store, type="ServiceRequest") == ["b", "c", "a"]


def test_the_newest_version_alone_is_found_whole(store: DatabaseStore) -> None:
    put(store, a_draft("r1", "a"))
    put(store, a_draft("r1", "b"), now=1)

    with store.read() as unit:
        assert unit.search(OURS, Query("ServiceRequest")) == Page([a_stored("r1", "b", 2, later(1))])


FOUND_BY = [
    [named("t1", "t9")],
    [identified((A, "1"))],
    [identified((None, "1"))],
    [identified((A, None))],
    [identified((B, "9"), (A, "1"))],
    [of_patient("p1")],
    [in_status("requested")],
    [in_status("draft", "requested")],
    [updated(5)],
    [updated(5, 6)],
    [named("t1", "t2"), identified((A, "1")), of_patient("p1"), in_status("requested"), updated(0, 6)],
    [Clause("identifier", [Match(B, "2")]), Clause("identifier", [Match(A, "1")])],
    [Clause("patient", [Match("Patient", "p2")], negated=True)],
    [Clause("status", [Match(value="completed")], negated=True)],
    [Clause("_id", [Match(value="t2")], negated=True)],
    [Clause("_lastUpdated", [Match(low_before=later(1))], negated=True)],
]


@pytest.mark.parametrize("clauses", FOUND_BY)
def test_resources_are_found_and_counted_by_each_clause(store: DatabaseStore, clauses: list[Clause]) -> None:
    put(store, a_draft("t2", type="Task", patient="p2", status="completed", identifiers=[(B, "2"), ("", "3")]))
    put(store, a_draft("t1", type="Task", patient="p1", status="requested", identifiers=[(A, "1"), (B, "2")]), now=5)
    put(store, a_draft("o1", type="Observation", patient="p1", status="requested", identifiers=[(A, "1")]), now=5)

    with store.read() as unit:
        assert unit.search(OURS, Query("Task", clauses)) == Page([a_stored("t1", "a", 1, later(5), type="Task")])
        assert unit.count(OURS, Query("Task", clauses)) == 1


NOT_FOUND_BY = [
    [named("t9")],
    [identified((A, "2"))],
    [identified(("", "1"))],
    [identified((None, "\0"))],
    [identified()],
    [of_patient("p2")],
    [Clause("subject", [Match("Patient", "p1")])],
    [in_status("draft")],
    [in_status("Requested")],
    [updated(0.000001)],
    [Clause("_lastUpdated", [Match(low_before=NOW)])],
    [Clause("patient", [Match()], negated=True)],
]


@pytest.mark.parametrize("clauses", NOT_FOUND_BY)
def test_what_does_not_match_is_not_found(store: DatabaseStore, clauses: list[Clause]) -> None:
    put(store, a_draft("t1", type="Task", patient="p1", status="requested", identifiers=[(A, "1"), (B, "2")]))

    with store.read() as unit:
        assert (unit.search(OURS, Query("Task", clauses)), unit.count(OURS, Query("Task", clauses))) == (Page([]), 0)


def test_an_identifier_without_system_is_found_by_the_empty_system(store: DatabaseStore) -> None:
    put(store, a_draft("r1", type="Task", identifiers=[("", "1")]), a_draft("r2", type="Task", identifiers=[(A, "1")]))

    assert ids(store, identified(("", "1"))) == ["r1"]


def test_a_new_version_is_found_by_what_it_holds_and_no_longer_by_what_the_old_one_held(store: DatabaseStore) -> None:
    put(store, a_draft("r1", "a", type="Task", patient="p1", status="draft", identifiers=[(A, "1"), (A, "2")]))
    put(store, a_draft("r1", "b", type="Task", patient="p2", status="active", identifiers=[(A, "2"), (A, "3")]), now=1)

    old = [identified((A, "1")), of_patient("p1"), in_status("draft")]
    new = [identified((A, "2")), identified((A, "3")), of_patient("p2"), in_status("active")]
    assert [ids(store, clause) for clause in (*old, *new)] == [[]] * 3 + [["r1"]] * 4


def test_an_identifier_given_twice_or_of_any_length_is_found(store: DatabaseStore) -> None:
    long = "å" * 5000
    put(store, a_draft("r1", type="Task", identifiers=[(A, long), (A, long)]))
    put(store, a_draft("r2", type="Task", identifiers=[(A, long + "2")]))

    assert ids(store, identified((A, long))) == ["r1"]


@pytest.mark.parametrize("ways", WAYS)
def test_a_resource_that_matches_in_several_ways_is_found_once(
    store: DatabaseStore, ways: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", ways[0])
    twice = [(A, "1"), (B, "1"), (A, "2")]
    put(store, *(a_draft(f"t{n}", type="Task", status="draft", identifiers=twice) for n in range(5)))

    for clause in (identified((None, "1")), identified((A, "1"), (A, "2")), identified((A, None), (B, None))):
        query = Query("Task", [clause, in_status("draft", "ready")], limit=2)
        assert pages(store, query) == ["t4", "t3", "t2", "t1", "t0"]
        with store.read() as unit:
            assert [unit.count(OURS, query), unit.count(OURS, query, 3)] == [5, 3]


def test_text_is_found_whole_by_its_beginning_or_by_any_part_and_no_character_is_special(store: DatabaseStore) -> None:
    names = {"a": "ola", "b": "olav", "c": "nikolai", "d": "ol%v", "e": "o_av", "f": "ol\\av", "g": "olå", "h": "OLA"}
    put(store, *(a_draft(id, "x", Entry("name", "", name), type="Task") for id, name in names.items()))

    assert ids(store, text("ola")) == ["a"]
    assert ids(store, text("ola", "prefix")) == ["b", "a"]
    assert ids(store, text("ola", "contains")) == ["c", "b", "a"]
    assert [ids(store, text(odd, how)) for odd in ("%", "l_v", "_", "\\") for how in ("prefix", "contains")] == [
        *([], ["d"]),
        *([], []),
        *([], ["e"]),
        *([], ["f"]),
    ]
    assert ids(store, text("ol", "prefix")) == ["g", "f", "d", "b", "a"]


def test_dates_are_found_by_where_their_interval_begins_and_ends(store: DatabaseStore) -> None:
    """Days 0-1, 1-2, 0-10; from day 1 on; until day 1; none."""
    spans = {"a": day(0), "b": day(1), "c": day(0, days=10), "d": day(1)._replace(high=None), "e": day(0)._replace(low=None)}
    put(store, *(a_draft(id, "x", entry, type="Task") for id, entry in spans.items()), a_draft("f", type="Task"))

    assert ids(store, due(low_from=1)) == ["d", "b"]
    assert ids(store, due(low_before=1)) == ["e", "c", "a"]
    assert ids(store, due(high_after=2)) == ["d", "c"]
    assert ids(store, due(high_to=1)) == ["e", "a"]
    assert ids(store, due(low_from=0, high_to=2)) == ["b", "a"]
    assert ids(store, Clause("deadline", [Match(low_from=NOW)], negated=True)) == ["f", "e"]


def test_a_parameter_that_is_missing_is_found_by_negating_any_match(store: DatabaseStore) -> None:
    put(store, a_draft("t1", "x", day(1), type="Task", patient="p1", status="draft"), a_draft("t2", type="Task"))

    for parameter in ("deadline", "patient", "status"):
        assert ids(store, Clause(parameter, [Match()])) == ["t1"]
        assert ids(store, Clause(parameter, [Match()], negated=True)) == ["t2"]


def test_the_least_of_several_counts_ascending_and_the_greatest_descending_and_what_is_missing_comes_last(
    store: DatabaseStore,
) -> None:
    put(store, a_draft("a", "x", day(1), day(9), type="Task"), a_draft("b", "x", day(5), type="Task"), a_draft("c", type="Task"))

    assert ids(store, sort=[("deadline", False)]) == ["a", "b", "c"]
    assert ids(store, sort=[("deadline", True)]) == ["a", "b", "c"]
    assert ids(store, Clause("_id", [Match(value="a")], negated=True), sort=[("deadline", True)]) == ["b", "c"]


@pytest.mark.slow
@pytest.mark.parametrize("writing", [True, False])
def test_a_search_that_takes_too_long_is_given_up_and_the_next_one_is_not(
    store: DatabaseStore, writing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What matches nothing is looked for among all that there is: minutes, of a million."""
    put(store, *[a_draft(str(number), type="Task") for number in range(1_500)])
    unending = Query("Task", [Clause(f"p{number}", [Match(value="x")], negated=True) for number in range(150)], limit=10_000)
    monkeypatch.setattr(rows, "SEARCHING", 0.02)
    begin = store.write if writing else store.read
    with pytest.raises(Problem) as raised, begin() as unit:
        unit.search(OURS, unending)

    assert raised.value.kind is Kind.TOO_COSTLY
    monkeypatch.setattr(rows, "SEARCHING", 60)
    with begin() as unit:
        assert unit.count(OURS, unending) == 1_500


def test_a_limit_of_none_finds_none(store: DatabaseStore) -> None:
    put(store, a_draft("t1", type="Task"))

    with store.read() as unit:
        assert unit.search(OURS, Query("Task", limit=0)) == Page([])


def test_pages_hold_every_resource_once_though_others_change(store: DatabaseStore) -> None:
    for n in range(7):
        put(store, a_draft(f"r{n}", type="Task"), now=n // 2)
    seen: list[str] = []
    after = None
    for turn in range(4):
        with store.write() as unit:
            page = unit.search(OURS, Query("Task", limit=2, after=after))
            unit.put(
                OURS, [a_draft(page.found[0].id, f"changed {turn}", type="Task"), a_draft(f"n{turn}", type="Task")], later(100)
            )
        seen += [stored.id for stored in page.found]
        after = page.next

    assert (seen, after) == (["r6", "r5", "r4", "r3", "r2", "r1", "r0"], None)


def test_a_count_takes_no_notice_of_the_page(store: DatabaseStore) -> None:
    put(store, a_draft("r1"), a_draft("r2"), a_draft("r3"))

    with store.read() as unit:
        query = Query("ServiceRequest", sort=[("_id", False)], limit=1, after=["r2", "r2"])
        assert [unit.count(OURS, query), unit.count(OURS, query, 2)] == [3, 2]


def by_chance(seed: int, count: int) -> list[Kept]:
    """Resources with few different values, so that they meet."""
    chance = random.Random(seed)

    def some(entries: list[Entry], most: int) -> list[Entry]:
        return chance.sample(entries, chance.randint(0, most))

    codes = [Entry("code", system, value) for system in ("", A, B) for value in "abc"]
    names = [Entry("name", "", name) for name in ("ola", "ole", "olaf", "kari", "å", "%")]
    owners = [Entry("owner", "Organization", id) for id in ("o1", "o2")]
    dates = [day(n, days=length) for n in range(4) for length in (1, 2)]
    dates += [day(2)._replace(low=None), day(1)._replace(high=None)]
    made = []
    for n in range(count):
        entries = [*some(codes, 3), *some(names, 2), *some(owners, 1), *some(dates, 2)]
        index = naive.Index(chance.choice(["", "draft", "ready", "done"]), entries)
        made.append(Kept(f"t{n:02}", later(chance.randint(0, 5)), index))
    return made


def a_query(chance: random.Random) -> Query:
    def a_match(parameter: str) -> Match:
        if parameter == "deadline":
            names = chance.sample(["low_from", "low_before", "high_after", "high_to"], chance.randint(1, 2))
            return Match(**{name: NOW + timedelta(days=chance.randint(0, 5)) for name in names})
        if parameter == "_lastUpdated":
            names = chance.sample(["low_from", "low_before", "high_after", "high_to"], chance.randint(1, 2))
            return Match(**{name: later(chance.randint(0, 5)) for name in names})
        values = {
            "code": "abcd",
            "name": ["ol", "ola", "k", "å", "%", "l"],
            "owner": ["o1", "o2"],
            "status": ["draft", "ready", "done", "none"],
            "_id": ["t01", "t02", "t03", "t07", "t99"],
        }[parameter]
        how = chance.choice(["equal", "prefix", "contains"]) if parameter == "name" else "equal"
        system = {"code": [None, "", A, B], "owner": [None, "Organization"]}.get(parameter, [None])
        value = None if parameter == "code" and chance.random() < 0.2 else chance.choice(values)
        return Match(chance.choice(system), value, how)  # type: ignore[arg-type]

    parameters = ["code", "code", "name", "owner", "owner", "deadline", "status", "status", "_lastUpdated", "_id"]
    clauses = [
        Clause(parameter, [a_match(parameter) for _ in range(chance.randint(1, 3))], negated=chance.random() < 0.2)
        for parameter in chance.sample(parameters, chance.randint(0, 3))
    ]
    keys = chance.sample(["_lastUpdated", "_id", "status", "deadline", "name", "code"], chance.choice([0, 0, 1, 1, 2]))
    return Query("Task", clauses, [(key, chance.random() < 0.5) for key in keys], limit=chance.choice([1, 3, 50]))


@pytest.mark.parametrize("ways", WAYS)
def test_every_search_finds_and_orders_what_a_plain_reading_of_it_does_page_by_page(
    store: DatabaseStore, ways: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "FEW", ways[0])
    monkeypatch.setattr(search, "FEW_SORTED", ways[1])
    chance, all_kept = random.Random(SEED), by_chance(SEED, 40)
    for one in all_kept:
        other = Draft("Observation", one.id, one.index, lambda _version, _updated: b"{}")
        with store.write() as unit:
            unit.put(OURS, [Draft("Task", one.id, one.index, lambda _version, _updated: b"{}"), other], one.updated)
    put(store, a_draft("theirs", type="Task", status="draft"), tenant=THEIRS)

    for _ in range(150):
        query = a_query(chance)
        wanted = naive.search(all_kept, query)
        with store.read() as unit:
            counted = [unit.count(OURS, query), unit.count(OURS, query, 2)]
        assert [pages(store, query), *counted] == [wanted, len(wanted), min(len(wanted), 2)], f"STAFETT_SEED={SEED}: {query}"
