"""What a search gives beside what it found, how much of each resource, and how a person is searched for.

Expectations are derived by hand from R4's search.html, whose section stands beside them; the world is in `world.py`.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.fhir.search import pairs_of
from adapter.fhir.types import TYPES, includes, modifiers, revincludes
from adapter.ports import Store
from tests.fhir import world
from tests.fhir.world import (
    BASE,
    BEGAN,
    FNR,
    HOSPITAL,
    MUNICIPALITY,
    NUMBER,
    Json,
    entries,
    follow,
    found,
    ids,
    links,
    opened,
)


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


# #include
@pytest.mark.parametrize(
    ("type", "query", "matches", "included"),
    [
        ("Task", "_id=t0&_include=Task:focus", ["t0"], ["c1"]),
        ("Task", "_id=t0&_include=Task:focus:CarePlan", ["t0"], ["c1"]),
        ("Task", "_id=t0&_include=Task:focus:Task", ["t0"], []),
        ("Task", "_id=t0,t1,t2&_include=Task:subject", ["t2", "t1", "t0"], ["p1"]),  # once
        ("Task", "_id=t0&_include=Task:subject&_include=Task:owner&_include=Task:patient", ["t0"], ["p1", "o1"]),
        ("Task", "_id=t3,t4&_include=Task:focus", ["t4", "t3"], []),  # found already
        ("Task", "_id=t4&_include=Task:focus", ["t4"], ["t3"]),
        ("Task", "_id=t3&_include=Task:owner", ["t3"], []),  # another server's
        ("Task", "_id=t2&_include=Task:owner", ["t2"], []),  # by identifier alone
        ("Task", "_id=t0&_include=Task:subject&_include=Patient:organization", ["t0"], ["p1"]),  # not without :iterate
        ("Task", "_id=t0&_include=Task:subject&_include:iterate=Patient:organization", ["t0"], ["p1", "o1"]),
        (
            "Task",
            "_id=t0&_include=Task:subject&_include:iterate=Patient:organization&_include:iterate=Organization:partof",
            ["t0"],
            ["p1", "o1", "o2"],
        ),
        ("Task", "_id=t5&_include:iterate=Task:part-of&_include:iterate=Task:focus", ["t5"], ["t4", "t3"]),
        ("Task", "_id=t1,t2&_revinclude=Provenance:target", ["t2", "t1"], ["w1", "w2"]),
        ("Task", "_id=t2&_revinclude=Provenance:target:Task", ["t2"], ["w1"]),
        ("Task", "_id=t5&_revinclude=Provenance:target", ["t5"], []),
        ("Patient", "_id=p1&_revinclude=CarePlan:patient&_revinclude:iterate=Task:focus", ["p1"], ["c1", "t0"]),
        ("EpisodeOfCare", "_revinclude=CarePlan:episode&_include=EpisodeOfCare:team", ["e1"], ["c1", "ct1"]),
    ],
)
def test_what_belongs_to_the_found_is_given_beside_it(
    store: Store, type: str, query: str, matches: list[str], included: list[str]
) -> None:
    bundle = found(store, type, pairs_of(query), strict=False)

    assert (ids(bundle), sorted(ids(bundle, "include"))) == (matches, sorted(included))
    assert bundle["total"] == len(matches)


def test_nothing_of_another_organisation_is_given_beside(store: Store) -> None:
    # The municipality's Task m2 has references to the hospital's CarePlan, Task and Patient, and w3 of theirs to our t1.
    theirs = found(store, "Task", pairs_of("_include=Task:focus&_include=Task:part-of&_include=Task:subject"), tenant=MUNICIPALITY)
    ours = found(store, "Task", pairs_of("_id=t1,t4&_revinclude=Provenance:target&_revinclude=Task:part-of"))

    assert (ids(theirs), ids(theirs, "include"), theirs["total"]) == (["m2"], [], 1)
    assert sorted(ids(ours, "include")) == ["t5", "w1", "w2"]


def test_no_more_is_given_beside_than_is_bearable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapter.fhir.includes.MOST_INCLUDED", 1)
    bundle = found(store, "Task", pairs_of("_id=t1&_revinclude=Provenance:target&_include=Task:owner"))

    assert len(ids(bundle, "include")) == 1
    assert [one["code"] for one in entries(bundle, "outcome")[0]["issue"]] == ["too-costly"]


def test_a_long_chain_is_followed_some_steps_and_told_of(own: Store) -> None:
    with own.write() as unit:
        links_up = [world.task(n, partOf=[{"reference": f"Task/z{n + 1}"}]) for n in range(8)]
        unit.put(HOSPITAL, [world.draft("Task", f"z{n}", body) for n, body in enumerate(links_up)], BEGAN)
    bundle = found(own, "Task", pairs_of("_id=z0&_include:iterate=Task:part-of"))

    assert sorted(ids(bundle, "include")) == ["z1", "z2", "z3", "z4", "z5"]
    assert [one["location"] for one in entries(bundle, "outcome")[0]["issue"]] == [["http._include"]]


def names(resource: Json) -> set[str]:
    return set(resource)


# #summary, #elements
WHOLE = {"resourceType", "id", "meta", "identifier", "status", "intent", "for", "code", "owner", "authoredOn", "focus"} | {
    "restriction",
    "text",
    "description",
}


@pytest.mark.parametrize(
    ("query", "left"),
    [
        # Task's summary elements (task.html, marked with a sigma); identifier, authoredOn and restriction are none in R4
        ("_summary=true", WHOLE - {"identifier", "authoredOn", "restriction", "text"}),
        ("_summary=text", {"resourceType", "id", "meta", "text", "status", "intent"}),
        ("_summary=data", WHOLE - {"text"}),
        ("_summary=false", WHOLE),
        ("_elements=owner,for", {"resourceType", "id", "meta", "status", "intent", "owner", "for"}),
    ],
)
def test_a_part_of_each_resource_can_be_asked_for(store: Store, query: str, left: set[str]) -> None:
    bundle = found(store, "Task", pairs_of(f"_id=t0&{query}"))
    (resource,) = entries(bundle)
    subsetted = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}

    assert names(resource) == left
    assert (subsetted in resource["meta"]["tag"]) == (query != "_summary=false")
    assert {"system": "urn:t", "code": "x"} in resource["meta"]["tag"]
    with store.read() as unit:
        stored = unit.read(HOSPITAL, "Task", "t0")
    assert stored is not None
    assert b"SUBSETTED" not in stored.body


def test_what_is_included_is_summed_up_too_but_has_its_own_elements(store: Store) -> None:
    summed = found(store, "Task", pairs_of("_id=t0&_include=Task:subject&_summary=data"))
    chosen = found(store, "Task", pairs_of("_id=t0&_include=Task:subject&_elements=owner"))

    assert "tag" in entries(summed, "include")[0]["meta"]
    assert "birthDate" in entries(chosen, "include")[0]


def by_form(store: Store, type: str, *pairs: tuple[str, str], **given: Any) -> Json:
    return found(store, type, pairs, private=True, **given)


@pytest.mark.parametrize("value", [NUMBER, f"{FNR}|{NUMBER}", f"|{NUMBER}", f"a,{NUMBER[:6]} {NUMBER[6:]}", "HNR|7"])
@pytest.mark.parametrize("name", ["identifier", "identifier:not", "_id", "whatever"])
def test_a_national_number_in_an_address_is_refused_and_not_repeated(store: Store, name: str, value: str) -> None:
    with pytest.raises(Problem) as refused:
        found(store, "Patient", [(name, value)], strict=False)

    (finding,) = refused.value.findings
    assert "POST [type]/_search" in finding.en
    assert NUMBER not in repr(finding)


def test_a_person_is_found_by_a_form_and_no_link_holds_the_number(store: Store) -> None:
    bundle = by_form(store, "Patient", ("identifier", f"{FNR}|{NUMBER}"), ("_sort", "_id"))

    assert (ids(bundle), bundle["total"]) == (["p1"], 1)
    assert bundle["link"] == [{"relation": "self", "url": f"{BASE}/Patient?_sort=_id"}]
    assert ids(by_form(store, "Patient", ("identifier", NUMBER), tenant=MUNICIPALITY)) == ["m1"]


def test_a_search_by_number_goes_on_by_ids(own: Store) -> None:
    related = {"identifier": [{"system": FNR, "value": NUMBER}], "patient": {"reference": "Patient/p1"}}
    with own.write() as unit:
        unit.put(HOSPITAL, [world.draft("RelatedPerson", f"k{number}", related) for number in range(5)], BEGAN)
    bundle = by_form(
        own, "RelatedPerson", ("identifier", NUMBER), ("_count", "2"), ("_sort", "_id"), ("_include", "RelatedPerson:patient")
    )
    seen = [*ids(bundle)]
    while "next" in links(bundle):
        token = dict(parse_qsl(urlsplit(links(bundle)["next"]).query))["_page"]
        assert NUMBER.encode() not in urlsafe_b64decode(token + "=" * (-len(token) % 4))
        bundle = follow(own, links(bundle)["next"])
        assert (bundle["total"], ids(bundle, "include")) == (5, ["p1"])
        seen += ids(bundle)

    assert seen == ["k0", "k1", "k2", "k3", "k4"]


def test_more_than_a_search_by_number_gives_is_told_of(own: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapter.fhir.searching.PRIVATE", 1)
    with own.write() as unit:
        unit.put(HOSPITAL, [world.draft("Patient", "p3", {"identifier": [{"system": FNR, "value": NUMBER}]})], BEGAN)
    bundle = by_form(own, "Patient", ("identifier", NUMBER))

    assert (len(ids(bundle)), bundle["total"]) == (1, 2)
    assert [one["code"] for one in entries(bundle, "outcome")[0]["issue"]] == ["too-costly"]


def test_a_search_too_long_for_a_link_is_told_how_it_can_be_made(store: Store) -> None:
    many = ("_id", ",".join(["t0", "t1", *(f"{number:064}" for number in range(300))]))

    with pytest.raises(Problem) as refused:
        by_form(store, "Task", many, ("_count", "1"))
    assert (refused.value.kind, refused.value.findings[0].where) == (Kind.INVALID, "http._count")
    assert ids(by_form(store, "Task", many)) == ["t1", "t0"]


VALUES = {"token": "x", "reference": "x", "date": "ge2026", "string": "x", "uri": "http://x.no/y"}


@pytest.mark.parametrize("type", sorted(TYPES))
def test_every_parameter_modifier_and_include_that_is_described_is_carried_out(store: Store, type: str) -> None:
    for name, parameter in TYPES[type].items():
        found(store, type, [(name, VALUES[parameter.type]), ("_sort", f"{name},-{name}")])
        for modifier in modifiers(type, name):
            value = {"missing": "true", "identifier": "urn:a|x"}.get(modifier, VALUES[parameter.type])
            found(store, type, [(f"{name}:{modifier}", value)])
    found(store, type, [("_include", one) for one in includes(type)])
    for one in revincludes(type):
        found(store, type, [("_revinclude", one)])
