"""AuditEvents: the shape is HL7 Norway's, each value is written by hand from what was recorded; our checker and HL7's judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.r4.checker import check
from mappings.resources.audit_event import ENDED, UNKNOWN, audit_event, bundle
from tests.national_numbers import make
from tests.official import Validate, official

__all__ = ["official"]

NUMBER = make(13, 12, 1992, "female")
FNR, HPR, ENH = "urn:oid:2.16.578.1.12.4.1.4.1", "urn:oid:2.16.578.1.12.4.1.4.4", "urn:oid:2.16.578.1.12.4.1.4.101"
RECORD: dict[str, Any] = {
    "id": "audit-1",
    "request": "request-1",
    "moment": "2026-05-11T08:42:19.123456Z",
    "tenant": "974633574",
    "who": {"client": "epj-1", "organisations": ["974633574", "974633582"], "supplier": "313745392"},
    "method": "GET",
    "route": "/fhir/{type}",
    "criteria": ["status=requested"],
    "ground": {"purpose": "TREAT", "scope": "system/Task.rs"},
    "action": "S",
    "patients": ["p1", "p2"],
    "seen": [["S", "Task", "t1", 3, 0], ["S", "Task", "t2", 1, 1], ["S", "Organization", "o1", 2]],
    "status": 200,
    "outcome": "0",
}
# The parts that the trust framework's attest v1.1 always has, and those that it may have.
ATTEST: dict[str, Any] = {
    "identifier": {"id": NUMBER, "system": FNR, "authority": "https://www.skatteetaten.no", "name": "Line Danser"},
    "hpr_nr": {"id": "9144897", "system": "2.16.578.1.12.4.1.4.4"},
    "authorization": {"code": "LE", "system": "urn:oid:2.16.578.1.12.4.1.1.9060", "text": "Lege"},
    "legal_entity": {"id": "974633574", "system": ENH, "name": "Fjordheim HF"},
    "department": {"id": "705506", "system": "urn:oid:2.16.578.1.12.4.1.4.102", "name": "DPS Fjordheim"},
    "point_of_care": {"id": "974633582", "system": ENH, "name": "Poliklinikken"},
}
CARE: dict[str, Any] = {
    "purpose_of_use": {"code": "TREAT", "system": "urn:oid:2.16.840.1.113883.1.11.20448"},
    "purpose_of_use_details": {"code": "P04", "system": "urn:oid:2.16.578.1.12.4.1.1.9151", "text": "Psykisk helsevern"},
    "decision_ref": {"id": "decision-1", "description": "Pasient til utredning", "user_selected": False},
}
PERSONAL: dict[str, Any] = RECORD | {
    "who": {"client": "epj-1", "organisations": ["974633574"], "person": {"pid": NUMBER, "hpr": "9144897"}, "practitioner": ATTEST},
    "ground": {"purpose": "TREAT", "care": CARE, "toa": 1762000000},
    "action": "R",
}
EXPORT: dict[str, Any] = {
    "moment": "2026-05-11T08:42:19Z",
    "who": {"organisations": ["974633574"]},
    "kind": "export",
    "what": "apprec",
    "receiver": "8142520",
    "ground": {"purpose": "TREAT"},
    "action": "R",
    "patients": ["p1"],
    "outcome": "0",
}
MINIMAL: dict[str, Any] = {"moment": "2026-05-11T08:42:19Z", "action": "E"}
ALL = {
    "a system's search": audit_event(1, RECORD, "p1"),
    "a person's read": audit_event(2, PERSONAL, "p1"),
    "of a patient known by number": audit_event(3, RECORD, f"{FNR}|{NUMBER}"),
    "a message sent": audit_event(4, EXPORT, "p1"),
    "as little as can be": audit_event(5, MINIMAL, "p1"),
}


@pytest.mark.parametrize("name", ALL)
def test_it_is_good_fhir(name: str) -> None:
    assert [finding for finding in check(ALL[name]) if finding.severity != "information"] == []


def test_a_bundle_of_them_is_good_fhir() -> None:
    assert [finding for finding in check(bundle(list(ALL.values()))) if finding.severity == "error"] == []
    assert bundle([]) == {"resourceType": "Bundle", "type": "collection"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_hl7s_own_validator_finds_no_error(official: Validate, tmp_path: Path) -> None:
    for name, event in ALL.items():
        (tmp_path / f"{name.replace(' ', '-')}.json").write_text(json.dumps(event), "utf-8")

    found = official(sorted(tmp_path.glob("*.json")))

    assert {path.name: [issue for issue in issues if issue.is_error] for path, issues in found.items()} == {
        f"{name.replace(' ', '-')}.json": [] for name in ALL
    }


def test_a_systems_search_is_told_with_what_was_seen_of_this_patients_alone() -> None:
    event = audit_event(7, RECORD, "p1")

    assert (event["id"], event["action"], event["recorded"], event["outcome"]) == ("7", "E", "2026-05-11T08:42:19.123456Z", "0")
    assert event["subtype"] == [{"system": "http://hl7.org/fhir/restful-interaction", "code": "search", "display": "search"}]
    assert [one["what"]["reference"] for one in event["entity"][1:]] == ["Task/t1/_history/3", "Organization/o1/_history/2"]
    assert "t2" not in json.dumps(event)
    assert "p2" not in json.dumps(event)
    assert event["agent"] == [{"who": {"reference": "#role"}, "altId": "epj-1", "requestor": True}]
    assert event["purposeOfEvent"] == [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT", "display": "treatment"}]}
    ]
    assert event["entity"][0]["detail"] == [
        {"type": "method", "valueString": "GET"},
        {"type": "request", "valueString": "request-1"},
        {"type": "status", "valueString": "200"},
        {"type": "scope", "valueString": "system/Task.rs"},
        {"type": "supplier", "valueString": "313745392"},
        {"type": "criterion", "valueString": "status=requested"},
    ]


def test_a_system_has_the_role_of_its_organisation_and_an_unknown_person_and_place() -> None:
    role, organization = audit_event(7, RECORD, "p1")["contained"]

    assert role == {
        "resourceType": "PractitionerRole",
        "id": "role",
        "practitioner": {"extension": [UNKNOWN]},
        "organization": {"reference": "#organization"},
        "location": [{"extension": [UNKNOWN]}],
    }
    assert organization == {
        "resourceType": "Organization",
        "id": "organization",
        "identifier": [{"system": ENH, "value": "974633582"}],
        "partOf": {"identifier": {"system": ENH, "value": "974633574"}},
    }


def test_a_person_is_told_by_token_and_attest_with_department_place_and_decision() -> None:
    event = audit_event(7, PERSONAL, "p1")
    _, practitioner, organization, location = event["contained"]

    assert practitioner == {
        "resourceType": "Practitioner",
        "id": "practitioner",
        "identifier": [{"system": FNR, "value": NUMBER}, {"system": HPR, "value": "9144897"}],
        "name": [{"text": "Line Danser"}],
        "qualification": [{"code": {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9060", "code": "LE", "display": "Lege"}]}}],
    }
    assert organization == {
        "resourceType": "Organization",
        "id": "organization",
        "identifier": [{"system": "urn:oid:2.16.578.1.12.4.1.4.102", "value": "705506"}],
        "name": "DPS Fjordheim",
        "partOf": {"identifier": {"system": ENH, "value": "974633574"}, "display": "Fjordheim HF"},
    }
    assert location["managingOrganization"] == {"identifier": {"system": ENH, "value": "974633582"}, "display": "Poliklinikken"}
    assert event["purposeOfEvent"][0]["coding"][1] == {
        "system": "urn:oid:2.16.578.1.12.4.1.1.9151",
        "code": "P04",
        "display": "Psykisk helsevern",
    }
    assert event["extension"][1] == {
        "url": "http://hl7.no/fhir/StructureDefinition/auditevent-carerelation-metadata-extension",
        "extension": [
            {"url": "decision-ref-id", "valueString": "decision-1"},
            {"url": "decision-ref-description", "valueString": "Pasient til utredning"},
            {"url": "decision-ref-user-selected", "valueBoolean": False},
            {"url": "toa", "valueUnsignedInt": 1762000000},
        ],
    }


def test_a_patient_is_told_by_id_or_by_number() -> None:
    url = "http://hl7.no/fhir/StructureDefinition/auditevent-patient-extension"

    assert ALL["a system's search"]["extension"] == [{"url": url, "valueReference": {"reference": "Patient/p1"}}]
    assert ALL["of a patient known by number"]["extension"] == [
        {"url": url, "valueReference": {"identifier": {"system": FNR, "value": NUMBER}}}
    ]


def test_a_patient_who_goes_by_several_names_is_one() -> None:
    event = audit_event(7, RECORD, "p2", "p1")

    assert [one["what"]["reference"] for one in event["entity"][1:]] == [
        *("Task/t1/_history/3", "Task/t2/_history/1", "Organization/o1/_history/2")
    ]
    assert event["extension"][0]["valueReference"] == {"reference": "Patient/p2"}


def test_an_answer_that_never_left_has_no_outcome_and_says_why() -> None:
    event = audit_event(7, MINIMAL, "p1")

    assert "outcome" not in event
    assert event["outcomeDesc"] == ENDED


def test_a_message_that_was_sent_is_an_export() -> None:
    event = audit_event(7, EXPORT, "p1")

    assert (event["type"]["code"], "subtype" in event) == ("110106", False)
    assert event["entity"] == [
        {
            "type": event["entity"][0]["type"],
            "name": "apprec",
            "detail": [{"type": "receiver", "valueString": "8142520"}],
        }
    ]


WORDS = (
    st.text(max_size=12)
    | st.text("\x00\x1b\x7f\n a|:.1", max_size=5)
    | st.integers()
    | st.none()
    | st.booleans()
    | st.lists(st.text(max_size=3), max_size=2)
)
PART = st.dictionaries(
    st.sampled_from(["id", "system", "authority", "name", "code", "text", "user_selected", "description"]), WORDS
)
PRACTITIONER = st.dictionaries(
    st.sampled_from(["identifier", "hpr_nr", "authorization", "legal_entity", "department", "point_of_care"]), PART | WORDS
)
RELATION = st.dictionaries(st.sampled_from(["purpose_of_use_details", "decision_ref"]), PART | WORDS)


@given(practitioner=PRACTITIONER, care=RELATION, toa=WORDS)
def test_whatever_an_attest_holds_the_event_is_good_fhir(practitioner: Any, care: Any, toa: Any) -> None:
    record = RECORD | {"who": {"practitioner": practitioner}, "ground": {"care": care, "toa": toa}}

    event = audit_event(1, record, "p1")

    assert [finding for finding in check(event) if finding.severity == "error"] == []
