"""A search request, from its parameters to the store's words (https://hl7.org/fhir/R4/search.html). Pure.

search = parse("Task", [("status", "requested,accepted"), ("_count", "20")], base="https://a.example/fhir")
search.query, search.count, search.kept
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.fhir.dates import between
from adapter.fhir.types import TYPES, Parameter
from adapter.ports import Query

MOST: Final = 200  # resources on a page
USUAL: Final = 50
ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
NUMBER: Final = re.compile(r"\d{6} ?\d{5}")
PERSONS: Final = {f"urn:oid:2.16.578.1.12.4.1.4.{series}" for series in (1, 2, 3)} | {"HNR"}
"""Identifier systems of persons: fødselsnummer, D-nummer, felles hjelpenummer, local help number."""

OUTCOME: Final = {"_count", "_summary", "_format", "_pretty"}

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked for. `query` is None where nothing can match; `count` is 0 where only the number is wanted.

    `kept` are the parameters that were used, for the link *self*; `private` says that one of them held a person's number.
    """

    query: Query | None
    count: int
    kept: list[tuple[str, str]] = field(default_factory=list)
    private: bool = False


def parse(type: str, pairs: Pairs, *, base: str, strict: bool = False) -> Search:
    """Read the parameters of a search. Raises `Problem` with every fault; `strict` counts an unknown parameter as one."""
    faults: list[Finding] = []
    kept: list[tuple[str, str]] = []
    query: Query | None = Query(type)
    seen: set[str] = set()
    for name, value in pairs:
        try:
            plain = _known(type, name, value)
            if plain is None:
                if strict:
                    faults.append(_unknown(type, name))
                continue
            kept.append((name, value))
            if plain.role == "identifier" and plain.role in seen:
                raise _fault(name, "may be given once: put alternatives in one, with commas", "kan gis én gang: bruk komma")
            seen.add(plain.role)
            query = _narrow(query, plain, value, base)
        except Problem as fault:
            faults += fault.findings
    try:
        count = _count(pairs)
    except Problem as fault:
        faults += fault.findings
    if faults:
        raise Problem(*faults)
    kept += [pair for pair in pairs if pair[0] in ("_count", "_summary") and pair not in kept]
    return Search(query, count, kept, any(names_person(value) for _, value in kept))


def names_person(value: str) -> bool:
    """Whether a search value holds, or may hold, a person's national number."""
    for item in _items(value):
        system, bar, code = item.rpartition("|")
        if NUMBER.fullmatch(code.strip()) or (bar and code and system in PERSONS):
            return True
    return False


def _known(type: str, name: str, value: str) -> Parameter | None:
    """The parameter of that name; None for one that is unknown. A modifier that we do not know must be refused (R4)."""
    if any(ord(character) < 32 for character in name + value):
        raise _fault("", "a parameter holds a control character: remove it", "en parameter har et kontrolltegn: fjern det")
    bare, colon, _ = name.partition(":")
    parameter = TYPES[type].get(bare)
    if colon and (parameter or bare in OUTCOME):
        raise _fault(bare, "has no modifiers here: leave it out", "har ingen modifikatorer her: utelat den")
    return parameter


def _narrow(query: Query | None, parameter: Parameter, value: str, base: str) -> Query | None:
    """`query` and also this parameter; None where nothing can match both."""
    if query is None:
        return None
    match parameter.role:
        case "id":
            ids = [item for item in _items(value) if ID.fullmatch(item)]
            both = [item for item in ids if item in query.ids] if query.ids else ids
            return replace(query, ids=tuple(both)) if both else None
        case "status":
            codes = [item.rpartition("|")[2] for item in _items(value)]
            both = [code for code in codes if code in query.statuses] if query.statuses else codes
            return replace(query, statuses=tuple(both)) if both else None
        case "identifier":
            return replace(query, identifiers=tuple(_token(item) for item in _items(value)))
        case "patient":
            patient = _patient(parameter.name, value, base)
            return replace(query, patient=patient) if patient and query.patient in ("", patient) else None
        case "updated":
            since, before = between(value)
            return replace(query, since=_latest(query.since, since), before=_earliest(query.before, before))


def _token(item: str) -> tuple[str | None, str | None]:
    """system|value, |value (no system), value (any system), system| (any value)."""
    system, bar, value = item.partition("|")
    if not bar:
        return None, system
    if not system and not value:
        raise _fault("identifier", "is empty: write system|value", "er tom: skriv system|verdi")
    return system, value or None


def _patient(name: str, value: str, base: str) -> str:
    """The Patient id of a reference; empty where it is something else's, or another server's."""
    items = _items(value)
    if len(items) > 1:
        raise _fault(name, "takes one patient: search for each", "tar én pasient: søk etter hver")
    reference = items[0].removeprefix(f"{base}/").removeprefix("Patient/")
    return reference if ID.fullmatch(reference) else ""


def _count(pairs: Pairs) -> int:
    summary = [value for name, value in pairs if name == "_summary"]
    if any(value not in ("count", "true", "text", "data", "false") for value in summary):
        raise _fault("_summary", "is count, or left out", "er count, eller utelates")
    counts = [value for name, value in pairs if name == "_count"]
    if any(not re.fullmatch(r"[0-9]{1,18}", value) for value in counts):
        raise _fault("_count", f"is a number from 0 to {MOST}", f"er et tall fra 0 til {MOST}")
    if "count" in summary:
        return 0
    return min(MOST, *(int(value) for value in counts)) if counts else USUAL


def _items(value: str) -> list[str]:
    r"""Alternatives are divided by commas; `\,` is a comma that is meant."""
    return [re.sub(r"\\([\\,|$])", r"\1", item) for item in re.split(r"(?<!\\),", value) if item] or [""]


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(_said(one, other), default=None)


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(_said(one, other), default=None)


def _said(*moments: datetime | None) -> Iterable[datetime]:
    return [moment for moment in moments if moment is not None]


def _unknown(type: str, name: str) -> Finding:
    known = ", ".join([*TYPES[type], "_count", "_summary"])
    en = f"There is no such search parameter for {type}: use {known}, or leave out Prefer: handling=strict."
    nb = f"{type} har ingen slik søkeparameter: bruk {known}, eller utelat Prefer: handling=strict."
    return Finding("error", Kind.INVALID, en, nb, "http." + re.sub(r"[^A-Za-z0-9_.:-]", "?", name)[:64])


def _fault(name: str, en: str, nb: str) -> Problem:
    return problem(Kind.INVALID, f"{name} {en}.".strip(), f"{name} {nb}.".strip(), where=f"http.{name}" if name else "")
