"""$everything: all of a patient's record, or all of one pathway, with whom and what it refers to.

GET or POST /fhir/Patient/[id]/$everything (https://hl7.org/fhir/R4/patient-operation-everything.html) gives the patient
compartment; /fhir/EpisodeOfCare/[id]/$everything, which is ours, what refers to the pathway and what that refers to. Beside both
stand the Provenance of what is given and the persons, organisations and places that it names. Only what the caller may see is
given: types that may not be searched for or read are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from adapter.domain.problem import Finding, Kind
from adapter.fhir import bundles
from adapter.fhir.clauses import fault
from adapter.fhir.compartments import CRITERIA, within
from adapter.fhir.dates import matches
from adapter.fhir.face import Answer, Asked, Face, not_found
from adapter.fhir.gathering import Place, gathered, next_link, opened
from adapter.fhir.includes import references
from adapter.fhir.inputs import inputs
from adapter.fhir.search import PAGE, refuse_person
from adapter.fhir.types import TYPES, targets
from adapter.ports import Clause, Match, Page, Query, Stored, Unit

MOST: Final = 1_000  # resources that are found on a page, where no less is asked for; a whole pathway has far fewer
KINDS: Final = {"start": "text", "end": "text", "_since": "text", "_type": "texts", "_count": "number"}
SUPPORT: Final = tuple(type for type in TYPES if type not in CRITERIA)
"""Types of nobody's record: persons at work, organisations, places."""

FOUND: Final = CRITERIA.keys() - {"Provenance"}
"""Types that are in a patient's record by what they say themselves, and not because something there has or names them."""

MORE: Final = Finding(
    "warning",
    Kind.TOO_COSTLY,
    f"There is more Provenance of this: {MOST} are given. Take smaller pages (_count).",
    f"Det finnes mer Provenance for dette: {MOST} er gitt. Be om mindre sider (_count).",
    "http._count",
)
CARE: Final = {
    "AllergyIntolerance": "date",
    "CarePlan": "date",
    "CareTeam": "date",
    "Communication": "sent",
    "Condition": "onset-date",
    "Consent": "date",
    "DocumentReference": "date",
    "Encounter": "date",
    "EpisodeOfCare": "date",
    "Flag": "date",
    "Goal": "start-date",
    "MedicationStatement": "effective",
    "Observation": "date",
    "ServiceRequest": "authored",
    "Task": "period",
}
"""Type -> the parameter that says when the care was that it tells of: what `start` and `end` are about."""


def everything(face: Face, asked: Asked, data: bytes) -> Answer:
    """A searchset of all of it; in pages where `_count`, or its size, makes them. NOT_FOUND for what is not there."""
    path = f"{asked.type}/{asked.id}/$everything"
    refuse_person(asked.pairs)
    pairs = [(name, value) for name, value in asked.pairs if name != PAGE]
    token = next((value for name, value in asked.pairs if name == PAGE), "")
    asked.trail.query(pairs)
    with asked.store.read() as unit:
        stored = unit.read(asked.caller.tenant, asked.type, asked.id)
        if stored is None:
            raise not_found()
        asked.trail.saw("R", [stored])
        here = opened(face, asked, path, token) if token else Place(0, None, _kept(replace(asked, pairs=pairs), data))
        given = _Given(here.kept)
        queries = list(_queries(asked, given))
        place: Place | None = here
        found, beside = list[Stored](), list[Stored]()
        while place and not (found or beside):  # of what is looked for perhaps nothing is to be given
            looked, place = gathered(unit, asked.caller.tenant, queries, place, given.count)
            origins = _origins(unit, asked.caller.tenant, looked)
            some = _beside(unit, asked, looked, origins.found, face.base)
            found, beside = ([one for one in each if given.wants(one)] for each in (looked, some))
    asked.trail.saw("R", [*found, *beside])
    links = [("self", f"{face.base}/{path}"), *next_link(face, asked, path, place)]
    told = [MORE] if origins.next is not None else []
    return Answer(200, bundles.searchset(face.base, found, None, links, included=beside, told=told))


def _kept(asked: Asked, data: bytes) -> list[tuple[str, str]]:
    """What was given, by address or body, as pairs: a link to a further page holds them."""
    given = inputs(asked, data, KINDS)
    texts = [(name, given.text(name)) for name in ("start", "end", "_since") if name in given]
    count = given.number("_count")
    return [*texts, *(("_type", one) for one in given.texts("_type")), *([("_count", str(count))] if count is not None else [])]


