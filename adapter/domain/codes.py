"""Pathway codes: `D11CU` is type D11 (9321), event C (9322), outcome U (9323 …); 9327 holds the combinations.

Cancer pathways (8480, A01A …) look alike and mean something else: they are never parsed here.
"""

from __future__ import annotations

import re

TYPES = ("D01", "D06", "D07", "D08", "D09", "D10", "D11", "D12")
"""9321, in force from 2019; the rules of 2025 list only those in `CURRENT_TYPES`."""

CURRENT_TYPES = ("D01", "D11", "D12")

_CODE = re.compile(r"(D\d\d)(?:([A-Z])([A-Z])?)?")


def pathway_type(code: str) -> str:
    """The pathway type of a 9321 or 9327 code, or nothing where it is none.

    >>> pathway_type("D11"), pathway_type("D11CU"), pathway_type("A16CK")
    ('D11', 'D11', '')
    """
    found = _CODE.fullmatch(code)
    return found[1] if found and found[1] in TYPES else ""
