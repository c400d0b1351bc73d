"""Blocks at the FHIR face: how they are registered, what is refused of them, and what is left for whom they are against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from tests.fhir.world import FNR
from tests.http.real import HOSPITAL as OWN
from tests.http.real import real_service
from tests.http.service import Service
from tests.security.issuer import Client, Issuer

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
