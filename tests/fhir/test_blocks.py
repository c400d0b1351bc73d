"""Blocks at the FHIR face: how they are registered, what is refused of them, and what is left for whom they are against.

That nothing else shows is a law, asked in many ways by chance: every search (chains, includes, totals, pages) of a caller who is
blocked is, byte for byte, the search of a database in which the patient never was.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from adapter.fhir.links import unseal
from adapter.storage import DatabaseStore, open_store
from tests.fhir import world
from tests.fhir.world import FNR, HOSPITAL, NUMBER, found
from tests.http.real import HOSPITAL as OWN
from tests.http.real import real_service
from tests.http.service import Service
from tests.security.issuer import Client, Issuer

SEED = int(os.environ.get("STAFETT_SEED") or (1 if os.environ.get("CI") == "true" else random.SystemRandom().randrange(10**6)))
ENH, HPR = "urn:oid:2.16.578.1.12.4.1.4.101", "urn:oid:2.16.578.1.12.4.1.4.4"
UNIT = "312232324"
EMERGENCY = {"X-Stafett-Purpose": "ETREAT"}
Json = dict[str, Any]


def block(patient: str, *actors: tuple[str, str], **also: Any) -> Json:
    """By hand from https://hl7.org/fhir/R4/consent.html and the profile."""
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
    against = [{"role": role, "reference": {"identifier": {"system": system, "value": value}}} for system, value in actors]
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{patient}"},
        "dateTime": "2026-05-20",
        "organization": [{"identifier": {"system": ENH, "value": OWN}}],
        "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}]},
        "provision": {"type": "deny", "actor": against},
        **also,
    }


# --- over HTTP


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with real_service(tmp_path_factory.mktemp("blocks")) as service:
        yield service


def made(service: Service, body: Json) -> str:
    answer = service.http.post(f"/fhir/{body['resourceType']}", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture
def person(own: Service) -> str:
    return made(own, {"resourceType": "Patient", "name": [{"family": "Sperret"}]})


ROLE: Json = {"role": {"text": "x"}}
TREATMENT = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}
TASKS = {"system": "http://hl7.org/fhir/resource-types", "code": "Task"}
REFUSED: list[tuple[Json, str]] = [
    ({"period": {"end": "2027-01-01"}}, "period"),
    ({"purpose": [TREATMENT]}, "purpose"),
    ({"class": [TASKS]}, "class"),
    ({"code": [{"text": "x"}]}, "code"),
    ({"action": [{"text": "access"}]}, "action"),
    ({"securityLabel": [{"system": "urn:x", "code": "R"}]}, "securityLabel"),
    ({"dataPeriod": {"start": "2026-01-01"}}, "dataPeriod"),
    ({"data": [{"meaning": "instance", "reference": {"reference": "Task/1"}}]}, "data"),
    ({"provision": [{"type": "permit"}]}, "provision"),
    ({"actor": []}, "actor"),
    ({"actor": [{**ROLE, "reference": {"display": "x"}}]}, "actor[0].reference.identifier"),
    ({"actor": [{**ROLE, "reference": {"reference": "Organization/1"}}]}, "actor[0].reference.reference"),
]


@pytest.mark.parametrize(("said", "where"), REFUSED, ids=[where for _, where in REFUSED])
def test_what_would_hide_less_than_the_patient_said_is_refused(own: Service, person: str, said: Json, where: str) -> None:
    body = block(person, (ENH, UNIT))
    body["provision"] = {key: value for key, value in {**body["provision"], **said}.items() if value}

    answer = own.http.post("/fhir/Consent", json=body)

    assert answer.status_code == 422, answer.text
    assert f"Consent.provision.{where}" in [place for issue in answer.json()["issue"] for place in issue.get("expression", [])]


def test_a_no_by_policy_or_within_a_yes_is_refused_too(own: Service, person: str) -> None:
    whole = block(person, (ENH, UNIT))
    by_policy = {key: value for key, value in whole.items() if key != "provision"}
    within = {**whole, "provision": {"type": "permit", "provision": [whole["provision"]]}, "policyRule": {"text": "x"}}

    for body in (by_policy, within):
        answer = own.http.post("/fhir/Consent", json=body)
        validated = own.http.post("/fhir/Consent/$validate?mode=create", json=body)
        assert answer.status_code == 422
        assert "error" in {issue["severity"] for issue in validated.json()["issue"]}


