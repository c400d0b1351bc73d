"""The CapabilityStatement: valid, in agreement with R4's own parameters, and each of its claims tried over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement

from adapter.domain.identity import BASE
from adapter.fhir.capability import capability_statement
from adapter.fhir.definitions import DEFINED
from adapter.fhir.types import TYPES
from adapter.usecases.writing import FOR_READING
from tests.http.service import Service, service

Json = dict[str, Any]
SOMEONE = {"display": "Prøve"}
CODE = {"text": "x"}

# What R4 asks of each type at the least (the resource's own page, elements with 1.. and its invariants).
LEAST: dict[str, Json] = {
    "AllergyIntolerance": {
        "patient": SOMEONE,
        "clinicalStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]
        },
    },
    "Binary": {"contentType": "text/plain", "data": "aGVp"},
    "CarePlan": {"status": "draft", "intent": "plan", "subject": SOMEONE},
    "CareTeam": {"name": "x"},
    "Communication": {"status": "completed"},
    "Condition": {
        "subject": SOMEONE,
        "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
    },
    "Consent": {"status": "active", "scope": CODE, "category": [CODE], "policyRule": CODE},
    "DocumentReference": {"status": "current", "content": [{"attachment": {"title": "x"}}]},
    "Encounter": {"status": "planned", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}},
    "Endpoint": {
        "status": "active",
        "connectionType": {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-rest"},
        "payloadType": [CODE],
        "address": "https://a.example/fhir",
    },
    "EpisodeOfCare": {"status": "planned", "patient": SOMEONE},
    "Flag": {"status": "active", "code": CODE, "subject": SOMEONE},
    "Goal": {"lifecycleStatus": "proposed", "description": CODE, "subject": SOMEONE},
    "HealthcareService": {"name": "x"},
    "Location": {"name": "x"},
    "MedicationStatement": {"status": "active", "medicationCodeableConcept": CODE, "subject": SOMEONE},
    "Observation": {"status": "final", "code": CODE},
    "Organization": {"name": "x"},
    "Patient": {"gender": "unknown"},
    "Practitioner": {"gender": "unknown"},
    "PractitionerRole": {"active": True},
    "Provenance": {"target": [SOMEONE], "recorded": "2026-05-01T08:00:00Z", "agent": [{"who": SOMEONE}]},
    "RelatedPerson": {"patient": SOMEONE},
    "ServiceRequest": {"status": "draft", "intent": "order", "subject": SOMEONE},
    "Subscription": {  # and an endpoint, which a rest-hook has
        "status": "requested",
        "reason": "x",
        "criteria": "Task?status=draft",
        "channel": {"type": "rest-hook", "endpoint": "https://epj.example/hook"},
    },
    "Task": {"status": "draft", "intent": "order"},
}
STATEMENT = capability_statement("https://a.example/fhir", "0", open_access=True)
(REST,) = STATEMENT["rest"]
RESOURCES = {one["type"]: one for one in REST["resource"] if one["type"] not in DEFINED}
STRICT = {"Prefer": "handling=strict"}
VALUES = {"token": "x", "reference": "x", "date": "ge2026", "string": "x", "uri": "http://x.no/y"}


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("metadata")) as running:
        yield running


def test_the_statement_is_valid_and_names_the_configured_base(face: Service) -> None:
    answer = face.http.get("/fhir/metadata", headers={"X-Stafett-Organisation": "unknown", "X-Host": "evil.example"})
    statement = CapabilityStatement.model_validate(answer.json())

    assert (statement.fhirVersion, statement.kind, statement.status) == ("4.0.1", "instance", "active")
    assert answer.json()["implementation"]["url"] == f"{face.base}/fhir"
    assert answer.json()["rest"] == STATEMENT["rest"]
    assert face.http.get("/fhir/metadata?mode=normative").content == answer.content
    assert face.http.get("/fhir/metadata?mode=x").status_code == 400
    assert face.http.get("/fhir/metadata?mode=full").content == answer.content
    assert "POST [type]/_search" in REST["documentation"]


def test_the_patient_compartment_is_told_of_and_searched(face: Service) -> None:
    """By the canonical of https://hl7.org/fhir/R4/compartmentdefinition-patient.html."""
    rest = face.http.get("/fhir/metadata").json()["rest"][0]

    assert rest["compartment"] == ["http://hl7.org/fhir/CompartmentDefinition/patient"]
    assert face.http.get("/fhir/Patient/nobody/Task").status_code == 200


