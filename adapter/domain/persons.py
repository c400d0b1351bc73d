"""Norwegian person numbers: what kind a number is, and whether it is synthetic.

A number has 11 digits: a birth date with offsets, three digits, two check digits (modulus 11). Day + 40 is a D-number;
month + 80 (Tenor), + 65 (NHN) or + 40 (Dolly) is synthetic; a first digit of 8 or 9 is a felles hjelpenummer (KITH 1001:2010).
"""

from __future__ import annotations

from datetime import date
from typing import Literal

Kind = Literal["FNR", "DNR", "FHN", ""]

_SYNTHETIC = (80, 65, 40)


def kind(number: str) -> Kind:
    """FNR, DNR or FHN, or nothing where the number is none of them.

    >>> kind("13916910082"), kind("13916910083"), kind("")
    ('FNR', '', '')
    """
    if len(number) != 11 or not number.isascii() or not number.isdigit() or not _checked(number):
        return ""
    if number[0] in "89":
        return "FHN"
    day, month = int(number[:2]), _month(number)
    if not 1 <= month <= 12 or not 1 <= day % 40 <= 31:
        return ""
    return "DNR" if day > 40 else "FNR"


def synthetic(number: str) -> bool:
    """Whether a person number belongs to no one. A felles hjelpenummer tells nothing; it counts as real."""
    return kind(number) in ("FNR", "DNR") and int(number[2:4]) > 12


def birth(number: str) -> date | None:
    """The birth date in a person number; nothing where it has none (felles hjelpenummer). Digits 7-9 tell the century:
    500-749 with a year from 54 on 1800, from 500 with a year before 40 2000, all others 1900 (Skatteetaten).

    >>> birth("13916910082")
    datetime.date(1969, 11, 13)
    """
    if kind(number) not in ("FNR", "DNR"):
        return None
    day, month, year, individual = int(number[:2]) % 40, _month(number), int(number[4:6]), int(number[6:9])
    century = 1900 if individual < 500 else 2000 if year < 40 else 1800 if year >= 54 and individual < 750 else 1900
    try:
        return date(century + year, month, day)
    except ValueError:
        return None


def _month(number: str) -> int:
    month = int(number[2:4])
    return next((month - offset for offset in _SYNTHETIC if month > offset), month)


def _checked(number: str) -> bool:
    """Both check digits, modulus 11: weights 3 7 6 1 8 9 4 5 2 and 5 4 3 2 7 6 5 4 3 2, the check digit itself 1."""
    a, b, c, d, e, f, g, h, i, j, k = map(int, number)
    return (3 * a + 7 * b + 6 * c + d + 8 * e + 9 * f + 4 * g + 5 * h + 2 * i + j) % 11 == 0 and (
        5 * a + 4 * b + 3 * c + 2 * d + 7 * e + 6 * f + 5 * g + 4 * h + 3 * i + 2 * j + k
    ) % 11 == 0


def tells_birth(number: str) -> bool:
    """Whether a local help number (H-nummer) has the shape that holds a birth date: month + 40 (KITH 1001:2010)."""
    if len(number) != 11 or not number.isascii() or not number.isdigit():
        return False
    return 41 <= int(number[2:4]) <= 52 and 1 <= int(number[:2]) <= 31
