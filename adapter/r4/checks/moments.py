"""Comparing dates and moments of unlike precision: what is said leaves a span, from its first instant to its last.

A rule such as "start is not after end" is broken only if no reading of the two can keep it. A date without a zone may be
any place's day: from UTC+14 to UTC-12.

>>> may_precede("2024", "2024-03"), may_precede("2024-05-02", "2024-05-01")
(True, False)
"""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta, timezone
from typing import Final

EAST: Final = timezone(timedelta(hours=14))
WEST: Final = timezone(timedelta(hours=-12))


def may_precede(earlier: str, later: str) -> bool:
    """Can the first be before, or at, the second? Both are date, dateTime or instant as R4 writes them."""
    if len(earlier) == len(later) == 10:
        return earlier <= later
    zones = ("T" in earlier) != ("T" in later)
    return _moment(_first(earlier), EAST if zones else None) <= _moment(_last(later), WEST if zones else None)


def _first(text: str) -> str:
    return text if "T" in text else (text + "-01-01"[len(text) - 4 :])[:10] + "T00:00:00"


def _last(text: str) -> str:
    if "T" in text:
        return text
    if len(text) == 4:
        text += "-12"
    if len(text) == 7:
        text += f"-{monthrange(int(text[:4]), int(text[5:]))[1]}"
    return text + "T23:59:59.999999"


def _moment(text: str, zone: timezone | None) -> datetime:
    """A leap second counts as the second before it."""
    moment = datetime.fromisoformat(text.replace(":60", ":59") if ":60" in text[16:19] else text)
    return moment.replace(tzinfo=zone) if moment.tzinfo is None and zone is not None else moment
