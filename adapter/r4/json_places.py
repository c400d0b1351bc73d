"""Where values begin in a text that is JSON: those that are asked for alone, so that a large body costs little.

What holds none of them is passed over by the standard library's C scanner.

>>> begins('{"a": [1, 2], "b": 3}', [("a", 1)])
{(): 0, ('a',): 1, ('a', 1): 10}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from adapter.r4.json_scan import Path

_BLANK: Final = re.compile(r"[ \t\n\r]*+")
_DECODER: Final = json.JSONDecoder(parse_float=str)


def begins(text: str, wanted: Iterable[Path]) -> dict[Path, int]:
    """Each wanted value that is there, and what it lies in: where it begins, a member of an object with its name.

    The text has been parsed: it is JSON, and no object of it has a name twice.
    """
    tree: dict[str | int, Any] = {}
    for path in wanted:
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    at = _blank(text, 0)
    found: dict[Path, int] = {(): at}
    _inside(text, at, tree, (), found)
    return found


def _inside(text: str, at: int, tree: dict[str | int, Any], path: Path, found: dict[Path, int]) -> None:
    """Finds what the tree names in the object or array that begins there; it ends with the last of it."""
    is_object = text[at] == "{"
    if not is_object and text[at] != "[":
        return
    at, number = _blank(text, at + 1), 0
    while tree and text[at] not in "]}":
        begun, name = at, number
        if is_object:
            name, at = _DECODER.raw_decode(text, at)
            at = _blank(text, _blank(text, at) + 1)
        if (below := tree.pop(name, None)) is not None:
            found[*path, name] = begun
            _inside(text, at, below, (*path, name), found)
        if tree:
            at = _blank(text, _DECODER.raw_decode(text, at)[1])
            at, number = _blank(text, at + 1) if text[at] == "," else at, number + 1


def _blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at
