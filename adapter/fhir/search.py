"""A search request, from its parameters to what the store is asked and how the answer is given. Pure.

    search = parse("Task", [("status", "requested,accepted"), ("_count", "20")], base="https://a.example/fhir")
    search.query, search.result.count, search.kept

https://hl7.org/fhir/R4/search.html. An unknown parameter is left out and told of, or with handling=strict refused (#errors).
A modifier that we do not have, and a chain that cannot be followed, are refused always: without it the search would be wider.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.fhir.chains import chained, ends, is_chain
from adapter.fhir.clauses import ALTERNATIVES, ID, clause, fault, parts, shown, too_many, warning
from adapter.fhir.results import MOST, USUAL, Pairs, Result, read
from adapter.fhir.types import RESULT, TYPES
from adapter.ports import Clause, Query, Through
from adapter.r4.systems import canonical_system

__all__ = [
    "ID",
    "MOST",
    "PAGE",
    "USUAL",
    "Pairs",
    "Search",
    "criteria",
    "names_person",
    "pairs_of",
    "parse",
    "query_of",
    "refuse_person",
]

PARAMETERS: Final = 100  # in one search
CLAUSES: Final = 30  # of these, that say what is searched for
PAGE: Final = "_page"
NUMBER: Final = re.compile(r"\d{6} ?\d{5}")
PERSONS: Final = {f"urn:oid:2.16.578.1.12.4.1.4.{series}" for series in (1, 2, 3)} | {"HNR"}
"""Identifier systems of persons: fødselsnummer, D-nummer, felles hjelpenummer, local help number."""


@dataclass(frozen=True, slots=True)
class Search:
    """What was asked for: of the store, and of the result.

    `kept` are the parameters that were used, for the link *self*; `ignored` tells of the others. `private` says that one of
    those kept holds a person's number.
    """

    query: Query
    result: Result
    kept: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[Finding] = field(default_factory=list)
    private: bool = False


def pairs_of(encoded: str) -> list[tuple[str, str]]:
    """Names and values of a query or a form, empty values among them. INVALID for more than `PARAMETERS`."""
    try:
        return parse_qsl(encoded, keep_blank_values=True, max_num_fields=PARAMETERS)
    except ValueError:
        en, nb = f"More than {PARAMETERS} parameters: send fewer.", f"Flere enn {PARAMETERS} parametere: send færre."
        raise problem(Kind.INVALID, en, nb) from None


def names_person(value: str) -> bool:
    """Whether a search value holds, or may hold, a person's national number."""
    for item in value.split(","):
        system, code = parts(item)
        if NUMBER.fullmatch(code.rpartition("|")[2].strip()) or (code and canonical_system(system or "") in PERSONS):
            return True
    return False


def refuse_person(pairs: Pairs) -> None:
    """Raises `Problem` for a national number in an address, where it ends up in logs and histories on its way."""
    for name, value in pairs:
        if names_person(value):
            raise problem(
                Kind.INVALID,
                "A national identity number may not stand in an address: send the search by POST [type]/_search.",
                "Et fødselsnummer eller annet personnummer kan ikke stå i en adresse: send søket med POST [type]/_search.",
                where=f"http.{name}" if any(name in parameters for parameters in TYPES.values()) else "http.identifier",
                rule="HL7 Norway best practice: FNR and DNR, GET versus POST",
            )


def parse(type: str, pairs: Pairs, *, base: str, strict: bool = False) -> Search:
    """Read the parameters of a search. Raises `Problem` with every fault; `strict` counts what would be left out as one."""
    clauses: list[Clause] = []
    through: list[Through] = []
    kept: list[tuple[str, str]] = []
    ignored: list[Finding] = []
    faults: list[Finding] = []
    for name, value in pairs:
        try:
            _refuse_controls(name, value)
            if name.partition(":")[0] in RESULT:
                continue
            if unused := _unused(type, name, value):
                ignored.append(unused)
                continue
            kept.append((name, value))
            if is_chain(type, name):
                through.append(chained(type, name, value, base=base))
            elif made := clause(type, name, value, base=base):
                clauses.append(made)
        except Problem as wrong:
            faults += wrong.findings
    if not faults:
        faults += _too_many(clauses, through)
    result = read(type, pairs)
    ignored += result.ignored
    faults += result.faults + [replace(one, severity="error") for one in ignored if strict]
    if faults:
        raise Problem(*faults)
    query = Query(type, tuple(clauses), result.sort, through=tuple(through))
    return Search(query, result, kept + result.kept, ignored, any(names_person(value) for _, value in kept))


