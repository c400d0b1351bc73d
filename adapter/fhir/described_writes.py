"""What the OpenAPI document says of writing to /fhir, of batch, transaction and $validate, and of a type's history.

Every example of a request is named by the status that answers it; a test sends them all.
"""

from __future__ import annotations

from typing import Any, Final

from adapter.failures import FHIR_JSON
from adapter.fhir.describing import (
    NOTHING,
    ORGANISATION,
    REFERRAL,
    bundle,
    example,
    fault,
    in_path,
    of_type,
    operation,
    query,
    referral,
    with_id,
)
from adapter.fhir.describing import resource as answer
from adapter.fhir.negotiation import FHIR_XML
from adapter.r4.bundle import PATCH
from adapter.usecases.writing import VERSIONED

PLAN: Final = {
    "resourceType": "ServiceRequest",
    "status": "draft",
    "intent": "plan",
    "code": {"text": "Samtale"},
    "subject": {"display": "Prøve Pasient"},
}
DONE: Final = {**PLAN, "status": "done"}
NO_INTENT: Final = {name: value for name, value in PLAN.items() if name != "intent"}
CHANGED: Final = {**PLAN, "id": REFERRAL, "intent": "order", "status": "active"}
PREFER: Final = {
    "name": "Prefer",
    "in": "header",
    "description": "*return=minimal*, *return=representation* (also where nothing is said) or *return=OperationOutcome*.",
    "schema": {"type": "string"},
}
SHARED: Final = ", ".join(sorted(VERSIONED))
CHECKED: Final = (
    "The resource is checked against all that R4 and the profiles in meta.profile ask of it; every finding is told at once, with "
    "expression, line and column. In a test environment only synthetic persons are let in."
)


def paths() -> dict[str, Any]:
    """The operations for the document; some share their path with reading ones."""
    return {
        "/fhir": {"post": _bundle()},
        "/fhir/$validate": {"post": _validate()},
        "/fhir/{type}": {"post": _create(), "put": _update_matching(), "patch": _patch_matching()},
        "/fhir/{type}/$validate": {"post": _validate_type()},
        "/fhir/{type}/_history": {"get": _history()},
        "/fhir/{type}/{id}": {"put": _update(), "patch": _patch()},
        "/fhir/{type}/{id}/$validate": {"get": _validate_kept(), "post": _validate_instance()},
    }


def _create() -> dict[str, Any]:
    unless = {
        "201-left-out": example(201, "create in any case", None),
        "200-there-already": example(200, "one like it is there, and is the answer", f"_id={REFERRAL}"),
        "400-unknown-parameter": example(400, "criteria that say nothing", "colour=red"),
    }
    text = "Create unless one resource matches: search parameters, or a whole address. No national number."
    return operation(
        "fhir_create",
        "Create a resource",
        f"{CHECKED} The id is given by the service; `Location` says where the resource is. With `If-None-Exist` a second try "
        "finds what the first one made.",
        [_type(201), _header("If-None-Exist", text, unless), PREFER, ORGANISATION],
        {
            "200": answer("It was there already.", referral()),
            "201": answer("It was created.", referral()),
            **_faults(400, 404, 412),
        },
    ) | _body(
        {
            "201-a-plan": example(201, "a plan", PLAN),
            "400-no-intent": example(400, "without what must be there", NO_INTENT),
            "422-no-such-code": example(422, "a code that R4 does not know", DONE),
        }
    )


def _update() -> dict[str, Any]:
    ids = {
        "200-a-referral": example(200, "the example message adult-depression-anxiety", REFERRAL),
        "400-another-id": example(400, "not the id in the resource", NOTHING),
    }
    return operation(
        "fhir_update",
        "Update a resource",
        f"The next version, from the whole resource. {CHECKED} `If-Match` with the ETag that was read keeps another's change from "
        f"being lost; {SHARED} and whatever the service worked out need it. What the service worked out is read-only, but for "
        "the answer to a Task: status, statusReason, owner, executionPeriod, note and output.",
        [_type(200), in_path("id", "Id of the resource.", ids), _if_match(), PREFER, ORGANISATION],
        {"200": answer("The version that stands now.", referral()), **_faults(400, 404, 405, 412)},
    ) | _body(
        {
            "200-changed": example(200, "another content", CHANGED),
            "422-no-such-code": example(422, "a code that R4 does not know", {**CHANGED, "status": "done"}),
        }
    )


