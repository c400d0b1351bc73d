"""Time limits: when one is due, how it stands on a day, and when that next changes.

The national time limits (forløpstider) are calendar days: due is the anchor and that many days, and what comes on the day it is
due is in time. Limits of law are working days (virkedager): pbrl § 2-2 gives ten to assess a referral. Holidays are
helligdagsfredloven § 2 with 1 and 17 May; 24 and 31 December are none. Whether Saturday counts is said nowhere in pbrl: Monday to
Friday is the default. The anchor is day 0. All dates are Norway's (Europe/Oslo), so that no clock's change moves them.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from adapter.domain.ruleset import Limit
    from adapter.domain.state import Deadline

WorkingDays = Literal["mon-fri", "mon-sat"]
Standing = Literal["on-time", "due-soon", "overdue", "met", "met-late"]

_SOON: Final = 80  # percent of the interval: the second of the reminders at 50, 80 and 100 %


@cache
def _holidays(year: int) -> frozenset[date]:
    from holidays.countries.norway import Norway  # noqa: PLC0415  importing it takes longer than translating a message

    return frozenset(Norway(years=year, include_sundays=False))


@lru_cache(maxsize=4096)
def add_working_days(start: date, days: int, week: WorkingDays = "mon-fri") -> date:
    """The date that many working days after the start, which is not counted.

    >>> add_working_days(date(2026, 3, 25), 10), add_working_days(date(2026, 3, 25), 10, "mon-sat")
    (datetime.date(2026, 4, 13), datetime.date(2026, 4, 9))
    """
    last_weekday = 4 if week == "mon-fri" else 5
    day = start
    while days and day < date.max:
        day += timedelta(days=1)
        if day.weekday() <= last_weekday and day not in _holidays(day.year):
            days -= 1
    return day


def add_days(start: date, days: int) -> date:
    """The date that many calendar days after the start; a mistyped year 9999 ends with the calendar."""
    return start + timedelta(days=days) if days <= (date.max - start).days else date.max


def due(limit: Limit, anchor: date, week: WorkingDays = "mon-fri") -> date:
    """The last date in time of a limit in days.

    Raises ValueError for a limit whose days no source says, and for one that is a date given for each patient.
    """
    if limit.days is None or limit.unit == "date":
        raise ValueError(f"the limit {limit.id} has no number of days")
    if limit.unit == "working":
        return add_working_days(anchor, limit.days, week)
    return add_days(anchor, limit.days)


def soon(anchor: date, due: date) -> date:
    """From when on a deadline is near: 80 % of its interval; at once where there is no interval."""
    return add_days(anchor, -(-max((due - anchor).days, 0) * _SOON // 100))


def standing(deadline: Deadline, today: date) -> Standing:
    """How a deadline stands on a day. One that no longer applies stands as it did when it fell away."""
    last = deadline.due
    if deadline.met:
        return "met" if last is None or deadline.met <= last else "met-late"
    if last is None:
        return "on-time"
    day = min(today, deadline.over) if deadline.over else today
    if day > last:
        return "overdue"
    return "due-soon" if day >= soon(deadline.anchor, last) else "on-time"


def age(born: date, on: date) -> int:
    """Full years. Who was born on 29 February is a year older from 1 March."""
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