def _too_many(clauses: Sequence[Clause], through: Sequence[Through]) -> Sequence[Finding]:
    """A search that asks for more at once than anybody means, and every resource is asked."""
    if len(clauses) + len(through) > CLAUSES:
        en, nb = f"The search asks more than {CLAUSES} things: ask fewer.", f"Søket spør om mer enn {CLAUSES} ting: spør om færre."
        return problem(Kind.INVALID, en, nb).findings
    last = [*clauses, *(clause for end in ends(through) for clause in end.clauses)]
    many = sum(len(clause.any_of) for clause in last) > ALTERNATIVES
    return too_many(max(last, key=lambda clause: len(clause.any_of)).parameter).findings if many else ()


def query_of(type: str, pairs: Pairs, *, base: str) -> Query:
    """The criteria of a conditional interaction (https://hl7.org/fhir/R4/http.html#ccreate): what must be matched.

    Raises `Problem` where a parameter is unknown or empty, is one of the result, or where there is none: what is left out
    of such criteria would change another resource than was meant.
    """
    for name, _ in pairs:
        if name.partition(":")[0] in RESULT:
            raise fault(name, "says nothing of what is meant: leave it out", "sier ikke hva som menes: utelat den")
    if not pairs:
        en, nb = "The criteria are empty: name at least one search parameter.", "Kriteriene er tomme: angi minst én søkeparameter."
        raise problem(Kind.INVALID, en, nb, rule="https://hl7.org/fhir/R4/http.html#ccreate")
    search = parse(type, pairs, base=base, strict=True)
    if search.query.through:
        en, nb = "is a chain: name what the resource itself has", "er en kjede: angi det ressursen selv har"
        raise fault(search.query.through[0].parameter, en, nb, rule="https://hl7.org/fhir/R4/http.html#ccreate")
    return search.query


def criteria(text: str, type: str, *, base: str) -> list[tuple[str, str]]:
    """The parameters of criteria as they are sent: `a=b&c=d`, `?a=b`, `Type?a=b`, or the whole address, as HAPI has it.

    Whatever host an address names, it was sent to us: clients know us by several. Raises `Problem` (INVALID) for another type.

    >>> criteria("https://a.example/fhir/Task?identifier=urn:a%7C1", "Task", base="https://a.example/fhir")
    [('identifier', 'urn:a|1')]
    """
    before, mark, query = text.strip().partition("?")
    if not mark or "=" in before:
        return _meant(text.strip())
    own = {"", type, f"/{type}", f"{urlsplit(base).path}/{type}"}
    if (urlsplit(before).path if "://" in before else before) not in own:
        raise problem(
            Kind.INVALID,
            f"The criteria are of something else than {type} here: write parameter=value, or {type}?parameter=value.",
            f"Kriteriene gjelder noe annet enn {type} her: skriv parameter=verdi eller {type}?parameter=verdi.",
            rule="https://hl7.org/fhir/R4/http.html#ccreate",
        )
    return _meant(query)


def _meant(query: str) -> list[tuple[str, str]]:
    """Without the format, which HAPI sends along whatever it asks."""
    return [(name, value) for name, value in pairs_of(query) if name not in ("_format", "_pretty")]


def _refuse_controls(name: str, value: str) -> None:
    if any(ord(character) < 32 for character in name + value):
        raise fault(name, "holds a control character: remove it", "har et kontrolltegn: fjern det")


def _unused(type: str, name: str, value: str) -> Finding | None:
    """What is told of a parameter that is left out; None for one that is known and says something."""
    bare = name.partition(":")[0]
    if bare not in TYPES[type] and not is_chain(type, name):
        known = ", ".join(sorted(TYPES[type]))
        en = f"is no search parameter of {type} and does not count. There are {known}"
        return warning(shown(name), en, f"er ingen søkeparameter for {type} og teller ikke. Det finnes {known}")
    if not value.strip(","):
        return warning(name, "has no value and does not count", "har ingen verdi og teller ikke")
    return None
