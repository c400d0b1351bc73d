"""What the OpenAPI document says of searches beyond a type: the patient compartment, and $everything.

Every example of a request is named by the status that answers it; a test sends them all.
"""

from __future__ import annotations

from typing import Any, Final

from adapter.fhir.compartments import ALL, CRITERIA
from adapter.fhir.describing import (
    NOTHING,
    ORGANISATION,
    PATHWAY,
    PATIENT,
    bundle,
    example,
    fault,
    in_path,
    operation,
    query,
    resource,
    yours,
)
from adapter.fhir.everything import MOST

FORM: Final = "application/x-www-form-urlencoded"
A_PATIENT: Final = {"200-a-patient": yours(200, "a patient", "/fhir/Patient", PATIENT)}
A_PATHWAY: Final = {"200-a-pathway": example(200, "a pathway", PATHWAY)}
FOUND: Final = {"200": resource("A searchset.", bundle("searchset")), "400": fault(400), "404": fault(404)}


def paths() -> dict[str, Any]:
    """The paths for the document."""
    return {
        "/fhir/Patient/{patient}/{within}": {"get": _within()},
        "/fhir/Patient/{patient}/{within}/_search": {"post": _by_form()},
        f"/fhir/Patient/{{patient}}/{ALL}": {"get": _whole()},
        "/fhir/Patient/{id}/$everything": _everything("Patient", "a patient's record", A_PATIENT, "404-nobody"),
        "/fhir/EpisodeOfCare/{id}/$everything": _everything("EpisodeOfCare", "a pathway", A_PATHWAY, "404-no-such-pathway"),
    }


def _whose() -> dict[str, Any]:
    return in_path(
        "patient", "The patient's id. Of one who is not here nothing is found.", {"200-nobody": example(200, "nobody", NOTHING)}
    )


def _of() -> dict[str, Any]:
    examples = {"200-tasks": example(200, "Tasks", "Task"), "404-of-nobody": example(404, "of nobody's record", "Organization")}
    said = in_path("within", "Resource type.", examples)
    return {**said, "schema": {"type": "string", "description": "One of " + ", ".join(CRITERIA) + "."}}


def _within() -> dict[str, Any]:
    return operation(
        "fhir_search_within",
        "Search in a patient's record",
        "As a search for the type, among the resources that are in R4's patient compartment; a Task by whom it is for.",
        [
            _whose(),
            _of(),
            query("_count", "How many on a page; 0 gives the number alone.", {"200-ten": example(200, "ten", "10")}),
            ORGANISATION,
        ],
        FOUND,
    )


def _by_form() -> dict[str, Any]:
    parameters = [_whose(), _of(), ORGANISATION]
    described = operation("fhir_search_within_by_form", "Search in a patient's record, by a form", "As by GET.", parameters, FOUND)
    examples = {
        "200-open": example(200, "by status", {"_count": "10"}),
        "400-no-number": example(400, "no number", {"_count": "x"}),
    }
    return {**described, "requestBody": {"content": {FORM: {"schema": {"type": "object"}, "examples": examples}}}}


def _whole() -> dict[str, Any]:
    since = {"200-since": example(200, "from a day on", "ge2026-01-01"), "400-no-date": example(400, "no date", "yesterday")}
    return operation(
        "fhir_search_whole_compartment",
        "Search in all types of a patient's record",
        "In pages, type by type, of the types that the caller may search for. It takes the parameters of all types.",
        [_whose(), query("_lastUpdated", "When it last changed.", since), ORGANISATION],
        {"200": FOUND["200"], "400": fault(400)},
    )


def _everything(type: str, what: str, right: dict[str, Any], wrong: str) -> dict[str, Any]:
    ids = {**right, wrong: example(404, "nothing there", NOTHING)}
    types = {"200-all": example(200, "all", None), "400-no-type": example(400, "no type of ours", "Basic")}
    description = (
        f"All of {what}, with the persons, organisations and places that it names and its Provenance. Without `_count` all "
        f"comes at once, up to {MOST} resources and what stands beside them; further pages are followed by their links. "
        "`start` and `end` are of the care, `_since` of the last change."
    )
    parameters = [
        in_path("id", f"Of {what}.", ids),
        query("_type", "Types, with commas between them.", types),
        *(query(name, said) for name, said in (("start", "A date."), ("end", "A date."), ("_since", "An instant."))),
        query("_count", "How many are found on a page."),
        ORGANISATION,
    ]
    by_post = operation(f"fhir_{type}_everything_by_post", f"All of {what}, by Parameters", description, parameters[:1], FOUND)
    body: dict[str, Any] = {"schema": {"type": "object", "description": "Parameters with the same names."}}
    tasks, basic = ({"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": one}]} for one in ("Task", "Basic"))
    body["examples"] = {"200-tasks": example(200, "Tasks", tasks), "400-no-type": example(400, "no type of ours", basic)}
    return {
        "get": operation(f"fhir_{type}_everything", f"All of {what}", description, parameters, FOUND),
        "post": {**by_post, "requestBody": {"content": {"application/fhir+json": body}}},
    }
