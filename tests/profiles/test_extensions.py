"""Our extensions wherever they stand: the place, the value, the parts. Read off `profiles/input/fsh/extensions.fsh`."""

from __future__ import annotations

from typing import Any

import pytest

from adapter.domain.problem import Kind
from adapter.r4.profiles import PROFILE, check_extensions

WRONG, MISSING = Kind.INVARIANT, Kind.INCOMPLETE


def on(type: str, **elements: Any) -> list[tuple[Kind, str]]:
    return [(finding.kind, finding.where) for finding in check_extensions({"resourceType": type, **elements})]


def extension(name: str, **said: Any) -> dict[str, Any]:
    return {"url": PROFILE + name, **said}


def test_an_extension_in_its_place_with_its_value_is_well() -> None:
    assert on("EpisodeOfCare", extension=[extension("pathway-phase", valueCode="waiting")]) == []


def test_an_extension_of_anybody_else_is_not_looked_at() -> None:
    assert on("EpisodeOfCare", extension=[{"url": "https://example.org/pathway-phase", "valueString": "x"}]) == []


def test_an_extension_on_another_resource_type_is_out_of_place() -> None:
    assert on("Patient", extension=[extension("pathway-phase", valueCode="waiting")]) == [(WRONG, "Patient.extension[0]")]


def test_a_value_of_another_type_is_found() -> None:
    found = on("EpisodeOfCare", extension=[extension("pathway-phase", valueString="waiting")])

    assert found == [(WRONG, "EpisodeOfCare.extension[0].value")]


def test_a_missing_value_is_found() -> None:
    assert on("CarePlan", extension=[extension("rule-version")]) == [(MISSING, "CarePlan.extension[0].value")]


def test_an_extension_on_a_datatype_may_stand_wherever_that_does() -> None:
    district = [extension("district-code", valueCodeableConcept={"text": "Sentrum"})]

    assert on("Patient", address=[{"extension": district}]) == []
    assert on("Patient", contact=[{"address": {"extension": district}}]) == []
    assert on("Task", input=[{"valueAddress": {"extension": district}}]) == []
    assert on("Patient", contact=[{"name": {"extension": district}}]) == [(WRONG, "Patient.contact[0].name.extension[0]")]


def test_an_extension_on_an_element_may_not_stand_on_the_resource() -> None:
    approved = [extension("approved-on", valueDate="2026-05-11")]

    assert on("CareTeam", participant=[{"extension": approved}]) == []
    assert on("CareTeam", extension=approved) == [(WRONG, "CareTeam.extension[0]")]


def test_the_parts_of_an_extension_are_judged() -> None:
    def rights(*parts: dict[str, Any]) -> list[tuple[Kind, str]]:
        return on("ServiceRequest", extension=[extension("rights-assessment", extension=list(parts))])

    date = {"url": "date", "extension": [{"url": "value", "valueDate": "2026-05-20"}]}
    right = {"url": "right-to-care", "valueBoolean": True}

    assert rights(date, date, right) == []
    assert rights(right, right) == [(WRONG, "ServiceRequest.extension[0].extension")]
    assert rights({"url": "right-to-care", "valueCode": "yes"}) == [(WRONG, "ServiceRequest.extension[0].extension[0].value")]
    nested = {"url": "date", "extension": [{"url": "value", "valueDateTime": "2026-05-20"}]}
    assert rights(nested) == [(WRONG, "ServiceRequest.extension[0].extension[0].extension[0].value")]


def test_a_reference_in_an_extension_leads_to_what_its_definition_says() -> None:
    put_off = extension("patient-caused", valueReference={"reference": "Observation/l"})
    other = extension("patient-caused", valueReference={"reference": "https://example.org/fhir/Condition/l"})

    assert on("Task", extension=[put_off]) == []
    assert on("Task", extension=[other]) == [(WRONG, "Task.extension[0].value")]


def test_extensions_of_primitives_and_contained_resources_are_seen() -> None:
    phase = [extension("pathway-phase", valueCode="waiting")]

    assert on("Patient", _birthDate={"extension": phase}) == [(WRONG, "Patient.birthDate.extension[0]")]
    assert on("Task", contained=[{"resourceType": "EpisodeOfCare", "extension": phase}]) == []
    assert on("Task", contained=[{"resourceType": "Patient", "extension": phase}]) == [(WRONG, "Task.contained[0].extension[0]")]


def test_a_name_of_ours_that_we_have_not_is_a_warning() -> None:
    found = check_extensions({"resourceType": "Task", "extension": [extension("patient-cuased", valueString="x")]})

    assert [(f.severity, f.kind, f.where, f.en) for f in found] == [
        ("warning", Kind.NOT_UNDERSTOOD, "Task.extension[0]", "There is no extension patient-cuased of ours.")
    ]


@pytest.mark.parametrize("value", ["x", 1, None, True, [], {}, ["x"], [None], [[]], [{"url": None}], [{"url": PROFILE}]], ids=repr)
def test_what_is_not_of_its_form_is_no_fault_of_ours(value: Any) -> None:
    check_extensions({"resourceType": "Task", "extension": value, "input": [{"extension": value}]})
    check_extensions({"resourceType": "Task", "extension": [extension("copy-receiver", extension=value, valueReference=value)]})
