"""Dates in search, against R4's words on prefixes tried minute by minute (https://hl7.org/fhir/R4/search.html#prefix, #date).

The oracle knows no arithmetic of dates: a search value covers each minute whose wall-clock text begins with it, a stored
interval is the set of its minutes, and each prefix is a sentence about the two sets.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.domain.problem import Kind, Problem
from adapter.fhir.dates import matches
from adapter.ports import Match

OSLO = ZoneInfo("Europe/Oslo")
MINUTE = timedelta(minutes=1)
LONGEST = 4_500
SUMMER_ENDS = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
YEAR_ENDS = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
ZONES = {"": OSLO, "Z": UTC, "+02:00": timezone(timedelta(hours=2)), " 05:30": timezone(timedelta(hours=5, minutes=30))}


def holds(match: Match, low: datetime | None, high: datetime | None) -> bool:
    """What the port says of a match's four bounds; an open end is before, or after, everything."""
    first, last = low or datetime.min.replace(tzinfo=UTC), high or datetime.max.replace(tzinfo=UTC)
    return (
        (match.low_from is None or first >= match.low_from)
        and (match.low_before is None or first < match.low_before)
        and (match.high_after is None or last > match.high_after)
        and (match.high_to is None or last <= match.high_to)
    )


def said(prefix: str, searched: set[int], stored: set[int]) -> bool:
    """search.html#prefix, prefix by prefix; minutes are numbered, `above` and `below` are those outside on either side."""
    overlaps = bool(searched & stored)
    above, below = any(one > max(searched) for one in stored), any(one < min(searched) for one in stored)
    match prefix:
        case "eq":  # all that is stored lies in what is searched
            return stored <= searched
        case "ne":  # some of it lies outside
            return not stored <= searched
        case "gt":  # some of it lies above
            return above
        case "lt":  # some of it lies below
            return below
        case "ge":  # as gt, or as eq
            return above or stored <= searched
        case "le":
            return below or stored <= searched
        case "sa":  # all of it lies above, with nothing in common
            return not overlaps and min(stored) > max(searched)
        case "eb":
            return not overlaps and max(stored) < min(searched)
        case _:
            raise AssertionError(prefix)


@cache
def clock(begin: datetime, zone: tzinfo) -> list[str]:
    """What a clock of the zone shows, minute by minute, beyond the end of every stored interval."""
    return [(begin + number * MINUTE).astimezone(zone).strftime("%Y-%m-%dT%H:%M") for number in range(LONGEST)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, datetime, int, int]:
    """A search value, the first minute of some days, and an interval of minutes among them."""
    middle = draw(st.sampled_from([SUMMER_ENDS, YEAR_ENDS]))
    begin, minutes = middle - timedelta(days=1), 2 * 24 * 60
    at, length = draw(st.integers(0, minutes - 1)), draw(st.sampled_from([4, 7, 10, 16]))
    zone = draw(st.sampled_from(sorted(ZONES))) if length == 16 else ""
    wall = (begin + at * MINUTE).astimezone(ZONES[zone])
    if length == 16 and zone == "" and wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset():
        length = 10  # an hour that is there twice has no one meaning without a zone
    text = wall.strftime("%Y-%m-%dT%H:%M")[:length] + (zone if length == 16 else "")
    low = draw(st.integers(0, minutes - 1))
    near = draw(st.sampled_from([at, low]))  # about half of the intervals lie where the search looks
    low = min(max(0, near + draw(st.integers(-3, 3))), minutes - 1)
    return text, begin, low, draw(st.sampled_from([low + 1, low + 2, low + 60, low + 1500]))


@pytest.mark.slow
@settings(deadline=None)  # a loaded machine says nothing of dates
@given(cases(), st.sampled_from(["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", ""]))
def test_every_prefix_means_what_the_standard_says(case: tuple[str, datetime, int, int], prefix: str) -> None:
    text, begin, low, high = case
    zone = ZONES[text[16:]] if len(text) >= 16 else OSLO
    searched = {number for number, wall in enumerate(clock(begin, zone)) if wall.startswith(text[:16])}
    stored = set(range(low, high))

    found = any(holds(one, begin + low * MINUTE, begin + high * MINUTE) for one in matches(prefix + text))

    assert found == said(prefix or "eq", searched, stored)


