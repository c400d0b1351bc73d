"""OperationOutcome against R4's own rules and against fhir.resources as the second opinion."""

from __future__ import annotations

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from adapter.domain.problem import Finding, Kind
from adapter.r4.outcome import ANSWERS, http_status, operation_outcome

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


def test_no_findings_are_still_a_valid_outcome() -> None:
    outcome = operation_outcome([])

    assert [(issue["severity"], issue["code"]) for issue in outcome["issue"]] == [("information", "informational")]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_a_status_and_an_issue_type_of_r4(kind: Kind) -> None:
    outcome = operation_outcome([Finding("error", kind, "What.", "Hva.", "http.x")])

    assert OperationOutcome.model_validate(outcome).issue[0].code == ANSWERS[kind][1]
    assert ANSWERS[kind][1] in ISSUE_TYPES
    assert 400 <= http_status(kind) < 600
