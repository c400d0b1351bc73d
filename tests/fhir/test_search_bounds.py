"""How much one search may ask for: each of these is a form of a few kilobytes that would keep a database busy for minutes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.fhir.clauses import ALTERNATIVES, STEPS
from adapter.fhir.search import CLAUSES
from adapter.ports import Store
from tests.fhir.world import found, ids, opened


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with opened(Path(tmp_path_factory.mktemp("bounds"))) as store:
        yield store


def many(form: str, number: int) -> str:
    return ",".join(form.format(n) for n in range(number))


LARGEST = {
    "codes": ("Task", [("identifier", many("urn:a|{}", ALTERNATIVES))]),
    "systems": ("Task", [("identifier", many("urn:{}|x", ALTERNATIVES))]),
    "other systems": ("Task", [("identifier:not", many("urn:{}|x", ALTERNATIVES))]),
    "dates, each an either-or": ("Task", [("authored-on", ",".join(["ne2026-05-02"] * (ALTERNATIVES // 2)))]),
    "texts": ("Patient", [("name:contains", many("x{}", ALTERNATIVES))]),
    "beginnings": ("Patient", [("name", many("x{}", ALTERNATIVES))]),
    "addresses": ("Task", [("_profile:below", many("http://a.no/{}", ALTERNATIVES // 2))]),
    "steps": ("Task", [("_profile:above", "http://" + "/".join(["a"] * STEPS))]),
    "clauses": ("Task", [("_tag:not", str(number)) for number in range(CLAUSES)]),
    "chains": ("Task", [("owner:Organization.name", "x")] * CLAUSES),
}


@pytest.mark.parametrize("name", LARGEST)
def test_as_much_as_is_allowed_is_answered(store: Store, name: str) -> None:
    type, pairs = LARGEST[name]
    began = time.monotonic()

    assert found(store, type, pairs)["type"] == "searchset"
    assert found(store, type, [*pairs, ("_sort", "identifier")])["type"] == "searchset"
    assert time.monotonic() - began < 10


BEYOND = {
    "alternatives": ("Task", [("identifier", many("urn:a|{}", ALTERNATIVES + 1))]),
    "alternatives of several": ("Task", [("identifier:not", many("{}", 300)), ("owner", many("o{}", 300))]),
    "dates, each an either-or": ("Task", [("authored-on", ",".join(["ne2026-05-02"] * 400))]),
    "alternatives at the end of chains": ("Task", [("owner:Organization.name", many("x{}", 300)), ("code", many("{}", 300))]),
    "steps": ("Task", [("_profile:above", "http://" + "a/" * 20_000)]),
    "clauses": ("Task", [("_tag:not", str(number)) for number in range(CLAUSES + 1)]),
    "clauses and chains": ("Task", [("owner:Organization.name", "x")] * CLAUSES + [("_tag:not", "x")]),
}


@pytest.mark.parametrize("name", BEYOND)
def test_more_is_refused_at_once(store: Store, name: str) -> None:
    type, pairs = BEYOND[name]
    began = time.monotonic()
    with pytest.raises(Problem) as raised:
        found(store, type, pairs)

    assert raised.value.kind is Kind.INVALID
    assert time.monotonic() - began < 10


def test_what_is_said_many_times_is_asked_as_once(store: Store) -> None:
    assert ids(found(store, "Task", [("status", ",".join(["draft"] * ALTERNATIVES))])) == ["t4", "t3"]
