"""Persons in what is logged: national numbers, and the names and addresses of the tests' own patients.

    Scanner().found("request id=12838540056")     # {"national number"}

A number counts where its control digits are right and its first six are a date of any series: real, synthetic (month +40, +65,
+80), D-number (day +40) or H-number (month +40), or where it is a help number (it begins with 8 or 9); with a space, dot, dash or
underscore behind the date, percent-encoded, or glued to a word. Names and streets are gathered from all that tests, examples and
the sandbox make patients of. A given name by itself is an ordinary word there (Kort, Mild, Tidlig), and none.

`Collector` gathers what a whole session says, in each process of it: see `tests/conftest.py`.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import re2

from tests.national_numbers import valid

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("openapi", "corpus", "adapter/sandbox", "tests")
PERSONS = (
    re.compile(r"<(?:\w+:)?FamilyName>([^<>{}$\"]+)</"),
    re.compile(r"<(?:\w+:)?StreetAdr>([^<>{}$\"]+)</"),
    re.compile(r"[\"']?(?:family|line)[\"']?: ?\[?[\"']([^\"'{}<>\\]+)[\"']"),
)
# What these words say in a log is what they mean: roles of the test persons, and words of pages.
ORDINARY = {"Koordinator", "Pasient", "Sperret", "Prøve", "Lege", "Ukjent"}
SHORTEST = 5
NUMBER = re.compile(r"(?<!\d)(\d{6})[ ._-]?(\d{5})(?!\d)")
NOT_PERSONS = re.compile(
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"  # UUIDs
    r"|(?=[0-9]*[a-fA-F])[0-9a-fA-F]{16,}"  # digests
    r"|\d+(?:\.\d+){4,}"  # OIDs
    r"|\d\.\d{6,}"  # seconds and measures
)
LINK = re.compile(rb'"(?:url|fullUrl|next)":"([^"]{1,4000})"')
LOGS = re.compile(r"log|out|stderr|stdout|.*\.log")
LARGEST = 50_000_000
GIVEN = {"test_a_number_in_a_file_name_i": "the other side gives its file that name, which it keeps in its own folder"}
"""Tests, by the beginning of their folder's name, in which a file's name is not ours; what is logged of it is."""


@cache
def names() -> frozenset[str]:
    """Family names and streets of everyone in the tests, the examples and the sandbox."""
    found: set[str] = set()
    for folder in SOURCES:
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in (".xml", ".json", ".py", ".toml") and "node_modules" not in file.parts and file.name != "leaks.py":
                text = file.read_text("utf-8", "ignore")
                found |= {name.strip() for pattern in PERSONS for name in pattern.findall(text)}
    return frozenset(name for name in found - ORDINARY if len(name) >= SHORTEST and name[0].isupper() and not name.endswith(":"))


def is_person(date: str, rest: str) -> bool:
    """Whether eleven digits are a national number of any series."""
    day, month = int(date[:2]) % 40, int(date[2:4])
    a_date = 1 <= day <= 31 and int(date[:2]) <= 71 and any(1 <= month - added <= 12 for added in (0, 40, 65, 80))
    return (a_date or date[0] in "89") and valid(date + rest)


def _numbers(text: str) -> bool:
    return any(is_person(*number) for number in NUMBER.findall(text))


class Scanner:
    """Looks for persons in text."""

    def __init__(self) -> None:
        self._names = re2.compile(r"(?:^|[^\pL])(?:" + "|".join(re2.escape(name) for name in sorted(names())) + r")(?:$|[^\pL])")

    def found(self, text: str) -> set[str]:
        """The kinds of what is in it, never the thing itself."""
        if "%" in text or "+" in text:
            text = text + "\n" + unquote(text.replace("+", " "))
        kinds = set()
        if _numbers(text) and _numbers(NOT_PERSONS.sub("#", text)):  # the second is dear, and seldom asked
            kinds.add("national number")
        if self._names.search(text):
            kinds.add("name or street")
        return kinds


class Collector:
    """What one process of a test session has heard: how much, and where there was a person in it."""

    def __init__(self) -> None:
        self.scanner = Scanner()
        self.heard: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()

    def hear(self, kind: str, text: str, where: str = "") -> None:
        self.heard[kind] += 1
        for what in self.scanner.found(text):
            self.hits[f"{what} in {kind}: {where or os.environ.get('PYTEST_CURRENT_TEST', '').split(' (')[0]}"] += 1

    def hear_event(self, event: Any) -> None:
        """A structured log line that a test took for itself."""
        self.hear("log line", json.dumps(event, default=str, ensure_ascii=False))

    def hear_exchange(self, asked: httpx.Request, answer: httpx.Response | None, ours: bool) -> None:
        """Addresses that our own clients ask for; and what answers to others hold of addresses and figures."""
        if ours:
            self.hear("address asked for", str(asked.url))
        elif answer is not None:
            for name in ("location", "content-location", "link"):
                for value in answer.headers.get_list(name):
                    self.hear("address in an answer", value)
            if answer.is_stream_consumed:
                self._hear_body(asked, answer.content)

    def _hear_body(self, asked: httpx.Request, body: bytes) -> None:
        if asked.url.path.endswith("/metrics"):
            self.hear("figures", body.decode("utf-8", "replace"))
        elif b'"Bundle"' in body[:100] and (links := LINK.findall(body[:200_000])):
            self.hear("address in an answer", b"\n".join(links).decode("utf-8", "replace"))

    def hear_folder(self, folder: Path) -> None:
        """What processes of the tests wrote: the names of their files, and the text of their logs."""
        for file in written(folder):
            parts = [part for part in file.relative_to(folder).parts if not part.startswith("popen-gw")]  # a worker's own folder
            if not parts[0].startswith(tuple(GIVEN)):
                self.hear("file name", "/".join(parts[1:]), where=parts[0])
            if LOGS.fullmatch(file.name) and file.stat().st_size < LARGEST:
                self.hear("log file", file.read_text("utf-8", "replace"), where=f"{parts[0]} … {file.name}")


def written(folder: Path) -> Iterator[Path]:
    """The files below, those of databases and of packages left out."""
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("base", "pg_wal", "global", "node_modules", ".git", "target")]
        yield from (Path(top) / name for name in files)


def hear_clients(collector: Collector) -> None:
    """Listen to every exchange of this process; those of `adapter.http_client` are the service's own."""
    send = httpx.Client.send

    def heard(self: httpx.Client, request: httpx.Request, **how: Any) -> httpx.Response:
        ours = any(hook.__module__ == "adapter.http_client" for hook in self.event_hooks["response"])
        try:
            answer = send(self, request, **how)
        except Exception:
            collector.hear_exchange(request, None, ours)
            raise
        collector.hear_exchange(request, answer, ours)
        return answer

    httpx.Client.send = heard  # type: ignore[method-assign]
