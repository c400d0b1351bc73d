"""Retiring, cancelling, and what counts as a change: pure rules, and that FHIR still accepts what they leave."""

from __future__ import annotations

import doctest
from types import ModuleType
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.ports import MessageQuery
from adapter.usecases.situation import decode
from mappings.resources import cancel, changes, merge, retire
from tests.usecases.house import HOSPITAL, House, message, uuid

ERROR = "entered-in-error"


@pytest.mark.parametrize("module", [merge, retire, cancel], ids=lambda module: module.__name__)
def test_the_examples_in_the_documentation_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0


@pytest.mark.parametrize(("kind", "element", "value"), [
    ("Observation", "status", ERROR),
    ("DocumentReference", "status", ERROR),
    ("MedicationStatement", "status", ERROR),
    ("Consent", "status", ERROR),
    ("CareTeam", "status", ERROR),
    ("RelatedPerson", "active", False),
])  # fmt: skip
def test_each_type_has_its_own_end(kind: str, element: str, value: object) -> None:
    assert retire.retire({"resourceType": kind, "id": "1"}) == {"resourceType": kind, "id": "1", element: value}


def test_what_has_no_mark_of_its_own_is_left_alone() -> None:
    assert retire.retire({"resourceType": "Binary", "id": "1"}) is None


def test_an_allergy_that_is_no_longer_said_has_no_clinical_status() -> None:
    retired = retire.retire({"resourceType": "AllergyIntolerance", "clinicalStatus": {"coding": []}})
    coding = {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification", "code": ERROR}
    assert retired == {"resourceType": "AllergyIntolerance", "verificationStatus": {"coding": [coding]}}


def test_an_ended_task_is_left_as_it_was() -> None:
    done: dict[str, Any] = {"status": "completed"}
    assert cancel.task(done, "2026-08-03T10:00:00+02:00", "x") == done


def test_only_what_bears_on_the_assessment_counts_as_changed() -> None:
    condition, flag, request = ("Condition", "1"), ("Flag", "1"), ("ServiceRequest", "1")
    before: dict[changes.Key, dict[str, Any]] = {
        condition: {"code": "a"},
        flag: {"code": "x"},
        request: {"status": "active", "authoredOn": "1", "meta": {"source": "1"}},
    }
    after: dict[changes.Key, dict[str, Any]] = {
        condition: {"code": "b"},
        request: {"status": "active", "authoredOn": "2", "requisition": {}, "meta": {"source": "2"}},
    }
    assert changes.changed(before, after | {("Provenance", "2"): {}}) == ("Condition", "Flag")
    assert changes.changed(before, before) == ()


def test_every_version_that_a_series_leaves_is_valid_fhir(house: House) -> None:
    text = message(
        "N",
        ('<ServType V="N" DN="Ny"/>\n\t\t\t\t\t<IssueDate>', '<ServType V="M" DN="Endring"/>\n\t\t\t\t\t<IssueDate>'),
        msg_id=uuid(2),
    ).decode()
    bare = text[: text.index("<InfItem>")] + text[text.index("</InfItem>") + 10 :]
    for hub_id, data in enumerate([message("N"), bare.encode(), message("M"), message("C")]):
        house.receive(data, str(hub_id))

    with house.store.read() as unit:
        bodies = [s.body for m in unit.messages([HOSPITAL], MessageQuery()) for s in unit.message_resources(HOSPITAL, m.id)]
    assert len(bodies) > 60
    for body in bodies:
        get_fhir_model_class(decode(body)["resourceType"]).model_validate_json(body)
    assert ERROR in {decode(body).get("status") for body in bodies if decode(body)["resourceType"] == "MedicationStatement"}
