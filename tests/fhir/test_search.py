"""Search over a real store: what is found, and in which order and pages.

Expectations are derived by hand from R4's search.html, whose section stands beside them; the world is in `world.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from fhir.resources.R4B.bundle import Bundle

from adapter.domain.problem import Kind, Problem
from adapter.fhir.links import LIFETIME
from adapter.fhir.search import pairs_of
from adapter.ports import Store
from tests.fhir import world
from tests.fhir.world import (
    BASE,
    BEGAN,
    EVENT,
    HOSPITAL,
    KIND,
    MUNICIPALITY,
    entries,
    follow,
    found,
    ids,
    links,
    opened,
)

ALL = ["t5", "t4", "t3", "t2", "t1", "t0"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The world, which nobody changes."""
    with opened(tmp_path_factory.mktemp("search")) as filled:
        yield filled


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Store]:
    """The world, to be changed by one test."""
    with opened(tmp_path) as filled:
        yield filled


@pytest.mark.parametrize(
    ("type", "query", "expected"),
    [
        ("Task", "", ALL),
        ("Task", "_id=t3,t1,none", ["t3", "t1"]),
        ("Task", "_id=t3,t1&_id=t1,t2", ["t1"]),
        ("Task", "_id:not=t3,t1", ["t5", "t4", "t2", "t0"]),
        # #token
        ("Task", "identifier=urn:a|3", ["t3"]),
        ("Task", "identifier=3,4", ["t4", "t3"]),
        ("Task", "identifier=3&identifier=4", []),
        ("Task", "identifier=urn:a|", ALL),
        ("Task", "identifier=|3", []),
        ("Task", "identifier=urn:b|3", []),
        ("Task", f"code={KIND}|deadline", ["t1"]),
        ("Task", f"code={EVENT}|M", ["t1"]),
        ("Task", "code=http://helsedir.no/fhir/CodeSystem/no-kodeverk-9322|M", ["t1"]),
        ("Task", "code=2.16.578.1.12.4.1.1.9322|M", ["t1"]),
        ("Task", "code=|bare", ["t2"]),
        ("Task", f"code={KIND}|", ["t1", "t0"]),
        ("Task", "code=|deadline", []),
        ("Task", "code:not=deadline,bare", ["t5", "t4", "t3", "t0"]),  # those without a code too
        ("Task", "code:missing=true", ["t5", "t4", "t3"]),
        ("Task", "code:missing=false", ["t2", "t1", "t0"]),
        ("Task", "status=requested", ["t2", "t1"]),
        ("Task", "status=http://hl7.org/fhir/task-status|requested,completed", ["t2", "t1", "t0"]),
        ("Task", "status=http://hl7.org/fhir/task-status|", ALL),
        ("Task", "status=urn:other|requested", []),
        ("Task", "status:not=draft,cancelled", ["t2", "t1", "t0"]),
        ("Task", "status:missing=true", []),
        ("Task", "status=requested&code=bare", ["t2"]),
        ("Task", "intent=order&_id=t0", ["t0"]),
        ("Flag", "status=inactive", ["f1"]),  # ours: R4 has none
        ("Patient", "active=false", ["p2"]),
        ("Task", "_tag=urn:t|x", ["t0"]),
        ("Task", "_tag:not=x", ["t5", "t4", "t3", "t2", "t1"]),
        # #reference
        ("Task", "patient=p2", ["t4"]),
        ("Task", "patient=Patient/p2", ["t4"]),
        ("Task", "subject:Patient=p2", ["t4"]),
        ("Task", f"subject={BASE}/Patient/p2", ["t4"]),
        ("Task", "subject=Organization/p2", []),
        ("Task", "owner=o1", ["t0"]),  # an id is of this server's resources
        ("Task", "owner=https://other.example/fhir/Organization/o1", ["t3"]),
        ("Task", "owner=Practitioner/d1,Organization/o1", ["t1", "t0"]),
        ("Task", "owner:identifier=urn:orgs|7", ["t2"]),
        ("Task", "owner:identifier=urn:orgs|8", []),
        ("Task", "focus=CarePlan/c1", ["t0"]),
        ("CarePlan", "care-team=ct1", ["c1"]),
        ("CarePlan", "episode=EpisodeOfCare/e1", ["c1"]),
        ("EpisodeOfCare", "team=CareTeam/ct1", ["e1"]),
        ("EpisodeOfCare", "phase=treatment", ["e1"]),
        ("EpisodeOfCare", "phase=waiting", []),
        # #date: the interval of what is stored against that of what is searched
        ("Task", "authored-on=2026-05-02", ["t1"]),
        ("Task", "authored-on=2026-05", ["t2", "t1", "t0"]),
        ("Task", "authored-on=2026-05-01T08:00:00Z", ["t0"]),
        ("Task", "authored-on=2026-05-01T10:00", ["t0"]),  # Norwegian
        ("Task", "authored-on=2026-05-01T10:00:00 02:00", ["t0"]),
        ("Task", "authored-on=gt2026-05-02", ["t2"]),  # May goes on after the 2nd
        ("Task", "authored-on=lt2026-05-01", []),  # no Norwegian May before the 1st
        ("Task", "authored-on=ge2026-05-02", ["t2", "t1"]),
        ("Task", "authored-on=le2026-05-01", ["t0"]),  # May begins with the 1st, not before, and is more than it
        ("Task", "authored-on=sa2026-05-01", ["t1"]),
        ("Task", "authored-on=eb2026-05-02", ["t0"]),
        ("Task", "authored-on=ne2026-05-02", ["t2", "t0"]),
        ("Task", "authored-on=ap2026-05-01", ["t2", "t1", "t0"]),  # 30 April to 2 May
        ("Task", "deadline=lt2026-06-01", ["t0"]),
        ("Task", "deadline=gt2026-06-15T11:59:59Z", ["t1"]),
        ("Task", "deadline=gt2026-06-15T12:00:00Z", []),
        ("EpisodeOfCare", "date=gt2030", ["e1"]),  # a Period without an end goes on
        ("EpisodeOfCare", "date=eb2026-05-01", []),
        ("Patient", "birthdate=1990", ["p2"]),
        ("Patient", "birthdate=1985-05", ["p1"]),
        ("Task", "_lastUpdated=2026-05-01T08:03:00Z", ["t3"]),
        ("Task", "_lastUpdated=gt2026-05-01T08:03:00Z", ["t5", "t4"]),
        ("Task", "_lastUpdated=ge2026-05-01T10:04", ["t5", "t4"]),
        ("Task", "_lastUpdated=gt2026-05-01T08:02:59Z&_lastUpdated=lt2026-05-01T08:05:00Z", ["t4", "t3"]),
        ("Task", "_lastUpdated=ne2026-05-01", []),
        ("Task", "_lastUpdated=2026", ALL),
        # #string
        ("Patient", "family=ode", ["p2"]),  # Ø is a letter, no accent
        ("Patient", "family=ØDEGÅRD", ["p1"]),
        ("Patient", "family:exact=ødegård", []),
        ("Patient", "family:exact=Ødegård", ["p1"]),
        ("Patient", "family:contains=GÅR", ["p1"]),
        ("Patient", "family:contains=g_r", ["p2"]),
        ("Patient", "family=%25", []),
        ("Patient", "given=renee", ["p1"]),
        ("Patient", "given:exact=renee", []),
        ("Patient", "name=kari", ["p1"]),
        ("Organization", "name=sør", ["o1"]),
        # #uri
        ("Task", "_profile=http://a.no/P/1", ["t0"]),
        ("Task", "_profile:below=http://a.no/P", ["t0"]),  # not Px
        ("Task", "_profile:above=http://a.no/P/1/x", ["t0"]),
        ("Task", "_source=urn:uuid:1", ["t0"]),
        # Literal, whatever a database would make of it
        ("Task", "identifier=%25", []),
        ("Task", "identifier=' OR 1=1;--", []),
        ("Task", "identifier=\\", []),
    ],
)
def test_a_search_finds_what_the_standard_says(store: Store, type: str, query: str, expected: list[str]) -> None:
    bundle = found(store, type, pairs_of(query))

    assert sorted(ids(bundle)) == sorted(expected)
    assert bundle["total"] == len(expected)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ALL),  # ours: newest first
        ("_lastUpdated", ALL[::-1]),
        ("-_lastUpdated", ALL),
        ("_id", ALL[::-1]),
        ("-_id", ALL),
        # t2 (May) begins before t0 and t1 and ends after them; those without come last, by id
        ("authored-on", ["t2", "t0", "t1", "t3", "t4", "t5"]),
        ("-authored-on", ["t2", "t1", "t0", "t5", "t4", "t3"]),
        ("status,-_id", ["t5", "t0", "t4", "t3", "t2", "t1"]),
        ("-status,_id", ["t1", "t2", "t3", "t4", "t0", "t5"]),
        ("patient,-authored-on,_id", ["t2", "t1", "t0", "t3", "t5", "t4"]),
    ],
)
@pytest.mark.parametrize("count", ["2", "200"])
def test_results_come_in_the_order_asked_for_over_all_pages(store: Store, sort: str, expected: list[str], count: str) -> None:
    pairs = [("_count", count), *([("_sort", sort)] if sort else [])]
    bundle = found(store, "Task", pairs)
    seen = ids(bundle)
    while "next" in links(bundle):
        bundle = follow(store, links(bundle)["next"])
        seen += ids(bundle)
        assert bundle["total"] == 6

    assert seen == expected


