"""Times as messages write them, as FHIR wants them.

Messages give dates, or times without a zone that mean Norwegian local time; FHIR asks for a zone where there is a time
(http://hl7.org/fhir/R4/datatypes.html#dateTime). In the hour that autumn repeats, the first is meant.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

OSLO = ZoneInfo("Europe/Oslo")
_PARTIAL = re.compile(r"((?!0000)\d{4}(?:-(?:0[1-9]|1[0-2])(?:-\d\d)?)?)(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_TIMED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII)
_FURTHEST = timedelta(hours=14)


def moment(text: str) -> datetime | None:
    """The moment that a message's time names; a date alone names none, nor does a time whose offset FHIR cannot write."""
    if not _TIMED.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=OSLO)
    offset = found.utcoffset() or timedelta()
    return None if offset.seconds % 60 or abs(offset) > _FURTHEST else found  # an offset of long ago has seconds


def date_time(text: str) -> str:
    """A FHIR dateTime, or nothing where the text is no time."""
    found = moment(text)
    if found:
        return found.isoformat()
    return day(text)


def instant(text: str) -> str:
    """A FHIR instant: a date alone is its first moment in Norway."""
    found = moment(text)
    if found is None and (only := day(text)) and len(only) == 10:
        found = datetime.fromisoformat(only).replace(tzinfo=OSLO)
    return found.isoformat() if found else ""


def day(text: str) -> str:
    """A FHIR date, perhaps partial (1969, 1969-11), of a date or of a time's own day."""
    found = _PARTIAL.fullmatch(text.partition("T")[0])
    if not found:
        return ""
    if len(found[1]) == 10:
        try:
            date.fromisoformat(found[1])
        except ValueError:
            return ""
    return found[1]


def local_day(at: datetime) -> date:
    """The date in Norway at a moment."""
    return at.astimezone(OSLO).date()


@lru_cache(maxsize=4096)  # the same few dates are asked for again and again
def norwegian_day(text: str) -> date | None:
    """The date in Norway of a FHIR date or dateTime that is known to the day.

    >>> norwegian_day("2026-10-18T23:30:00Z"), norwegian_day("2026-10")
    (datetime.date(2026, 10, 19), None)
    """
    at, only = moment(text), day(text)
    return local_day(at) if at else date.fromisoformat(only) if len(only) == len("2026-10-19") else None


def utc(at: datetime) -> str:
    """A moment as a FHIR instant in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
