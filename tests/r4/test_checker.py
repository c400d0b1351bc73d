"""One thing wrong at a time, made by hand: what the checker says, where, and by which rule of R4.

The larger corpus with other tools' verdicts is in `tests/r4/corpus`.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from adapter.domain.problem import Kind
from adapter.r4.checker import CORE, check

TASK: dict[str, Any] = {
    "resourceType": "Task",
    "id": "t-1",
    "identifier": [{"system": "https://a.example/id", "value": "1"}],
    "status": "requested",
    "intent": "order",
    "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
    "for": {"reference": "Patient/p-1"},
    "authoredOn": "2026-11-02T09:00:00+01:00",
    "owner": {"reference": "https://b.example/fhir/Organization/o-1"},
    "restriction": {"period": {"start": "2026-11-02", "end": "2026-11-16"}},
    "input": [{"type": {"text": "a"}, "valueString": "b"}],
}
EPISODE = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
MODE = "http://hl7.org/fhir/StructureDefinition/questionnaireresponse-completionMode"
RFC3986 = "urn:ietf:rfc:3986"


def found(resource: Any, **options: Any) -> list[tuple[str, Kind]]:
    return [(f.where, f.kind) for f in check(resource, **options)]


def task(**changed: Any) -> dict[str, Any]:
    """The Task with members changed; None takes one away, `within__period` reaches in."""
    made = copy.deepcopy(TASK)
    for path, value in changed.items():
        *steps, last = path.split("__")
        node = made
        for step in steps:
            node = node[int(step)] if step.isdigit() else node[step]  # type: ignore[call-overload]
        if value is None:
            del node[last]
        else:
            node[last] = value
    return made


def test_a_sound_task_has_no_findings() -> None:
    assert check(TASK) == []


def test_all_that_is_wrong_is_told_at_once() -> None:
    wrong = task(status="done", intent=None, foo=1, authoredOn="2026-13-01", restriction__period__end="2026-10-01")

    assert set(found(wrong)) == {
        ("Task.status", Kind.UNKNOWN_CODE),
        ("Task.intent", Kind.REQUIRED),
        ("Task.foo", Kind.MALFORMED),
        ("Task.authoredOn", Kind.VALUE),
        ("Task.restriction.period", Kind.INVARIANT),
    }


@pytest.mark.parametrize(
    ("changed", "where", "kind"),
    [
        # json.html: members that the type has not, arrays, null and empties
        ({"performer": []}, "Task.performer", Kind.MALFORMED),
        ({"fhir_comments": ["x"]}, "Task", Kind.MALFORMED),
        ({"Status": "requested"}, "Task.Status", Kind.MALFORMED),
        ({"status": ["requested"]}, "Task.status", Kind.MALFORMED),
        ({"identifier": {"value": "1"}}, "Task.identifier", Kind.MALFORMED),
        ({"note": []}, "Task.note", Kind.MALFORMED),
        ({"code": {}}, "Task.code", Kind.MALFORMED),
        ({"description": ""}, "Task.description", Kind.MALFORMED),
        ({"identifier": [None]}, "Task.identifier[0]", Kind.MALFORMED),
        ({"priority": 1}, "Task.priority", Kind.MALFORMED),
        ({"restriction__repetitions": "1"}, "Task.restriction.repetitions", Kind.MALFORMED),
        ({"restriction__repetitions": True}, "Task.restriction.repetitions", Kind.MALFORMED),
        ({"code__id": "a b"}, "Task.code.id", Kind.VALUE),
        # datatypes.html: what a primitive looks like
        ({"restriction__repetitions": 0}, "Task.restriction.repetitions", Kind.VALUE),
        ({"authoredOn": "2026-11-02T09:00:00"}, "Task.authoredOn", Kind.VALUE),
        ({"authoredOn": "2026-11-02T09:00Z"}, "Task.authoredOn", Kind.VALUE),
        ({"authoredOn": "2026-02-29"}, "Task.authoredOn", Kind.VALUE),
        ({"authoredOn": "0000"}, "Task.authoredOn", Kind.VALUE),
        ({"authoredOn": "2026-11-02T24:00:00Z"}, "Task.authoredOn", Kind.VALUE),
        ({"meta": {"lastUpdated": "2026-11-02"}}, "Task.meta.lastUpdated", Kind.VALUE),
        ({"id": "a_b"}, "Task.id", Kind.VALUE),
        ({"id": "a" * 65}, "Task.id", Kind.VALUE),
        ({"description": "a\x07b"}, "Task.description", Kind.VALUE),
        ({"identifier__0__system": "https://a b"}, "Task.identifier[0].system", Kind.VALUE),
        ({"identifier__0__system": "urn:oid:1.02"}, "Task.identifier[0].system", Kind.VALUE),
        ({"code__coding": [{"code": " a"}]}, "Task.code.coding[0].code", Kind.VALUE),
        ({"language": "norsk bokmål"}, "Task.language", Kind.UNKNOWN_CODE),
        # formats.html#choice
        ({"input__0__valueBoolean": True}, "Task.input[0].value", Kind.MALFORMED),
        ({"input__0__valueString": None}, "Task.input[0].value", Kind.REQUIRED),
        ({"input__0__value": "b"}, "Task.input[0].value", Kind.MALFORMED),
        ({"input__0__valueNumber": 1}, "Task.input[0].value", Kind.MALFORMED),
        # terminologies.html
        ({"code__coding__0__code": "fullfill"}, "Task.code.coding[0].code", Kind.UNKNOWN_CODE),
        ({"code__coding": [{"system": "task-code", "code": "a"}]}, "Task.code.coding[0].system", Kind.VALUE),  # a warning
        ({"identifier__0__system": "journal"}, "Task.identifier[0].system", Kind.VALUE),  # a warning
        # datatypes.html#Identifier: with urn:ietf:rfc:3986 the address is in the value
        ({"identifier": [{"system": RFC3986, "value": "4711"}]}, "Task.identifier[0].value", Kind.INVARIANT),
        ({"identifier": [{"system": RFC3986, "value": "https://a.example/a b"}]}, "Task.identifier[0].value", Kind.INVARIANT),
        ({"identifier": [{"system": RFC3986, "value": "urn:uuid:4711"}]}, "Task.identifier[0].value", Kind.INVARIANT),
        ({"identifier": [{"system": RFC3986, "value": "urn:oid:1.02"}]}, "Task.identifier[0].value", Kind.INVARIANT),
        ({"groupIdentifier": {"system": RFC3986, "value": "4711"}}, "Task.groupIdentifier.value", Kind.INVARIANT),
        # element.html#id: no two in one resource, those of primitives among them
        ({"code__id": "a", "restriction__id": "a"}, "Task.restriction.id", Kind.INVARIANT),
        ({"code__id": "a", "_status": {"id": "a"}}, "Task.status.id", Kind.INVARIANT),
        # references.html
        ({"owner": {"reference": "Location/1"}}, "Task.owner", Kind.INVARIANT),
        ({"owner": {"reference": "https://b.example/fhir/Location/1"}}, "Task.owner", Kind.INVARIANT),
        ({"owner": {"reference": "Location/1/_history/2"}}, "Task.owner", Kind.INVARIANT),
        ({"owner": {"type": "Location", "display": "x"}}, "Task.owner", Kind.INVARIANT),
        ({"for": {"reference": "Patient/1", "type": "Group"}}, "Task.for.type", Kind.INVARIANT),
        ({"for": {"reference": "Pasient/1"}}, "Task.for.reference", Kind.INVARIANT),
        ({"for": {"reference": "Patient"}}, "Task.for.reference", Kind.VALUE),
        ({"for": {"reference": "Patient?identifier=1"}}, "Task.for.reference", Kind.VALUE),
        ({"for": {"reference": "#p"}}, "Task.for", Kind.INVARIANT),
        # extensibility.html
        ({"extension": [{"url": "simple", "valueString": "a"}]}, "Task.extension[0].url", Kind.VALUE),
        ({"extension": [{"url": "urn:a"}]}, "Task.extension[0]", Kind.INVARIANT),
        (
            {"extension": [{"url": "urn:a", "valueString": "a", "extension": [{"url": "b", "valueString": "c"}]}]},
            "Task.extension[0]",
            Kind.INVARIANT,
        ),
        # extensibility-registry.html: workflow-episodeOfCare is Reference(EpisodeOfCare), translation has two extensions
        ({"extension": [{"url": EPISODE, "valueString": "a"}]}, "Task.extension[0]", Kind.INVARIANT),
        ({"extension": [{"url": EPISODE, "valueReference": {"reference": "Task/1"}}]}, "Task.extension[0].value", Kind.INVARIANT),
        ({"extension": [{"url": TRANSLATION, "valueString": "a"}]}, "Task.extension[0]", Kind.INVARIANT),
        # extension-data-absent-reason.html, extension-questionnaireresponse-completionmode.html: required bindings
        ({"_status": {"extension": [{"url": ABSENT, "valueCode": "lost"}]}}, "Task.status.extension[0].value", Kind.UNKNOWN_CODE),
        ({"extension": [{"url": MODE, "valueCodeableConcept": {"text": "a"}}]}, "Task.extension[0].value", Kind.UNKNOWN_CODE),
        # json.html#primitive
        ({"_note": [{"id": "a"}]}, "Task.note", Kind.MALFORMED),
        ({"_status": {}}, "Task.status", Kind.MALFORMED),
        ({"_status": [{"id": "a"}]}, "Task.status", Kind.MALFORMED),
        ({"_description": {"id": "a"}}, "Task.description", Kind.INVARIANT),
        ({"code": {"id": "a"}}, "Task.code", Kind.INVARIANT),
        ({"_status": {"extension": [{"url": "simple", "valueString": "a"}]}}, "Task.status.extension[0].url", Kind.VALUE),
        # task.html: inv-1
        ({"lastModified": "2026-11-02T07:59:59Z"}, "Task", Kind.INVARIANT),
    ],
)
def test_one_defect_is_one_finding_at_its_place(changed: dict[str, Any], where: str, kind: Kind) -> None:
    assert found(task(**changed)) == [(where, kind)]


@pytest.mark.parametrize(
    "changed",
    [
        {"authoredOn": "2024-02-29"},
        {"authoredOn": "2016-12-31T23:59:60Z"},
        {"authoredOn": "2026-11", "lastModified": "2026-11-01T00:00:00+14:00"},
        {"restriction__period": {"start": "2026-11-02", "end": "2026-11"}},
        {"restriction__period": {"start": "2026-11-02T10:00:00+02:00", "end": "2026-11-02T09:00:00+01:00"}},
        {"status": None, "_status": {"extension": [{"url": "urn:a", "valueCode": "unknown"}]}},
        {"input__0__valueString": None, "input__0___valueString": {"extension": [{"url": "urn:a", "valueCode": "unknown"}]}},
        {"for": {"display": "A"}},
        {"for": {"reference": "urn:uuid:0b0b1d5e-8c0a-4f5e-9d0c-7a6b5c4d3e2f"}},
        {"owner": {"reference": "https://b.example/whatever", "type": "http://hl7.org/fhir/StructureDefinition/Organization"}},
        {"code": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "symptom"}]}},
        {"extension": [{"url": "urn:a", "extension": [{"url": "simple", "valueString": "a"}]}]},
        {"extension": [{"url": EPISODE, "valueReference": {"reference": "EpisodeOfCare/1"}}]},
        {"extension": [{"url": EPISODE, "valueReference": {"reference": "EpisodeOfCare/1", "id": "a"}}]},
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/made-since", "valueString": "a"}]},
        {"identifier": [{"system": RFC3986, "value": "urn:uuid:4BB1A5B4-16AB-4F2E-9F3A-0F8A5C1B2D3E"}]},  # RFC 4122 takes capitals
        {
            "identifier": [
                {"system": RFC3986, "value": "https://a.example/4711"},
                {"system": RFC3986, "value": "urn:isbn:0451450523"},
            ]
        },
        {"identifier": [{"system": RFC3986, "_value": {"extension": [{"url": ABSENT, "valueCode": "masked"}]}}]},
        {"id": "a", "code": {"id": "a", "text": "a"}},  # the resource's own id is another matter: resource.html#id
        {"_status": {"extension": [{"url": ABSENT, "valueCode": "unknown"}]}},
        {"meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/Task"]}},
        {"description": "to\nlinjer\tog en tabulator"},
    ],
)
def test_what_looks_odd_and_is_right_is_let_be(changed: dict[str, Any]) -> None:
    """The last code system has had `symptom` since R4: HL7's systems grow."""
    assert check(task(**changed)) == []


