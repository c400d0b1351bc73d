"""Dates as search sees them: from a moment, before a moment (https://hl7.org/fhir/R4/search.html#date).

>>> [str(bound) for bound in interval("2026-11")]
['2026-10-31 23:00:00+00:00', '2026-11-30 23:00:00+00:00']

A date, or a time without a zone, is of the clock in Norway (Europe/Oslo), since those who write them are. Bounds are in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

Bounds = tuple[datetime | None, datetime | None]
"""From the first, before the second; None is open."""

OSLO: Final = ZoneInfo("Europe/Oslo")
_FORM: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII)


@lru_cache(maxsize=4096)  # the same dates come again and again: in a resource, and in its next version
def interval(text: str) -> Bounds | None:
    """What a date, dateTime or instant covers; None for what is none. The calendar's end is an open end."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        if hour is None:
            first = datetime(int(year), int(month or 1), int(day or 1), tzinfo=OSLO)
            return first.astimezone(UTC), _after(first, bool(month), bool(day))
        micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
        leap = second == "60"  # allowed at the end of a day; clocks here repeat the last second
        clock = (int(hour), int(minute), 59 if leap else int(second or 0), micro)
        first = datetime(int(year), int(month), int(day), *clock, tzinfo=_zone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    width = timedelta(minutes=1) if second is None else timedelta(microseconds=10 ** max(6 - len(fraction or ""), 0))
    try:
        return first, first + width
    except OverflowError:
        return first, None


def _after(first: datetime, month: bool, day: bool) -> datetime | None:
    """The first moment after the day, month or year that begins then; by the clock, since a day may have 23 or 25 hours."""
    try:
        if day:
            return (first + timedelta(days=1)).astimezone(UTC)
        if month:
            return first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1).astimezone(UTC)
        return first.replace(year=first.year + 1).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=256)
def _zone(text: str | None) -> Any:
    if text is None:
        return OSLO
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[4:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def span(period: Mapping[str, Any]) -> Bounds | None:
    """What a Period covers, open where it does not say; None where it says nothing, or ends before it begins."""
    start = interval(period["start"]) if "start" in period else None
    end = interval(period["end"]) if "end" in period else None
    low, high = start and start[0], end and end[1]
    if (start is None and end is None) or (low and high and low >= high):
        return None
    return low, high


def timing(value: Mapping[str, Any]) -> Bounds | None:
    """From the first to the last that a Timing names: its events, or the bounds of its repetition. None where it names none."""
    events = [bounds for event in value.get("event", ()) if isinstance(event, str) and (bounds := interval(event))]
    bounds = value.get("repeat", {}).get("boundsPeriod")
    if bounds and (outer := span(bounds)):
        events.append(outer)
    if not events:
        return None
    lows, highs = [low for low, _ in events], [high for _, high in events]
    return None if None in lows else min(low for low in lows if low), None if None in highs else max(high for high in highs if high)
