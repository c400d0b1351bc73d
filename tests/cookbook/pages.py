"""The pages of docs/cookbook, as a reader takes them: programs to save under their name, commands to run, and what they answer.

A program is a block whose first line is a comment with its file's name (`# find.py`, `// Find.java`). A block of `sh` is run in the
folder where the programs stand, and the block of `text` after it is what it says; `…` is what differs each time.

>>> page = Page.of("page", '''```js
... // hello.mjs
... console.log("hello", Date.now());
... ```
... ```sh
... node hello.mjs
... ```
... ```text
... hello …
... ```''')
>>> list(page.programs), page.commands
(['hello.mjs'], [('node hello.mjs\\n', 'hello …\\n')])
>>> answers("hello …\\n", "hello 1767225600000\\n"), answers("hello …\\n", "goodbye\\n")
(True, False)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COOKBOOK = Path(__file__).resolve().parent.parent.parent / "docs" / "cookbook"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"(?:#|//) ([\w-]+\.\w+)\b")


@dataclass(frozen=True)
class Page:
    """`programs` by file name, `commands` each with what it answers."""

    name: str
    programs: Mapping[str, str]
    commands: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, name: str, text: str) -> Page:
        programs, commands = dict[str, str](), list[tuple[str, str]]()
        blocks = [(kind, content) for kind, content in BLOCK.findall(text)]
        for number, (kind, content) in enumerate(blocks):
            if kind == "sh":
                after, said = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
                commands.append((content, said if after == "text" else ""))
            elif kind != "text" and (found := NAME.match(content)):
                programs[found[1]] = content
        return cls(name, programs, commands)


def pages() -> list[Page]:
    """All, in their order."""
    return [Page.of(file.stem, file.read_text("utf-8")) for file in sorted(COOKBOOK.glob("[0-9]*.md"))]


def answers(shown: str, said: str) -> bool:
    """Whether what was said is what is shown, line by line, but for `…`."""
    pattern = ".*?".join(re.escape(part) for part in shown.split("…"))
    return re.fullmatch(pattern, said, re.DOTALL) is not None
