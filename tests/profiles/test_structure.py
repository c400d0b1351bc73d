"""What a profile asks of single elements: one change to a good example, and the one finding that it makes.

Each row is read off `profiles/input/fsh`: the example, the element changed, its new value (`GONE`: taken away), where the
finding stands and what kind it is. HL7's own validator sees an error in each as well.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from adapter.domain.problem import Kind
from adapter.r4.checker import check
from adapter.r4.profiles import PROFILE, check_profile, known, promised
from tests.official import Validate, official
from tests.profiles import good, lay_definitions

__all__ = ["official"]

GONE: Any = object()
CS = "https://stafett.invalid/fhir/CodeSystem/"
MISSING, WRONG, CODE = Kind.INCOMPLETE, Kind.INVARIANT, Kind.UNKNOWN_CODE


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": CS + system, "code": code}]}


CHANGES: list[tuple[str, str, Any, str, Kind]] = [
    ("pathway", "extension.1", GONE, "EpisodeOfCare.extension", MISSING),  # rule-version 1..1
    ("pathway", "identifier", GONE, "EpisodeOfCare.identifier", MISSING),  # 1..*
    ("pathway", "identifier.0.system", GONE, "EpisodeOfCare.identifier[0].system", MISSING),  # 1..1
    ("pathway", "type", GONE, "EpisodeOfCare.type", MISSING),  # 1..1
    ("pathway", "type.0.coding.0.code", "D99", "EpisodeOfCare.type[0]", CODE),  # PathwayType: 9321 has no D99
    ("pathway", "type.0.coding.0.system", "http://helsedir.no/fhir/CodeSystem/no-kodeverk-9321", "EpisodeOfCare.type[0]", CODE),
    ("pathway", "type.0.coding", GONE, "EpisodeOfCare.type[0]", CODE),  # a required binding wants a code, not a text alone
    ("pathway", "managingOrganization", GONE, "EpisodeOfCare.managingOrganization", MISSING),
    ("pathway", "managingOrganization.identifier.system", "urn:oid:2.16.578.1.12.4.1.4.102",
     "EpisodeOfCare.managingOrganization.identifier.system", WRONG),  # ENH
    ("pathway-plan", "extension.0", GONE, "CarePlan.extension", MISSING),  # workflow-episodeOfCare 1..1
    ("pathway-plan", "intent", "order", "CarePlan.intent", WRONG),  # plan
    ("pathway-plan", "subject", {"reference": "Group/g"}, "CarePlan.subject", WRONG),  # only Patient
    ("pathway-plan", "period.start", GONE, "CarePlan.period.start", MISSING),
    ("pathway-plan", "activity.0", {"detail": {"status": "scheduled"}}, "CarePlan.activity[0].detail", WRONG),  # 0..0
    ("pathway-team", "status", GONE, "CareTeam.status", MISSING),  # optional in R4
    ("pathway-team", "participant.0.member", GONE, "CareTeam.participant[0].member", MISSING),
    ("pathway-referral", "intent", "plan", "ServiceRequest.intent", WRONG),
    ("pathway-referral", "identifier.0.value", GONE, "ServiceRequest.identifier[0].value", MISSING),
    ("pathway-event", "status", "amended", "Observation.status", CODE),  # final or entered-in-error
    ("pathway-event", "code.coding.0.code", "Z", "Observation.code", CODE),  # 9322 has no Z
    ("pathway-event", "subject", GONE, "Observation.subject", MISSING),
    ("pathway-event", "subject", {"reference": "Location/l"}, "Observation.subject", WRONG),
    ("pathway-event", "performer", GONE, "Observation.performer", MISSING),
    ("pathway-event", "performer.0", {"reference": "Practitioner/p"}, "Observation.performer[0]", WRONG),
    ("pathway-event", "performer.1", {"reference": "Organization/o"}, "Observation.performer", WRONG),  # 1..1
    ("pathway-event", "focus.1", {"reference": "EpisodeOfCare/o"}, "Observation.focus", WRONG),  # 0..1
    ("pathway-event", "effectiveDateTime", GONE, "Observation.effective", MISSING),
    ("pathway-event", "component.0.code.coding.0.code", "weather", "Observation.component[0].code", CODE),
    ("pathway-event", "component.0.valueCodeableConcept", GONE, "Observation.component[0].value", MISSING),
    ("pathway-event", "component.0.valueCodeableConcept.coding.0.code", "D11", "Observation.component[0].value", CODE),
    ("pathway-event", "component.1.code.coding.0.code", "care-level", "Observation.component", WRONG),  # 0..1; and no care level
    ("patient-block", "scope.coding.0.code", "research", "Consent.scope", WRONG),  # patient-privacy
    ("patient-block", "patient", {"display": "Kari"}, "Consent.patient.reference", MISSING),  # 1..1
    ("patient-block", "organization", GONE, "Consent.organization", MISSING),  # 1..1
    ("patient-block", "organization.1", {"display": "another"}, "Consent.organization", WRONG),
    ("patient-block", "provision", GONE, "Consent.provision", MISSING),
    ("patient-block", "provision.type", "permit", "Consent.provision.type", WRONG),  # deny
    ("patient-block", "provision.type", GONE, "Consent.provision.type", MISSING),
    ("patient-block", "provision.period", {"end": "2027-01-01"}, "Consent.provision.period", WRONG),  # 0..0
    ("patient-block", "provision.provision", [{"type": "permit"}], "Consent.provision.provision", WRONG),  # 0..0
    ("patient-block", "provision.actor", GONE, "Consent.provision.actor", MISSING),  # 1..*
    ("patient-block", "provision.actor.0.reference.identifier.value", GONE,
     "Consent.provision.actor[0].reference.identifier.value", MISSING),
    ("assessment-task", "code.coding.0.code", "choose-pathway", "Task.code", WRONG),
    ("assessment-task", "focus", {"reference": "EpisodeOfCare/e"}, "Task.focus", WRONG),  # only ServiceRequest
    ("assessment-task", "for", GONE, "Task.for", MISSING),  # of pathway-task, which it derives from
    ("assessment-task", "intent", "plan", "Task.intent", WRONG),  # of pathway-task
    ("assessment-task", "restriction.period.end", GONE, "Task.restriction.period.end", MISSING),
    ("assessment-task", "businessStatus.coding.0.code", "awaiting-information", "Task.businessStatus", CODE),
    ("assessment-task", "output.4", {"type": coded("task-output", "assessed-on"), "valueDate": "2026-05-21"},
     "Task.output", WRONG),  # assessed-on twice
    ("assessment-task", "output.0", {"type": coded("task-output", "right-to-care"), "valueString": "ja"},
     "Task.output[0].value", WRONG),  # boolean
    ("assessment-task", "output.2.valueCodeableConcept.coding.0.code", "99", "Task.output[2].value", CODE),  # 8485 ends at 7
    ("deadline-task", "status", "in-progress", "Task.status", CODE),
    ("deadline-task", "groupIdentifier", GONE, "Task.groupIdentifier", MISSING),
    ("deadline-task", "code.coding.1.code", "X", "Task.code.coding[1]", CODE),  # M, C or E
    ("deadline-task", "code.coding.0.code", "assess-referral", "Task.code.coding[0]", CODE),
    ("deadline-task", "businessStatus", GONE, "Task.businessStatus", MISSING),
    ("deadline-task", "restriction", GONE, "Task.restriction", MISSING),
    ("duty-task", "code.coding.0.code", "deadline", "Task.code", CODE),
    ("duty-task", "description", GONE, "Task.description", MISSING),
    ("assignment-task", "status", "ready", "Task.status", CODE),
    ("assignment-task", "identifier", GONE, "Task.identifier", MISSING),
    ("assignment-task", "for", {"reference": "Patient/p"}, "Task.for.identifier", MISSING),  # by national number
    ("assignment-task", "owner.identifier", GONE, "Task.owner.identifier", MISSING),
    ("assignment-task", "requester.type", "Practitioner", "Task.requester", WRONG),
    ("assignment-task", "restriction.period", GONE, "Task.restriction.period", MISSING),
    ("assignment-task", "reasonCode", {"text": "Hvorfor"}, "Task.reasonCode", WRONG),  # 0..0: no more than is needed
    ("assignment-task", "businessStatus", coded("business-status", "met"), "Task.businessStatus", CODE),
    ("assignment-task", "input.0", {"type": coded("task-input", "own-coordinator"), "valueString": "Kari"},
     "Task.input[0].value", WRONG),
]  # fmt: skip
BLIND = {"assignment-task requester.type"}
"""What HL7's validator lets pass: a type that only Reference.type tells."""


