"""Quality indicators: figures counted by hand from the courses beside them, and what may be shown of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.course import Assessment, Course, Event
from adapter.domain.indicators import INDICATORS, Cell, Judged, Path, Spot, Tally, hidden, judged
from adapter.domain.pathway import fold
from adapter.domain.ruleset import Limit, Source
from adapter.domain.state import Deadline, State
from mappings.rules import national

TODAY = date(2026, 11, 2)
M, DUE = date(2026, 9, 7), date(2026, 10, 19)  # D11, outpatient: 42 days from M (V5 of the state machine's vectors)
WARD = Spot("Nord", "1", "w", "Hospital", "Ward")


def deadline(id: str, anchor: date, due: date, *, ordinal: int = 1, **said: date | str) -> Deadline:
    limit = Limit(id, "M", "C", (due - anchor).days, "calendar", Source("B"))
    return Deadline(limit, ordinal, anchor, due, **said)  # type: ignore[arg-type]


def state(*deadlines: Deadline, start: date | None = date(2026, 8, 20)) -> State:
    return State("treatment", "active", start, None, "", (), deadlines, (), ())


def course(*events: str, granted: bool = True, outcome: str = "1", settled: bool = False) -> Course:
    """Events as in `2026-09-07 M`, `2026-10-12 C P`; the referral assessed on 27 August."""
    parts = [said.split() for said in events]
    return Course(
        received=date(2026, 8, 20),
        assessment=Assessment(granted, date(2026, 8, 27), outcome, settled=settled),
        events=tuple(Event(str(n), kind, date.fromisoformat(on), tuple(more)) for n, (on, kind, *more) in enumerate(parts)),
    )


def of(indicator: str, course: Course, state: State, today: date = TODAY) -> list[Judged]:
    return [one for one in judged(course, state, today) if one.indicator == indicator]


@pytest.mark.parametrize(
    ("decided", "hit"),
    [(DUE, True), (DUE + timedelta(days=1), False)],  # "inntil 42 dager": the last day is within
)
def test_an_assessment_is_in_time_until_the_last_day_of_its_limit(decided: date, hit: bool) -> None:
    known = course("2026-08-20 A", "2026-09-07 M", f"{decided} C P")
    assert of("assessment-in-time", known, state(deadline("decision", M, DUE, met=decided))) == [
        Judged("assessment-in-time", DUE, hit)
    ]


def test_an_assessment_without_a_decision_is_in_no_figure_yet() -> None:
    known = course("2026-08-20 A", "2026-09-07 M")
    assert of("assessment-in-time", known, state(deadline("decision", M, DUE))) == []


@pytest.mark.parametrize("right", [{"outcome": "2"}, {"settled": True}])
def test_a_settled_condition_is_left_out_of_the_assessments(right: dict[str, str]) -> None:
    """Avklart tilstand: the right is to treatment, so there is nothing to assess."""
    known = course("2026-08-20 A", "2026-09-07 M", "2026-09-07 C P", **right)  # type: ignore[arg-type]
    assert of("assessment-in-time", known, state(deadline("decision", M, DUE, met=M))) == []


def test_a_miss_that_the_patient_caused_is_a_miss_and_told() -> None:
    """V12: D11, L between M and C, C too late."""
    known = course("2026-08-20 A", "2026-09-07 M", "2026-09-20 L", "2026-10-26 C P")
    late = deadline("decision", M, DUE, met=date(2026, 10, 26), patient_caused="l-1")
    assert of("assessment-in-time", known, state(late)) == [Judged("assessment-in-time", DUE, False, True)]
    in_time = deadline("decision", M, DUE, met=DUE, patient_caused="l-1")
    assert of("assessment-in-time", known, state(in_time)) == [Judged("assessment-in-time", DUE, True, False)]


def test_an_unknown_limit_is_told_and_not_counted() -> None:
    """D11 for inpatients: no source gives the days from M to C, nor from C to E. It belongs to the day of M, and of C."""
    rules = national().get("D11", "2019")
    known = course("2026-08-20 A", "2026-09-07 M", "2026-10-12 C P")
    for level, hits in (("dognenhet", {None}), ("poliklinikk", {True})):
        folded = fold(rules, replace(known, care_level=level))
        assert {one.hit for one in of("assessment-in-time", known, folded)} == hits
    unknown = fold(rules, replace(known, care_level="dognenhet"))
    assert of("assessment-in-time", known, unknown) == [Judged("assessment-in-time", M, None)]
    assert of("first-evaluation-in-time", known, unknown) == [Judged("first-evaluation-in-time", date(2026, 10, 12), None)]


EVALUATED = date(2026, 10, 12), date(2026, 11, 23)


@pytest.mark.parametrize(
    ("said", "today", "hit"),
    [
        ({"met": date(2026, 11, 20)}, date(2026, 11, 20), True),
        ({"met": date(2026, 11, 24)}, date(2026, 11, 24), False),
        ({}, date(2026, 11, 23), None),  # still the last day
        ({}, date(2026, 11, 24), False),
        ({"over": date(2026, 11, 1)}, date(2027, 1, 1), None),  # closed before it was due
        ({"over": date(2026, 12, 1)}, date(2027, 1, 1), False),  # closed after
    ],
)
def test_a_first_evaluation_counts_when_answered_or_out_of_time(said: dict[str, date], today: date, hit: bool | None) -> None:
    found = of("first-evaluation-in-time", course(), state(deadline("first-evaluation", *EVALUATED, **said)), today)
    assert found == ([] if hit is None else [Judged("first-evaluation-in-time", EVALUATED[1], hit)])


def test_the_first_evaluation_after_the_last_decision_counts() -> None:
    """C twice: the limit of the first fell away, the second's was met."""
    first = deadline("first-evaluation", *EVALUATED, over=date(2026, 10, 30))
    second = deadline("first-evaluation", date(2026, 10, 30), date(2026, 12, 11), ordinal=2, met=date(2026, 12, 1))
    found = of("first-evaluation-in-time", course(), state(second, first), date(2027, 1, 1))
    assert found == [Judged("first-evaluation-in-time", date(2026, 12, 11), True)]


