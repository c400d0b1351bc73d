"""What the OpenAPI document says of /fhir, from the same table as its routes.

Every example of a request is named by the status that answers it; a test sends them all.
"""

from __future__ import annotations

from typing import Any, Final

from adapter.fhir.describing import (
    NOTHING,
    ORGANISATION,
    PATHWAY,
    PERSON,
    bundle,
    example,
    fault,
    in_path,
    of_type,
    operation,
    query,
    referral,
    resource,
    with_id,
)
from adapter.fhir.results import MOST, SUMMARIES, TOTALS, USUAL
from adapter.fhir.types import BY_POST, GENERAL, TYPES

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


def paths() -> dict[str, Any]:
    """The paths of /fhir for the document."""
    return {
        "/fhir/metadata": {"get": _metadata()},
        "/fhir/{type}": {"get": _search()},
        "/fhir/{type}/_search": {"post": _search_by_form()},
        "/fhir/{type}/{id}": {"get": _read()},
        "/fhir/{type}/{id}/_history": {"get": _history()},
        "/fhir/{type}/{id}/_history/{version}": {"get": _vread()},
        "/fhir/EpisodeOfCare/{id}/$findings": {"get": _findings()},
    }


def _metadata() -> dict[str, Any]:
    examples = {
        "200-full": example(200, "the whole statement", "full"),
        "200-terminology": example(200, "which codes are known (TerminologyCapabilities)", "terminology"),
        "400-other": example(400, "not offered", "other"),
    }
    return operation(
        "fhir_metadata",
        "What /fhir offers (CapabilityStatement)",
        "Resource types, interactions and search parameters. Open to all.",
        [query("mode", "*full*, which is usual, or *terminology*.", examples)],
        {
            "200": resource("The statement.", {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}),
            "400": fault(400),
        },
    )


def _search() -> dict[str, Any]:
    ours = "https://stafett.invalid/fhir/NamingSystem/forlops-id"
    identifiers = {
        "200-any": example(200, "any", None),
        "200-a-pathway": example(200, "by an identifier of a pathway", f"{ours}|F-1"),
        "400-a-person": example(400, "a national number may not stand in an address", PERSON),
    }
    parameters = [
        of_type(),
        query("identifier", f"system|value, value, system| or |value. {BY_POST}", identifiers),
        *(query(name, said) for name, said in COMMON.items()),
        query("_lastUpdated", "Partial dates too, with eq, ne, gt, lt, ge, le, sa, eb or ap before them.", _dates()),
        *(query(name, said, _results().get(name)) for name, said in RESULTS.items()),
        ORGANISATION,
    ]
    return operation(
        "fhir_search",
        "Search",
        f"Newest first, where _sort says nothing else; pages are followed by the link *next*. {MODIFYING}\n\n{_offered()}",
        parameters,
        {"200": resource("What was found.", bundle("searchset")), "400": fault(400), "404": fault(404)},
    )


def _search_by_form() -> dict[str, Any]:
    described = operation(
        "fhir_search_by_form",
        "Search by a form",
        f"As the search by address, with the parameters in the body. {BY_POST}",
        [of_type(), ORGANISATION],
        {
            "200": resource("What was found.", bundle("searchset")),
            "400": fault(400),
            "404": fault(404),
            "415": fault(415),
        },
    )
    examples = {
        "200-by-national-number": example(200, "a person by national number", {"identifier": PERSON}),
        "400-not-a-date": example(400, "not a date", {"_lastUpdated": "yesterday"}),
    }
    fields = ("identifier", *COMMON, "_lastUpdated", *RESULTS)
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in fields}}
    content = {"application/x-www-form-urlencoded": {"schema": schema, "examples": examples}}
    return {**described, "requestBody": {"required": True, "content": content}}


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
            "200-none": example(200, "none", None),
            "200-patient": example(200, "the patient of each referral", "ServiceRequest:patient"),
        },
        "_revinclude": {
            "200-none": example(200, "none", None),
            "200-provenance": example(200, "where each came from", "Provenance:target"),
        },
        "_summary": {
            "200-whole": example(200, "whole resources", None),
            "200-count": example(200, "the number alone", "count"),
            "400-unknown": example(400, "no such form", "short"),
        },
        "_count": {"200-few": example(200, "two on a page", "2"), "400-no-number": example(400, "not a number", "many")},
    }


def _read() -> dict[str, Any]:
    return operation(
        "fhir_read",
        "Read a resource",
        "The newest version, as the bytes that were stored. `If-None-Match` with its ETag answers 304. A Binary is given as its "
        "own content where Accept names its type.",
        [of_type(), with_id(), *_part(), ORGANISATION],
        {
            "200": resource("The resource.", referral()),
            "304": {"description": "You have it already."},
            "400": fault(400),
            "404": fault(404),
        },
    )


def _part() -> list[dict[str, Any]]:
    """What a read may be narrowed by: as a search, but there is nothing to count."""
    summaries = {
        "200-whole": example(200, "the whole resource", None),
        "200-summary": example(200, "what matters at a glance", "true"),
        "400-count": example(400, "nothing to count", "count"),
    }
    elements = {
        "200-all": example(200, "all elements", None),
        "200-few": example(200, "two elements, and the mandatory ones", "status,subject"),
    }
    said = ", ".join(one for one in SUMMARIES if one != "count")
    return [
        query("_summary", f"{said}: a part of the resource, tagged SUBSETTED. Not beside _elements.", summaries),
        query("_elements", RESULTS["_elements"], elements),
    ]


def _vread() -> dict[str, Any]:
    examples = {
        "200-first": example(200, "the first version", "1"),
        "404-no-such-version": example(404, "no such version", "9999"),
    }
    return operation(
        "fhir_vread",
        "Read a version of a resource",
        "Any version that ever was, as the bytes that were stored.",
        [of_type(), with_id(), in_path("version", "The version's number, from 1.", examples), *_part(), ORGANISATION],
        {"200": resource("That version.", referral()), "400": fault(400), "404": fault(404)},
    )


def _history() -> dict[str, Any]:
    return operation(
        "fhir_history",
        "All versions of a resource",
        "Newest first; pages are followed by the link *next*.",
        [of_type(), with_id(), query("_count", "Versions on a page: 50, at most 200."), ORGANISATION],
        {"200": resource("The versions.", bundle("history")), "400": fault(400), "404": fault(404)},
    )


def _findings() -> dict[str, Any]:
    examples = {
        "200-a-pathway": example(200, "opened by the example message adult-depression-anxiety", PATHWAY),
        "404-no-such-pathway": example(404, "no such pathway", NOTHING),
    }
    told = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
    return operation(
        "fhir_findings",
        "What the rules say of a pathway",
        "Errors, warnings and information on the events of a pathway, by the feedback rules of the national register (Volven 9329) "
        "and ours, and which time limits are unknown. Each names the Observation that it is about in `expression`.",
        [in_path("id", "The pathway: an EpisodeOfCare.", examples), ORGANISATION],
        {"200": resource("What there is to tell.", told), "400": fault(400), "404": fault(404)},
    )


def _dates() -> dict[str, Any]:
    return {
        "200-any": example(200, "any", None),
        "200-since": example(200, "from a month on", "ge2026-01"),
        "400-not-a-date": example(400, "not a date", "yesterday"),
    }
