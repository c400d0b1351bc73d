"""The tables of R4 beside fhir.resources (R4B), whose author read the same standard on his own.

R4B changed nothing that R4 4.0.1 has in these types. (It did in Extension: two more datatypes for the value.)
"""

from __future__ import annotations

import importlib

import pytest

from adapter.r4.definitions import code_system, codes, invariant, json_names, r5_elements, resource_types, type_named

TYPES = [
    *("AllergyIntolerance", "Binary", "Bundle", "CarePlan", "CareTeam", "Communication", "Condition", "Consent"),
    *("DocumentReference", "Endpoint", "EpisodeOfCare", "Flag", "Goal", "HealthcareService", "MedicationStatement"),
    *("Observation", "OperationOutcome", "Organization", "Parameters", "Patient", "Practitioner", "PractitionerRole"),
    *("Provenance", "RelatedPerson", "ServiceRequest", "Task", "Appointment", "Encounter", "List", "Questionnaire"),
]
DATATYPES = [
    *("Address", "Annotation", "Attachment", "CodeableConcept", "Coding", "ContactPoint", "Dosage"),
    *("HumanName", "Identifier", "Meta", "Narrative", "Period", "Quantity", "Range", "Ratio", "Reference", "SampledData"),
    *("Signature", "Timing"),
]


def theirs(name: str) -> dict[str, bool]:
    """JSON name -> may there be several, as fhir.resources has it."""
    fields = getattr(importlib.import_module(f"fhir.resources.R4B.{name.lower()}"), name).model_fields
    return {
        (field.alias or key): "List" in str(field.annotation)
        for key, field in fields.items()
        if not key.endswith("__ext") and (field.alias or key) not in {"resourceType", "resource_type", "fhir_comments"}
    }


@pytest.mark.parametrize("name", [*TYPES, *DATATYPES])
def test_a_type_has_the_elements_that_another_author_found(name: str) -> None:
    ours = {json_name: e.most != 1 for e in type_named(name).elements.values() for json_name in json_names(e)}

    assert ours == theirs(name)


@pytest.mark.parametrize("name", [*TYPES, *DATATYPES])
def test_what_must_be_there_is_what_another_author_demands(name: str) -> None:
    fields = getattr(importlib.import_module(f"fhir.resources.R4B.{name.lower()}"), name).model_fields
    extra = {key: field.json_schema_extra or {} for key, field in fields.items()}
    required = {fields[key].alias or key for key, said in extra.items() if said.get("element_required")}
    required |= {field.alias or key for key, field in fields.items() if field.is_required()}
    choices = {str(said["one_of_many"]) for said in extra.values() if said.get("one_of_many_required")}

    assert {e.name for e in type_named(name).elements.values() if e.least} == required | choices


def test_elements_stand_in_the_standards_order_inherited_ones_first() -> None:
    """http://hl7.org/fhir/R4/episodeofcare.html, the page's own table."""
    inherited = "id meta implicitRules language text contained extension modifierExtension"
    who = "patient managingOrganization period referralRequest careManager team account"

    assert list(type_named("EpisodeOfCare").elements) == f"{inherited} identifier status statusHistory type diagnosis {who}".split()


def test_another_elements_content_is_named_as_its_type() -> None:
    """Questionnaire.item.item is "see item" (http://hl7.org/fhir/R4/questionnaire.html)."""
    assert type_named("Questionnaire.item").elements["item"].types == ("Questionnaire.item",)


def test_a_reference_knows_its_targets() -> None:
    """EpisodeOfCare.careManager is Reference(Practitioner | PractitionerRole); Task.focus is Reference(Any)."""
    assert type_named("EpisodeOfCare").elements["careManager"].targets == ("Practitioner", "PractitionerRole")
    assert type_named("Task").elements["focus"].targets == ()


def test_required_bindings_list_their_codes() -> None:
    """http://hl7.org/fhir/R4/valueset-episode-of-care-status.html: seven codes, `onhold` without hyphen."""
    binding = type_named("EpisodeOfCare").elements["status"].binding

    assert codes(binding + "|4.0.1") == {
        "http://hl7.org/fhir/episode-of-care-status": frozenset(
            ("planned", "waitlist", "active", "onhold", "finished", "cancelled", "entered-in-error")
        )
    }
    assert type_named("Task").elements["code"].binding == ""  # example binding
    assert codes("http://hl7.org/fhir/ValueSet/mimetypes") is None
    assert code_system("http://hl7.org/fhir/CodeSystem/task-code") == frozenset(
        ("approve", "fulfill", "abort", "replace", "change", "suspend", "resume")
    )
    assert code_system("http://snomed.info/sct") is None


def test_a_key_of_two_rules_is_told_apart() -> None:
    assert type_named("Task").invariants[-1] == "Task.inv-1"
    assert invariant("Task.inv-1").key == "inv-1"
    assert "lastModified >= authoredOn" in invariant("Task.inv-1").expression


def test_elements_of_r5_are_known_by_name() -> None:
    """R5 renamed Task.performerType to requestedPerformer and added performer; R4 has neither."""
    assert {"performer", "requestedPerformer"} <= set(r5_elements("Task"))
    assert "performerType" not in r5_elements("Task")


def test_there_are_146_concrete_resource_types() -> None:
    """http://hl7.org/fhir/R4/resourcelist.html counts 148 names; Resource and DomainResource are abstract."""
    assert len(resource_types()) == 146
    assert not {"Resource", "DomainResource", "SubscriptionTopic"} & resource_types()