def test_a_number_that_is_none_and_a_series_that_callers_are_not_known_by_are_refused(own: Service, person: str) -> None:
    for actor in ((ENH, "312232325"), ("urn:oid:2.16.578.1.12.4.1.4.102", "1234"), (FNR, "1")):
        assert own.http.post("/fhir/Consent", json=block(person, actor)).status_code == 422


@pytest.mark.parametrize("patient", ["nobody", "https://theirs.example/fhir/Patient/1"])
def test_a_block_is_of_a_patient_who_is_here(own: Service, patient: str) -> None:
    body = block("x", (ENH, UNIT)) | {"patient": {"reference": patient if ":" in patient else f"Patient/{patient}"}}

    answer = own.http.post("/fhir/Consent", json=body)

    assert (answer.status_code, answer.json()["issue"][0]["expression"]) == (422, ["Consent.patient"])


def test_the_responsible_organisation_is_blocked_by_its_units_and_people_never_as_such(own: Service, person: str) -> None:
    """Nobody could lift it: it would hide itself from all. Taking back what stood before, or was never in force, goes."""
    whole = own.http.post("/fhir/Consent", json=block(person, (ENH, UNIT), (ENH, OWN)))

    assert (whole.status_code, whole.json()["issue"][0]["expression"]) == (422, ["Consent.provision.actor"])
    assert own.http.get(f"/fhir/Patient/{person}").status_code == 200
    made(own, block(person, (ENH, OWN), status="entered-in-error"))
    made(own, block(person, (ENH, UNIT)))


def test_a_block_may_come_with_its_patient(own: Service) -> None:
    patient, id = {"resourceType": "Patient", "name": [{"family": "Ny"}]}, "urn:uuid:0d6a3c1e-6f0b-4b5a-9a55-3f4f7f0f7a10"
    consent = block("x", (ENH, UNIT)) | {"patient": {"reference": id}}
    entries = [
        {"fullUrl": id, "resource": patient, "request": {"method": "POST", "url": "Patient"}},
        {"resource": consent, "request": {"method": "POST", "url": "Consent"}},
    ]

    answer = own.http.post("/fhir", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})

    assert answer.status_code == 200, answer.text


def test_a_consent_that_is_no_block_is_an_ordinary_resource(own: Service, person: str) -> None:
    research = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]}
    yes = {"provision": {"type": "permit", "period": {"end": "2027-01-01"}}, "policyRule": {"text": "x"}}

    made(own, block(person, (ENH, OWN), scope=research))
    made(own, block(person, (ENH, OWN), **yes))

    assert own.http.get(f"/fhir/Patient/{person}").status_code == 200


# --- with tokens, as those who are blocked have them


DOCTOR = "9144897"
SCOPES = ["system/*.cruds", "nhn:pakkeforlop/emergency"]


class Guarded(NamedTuple):
    """A service with tokens, its hospital, and a doctor there whom patients have blocked."""

    http: httpx.Client
    hospital: Client
    doctor: Client


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    issuer = Issuer()
    with issuer.served(), real_service(tmp_path_factory.mktemp("tokens"), issuer=issuer) as service:
        hospital, doctor = (issuer.client(parent=OWN, hpr=hpr, scopes=SCOPES) for hpr in (None, DOCTOR))
        yield Guarded(service.http, hospital, doctor)


PERSON: Json = {"resourceType": "Patient", "name": [{"family": "Sperret"}]}