def test_primitives_that_repeat_have_companions_of_the_same_length() -> None:
    why = {"extension": [{"url": "urn:a", "valueCode": "unknown"}]}

    def name(given: list[Any], beside: list[Any]) -> list[tuple[str, Kind]]:
        return found({"resourceType": "Patient", "name": [{"given": given, "_given": beside}]})

    assert name(["A", None], [None, why]) == []
    assert name(["A", "B"], [None, why]) == []
    assert name(["A"], [None, why]) == [("Patient.name[0].given", Kind.MALFORMED)]
    assert name(["A", None], [why, None]) == [("Patient.name[0].given[1]", Kind.MALFORMED)]
    assert found({"resourceType": "Patient", "name": [{"given": ["A", None]}]}) == [("Patient.name[0].given[1]", Kind.MALFORMED)]


def test_the_type_must_be_known_and_the_one_wanted() -> None:
    assert found({"resourceType": "Pathway"}) == [("Resource", Kind.INVALID)]
    assert found({"resourceType": "SubscriptionTopic"}) == [("Resource", Kind.INVALID)]
    assert found({"status": "x"}, type="Task") == [("Task", Kind.REQUIRED)]
    assert found([]) == [("Resource", Kind.MALFORMED)]
    assert found(TASK, type="Patient") == [("resourceType", Kind.INVALID)]


