"""The CapabilityStatement (https://hl7.org/fhir/R4/capabilitystatement.html), written from the table that routes and search use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from adapter.domain.identity import BASE
from adapter.fhir.definitions import DEFINED
from adapter.fhir.operations import Operation, of_service, of_type
from adapter.fhir.results import MOST
from adapter.fhir.types import BY_POST, TYPES, includes, modifiers, revincludes
from adapter.r4.bundle import PATCH
from adapter.r4.parameters import Parameter
from adapter.r4.profiles import promised
from adapter.usecases.writing import FOR_READING, VERSIONED
from mappings.resources.notification import PACKAGE
from mappings.topics import TOPICS

INTERACTIONS: Final = ("read", "vread", "update", "patch", "history-instance", "history-type", "create", "search-type")
"""Of every type that clients write (https://hl7.org/fhir/R4/valueset-type-restful-interaction.html)."""

READING: Final = tuple(code for code in INTERACTIONS if code not in ("update", "patch", "create"))
"""Of those that the service alone writes."""

CONDITIONS: Final = {
    "conditionalCreate": True,
    "conditionalRead": "full-support",
    "conditionalUpdate": True,
    "conditionalDelete": "not-supported",
}
"""What is said of conditional interactions, of every type that clients write."""

SYSTEM: Final = ("transaction", "batch")
"""Interactions of the service as a whole: batch, transaction."""

COMPARTMENT: Final = "http://hl7.org/fhir/CompartmentDefinition/patient"
"""https://hl7.org/fhir/R4/compartmentdefinition-patient.html"""

FORMATS: Final = ("application/fhir+json", "json", "application/fhir+xml", "xml")
BULK_DATA: Final = "http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"
PATCH_FORMATS: Final = (PATCH,)

REQUIREMENTS: Final = f"{BASE}/CapabilityStatement/stafett"
"""Canonical of what every installation offers: profiles/CapabilityStatement-stafett.json."""

CHANGED = "2026-11-23"  # the day that the table or this file last changed what is offered

SEARCHING: Final = (
    f"{BY_POST} Results come newest first where _sort says nothing else. Pages hold {MOST} resources at most and are followed by "
    "their links, within a day. _sort takes any search parameter; _count, _total, _summary and _elements are taken, and :iterate "
    "with _include and _revinclude. An unknown parameter is left out of the link self and told of in an OperationOutcome, or "
    "refused with Prefer: handling=strict; a modifier that is not offered is refused always. References may be chained "
    "(patient.family, subject:Patient.identifier) and followed back (_has:Task:patient:status), three steps at most. The patient "
    "compartment is searched at Patient/[id]/[type] and Patient/[id]/*; a Task is in it by whom it is for. A date without a time "
    "zone is Norwegian."
)

OPEN: Final = "Open: for test on this machine alone."
GUARDED: Final = {
    "service": [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}]}
    ],
    "description": "HelseID access tokens, bound by DPoP (RFC 9449); scopes as in .well-known/smart-configuration. The token's "
    "organisation sees its own; what is another's, or closed to it by its patient, is not there.",
}
"""How a caller is let in (https://hl7.org/fhir/smart-app-launch/conformance.html)."""

WRITING: Final = (
    "Every write is checked against all of R4 and the profiles that it claims. Ids are given here. Nothing is deleted: end by "
    f"status. A change of {', '.join(sorted(VERSIONED))} needs If-Match, and their identifiers are added to, never replaced. A "
    "resource with the tag computed is read-only, but for the answer to a Task (status, statusReason, owner, executionPeriod, "
    "note, output). A PlanDefinition is made of the rule sets, and not created here. An event of a pathway (an Observation with a "
    "code of 9322 or 9327) is checked by the profile pathway-event and "
    "judged by the national ordering rules; $findings tells what they say of a pathway. A security label stays where it was set. "
    "In a transaction entries that resolve to one resource are refused, and conditional "
    "references are resolved. Bodies are not taken compressed."
)


