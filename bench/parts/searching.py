"""Searches by what lies beyond a reference, among a million Tasks: chains, `_has`; and all of a pathway by `$everything`.

The Tasks of `bench.tasks`, four to a pathway, with their Patients and EpisodesOfCare. One patient in a hundred has the same
family name, as the commonest in Norway nearly has; the others share theirs with nine. A quarter of the pathways are in each phase.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Final, cast
from uuid import NAMESPACE_OID, uuid5

from adapter.domain.identity import BASE
from adapter.fhir.everything import everything
from adapter.fhir.face import Asked, Face
from adapter.fhir.limits import Limits
from adapter.fhir.search import pairs_of
from adapter.fhir.searching import search
from adapter.ports import Clock, Store, Stored
from adapter.r4.index import Index
from adapter.security.caller import Caller
from adapter.security.trail import Trail
from adapter.security.visit import Visit
from adapter.storage import open_store
from adapter.usecases.writing import Rules
from bench.loading import Making, draft_of, load_all, stored_of, stored_task
from bench.row import Row
from bench.shared import database, engines
from bench.tasks import BEGAN, ORGANISATION, id, task

WHOLE, SOME = 1_000_000, 40_000
FULL: Final = {"tasks": WHOLE}
EACH: Final = 4  # Tasks of a patient
PHASES: Final = ("assessment", "treatment", "follow-up", "closed")
TIMES: Final = 40
QUESTIONS: Final = {
    "a rare name of the patient": ("Task", "patient.family:exact=Navn{n}&status=requested"),
    "the commonest name of the patient": ("Task", "patient.family=Vanlig&status=requested"),
    "the phase of the pathway": ("Task", "focus:EpisodeOfCare.phase=treatment&status=requested"),
    "the patients of such Tasks (_has)": ("Patient", "_has:Task:patient:status=requested"),
}
HERE: Final = "https://a.example/fhir"
LONG: Final = -1  # the pathway that has much
PARTS: Final = {"Task": 120, "Observation": 50, "Provenance": 27}  # with its EpisodeOfCare, CarePlan and Patient 200


class Still:
    def now(self) -> Any:
        return BEGAN


FACE: Final = Face(cast(Clock, Still()), cast(Rules, None), b"a key", HERE, "1", open_access=True, limits=Limits())


def rows(tasks: int = SOME) -> Iterator[Row]:
    n = None if tasks == WHOLE else tasks
    for engine in engines():
        store = open_store(database(engine))
        try:
            store.migrate()
            load_all(store, [*world(tasks), *long_pathway()])
            for what, (type, query) in QUESTIONS.items():
                found = p95(partial(asked, store, type, query, tasks))
                yield Row(f"among {tasks:,} Tasks by {what}, {engine}", found, "ms p95", 100, n)
            yield Row(f"$everything of a pathway of 200 resources, {engine}", p95(partial(whole, store)), "ms p95", 50, n)
        finally:
            store.close()


def p95(action: Callable[[int], object]) -> float:
    """Milliseconds, after a first time that is not counted."""
    action(0)
    taken = []
    for turn in range(TIMES):
        start = time.perf_counter()
        action(turn)
        taken.append(1000 * (time.perf_counter() - start))
    return sorted(taken)[round(0.95 * TIMES) - 1]


def asked(store: Store, type: str, query: str, tasks: int, turn: int) -> None:
    """A search as HTTP's side asks it, to the Bundle's bytes; of names it takes those whose Tasks have been requested."""
    with store.read() as unit:
        pairs = pairs_of(query.format(n=int(12.5 * (turn % (tasks // 500))) + 1))
        body = search(unit, visit(store), type, pairs, base=HERE, key=b"a key", strict=True, private=False, now=BEGAN)
    assert b'"fullUrl"' in body, query


def whole(store: Store, _: int) -> None:
    body = everything(FACE, Asked(visit(store), "EpisodeOfCare", _episode(LONG)), b"").body
    assert body.count(b'"fullUrl"') == sum(PARTS.values()) + 3


def visit(store: Store) -> Visit:
    return Visit(Caller(ORGANISATION, (ORGANISATION,)), store, Trail("id", "GET", BEGAN))


def long_pathway() -> Iterator[Making]:
    """One pathway of two hundred resources."""
    whose, focus = {"reference": f"Patient/{_patient(LONG)}"}, {"reference": f"EpisodeOfCare/{_episode(LONG)}"}

    def made(type: str) -> Callable[[int], tuple[Stored, Index]]:
        def one(n: int) -> tuple[Stored, Index]:
            code = {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9322", "code": "M"}]}
            body = {
                "Task": {**task(n), "for": whose, "focus": focus, "basedOn": [{"reference": "CarePlan/long"}], "owner": {}},
                "Observation": {"status": "final", "code": code, "subject": whose, "focus": [focus]},
                "Provenance": {"target": [{"reference": f"Task/long-Task-{n}"}], "recorded": "2026-05-01T08:00:00Z"},
            }[type]
            return _stored(n, {**body, "resourceType": type, "id": f"long-{type}-{n}"})

        return one

    yield from ((f"long-{type}-{n}", made(type), n) for type, number in PARTS.items() for n in range(number))
    plan = {"resourceType": "CarePlan", "id": "long", "status": "active", "intent": "plan", "subject": whose}
    yield "long", lambda n: _stored(n, plan), 0
    yield _patient(LONG), patient, LONG
    yield _episode(LONG), episode, LONG


def patient(n: int) -> tuple[Stored, Index]:
    family = "Vanlig" if n % 100 == 0 else f"Navn{n // 10}"
    return _stored(n, {"resourceType": "Patient", "id": _patient(n), "name": [{"family": family}], "birthDate": "1990-05-01"})


def episode(n: int) -> tuple[Stored, Index]:
    phase = {"url": f"{BASE}/StructureDefinition/pathway-phase", "valueCode": PHASES[n % len(PHASES)]}
    whose = {"reference": f"Patient/{_patient(n)}"}
    body = {"resourceType": "EpisodeOfCare", "id": _episode(n), "extension": [phase], "status": "active", "patient": whose}
    return _stored(n, body)


def world(tasks: int) -> Iterator[Making]:
    """The Tasks, and those that they are of."""
    yield from ((id(n), stored_task, n) for n in range(tasks))
    for n in range(tasks // EACH):
        yield _patient(n), patient, n
        yield _episode(n), episode, n


def _stored(n: int, body: dict[str, Any]) -> tuple[Stored, Index]:
    return stored_of(draft_of(body), BEGAN + timedelta(seconds=EACH * n))


def _patient(n: int) -> str:
    return str(uuid5(NAMESPACE_OID, f"patient {n}"))


def _episode(n: int) -> str:
    return str(uuid5(NAMESPACE_OID, f"episode {n}"))
