"""Who is asked: laws over rule sets and situations made by chance, and the few things that no law tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain import child_coordinator
from adapter.domain.coordination import (
    LAST,
    UNKNOWN,
    ChildCoordinator,
    CoordinationRules,
    Decision,
    Rule,
    Situation,
    Text,
    When,
    birthday,
    decide,
    review_on,
)
from adapter.domain.deadlines import age
from adapter.domain.ruleset import Source

OURS = Source("C")
TODAY = date(2026, 11, 23)
CHILD = ChildCoordinator(18, Text("barn", "child"), OURS)


def rule(id: str, when: When, conflict: bool = False) -> Rule:
    told = Text("konflikt", "conflict") if conflict else None
    return Rule(id, "unit", Text(f"{id} nb", f"{id} en"), Text(f"Fordi {id}.", f"Because {id}."), OURS, when, conflict=told)


def ruleset(*rules: Rule) -> CoordinationRules:
    last = Rule(LAST, "coordinating-unit", Text("KE", "CU"), Text("Ellers.", "Else."), OURS)
    return CoordinationRules("", "Her", (*rules, last), 5, OURS, child_coordinator=CHILD)


whens = st.builds(When, below_age=st.none() | st.integers(1, 30), coordinator=st.booleans(), most_involved=st.booleans())
rulesets = st.lists(st.tuples(whens, st.booleans()), max_size=4).map(
    lambda parts: ruleset(*(rule(f"r{n}", when, told and not when.coordinator) for n, (when, told) in enumerate(parts)))
)
services = st.dictionaries(st.sampled_from(["hjemmetjenesten", "nav", "rus og psykisk helse"]), st.integers(-1, 4))
situations = st.builds(
    Situation,
    on=st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    born=st.none() | st.dates(date(1970, 1, 1), date(2110, 1, 1)),
    coordinator=st.none() | st.booleans(),
    services=st.none() | services,
    complex_needs=st.none() | st.booleans(),
    guardian_wishes=st.none() | st.booleans(),
    refused=st.frozensets(st.sampled_from(["r0", "r1", "r2", "r3", LAST, "of no rule"])),
)


def known(when: When, situation: Situation) -> set[bool | None]:
    """What each part of a condition comes to, read part by part: the oracle."""
    parts: set[bool | None] = set()
    if when.below_age is not None:
        parts.add(None if situation.born is None else age(situation.born, situation.on) < when.below_age)
    if when.coordinator:
        parts.add(situation.coordinator)
    if when.most_involved and situation.services is None:
        parts.add(None)
    elif when.most_involved:
        counts = sorted(n for n in (situation.services or {}).values() if n > 0)
        parts.add(False if not counts else None if counts[-2:-1] == counts[-1:] else True)
    return parts


@given(rulesets, situations)
def test_the_first_rule_that_is_not_known_to_fail_decides(rules: CoordinationRules, situation: Situation) -> None:
    asked = [each for each in rules.rules if each.id not in situation.refused and False not in known(each.when, situation)]
    expected = None
    if asked:
        expected = asked[0].id if None not in known(asked[0].when, situation) else LAST
    if expected in situation.refused:
        expected = None

    decision = decide(rules, situation)

    assert (decision.rule if decision else None) == expected


@given(rulesets, situations)
def test_nobody_is_asked_again_and_after_all_refusals_nobody_is_left(rules: CoordinationRules, situation: Situation) -> None:
    for _ in range(len(rules.rules)):
        decision = decide(rules, situation)
        if decision is None:
            break
        assert decision.rule not in situation.refused
        situation = replace(situation, refused=situation.refused | {decision.rule})

    assert decide(rules, situation) is None


@given(rulesets, situations)
def test_the_coordinating_unit_is_the_last_to_be_asked(rules: CoordinationRules, situation: Situation) -> None:
    asked: list[Decision] = []
    situation = replace(situation, refused=frozenset())
    while decision := decide(rules, situation):
        asked.append(decision)
        situation = replace(situation, refused=situation.refused | {decision.rule})

    assert (asked[-1].rule, asked[-1].asks, asked[-1].who) == (LAST, "coordinating-unit", "KE")
    assert [each.rule for each in asked].count(LAST) == 1


@given(rulesets, situations)
def test_a_decision_tells_in_both_languages_its_reason_and_what_was_not_known(
    rules: CoordinationRules, situation: Situation
) -> None:
    decision = decide(rules, situation)
    if decision is None:
        return
    by = next(each for each in rules.rules if each.id == decision.rule)

    assert decision.nb.startswith(by.reason.nb)
    assert decision.en.startswith(by.reason.en)
    assert all(UNKNOWN[key].nb in decision.nb and UNKNOWN[key].en in decision.en for key in decision.unknown)
    assert set(decision.unknown) <= {
        *(["age"] if situation.born is None else []),
        *(["coordinator"] if situation.coordinator is None else []),
        *(["services"] if situation.services is None else ["most-involved"]),
    }
    assert bool(decision.conflict) == bool(by.conflict and situation.coordinator)


@given(rulesets, situations.filter(lambda each: bool(each.services)))
def test_the_order_in_which_services_are_told_changes_nothing(rules: CoordinationRules, situation: Situation) -> None:
    decisions = {
        decide(rules, replace(situation, services=dict(order))) for order in permutations((situation.services or {}).items())
    }

    assert len(decisions) == 1


@given(rulesets, situations)
def test_until_the_review_no_rule_changes_by_age_and_on_that_day_one_does(rules: CoordinationRules, situation: Situation) -> None:
    born, on = situation.born, situation.on
    day = review_on(rules, born, on)
    ages = {each.when.below_age for each in rules.rules if each.when.below_age is not None}
    if born is None:
        assert day is None
        return
    if day is None:
        assert all(age(born, on) >= limit for limit in ages)
        return

    assert on < day
    assert {limit for limit in ages if age(born, on) < limit <= age(born, day - timedelta(days=1))} == set()
    assert any(age(born, day - timedelta(days=1)) < limit <= age(born, day) for limit in ages)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 100))
def test_a_birthday_is_the_first_day_of_that_age(born: date, years: int) -> None:
    day = birthday(born, years)

    assert age(born, day) == years
    assert age(born, day - timedelta(days=1)) == years - 1


def test_a_rule_that_does_not_hold_is_passed_over_whatever_else_is_not_known() -> None:
    rules = ruleset(rule("child with coordinator", When(below_age=16, coordinator=True)), rule("all", When()))
    situation = Situation(TODAY, born=None, coordinator=False)

    decision = decide(rules, situation)

    assert decision
    assert (decision.rule, decision.unknown) == ("all", ())


def test_a_conflict_that_may_be_is_told_as_not_known() -> None:
    decision = decide(ruleset(rule("child", When(below_age=16), conflict=True)), Situation(TODAY, born=date(2015, 1, 1)))

    assert decision == Decision(
        rule="child",
        asks="unit",
        who="child nb",
        who_en="child en",
        nb="Fordi child. Ikke kjent: om pasienten allerede har en koordinator eller kontaktperson.",
        en="Because child. Not known: whether the patient already has a coordinator or contact person.",
        unknown=("coordinator",),
    )


# --- the children's coordinator: hol § 7-2 a, a child under 18, a long-lasting need for complex services, the guardian's wish

UNDER_18, TURNS_18 = date(2008, 11, 24), date(2008, 11, 23)


@pytest.mark.parametrize(
    ("born", "needs", "wishes", "assessed", "unknown"),
    [
        (UNDER_18, True, True, True, ()),
        (TURNS_18, True, True, False, ()),
        (UNDER_18, False, True, False, ()),
        (UNDER_18, True, False, False, ()),
        (UNDER_18, None, True, False, ("needs",)),
        (UNDER_18, True, None, False, ("guardian",)),
        (None, True, True, False, ("age",)),
        (None, None, None, False, ("age", "needs", "guardian")),
        (TURNS_18, None, None, False, ()),  # known to be grown: nothing hangs on the rest
        (None, False, None, False, ()),
        (None, None, False, False, ()),
    ],
)
def test_a_childrens_coordinator_is_assessed_only_where_all_is_known_to_hold(
    born: date | None, needs: bool | None, wishes: bool | None, assessed: bool, unknown: tuple[str, ...]
) -> None:
    situation = Situation(TODAY, born=born, complex_needs=needs, guardian_wishes=wishes)
    decision = child_coordinator.assess(ruleset(), situation)

    assert (decision is not None) == assessed
    assert child_coordinator.unknown(ruleset(), situation) == unknown
    if decision:
        assert (decision.asks, decision.who, decision.nb) == ("coordinating-unit", "KE", "barn")


@given(situations)
def test_a_rule_set_without_childrens_coordinators_gives_none(situation: Situation) -> None:
    rules = replace(ruleset(), child_coordinator=None)

    assert child_coordinator.assess(rules, situation) is None
    assert child_coordinator.unknown(rules, situation) == ()