def changed(name: str, path: str, value: Any) -> Any:
    resource = deepcopy(good(name))
    at: Any = resource
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in way:
        at = at[step]
    if value is GONE:
        del at[last]
        if isinstance(at, dict) and not at:
            at["extension"] = [{"url": "https://example.org/why", "valueString": "left empty"}]
    elif isinstance(last, int) and last == len(at):
        at.append(value)
    else:
        at[last] = value
    if value is GONE and path.endswith(".coding"):
        at["text"] = "Forløp"
    return resource


@pytest.mark.parametrize(
    ("name", "path", "value", "where", "kind"), CHANGES, ids=[f"{c[0]}-{c[1]}-{i}" for i, c in enumerate(CHANGES)]
)
def test_a_change_is_found_where_it_was_made(name: str, path: str, value: Any, where: str, kind: Kind) -> None:
    found = check(changed(name, path, value))

    assert [(f.severity, f.kind) for f in found if f.where == where][:1] == [("error", kind)]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_official_validator_finds_something_in_each(official: Validate, tmp_path: Path) -> None:
    files: dict[Path, str] = {}
    for number, (name, path, value, _, _) in enumerate(CHANGES):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(changed(name, path, value)), "utf-8")
        files[file] = f"{name} {path}"
    folder = tmp_path / "ig"
    folder.mkdir()

    found = official(files, lay_definitions(folder))

    assert {files[path] for path, issues in found.items() if not any(issue.is_error for issue in issues)} == BLIND


