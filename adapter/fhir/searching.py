"""Search, from a request's parameters to the Bundle that answers it (https://hl7.org/fhir/R4/http.html#search).

    with store.read() as unit:
        body = search(unit, visit, "Task", [("status", "requested")], base=base, key=key, strict=False, private=False, now=now)

`query_of` and `criteria` are the same for conditional interactions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from adapter.domain.problem import Finding, Kind, problem
from adapter.fhir import bundles
from adapter.fhir.chains import ends
from adapter.fhir.compartments import Within
from adapter.fhir.includes import MOST_INCLUDED, ROUNDS, beside
from adapter.fhir.links import LONGEST, seal, unseal
from adapter.fhir.results import MOST, Pairs
from adapter.fhir.rights import require
from adapter.fhir.search import PAGE, Search, criteria, names_person, pairs_of, parse, query_of, refuse_person
from adapter.fhir.shaping import shape
from adapter.fhir.types import TYPES
from adapter.ports import Page, Query, Stored, Unit
from adapter.security.trail import is_telling
from adapter.security.visit import Visit

__all__ = ["criteria", "pairs_of", "query_of", "refuse_person", "search"]

COUNTED: Final = 1_000  # matches that are counted unasked
PERSONAL: Final = ("patient", "subject")
PRIVATE: Final = 100  # resources that a search by a person's number gives at most


def search(
    unit: Unit,
    visit: Visit,
    type: str,
    pairs: Pairs,
    *,
    base: str,
    key: bytes,
    strict: bool,
    private: bool,
    now: datetime,
    within: Within | None = None,
) -> bytes:
    """The searchset Bundle (JSON) of a search among resources of a type that is served, or among those `within` a compartment.

    `key` encrypts the links of further pages, which are good for some hours from `now` and for this caller alone; `private`
    says that the parameters stand in no address, so that they may hold a person's number, and that no link repeats what may
    tell of one. Raises `Problem`: INVALID with all that is wrong, NOT_FOUND for the link of a page that is no such.
    """
    if not private:
        refuse_person(pairs)
    caller, tenant = visit.caller, visit.caller.tenant
    visit.trail.query(pairs)
    token = next((value for name, value in pairs if name == PAGE), "")
    path = within.path if within else type
    here = _opened(unseal(key, caller.mark, token, now), path) if token else None
    wanted = parse(type, here.kept, base=base) if here else parse(type, pairs, base=base, strict=strict)
    if within:
        wanted = replace(wanted, query=replace(wanted.query, clauses=(within.clause, *wanted.query.clauses)))
    for end in ends(wanted.query.through):
        require(caller, end.type, "s")
    for person in _persons(wanted.query):
        visit.trail.withheld(person)
    query, count = wanted.query, wanted.result.count
    page = Page(())
    if count:
        limit = PRIVATE if wanted.private else count
        page = unit.search(tenant, replace(query, after=here.after if here else None, limit=limit))
    total = here.total if here else _total(unit, tenant, query, wanted, page)
    links = [("self", _address(f"{base}/{path}", [(PAGE, token)] if here else _shown(wanted, private=private)))]
    if rest := _rest(wanted, page, total):
        sealed = _sealed(key, caller.mark, path, rest, now)
        links.append(("next", _address(f"{base}/{path}", [(PAGE, sealed), *_form(wanted)])))
    found = page.found[:count]
    readable = [type for type in TYPES if caller.access.allows(type, "r")]
    included, whole = beside(unit, tenant, found, wanted.result.includes, readable, base=base)
    visit.trail.saw("R", [*found, *included])
    told = [*wanted.ignored, *_cut_short(matches=wanted.private and page.next is not None, included=not whole)]
    elements = wanted.result.elements
    return bundles.searchset(
        base, _shaped(found, wanted, elements), total, links, included=_shaped(included, wanted, ()), told=told
    )


def _persons(wanted: Query) -> Iterator[str]:
    """The patients whom a search names, as `Stored.patient` has them: they are asked about, also where nothing but a number of
    matches is given, or none.
    """
    queries = [wanted, *ends(wanted.through)]
    for of, clause in ((query.type, clause) for query in queries for clause in query.clauses):
        name, bar, _ = clause.parameter.partition(":")
        by_number = name == "identifier" if of == "Patient" else bool(bar) and name in PERSONAL
        if by_number:
            yield from (f"{match.system or ''}|{match.value}" for match in clause.any_of if match.value)
        elif name == "_id" if of == "Patient" else name in PERSONAL:
            yield from (match.value for match in clause.any_of if match.value)


class _Place(NamedTuple):
    """Where a page begins: the parameters that still count, where the store goes on, and the total if it is known."""

    kept: list[tuple[str, str]]
    after: Sequence[Any] | None
    total: int | None


def _total(unit: Unit, tenant: str, query: Query, wanted: Search, page: Page) -> int | None:
    """How many match: where it costs little, or was asked for (https://hl7.org/fhir/R4/search.html#total)."""
    asked, count = wanted.result.total, wanted.result.count
    if count and asked == "none":
        return None
    if count and page.next is None:
        return len(page.found)
    if not count or asked:
        return unit.count(tenant, query)
    if query.through:  # asked of each resource, where what it leads to is much: more than a page of it is not counted unasked
        return None
    number = unit.count(tenant, query, COUNTED + 1)
    return number if number <= COUNTED else None


def _rest(wanted: Search, page: Page, total: int | None) -> _Place | None:
    """Where the next page begins; None after the last. A search by a person's number goes on by ids."""
    if wanted.private:
        ids = ",".join(one.id for one in page.found[wanted.result.count :])
        return _Place([("_id", ids), *wanted.result.kept], None, total) if ids else None
    return _Place(wanted.kept, page.next, total) if page.next is not None else None


def _sealed(key: bytes, mark: str, path: str, place: _Place, now: datetime) -> str:
    token = seal(key, mark, {"of": "search", "type": path, **place._asdict()}, now)
    if len(token) > LONGEST:
        raise problem(
            Kind.INVALID,
            f"The search is too long to be given in pages: ask for all on one (_count, at most {MOST}), or for less.",
            f"Søket er for langt til å gis i sider: be om alt på én (_count, høyst {MOST}), eller om mindre.",
            where="http._count",
        )
    return token


def _opened(content: dict[str, Any], path: str) -> _Place:
    if (content.pop("of"), content.pop("type")) != ("search", path):
        raise problem(
            Kind.NOT_FOUND,
            "This page link is of another search: follow it as it was given.",
            "Denne sidelenken hører til et annet søk: følg den slik den ble gitt.",
            where=f"http.{PAGE}",
        )
    return _Place([(name, value) for name, value in content["kept"]], content["after"], content["total"])


def _shown(wanted: Search, *, private: bool) -> Pairs:
    """What was used, without persons' numbers; of what stood in no address, what tells of no person."""
    return [(name, value) for name, value in wanted.kept if not names_person(value) and (is_telling(name) or not private)]


def _form(wanted: Search) -> Pairs:
    """What HTTP's side reads of the address, on every page."""
    return [(name, value) for name, value in wanted.kept if name in ("_format", "_pretty")]


def _address(path: str, parameters: Pairs) -> str:
    return f"{path}?{urlencode(parameters)}" if parameters else path


def _cut_short(*, matches: bool, included: bool) -> Iterator[Finding]:
    """What is told where a bound was met."""
    if matches:
        en, nb = (
            f"The first {PRIVATE} matches are given: narrow the search.",
            f"De første {PRIVATE} treffene er gitt: snevre inn søket.",
        )
        yield Finding("warning", Kind.TOO_COSTLY, en, nb)
    if included:
        en = f"There may be more to include: at most {MOST_INCLUDED} resources and {ROUNDS} steps are given. Take smaller pages."
        nb = f"Det kan være mer å ta med: høyst {MOST_INCLUDED} ressurser og {ROUNDS} steg gis. Be om mindre sider."
        yield Finding("warning", Kind.TOO_COSTLY, en, nb, "http._include")


def _shaped(resources: Iterable[Stored], wanted: Search, elements: Sequence[str]) -> Iterable[Stored]:
    """As stored, byte for byte, but where a part is asked for."""
    summary = wanted.result.summary
    if not summary and not elements:
        return resources
    return [replace(one, body=shape(one.body, one.type, summary=summary, elements=elements)) for one in resources]