def _update_matching() -> dict[str, Any]:
    return operation(
        "fhir_update_matching",
        "Update the resource that matches",
        "The one resource that the criteria match is updated; where none does, it is created (201), unless the body has an id.",
        [_type(200), _criteria(none=405), _if_match(), PREFER, ORGANISATION],
        {
            "200": answer("The version that stands now.", referral()),
            "201": answer("Nothing matched: it was created.", referral()),
            **_faults(400, 404, 405, 412),
        },
    ) | _body({"200-changed": example(200, "another content", CHANGED), "400-no-intent": example(400, "not whole", NO_INTENT)})


def _patch() -> dict[str, Any]:
    return operation(
        "fhir_patch",
        "Patch a resource",
        "A JSON Patch (RFC 6902) of the version that stands, carried out whole or not at all; what comes of it is checked and "
        f"kept as an update. {SHARED} need `If-Match`.",
        [_type(200), with_id(), _if_match(), PREFER, ORGANISATION],
        {"200": answer("The version that stands now.", referral()), **_faults(400, 404, 412)},
    ) | _body(PATCHES, PATCH)


def _patch_matching() -> dict[str, Any]:
    return operation(
        "fhir_patch_matching",
        "Patch the resource that matches",
        "As the patch of a resource by its id, of the one that the criteria match.",
        [_type(200), _criteria(none=404), _if_match(), PREFER, ORGANISATION],
        {"200": answer("The version that stands now.", referral()), **_faults(400, 404, 412)},
    ) | _body(PATCHES, PATCH)


PATCHES: Final = {
    "200-priority": example(200, "another priority", [{"op": "add", "path": "/priority", "value": "urgent"}]),
    "400-no-patch": example(400, "no array of operations", {"priority": "urgent"}),
    "422-a-test-that-fails": example(422, "a test that does not hold", [{"op": "test", "path": "/status", "value": "unknown"}]),
}


def _bundle() -> dict[str, Any]:
    name = "urn:uuid:6f3c1f1e-6d0b-4a55-9f0e-3d1c7a2b9e10"
    patient = {"resourceType": "Patient", "name": [{"family": "Pasient", "given": ["Prøve"]}]}
    about = {**PLAN, "subject": {"reference": name}}
    both = [_entry("POST", "Patient", patient, fullUrl=name), _entry("POST", "ServiceRequest", about)]
    response = {"status": "201 Created", "location": f"Patient/{NOTHING}/_history/1", "etag": 'W/"1"'}
    done = {"resourceType": "Bundle", "type": "transaction-response", "entry": [{"response": response}]}
    return operation(
        "fhir_bundle",
        "Carry out a batch or a transaction",
        "A transaction is carried out whole or not at all: creates, then updates and patches, then reads. References by urn:uuid "
        "become those of the new resources, also in contained resources and extensions; `Patient?identifier=…` becomes the one "
        "that matches, and here a national number may stand. A patch is a Binary. A batch's entries stand alone, each with its own "
        "status and outcome.",
        [PREFER, ORGANISATION],
        {"200": answer("An answer for each entry, in their order.", done), **_faults(400, 404, 405, 412)},
    ) | _body(
        {
            "200-transaction": example(200, "a patient and a plan for them", _bundled("transaction", *both)),
            "200-batch": example(
                200, "two that stand alone", _bundled("batch", both[0], _entry("GET", f"ServiceRequest/{REFERRAL}"))
            ),
            "400-elsewhere": example(
                400, "an address elsewhere", _bundled("transaction", _entry("GET", "https://a.example/Task/1"))
            ),
            "404-nothing-there": example(404, "nothing to read", _bundled("transaction", _entry("GET", f"Task/{NOTHING}"))),
            "405-delete": example(405, "nothing is deleted", _bundled("transaction", _entry("DELETE", f"Task/{NOTHING}"))),
            "422-no-such-code": example(
                422, "one entry is wrong", _bundled("transaction", both[0], _entry("POST", "ServiceRequest", DONE))
            ),
        }
    )


def _validate() -> dict[str, Any]:
    return operation(
        "fhir_validate",
        "Validate a resource of any type",
        f"{VALIDATING} A type that is not kept here can be validated too.",
        [ORGANISATION],
        {"200": answer("What was found.", FOUND), **_faults(400)},
    ) | _body({"200-a-plan": example(200, "a plan", PLAN), "400-nothing": example(400, "no resource", PARAMETERS)})