def test_a_page_is_a_bundle_of_the_bytes_that_were_stored(store: Store) -> None:
    with store.read() as unit:
        from adapter.fhir.searching import search

        stored = unit.read(HOSPITAL, "Task", "t0")
        body = search(
            unit, world.visit(store), "Task", [("_id", "t0")], base=BASE, key=world.KEY, strict=True, private=False, now=BEGAN
        )

    assert stored is not None
    assert stored.body in body
    bundle = Bundle.model_validate_json(body)
    assert (bundle.type, bundle.total, bundle.entry[0].fullUrl) == ("searchset", 1, f"{BASE}/Task/t0")
    assert [(one.relation, str(one.url)) for one in bundle.link] == [("self", f"{BASE}/Task?_id=t0")]


# #total: of all pages; it may be left out where it is costly.
@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("", 6),
        ("_count=2", 6),
        ("_count=2&_total=none", None),
        ("_total=none", None),
        ("_count=2&_total=accurate", 6),
        ("_count=2&_total=estimate", 6),
        ("_count=2&status=requested", 2),
    ],
)
def test_the_total_is_given_unless_it_is_not_wanted(store: Store, query: str, total: int | None) -> None:
    assert found(store, "Task", pairs_of(query)).get("total") == total


def test_a_total_that_costs_much_is_left_out_unless_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapter.fhir.searching.COUNTED", 5)
    several = pairs_of("_count=2")

    assert "total" not in found(store, "Task", several)
    assert found(store, "Task", [*several, ("_total", "accurate")])["total"] == 6
    assert found(store, "Task", [*several, ("status", "requested")])["total"] == 2


