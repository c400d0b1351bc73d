"""Writes `docs/asvs.md` from `docs/asvs.toml`: each requirement of OWASP ASVS 5.0, levels 1 and 2, with what proves it here.

    python tools/asvs.py [--check]

`--check` compares instead of writing, and exits 1 where they differ. Numbers and levels are the standard's; the words are ours.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "docs" / "asvs.toml"
OUT = ROOT / "docs" / "asvs.md"
CHAPTERS = {
    1: "Encoding and sanitisation",
    2: "Validation and business logic",
    3: "Web frontend",
    4: "API and web service",
    5: "Files",
    6: "Authentication",
    7: "Sessions",
    8: "Authorisation",
    9: "Self-contained tokens",
    10: "OAuth and OpenID Connect",
    11: "Cryptography",
    12: "Secure communication",
    13: "Configuration",
    14: "Data protection",
    15: "Secure coding and architecture",
    16: "Security logging and error handling",
    17: "WebRTC",
}

DOCUMENTATION = {"2.1", "5.1", "6.1", "7.1", "8.1", "11.1", "13.1", "14.1", "15.1", "16.1"}
"""The standard's sections that ask what is written down."""


@dataclass(frozen=True)
class Requirement:
    """One number of the standard. `missing` says what is not met; `reason` why it does not apply; `note` what must be known."""

    id: str
    level: int
    asks: str
    tests: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    reason: str = ""
    missing: str = ""
    note: str = ""

    @property
    def chapter(self) -> int:
        return int(self.id.split(".")[0])

    @property
    def section(self) -> str:
        return self.id.rpartition(".")[0]

    @property
    def standing(self) -> str:
        """`not met`, `not applicable`, `tests` or `document`."""
        if self.missing:
            return "not met"
        if self.reason:
            return "not applicable"
        return "tests" if self.tests else "document"


def requirements() -> list[Requirement]:
    """All of them, in the standard's order."""
    rows = tomllib.loads(DATA.read_text("utf-8"))["requirement"]
    lists = {"tests", "documents"}
    return [Requirement(**{key: tuple(value) if key in lists else value for key, value in row.items()}) for row in rows]


def page() -> str:
    found = requirements()
    parts = [INTRODUCTION, _sum(found), _open(found)]
    for number, name in CHAPTERS.items():
        rows = [one for one in found if one.chapter == number]
        parts += [f"## {number} {name}\n", "| | Level | Asks | Here |\n|---|---|---|---|"]
        parts += [f"| {one.id} | {one.level} | {one.asks} | {'<br>'.join(_here(one))} |" for one in rows]
        parts.append("")
    return "\n".join(parts)


def _here(one: Requirement) -> Iterator[str]:
    if one.missing:
        yield f"**Not met:** {one.missing}"
    if one.reason:
        yield f"*Not applicable:* {one.reason}"
    yield from (f"`{test}`" for test in one.tests)
    yield from (f"[{_short(link)}]({_short(link)})" for link in one.documents)
    if one.note:
        yield f"({one.note})"


def _short(link: str) -> str:
    """The link from this page, which lies in `docs`."""
    return link.removeprefix("docs/") if link.startswith("docs/") else f"../{link}"


def _counted(rows: Iterable[Requirement]) -> tuple[int, ...]:
    """All, not applicable, applicable; of these: by tests, by a document, not met."""
    kinds = [one.standing for one in rows]
    away = kinds.count("not applicable")
    return len(kinds), away, len(kinds) - away, kinds.count("tests"), kinds.count("document"), kinds.count("not met")


def _sum(found: list[Requirement]) -> str:
    lines = [
        "| Chapter | All | Not applicable | Applicable | By tests | By a document | Not met |",
        "|---|---|---|---|---|---|---|",
    ]
    for number, name in CHAPTERS.items():
        counts = _counted(one for one in found if one.chapter == number)
        lines.append(f"| {number} {name} | " + " | ".join(map(str, counts)) + " |")
    for level in (1, 2):
        counts = _counted(one for one in found if one.level == level)
        lines.append(f"| Level {level} | " + " | ".join(map(str, counts)) + " |")
    counts = _counted(found)
    lines.append("| **All** | " + " | ".join(f"**{count}**" for count in counts) + " |")
    _, _, applicable, tests, documents, missing = counts
    code = [one for one in found if one.standing != "not applicable" and one.section not in DOCUMENTATION]
    proven = sum(one.standing == "tests" for one in code)
    return (
        "\n".join(lines)
        + f"\n\nOf the {applicable} that apply, tests prove {tests}: {100 * tests / applicable:.1f} %; "
        + f"{documents} are met by a document, and {missing} are not met.\n"
        + f"Without the standard's sections that ask for documents alone, {len(code)} apply, and tests prove "
        + f"{proven}: {100 * proven / len(code):.1f} %.\n"
    )


def _open(found: list[Requirement]) -> str:
    rows = [f"| {one.id} | {one.level} | {one.asks} | {one.missing} |" for one in found if one.missing]
    return "\n".join(["## What is not met\n", "| | Level | Asks | What is missing |", "|---|---|---|---|", *rows, ""])


INTRODUCTION = """# OWASP ASVS 5.0, levels 1 and 2

<!-- Generated by tools/asvs.py from docs/asvs.toml; `make docs` writes it anew. -->

Every requirement of the Application Security Verification Standard 5.0.0 (OWASP, May 2025) of levels 1 and 2, by its number,
with what it asks in a few words of ours (read the standard for its own), and what shows that it is so here: tests that fail
where it is not, a document where that is what is asked for, or why it does not apply. What is not met says so; where only a
part is missing, the tests of the rest stand beside it.

Nobody but ourselves has judged this: it is a list to check us by, not a certificate. What threatens us, and what is not
stopped, is in [threat-model.md](threat-model.md). `tests/house/test_asvs.py` sees to it that no number is left out, and that
each test and place exists.

## In sum
"""


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv[1:]:
        if not OUT.exists() or OUT.read_text("utf-8") != text:
            sys.exit(f"{OUT.name} is not what docs/asvs.toml says: run `make docs`")
    else:
        OUT.write_text(text, "utf-8")
