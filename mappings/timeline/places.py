"""Places for texts: how wide they are at most, and rows in which none meets another."""

from __future__ import annotations

from collections.abc import Sequence


def lanes(items: Sequence[tuple[float, float]]) -> list[int]:
    """Rows for flags on poles, given where each begins and how wide it is; row 0 is nearest to what the poles stand on.

    A flag is further away than all that begin within its width, so that neither texts meet nor a pole crosses a text.

    >>> lanes([(0, 50), (10, 80), (70, 50), (70, 10)])
    [3, 2, 1, 0]
    """
    rows = [0] * len(items)
    for index in sorted(range(len(items)), key=lambda i: (-items[i][0], -i)):
        x, wide = items[index]
        done = [i for i, (other, _) in enumerate(items) if (other, i) > (x, index)]
        rows[index] = 1 + max((rows[i] for i in done if items[i][0] < x + wide), default=-1)
    return rows


def text_width(text: str, size: float) -> float:
    """How wide a text is at most, in the widest of the usual fonts (DejaVu Sans, bold where it matters little)."""
    return sum(_em(character) for character in text) * size


def cut(text: str, size: float, room: float) -> str:
    """A text, or as much of it as there is room for."""
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[:-1]
    return text.rstrip() + "…"


def _em(character: str) -> float:
    if character in "ijlftr":
        return 0.42
    if character in " .,:;|!'()[]-":
        return 0.41
    if character in "mwMWÆæ@%&<>+=" or (character > "\u024f" and character != "–"):
        return 1.05
    return 0.79 if character.isupper() else 0.65
