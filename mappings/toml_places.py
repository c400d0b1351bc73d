"""Where in a TOML file a key stands, since `tomllib` keeps no lines: `file:line`, for those who must correct it.

>>> places("x.toml", "[[limit]]\\ndays = 3")(("limit", 0, "days"))
'x.toml:2'
"""

from __future__ import annotations

import re
from collections.abc import Callable

Path = tuple[str | int, ...]


def places(name: str, text: str) -> Callable[[Path], str]:
    """Gives `name:line` of the nearest enclosing key or table that stands in the text; else the name alone."""
    lines: dict[Path, int] = {}
    table: Path = ()
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[\s*([\w-]+)\s*\]\]", line):
            seen[header[1]] = seen.get(header[1], -1) + 1
            table = (header[1], seen[header[1]])
            lines.setdefault((header[1],), number)
        elif header := re.match(r"\s*\[\s*([\w.-]+)\s*\]", line):
            table = tuple(header[1].split("."))
        elif key := re.match(r"\s*[\"']?([\w-]+)[\"']?\s*[=.]", line):
            lines.setdefault((*table, key[1]), number)
            continue
        else:
            continue
        lines.setdefault(table, number)

    def place(path: Path) -> str:
        spellings = [path, tuple(p for p in path if not isinstance(p, int))]  # [hub] once, [[hub]] by number
        for end in range(len(path), 0, -1):
            for spelling in spellings:
                if (line := lines.get(spelling[:end])) is not None:
                    return f"{name}:{line}"
        return name

    return place
