"""HL7's own examples, judged by our checker: no false alarm on any of the types that we serve.

Where an example is wrong by its own standard, the finding stands here with the reason.
"""

from __future__ import annotations

from adapter.fhir.types import TYPES
from adapter.r4.checker import check
from adapter.r4.json import parse
from tests.r4.packages import Examples

WRONG = {
    # performer is Reference(Practitioner | PractitionerRole | Organization | CareTeam | Patient | RelatedPerson)
    "Observation-clinical-gender.json": {"Observation.performer[0]"},
    # with urn:ietf:rfc:3986 an OID is written urn:oid: in the value (datatypes.html#Identifier); this one is bare
    "Organization-2.16.840.1.113883.19.5.json": {"Organization.identifier[0].value"},
}
OTHERS = ("Appointment", "Encounter", "Group", "List", "Location", "Medication", "MedicationRequest", "Parameters", "Procedure")
WRONG_OTHERS = {
    "MedicationRequest-medrx0301.json": {"MedicationRequest.dispenseRequest.performer"},  # only an Organization may
}


def test_no_example_of_a_served_type_is_called_wrong(r4_examples: Examples) -> None:
    found = {name: {f.where for f in check(parse(data)) if f.severity != "warning"} for name, data in r4_examples(*TYPES)}

    assert {name: wheres for name, wheres in found.items() if wheres} == WRONG
    assert len(found) > 200


def test_no_example_of_other_types_that_pathways_meet_is_called_wrong(r4_examples: Examples) -> None:
    found = {name: {f.where for f in check(parse(data)) if f.severity != "warning"} for name, data in r4_examples(*OTHERS)}

    assert {name: wheres for name, wheres in found.items() if wheres} == WRONG_OTHERS
    assert len(found) > 90


def test_no_example_of_a_served_type_is_warned_of_but_for_a_profile_that_we_do_not_know(r4_examples: Examples) -> None:
    """And but for the opioid guideline's plans: their names are no names for a program, of which pdf-0 warns."""
    warned = {(name, f.where) for name, data in r4_examples(*TYPES) for f in check(parse(data)) if f.severity == "warning"}

    named = {(name, where) for name, where in warned if name.startswith("PlanDefinition-opioidcds-") and where == "PlanDefinition"}
    assert {where for _, where in warned - named} <= {"Observation.meta.profile[0]", "Patient.meta.profile[0]"}
