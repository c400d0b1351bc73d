"""The feedback on events is the rules that the guide lists (docs/pathways.md): none judged that is not told, none told in vain."""

from __future__ import annotations

import pytest

from adapter.domain.feedback import FIXED
from adapter.domain.ruleset import RuleSet
from mappings.rules import national

NAMED_BY_CODE = {"201": "error", "I13": "error", "224": "warning"}  # their texts name the code or the types
TOLD_ONLY = {"L"}  # whether the patient put it off by more than seven working days: the planned dates are not known


@pytest.mark.parametrize("rules", national().all(), ids=lambda rules: rules.id)
def test_each_rule_that_is_told_is_judged_and_with_that_severity(rules: RuleSet) -> None:
    judged = {number: finding.severity for number, finding in FIXED.items() if "-" not in number} | NAMED_BY_CODE
    told = {rule.number: rule.severity for rule in rules.rules if rule.number not in TOLD_ONLY}

    assert told == judged


def test_every_finding_says_in_two_languages_what_why_and_what_to_do() -> None:
    for number, finding in FIXED.items():
        assert finding.en.count(". ") >= 1, number
        assert finding.nb.count(". ") >= 1, number
        assert finding.rule, number
        assert finding.where == "", number
