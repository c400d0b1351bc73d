"""$validate: what is wrong with a resource, without keeping it (https://hl7.org/fhir/R4/resource-operation-validate.html).

POST /Task/$validate with a resource, or with Parameters resource, mode and profile; GET /Task/1/$validate of what is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from adapter.domain.problem import Finding, Kind, problem
from adapter.fhir.face import Answer, Asked, Face, invalid, not_found, outcome
from adapter.fhir.negotiation import body_is_xml
from adapter.fhir.rights import require
from adapter.fhir.types import TYPES
from adapter.fhir.writing import of_type, other_id
from adapter.ports import Stored
from adapter.r4 import json
from adapter.r4.bundle import NO_DELETE
from adapter.r4.checker import check
from adapter.r4.document import Document
from adapter.r4.document import read as parse
from adapter.r4.outcome import status
from adapter.usecases.resource_rules import faults_of_change, faults_of_new
from adapter.usecases.writing import body_of, no_such, profiles_of

MODES: Final = ("", "create", "update", "delete", "profile")
RULE: Final = "https://hl7.org/fhir/R4/resource-operation-validate.html"


def validate(face: Face, asked: Asked, data: bytes) -> Answer:
    """200 with an OperationOutcome, whatever is found. Only a request that cannot be read at all is refused (400, 404, 415)."""
    mode = next((value for name, value in asked.pairs if name == "mode"), "")
    profiles = [value for name, value in asked.pairs if name == "profile"]
    document = parse(data, xml=body_is_xml(asked.headers)) if data else None
    body = document.body if document else None
    place = ""
    if isinstance(body, dict) and body.get("resourceType") == "Parameters":
        body, mode, profiles, place = _parameters(body, mode, profiles)
    if mode not in MODES:
        raise invalid("mode", "mode is create, update, delete or profile.", "mode er create, update, delete eller profile.", RULE)
    if mode == "profile" and not profiles:
        raise invalid("profile", "mode=profile needs a profile.", "mode=profile trenger en profile.", RULE)
    stored = _stored(asked)
    if mode == "delete":
        return Answer(200, outcome([Finding("error", Kind.NOT_ALLOWED, *NO_DELETE)]))
    if body is None and stored:
        body = json.parse(stored.body)
    if body is None:
        raise problem(Kind.REQUIRED, "There is no resource to validate: send one.", "Det er ingen ressurs å validere: send en.")
    resource = of_type(body, asked.type) if asked.type else body
    if mode in ("create", "update"):
        profiles = [*profiles, *profiles_of(face.rules, resource)]
    findings = check(resource, profiles=profiles)
    if status(findings) != 400:  # what has no form cannot be asked what it would change
        findings += _not_allowed(face, asked, resource, mode, stored)
    return Answer(200, outcome(_located(document, findings, place) if document else findings))


def _not_allowed(face: Face, asked: Asked, resource: dict[str, Any], mode: str, stored: Stored | None) -> Sequence[Finding]:
    """With a mode of writing: also what would forbid it."""
    if resource["resourceType"] not in TYPES:
        return []
    if mode == "create":
        return faults_of_new(resource, face.rules)
    if mode != "update":
        return []
    if stored is None:
        return no_such().findings
    if resource.get("id") != asked.id:
        return [other_id(asked.type)]
    with asked.store.read() as unit:
        return faults_of_change(unit, asked.caller.tenant, body_of(stored), resource, face.rules)


def _located(document: Document, findings: Sequence[Finding], place: str) -> Sequence[Finding]:
    """With line and column. A resource within Parameters, at `place`, is named by itself all the same."""
    if not place:
        return document.located(findings)
    whole = document.located(replace(finding, where=place + "".join(finding.where.partition(".")[1:])) for finding in findings)
    return [replace(finding, line=one.line, column=one.column) for finding, one in zip(findings, whole, strict=True)]


def _stored(asked: Asked) -> Stored | None:
    if not asked.id:
        return None
    require(asked.caller, asked.type, "r")
    with asked.store.read() as unit:
        found = unit.read(asked.caller.tenant, asked.type, asked.id)
    if found is None:
        raise not_found()
    asked.trail.saw("R", [found])
    return found


def _parameters(body: Any, mode: str, profiles: list[str]) -> tuple[Any, str, list[str], str]:
    """Resource, mode and profiles of a Parameters resource; those of the address stand where it has none. And its place there."""
    resource, place, given = None, "", body.get("parameter", [])
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        en, nb = "Parameters.parameter is an array of objects.", "Parameters.parameter er en liste av objekter."
        raise problem(Kind.MALFORMED, en, nb, where="Parameters.parameter")
    for position, one in enumerate(given):
        match one.get("name"):
            case "resource":
                resource, place = one.get("resource"), f"Parameters.parameter[{position}].resource"
            case "mode":
                mode = str(one.get("valueCode", one.get("valueString", "")))
            case "profile":
                profiles = [*profiles, str(one.get("valueUri", one.get("valueCanonical", "")))]
    return resource, mode, profiles, place
