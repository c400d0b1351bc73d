"""FHIR's date search: what is written is an interval, and so is what is stored (https://hl7.org/fhir/R4/search.html#date).

>>> [match] = matches("lt2026-11")
>>> match.low_before
datetime.datetime(2026, 10, 31, 23, 0, tzinfo=datetime.timezone.utc)

Without a zone a time is Norwegian (Europe/Oslo), since those who ask are. *ap* takes as much on either side as what was
written covers (ap2026-11: October to December); the standard leaves the measure to the server, and one that does not
move with the clock gives the same pages to the end.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from adapter.domain.problem import Kind, problem
from adapter.ports import Match

OSLO: Final = ZoneInfo("Europe/Oslo")
FORM: Final = re.compile(
    r"(?P<prefix>[a-z]{2})?(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d{1,9}))?)?(?P<zone>Z|[+ -]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)

BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
END: Final = datetime.max.replace(tzinfo=UTC) - timedelta(microseconds=1)  # what is open ends after it
"""The calendar's ends stand for what lies beyond them: `lt9999-12-31` is how some say "whatever comes"."""

EXAMPLES: Final = "2026, 2026-11, 2026-11-21, 2026-11-21T10:00:00Z; before it eq, ne, gt, lt, ge, le, sa, eb or ap"


def matches(value: str, *, name: str = "", moment: bool = False) -> tuple[Match, ...]:
    """The alternatives that a search value [first, last) with its prefix allows. Raises `Problem` (INVALID).

    `moment`: what is stored is one point of time (`_lastUpdated`), not an interval; its `low` alone is then asked for.
    """
    form = FORM.fullmatch(value)
    try:
        if form is None:
            raise ValueError
        first, last = _interval(form)
        return (_of_moments if moment else _of_intervals)(form["prefix"] or "eq", first, last)
    except (ValueError, OverflowError, KeyError):
        raise problem(
            Kind.INVALID,
            f"Not a date that can be searched by: write {EXAMPLES}.",
            f"Ikke en søkbar dato: skriv {EXAMPLES}.",
            where=f"http.{name}" if name else "",
            rule="https://hl7.org/fhir/R4/search.html#date",
        ) from None


def _of_intervals(prefix: str, first: datetime, last: datetime) -> tuple[Match, ...]:
    """R4's table of prefixes. "Contains" is of the whole interval; gt and lt ask only that some of it lies beyond."""
    early, late = _around(first, last)
    within = None if last == END else last
    table: dict[str, tuple[Match, ...]] = {
        "eq": (Match(low_from=first, high_to=within),),
        "ne": (Match(low_before=first), Match(high_after=last)),
        "gt": (Match(high_after=last),),
        "lt": (Match(low_before=first),),
        "ge": (Match(low_from=first), Match(high_after=last)),
        "le": (Match(high_to=within), Match(low_before=first)),
        "sa": (Match(low_from=last),),
        "eb": (Match(high_to=first),),
        "ap": (Match(low_before=late, high_after=early),),
    }
    return table[prefix]


def _of_moments(prefix: str, first: datetime, last: datetime) -> tuple[Match, ...]:
    early, late = _around(first, last)
    table: dict[str, tuple[Match, ...]] = {
        "eq": (Match(low_from=first, low_before=last),),
        "ne": (Match(low_before=first), Match(low_from=last)),
        "gt": (Match(low_from=last),),
        "lt": (Match(low_before=first),),
        "ge": (Match(low_from=first),),
        "le": (Match(low_before=last),),
        "sa": (Match(low_from=last),),
        "eb": (Match(low_before=first),),
        "ap": (Match(low_from=early, low_before=late),),
    }
    return table[prefix]


def _around(first: datetime, last: datetime) -> tuple[datetime, datetime]:
    """As much before and after as lies between."""
    width = last - first
    return first - min(width, first - BEGINNING), last + min(width, END - last)


def _interval(form: re.Match[str]) -> tuple[datetime, datetime]:
    """The first moment of what is written, and the first after it, in UTC."""
    year, month, day = int(form["year"]), int(form["month"] or 1), int(form["day"] or 1)
    if form["hour"] is None:
        first = datetime(year, month, day, tzinfo=OSLO)
        return _utc(first), _next(first, form)
    micro = int((form["fraction"] or "").ljust(6, "0")[:6])
    clock = (int(form["hour"]), int(form["minute"]), int(form["second"] or 0), micro)
    first = _utc(datetime(year, month, day, *clock, tzinfo=_zone(form["zone"])))
    return first, first + min(_precision(form), END - first)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return BEGINNING if moment.year == 1 else END


def _next(first: datetime, form: re.Match[str]) -> datetime:
    if (first.year, first.month if form["month"] else 12, first.day if form["day"] else 31) == (9999, 12, 31):
        return END
    if form["day"]:
        return _utc(first + timedelta(days=1))  # by the wall clock: a day of summer time's change has 23 or 25 hours
    if form["month"]:
        return _utc(first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1))
    return _utc(first.replace(year=first.year + 1))


def _precision(form: re.Match[str]) -> timedelta:
    if form["fraction"]:
        return timedelta(microseconds=10 ** max(0, 6 - len(form["fraction"])))
    return timedelta(seconds=1) if form["second"] else timedelta(minutes=1)


def _zone(text: str | None) -> ZoneInfo:
    if text is None:
        return OSLO
    # "+" arrives as a blank where the sender did not escape it.
    return datetime.fromisoformat(f"2000-01-01T00:00:00{text.replace(' ', '+')}").tzinfo  # type: ignore[return-value]
