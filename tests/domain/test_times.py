"""Times of messages as FHIR writes them: local time gets Norway's offset of that moment; what is no time gives nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings import times

FROM, TO = datetime(2000, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001  hypothesis gives them their zone
SUMMER, WINTER = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("2026-07-01T10:00:00", "2026-07-01T10:00:00+02:00"),
        ("2026-01-01T10:00:00", "2026-01-01T10:00:00+01:00"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00+00:00"),
        ("2026-07-01T10:00:00+01:00", "2026-07-01T10:00:00+01:00"),
        ("2026-10-25T02:30:00", "2026-10-25T02:30:00+02:00"),  # autumn repeats the hour: the first is meant
        ("2026-10-25T03:00:00", "2026-10-25T03:00:00+01:00"),
        ("2024-02-29T23:59:59", "2024-02-29T23:59:59+01:00"),
        ("1969-11-13", "1969-11-13"),
        ("1969-11-13Z", "1969-11-13"),
        ("1969-11-13+01:00", "1969-11-13"),
        ("1969-11", "1969-11"),
        ("1969", "1969"),
        ("2024-02-29", "2024-02-29"),
    ],
)
def test_a_time_is_written_with_norways_offset_and_a_date_as_it_is(said: str, written: str) -> None:
    assert times.date_time(said) == written


@pytest.mark.parametrize("said", ["2026-03-29T02:00:00", "2026-03-29T02:30:00", "2026-03-29T02:59:59"])
def test_a_time_in_the_hour_that_spring_leaves_out_is_the_same_moment_read_back(said: str) -> None:
    """No clock showed it; the offset before the change is kept, which puts it within the hour after."""
    written = datetime.fromisoformat(times.date_time(said))

    assert written == datetime.fromisoformat(said).replace(tzinfo=WINTER)


@pytest.mark.parametrize(
    "said",
    [
        *(
            "",
            "i går",
            "2026-02-29",
            "2026-02-30",
            "2026-13-01",
            "2026-1-1",
            "26-01-01",
            "2026-02-30T10:00:00",
            "2026-00",
            "2026-13",
        ),
        *("2026-00", "2026-13", "10:00:00", "T10:00:00", "20260101", "2026-W01-1", "2026-01-01x", "0000-01-01", "0000", "٢٠٢٦"),
    ],
)
def test_what_is_no_date_gives_nothing(said: str) -> None:
    assert (times.date_time(said), times.instant(said), times.day(said)) == ("", "", "")


@pytest.mark.parametrize("said", ["2026-01-01T10:00:00+15:00", "2026-01-01T10:00:00+01:00:30"])
def test_a_time_whose_offset_fhir_cannot_write_is_its_day_alone(said: str) -> None:
    assert (times.date_time(said), times.moment(said)) == (said[:10], None)


def test_an_instant_of_a_date_is_its_first_moment_in_norway() -> None:
    assert [times.instant(said) for said in ("2026-01-01", "2026-07-01", "2026-07", "2026")] == [
        "2026-01-01T00:00:00+01:00",
        "2026-07-01T00:00:00+02:00",
        "",
        "",
    ]


def test_a_date_of_birth_with_a_time_is_its_own_day() -> None:
    assert times.day("1969-11-13T00:00:00") == "1969-11-13"


def test_the_day_of_receipt_is_norways() -> None:
    assert times.local_day(datetime(2026, 6, 30, 22, 30, tzinfo=UTC)) == date(2026, 7, 1)
    assert times.local_day(datetime(2026, 1, 1, 22, 30, tzinfo=UTC)) == date(2026, 1, 1)


@given(st.datetimes(FROM, TO, timezones=st.sampled_from([UTC, SUMMER, WINTER])))
def test_a_moment_with_an_offset_is_kept(at: datetime) -> None:
    assert times.moment(at.isoformat()) == at
    assert datetime.fromisoformat(times.utc(at)) == at
    assert times.utc(at).endswith("Z")
