"""OperationOutcome against R4's own rules and against fhir.resources as the second opinion."""

from __future__ import annotations

import doctest

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from adapter.domain.problem import Finding, Kind
from adapter.r4 import outcome as module
from adapter.r4.outcome import ANSWERS, http_status, operation_outcome, status

# https://hl7.org/fhir/R4/valueset-issue-type.html
ISSUE_TYPES = """invalid structure required value invariant security login unknown expired forbidden suppressed processing
not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly business-rule
conflict transient lock-error no-store exception timeout incomplete throttled informational""".split()  # noqa: SIM905 - words read better


def test_a_finding_in_the_senders_xml_says_where_in_xpath_and_line() -> None:
    finding = Finding("error", Kind.INVALID, "Not a date.", "Ikke en dato.", "/MsgHead/MsgInfo/GenDate", 7, 3, "HIS 80601 4.1")

    assert operation_outcome([finding]) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "invalid",
                "details": {
                    "text": "Not a date.",
                    "_text": {
                        "extension": [
                            {
                                "url": "http://hl7.org/fhir/StructureDefinition/translation",
                                "extension": [
                                    {"url": "lang", "valueCode": "nb"},
                                    {"url": "content", "valueString": "Ikke en dato."},
                                ],
                            }
                        ]
                    },
                },
                "diagnostics": "Rule: HIS 80601 4.1",
                "location": ["/MsgHead/MsgInfo/GenDate", "Line[7] Col[3]"],
            }
        ],
    }


def test_a_finding_in_fhir_says_where_in_fhirpath() -> None:
    finding = Finding("warning", Kind.UNKNOWN_CODE, "Unknown.", "Ukjent.", "Condition.code.coding[0]")

    issue = operation_outcome([finding])["issue"][0]

    assert issue["expression"] == ["Condition.code.coding[0]"]
    assert "location" not in issue


def test_a_finding_in_fhir_says_line_and_column_of_the_senders_text_beside_it() -> None:
    issue = operation_outcome([Finding("error", Kind.VALUE, "Not a date.", "Ikke en dato.", "Task.authoredOn", 7, 3)])["issue"][0]

    assert (issue["expression"], issue["location"]) == (["Task.authoredOn"], ["Line[7] Col[3]"])


def test_a_requests_parameter_is_no_expression() -> None:
    issue = operation_outcome([Finding("error", Kind.INVALID, "No date.", "Ingen dato.", "http._lastUpdated")])["issue"][0]

    assert (issue.get("expression"), issue["location"]) == (None, ["http._lastUpdated"])


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], 200),
        ([Kind.INVARIANT], 422),
        ([Kind.INVARIANT, Kind.UNKNOWN_CODE, Kind.REQUIRED], 400),  # form before meaning
        ([Kind.BUSINESS_RULE, Kind.STALE], 412),  # 422 says least
        ([Kind.INTERNAL, Kind.STALE], 500),
        ([Kind.INTERNAL, Kind.MALFORMED], 400),
        ([Kind.TOO_COSTLY, Kind.INVARIANT], 413),
    ],
)
def test_several_findings_have_one_status(kinds: list[Kind], expected: int) -> None:
    warning = Finding("warning", Kind.VALUE, "What.", "Hva.")

    assert status([warning, *(Finding("error", kind, "What.", "Hva.") for kind in kinds)]) == expected


def test_no_findings_are_still_a_valid_outcome() -> None:
    outcome = operation_outcome([])

    assert [(issue["severity"], issue["code"]) for issue in outcome["issue"]] == [("information", "informational")]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_status_and_an_issue_type_of_r4(kind: Kind) -> None:
    outcome = operation_outcome([Finding("error", kind, "What.", "Hva.", "http.x")])

    assert OperationOutcome.model_validate(outcome).issue[0].code == ANSWERS[kind][1]
    assert ANSWERS[kind][1] in ISSUE_TYPES
    assert 400 <= http_status(kind) < 600


def test_the_examples_of_the_documentation_hold() -> None:
    assert doctest.testmod(module).failed == 0
