"""How texts are found: folded, so that case and accents do not matter (https://hl7.org/fhir/R4/search.html#string)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, Final

_NORDIC: Final = str.maketrans("äö", "æø")
_PARTS: Final = {
    "HumanName": ("family", "given", "text", "prefix", "suffix"),
    "Address": ("line", "city", "district", "state", "postalCode", "country", "text"),
}


def fold(text: str) -> str:
    """A text without case, accents and superfluous white space.

    å, æ and ø are letters of their own in Norwegian, no accented ones: Ås is not found by "as", nor Bø by "bo". The Swedish
    ä and ö are what they are in Norwegian, æ and ø.

    >>> fold("  Ångström  ANDRÉ"), fold("Østby-Čáhppes")
    ('ångstrøm andre', 'østby-cahppes')
    """
    if text.isascii():
        return " ".join(text.lower().split())
    whole = unicodedata.normalize("NFKC", text).casefold().translate(_NORDIC)
    return " ".join("".join(letter if letter == "å" else _bare(letter) for letter in whole).split())


def _bare(letter: str) -> str:
    if letter.isascii():
        return letter
    return "".join(mark for mark in unicodedata.normalize("NFD", letter) if not unicodedata.combining(mark))


def words(value: Mapping[str, Any], type: str) -> Iterator[str]:
    """All that a name or an address says, part by part."""
    for part in _PARTS[type]:
        found = value.get(part)
        if isinstance(found, str):
            yield found
        elif found:
            yield from (word for word in found if word)
