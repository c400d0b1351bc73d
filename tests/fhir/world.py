"""A small world to search in: two organisations, one pathway, its Tasks, and people who share a national number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from adapter.domain.identity import BASE as OURS
from adapter.fhir.searching import search
from adapter.ports import Draft, Store
from adapter.r4.index import index
from adapter.security.caller import Caller
from adapter.security.trail import Trail
from adapter.security.visit import Visit
from adapter.storage import open_store
from tests.stores import with_tables

HOSPITAL, MUNICIPALITY = "999977774", "312232324"
BASE = "https://stafett.example/fhir"
KEY = b"a key for tests"
BEGAN = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)
FNR, NUMBER = "urn:oid:2.16.578.1.12.4.1.4.1", "21858999992"
KIND = f"{OURS}/CodeSystem/pathway-task"
EVENT = "urn:oid:2.16.578.1.12.4.1.1.9322"

Json = dict[str, Any]


def visit(store: Store, tenant: str = HOSPITAL) -> Visit:
    return Visit(Caller(tenant, (tenant,)), store, Trail("id", "GET", BEGAN))


def draft(type: str, id: str, body: Json) -> Draft:
    """As the use cases make it: the index is of what is stored, and the bytes are no parser's own (two blanks, 12.50)."""

    def make(version: int, updated: datetime) -> bytes:
        meta = {"versionId": str(version), "lastUpdated": updated.isoformat(), **body.get("meta", {})}
        return msgspec.json.encode({"resourceType": type, "id": id, "meta": meta, **{k: v for k, v in body.items() if k != "meta"}})

    return Draft(type, id, index({"resourceType": type, "id": id, **body}, base=BASE), make)


def task(number: int, **body: Any) -> Json:
    """A Task that differs from its neighbours in what `body` says."""
    usual: Json = {
        "identifier": [{"system": "urn:a", "value": str(number)}],
        "status": "requested",
        "intent": "order",
        "for": {"reference": "Patient/p1"},
    }
    return {**usual, **body}