def test_the_history_of_the_whole_service_is_neither_told_of_nor_there(face: Service) -> None:
    answer = face.http.get("/fhir/_history")

    assert answer.status_code == 404
    assert "/fhir/Task/_history" in answer.json()["issue"][0]["details"]["text"]
    assert "history-system" not in [one["code"] for one in face.http.get("/fhir/metadata").json()["rest"][0]["interaction"]]


def test_all_types_are_told_of() -> None:
    assert set(RESOURCES) == set(TYPES) == set(LEAST) | FOR_READING


@pytest.mark.parametrize("type", sorted(RESOURCES))
def test_every_search_that_the_statement_tells_of_is_answered(face: Service, type: str) -> None:
    said = RESOURCES[type]
    queries = [{"_sort": f"{one['name']},-{one['name']}", one["name"]: VALUES[one["type"]]} for one in said["searchParam"]]
    for one in said["searchParam"]:
        modifiers = one.get("documentation", "").removeprefix("Modifiers ").removesuffix(".").split(", ")
        plain = {"missing": "true", "identifier": "urn:a|x"}
        queries += [{f"{one['name']}{m}": plain.get(m[1:], VALUES[one["type"]])} for m in modifiers if m and m != ":[type]"]
    queries += [{"_include": one} for one in said.get("searchInclude", ())]
    queries += [{"_revinclude": one} for one in said.get("searchRevInclude", ())]
    queries += [
        {name: value} for name, value in [("_total", "accurate"), ("_summary", "true"), ("_elements", "meta"), ("_count", "1")]
    ]

    for query in queries:
        answer = face.http.get(f"/fhir/{type}", params=query, headers=STRICT)
        assert (answer.status_code, answer.json()["resourceType"]) == (200, "Bundle"), (query, answer.text)


