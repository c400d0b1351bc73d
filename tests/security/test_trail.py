"""What a request leaves in the audit: expected values are written by hand from docs/audit.md."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapter.ports import AuditRecord, Stored
from adapter.security.caller import Caller, Person
from adapter.security.scopes import access_of
from adapter.security.trail import MOST, Trail, outcome_of
from tests.national_numbers import make

NOW = datetime(2026, 5, 11, 8, 42, 19, tzinfo=UTC)
OURS, THEIRS = "974633574", "974557746"
NUMBER = make(13, 12, 1992, "female")  # synthetic
DOCTOR = Person(pid=NUMBER, hpr="9144897", name="Line Danser")


def a_trail(**changes: Any) -> Trail:
    trail = Trail("audit-1", "GET", NOW, request="request-1", caller=Caller(OURS, (OURS,), client="epj-1", numbers=(OURS,)))
    for name, value in changes.items():
        setattr(trail, name, value)
    return trail


def a_version(id: str = "t1", version: int = 3, patient: str = "p1") -> Stored:
    return Stored("Task", id, version, NOW, b'{"description":"secret"}', patient)


def body(record: AuditRecord) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(record.body)
    return said


def test_a_read_is_told_with_who_when_what_about_whom_on_which_ground_and_with_what_outcome() -> None:
    reader = Caller(OURS, (OURS,), client="epj-1", numbers=(OURS,), access=access_of(["system/Task.rs"], {}))
    trail = a_trail(route="/fhir/{type}/{id}", caller=reader)
    trail.asked("Task", "t1")
    trail.saw("R", [a_version()])

    (record,) = trail.records(200)

    assert (record.id, record.moment, record.tenant, record.about) == ("audit-1", NOW, OURS, ("p1",))
    assert body(record) == {
        "id": "audit-1",
        "request": "request-1",
        "moment": "2026-05-11T08:42:19Z",
        "tenant": OURS,
        "who": {"client": "epj-1", "organisations": [OURS]},
        "method": "GET",
        "route": "/fhir/{type}/{id}",
        "asked": ["Task/t1"],
        "ground": {"scope": "system/Task.rs"},
        "action": "R",
        "patients": ["p1"],
        "seen": [["R", "Task", "t1", 3, 0]],
        "status": 200,
        "outcome": "0",
    }


def test_a_person_and_the_attest_are_told() -> None:
    attest = {
        "practitioner": {"identifier": {"id": NUMBER, "system": "urn:oid:2.16.578.1.12.4.1.4.1"}, "hpr_nr": {"id": "9144897"}},
        "care_relation": {"purpose_of_use": {"code": "TREAT"}, "decision_ref": {"id": "d1", "user_selected": False}},
        "patients": [{"identifier": {"id": NUMBER}}],
        "toa": 1762000000,
    }
    trail = a_trail(caller=Caller(OURS, (OURS,), person=DOCTOR, attest=attest))

    said = body(trail.records(200)[0])

    assert said["who"]["person"] == {"pid": NUMBER, "hpr": "9144897", "name": "Line Danser"}
    assert said["who"]["practitioner"] == attest["practitioner"]
    assert said["ground"]["care"] == attest["care_relation"]
    assert said["ground"]["toa"] == 1762000000
    assert "patients" not in said  # those of the attest are the caller's word; who was seen is told by what was seen


def test_a_denied_request_of_somebody_unknown_is_told_too() -> None:
    (record,) = a_trail(caller=None).records(401)

    assert (record.tenant, record.about, body(record)["outcome"]) == ("", (), "4")


def test_what_is_another_organisations_is_told_in_that_ones_audit() -> None:
    trail = a_trail()
    trail.saw("S", [a_version("t1", patient="p1")])
    trail.saw("S", [a_version("t2", patient="p2")], THEIRS)
    trail.withheld("p3", THEIRS)

    assert [(record.tenant, record.about) for record in trail.records(200)] == [(OURS, ("p1",)), (THEIRS, ("p2", "p3"))]


def test_a_write_says_before_its_answer_that_it_happens() -> None:
    trail = a_trail(method="PUT")
    trail.saw("U", [a_version()])

    said = body(trail.records()[0])

    assert "outcome" not in said
    assert said["seen"] == [["U", "Task", "t1", 3, 0]]


def test_no_value_that_may_tell_of_a_person_is_told() -> None:
    trail = a_trail(request=NUMBER)
    trail.query(
        [
            *(("status", "requested"), ("patient", "Patient/p1"), ("name", "Danser"), ("patient.family", "Danser")),
            *(("patient:identifier", f"urn:oid:2.16.578.1.12.4.1.4.1|{NUMBER}"), ("patient", NUMBER), ("birthdate", "1992-12-13")),
        ]
    )
    trail.asked("Patient", NUMBER)
    said = body(trail.records(200)[0])

    assert said["criteria"] == [
        *("status=requested", "patient=Patient/p1", "name", "patient.family", "patient:identifier", "patient=***", "birthdate")
    ]
    assert said["asked"] == ["Patient/***"]
    assert said["request"] == "***"


def test_each_version_is_told_with_the_patient_whose_it_is() -> None:
    trail = a_trail()
    trail.saw("S", [a_version("t1", patient="p2"), a_version("t2", patient=""), a_version("t3", patient="p1")])

    said = body(trail.records(200)[0])

    assert said["patients"] == ["p1", "p2"]
    assert said["seen"] == [["S", "Task", "t1", 3, 1], ["S", "Task", "t2", 3], ["S", "Task", "t3", 3, 0]]


def test_no_content_of_a_resource_is_told() -> None:
    trail = a_trail()
    trail.saw("R", [a_version()])

    assert b"secret" not in trail.records(200)[0].body


def test_a_thousand_versions_are_named_the_others_counted_and_every_patient_is_told() -> None:
    trail = a_trail()
    trail.saw("S", [a_version(f"t{n}", patient=f"p{n}") for n in range(MOST + 7)])
    trail.saw("S", [a_version("t0", patient="p0")])  # again: neither another nor more

    (record,) = trail.records(200)

    assert (len(body(record)["seen"]), body(record)["more"], len(record.about)) == (MOST, 7, MOST + 7)


def test_several_actions_are_one_execution() -> None:
    trail = a_trail(method="POST")
    trail.saw("C", [a_version("t1")])
    trail.saw("U", [a_version("t2")])

    assert body(trail.records(200)[0])["action"] == "E"


# http://hl7.org/fhir/audit-event-outcome: 0 success; 4 minor failure, the request is at fault; 8 serious failure, an exception.
@pytest.mark.parametrize(
    ("status", "code"), [(0, None), (200, "0"), (304, "0"), (401, "4"), (404, "4"), (422, "4"), (500, "8"), (503, "8")]
)
def test_an_answer_is_a_success_a_refusal_or_a_failure(status: int, code: str | None) -> None:
    assert outcome_of(status) == code


def test_an_endless_attest_is_cut() -> None:
    deep: Any = "x" * 10_000
    for _ in range(50):
        deep = {"a": deep, "b": "x" * 10_000}
    trail = a_trail(
        caller=Caller(OURS, (OURS,), attest={"practitioner": deep, "care_relation": {str(n): "x" for n in range(10_000)}})
    )

    assert len(trail.records(200)[0].body) < 5_000