PEOPLE: Sequence[tuple[str, str, Json]] = [
    ("Organization", "o1", {"name": "Sørlandet sykehus", "active": True, "partOf": {"reference": "Organization/o2"}}),
    ("Organization", "o2", {"name": "Helse Sør-Øst", "active": True}),
    (
        "Patient",
        "p1",
        {
            "identifier": [{"system": FNR, "value": NUMBER}],
            "name": [{"family": "Ødegård", "given": ["Kari", "Renée"]}],
            "birthDate": "1985-05-21",
            "managingOrganization": {"reference": "Organization/o1"},
        },
    ),
    ("Patient", "p2", {"name": [{"family": "Odeg_rd", "given": ["Per"]}], "active": False, "birthDate": "1990"}),
    ("Practitioner", "d1", {"name": [{"family": "Lege"}]}),
]
PATHWAY: Sequence[tuple[str, str, Json]] = [
    (
        "EpisodeOfCare",
        "e1",
        {
            "status": "active",
            "patient": {"reference": "Patient/p1"},
            "team": [{"reference": "CareTeam/ct1"}],
            "extension": [{"url": f"{OURS}/StructureDefinition/pathway-phase", "valueCode": "treatment"}],
            "period": {"start": "2026-05-01"},
        },
    ),
    ("CareTeam", "ct1", {"status": "active", "subject": {"reference": "Patient/p1"}}),
    (
        "CarePlan",
        "c1",
        {
            "status": "active",
            "intent": "plan",
            "subject": {"reference": "Patient/p1"},
            "careTeam": [{"reference": "CareTeam/ct1"}],
            "extension": [
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare",
                    "valueReference": {"reference": "EpisodeOfCare/e1"},
                }
            ],
        },
    ),
    ("Provenance", "w1", {"target": [{"reference": "Task/t1"}, {"reference": "Task/t2"}], "recorded": "2026-05-01T08:00:00Z"}),
    ("Provenance", "w2", {"target": [{"reference": "Task/t1"}], "recorded": "2026-05-01T08:00:00Z"}),
    ("Flag", "f1", {"status": "inactive", "code": {"text": "x"}, "subject": {"reference": "Patient/p1"}}),
]
TASKS: Sequence[Json] = [
    task(
        0,
        status="completed",
        code={"coding": [{"system": KIND, "code": "assess-referral"}]},
        owner={"reference": "Organization/o1"},
        authoredOn="2026-05-01T10:00:00+02:00",
        focus={"reference": "CarePlan/c1"},
        restriction={"period": {"end": "2026-05-15"}},
        text={"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
        description="To be assessed",
        meta={"tag": [{"system": "urn:t", "code": "x"}], "profile": ["http://a.no/P/1"], "source": "urn:uuid:1"},
    ),
    task(
        1,
        code={"coding": [{"system": KIND, "code": "deadline"}, {"system": EVENT, "code": "M"}]},
        owner={"reference": "Practitioner/d1"},
        authoredOn="2026-05-02",
        restriction={"period": {"end": "2026-06-15T12:00:00Z"}},
    ),
    task(
        2,
        code={"coding": [{"code": "bare"}]},
        owner={"identifier": {"system": "urn:orgs", "value": "7"}},
        authoredOn="2026-05",
        meta={"profile": ["http://a.no/Px"]},
    ),
    task(3, status="draft", owner={"reference": "https://other.example/fhir/Organization/o1"}),
    task(4, status="draft", focus={"reference": "Task/t3"}, **{"for": {"reference": "Patient/p2"}}),
    task(5, status="cancelled", partOf=[{"reference": "Task/t4"}], description="literal %_\\'\";-- text"),
]


def fill(store: Store) -> None:
    """Everything stands from `BEGAN`; Task t0 was put first, t5 five minutes later."""
    with store.write() as unit:
        for type, id, body in [*PEOPLE, *PATHWAY]:
            unit.put(HOSPITAL, [draft(type, id, body)], BEGAN)
        for number, body in enumerate(TASKS):
            unit.put(HOSPITAL, [draft("Task", f"t{number}", body)], BEGAN + timedelta(minutes=number))
        theirs = [
            draft("Patient", "m1", {"identifier": [{"system": FNR, "value": NUMBER}]}),
            draft("Task", "m2", task(9, focus={"reference": "CarePlan/c1"}, partOf=[{"reference": "Task/t4"}])),
            draft("Provenance", "m3", {"target": [{"reference": "Task/t1"}], "recorded": "2026-05-01T08:00:00Z"}),
        ]
        unit.put(MUNICIPALITY, theirs, BEGAN)


def found(
    store: Store, type: str, pairs: Sequence[tuple[str, str]], *, tenant: str = HOSPITAL, now: datetime = BEGAN, **given: bool
) -> Json:
    """The Bundle of a search."""
    with store.read() as unit:
        asked = {"strict": True, "private": False, **given}
        body = search(unit, visit(store, tenant), type, pairs, base=BASE, key=KEY, now=now, **asked)
    bundle: Json = msgspec.json.decode(body)
    return bundle


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """A store with the world in it."""
    store = open_store(with_tables(folder / "stafett.db"))
    fill(store)
    yield store
    store.close()


def entries(bundle: Json, mode: str = "match") -> list[Json]:
    return [entry["resource"] for entry in bundle.get("entry", []) if entry["search"]["mode"] == mode]


def ids(bundle: Json, mode: str = "match") -> list[str]:
    return [resource["id"] for resource in entries(bundle, mode)]


def links(bundle: Json) -> dict[str, str]:
    return {one["relation"]: one["url"] for one in bundle["link"]}


def follow(store: Store, address: str, **given: Any) -> Json:
    """What an address of ours gives."""
    parts = urlsplit(address)
    return found(store, parts.path.rpartition("/")[2], parse_qsl(parts.query), **given)
