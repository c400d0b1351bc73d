"""The one table of what /fhir offers: routes, search and the CapabilityStatement all read it.

The names are R4's own search parameters (https://hl7.org/fhir/R4/searchparameter-registry.html). *status* of Flag is
ours, since R4 has none there; Condition and AllergyIntolerance call theirs *clinical-status*.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

CORE: Final = "http://hl7.org/fhir/SearchParameter/"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter: its name in the URL, what it does in the store, its type and R4's definition of it."""

    name: str
    role: Literal["id", "identifier", "patient", "status", "updated"]
    type: Literal["token", "reference", "date"]
    definition: str = ""
    documentation: str = ""


BY_POST: Final = "A national identity number is taken by POST [type]/_search only, so that it stands in no address."

ID = Parameter("_id", "id", "token", CORE + "Resource-id")
UPDATED = Parameter("_lastUpdated", "updated", "date", CORE + "Resource-lastUpdated", "Prefixes eq, ge, gt, le, lt, sa, eb.")
FLAG_STATUS = Parameter("status", "status", "token", "", "Flag.status; R4 defines no parameter for it.")


def _identifier(definition: str) -> Parameter:
    return Parameter("identifier", "identifier", "token", CORE + definition, BY_POST)


def _patient(name: str, definition: str) -> Parameter:
    return Parameter(name, "patient", "reference", CORE + definition, "A Patient by id, relative or absolute reference.")


def _status(name: str, definition: str) -> Parameter:
    return Parameter(name, "status", "token", CORE + definition)


def _clinical(type: str, *, subject: bool = True, status: str = "status") -> tuple[Parameter, ...]:
    """What a resource about a patient is commonly found by."""
    about = (_patient("subject", f"{type}-subject"),) if subject else ()
    state = (_status(status, f"{type}-{status}"),) if status else ()
    return (_identifier("clinical-identifier"), _patient("patient", "clinical-patient"), *about, *state)


_OWN: Final[dict[str, tuple[Parameter, ...]]] = {
    "AllergyIntolerance": _clinical("AllergyIntolerance", subject=False, status="clinical-status"),
    "Binary": (),
    "CarePlan": _clinical("CarePlan"),
    "CareTeam": _clinical("CareTeam"),
    "Communication": (
        _identifier("Communication-identifier"),
        _patient("patient", "Communication-patient"),
        _patient("subject", "Communication-subject"),
        _status("status", "Communication-status"),
    ),
    "Condition": _clinical("Condition", status="clinical-status"),
    "Consent": _clinical("Consent", subject=False),
    "DocumentReference": _clinical("DocumentReference"),
    "Endpoint": (_identifier("Endpoint-identifier"), _status("status", "Endpoint-status")),
    "EpisodeOfCare": _clinical("EpisodeOfCare", subject=False),
    "Flag": (
        _identifier("Flag-identifier"),
        _patient("patient", "clinical-patient"),
        _patient("subject", "Flag-subject"),
        FLAG_STATUS,
    ),
    "HealthcareService": (_identifier("HealthcareService-identifier"),),
    "MedicationStatement": (
        _identifier("MedicationStatement-identifier"),
        _patient("patient", "clinical-patient"),
        _patient("subject", "MedicationStatement-subject"),
        _status("status", "medications-status"),
    ),
    "Observation": _clinical("Observation"),
    "Organization": (_identifier("Organization-identifier"),),
    "Patient": (_identifier("Patient-identifier"),),
    "Practitioner": (_identifier("Practitioner-identifier"),),
    "PractitionerRole": (_identifier("PractitionerRole-identifier"),),
    "Provenance": (),
    "RelatedPerson": (_identifier("RelatedPerson-identifier"), _patient("patient", "RelatedPerson-patient")),
    "ServiceRequest": _clinical("ServiceRequest"),
    "Task": (
        _identifier("Task-identifier"),
        _patient("patient", "Task-patient"),
        _patient("subject", "Task-subject"),
        _status("status", "Task-status"),
    ),
}

TYPES: Final[dict[str, dict[str, Parameter]]] = {
    type: {parameter.name: parameter for parameter in (ID, UPDATED, *own)} for type, own in _OWN.items()
}
"""Resource type -> its search parameters by name."""