def kept(guarded: Guarded, body: Json) -> str:
    answer = guarded.http.post(f"/fhir/{body['resourceType']}", json=body, auth=guarded.hospital)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_who_is_blocked_meets_what_they_would_meet_had_the_patient_never_been(guarded: Guarded) -> None:
    person = kept(guarded, PERSON)
    task: Json = {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": f"Patient/{person}"}}
    task["id"] = kept(guarded, task)
    patient = {**PERSON, "id": person}
    consent = kept(guarded, block(person, (HPR, DOCTOR)))
    unknown = "0d6a3c1e-6f0b-4b5a-9a55-3f4f7f0f7a10"

    def answers(patient_id: str, task_id: str, consent_id: str) -> list[Any]:
        requests: list[tuple[str, str, Json | None]] = [
            ("GET", f"/fhir/Patient/{patient_id}", None),
            ("GET", f"/fhir/Patient/{patient_id}/_history", None),
            ("GET", f"/fhir/Task/{task_id}", None),
            ("GET", f"/fhir/Task/{task_id}/_history/1", None),
            ("GET", f"/fhir/Consent/{consent_id}", None),
            ("PUT", f"/fhir/Patient/{patient_id}", {**patient, "id": patient_id}),
            ("PUT", f"/fhir/Task/{task_id}", {**task, "id": task_id}),
            ("PUT", f"/fhir/Consent/{consent_id}", {**block(person, (HPR, DOCTOR), status="inactive"), "id": consent_id}),
        ]
        found = [
            guarded.http.request(method, url, json=body, auth=guarded.doctor, headers={"If-Match": 'W/"1"'} if body else {})
            for method, url, body in requests
        ]
        return [(one.status_code, one.json().get("issue"), one.headers.get("ETag")) for one in found]

    assert answers(person, task["id"], consent) == answers(unknown, unknown, unknown)
    assert guarded.http.get(f"/fhir/Task?patient=Patient/{person}", auth=guarded.doctor).json()["total"] == 0


def test_a_block_is_lifted_by_those_whom_it_is_not_against_and_emergency_access_sees(guarded: Guarded) -> None:
    person = kept(guarded, PERSON)
    consent = kept(guarded, block(person, (HPR, DOCTOR)))
    lifting = block(person, (HPR, DOCTOR), status="inactive") | {"id": consent}

    def seen(**headers: str) -> int:
        return guarded.http.get(f"/fhir/Patient/{person}", auth=guarded.doctor, headers=headers).status_code

    before = (seen(), seen(**EMERGENCY), seen())
    lifted = guarded.http.put(f"/fhir/Consent/{consent}", json=lifting, auth=guarded.hospital)

    assert (before, lifted.status_code, seen()) == ((404, 200, 404), 200, 200)


def test_emergency_access_reads_a_block_and_writes_none(guarded: Guarded) -> None:
    """Else whom it is against would lift it for good; what care takes is written."""
    person = kept(guarded, PERSON)
    consent = kept(guarded, block(person, (HPR, DOCTOR)))
    lifting = block(person, (HPR, DOCTOR), status="inactive") | {"id": consent}
    patch = [{"op": "replace", "path": "/status", "value": "inactive"}]
    batch: Json = {"resourceType": "Bundle", "type": "batch"}
    batch["entry"] = [{"resource": lifting, "request": {"method": "PUT", "url": f"Consent/{consent}"}}]
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": f"Patient/{person}"}}

    def asked(method: str, path: str, body: Any = None, kind: str = "application/fhir+json") -> httpx.Response:
        headers = {**EMERGENCY, "Content-Type": kind}
        return guarded.http.request(method, f"/fhir{path}", json=body, headers=headers, auth=guarded.doctor)

    refused = [
        asked("PUT", f"/Consent/{consent}", lifting),
        asked("PUT", f"/Consent?_id={consent}", lifting),
        asked("PATCH", f"/Consent/{consent}", patch, "application/json-patch+json"),
        asked("POST", "/Consent", block(person, (HPR, "9144898"))),
        asked("POST", "", {**batch, "type": "transaction"}),
    ]

    assert [one.status_code for one in refused] == [403] * 5
    assert "written by emergency access" in refused[0].json()["issue"][0]["details"]["text"]
    assert asked("POST", "", batch).json()["entry"][0]["response"]["status"][:3] == "403"
    assert asked("GET", f"/Consent/{consent}").json()["status"] == "active"
    assert asked("POST", "/Task", task).status_code == 201


def test_a_conditional_create_finds_nothing_that_is_blocked(guarded: Guarded) -> None:
    person = kept(guarded, PERSON)
    task: Json = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "identifier": [{"system": "urn:a", "value": person}],
    }
    of = {"for": {"reference": f"Patient/{person}"}}
    first = kept(guarded, task | of)
    kept(guarded, block(person, (HPR, DOCTOR)))
    once = {"If-None-Exist": f"identifier=urn:a|{person}"}

    mine = guarded.http.post("/fhir/Task", json=task, headers=once, auth=guarded.doctor)
    again = guarded.http.post("/fhir/Task", json=task, headers=once, auth=guarded.doctor)

    assert (mine.status_code, again.status_code) == (201, 200)
    assert mine.json()["id"] != first


