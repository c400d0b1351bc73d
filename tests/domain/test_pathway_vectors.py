"""V1-V12: worked by hand on a calendar, with the rules of 2019, by hand and as the data files have them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from adapter.domain.pathway import fold
from adapter.domain.registration import refusals
from adapter.domain.ruleset import RuleSet
from mappings.rules import national
from tests.domain import courses
from tests.domain.courses import course, dues, errors, event, phases, running, warned

Rules = Callable[..., RuleSet]


@pytest.fixture(params=["by hand", "data files"])
def rules(request: pytest.FixtureRequest) -> Rules:
    """Makes the rules of 2019 of a type."""
    if request.param == "by hand":
        return courses.rules
    return lambda pathway="D11": national().get(pathway, "2019")


@pytest.mark.parametrize(
    ("received", "due", "strict"),
    [
        ("2026-03-25", "2026-04-13", "2026-04-09"),  # V1: Easter takes 2, 3 and 6 April; two Saturdays fewer (28 March, 11 April)
        ("2026-05-11", "2026-05-27", "2026-05-23"),  # V2: 14 and 25 May; 17 May is a Sunday. With Saturdays: 16 and 23 May count
        (
            "2026-12-17",
            "2027-01-04",
            "2026-12-31",
        ),  # V3: 25 December and 1 January. With Saturdays: 19 counts, 26 is a holiday, and 31 is none
        ("2027-03-19", "2027-04-07", "2027-04-03"),  # V4: Easter takes 25, 26 and 29 March. With Saturdays: 20, 27 March, 3 April
    ],
)
def test_v1_to_v4_a_referral_is_assessed_within_ten_working_days(rules: Rules, received: str, due: str, strict: str) -> None:
    first = fold(rules(), course(received=date.fromisoformat(received))).deadlines[0]

    assert (first.key, f"{first.due}", f"{first.strict}") == ("assess-referral-1", due, strict)


def test_v5_six_weeks_to_a_decision_six_more_if_it_is_extended_and_six_to_the_first_evaluation(rules: Rules) -> None:
    assert dues(fold(rules(), course("A 09-01", "M 09-07")))["decision-1"] == "2026-10-19"
    assert dues(fold(rules(), course("A 09-01", "M 09-07", "CU 10-19")))["extended-decision-1"] == "2026-11-30"
    assert dues(fold(rules(), course("A 09-01", "M 09-07", "CP 10-12")))["first-evaluation-1"] == "2026-11-23"
    assert dues(fold(rules(), course("A 09-01", "M 09-07", "CP 10-12", "E 11-20")))["next-evaluation-1"] == "2027-02-12"


def test_v6_a_decision_without_first_attendance_is_refused_at_the_gate(rules: Rules) -> None:
    before, after = fold(rules(), course("A 09-01")), fold(rules(), course("A 09-01", "CP 10-12"))

    assert [(n.number, n.event) for n in refusals(before, after)] == [("208", "CP@10-12")]


def test_v7_there_are_two_decisions_at_most(rules: Rules) -> None:
    assert errors(fold(rules(), course("A 09-01", "M 09-07", "CU 10-01", "CP 11-01", "CK 11-20"))) == ["I6"]


def test_v8_a_code_of_another_pathway_does_not_exist_here(rules: Rules) -> None:
    state = fold(rules(), course("A 09-01", "M 09-07", "UE 09-20"))  # exposure therapy is D07's

    assert errors(state) == ["201"]
    assert "D11UE" in state.notes[0].finding.en


def test_v9_nothing_comes_after_the_closing(rules: Rules) -> None:
    state = fold(rules(), course("A 09-01", "M 09-07", "CP 10-12", "XG 11-01", "E 11-20"))

    assert (errors(state), phases(state)[-1]) == (["225"], "closed")


def test_v10_who_is_eighteen_at_the_start_of_a_childs_pathway_is_warned_of(rules: Rules) -> None:
    at_start = course("A 2024-09-01", born=date(2006, 8, 31))  # 18 years and a day

    assert warned(fold(rules("D12"), at_start)) == ["216"]
    assert warned(fold(rules("D12"), course("A 2024-09-01", born=date(2006, 9, 1)))) == ["216"]  # from the birthday
    assert warned(fold(rules("D12"), course("A 2024-09-01", "M 2024-09-03", born=date(2006, 9, 2)))) == []  # turns 18 in it
    assert warned(fold(rules("D11"), at_start)) == []


def test_v11_psychosis_does_not_begin_after_the_decision(rules: Rules) -> None:
    assert errors(fold(rules("D06"), course("A 09-01", "M 09-07", "CP 10-12", "P 10-13"))) == ["223"]


def test_v12_what_the_patient_put_off_is_marked_and_missed_all_the_same(rules: Rules) -> None:
    state = fold(rules(), course("A 09-01", "M 09-07", "L 09-21", "CP 10-26"))
    decision = next(d for d in state.deadlines if d.limit.id == "decision")

    assert (f"{decision.due}", f"{decision.met}") == ("2026-10-19", "2026-10-26")  # the clock does not stop
    assert decision.patient_caused == "L@09-21"
    assert running(state) == ["first-evaluation-1"]
    assert errors(state) == []
    assert event("L", "09-21").outcomes == ()
