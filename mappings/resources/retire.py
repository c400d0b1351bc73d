"""What a referral no longer says: each type's own way of ending, since nothing is deleted.

Who says so: https://hl7.org/fhir/R4/lifecycle.html ("entered-in-error" for a record that should not be relied on), and the
invariants con-5 and ait-2, by which a Condition or AllergyIntolerance so marked has no clinical status.

>>> retire({"resourceType": "Flag", "id": "f", "status": "active"})
{'resourceType': 'Flag', 'id': 'f', 'status': 'entered-in-error'}
"""

from __future__ import annotations

from typing import Any, Final

VERIFICATION: Final = {
    "Condition": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
    "AllergyIntolerance": "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
}
BY_STATUS: Final = frozenset(
    {
        "CareTeam",
        "Communication",
        "Consent",
        "DiagnosticReport",
        "DocumentReference",
        "Flag",
        "MedicationRequest",
        "MedicationStatement",
    }
    | {"Observation", "Procedure", "QuestionnaireResponse"}
)


def retire(body: dict[str, Any]) -> dict[str, Any] | None:
    """The resource marked as no longer said; None for a type that has no such mark (a Binary, say)."""
    kind = body["resourceType"]
    if kind in VERIFICATION:
        code = {"coding": [{"system": VERIFICATION[kind], "code": "entered-in-error"}]}
        return {key: value for key, value in body.items() if key != "clinicalStatus"} | {"verificationStatus": code}
    if kind in BY_STATUS:
        return body | {"status": "entered-in-error"}
    if kind == "RelatedPerson":
        return body | {"active": False}
    return None
