"""A rule file read value by value: what is missing, misspelt or of the wrong kind is gathered, with its file and line.

sheet = Sheet(data, place)
days = sheet.number((), table, "days")   # None where it is wrong, and a fault more
sheet.judge()                            # raises Problem with every fault
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from adapter.domain.problem import Finding, Problem
from adapter.domain.ruleset import Source, fault

Path = tuple[str | int, ...]
Place = Callable[[Path], str]
"""Gives `file:line` of a path in the data: ("limit", 3, "days")."""

UNKNOWN: Final = "unknown"
CONFIDENCES: Final = ("A", "B", "C", "D")


class Sheet:
    """The data of one file, read value by value; what is wrong gathers in `faults`."""

    def __init__(self, data: Mapping[str, Any], place: Place, *, local: bool = False) -> None:
        self.data = data
        self.place = place
        self.local = local
        self.faults: list[Finding] = []
        self.sources = self.table("sources")

    def judge(self) -> None:
        if self.faults:
            raise Problem(*self.faults)

    def wrong(self, path: Path, en: str, nb: str) -> None:
        self.faults.append(fault(self.place(path), en, nb))

    def table(self, key: str) -> Mapping[str, Any]:
        value = self.data.get(key, {})
        if isinstance(value, Mapping):
            return value
        self.wrong((key,), f"{key} is no table: write [{key}]", f"{key} er ingen tabell: skriv [{key}]")
        return {}

    def each(self, key: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            self.wrong((key,), f"{key} is no list of tables: write [[{key}]]", f"{key} er ingen liste av tabeller: skriv [[{key}]]")
            return
        for index, table in enumerate(value):
            yield (key, index), table

    def keys(self, path: Path, table: Mapping[str, Any], known: Sequence[str]) -> None:
        for key in table:
            if key not in known:
                self.wrong((*path, key), f"{key[:64]} is no key here", f"{key[:64]} er ingen nøkkel her")

    def text(self, path: Path, table: Mapping[str, Any], key: str) -> str:
        value = table.get(key)
        if isinstance(value, str) and value:
            return value
        self.wrong((*path, key), f"{key} is needed, as text", f"{key} mangler, som tekst")
        return ""

    def choice(self, path: Path, table: Mapping[str, Any], key: str, among: Sequence[str]) -> str:
        value = table.get(key)
        if isinstance(value, str) and value in among:
            return value
        listed = ", ".join(each or '""' for each in among)
        self.wrong((*path, key), f"{key} must be one of {listed}", f"{key} må være en av {listed}")
        return ""

    def optional(self, path: Path, table: Mapping[str, Any], key: str, among: Sequence[str]) -> str:
        return self.choice(path, table, key, among) if key in table else ""

    def number(self, path: Path, table: Mapping[str, Any], key: str) -> int | None:
        value = table.get(key)
        if key not in table or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        self.wrong((*path, key), f"{key} must be a number, 0 or more", f"{key} må være et tall, 0 eller mer")
        return None

    def days(self, path: Path, table: Mapping[str, Any]) -> int | None:
        """The figure of a limit; None where it is written as unknown."""
        if "days" not in table:
            self.wrong((*path, "days"), f'days is needed: a number, or "{UNKNOWN}"', f'days mangler: et tall, eller "{UNKNOWN}"')
            return None
        return None if table["days"] == UNKNOWN else self.number(path, table, "days")

    def percent(self, path: Path, table: Mapping[str, Any]) -> int | None:
        value = self.number(path, table, "target")
        if value is not None and value > 100:
            self.wrong((*path, "target"), "target is a percentage", "target er en prosent")
        return value

    def day(self, key: str) -> date | None:
        value = self.data.get(key)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        self.wrong((key,), f"{key} is needed, as a date: 2019-01-01", f"{key} mangler, som dato: 2019-01-01")
        return None

    def source(self, path: Path, table: Mapping[str, Any]) -> Source:
        """Where a rule comes from. A local one is its organisation's own word, and certain."""
        note = self.text(path, table, "note") if "note" in table else ""
        if self.local and table.get("source", "local") == "local":
            return Source("D" if table.get("days") == UNKNOWN else "A", "", note, local=True)
        confidence: Any = self.choice(path, table, "confidence", CONFIDENCES) or "D"
        if "source" not in table and confidence == "D":
            return Source(confidence, "", note, self.local)
        key = self.text(path, table, "source")
        if key and key not in self.sources:
            self.wrong((*path, "source"), f"{key[:64]} is not in [sources]", f"{key[:64]} står ikke i [sources]")
        return Source(confidence, str(self.sources.get(key, "")), note, self.local)
