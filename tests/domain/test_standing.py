"""How a deadline stands on a day: what comes on the day it is due is in time, and from 80 % of its interval it is near."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.deadlines import age, due, soon, standing
from adapter.domain.pathway import Deadline
from adapter.domain.ruleset import Limit, Source
from tests.domain.courses import day, limit

SIX_WEEKS = limit("decision", "M", "C", 42)
TEN_DAYS = Limit("assess-referral", "received", "", 10, "working", Source("A"))


def running(anchor: str, last: str, met: str = "", over: str = "") -> Deadline:
    return Deadline(SIX_WEEKS, 1, day(anchor), day(last), None, day(met) if met else None, day(over) if over else None)


def test_a_limit_in_calendar_days_counts_holidays_and_one_in_working_days_does_not() -> None:
    assert due(SIX_WEEKS, day("09-07")) == day("10-19")
    assert due(TEN_DAYS, day("03-25")) == day("04-13")  # Easter
    assert due(TEN_DAYS, day("03-25"), "mon-sat") == day("04-09")


@pytest.mark.parametrize(
    "unsaid", [limit("decision", "M", "C", None), Limit("date-limit", "assessed", "M", 5, "date", Source("A"))]
)
def test_a_limit_without_days_is_due_on_no_date(unsaid: Limit) -> None:
    with pytest.raises(ValueError, match=unsaid.id):
        due(unsaid, day("09-07"))


def test_a_mistyped_year_ends_with_the_calendar() -> None:
    assert due(SIX_WEEKS, date.max) == due(TEN_DAYS, date.max) == date.max
    assert due(TEN_DAYS, date.max - timedelta(days=2)) == date.max


@pytest.mark.parametrize(
    ("today", "stands"),
    [
        ("09-01", "on-time"),  # before it has begun
        ("09-07", "on-time"),
        ("10-10", "on-time"),  # 33 of 42 days; 80 % are 33.6
        ("10-11", "due-soon"),
        ("10-19", "due-soon"),  # the last day in time
        ("10-20", "overdue"),
        ("12-24", "overdue"),
    ],
)
def test_six_weeks_are_near_from_the_34th_day_and_over_after_the_42nd(today: str, stands: str) -> None:
    deadline = running("09-07", "10-19")

    assert standing(deadline, day(today)) == stands


def test_what_is_met_on_the_last_day_is_met_and_on_the_next_met_late() -> None:
    assert standing(running("09-07", "10-19", met="10-19"), day("12-01")) == "met"
    assert standing(running("09-07", "10-19", met="10-20"), day("10-20")) == "met-late"


def test_what_fell_away_stands_as_it_did_then() -> None:
    assert standing(running("09-07", "10-19", over="09-20"), day("12-01")) == "on-time"
    assert standing(running("09-07", "10-19", over="10-15"), day("12-01")) == "due-soon"
    assert standing(running("09-07", "10-19", over="10-20"), day("12-01")) == "overdue"


def test_no_days_at_all_is_near_at_once() -> None:
    """Treatment the same day as detoxification ends in a ward."""
    at_once = running("09-07", "09-07")

    assert [standing(at_once, day(d)) for d in ("09-06", "09-07", "09-08")] == ["on-time", "due-soon", "overdue"]


def test_a_date_given_before_the_referral_was_assessed_is_overdue_from_the_next_day() -> None:
    past = running("09-07", "09-01")

    assert [standing(past, day(d)) for d in ("08-31", "09-01", "09-02")] == ["on-time", "on-time", "overdue"]


def test_an_unknown_due_date_never_changes_how_it_stands() -> None:
    unknown = Deadline(SIX_WEEKS, 1, day("09-07"), None)

    assert standing(unknown, day("12-01")) == "on-time"
    assert standing(Deadline(SIX_WEEKS, 1, day("09-07"), None, met=day("12-01")), day("12-01")) == "met"


days = st.dates(date(2026, 1, 1), date(2026, 3, 31))


@given(days, st.integers(0, 80))
def test_it_is_near_from_four_fifths_of_its_time(anchor: date, length: int) -> None:
    from_then = soon(anchor, anchor + timedelta(days=length))

    assert (from_then - anchor).days * 10 >= length * 8
    assert from_then == anchor or (from_then - timedelta(days=1) - anchor).days * 10 < length * 8


def test_a_year_older_on_the_birthday() -> None:
    born = date(2008, 2, 29)

    assert [age(born, on) for on in (date(2026, 2, 28), date(2026, 3, 1), date(2028, 2, 28), date(2028, 2, 29))] == [17, 18, 19, 20]
