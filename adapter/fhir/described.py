"""What the OpenAPI document says of /fhir, from the same table as its routes.

Every example of a request is named by the status that answers it; a test sends them all.
"""

from __future__ import annotations

from typing import Any, Final

from adapter.domain.problem import Finding, Kind
from adapter.failures import FHIR_JSON
from adapter.fhir.results import MOST, SUMMARIES, TOTALS, USUAL
from adapter.fhir.types import BY_POST, GENERAL, TYPES
from adapter.r4.outcome import operation_outcome

# The referral that the example message adult-depression-anxiety becomes; its ids follow from the message.
REFERRAL: Final = "ccdfd1c1-0956-516b-aa27-f5b0d1b8631e"
NOTHING: Final = "00000000-0000-4000-8000-000000000000"
PERSON: Final = "urn:oid:2.16.578.1.12.4.1.4.1|21858999992"

COMMON: Final = {
    "_id": "Ids, with commas between them.",
    "patient": "A Patient: id, Patient/id or its address; patient:identifier takes system|value.",
    "status": "Codes, with commas between them; status:not for all others.",
}
RESULTS: Final = {
    "_sort": "Search parameters, the most significant first; - before one for descending.",
    "_count": f"Resources on a page: {USUAL}, at most {MOST}; 0 gives the number alone.",
    "_total": f"{', '.join(TOTALS)}; without it the total is given where it costs little.",
    "_summary": f"{', '.join(SUMMARIES)}: a part of each resource, or the number alone.",
    "_elements": "Names of elements, with commas between them: those alone, beside the mandatory ones.",
    "_include": "What is pointed to is given too: Type:parameter or Type:parameter:Target.",
    "_revinclude": "What points to those found is given too: Type:parameter.",
}
MODIFYING: Final = (
    "A token takes the modifiers :not and :missing, a string :exact, :contains and :missing, a uri :below, :above and :missing, a "
    "reference :identifier, :missing and :[type], a date :missing. An unknown parameter is left out of the link *self* and told of "
    "in an OperationOutcome, or refused with `Prefer: handling=strict`; an unknown modifier is refused always."
)

ORGANISATION: Final = {
    "name": "X-Stafett-Organisation",
    "in": "header",
    "required": False,
    "description": "Organisation number that is acted for, where no tokens are asked for. Default: the first one configured.",
    "schema": {"type": "string"},
}


def paths() -> dict[str, Any]:
    """The paths of /fhir for the document."""
    return {
        "/fhir/metadata": {"get": _metadata()},
        "/fhir/{type}": {"get": _search()},
        "/fhir/{type}/_search": {"post": _search_by_form()},
        "/fhir/{type}/{id}": {"get": _read()},
        "/fhir/{type}/{id}/_history": {"get": _history()},
        "/fhir/{type}/{id}/_history/{version}": {"get": _vread()},
    }


def _metadata() -> dict[str, Any]:
    examples = {
        "200-full": _example(200, "the whole statement", "full"),
        "400-terminology": _example(400, "not offered", "terminology"),
    }
    return _operation(
        "fhir_metadata",
        "What /fhir offers (CapabilityStatement)",
        "Resource types, interactions and search parameters. Open to all.",
        [_query("mode", "Only *full* is offered.", examples)],
        {
            "200": _resource("The statement.", {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}),
            "400": _fault(Kind.INVALID),
        },
    )


def _search() -> dict[str, Any]:
    ours = "https://stafett.invalid/fhir/NamingSystem/forlops-id"
    identifiers = {
        "200-any": _example(200, "any", None),
        "200-a-pathway": _example(200, "by an identifier of a pathway", f"{ours}|F-1"),
        "400-a-person": _example(400, "a national number may not stand in an address", PERSON),
    }
    parameters = [
        _type(),
        _query("identifier", f"system|value, value, system| or |value. {BY_POST}", identifiers),
        *(_query(name, said) for name, said in COMMON.items()),
        _query("_lastUpdated", "Partial dates too, with eq, ne, gt, lt, ge, le, sa, eb or ap before them.", _dates()),
        *(_query(name, said, _results().get(name)) for name, said in RESULTS.items()),
        ORGANISATION,
    ]
    return _operation(
        "fhir_search",
        "Search",
        f"Newest first, where _sort says nothing else; pages are followed by the link *next*. {MODIFYING}\n\n{_offered()}",
        parameters,
        {"200": _resource("What was found.", _bundle("searchset")), "400": _fault(Kind.INVALID), "404": _fault(Kind.NOT_FOUND)},
    )


def _search_by_form() -> dict[str, Any]:
    operation = _operation(
        "fhir_search_by_form",
        "Search by a form",
        f"As the search by address, with the parameters in the body. {BY_POST}",
        [_type(), ORGANISATION],
        {
            "200": _resource("What was found.", _bundle("searchset")),
            "400": _fault(Kind.INVALID),
            "404": _fault(Kind.NOT_FOUND),
            "415": _fault(Kind.UNSUPPORTED),
        },
    )
    examples = {
        "200-by-national-number": _example(200, "a person by national number", {"identifier": PERSON}),
        "400-not-a-date": _example(400, "not a date", {"_lastUpdated": "yesterday"}),
    }
    fields = ("identifier", *COMMON, "_lastUpdated", *RESULTS)
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in fields}}
    content = {"application/x-www-form-urlencoded": {"schema": schema, "examples": examples}}
    return {**operation, "requestBody": {"required": True, "content": content}}


