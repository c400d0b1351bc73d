"""The CapabilityStatement (https://hl7.org/fhir/R4/capabilitystatement.html), written from the table that routes and search use."""

from __future__ import annotations

from typing import Any

from adapter.fhir.types import BY_POST, TYPES, Parameter

INTERACTIONS = ("read", "vread", "history-instance", "search-type")
CHANGED = "2026-11-21"  # the day that the table or this file last changed what is offered


def capability_statement(base: str, version: str, *, open_access: bool) -> dict[str, Any]:
    """What the service at FHIR base `base` offers; `version` is the software's, `open_access` says that no token is asked for."""
    security = "Open: for test on this machine alone." if open_access else "HelseID access tokens, bound by DPoP."
    return {
        "resourceType": "CapabilityStatement",
        "id": "stafett",
        "url": f"{base}/metadata",
        "name": "Stafett",
        "title": "Stafett: national patient pathways as FHIR",
        "status": "active",
        "date": CHANGED,
        "kind": "instance",
        "software": {"name": "Stafett", "version": version},
        "implementation": {"description": "Stafett", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [
            {
                "mode": "server",
                "documentation": f"{BY_POST} Results come newest first. Pages are followed by their links.",
                "security": {"description": security},
                "resource": [_resource(type, list(TYPES[type].values())) for type in sorted(TYPES)],
            }
        ],
    }


def _resource(type: str, parameters: list[Parameter]) -> dict[str, Any]:
    return {
        "type": type,
        "interaction": [{"code": code} for code in INTERACTIONS],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": False,
        "conditionalRead": "full-support",
        "searchParam": [_parameter(parameter) for parameter in parameters],
    }


def _parameter(parameter: Parameter) -> dict[str, str]:
    said = {"name": parameter.name, "type": parameter.type, "definition": parameter.definition}
    return {key: value for key, value in {**said, "documentation": parameter.documentation}.items() if value}
