"""What a resource is found by: identifiers, patient, status. The search parameters of the first interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_PATIENT = ("subject", "patient", "for")
_STATUS = {"Condition": "clinicalStatus", "AllergyIntolerance": "clinicalStatus"}


class Found(NamedTuple):
    identifiers: Sequence[tuple[str, str]]
    patient: str
    status: str


def index(body: Mapping[str, Any]) -> Found:
    """The search fields of a resource."""
    return Found(tuple(dict.fromkeys(_identifiers(body))), _patient(body), _status(body))


def _identifiers(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = body.get("identifier", [])
    for identifier in given if isinstance(given, list) else [given]:
        if isinstance(identifier, Mapping) and "value" in identifier:
            yield identifier.get("system", ""), identifier["value"]


def _patient(body: Mapping[str, Any]) -> str:
    if body.get("resourceType") == "Patient":
        return str(body["id"])
    for key in _PATIENT:
        reference = body.get(key, {})
        if isinstance(reference, Mapping) and str(reference.get("reference", "")).startswith("Patient/"):
            return str(reference["reference"]).removeprefix("Patient/")
    return ""


def _status(body: Mapping[str, Any]) -> str:
    given = body.get(_STATUS.get(str(body.get("resourceType")), "status"), "")
    if isinstance(given, Mapping):
        return next((str(c["code"]) for c in given.get("coding", []) if "code" in c), "")
    return str(given)