def test_a_crowd_of_warnings_hides_no_error() -> None:
    warned = {"system": "relative", "value": "1"}
    national = {"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": "1234567"}
    crowd = [warned] * 300 + [{**national, "type": {"text": "a"}}] * 300
    before = {"resourceType": "Task", "identifier": crowd, "status": "done", "intent": "order"}
    within = {**before, "status": "draft", "identifier": [*crowd, {**national, "value": "x"}]}

    assert [f.where for f in check(before) if f.severity == "error"] == ["Task.status"]
    assert [f.where for f in check(within) if f.severity == "error"] == ["Task.identifier[600].value"]
    assert len(check(before)) == len(check(within)) == 501
    assert [f.severity for f in check({**before, "identifier": [{"system": 1}] * 10_000})][499:] == ["error", "information"]


def test_a_member_without_a_name_is_an_unknown_one() -> None:
    assert found({**TASK, "": None}) == [("Task", Kind.MALFORMED)]
    assert found({"resourceType": "Patient", "name": [{"": {}}]}) == [("Patient.name[0]", Kind.MALFORMED)]


def test_a_profile_that_is_not_known_is_a_warning_and_never_fetched() -> None:
    findings = check(task(meta={"profile": ["https://evil.example/p"]}))

    assert [(f.severity, f.kind, f.where) for f in findings] == [("warning", Kind.NOT_UNDERSTOOD, "Task.meta.profile[0]")]


