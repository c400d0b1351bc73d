"""The words that the OpenAPI document of /fhir is put together from; `described` and `described_writes` say what there is."""

from __future__ import annotations

from typing import Any, Final

from adapter.domain.problem import Finding, Kind
from adapter.failures import FHIR_JSON
from adapter.fhir.types import TYPES
from adapter.r4.outcome import operation_outcome

# The referral that the example message adult-depression-anxiety becomes; its ids follow from the message.
REFERRAL: Final = "ccdfd1c1-0956-516b-aa27-f5b0d1b8631e"
PATIENT: Final = "816310f7-0797-8503-bdf9-df230b8f42c3"  # the ids of patients are an installation's own: a test has this one
PATHWAY: Final = "587c5252-f849-576c-8aa2-0137103d98ea"  # that it opens
NOTHING: Final = "00000000-0000-4000-8000-000000000000"
PERSON: Final = "urn:oid:2.16.578.1.12.4.1.4.1|21858999992"

FAULTS: Final = {
    400: (Kind.INVALID, "What was sent cannot be understood.", "Det som ble sendt, kan ikke forstås."),
    404: (Kind.NOT_FOUND, "There is no such resource, version or type.", "Ressursen, versjonen eller typen finnes ikke."),
    405: (
        Kind.NOT_ALLOWED,
        "There is no resource with this id, and ids are ours to give.",
        "Ingen ressurs har denne id-en, og id-er er våre å gi.",
    ),
    406: (Kind.UNSUPPORTED, "Only FHIR JSON and XML are offered.", "Bare FHIR JSON og XML tilbys."),
    408: (Kind.TRANSIENT, "The body did not come in time.", "Innholdet kom ikke i tide."),
    412: (
        Kind.STALE,
        "The version that stands is another, or several resources match.",
        "En annen versjon gjelder, eller flere passer.",
    ),
    413: (
        Kind.TOO_LARGE,
        "The body is too large, or has too many entries.",
        "Innholdet er for stort, eller har for mange oppføringer.",
    ),
    415: (Kind.UNSUPPORTED, "The body is of a kind that is not read here.", "Innholdet er av et slag som ikke leses her."),
    422: (
        Kind.BUSINESS_RULE,
        "Readable, but not allowed by FHIR or by this service.",
        "Lesbart, men ikke tillatt av FHIR eller tjenesten.",
    ),
    429: (Kind.THROTTLED, "Too many requests at once.", "For mange forespørsler samtidig."),
}

ORGANISATION: Final = {
    "name": "X-Stafett-Organisation",
    "in": "header",
    "required": False,
    "description": "Organisation number that is acted for, where no tokens are asked for. Default: the first one configured.",
    "schema": {"type": "string"},
}


def operation(id: str, summary: str, description: str, parameters: list[Any], responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "tags": ["FHIR"],
        "operationId": id,
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "responses": {**responses, "406": fault(406), "429": fault(429)},
    }


def of_type() -> dict[str, Any]:
    examples = {
        "200-referral": example(200, "a referral", "ServiceRequest"),
        "404-no-such-type": example(404, "no type of ours", "Basic"),
    }
    said = in_path("type", "Resource type.", examples)
    return {**said, "schema": {"type": "string", "description": "One of " + ", ".join(sorted(TYPES)) + "."}}


def with_id() -> dict[str, Any]:
    examples = {
        "200-a-referral": example(200, "the example message adult-depression-anxiety", REFERRAL),
        "404-no-such-resource": example(404, "no such resource", NOTHING),
    }
    return in_path("id", "Id of the resource.", examples)


def in_path(name: str, description: str, examples: dict[str, Any]) -> dict[str, Any]:
    said = {"name": name, "in": "path", "required": True, "description": description}
    return {**said, "schema": {"type": "string"}, "examples": examples}


def query(name: str, description: str, examples: dict[str, Any] | None = None) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}
    return {**said, "examples": examples} if examples else said


def example(status: int, title: str, value: Any) -> dict[str, Any]:
    return {"summary": f"{status}: {title}", "value": value}


def yours(status: int, what: str, where: str, id: str) -> dict[str, Any]:
    """The example of an id that an installation need not have: it says `where` one is found that is answered with the status.

    yours(200, "a patient", "/fhir/Patient", "…")     # put in the id of a patient that GET /fhir/Patient shows: 200
    """
    return {"summary": f"put in the id of {what} that GET {where} shows: {status}", "value": id}


def resource(description: str, value: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "description": "A FHIR R4 resource."}
    return {"description": description, "content": {FHIR_JSON: {"schema": schema, "example": value}}}


def fault(status: int) -> dict[str, Any]:
    """A refusal with that status: an OperationOutcome."""
    kind, en, nb = FAULTS[status]
    schema = {"$ref": "#/components/schemas/OperationOutcome"}
    content = {FHIR_JSON: {"schema": schema, "example": operation_outcome([Finding("error", kind, en, nb)])}}
    return {"description": en, "content": content}


def bundle(type: str) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type, "total": 1, "link": [], "entry": [{"resource": referral()}]}


def referral() -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "id": REFERRAL, "meta": {"versionId": "1"}, "status": "active", "intent": "order"}
