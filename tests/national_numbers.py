"""Synthetic Norwegian national numbers: check digits, series, and numbers made for tests and examples.

Eleven digits DDMMYYiiikk; the two last are check digits, modulus 11 (KITH 1001:2010). A D-number has 40 added to the
day, an H-number 40 to the month, a *felles hjelpenummer* begins with 8 or 9. The synthetic series add 80 to the month
(the tax administration's test population) or 65 (the health network's): no living person can have such a number.

>>> make(12, 3, 1985, "female")
'12838540056'
>>> valid("12838540056"), synthetic("12838540056"), kind("12838540056")
(True, True, 'FNR')
"""

from __future__ import annotations

from typing import Literal

_FIRST = (3, 7, 6, 1, 8, 9, 4, 5, 2)
_SECOND = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def _check_digit(digits: str, weights: tuple[int, ...]) -> int:
    rest = sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11
    return 0 if rest == 0 else 11 - rest


def valid(number: str) -> bool:
    """Whether the number has eleven digits of which the last two are right."""
    if len(number) != 11 or not number.isdecimal():
        return False
    first = _check_digit(number[:9], _FIRST)
    second = _check_digit(number[:9] + str(first), _SECOND) if first < 10 else 10
    return number[9:] == f"{first}{second}"


def synthetic(number: str) -> bool:
    """Whether the number's month has 80 or 65 added, so that it can belong to no living person."""
    return 80 < int(number[2:4]) <= 92 or 65 < int(number[2:4]) <= 77


def kind(number: str) -> Literal["FNR", "DNR", "FHN"]:
    """The code of 8116 that the number's own digits say."""
    if number[0] in "89":
        return "FHN"
    return "DNR" if number[0] in "4567" else "FNR"


def make(day: int, month: int, year: int, sex: Literal["male", "female"], *, dnr: bool = False, skip: int = 0) -> str:
    """The first synthetic number (month + 80) with valid check digits for that birth date and sex; `skip` leaves some out."""
    low = 500 if year >= 2000 else 400
    date = f"{day + (40 if dnr else 0):02d}{month + 80:02d}{year % 100:02d}"
    for individual in range(low, low + 100):
        if (individual % 2 == 1) != (sex == "male"):
            continue
        body = f"{date}{individual % 1000:03d}"
        first = _check_digit(body, _FIRST)
        second = _check_digit(body + str(first), _SECOND) if first < 10 else 10
        if second == 10:
            continue
        if skip == 0:
            return f"{body}{first}{second}"
        skip -= 1
    raise LookupError("no number left for that date and sex")


def make_fhn(serial: int) -> str:
    """A *felles hjelpenummer* with valid check digits; it says nothing about birth or sex."""
    for candidate in range(serial, serial + 50):
        body = f"8{candidate % 10**8:08d}"
        first = _check_digit(body, _FIRST)
        second = _check_digit(body + str(first), _SECOND) if first < 10 else 10
        if second < 10:
            return f"{body}{first}{second}"
    raise LookupError("no number left near that serial")
