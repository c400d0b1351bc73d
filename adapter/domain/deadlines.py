"""Time limits in working days (virkedager): pbrl § 2-2 gives ten to assess a referral.

Holidays are helligdagsfredloven § 2 with 1 and 17 May; 24 and 31 December are none. Whether Saturday counts is said nowhere
in pbrl: Monday to Friday is the default. The day of receipt is day 0.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Literal

WorkingDays = Literal["mon-fri", "mon-sat"]


@cache
def _holidays(year: int) -> frozenset[date]:
    from holidays.countries.norway import Norway  # noqa: PLC0415  importing it takes longer than translating a message

    return frozenset(Norway(years=year, include_sundays=False))


@lru_cache(maxsize=256)
def add_working_days(start: date, days: int, week: WorkingDays = "mon-fri") -> date:
    """The date that many working days after the start, which is not counted.

    >>> add_working_days(date(2026, 3, 25), 10), add_working_days(date(2026, 3, 25), 10, "mon-sat")
    (datetime.date(2026, 4, 13), datetime.date(2026, 4, 9))
    """
    last_weekday = 4 if week == "mon-fri" else 5
    day = start
    while days:
        day += timedelta(days=1)
        if day.weekday() <= last_weekday and day not in _holidays(day.year):
            days -= 1
    return day
