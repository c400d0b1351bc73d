"""_has: resources by what refers to them (https://hl7.org/fhir/R4/search.html#has); the world is in `world.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.failures import Refused
from adapter.fhir.search import pairs_of
from adapter.fhir.searching import search
from adapter.ports import Store
from adapter.security.scopes import access_of
from tests.fhir.world import BASE, BEGAN, FNR, KEY, NUMBER, found, ids, links, opened, visit


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(tmp_path_factory.mktemp("has")) as filled:
        yield filled


@pytest.mark.parametrize(
    ("type", "query", "matches"),
    [
        ("Patient", "_has:Task:patient:status=requested", ["p1"]),
        ("Patient", "_has:Task:patient:status=draft", ["p1", "p2"]),
        ("Patient", "_has:Task:patient:status:not=draft", ["p1"]),  # all of p2's are drafts
        ("Patient", "_has:Task:patient:status=draft&_has:Task:patient:status=requested", ["p1"]),  # not the same Task
        ("Patient", "_has:Task:patient:status=draft&active=false", ["p2"]),
        ("Patient", "_has:Task:patient:identifier=urn:a|4", ["p2"]),
        ("Patient", "_has:Task:patient:_id=t4,t9", ["p2"]),
        ("Patient", "_has:Task:patient:_tag=urn:t|x", ["p1"]),
        ("Patient", "_has:Task:patient:owner:missing=true", ["p1", "p2"]),
        ("Patient", "_has:EpisodeOfCare:patient:phase=treatment", ["p1"]),
        ("Patient", "_has:EpisodeOfCare:patient:phase=closed", []),
        ("Organization", "_has:Patient:organization:family=øde", ["o1"]),
        ("Organization", "_has:Organization:partof:name=sørlandet", ["o2"]),
        ("Organization", "_has:Task:owner:patient.family=ødegård", ["o1"]),  # a chain behind it; t3's owner is another server's
        ("Task", "_has:Provenance:target:recorded=ge2026", ["t2", "t1"]),
        ("Task", "_has:Task:focus:status=draft", ["t3"]),
        ("Task", "_has:Task:part-of:_has:Task:part-of:status=cancelled", []),
        ("Task", "_has:Task:focus:_has:Task:part-of:status=cancelled", ["t3"]),  # t5 is of t4, whose focus is t3
        ("Task", "patient._has:EpisodeOfCare:patient:status=active&status=requested", ["t2", "t1"]),  # behind a chain
        ("CareTeam", "_has:EpisodeOfCare:team:patient.organization.name=sørlandet", ["ct1"]),  # three steps
        ("Patient", "_has:Task:patient:status=none", []),
    ],
)
@pytest.mark.parametrize("many", [0, 5_000])
def test_what_is_referred_to_is_found(
    store: Store, type: str, query: str, matches: list[str], many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapter.storage.through.MANY", many)
    bundle = found(store, type, pairs_of(query))

    assert (sorted(ids(bundle)), bundle["total"]) == (sorted(matches), len(matches))
    assert found(store, type, pairs_of(f"{query}&_summary=count"))["total"] == len(matches)


@pytest.mark.parametrize(
    "query",
    [
        "_has:Task:patient:_has:Task:focus:status=x",  # no Task is a focus of a Patient's, but the reference must lead to a Task
        "_has:Task:focus:_has:Task:focus:_has:Task:focus:_has:Task:focus:status=x",  # four steps
        "_has:Task:nothing:status=x",
        "_has:Nothing:patient:status=x",
        "_has:Task:patient=x",
        "_has:::=x",
        "_has=x",
        "_has.patient=x",
    ],
)
def test_what_cannot_be_followed_is_refused_even_where_much_is_forgiven(store: Store, query: str) -> None:
    with pytest.raises(Problem) as refused:
        found(store, "EpisodeOfCare", pairs_of(query), strict=False)

    assert {finding.kind for finding in refused.value.findings} == {Kind.INVALID}


def test_the_link_self_says_it_and_pages_hold_all(store: Store) -> None:
    first = found(store, "Patient", pairs_of("_has:Task:patient:status=draft&_count=1"))
    second = found(store, "Patient", [("_page", links(first)["next"].partition("_page=")[2])])

    assert links(first)["self"] == f"{BASE}/Patient?_has%3ATask%3Apatient%3Astatus=draft&_count=1"
    assert ids(first) + ids(second) == ["p2", "p1"]
    assert "total" not in first  # more than a page of them is counted when asked for
    assert found(store, "Patient", pairs_of("_has:Task:patient:status=draft&_count=1&_total=accurate"))["total"] == 2


@pytest.mark.parametrize(
    ("scopes", "query"),
    [
        (["system/Patient.rs"], "_has:Task:patient:status=draft"),
        (["system/Patient.rs", "system/Task.rs"], "_has:Task:patient:owner:Organization.name=x"),
        (["system/Patient.rs", "system/Organization.rs"], "_has:Task:patient:owner:Organization.name=x"),
        (["system/Patient.rs", "system/Task.r"], "_has:Task:patient:status=draft"),
    ],
)
def test_each_type_on_the_way_takes_its_scope(store: Store, scopes: list[str], query: str) -> None:
    guest = visit(store)
    guest = replace(guest, caller=replace(guest.caller, access=access_of(scopes, {})))
    with pytest.raises(Refused) as refused, store.read() as unit:
        search(unit, guest, "Patient", pairs_of(query), base=BASE, key=KEY, strict=True, private=False, now=BEGAN)

    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("type", "name", "value", "about"),
    [
        ("Organization", "_has:Task:owner:patient", "Patient/p1", "p1"),
        ("Organization", "_has:Patient:organization:identifier", f"{FNR}|{NUMBER}", f"{FNR}|{NUMBER}"),
        ("Provenance", "target:Task.patient._id", "p1", "p1"),
        ("Task", "_has:Task:focus:patient:identifier", f"{FNR}|{NUMBER}", f"{FNR}|{NUMBER}"),
    ],
)
def test_whom_it_names_is_written_in_the_audit(store: Store, type: str, name: str, value: str, about: str) -> None:
    guest: Any = visit(store)
    guest.trail.caller = guest.caller
    with store.read() as unit:
        search(unit, guest, type, [(name, value), ("_summary", "count")], base=BASE, key=KEY, strict=True, private=True, now=BEGAN)

    assert [about in record.about for record in guest.trail.records(200)] == [True]
    assert NUMBER not in str([record.body for record in guest.trail.records(200)]) or about == f"{FNR}|{NUMBER}"


def test_a_persons_number_stands_in_no_address(store: Store) -> None:
    with pytest.raises(Problem) as refused:
        found(store, "Organization", [("_has:Patient:organization:identifier", NUMBER)])

    assert "POST [type]/_search" in refused.value.findings[0].en
