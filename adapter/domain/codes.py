"""Pathway codes: `D11CU` is type D11 (9321), event C (9322), outcome U (9323 …); 9327 holds the combinations.

A code is read by its form alone. Which types there are says the rulebook (`adapter.domain.ruleset.Rulebook`), and which
combinations exist each rule set (`RuleSet.events`); `adapter.domain.ordering` refuses others by name.
Cancer pathways (8480, A01A …) look alike and mean something else: they are never parsed here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

OUTCOMES: Final[Mapping[str, str]] = {"C": "9323", "S": "9324", "U": "9325", "X": "9326", "H": "9328"}
"""The events that demand an outcome, and the code list that it is of. The other events have none."""

_CODE = re.compile(r"(D[0-9]{2})(?:([A-Z])([A-Z])?)?")


def pathway_type(code: str) -> str:
    """The pathway type of a code that has the form of 9321 or 9327, or nothing.

    >>> pathway_type("D11"), pathway_type("D11CU"), pathway_type("A16CK")
    ('D11', 'D11', '')
    """
    found = _CODE.fullmatch(code)
    return found[1] if found else ""


def split(code: str) -> tuple[str, str, str]:
    """Type, event and outcome of a 9327 code; three times nothing where it has not its form.

    >>> split("D11CU"), split("D06P"), split("D11"), split("A16CK")
    (('D11', 'C', 'U'), ('D06', 'P', ''), ('', '', ''), ('', '', ''))
    """
    found = _CODE.fullmatch(code)
    if not found or not found[2]:
        return "", "", ""
    return found[1], found[2], found[3] or ""


def combined(type: str, event: str, outcome: str = "") -> str:
    """The 9327 code of a type, an event and an outcome, whether or not 9327 has it.

    >>> combined("D11", "C", "U"), combined("D06", "P")
    ('D11CU', 'D06P')
    """
    return f"{type}{event}{outcome}"