# --- the law


def graph(seed: int) -> list[tuple[str, str, str, Json]]:
    """Resources of three patients and of nobody that refer to each other: whose, type, id, body."""
    chance = random.Random(seed)
    numbers = {"p1": NUMBER, "p2": "07868399999", "p3": "15878999994"}
    orgs: list[tuple[str, str, str, Json]] = [
        ("", "Organization", f"o{n}", {"name": f"Sykehus {n}", "partOf": {"reference": f"Organization/o{n - 1}"}})
        for n in (1, 2, 3)
    ]
    made: list[tuple[str, str, str, Json]] = list(orgs)
    for whose, number in numbers.items():
        identifier = [{"system": FNR, "value": number}]
        body: Json = {
            "identifier": identifier,
            "name": [{"family": f"Navn {whose}"}],
            "managingOrganization": {"reference": "Organization/o1"},
        }
        made.append((whose, "Patient", whose, body))
        subject = {"reference": f"Patient/{whose}"}
        made.append((whose, "CarePlan", f"{whose}-plan", {"status": "active", "intent": "plan", "subject": subject}))
        made.append((whose, "EpisodeOfCare", f"{whose}-e", {"status": "active", "patient": subject}))
        for n in range(9):
            person = chance.choice([subject, {"identifier": identifier[0]}])
            before = f"{whose}-t{max(n - 1, 0)}"
            task: Json = {"status": chance.choice(["draft", "requested"]), "intent": "order", "for": person}
            task["owner"] = {"reference": f"Organization/o{chance.randrange(1, 4)}"}
            task["focus"] = {"reference": chance.choice([f"CarePlan/{whose}-plan", f"Task/{before}"])}
            task["partOf"] = [{"reference": f"Task/{before}"}]
            task["authoredOn"] = f"2026-05-{chance.randrange(1, 29):02}"
            made.append((whose, "Task", f"{whose}-t{n}", task))
            targets: list[Json] = [{"reference": f"Task/{whose}-t{n}"}, subject]
            made.append((whose, "Provenance", f"{whose}-w{n}", {"target": targets, "recorded": "2026-05-01T08:00:00Z"}))
    made.append(("p1", "Consent", "c1", block("p1", (ENH, UNIT))))
    made.append(("p2", "Consent", "c2", block("p2", (ENH, "319900102"))))
    made.append(("p3", "Consent", "c3", block("p3", (ENH, UNIT), status="entered-in-error")))
    return made


