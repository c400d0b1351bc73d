"""What the OpenAPI document says of exports in bulk.

Every example of a request is named by the status that answers it; a test sends them all.
"""

from __future__ import annotations

from typing import Any, Final

from adapter.failures import FHIR_JSON
from adapter.fhir.describing import NOTHING, ORGANISATION, example, fault, in_path, operation, query, resource
from adapter.fhir.exporting import FORMATS, NDJSON
from adapter.usecases.export_resources import AT_ONCE, KEPT, MOST

MADE: Final = "3f0e4a52-6a57-4d5c-8d0e-1f6c0a3b7e11"
ALSO_MADE: Final = "3f0e4a52-6a57-4d5c-8d0e-1f6c0a3b7e12"
HOURS: Final = f"{KEPT.total_seconds() / 3600:.0f} hours"
SAID: Final = (
    f"Files of newline-delimited JSON, each of one type, made in the background and kept for {HOURS}. `Content-Location` says "
    f"where it is told how far that is. They hold what stood when it was asked for, as the caller sees it. An organisation has "
    f"{AT_ONCE} exports under way, and {MOST} kept. What is not offered is refused by name, or ignored with "
    "`Prefer: handling=lenient`."
)
TOLD: Final = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
MANIFEST: Final = {
    "transactionTime": "2026-11-23T08:00:00Z",
    "request": "https://stafett.example/fhir/$export?_type=Task",
    "requiresAccessToken": True,
    "output": [{"type": "Task", "url": f"https://stafett.example/fhir/$export-file/{MADE}/1"}],
    "error": [],
}


def paths() -> dict[str, Any]:
    """The paths for the document."""
    return {
        "/fhir/$export": {"get": _ask("", "all that there is"), "post": _ask_by_form("", "all that there is")},
        "/fhir/Patient/$export": {
            "get": _ask("patient_", "all that is in patients' records"),
            "post": _ask_by_form("patient_", "all that is in patients' records"),
        },
        "/fhir/$export-status/{id}": {"get": _status(), "delete": _cancel()},
        "/fhir/$export-file/{id}/{number}": {"get": _file()},
    }


def _ask(id: str, what: str) -> dict[str, Any]:
    types = {
        "202-some": example(202, "Tasks and patients", "Task,Patient"),
        "400-no-type": example(400, "no type of ours", "Basic"),
    }
    since = {"202-always": example(202, "from the beginning", None), "400-no-moment": example(400, "no moment", "yesterday")}
    formats = {"202-usual": example(202, "the usual", None), "400-csv": example(400, "not offered", "text/csv")}
    return operation(
        f"fhir_{id}export",
        f"Ask for {what}",
        SAID,
        [
            _prefer(),
            query("_type", "Types, with commas between them; all that the caller may read and search where it is left out.", types),
            query("_since", "What has changed from this moment on; take the transactionTime of the last export.", since),
            query("_outputFormat", f"One of {', '.join(FORMATS)}.", formats),
            ORGANISATION,
        ],
        _answers(),
    )


def _ask_by_form(id: str, what: str) -> dict[str, Any]:
    described = operation(f"fhir_{id}export_by_post", f"Ask for {what}, by POST", SAID, [_prefer(), ORGANISATION], _answers())
    right, wrong = ([{"name": name, "valueString": "Task"}] for name in ("_type", "_typeFilter"))
    examples = {
        "202-tasks": example(202, "Tasks", {"resourceType": "Parameters", "parameter": right}),
        "400-not-offered": example(400, "not offered", {"resourceType": "Parameters", "parameter": wrong}),
    }
    schema = {"type": "object", "description": "Parameters with the same names."}
    return {**described, "requestBody": {"content": {FHIR_JSON: {"schema": schema, "examples": examples}}}}


def _prefer() -> dict[str, Any]:
    examples = {
        "202-in-the-background": example(202, "in the background", "respond-async"),
        "400-left-out": example(400, "left out", None),
    }
    said = {"name": "Prefer", "in": "header", "required": True, "description": "*respond-async*; also *handling=lenient*."}
    return {**said, "schema": {"type": "string"}, "examples": examples}


def _answers() -> dict[str, Any]:
    return {"202": resource("It is to be made.", TOLD), **{str(status): fault(status) for status in (400, 415)}}


def _status() -> dict[str, Any]:
    examples = {
        "200-made": example(200, "all files are there", MADE),
        "404-no-such": example(404, "no such export", NOTHING),
    }
    schema = {"type": "object", "description": "The manifest of Bulk Data Access."}
    made = {"description": "All files are there.", "content": {"application/json": {"schema": schema, "example": MANIFEST}}}
    return operation(
        "fhir_export_status",
        "How far an export is, and its files",
        "202 with `X-Progress` and `Retry-After` while it is made. For the caller who asked for it, with the same rights.",
        [in_path("id", "As in Content-Location.", examples), ORGANISATION],
        {"200": made, "202": resource("It is being made.", TOLD), "404": fault(404)},
    )


def _cancel() -> dict[str, Any]:
    examples = {
        "202-gone": example(202, "one that is fetched", ALSO_MADE),
        "404-no-such": example(404, "no such export", NOTHING),
    }
    return operation(
        "fhir_export_cancel",
        "Cancel an export, or remove its files",
        "Whatever has been made of it is gone.",
        [in_path("id", "As in Content-Location.", examples), ORGANISATION],
        {"202": resource("It is gone.", TOLD), "404": fault(404)},
    )


def _file() -> dict[str, Any]:
    ids = {"200-made": example(200, "one that is made", MADE), "404-no-such": example(404, "no such export", NOTHING)}
    numbers = {"200-first": example(200, "the first", "1"), "404-no-such": example(404, "no such file", "99")}
    line = '{"resourceType":"Task","id":"1","status":"requested","intent":"order"}\n'
    content = {NDJSON: {"schema": {"type": "string"}, "example": line}}
    return operation(
        "fhir_export_file",
        "A file of an export",
        "A resource on each line, byte for byte as stored but for line breaks. What has been closed to the caller in the meantime "
        "is left out. Compressed for who takes gzip.",
        [in_path("id", "As in the manifest.", ids), in_path("number", "As in the manifest.", numbers), ORGANISATION],
        {"200": {"description": "The file.", "content": content}, "404": fault(404)},
    )