def test_a_slice_is_open_to_what_it_does_not_know() -> None:
    task = good("assessment-task")
    task["output"].append({"type": {"text": "noe annet"}, "valueString": "fri tekst"})

    assert check_profile(task, PROFILE + "assessment-task") == []


def test_a_resource_of_another_type_is_told_so() -> None:
    found = check_profile({"resourceType": "Patient"}, PROFILE + "pathway")

    assert [(f.kind, f.where, f.en) for f in found] == [
        (WRONG, "Patient", "The profile pathway is for EpisodeOfCare, not for this resource.")
    ]


def test_a_profile_is_known_with_a_version_too() -> None:
    assert known(PROFILE + "pathway")
    assert known(PROFILE + "pathway|1.0")
    assert not known("http://hl7.no/fhir/StructureDefinition/no-basis-Patient")
    assert not known(PROFILE + "pathway-phase")  # an extension
    with pytest.raises(KeyError):
        check_profile({"resourceType": "Task"}, PROFILE + "nothing")


def test_what_only_others_derive_from_is_not_promised() -> None:
    assert set(promised("Task")) == {
        PROFILE + id for id in ("assessment-task", "assignment-task", "deadline-task", "duty-task", "follow-up-task")
    }
    assert promised("Patient") == ()


NOT_OF_ITS_FORM: list[Any] = ["x", 1, None, True, [], {}, [[]], [None], {"coding": "x"}, {"coding": [1]}, [{"type": 1}]]


@pytest.mark.parametrize("name", ["pathway", "pathway-event", "assessment-task", "deadline-task", "assignment-task"])
@pytest.mark.parametrize("value", NOT_OF_ITS_FORM, ids=repr)
def test_a_resource_without_form_is_judged_as_far_as_it_goes(name: str, value: Any) -> None:
    for key in good(name):
        if key != "resourceType":
            check_profile(good(name) | {key: value}, PROFILE + name)