def filled(folder: Path, name: str, without: str = "") -> DatabaseStore:
    store = open_store(f"sqlite:///{folder}/{name}.db")
    store.migrate()
    with store.write() as unit:
        for number, (whose, type, id, body) in enumerate(graph(SEED)):
            if not whose or whose != without:
                said = {key: value for key, value in body.items() if key != "resourceType"}
                unit.put(HOSPITAL, [world.draft(type, id, said)], world.BEGAN + timedelta(minutes=number // 3))
    return store


QUESTIONS: dict[str, list[tuple[str, str]]] = {
    "Task": [
        ("patient", "Patient/p1"),
        ("patient", "p2"),
        ("patient.family", "navn"),
        ("patient.identifier", f"{FNR}|{NUMBER}"),
        ("patient:identifier", f"{FNR}|{NUMBER}"),
        ("subject:Patient.organization.name", "sykehus"),
        ("owner.name", "sykehus 2"),
        ("owner:Organization.partof.name", "sykehus"),
        ("focus:CarePlan.subject:Patient.family", "navn"),
        ("part-of:Task.status", "draft"),
        ("status", "draft,requested"),
        ("status:not", "draft"),
        ("patient:missing", "false"),
        ("authored-on", "ge2026-05-10"),
    ],
    "Patient": [("family", "navn"), ("organization.name", "sykehus 1"), ("identifier", f"{FNR}|"), ("_id", "p1,p2")],
    "Organization": [("name", "sykehus"), ("_id", "o1,o2"), ("partof.name", "sykehus")],
    "Consent": [("status", "active"), ("actor:identifier", f"{ENH}|{UNIT}"), ("patient.family", "navn"), ("patient", "p1")],
    "CarePlan": [("subject:Patient.family", "navn"), ("status", "active")],
}
RESULTS: dict[str, list[tuple[str, str]]] = {
    "Task": [
        ("_include", "Task:patient"),
        ("_include", "Task:focus"),
        ("_include:iterate", "Task:part-of"),
        ("_include:iterate", "CarePlan:subject"),
        ("_include:iterate", "Patient:organization"),
        ("_revinclude", "Provenance:target"),
        ("_revinclude:iterate", "Task:part-of"),
    ],
    "Patient": [("_revinclude", "Task:patient"), ("_revinclude", "Consent:patient"), ("_revinclude", "EpisodeOfCare:patient")],
    "Organization": [
        ("_revinclude", "Task:owner"),
        ("_revinclude", "Patient:organization"),
        ("_revinclude:iterate", "Task:patient"),
    ],
    "Consent": [("_include", "Consent:patient"), ("_include:iterate", "Patient:organization")],
    "CarePlan": [("_include", "CarePlan:subject"), ("_revinclude", "Task:focus"), ("_revinclude:iterate", "Provenance:target")],
}
GIVEN = [
    ("_total", "accurate"),
    ("_total", "none"),
    ("_summary", "count"),
    ("_count", "3"),
    ("_count", "1"),
    ("_sort", "-authored-on"),
]


def asked(chance: random.Random) -> tuple[str, list[tuple[str, str]]]:
    type = chance.choice([*QUESTIONS])
    given = dict(chance.sample([one for one in GIVEN if one[0] != "_sort" or type == "Task"], 2))
    pairs = chance.sample(QUESTIONS[type], chance.choice([0, 1, 1, 2])) + chance.sample(RESULTS[type], chance.choice([0, 1, 2]))
    return type, pairs + [one for one in given.items() if chance.random() < 0.5]


def test_every_search_of_who_is_blocked_is_that_of_a_database_in_which_the_patient_never_was(tmp_path: Path) -> None:
    """All pages, as they would be sent, links and totals with them."""
    whole, never = filled(tmp_path, "whole"), filled(tmp_path, "never", without="p1")
    seen, chance, differed = whole.seen_by([HOSPITAL], [UNIT]), random.Random(SEED), 0
    for _ in range(250):
        type, pairs = asked(chance)
        first = pages(seen, type, pairs)
        assert first == pages(never, type, pairs), (SEED, type, pairs)
        differed += first != pages(whole, type, pairs)
    whole.close()
    never.close()
    assert differed > 60


def pages(store: Any, type: str, pairs: list[tuple[str, str]]) -> list[str]:
    bundles = []
    while True:
        said = json.dumps(bundle := found(store, type, pairs, private=True))
        after = next((link["url"] for link in bundle.get("link", []) if link["relation"] == "next"), "")
        for sealed in {value for one in (pairs, parse_qsl(urlsplit(after).query)) for name, value in one if name == "_page"}:
            place = unseal(world.KEY, world.visit(store).caller.mark, sealed, world.BEGAN)
            said = said.replace(sealed, f"{len(sealed)} {place}")  # no two are alike, as they are encrypted
        bundles.append(said)
        if not after:
            return bundles
        pairs = parse_qsl(urlsplit(after).query, keep_blank_values=True)


def test_the_law_would_notice(tmp_path: Path) -> None:
    """Whoever is not blocked sees the patient: in the very same questions the answers differ."""
    whole, never = filled(tmp_path, "whole"), filled(tmp_path, "never", without="p1")
    other = whole.seen_by([HOSPITAL], ["319900102"])

    assert pages(other, "Task", [("patient", "p1")]) != pages(never, "Task", [("patient", "p1")])
    assert pages(other, "Task", [("patient", "p2")]) != pages(never, "Task", [("patient", "p2")])  # p2 has blocked that one
    whole.close()
    never.close()