class _Given:
    """The parameters, read. INVALID where one cannot be."""

    def __init__(self, kept: Sequence[tuple[str, str]]) -> None:
        said = dict(kept)
        self.types = {type for name, value in kept if name == "_type" for type in value.split(",")}
        if unknown := self.types - TYPES.keys():
            known = ", ".join(TYPES)
            raise fault("_type", f"names {len(unknown)} types that are not served. There are {known}", f"tar bare {known}")
        self.count = min(int(said["_count"]), MOST) if "_count" in said else MOST
        if not self.count:
            raise fault("_count", f"is a number from 1 to {MOST}", f"er et tall fra 1 til {MOST}")
        self.since = _bounds("_since", said["_since"])[0] if "_since" in said else None
        self.start = _bounds("start", said["start"])[0] if "start" in said else None
        self.end = _bounds("end", said["end"])[1] if "end" in said else None

    def wants(self, one: Stored) -> bool:
        """Whether it is given. It is looked for in any case: there may be what is beside it (a new Provenance of an old Task)."""
        return (not self.types or one.type in self.types) and (self.since is None or one.updated >= self.since)

    def clauses(self, type: str) -> Iterator[Clause]:
        """What is asked of resources of a type. What says no time of care is not outside one."""
        if type in CARE and self.start:
            yield Clause(CARE[type], [Match(high_to=self.start)], negated=True)
        if type in CARE and self.end:
            yield Clause(CARE[type], [Match(low_from=self.end)], negated=True)


def _bounds(name: str, value: str) -> tuple[datetime, datetime]:
    """The first moment of a date or time, and the first after it."""
    if not value[:1].isdigit():
        raise fault(name, "is a date or a time, without a prefix", "er en dato eller et tidspunkt, uten prefiks")
    (match,) = matches(value, name=name, moment=True)
    assert match.low_from is not None and match.low_before is not None  # noqa: S101, PT018 - as `dates` makes them
    return match.low_from, match.low_before


def _queries(asked: Asked, given: _Given) -> Iterator[Query]:
    """What is found, type by type: the record, or what refers to the pathway, and first the pathway itself."""
    alone = asked.type == "Patient" and given.types and given.types <= FOUND  # nothing of these is beside something else
    for type, clause in _parts(asked):
        if (not alone or type in given.types) and (type == asked.type or asked.caller.access.allows(type, "s")):
            yield Query(type, (clause, *given.clauses(type)))


def _parts(asked: Asked) -> Iterator[tuple[str, Clause]]:
    if asked.type == "Patient":
        yield from ((type, within(type, asked.id).clause) for type in sorted(CRITERIA, key=lambda type: type != "Patient"))
        return
    yield asked.type, Clause("_id", [Match(value=asked.id)])
    for type in TYPES:
        if names := [name for name in TYPES[type] if asked.type in targets(type, name)]:
            yield type, Clause(names[0], [Match(asked.type, asked.id)], others=names[1:])


def _beside(unit: Unit, asked: Asked, found: Sequence[Stored], origins: Sequence[Stored], base: str) -> list[Stored]:
    """The Provenance of what is found, and what these refer to: of a pathway all, then persons, organisations and places."""
    known = {(one.type, one.id) for one in found}

    def new(some: Iterable[Stored]) -> list[Stored]:
        may = [one for one in some if asked.caller.access.allows(one.type, "r") and (one.type, one.id) not in known]
        known.update((one.type, one.id) for one in may)
        return may

    all_beside = new(origins)
    last = [*found, *all_beside]
    for types in (TYPES if asked.type != "Patient" else SUPPORT, SUPPORT, SUPPORT):  # a team, a role in it, whose role it is
        last = new(_referred(unit, asked.caller.tenant, last, types, base))
        all_beside += last
    return all_beside


def _origins(unit: Unit, tenant: str, found: Sequence[Stored]) -> Page:
    of = [Match(one.type, one.id) for one in found]
    return unit.search(tenant, Query("Provenance", [Clause("target", of)], limit=MOST)) if of else Page(())


def _referred(unit: Unit, tenant: str, some: Iterable[Stored], types: Collection[str], base: str) -> Sequence[Stored]:
    names = dict.fromkeys((entry.system, entry.value) for one in some for entry in references(one, base) if entry.system in types)
    return unit.read_all(tenant, list(names)) if names else ()