def test_a_finding_on_a_claimed_profile_says_which_of_them_it_is() -> None:
    """One that the caller names stands nowhere in the resource, unless it is claimed there too."""
    core, patient, unknown = (f"{CORE}Task", f"{CORE}Patient", "https://a.example/p")
    claiming = task(meta={"profile": [core, patient, unknown]})

    assert [(f.severity, f.where) for f in check(claiming)] == [
        ("error", "Task.meta.profile[1]"),
        ("warning", "Task.meta.profile[2]"),
    ]
    assert [(f.severity, f.where) for f in check(claiming, profiles=[unknown])][1] == ("error", "Task.meta.profile[2]")
    assert [(f.severity, f.where) for f in check(TASK, profiles=[unknown])] == [("error", "Task.meta.profile")]


def test_a_finding_never_tells_the_senders_text() -> None:
    secret = "Kari Nordmann"
    wrong = task(description=[secret], authoredOn=secret, identifier=[{"value": {"x": secret}}], **{"owner": {"reference": secret}})

    assert not any(secret in f.en + f.nb for f in check(wrong))


@pytest.mark.parametrize("secret", ["Kari Nordmann", "12838540056", "a12838b", "Kari\u00a0N"])
def test_a_finding_tells_no_code_type_or_address_that_may_be_a_name_or_a_number(secret: str) -> None:
    """A blank, or five digits in a row."""
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    patient = {
        "resourceType": "Patient",
        "meta": {"profile": [f"https://a.example/{secret}"], "tag": [{"system": system, "code": secret}]},
        "gender": secret,
        "generalPractitioner": [{"type": secret, "display": "a"}],
        f"p{secret}": 1,
    }
    said = [f.en + f.nb + f.where + f.rule for f in [*check(patient), *check({"resourceType": secret})]]

    assert len(said) >= 6
    assert not [text for text in said if secret in text or "12838" in text]
    assert "done" in check(task(status="done"))[0].en


def test_a_concept_with_a_required_value_set_has_one_coding_of_it() -> None:
    """AllergyIntolerance.clinicalStatus, required binding to allergyintolerance-clinical."""

    def status(concept: dict[str, Any]) -> list[tuple[str, Kind]]:
        return found({"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/1"}, "clinicalStatus": concept})

    system = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    assert status({"coding": [{"system": "urn:a", "code": "b"}, {"system": system, "code": "active"}]}) == []
    assert status({"text": "aktiv"}) == [("AllergyIntolerance.clinicalStatus", Kind.UNKNOWN_CODE)]
    assert status({"coding": [{"code": "active"}]}) == [("AllergyIntolerance.clinicalStatus", Kind.UNKNOWN_CODE)]
    assert status({"coding": [{"system": system, "code": "on"}]}) == [
        ("AllergyIntolerance.clinicalStatus.coding[0].code", Kind.UNKNOWN_CODE)
    ]


def test_every_invariant_of_the_standard_can_be_asked() -> None:
    """All compile, for each type and each member that bears them."""
    from adapter.r4 import definitions, fhirpath
    from adapter.r4.checks.compiled import RULED
    from adapter.r4.checks.rules import BY_HAND, ELSEWHERE

    asked = 0
    for file in [*sorted(definitions.resource_types()), "datatypes"]:
        for type in definitions._types(file).values():
            bearers = [(rule, type.name) for rule in type.invariants]
            for element in type.elements.values():
                types = [of for of in element.types if not element.choice or of in RULED]
                bearers += [(rule, of) for rule in element.invariants for of in types]
            for rule, of in bearers:
                if rule not in BY_HAND and rule not in ELSEWHERE:
                    fhirpath.rule(definitions.invariant(rule).expression, of)
                    asked += 1
    assert asked > 150