@settings(deadline=None)  # a loaded machine says nothing of dates
@given(cases(), st.sampled_from(["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]))
def test_a_moment_is_found_as_the_shortest_interval_that_begins_with_it(case: tuple[str, datetime, int, int], prefix: str) -> None:
    text, begin, low, _ = case
    moment = begin + low * MINUTE
    shortest = (moment, moment + timedelta(microseconds=1))

    asked = matches(prefix + text, moment=True)

    assert all(one.high_to is None and one.high_after is None for one in asked)
    assert any(holds(one, moment, None) for one in asked) == any(holds(one, *shortest) for one in matches(prefix + text))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [
        # Norwegian midnight is 23:00 or 22:00 UTC of the day before.
        ("2026", utc(2025, 12, 31, 23), utc(2026, 12, 31, 23)),
        ("2026-11", utc(2026, 10, 31, 23), utc(2026, 11, 30, 23)),
        ("2026-12", utc(2026, 11, 30, 23), utc(2026, 12, 31, 23)),
        ("2028-02", utc(2028, 1, 31, 23), utc(2028, 2, 29, 23)),
        ("2026-10-25", utc(2026, 10, 24, 22), utc(2026, 10, 25, 23)),  # 25 hours
        ("2026-03-29", utc(2026, 3, 28, 23), utc(2026, 3, 29, 22)),  # 23 hours
        ("2026-11-21T10:00", utc(2026, 11, 21, 9), utc(2026, 11, 21, 9, 1)),
        ("2026-11-21T10:00:05Z", utc(2026, 11, 21, 10, 0, 5), utc(2026, 11, 21, 10, 0, 6)),
        ("2026-11-21T10:00:05+05:30", utc(2026, 11, 21, 4, 30, 5), utc(2026, 11, 21, 4, 30, 6)),
        ("2026-11-21T10:00:05 05:30", utc(2026, 11, 21, 4, 30, 5), utc(2026, 11, 21, 4, 30, 6)),  # an unescaped plus
        ("2026-11-21T10:00:05.12Z", utc(2026, 11, 21, 10, 0, 5, 120_000), utc(2026, 11, 21, 10, 0, 5, 130_000)),
        ("2026-11-21T10:00:05.1234567Z", utc(2026, 11, 21, 10, 0, 5, 123_456), utc(2026, 11, 21, 10, 0, 5, 123_457)),
    ],
)
def test_what_is_written_covers_an_interval(value: str, first: datetime, last: datetime) -> None:
    assert matches(value) == (Match(low_from=first, high_to=last),)


def test_about_takes_as_much_on_either_side() -> None:
    # November 2026 in Norway has 30 days of 24 hours.
    first, last = utc(2026, 10, 31, 23), utc(2026, 11, 30, 23)

    assert matches("ap2026-11") == (Match(low_before=last + timedelta(days=30), high_after=first - timedelta(days=30)),)


@pytest.mark.parametrize(
    "value",
    [
        *("", "yesterday", "26", "2026-13", "2026-02-30", "2026-1", " 2026", "２０２６", "0000"),
        *("2026-11-21T10", "2026-11-21T24:00", "2026-11-21T10:00:60Z", "2026-11-21T10:00:00.Z", "2026-11-21T10:00+99:99"),
        *("xx2026", "GE2026", "ge", "2026-11-21Z"),
    ],
)
def test_what_is_no_date_is_refused(value: str) -> None:
    with pytest.raises(Problem) as refused:
        matches(value, name="authored-on")

    assert [(one.kind, one.where) for one in refused.value.findings] == [(Kind.INVALID, "http.authored-on")]


ENDLESS = (datetime(2026, 1, 1, tzinfo=UTC), None)
PAST = (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
LAST_DAY = (datetime(9999, 12, 30, 23, tzinfo=UTC), None)  # as 9999-12-31 is kept


@pytest.mark.parametrize(
    ("value", "endless", "past", "last_day"),
    [
        ("lt9999-12-31", True, True, False),
        ("le9999-12-31T23:59:59Z", True, True, True),
        ("9999-12-31", False, False, True),
        ("9999", False, False, True),
        ("9999-12", False, False, True),
        ("ge9999-12-31", True, False, True),
        ("sa9999-12-31", False, False, False),
        ("ge0001", True, True, True),
        ("lt0001-01-01", False, False, False),
        ("ap9999-12-31T23:59:59-10:00", True, False, True),
        ("ap0001-01-01", False, False, False),
    ],
)
def test_the_calendars_ends_can_be_searched_by(value: str, endless: bool, past: bool, last_day: bool) -> None:
    """search.html#prefix, where 9999-12-31 says "for ever": the form of a date (datatypes.html#date) allows 0001 to 9999."""
    found = matches(value)

    for stored, wanted in ((ENDLESS, endless), (PAST, past), (LAST_DAY, last_day)):
        assert any(holds(match, *stored) for match in found) is wanted, stored
    assert matches(value, moment=True)
