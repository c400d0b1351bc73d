"""Each rule set as a PlanDefinition: R4's own rules hold, and each limit, duty and event of the rule set is an action.

What is expected of single actions is read off https://hl7.org/fhir/R4/plandefinition.html and the published limits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fhir.resources.R4B.plandefinition import PlanDefinition

from adapter.domain.ruleset import RuleSet, Source
from adapter.r4.checker import check
from mappings.resources.plan_definition import plan_definition
from mappings.rules import national

RULES = {rules.id: rules for rules in national().all()}
each = pytest.mark.parametrize("rules", RULES.values(), ids=RULES)


def actions(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for action in body.get("action", []):
        yield action
        yield from actions(action)


def action(rules: RuleSet, id: str) -> dict[str, Any]:
    (found,) = [each for each in actions(plan_definition(rules)) if each["id"] == id]
    return found


@each
def test_it_is_a_plan_definition_of_r4(rules: RuleSet) -> None:
    body = plan_definition(rules)

    assert check(body) == []
    assert PlanDefinition.model_validate(body).id == f"{rules.pathway}-{rules.version}"
    assert body["url"] == f"https://stafett.invalid/fhir/PlanDefinition/{rules.pathway}-{rules.version}"


@each
def test_its_actions_are_told_apart_and_refer_to_each_other(rules: RuleSet) -> None:
    found = list(actions(plan_definition(rules)))
    ids = [action["id"] for action in found]
    related = {other["actionId"] for action in found for other in action.get("relatedAction", [])}

    assert len(set(ids)) == len(ids)
    assert related <= set(ids)


@each
def test_every_event_limit_and_duty_of_the_rule_set_is_an_action(rules: RuleSet) -> None:
    ids = {action["id"] for action in actions(plan_definition(rules))}

    assert {f"event-{event}" for event in rules.events} <= ids
    assert {f"duty-{duty.kind}" for duty in rules.duties} <= ids
    assert sum(id.startswith("limit-") for id in ids) == len(rules.limits)


def test_a_limit_follows_its_anchor_within_a_range_of_days() -> None:
    days = {"unit": "dager", "system": "http://unitsofmeasure.org", "code": "d"}

    (after,) = action(RULES["D09-2019"], "limit-decision-dognenhet")["relatedAction"]

    assert after == {
        "actionId": "event-M",
        "relationship": "after",
        "offsetRange": {"low": {"value": 3} | days, "high": {"value": 7} | days},
    }


def test_working_days_are_no_unit_of_ucum() -> None:
    (after,) = action(RULES["D11-2019"], "limit-assess-referral")["relatedAction"]

    assert after["offsetRange"]["high"] == {"value": 10, "unit": "virkedager"}


def test_an_unknown_limit_has_no_range_and_says_so() -> None:
    unknown = action(RULES["D11-2025"], "limit-decision")

    assert unknown["relatedAction"] == [{"actionId": "event-M", "relationship": "after"}]
    assert unknown["description"].startswith("ukjent")
    assert unknown["documentation"][0]["display"].startswith("D: ikke funnet (not found)")


def test_an_organisations_own_limit_is_shown_as_its_own() -> None:
    rules = RULES["D11-2019"]
    own = [replace(limit, source=Source("A", local=True)) if limit.id == "decision" else limit for limit in rules.limits]

    shown = action(replace(rules, limits=tuple(own)), "limit-decision-poliklinikk")["documentation"]

    assert shown == [{"type": "documentation", "display": "Virksomhetens egen regel (the organisation's own)."}]
