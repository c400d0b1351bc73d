"""Searches as an oracle: what one organisation is told does not depend on what another has, nor on a patient who is closed to it.

Each question is put to two databases, with and without what must not show, and the answers are the same to the byte: Bundles with
their totals, links and pages, and refusals with their words. Expectations come from the other database, of which the code that
hides knows nothing.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from adapter.domain.problem import Problem
from adapter.fhir import compartments, history
from adapter.fhir.everything import everything
from adapter.fhir.face import Asked, Face
from adapter.fhir.limits import Limits
from adapter.fhir.links import unseal
from adapter.fhir.searching import search
from adapter.ports import Clock, Store
from adapter.security.visit import Visit
from adapter.storage import DatabaseStore, open_store, through
from adapter.usecases.writing import Rules
from tests.fhir import world
from tests.fhir.test_blocks import UNIT
from tests.fhir.test_blocks_law import asked, graph
from tests.fhir.world import BASE, BEGAN, HOSPITAL, KEY, MUNICIPALITY
from tests.stores import with_tables

SEED = int(os.environ.get("STAFETT_SEED") or (1 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(10**6)))
ROUNDS = 40
PATIENTS = ("p1", "p2", "p3", "theirs")

Pairs = list[tuple[str, str]]


class Still:
    def now(self) -> Any:
        return BEGAN


FACE = Face(cast(Clock, Still()), cast(Rules, None), KEY, BASE, "1", open_access=True, limits=Limits())


@dataclass(frozen=True)
class Question:
    """What is asked: a type (or a type, an id and `$everything`), or all types of a compartment."""

    kind: str
    type: str
    id: str
    pairs: Pairs

    def put(self, store: Store, tenant: str, pairs: Pairs) -> bytes:
        visit = Visit(world.visit(store, tenant).caller, store, world.visit(store, tenant).trail)
        request = Asked(visit, self.type, self.id, pairs)
        if self.kind == "everything":
            return everything(FACE, request, b"").body
        if self.kind == "whole":
            return compartments.whole(FACE, request, self.id).body
        with store.read() as unit:
            if self.kind == "history":
                return history.history(FACE, request, unit).body
            within = compartments.within(self.type, self.id) if self.kind == "within" else None
            return search(unit, visit, self.type, pairs, base=BASE, key=KEY, strict=True, private=True, now=BEGAN, within=within)


def answers(store: Store, question: Question, tenant: str = HOSPITAL) -> list[bytes]:
    """All pages, with what their sealed links hold in place of the seal; or the refusal."""
    found, pairs = [], question.pairs
    while True:
        try:
            body = question.put(store, tenant, pairs)
        except Problem as refused:
            return [*found, repr(refused.findings).encode()]
        urls = [link["url"] for link in msgspec.json.decode(body)["link"]]
        for value in {value for url in urls for name, value in parse_qsl(urlsplit(url).query) if name == "_page"}:
            place = unseal(KEY, world.visit(store, tenant).caller.mark, value, BEGAN)
            body = body.replace(value.encode(), str(place).encode())
        found.append(body)
        after = [url for url in urls[1:] if "_page=" in url]
        if not after:
            return found
        pairs = parse_qsl(urlsplit(after[0]).query, keep_blank_values=True)


def questions(chance: random.Random) -> Iterator[Question]:
    """Searches by chance, then every way to all of something, and what is refused."""
    for _ in range(ROUNDS):
        yield Question("search", (one := asked(chance))[0], "", one[1])
    for patient in PATIENTS:
        for count in ("3", "200"):
            yield Question("everything", "Patient", patient, [("_count", count)])
            yield Question("everything", "EpisodeOfCare", f"{patient}-e", [("_count", count)])
            yield Question("whole", "Patient", patient, [("_count", count)])
            yield Question("within", "Task", patient, [("_count", count), ("owner.name", "sykehus")])
        yield Question("everything", "Patient", patient, [("_type", "Task"), ("_since", "2026-05-01T08:10:00Z")])
        yield Question("within", "Task", patient, [("_summary", "count"), ("_has:Provenance:target:recorded", "ge2026")])
    for type in ("Task", "Patient", "Organization"):
        yield Question("history", type, "", [("_count", "5")])
    for name, value in (("_has:Task:colour:status", "x"), ("owner.colour", "x"), ("patient.identifier", "|"), ("_page", "x")):
        yield Question("search", "Task", "", [(name, value)])


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], DatabaseStore]]:
    made: list[DatabaseStore] = []

    def one() -> DatabaseStore:
        on_sqlite = with_tables(tmp_path / f"{len(made)}.db")
        made.append(open_store(request.getfixturevalue("postgresql")() if request.param == "postgresql" else on_sqlite))
        made[-1].migrate()
        return made[-1]

    yield one
    for store in made:
        store.close()


def fill(store: Store, tenant: str, seed: int, *, without: str = "", also: str = "") -> None:
    """The graph of a seed; `also` makes it of one more patient, whose things have ids of their own."""
    with store.write() as unit:
        for number, (whose, type, id, body) in enumerate(graph(seed)):
            if whose and whose == without:
                continue
            said = {key: value for key, value in body.items() if key != "resourceType"}
            unit.put(tenant, [world.draft(type, id, said)], BEGAN + timedelta(minutes=number // 3))
            if also and whose == "p3":
                other = msgspec.json.decode(msgspec.json.encode(said).replace(b"p3", also.encode()))
                unit.put(tenant, [world.draft(type, id.replace("p3", also), other)], BEGAN + timedelta(minutes=number // 3))


def test_an_organisation_is_told_the_same_whether_another_is_there_or_not(
    opened: Callable[[], DatabaseStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other has the same ids with other content, and more: what ours refer to is there at times, of theirs alone."""
    alone, both = opened(), opened()
    for store in (alone, both):
        fill(store, HOSPITAL, SEED, without="p2")
    fill(both, MUNICIPALITY, SEED + 1, also="theirs")

    differed = 0
    for number, question in enumerate(questions(random.Random(SEED))):
        monkeypatch.setattr(through, "MANY", (0, 5_000)[number % 2])  # asked of each, or named
        told = answers(both, question)
        assert told == answers(alone, question), (SEED, question)
        differed += told != answers(both, question, MUNICIPALITY)
    assert differed > ROUNDS / 3  # else theirs were no different, and this would say nothing


def test_whom_a_patient_has_blocked_is_told_what_they_would_be_told_had_the_patient_never_been(
    opened: Callable[[], DatabaseStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, never = opened(), opened()
    fill(whole, HOSPITAL, SEED)
    fill(never, HOSPITAL, SEED, without="p1")
    seen = whole.seen_by([HOSPITAL], [UNIT])

    differed = 0
    for number, question in enumerate(questions(random.Random(SEED))):
        monkeypatch.setattr(through, "MANY", (0, 5_000)[number % 2])  # asked of each, or named
        told = answers(seen, question)
        assert told == answers(never, question), (SEED, question)
        differed += told != answers(whole, question)
    assert differed > ROUNDS / 3
