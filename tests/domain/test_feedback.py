"""The feedback on events is the rules that the guide lists (docs/pathways.md): none judged that is not told, none told in vain."""

from __future__ import annotations

from datetime import date

import pytest

from adapter.domain.course import Course, Event
from adapter.domain.feedback import FIXED
from adapter.domain.pathway import fold
from adapter.domain.ruleset import RuleSet
from mappings.rules import national

NAMED_BY_CODE = {"201": "error", "I13": "error", "224": "warning"}  # their texts name the code or the types
TOLD_ONLY = {"L"}  # whether the patient put it off by more than seven working days: the planned dates are not known


@pytest.mark.parametrize("rules", national().all(), ids=lambda rules: rules.id)
def test_each_rule_that_is_told_is_judged_and_with_that_severity(rules: RuleSet) -> None:
    judged = {number: finding.severity for number, finding in FIXED.items() if "-" not in number} | NAMED_BY_CODE
    told = {rule.number: rule.severity for rule in rules.rules if rule.number not in TOLD_ONLY}

    assert told == judged


def test_a_pathway_that_began_before_any_rules_held_says_that_the_first_ones_are_used() -> None:
    """Those of 2019 hold for D11 from 1 January, and for D06 from 15 February (deadlines.csv)."""

    def said(type: str, received: date) -> list[str]:
        notes = fold(national().get(type, "2019"), Course(received=received, events=(Event("a", "A", received),))).notes
        return [noted.finding.severity for noted in notes if noted.number == "early"]

    assert [said("D11", day) for day in (date(2018, 12, 31), date(2019, 1, 1))] == [["information"], []]
    assert [said("D06", day) for day in (date(2019, 2, 14), date(2019, 2, 15))] == [["information"], []]


def test_every_finding_says_in_two_languages_what_why_and_what_to_do() -> None:
    for number, finding in FIXED.items():
        assert finding.en.count(". ") >= 1, number
        assert finding.nb.count(". ") >= 1, number
        assert finding.rule, number
        assert finding.where == "", number
