"""Confidential addresses (adressesperre): who is protected, and what gives a place away.

Three levels, the strictest first: *strictly-confidential* (strengt fortrolig, the former kode 6), *confidential* (fortrolig, kode
7), *client-address* (klientadresse: an institution whose address tells why somebody lives there). For us they mean the same: what
gives the place away is not kept. Source: Normen, faktaark 55 ("adresse eller andre geolokaliserende opplysninger").

>>> words = [Word("STRENGT FORTROLIG", "strictly-confidential"), Word("FORTROLIG", "confidential")]
>>> level_in(["c/o Strengt  fortrolig"], words), level_in(["Fortrolighetsveien 6"], words)
('strictly-confidential', '')
>>> landline("+47 22 00 00 00"), landline("tel:+4790000000")
(True, False)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

LEVELS: Final = ("strictly-confidential", "confidential", "client-address")
"""The strictest first. The same codes as the code system address-protection."""

_NOT_A_WORD: Final = re.compile(r"[\W_]+")
_NATIONAL: Final = re.compile(r"(?:(?:\+|00)47)?([2-9]\d{7})")


@dataclass(frozen=True, slots=True)
class Word:
    """A phrase that, written where an address should be, says that there is none to be told."""

    phrase: str
    level: str


BETWEEN = "\n"  # no word goes over it


def strictest(levels: Iterable[str]) -> str:
    """The strictest of some levels; empty where there is none."""
    given = set(levels)
    return next((level for level in LEVELS if level in given), "")


def level_in(texts: Iterable[str], words: Sequence[Word]) -> str:
    """What the parts of an address say of its protection: whole words, in any case, whatever stands between them."""
    plain = BETWEEN.join(f" {_NOT_A_WORD.sub(' ', text.upper())} " for text in texts if text)
    return strictest(word.level for word in words if f" {word.phrase} " in plain)


def landline(number: str) -> bool:
    """Whether a telephone number tells where its owner lives: eight digits that begin with 2, 3, 5, 6 or 7.

    Those of mobile telephones begin with 4 or 9. Source: the Norwegian numbering plan (Nkom, forskrift om nummerressurser).
    """
    found = _NATIONAL.fullmatch(re.sub(r"[^\d+]", "", number))
    return bool(found) and found[1][0] in "23567"  # type: ignore[index]