def test_involvement_is_asked_of_those_who_came_to_care() -> None:
    began = date(2026, 8, 20)
    assert of("involved-in-plan", course("2026-08-20 A", "2026-10-12 U U"), state()) == [Judged("involved-in-plan", began, True)]
    assert of("involved-in-plan", course("2026-08-20 A", "2026-10-12 U B"), state()) == [Judged("involved-in-plan", began, False)]
    assert of("involved-in-plan", course("2026-08-20 A", "2026-08-27 X R", granted=False), state()) == []
    assert of("involved-in-plan", course("2026-08-20 A", "2026-08-27 X L"), state()) == []


RECEIVED, TEN = date(2026, 3, 25), date(2026, 4, 13)  # V1: ten working days over Easter


@pytest.mark.parametrize(
    ("said", "today", "hit"),
    [
        ({"met": TEN}, TEN, False),
        ({"met": TEN + timedelta(days=1)}, date(2026, 5, 1), True),
        ({}, TEN, None),
        ({}, TEN + timedelta(days=1), True),
        ({"over": date(2026, 4, 1)}, date(2026, 5, 1), None),  # withdrawn
    ],
)
def test_a_referral_is_not_assessed_in_time_after_ten_working_days(said: dict[str, date], today: date, hit: bool | None) -> None:
    found = of("not-assessed-in-time", course(), state(deadline("assess-referral", RECEIVED, TEN, **said)), today)
    assert found == ([] if hit is None else [Judged("not-assessed-in-time", TEN, hit)])


