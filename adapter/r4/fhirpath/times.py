"""Dates and times of any precision: compared where they can be (http://hl7.org/fhirpath/N1/#datetime-arithmetic).

What one of two leaves out leaves their order open, unless what both say decides it:

>>> compare(parse("2026-11"), parse("2026-11-21")), compare(parse("2026-10"), parse("2026-11-21"))
(None, -1)
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final, NamedTuple

_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(?:(\d\d)(?::(\d\d)(?::(\d\d)(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?)?)?)?)?", re.ASCII
)
_TIME: Final = re.compile(r"(\d\d)(?::(\d\d)(?::(\d\d)(\.\d+)?)?)?", re.ASCII)
_ENDING: Final = re.compile(r"\A[\d-]{10}T\d\d(?::\d\d){0,2}")
_MONTHS: Final = {"year": 12, "month": 1}
_SPANS: Final = {
    "week": timedelta(weeks=1),
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
    "millisecond": timedelta(milliseconds=1),
}


class Moment(NamedTuple):
    """What was said: year, month, day, hour, minute and second, as far as it goes; seconds and their fraction are one."""

    parts: tuple[Any, ...]
    zone: int | None  # minutes east of Greenwich
    first: int = 0  # which part comes first: 0 year, 3 hour


def parse(text: str) -> Moment | None:
    """A date, dateTime or instant; None where it is none."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    *_, fraction, zone = found.groups()
    parts = _numbers(found.groups()[:6], fraction)
    if not zone:
        return Moment(parts, None)
    sign = -1 if zone[0] == "-" else 1
    return Moment(parts, 0 if zone == "Z" else sign * (int(zone[1:3]) * 60 + int(zone[4:])))


def parse_time(text: str) -> Moment | None:
    """A time of day; None where it is none."""
    found = _TIME.fullmatch(text)
    return None if found is None else Moment(_numbers(found.groups()[:3], found[4]), None, 3)


def _numbers(texts: tuple[str | None, ...], fraction: str | None) -> tuple[Any, ...]:
    parts: list[Any] = [int(text) for text in texts if text is not None]
    if fraction:
        parts[-1] += Decimal(fraction)
    return tuple(parts)


def compare_texts(left: str, right: str) -> int | None:
    """`compare`, of dates, dateTimes and instants as they are written."""
    size = len(left)
    if size == len(right) and (size <= 10 or (left[16:17] == right[16:17] == ":" and left[19:] == right[19:])):
        # of the same precision and, where it has a time, with the same zone: in the order of their letters
        return int(left > right) - int(left < right)
    return compare(parse(left), parse(right))


def compare(left: Moment | None, right: Moment | None) -> int | None:
    """-1, 0 or 1; None where what was said does not decide it. Without a zone, the other's holds."""
    if left is None or right is None or left.first != right.first:
        return None
    a, b = left.parts, right.parts
    if left.zone is not None and right.zone is not None and left.zone != right.zone:
        a, b = in_utc(left), in_utc(right)
    shared = min(len(a), len(b))
    if a[:shared] != b[:shared]:
        return -1 if a[:shared] < b[:shared] else 1
    return 0 if len(a) == len(b) else None


def in_utc(moment: Moment) -> tuple[Any, ...]:
    """The parts as they are at Greenwich; without a zone as they stand."""
    if not moment.zone or len(moment.parts) < 5:
        return moment.parts
    year, month, day, hour, minute = moment.parts[:5]
    try:
        then = datetime(year, month, day, hour, minute, tzinfo=timezone(timedelta(minutes=moment.zone))).astimezone(UTC)
    except (ValueError, OverflowError):  # no such day, or the calendar's end
        return moment.parts
    return (*then.timetuple()[:5], *moment.parts[5:])


def plus(text: str, amount: Any, unit: str) -> str | None:
    """The date or dateTime so many whole units later, no more precise than it was; None where that cannot be said.

    >>> plus("2026-01-31", 1, "month"), plus("2026-11-21T10:00:00+01:00", -1, "day")
    ('2026-02-28', '2026-11-20T10:00:00+01:00')
    """
    moment = parse(text)
    if moment is None or amount != int(amount):
        return None
    amount = int(amount)
    size = len(moment.parts)
    said = dict(enumerate(moment.parts))
    year, month, day = said[0], said.get(1, 1), said.get(2, 1)
    hour, minute, second = said.get(3, 0), said.get(4, 0), said.get(5, 0)
    try:
        if unit in _MONTHS:
            total = year * 12 + month - 1 + amount * _MONTHS[unit]
            year, month = divmod(total, 12)
            month += 1
            day = min(day, monthrange(year, month)[1])
            then = datetime(year, month, day, hour, minute, int(second))  # noqa: DTZ001 - the zone is kept as text
        else:
            then = datetime(year, month, day, hour, minute, int(second)) + amount * _SPANS[unit]  # noqa: DTZ001
    except (ValueError, OverflowError):
        return None
    whole = then.isoformat()[: (4, 7, 10, 13, 16, 19)[size - 1]]
    return whole + _ENDING.sub("", text, count=1) if size > 3 else whole