def _offered() -> str:
    """Which parameters, includes and reverse includes each type has, from the table that search reads."""
    general = ", ".join(f"`{name}`" for name in GENERAL)
    lines = [f"Every type has {general}; beside them:", ""]
    for type, parameters in TYPES.items():
        own = ", ".join(f"`{name}` ({one.type})" for name, one in parameters.items() if name not in GENERAL)
        lines.append(f"- **{type}**: {own or 'nothing more'}")
    return "\n".join(lines)


def _results() -> dict[str, dict[str, Any]]:
    return {
        "_include": {
            "200-none": _example(200, "none", None),
            "200-patient": _example(200, "the patient of each referral", "ServiceRequest:patient"),
        },
        "_revinclude": {
            "200-none": _example(200, "none", None),
            "200-provenance": _example(200, "where each came from", "Provenance:target"),
        },
        "_summary": {
            "200-whole": _example(200, "whole resources", None),
            "200-count": _example(200, "the number alone", "count"),
            "400-unknown": _example(400, "no such form", "short"),
        },
        "_count": {"200-few": _example(200, "two on a page", "2"), "400-no-number": _example(400, "not a number", "many")},
    }


def _read() -> dict[str, Any]:
    return _operation(
        "fhir_read",
        "Read a resource",
        "The newest version, as the bytes that were stored. `If-None-Match` with its ETag answers 304. A Binary is given as its "
        "own content where Accept names its type.",
        [_type(), _id(), ORGANISATION],
        {
            "200": _resource("The resource.", _referral()),
            "304": {"description": "You have it already."},
            "404": _fault(Kind.NOT_FOUND),
        },
    )


def _vread() -> dict[str, Any]:
    examples = {
        "200-first": _example(200, "the first version", "1"),
        "404-no-such-version": _example(404, "no such version", "9999"),
    }
    return _operation(
        "fhir_vread",
        "Read a version of a resource",
        "Any version that ever was, as the bytes that were stored.",
        [_type(), _id(), _in_path("version", "The version's number, from 1.", examples), ORGANISATION],
        {"200": _resource("That version.", _referral()), "404": _fault(Kind.NOT_FOUND)},
    )


def _history() -> dict[str, Any]:
    return _operation(
        "fhir_history",
        "All versions of a resource",
        "Newest first; pages are followed by the link *next*.",
        [_type(), _id(), _query("_count", "Versions on a page: 50, at most 200."), ORGANISATION],
        {"200": _resource("The versions.", _bundle("history")), "400": _fault(Kind.INVALID), "404": _fault(Kind.NOT_FOUND)},
    )


def _operation(id: str, summary: str, description: str, parameters: list[Any], responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "tags": ["FHIR"],
        "operationId": id,
        "summary": summary,
        "description": description,
        "parameters": parameters,
        "responses": {**responses, "406": _fault(Kind.UNSUPPORTED)},
    }


def _type() -> dict[str, Any]:
    examples = {
        "200-referral": _example(200, "a referral", "ServiceRequest"),
        "404-no-such-type": _example(404, "no type of ours", "Basic"),
    }
    said = _in_path("type", "Resource type.", examples)
    return {**said, "schema": {"type": "string", "description": "One of " + ", ".join(sorted(TYPES)) + "."}}


def _id() -> dict[str, Any]:
    examples = {
        "200-a-referral": _example(200, "the example message adult-depression-anxiety", REFERRAL),
        "404-no-such-resource": _example(404, "no such resource", NOTHING),
    }
    return _in_path("id", "Id of the resource.", examples)


def _dates() -> dict[str, Any]:
    return {
        "200-any": _example(200, "any", None),
        "200-since": _example(200, "from a month on", "ge2026-01"),
        "400-not-a-date": _example(400, "not a date", "yesterday"),
    }


def _in_path(name: str, description: str, examples: dict[str, Any]) -> dict[str, Any]:
    said = {"name": name, "in": "path", "required": True, "description": description}
    return {**said, "schema": {"type": "string"}, "examples": examples}


def _query(name: str, description: str, examples: dict[str, Any] | None = None) -> dict[str, Any]:
    said: dict[str, Any] = {"name": name, "in": "query", "description": description, "schema": {"type": "string"}}
    return {**said, "examples": examples} if examples else said


def _example(status: int, title: str, value: Any) -> dict[str, Any]:
    return {"summary": f"{status}: {title}", "value": value}


def _resource(description: str, value: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "description": "A FHIR R4 resource."}
    return {"description": description, "content": {FHIR_JSON: {"schema": schema, "example": value}}}


def _fault(kind: Kind) -> dict[str, Any]:
    said = {
        Kind.INVALID: ("A parameter cannot be understood.", "En parameter kan ikke forstås."),
        Kind.NOT_FOUND: ("There is no such resource, version or type.", "Ressursen, versjonen eller typen finnes ikke."),
        Kind.UNSUPPORTED: ("Only FHIR JSON is offered.", "Bare FHIR JSON tilbys."),
    }
    en, nb = said[kind]
    schema = {"$ref": "#/components/schemas/OperationOutcome"}
    content = {FHIR_JSON: {"schema": schema, "example": operation_outcome([Finding("error", kind, en, nb)])}}
    return {"description": en, "content": content}


def _bundle(type: str) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type, "total": 1, "link": [], "entry": [{"resource": _referral()}]}


def _referral() -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "id": REFERRAL, "meta": {"versionId": "1"}, "status": "active", "intent": "order"}