def _validate_type() -> dict[str, Any]:
    return operation(
        "fhir_validate_type",
        "Validate a resource",
        VALIDATING,
        [_type(200), _mode(), query("profile", "Canonical of a profile that it is to meet too."), ORGANISATION],
        {"200": answer("What was found.", FOUND), **_faults(400, 404)},
    ) | _body(
        {
            "200-no-such-code": example(200, "a code that R4 does not know", DONE),
            "200-parameters": example(
                200,
                "as Parameters",
                {
                    "resourceType": "Parameters",
                    "parameter": [{"name": "mode", "valueCode": "create"}, {"name": "resource", "resource": PLAN}],
                },
            ),
            "400-another-type": example(400, "another type", {"resourceType": "Basic"}),
        }
    )


def _validate_instance() -> dict[str, Any]:
    return operation(
        "fhir_validate_instance",
        "Validate what would replace a resource",
        f"{VALIDATING} With mode=update also what the service would refuse to change.",
        [_type(200), with_id(), _mode(), ORGANISATION],
        {"200": answer("What was found.", FOUND), **_faults(400, 404)},
    ) | _body(
        {
            "200-changed": example(200, "another content", CHANGED),
            "400-another-type": example(400, "another type", {"resourceType": "Basic"}),
        }
    )


def _validate_kept() -> dict[str, Any]:
    return operation(
        "fhir_validate_kept",
        "Validate a resource that is kept",
        VALIDATING,
        [_type(200), with_id(), ORGANISATION],
        {"200": answer("What was found.", FOUND), **_faults(404)},
    )


VALIDATING: Final = "What is wrong with it, all at once, as an OperationOutcome with status 200; nothing is kept."
PARAMETERS: Final = {"resourceType": "Parameters"}
FOUND: Final = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "code-invalid", "expression": ["ServiceRequest.status"]}],
}


def _history() -> dict[str, Any]:
    since = {
        "200-all": example(200, "all", None),
        "200-since": example(200, "from a moment on", "2026-01-01T00:00:00Z"),
        "400-no-moment": example(400, "no moment", "yesterday"),
    }
    return operation(
        "fhir_history_type",
        "All versions of a type's resources",
        "Newest first; pages are followed by the link *next*.",
        [
            _type(200),
            query("_since", "Versions made at or after this moment.", since),
            query("_count", "Versions on a page."),
            ORGANISATION,
        ],
        {"200": answer("The versions.", bundle("history")), **_faults(400, 404)},
    )


def _type(status: int) -> dict[str, Any]:
    examples = {
        f"{status}-referral": example(status, "a referral", "ServiceRequest"),
        "404-no-such-type": example(404, "no type of ours", "Basic"),
    }
    return {**of_type(), "examples": examples}


def _criteria(*, none: int) -> dict[str, Any]:
    examples = {
        "200-one": example(200, "one matches", REFERRAL),
        f"{none}-none": example(none, "none matches", NOTHING),
        "400-left-out": example(400, "no criteria", None),
    }
    return query("_id", "Or any other search parameters; no national number.", examples)


def _mode() -> dict[str, Any]:
    examples = {"200-left-out": example(200, "the resource alone", None), "400-unknown": example(400, "no such mode", "guess")}
    return query("mode", "*create*, *update*, *delete* or *profile*.", examples)


def _if_match() -> dict[str, Any]:
    examples = {
        "200-as-read": example(200, "the version that was read: its ETag", 'W/"1"'),
        "412-stale": example(412, "a version that does not stand", 'W/"999"'),
    }
    said = f"ETag of the version that is changed, as the read gave it. On {SHARED} `*` does not take its place."
    return _header("If-Match", said, examples)


def _header(name: str, description: str, examples: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string"}, "examples": examples}


def _body(examples: dict[str, Any], kind: str = FHIR_JSON) -> dict[str, Any]:
    schema: dict[str, Any] = (
        {"description": "A JSON Patch."} if kind == PATCH else {"type": "object", "description": "A FHIR R4 resource."}
    )
    content: dict[str, Any] = {kind: {"schema": schema, "examples": examples}}
    if kind == FHIR_JSON:
        content[FHIR_XML] = {"schema": {"type": "string", "description": "The same in XML."}}
    return {"requestBody": {"required": True, "content": content}}


def _faults(*statuses: int) -> dict[str, Any]:
    """Those, and the ones that any body can have."""
    return {str(status): fault(status) for status in sorted({*statuses, 408, 413, 415, 422})}


def _entry(method: str, url: str, resource: dict[str, Any] | None = None, **more: str) -> dict[str, Any]:
    made: dict[str, Any] = {**more, "request": {"method": method, "url": url}}
    return made if resource is None else {**made, "resource": resource}


def _bundled(type: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type, "entry": list(entries)}
