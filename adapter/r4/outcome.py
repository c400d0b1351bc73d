"""OperationOutcome: what went wrong, for the program that asked and the person behind it.

Who says so: https://hl7.org/fhir/R4/operationoutcome.html and the value set *issue-type*. The text is English, with
Norwegian beside it in the standard extension *translation*. A FHIRPath goes to `expression`. What is no FHIRPath goes to
`location`: an XPath in the sender's message, a request's own parameter (`http.name`), and line and column in the sender's text,
which a person with an editor needs beside the expression, and for which R4 has no other place.

>>> from adapter.domain.problem import Kind, Finding
>>> finding = Finding("error", Kind.NOT_FOUND, "There is no such message.", "Meldingen finnes ikke.")
>>> operation_outcome([finding])["issue"][0]["code"], http_status(Kind.NOT_FOUND)
('not-found', 404)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from adapter.domain.problem import Finding, Kind

TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"

# The one place that knows what a kind of failure is called in HTTP and in FHIR.
ANSWERS: Final[dict[Kind, tuple[int, str]]] = {
    Kind.MALFORMED: (400, "structure"),
    Kind.TOO_LARGE: (413, "too-long"),
    Kind.UNSUPPORTED: (415, "not-supported"),
    Kind.INVALID: (400, "invalid"),
    Kind.REQUIRED: (400, "required"),
    Kind.VALUE: (400, "value"),
    Kind.INVARIANT: (422, "invariant"),
    Kind.INCOMPLETE: (422, "required"),
    Kind.UNKNOWN_CODE: (422, "code-invalid"),
    Kind.NOT_UNDERSTOOD: (422, "not-supported"),
    Kind.NOT_SYNTHETIC: (422, "business-rule"),
    Kind.MISADDRESSED: (422, "business-rule"),
    Kind.DUPLICATE: (409, "duplicate"),
    Kind.CONFLICT: (409, "conflict"),
    Kind.OUT_OF_ORDER: (422, "business-rule"),
    Kind.BUSINESS_RULE: (422, "business-rule"),
    Kind.STALE: (412, "conflict"),
    Kind.AMBIGUOUS: (412, "multiple-matches"),
    Kind.UNMATCHED: (412, "not-found"),
    Kind.TOO_COSTLY: (413, "too-costly"),
    Kind.THROTTLED: (429, "throttled"),
    Kind.NOT_FOUND: (404, "not-found"),
    Kind.NOT_ALLOWED: (405, "not-supported"),
    Kind.UNADMITTED: (401, "login"),
    Kind.FORBIDDEN: (403, "forbidden"),
    Kind.TRANSIENT: (503, "transient"),
    Kind.INTERNAL: (500, "exception"),
}

NOTHING: Final = Finding("information", Kind.INTERNAL, "Nothing to report.", "Ingenting å melde.")


def http_status(kind: Kind) -> int:
    """The HTTP status that answers a failure of this kind, where the path's contract says nothing else."""
    return ANSWERS[kind][0]


def status(findings: Sequence[Finding]) -> int:
    """The one HTTP status for several findings; 200 where none is an error.

    400 if any error is one of form, for what is not well formed is not yet judged; else 500 or 503 if any error is ours;
    else the first that is more particular than 422 (a version conflict, a limit); else 422.

    >>> status([Finding("error", Kind.INVARIANT, "", ""), Finding("error", Kind.VALUE, "", "")])
    400
    >>> status([Finding("warning", Kind.VALUE, "", ""), Finding("error", Kind.INVARIANT, "", "")])
    422
    """
    found = [http_status(f.kind) for f in findings if f.severity in ("error", "fatal")]
    if not found:
        return 200
    return next((first for first in (400, 500, 503) if first in found), next((one for one in found if one != 422), 422))


def operation_outcome(findings: Sequence[Finding]) -> dict[str, Any]:
    """All findings as an R4 OperationOutcome; one of severity *information* says that there are none."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(finding) for finding in findings or [NOTHING]]}


def _issue(finding: Finding) -> dict[str, Any]:
    code = "informational" if finding.severity == "information" else ANSWERS[finding.kind][1]
    issue: dict[str, Any] = {"severity": finding.severity, "code": code, "details": _bilingual(finding.en, finding.nb)}
    if finding.rule:
        issue["diagnostics"] = f"Rule: {finding.rule}"
    if place := _location(finding):
        issue["location"] = place
    if finding.where and not _is_elsewhere(finding.where):
        issue["expression"] = [finding.where]
    return issue


def _bilingual(en: str, nb: str) -> dict[str, Any]:
    if not nb:
        return {"text": en}
    norwegian = [{"url": "lang", "valueCode": "nb"}, {"url": "content", "valueString": nb}]
    return {"text": en, "_text": {"extension": [{"url": TRANSLATION, "extension": norwegian}]}}


def _is_elsewhere(where: str) -> bool:
    return where.startswith(("/", "http."))  # an XPath or a request's parameter


def _location(finding: Finding) -> list[str]:
    """XPath or the request's parameter, where it is one of these; then line and column, where they are known."""
    place = [finding.where] if _is_elsewhere(finding.where) else []
    if finding.line is None:
        return place
    column = "" if finding.column is None else f" Col[{finding.column}]"
    return [*place, f"Line[{finding.line}]{column}"]