def test_a_refused_right_is_told_of_all_that_began() -> None:
    began = date(2026, 8, 20)
    assert of("right-refused", course("2026-08-20 A"), state()) == [Judged("right-refused", began, False)]
    assert of("right-refused", course("2026-08-20 A", "2026-08-27 X R", granted=False), state()) == [
        Judged("right-refused", began, True)
    ]
    # Rules of 2025: it never began; the day it was assessed places it.
    assert of("right-refused", course(granted=False), state(start=None)) == [Judged("right-refused", date(2026, 8, 27), True)]


def test_a_referral_that_was_withdrawn_is_nobodys_pathway() -> None:
    gone = Course(received=date(2026, 8, 20), withdrawn=date(2026, 8, 21))
    assert list(judged(gone, state(), TODAY)) == []


def hits(indicator: str, good: int, bad: int, caused: int = 0, on: date = TODAY) -> list[Judged]:
    missed = [Judged(indicator, on, False, n < caused) for n in range(bad)]
    return [Judged(indicator, on, True)] * good + missed


def lines(cells: Iterable[Cell], indicator: str = "right-refused") -> list[tuple[str, int | None, int | None, int | None]]:
    return [
        (cell.names[-1] if cell.names else "", cell.numerator, cell.denominator, cell.patient_caused)
        for cell in cells
        if cell.indicator == indicator
    ]


def test_figures_add_up_through_unit_trust_and_region() -> None:
    tally = Tally()
    tally.add(Spot("Nord", "1", "a", "Tromsø", "Poli"), hits("right-refused", 10, 20))
    tally.add(Spot("Nord", "1", "b", "Tromsø", "Døgn"), hits("right-refused", 6, 6, caused=5))
    tally.add(Spot("Vest", "2", "c", "Bergen", "Poli"), hits("right-refused", 7, 3))

    assert lines(tally.cells("unit")) == [("", 23, 52, 5), ("Døgn", 6, 12, 5), ("Poli", 10, 30, 0), ("Poli", 7, 10, 0)]
    assert lines(tally.cells("organisation")) == [("", 23, 52, 5), ("Tromsø", 16, 42, 5), ("Bergen", 7, 10, 0)]
    assert lines(tally.cells("region")) == [("", 23, 52, 5), ("Nord", 16, 42, 5), ("Vest", 7, 10, 0)]
    assert tally.cells("region")[0].percent == pytest.approx(44.23, abs=0.01)


def test_only_the_period_is_counted_with_both_its_days() -> None:
    tally = Tally(date(2026, 1, 1), date(2026, 4, 30))
    for on in (date(2025, 12, 31), date(2026, 1, 1), date(2026, 4, 30), date(2026, 5, 1)):
        tally.add(WARD, hits("right-refused", 5, 0, on=on))
    assert lines(tally.cells("unit")) == [("", 10, 10, 0), ("Ward", 10, 10, 0)]
    assert (tally.first, tally.last) == (date(2026, 1, 1), date(2026, 4, 30))


def test_how_many_were_left_out_for_an_unknown_limit_is_told() -> None:
    tally = Tally()
    tally.add(WARD, [Judged("assessment-in-time", TODAY, None)] * 2)
    assert (tally.unknown["assessment-in-time"], tally.cells("unit")) == (2, [])


@pytest.mark.parametrize(("good", "bad", "shown"), [(0, 4, False), (0, 5, True), (1, 90, False), (4, 90, False), (5, 0, True)])
def test_a_small_cell_is_not_shown(good: int, bad: int, shown: bool) -> None:
    """Denominator below 5, or numerator 1 to 4."""
    tally = Tally()
    tally.add(WARD, hits("right-refused", good, bad))
    figure = (good, good + bad, 0) if shown else (None, None, None)
    assert lines(tally.cells("unit")) == [("", *figure), ("Ward", *figure)]


