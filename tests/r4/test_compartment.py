"""Whose record a resource is, by hand from https://hl7.org/fhir/R4/compartmentdefinition-patient.html and each type's page."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.r4.compartment import whose
from adapter.r4.index import index
from adapter.r4.parameters import PARAMETERS

BASE = "https://our.example/fhir"
PERSON = "urn:oid:2.16.578.1.12.4.1.4.1"
BY = {"identifier": {"system": PERSON, "value": "07868399999"}}

ELEMENTS = {
    "AllergyIntolerance": "patient",
    "Binary": "securityContext",
    "CarePlan": "subject",
    "CareTeam": "subject",
    "Communication": "subject",
    "Condition": "subject",
    "Consent": "patient",
    "DocumentReference": "subject",
    "Encounter": "subject",
    "EpisodeOfCare": "patient",
    "Flag": "subject",
    "Goal": "subject",
    "MedicationStatement": "subject",
    "Observation": "subject",
    "RelatedPerson": "patient",
    "ServiceRequest": "subject",
    "Task": "for",
}
NOBODYS = {
    *("Endpoint", "HealthcareService", "Location", "Organization", "PlanDefinition", "Practitioner", "PractitionerRole"),
    "Subscription",
}


def test_every_type_that_is_served_is_a_patients_or_nobodys() -> None:
    assert {*ELEMENTS, *NOBODYS, "Patient", "Provenance"} == set(PARAMETERS)


@pytest.mark.parametrize("type", ELEMENTS)
def test_a_record_is_the_patients_whom_its_element_names(type: str) -> None:
    resource = {"resourceType": type, "id": "1", ELEMENTS[type]: {"reference": "Patient/p1"}}

    assert whose(resource) == "p1"
    assert index(resource).patient == "p1"


@pytest.mark.parametrize("type", sorted(NOBODYS))
def test_what_is_of_no_patient_is_nobodys(type: str) -> None:
    patient = {"reference": "Patient/p1"}

    assert whose({"resourceType": type, "id": "1", "subject": patient, "patient": patient}) == ""


@pytest.mark.parametrize("type", sorted({*ELEMENTS, "Provenance"}))
def test_a_record_that_names_no_patient_is_nobodys(type: str) -> None:
    assert whose({"resourceType": type, "id": "1"}) == ""


SAID: list[tuple[dict[str, Any], str]] = [
    ({"reference": f"{BASE}/Patient/p1"}, "p1"),
    ({"reference": "Patient/p1/_history/3"}, "p1"),
    ({"reference": "Patient/p1", **BY}, "p1"),
    (BY, f"{PERSON}|07868399999"),
    ({"type": "Patient", **BY}, f"{PERSON}|07868399999"),
    ({"identifier": {"system": "2.16.578.1.12.4.1.4.1", "value": "07868399999"}}, f"{PERSON}|07868399999"),
    ({"identifier": {"value": "7"}}, "|7"),
    ({"reference": "https://theirs.example/fhir/Patient/9"}, "https://theirs.example/fhir/Patient/9"),
    ({"reference": "https://theirs.example/fhir/Patient/9", **BY}, f"{PERSON}|07868399999"),
    ({"reference": "#p"}, f"{PERSON}|07868399999"),
    ({"reference": "#unknown", **BY}, f"{PERSON}|07868399999"),
    ({"reference": "#group"}, ""),
    ({"reference": "Group/g1"}, ""),
    ({"type": "Group", **BY}, ""),
    ({"display": "somebody"}, ""),
]
CONTAINED = [{"resourceType": "Patient", "id": "p", "identifier": [{}, BY["identifier"]]}, {"resourceType": "Group", "id": "group"}]


@pytest.mark.parametrize(("reference", "patient"), SAID)
def test_a_patient_is_known_by_its_id_here_else_by_identifier(reference: dict[str, Any], patient: str) -> None:
    assert whose({"resourceType": "Task", "for": reference, "contained": CONTAINED}, BASE) == patient


def test_a_patient_is_its_own_record() -> None:
    assert whose({"resourceType": "Patient", "id": "p1", "link": [{"other": {"reference": "Patient/p2"}}]}) == "p1"


def test_a_provenance_is_of_the_first_patient_among_its_targets() -> None:
    targets = [{"reference": name} for name in ("Task/t1", "Patient/p1", "Patient/p2")]

    assert whose({"resourceType": "Provenance", "target": targets}) == "p1"
    assert whose({"resourceType": "Provenance", "target": targets[:1]}) == ""


@given(st.sampled_from(sorted(ELEMENTS)), st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True))
def test_a_patient_who_is_found_by_the_parameter_patient_is_whose_record_it_is(type: str, id: str) -> None:
    """Search and blocking agree: what `?patient=` finds is that patient's."""
    found = index({"resourceType": type, ELEMENTS[type]: {"reference": f"Patient/{id}"}})

    assert {entry.value for entry in found.entries if entry.parameter == "patient"} <= {found.patient} == {id}