@pytest.mark.parametrize("query", ["_summary=count", "_count=0", "_summary=count&_count=5", "_summary=count&_total=none"])
def test_the_number_alone_can_be_asked_for(store: Store, query: str) -> None:
    bundle = found(store, "Task", pairs_of(f"status=requested&{query}"))

    assert (bundle["total"], "entry" in bundle, list(links(bundle))) == (2, False, ["self"])


def test_the_self_link_holds_what_was_used(store: Store) -> None:
    bundle = found(store, "Task", pairs_of("status=draft&colour=red&_count=1000&_sort=-_id,x&_format=xml"), strict=False)

    assert links(bundle)["self"] == f"{BASE}/Task?status=draft&_sort=-_id&_count=200&_format=xml"
    (outcome,) = entries(bundle, "outcome")
    assert [(one["severity"], one["location"]) for one in outcome["issue"]] == [
        ("warning", ["http.colour"]),
        ("warning", ["http._sort"]),
    ]


def test_the_next_link_keeps_the_format(store: Store) -> None:
    bundle = found(store, "Task", pairs_of("_count=2&_format=xml&_pretty=true"))

    assert [pair for pair in parse_qsl(urlsplit(links(bundle)["next"]).query) if pair[0] != "_page"] == [
        ("_format", "xml"),
        ("_pretty", "true"),
    ]


def test_a_page_link_is_good_for_its_caller_its_type_and_a_day(store: Store) -> None:
    address = links(found(store, "Task", [("_count", "2")]))["next"]
    token = dict(parse_qsl(urlsplit(address).query))["_page"]
    changed = [token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"), "A" + token[1:], token[:10], "x", "é", "A" * 9000]

    for other in [one for one in changed if one != token]:
        with pytest.raises(Problem) as refused:
            found(store, "Task", [("_page", other)])
        assert refused.value.kind is Kind.NOT_FOUND
    for given in ({"tenant": MUNICIPALITY}, {"now": BEGAN + LIFETIME + timedelta(seconds=1)}):
        with pytest.raises(Problem) as refused:
            follow(store, address, **given)
        assert refused.value.kind is Kind.NOT_FOUND
    with pytest.raises(Problem):
        found(store, "Patient", [("_page", token)])
    assert ids(follow(store, address, now=BEGAN + LIFETIME - timedelta(seconds=1))) == ["t3", "t2"]


def test_what_comes_between_two_pages_moves_none_of_the_others(own: Store) -> None:
    first = found(own, "Task", pairs_of("_count=3&_sort=_id&patient=p1"))
    with own.write() as unit:
        unit.put(HOSPITAL, [world.draft("Task", "t00", world.task(100))], BEGAN)
    second = follow(own, links(first)["next"])

    assert ids(first) + ids(second) == ["t0", "t1", "t2", "t3", "t5"]