def test_no_small_cell_can_be_worked_out_from_the_sum() -> None:
    """Three of 40 in A would be 13 of 77 less 10 of 37, so the smaller of B and C goes too."""
    tally = Tally()
    for unit, good, bad in (("A", 3, 37), ("B", 5, 12), ("C", 5, 15)):
        tally.add(Spot("Nord", "1", unit, "Tromsø", unit), hits("right-refused", good, bad))
    assert lines(tally.cells("unit")) == [("", 13, 77, 0), ("A", None, None, None), ("B", None, None, None), ("C", 5, 20, 0)]


def test_nor_from_another_table() -> None:
    """The trust of one small unit is shown, so a neighbour in that same trust is hidden, and none of the other trust."""
    tally = Tally()
    for organisation, unit, good, bad in (("1", "A", 2, 20), ("1", "B", 30, 30), ("2", "C", 5, 5), ("2", "D", 6, 6)):
        tally.add(Spot("Nord", organisation, unit, f"Trust {organisation}", unit), hits("right-refused", good, bad))
    assert [(name, numerator) for name, numerator, *_ in lines(tally.cells("unit"))] == [
        ("", 43),
        ("A", None),
        ("B", None),
        ("C", 5),
        ("D", 6),
    ]


def test_a_hidden_sum_is_not_told_by_its_parts() -> None:
    """Trust 1 is small and trust 2 hidden for its sake; a unit of trust 2 is hidden too, or C + D would be trust 2."""
    tally = Tally()
    for organisation, unit, good, bad in (("1", "A", 2, 20), ("2", "C", 5, 5), ("2", "D", 6, 6)):
        tally.add(Spot("Nord", organisation, unit, f"Trust {organisation}", unit), hits("right-refused", good, bad))
    assert [numerator for _, numerator, *_ in lines(tally.cells("organisation"))] == [13, None, None]
    assert [numerator for _, numerator, *_ in lines(tally.cells("unit"))] == [13, None, None, 6]


def test_few_postponements_are_not_shown_where_the_figure_is() -> None:
    tally = Tally()
    for unit, caused in (("A", 2), ("B", 6), ("C", 9)):
        tally.add(Spot("Nord", "1", unit, "Tromsø", unit), hits("right-refused", 10, 10, caused))
    assert lines(tally.cells("unit")) == [("", 30, 60, 17), ("A", 10, 20, None), ("B", 10, 20, None), ("C", 10, 20, 9)]


@st.composite
def trees(draw: st.DrawFn) -> dict[Path, int]:
    """Sizes of a few units, and the sums above them."""
    sizes: dict[Path, int] = {}
    for unit in draw(st.lists(st.tuples(*[st.sampled_from("abc")] * 3), unique=True, min_size=1)):
        size = draw(st.integers(1, 30))
        for depth in range(4):
            sizes[unit[:depth]] = sizes.get(unit[:depth], 0) + size
    return sizes


@given(trees())
def test_what_is_hidden_is_never_one_unknown_in_a_sum(sizes: dict[Path, int]) -> None:
    """In each sum, whole = parts, no more and no less than one of the terms would be an equation for it."""
    small = {path for path, size in sizes.items() if size < 5}
    found = hidden(sizes, small)
    assert small <= found
    for whole in {path[:-1] for path in sizes if path}:
        terms = [whole, *(path for path in sizes if path and path[:-1] == whole)]
        assert sum(term in found for term in terms) != 1


def test_every_indicator_is_told_of_by_name() -> None:
    rich = course("2026-08-20 A", "2026-09-07 M", "2026-10-12 C P", "2026-10-12 U U")
    deadlines = (
        deadline("assess-referral", date(2026, 8, 20), date(2026, 9, 3), met=date(2026, 8, 27)),
        deadline("decision", M, DUE, met=date(2026, 10, 12)),
        deadline("first-evaluation", *EVALUATED, met=date(2026, 11, 20)),
    )
    assert {one.indicator for one in judged(rich, state(*deadlines), TODAY)} == set(INDICATORS)
