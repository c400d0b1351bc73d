"""Working days: vectors computed by hand on a calendar (pbrl § 2-2, helligdagsfredloven § 2), and laws that always hold."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.deadlines import WorkingDays, add_working_days

dates = st.dates(date(2019, 1, 1), date(2060, 12, 31))
counts = st.integers(1, 40)
weeks = st.sampled_from(["mon-fri", "mon-sat"])


@pytest.mark.parametrize(
    ("received", "due", "with_saturdays"),
    [
        (date(2026, 3, 25), date(2026, 4, 13), date(2026, 4, 9)),  # 2, 3 and 6 April are Easter's
        (date(2026, 5, 11), date(2026, 5, 27), None),  # 14 and 25 May; 17 May is a Sunday
        (date(2026, 12, 17), date(2027, 1, 4), None),  # 25 December, 1 January; 24 and 31 December are working days
        (date(2027, 3, 19), date(2027, 4, 7), None),
        (date(2028, 2, 23), date(2028, 3, 8), None),  # over 29 February
    ],
)
def test_a_referral_is_assessed_within_ten_working_days(received: date, due: date, with_saturdays: date | None) -> None:
    assert add_working_days(received, 10) == due
    if with_saturdays:
        assert add_working_days(received, 10, "mon-sat") == with_saturdays


def holidays(year: int) -> set[date]:
    """Norway's, from Easter Sunday by Gauss's rule as Meeus gives it: none of our libraries has a part in it."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    l = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7  # noqa: E741  the rule's own letter
    m = (a + 11 * h + 22 * l) // 451
    easter = date(year, (h + l - 7 * m + 114) // 31, (h + l - 7 * m + 114) % 31 + 1)
    moving = {easter + timedelta(days=days) for days in (-3, -2, 0, 1, 39, 49, 50)}
    return moving | {date(year, *day) for day in ((1, 1), (5, 1), (5, 17), (12, 25), (12, 26))}


@given(dates, counts, weeks)
def test_a_time_limit_ends_on_a_working_day(start: date, days: int, week: WorkingDays) -> None:
    due = add_working_days(start, days, week)

    assert due not in holidays(due.year)
    assert due.weekday() <= (4 if week == "mon-fri" else 5)


@given(dates, counts, weeks)
def test_a_time_limit_has_as_many_working_days_as_it_says(start: date, days: int, week: WorkingDays) -> None:
    due = add_working_days(start, days, week)
    between = [start + timedelta(days=n) for n in range(1, (due - start).days + 1)]

    assert sum(day.weekday() <= (4 if week == "mon-fri" else 5) and day not in holidays(day.year) for day in between) == days


@given(dates, counts, weeks)
def test_who_is_later_is_not_due_earlier(start: date, days: int, week: WorkingDays) -> None:
    due = add_working_days(start, days, week)

    assert due <= add_working_days(start + timedelta(days=1), days, week)
    assert due < add_working_days(start, days + 1, week)


@given(dates, counts)
def test_counting_saturdays_never_makes_it_later(start: date, days: int) -> None:
    assert add_working_days(start, days, "mon-sat") <= add_working_days(start, days)


@given(dates, weeks)
def test_no_days_is_the_same_day(start: date, week: WorkingDays) -> None:
    assert add_working_days(start, 0, week) == start
