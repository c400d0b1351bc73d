"""HTML that cannot be broken out of: text from outside becomes text, and what would be invisible becomes visible.

    tag("p", "Name: ", "<b>", class_="note")    # <p class="note">Name: &lt;b&gt;</p>

Characters that draw nothing, or turn the direction of writing, can make one thing look like another (CVE-2021-42574).
They are shown as markers, ⟨U+202E⟩.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from html import escape
from typing import Final, Union

EMPTY: Final = {"br", "hr", "img", "input", "link", "meta"}
DRAWN: Final = {"\n", "\t"}
HIDDEN: Final = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Child = Union[str, int, None, Sequence["Child"]]  # noqa: UP007 - a type that holds itself cannot be written with |


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Html:
    """An element. Text is escaped; None is left out; `class_` is class, `data_x` is data-x."""
    said = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(_plain(str(value)))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{said}>" if name in EMPTY else f"<{name}{said}>{join(*children)}</{name}>")


def join(*children: Child) -> Html:
    """Elements and text after each other."""
    parts = []
    for child in children:
        if isinstance(child, Html):
            parts.append(child)
        elif isinstance(child, str | int):
            parts.append(text(str(child)))
        elif child is not None:
            parts.append(join(*child))
    return Html("".join(parts))


def text(value: str) -> Html:
    """Text from outside: escaped, its invisible characters marked."""
    if value.isprintable():  # the usual case, and fast
        return Html(escape(value))
    return Html("".join(_marked(character) if _hidden(character) else escape(character) for character in value))


def _hidden(character: str) -> bool:
    return character not in DRAWN and unicodedata.category(character) in HIDDEN


def _marked(character: str) -> str:
    name = unicodedata.name(character, "control character")
    return f'<span class="hidden-character" title="{escape(name)}">⟨U+{ord(character):04X}⟩</span>'


def _plain(value: str) -> str:
    return "".join(f"⟨U+{ord(character):04X}⟩" if _hidden(character) else character for character in value)
