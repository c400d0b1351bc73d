"""Content models as the message tables write them: a regular expression over one letter for each child.

>>> viable("(?:ab?(?:c|d)+e)", "abc"), viable("(?:ab?(?:c|d)+e)", "ae")
(3, 1)
"""

from __future__ import annotations

import re
from functools import cache

_TOKENS = re.compile(r"\(\?:|\)[?*+]?|\||(?:\[\w*\]|\w)[?*+]?")


def viable(model: str, letters: str) -> int:
    """How many of the children can stand as they do, from the first on: the next one cannot follow them."""
    begins = _beginnings(model).fullmatch
    low, high = 0, len(letters)
    while low < high:  # whatever a beginning begins with is one too
        middle = (low + high + 1) // 2
        low, high = (middle, high) if begins(letters[:middle]) else (low, middle - 1)
    return low


def lacking(model: str, letters: str) -> str:
    """The letters of children that would complete those that are there, each alone."""
    return "".join(letter for letter in sorted(set(re.findall(r"\w", model))) if re.fullmatch(model, letters + letter))


@cache
def _beginnings(model: str) -> re.Pattern[str]:
    """A pattern for everything that a match of the model can begin with."""
    return re.compile(_choice(_TOKENS.findall(model))[1])


def _choice(tokens: list[str]) -> tuple[str, str]:
    """The alternatives up to the closing bracket, taken from the tokens: as they are, and what they can begin with."""
    whole, begun = [], []
    while tokens and not tokens[0].startswith(")"):
        if tokens[0] == "|":
            tokens.pop(0)
        one, beginning = _sequence(tokens)
        whole.append(one)
        begun.append(beginning)
    return "|".join(whole), "|".join(begun)


def _sequence(tokens: list[str]) -> tuple[str, str]:
    parts: list[tuple[str, str]] = []
    while tokens and tokens[0] != "|" and not tokens[0].startswith(")"):
        part = tokens.pop(0)
        if part == "(?:":
            whole, begun = _choice(tokens)
            part = tokens.pop(0)
        else:
            whole = begun = part.rstrip("?*+")
        occurs = part[-1] if part[-1] in "?*+" else ""
        again = f"(?:{whole})*" if occurs in ("*", "+") else ""
        parts.append((f"(?:{whole}){occurs}", f"{again}(?:{begun})?"))
    beginning = ""
    for whole, begun in reversed(parts):
        beginning = f"(?:{whole}{beginning}|{begun})"
    return "".join(whole for whole, _ in parts), beginning
