"""Person numbers, held against check digits that are computed here in another way, from KITH 1001:2010's weights."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapter.domain import persons
from tests.national_numbers import make

FIRST, SECOND = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)


def right(number: str) -> bool:
    """Both weighted sums, the check digit itself with weight 1, are whole elevens."""
    return all(sum(w * int(d) for w, d in zip(weights, number, strict=False)) % 11 == 0 for weights in (FIRST, SECOND))


def completed(body: str) -> str:
    """Nine digits with the two that are right after them, found by trying; nothing where none are."""
    return next((body + f"{rest:02d}" for rest in range(100) if right(body + f"{rest:02d}")), "")


@st.composite
def numbers(draw: st.DrawFn, day_offset: int = 0, month_offsets: tuple[int, ...] = (0, 40, 65, 80)) -> str:
    day, month = draw(st.integers(1, 28)) + day_offset, draw(st.integers(1, 12)) + draw(st.sampled_from(month_offsets))
    number = completed(f"{day:02d}{month:02d}{draw(st.integers(0, 99)):02d}{draw(st.integers(0, 999)):03d}")
    assume(number)
    return number


help_numbers = st.builds(lambda first, rest: completed(f"{first}{rest:08d}"), st.sampled_from("89"), st.integers(0, 10**8 - 1))


@given(numbers())
def test_a_birth_date_with_right_check_digits_is_a_national_number(number: str) -> None:
    assert persons.kind(number) == "FNR"


@given(numbers(day_offset=40))
def test_a_day_with_forty_added_is_a_d_number(number: str) -> None:
    assert persons.kind(number) == "DNR"


@given(help_numbers.filter(bool))
def test_a_first_digit_of_eight_or_nine_is_a_common_help_number(number: str) -> None:
    assert persons.kind(number) == "FHN"


@given(numbers(), st.integers(0, 10), st.integers(1, 9))
def test_a_number_with_one_digit_changed_is_none(number: str, place: int, by: int) -> None:
    digit = (int(number[place]) + by) % 10

    assert persons.kind(f"{number[:place]}{digit}{number[place + 1 :]}") == ""


@given(st.text("0123456789", min_size=11, max_size=11))
def test_a_number_with_wrong_check_digits_is_none(number: str) -> None:
    assert right(number) or persons.kind(number) == ""


@pytest.mark.parametrize("number", ["", "1391691008", "139169100822", "1391691008x", " 13916910082", "١٣٩١٦٩١٠٠٨٢", "13 16910082"])
def test_what_is_not_eleven_plain_digits_is_none(number: str) -> None:
    assert persons.kind(number) == ""


@pytest.mark.parametrize("body", ["000180100", "320180101", "010080100", "011380100", "720180100", "015380100"])
def test_a_day_or_month_that_no_calendar_has_makes_no_number(body: str) -> None:
    number = completed(body)

    assert number
    assert persons.kind(number) == ""


@given(numbers(month_offsets=(40, 65, 80)))
def test_a_month_with_eighty_sixty_five_or_forty_added_is_synthetic(number: str) -> None:
    assert persons.synthetic(number)


@given(numbers(month_offsets=(40, 65, 80), day_offset=40))
def test_a_d_number_can_be_synthetic_too(number: str) -> None:
    assert persons.synthetic(number)


@given(numbers(month_offsets=(0,)) | numbers(day_offset=40, month_offsets=(0,)))
def test_a_month_as_it_is_may_be_a_living_persons(number: str) -> None:
    assert not persons.synthetic(number)


def test_the_numbers_made_for_examples_are_valid_and_synthetic() -> None:
    made = [make(12, 3, 1985, "female"), make(31, 12, 2012, "male"), make(1, 1, 1990, "male", dnr=True)]

    assert [(persons.kind(number), persons.synthetic(number)) for number in made] == [("FNR", True), ("FNR", True), ("DNR", True)]


@pytest.mark.parametrize(
    ("number", "tells"),
    [
        *(("13516900000", True), ("13416900000", True), ("13526900000", True), ("13536900000", False), ("13406900000", False)),
        *(("00516900000", False), ("32516900000", False), ("1351690000", False), ("1351690000x", False)),
    ],
)
def test_a_local_help_number_tells_the_birth_by_a_month_with_forty_added(number: str, tells: bool) -> None:
    assert persons.tells_birth(number) is tells


@pytest.mark.parametrize(("start", "born"), [  # digits 7-9 tell the century: 000-499, 500-749, 500-999 and 900-999
    ("138169000", date(1969, 1, 13)),
    ("010100499", date(1900, 1, 1)),
    ("010154500", date(1854, 1, 1)),
    ("310139998", date(2039, 1, 31)),
    ("414140900", date(1940, 1, 1)),  # a D-number (day + 40) of a synthetic series (month + 40)
])  # fmt: skip
def test_a_number_tells_when_its_holder_was_born(start: str, born: date) -> None:
    assert persons.birth(completed(start)) == born


@pytest.mark.parametrize("number", ["", "80000000000", completed("300202123")])  # none, a felles hjelpenummer, 30 February
def test_a_number_without_a_date_tells_no_birth(number: str) -> None:
    assert persons.birth(number) is None