@pytest.mark.parametrize("type", sorted(LEAST))
def test_every_interaction_that_the_statement_tells_of_is_carried_out(face: Service, type: str) -> None:
    """In the order that a client would: each code of `interaction`, and what is said of conditions and versions."""
    said, http, tag = RESOURCES[type], face.http, {"system": "urn:test", "code": type}
    body = {"resourceType": type, "meta": {"tag": [tag]}, **LEAST[type]}
    criteria = {"_tag": f"urn:test|{type}"}
    done = set()

    created = http.post(f"/fhir/{type}", json=body, headers={"If-None-Exist": f"_tag=urn:test|{type}"})
    again = http.post(f"/fhir/{type}", json=body, headers={"If-None-Exist": f"_tag=urn:test|{type}"})
    assert (created.status_code, again.status_code) == (201, 200), created.text
    assert said["conditionalCreate"] is True
    done.add("create")

    here = f"/fhir/{type}/{created.json()['id']}"
    read = http.get(here, headers={"Accept": "application/fhir+json"})
    assert (read.status_code, read.json()["id"]) == (200, created.json()["id"])
    assert http.get(here, headers={"Accept": "application/fhir+json", "If-None-Match": read.headers["ETag"]}).status_code == 304
    assert said["conditionalRead"] == "full-support"
    done.add("read")

    changed = {**read.json(), "language": "nb"}
    if said["versioning"] == "versioned-update":
        assert http.put(here, json=changed).status_code == 412
    else:
        assert said["versioning"] == "versioned"
    updated = http.put(here, json=changed, headers={"If-Match": read.headers["ETag"]})
    assert (updated.status_code, updated.headers["ETag"]) == (200, 'W/"2"'), updated.text
    done.add("update")

    by_criteria = http.put(f"/fhir/{type}", params=criteria, json={**changed, "language": "nn"}, headers={"If-Match": 'W/"2"'})
    assert (by_criteria.status_code, by_criteria.headers["ETag"]) == (200, 'W/"3"'), by_criteria.text
    assert said["conditionalUpdate"] is True

    patch = json.dumps([{"op": "replace", "path": "/language", "value": "nb"}])
    for media in STATEMENT["patchFormat"]:
        patched = http.patch(here, content=patch, headers={"Content-Type": media, "If-Match": 'W/"3"'})
        assert (patched.status_code, patched.headers["ETag"]) == (200, 'W/"4"'), patched.text
    done.add("patch")

    assert http.get(f"{here}/_history/1", headers={"Accept": "application/fhir+json"}).json()["meta"]["versionId"] == "1"
    assert said["readHistory"] is True
    assert len(http.get(f"{here}/_history").json()["entry"]) == 4
    assert len(http.get(f"/fhir/{type}/_history").json()["entry"]) == 4
    assert http.get(f"/fhir/{type}", params=criteria).json()["total"] == 1
    done |= {"vread", "history-instance", "history-type", "search-type"}

    assert (said["updateCreate"], http.put(f"/fhir/{type}/new", json={**body, "id": "new"}).status_code) == (False, 405)
    assert (said["conditionalDelete"], http.delete(f"/fhir/{type}", params=criteria).status_code) == ("not-supported", 405)
    operations = {one["name"] for one in said["operation"]}
    assert http.post(f"/fhir/{type}/$validate", json=body).status_code == 200
    own = {
        "EpisodeOfCare": {"findings", "everything"},
        "Patient": {"export", "everything"},
        "Subscription": {"status", "events"},
    }
    assert operations - {"validate"} == own.get(type, set())  # tried in tests of their own
    for format in STATEMENT["format"]:
        answer = http.get(f"/fhir/{type}", params={**criteria, "_format": format})
        assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (
            200,
            f"application/fhir+{format.rpartition('+')[2]}",
        )
    assert done == {one["code"] for one in said["interaction"]}


def test_what_the_service_alone_writes_is_offered_for_reading() -> None:
    """Read, searched and refused in tests.usecases.test_define_pathways."""
    said = RESOURCES["PlanDefinition"]

    assert {one["code"] for one in said["interaction"]} == {"read", "vread", "history-instance", "history-type", "search-type"}
    assert {name for name in said if name.startswith("conditional")} == {"conditionalRead"}


@pytest.mark.parametrize("type", [one["code"] for one in REST["interaction"]])
def test_every_interaction_of_the_whole_service_is_carried_out(face: Service, type: str) -> None:
    entry = {"resource": {"resourceType": "Task", **LEAST["Task"]}, "request": {"method": "POST", "url": "Task"}}
    answer = face.http.post("/fhir", json={"resourceType": "Bundle", "type": type, "entry": [entry]})

    assert (answer.status_code, answer.json()["type"]) == (200, f"{type}-response"), answer.text
    assert answer.json()["entry"][0]["response"]["status"].startswith("201")


def test_every_profile_and_parameter_of_ours_is_published(root: Path) -> None:
    published = {json.loads(file.read_text("utf-8")).get("url") for file in (root / "profiles").glob("*.json")}
    promised = {one for resource in RESOURCES.values() for one in resource.get("supportedProfile", ())}
    parameters = {one["definition"] for resource in RESOURCES.values() for one in resource["searchParam"]}

    assert promised | {one for one in parameters if one.startswith(BASE)} <= published


def test_every_other_parameter_is_r4s_own(standards: Path) -> None:
    official = json.loads((standards / "fhir" / "r4-search-parameters.json").read_text("utf-8"))
    general = {one["code"]: one for one in official["Resource"]}

    for type, parameters in TYPES.items():
        if type not in official:  # the reference material holds some types only
            continue
        known = general | {one["code"]: one for one in official[type]}
        for name, parameter in parameters.items():
            if not parameter.url.startswith(BASE):
                assert (known[name]["url"], known[name]["type"]) == (parameter.url, parameter.type)