TOPICS_OFFERED: Final = {
    "extension": [{"url": f"{PACKAGE}/capabilitystatement-subscriptiontopic-canonical", "valueCanonical": t.url} for t in TOPICS],
    "documentation": "The R5 subscriptions in R4 (http://hl7.org/fhir/uv/subscriptions-backport): rest-hook, id-only or empty, to "
    "hosts that the installation allows. "
    + " ".join(f"{topic.name}: {topic.en} Narrowed by {', '.join(topic.filters)}." for topic in TOPICS)
    + " R4's own criteria (Type?parameter=value) follow every version that matches.",
}
"""https://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition-capabilitystatement-subscriptiontopic-canonical.html"""


def capability_statement(base: str, version: str, *, open_access: bool) -> dict[str, Any]:
    """What the service at FHIR base `base` offers; `version` is the software's, `open_access` says that no token is asked for."""
    rest = {
        "mode": "server",
        "documentation": f"{SEARCHING}\n\n{WRITING}",
        "security": {"description": OPEN} if open_access else GUARDED,
        "resource": [_resource(type) for type in TYPES] + [_definitions(type) for type in DEFINED],
        "interaction": [{"code": code} for code in SYSTEM],
        "operation": _offered(of_service()),
        "compartment": [COMPARTMENT],
    }
    return {
        "resourceType": "CapabilityStatement",
        "id": "stafett",
        "url": f"{base}/metadata",
        "name": "Stafett",
        "title": "Stafett: national patient pathways as FHIR",
        "status": "active",
        "date": CHANGED,
        "kind": "instance",
        "instantiates": [REQUIREMENTS, BULK_DATA],
        "software": {"name": "Stafett", "version": version},
        "implementation": {"description": "Stafett", "url": base},
        "fhirVersion": "4.0.1",
        "format": list(FORMATS),
        **({"patchFormat": list(PATCH_FORMATS)} if PATCH_FORMATS else {}),
        "rest": [_said(rest)],
    }


def _resource(type: str) -> dict[str, Any]:
    return _said(
        {
            **(TOPICS_OFFERED if type == "Subscription" else {}),
            "type": type,
            "supportedProfile": list(promised(type)),
            "interaction": [{"code": code} for code in (READING if type in FOR_READING else INTERACTIONS)],
            "versioning": "versioned-update" if type in VERSIONED else "versioned",
            "readHistory": True,
            "updateCreate": False,
            **({"conditionalRead": CONDITIONS["conditionalRead"]} if type in FOR_READING else CONDITIONS),
            "searchInclude": list(includes(type)),
            "searchRevInclude": list(revincludes(type)),
            "searchParam": [_parameter(type, parameter) for parameter in TYPES[type].values()],
            "operation": _offered(of_type(type)),
        }
    )


def _definitions(type: str) -> dict[str, Any]:
    """What the program carries of a type that is in no store: it is read and searched, and has no versions."""
    parameters = [{"name": one.name, "definition": one.url, "type": one.type} for one in DEFINED[type].values()]
    modified = ({**one, "documentation": "Modifiers :exact, :contains."} if one["type"] == "string" else one for one in parameters)
    return _said(
        {
            "type": type,
            "documentation": "Definitions of this program: the same for all.",
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "versioning": "no-version",
            "searchParam": list(modified),
            "operation": _offered(of_type(type)),
        }
    )


def _offered(operations: Sequence[Operation]) -> list[dict[str, str]]:
    return [{"name": operation.name, "definition": operation.definition} for operation in operations]


def _parameter(type: str, parameter: Parameter) -> dict[str, Any]:
    taken = [f":{name}" for name in modifiers(type, parameter.name) if name not in TYPES]
    if len(taken) < len(modifiers(type, parameter.name)):
        taken.append(":[type]")
    said = {"name": parameter.name, "definition": parameter.url, "type": parameter.type}
    return _said({**said, "documentation": f"Modifiers {', '.join(taken)}." if taken else ""})


def _said(element: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty: FHIR has no empty lists or texts."""
    return {name: value for name, value in element.items() if value not in ("", [])}
