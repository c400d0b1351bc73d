"""FHIR's date search: a partial date is an interval (https://hl7.org/fhir/R4/search.html#date).

>>> between("ge2026-11")
(datetime.datetime(2026, 10, 31, 23, 0, tzinfo=datetime.timezone.utc), None)

Without a zone a time is Norwegian (Europe/Oslo), since those who ask are.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from adapter.domain.problem import Kind, problem

OSLO: Final = ZoneInfo("Europe/Oslo")
FORM: Final = re.compile(
    r"(?P<prefix>[a-z]{2})?(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d{1,9}))?)?(?P<zone>Z|[+ -]\d\d:\d\d)?)?)?)?"
)

EXAMPLES: Final = "2026, 2026-11, 2026-11-21, 2026-11-21T10:00:00Z; eq, ge, gt, le, lt, sa, eb"

Interval = tuple[datetime | None, datetime | None]


def between(value: str) -> Interval:
    """A search value as (since, before): inclusive and exclusive, None where open. Raises `Problem` (INVALID)."""
    match = FORM.fullmatch(value)
    try:
        if match is None:
            raise ValueError
        first, last = _interval(match)
        return _open(match["prefix"] or "eq", first, last)
    except (ValueError, OverflowError, KeyError):
        raise problem(
            Kind.INVALID,
            f"Not a date that can be searched by: write {EXAMPLES}.",
            f"Ikke en søkbar dato: skriv {EXAMPLES}.",
            where="http._lastUpdated",
            rule="https://hl7.org/fhir/R4/search.html#date",
        ) from None


def _open(prefix: str, first: datetime, last: datetime) -> Interval:
    intervals: dict[str, Interval] = {
        "eq": (first, last),
        "ge": (first, None),
        "gt": (last, None),
        "sa": (last, None),
        "le": (None, last),
        "lt": (None, first),
        "eb": (None, first),
    }
    return intervals[prefix]


def _interval(match: re.Match[str]) -> tuple[datetime, datetime]:
    """The first moment of what is written, and the first after it, in UTC."""
    year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
    if match["hour"] is None:
        first = datetime(year, month, day, tzinfo=OSLO)
        return first.astimezone(UTC), _next(first, match).astimezone(UTC)
    micro = int((match["fraction"] or "").ljust(6, "0")[:6])
    clock = (int(match["hour"]), int(match["minute"]), int(match["second"] or 0), micro)
    first = datetime(year, month, day, *clock, tzinfo=_zone(match["zone"])).astimezone(UTC)
    return first, first + _precision(match)


def _next(first: datetime, match: re.Match[str]) -> datetime:
    if match["day"]:
        return first + timedelta(days=1)  # by the wall clock: a day of summer time's change has 23 or 25 hours
    if match["month"]:
        return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return first.replace(year=first.year + 1)


def _precision(match: re.Match[str]) -> timedelta:
    if match["fraction"]:
        return timedelta(microseconds=max(1, 10 ** (6 - len(match["fraction"])) if len(match["fraction"]) <= 6 else 1))
    return timedelta(seconds=1) if match["second"] else timedelta(minutes=1)


def _zone(text: str | None) -> ZoneInfo:
    if text is None:
        return OSLO
    # "+" arrives as a blank where the sender did not escape it.
    return datetime.fromisoformat(f"2000-01-01T00:00:00{text.replace(' ', '+')}").tzinfo  # type: ignore[return-value]
