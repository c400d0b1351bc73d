"""The patient compartment (https://hl7.org/fhir/R4/compartmentdefinition-patient.html): GET /fhir/Patient/[id]/[type], and `/*`.

A resource is in it when one of its type's parameters leads to the patient. R4 leaves Task out; a Task is here by whom it is for,
as it is wherever a patient's record is asked for. The Patient is in its own.

>>> within("Observation", "1").clause.parameter, within("Observation", "1").clause.others
('subject', ('performer',))
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from adapter.fhir import bundles
from adapter.fhir.clauses import ID, fault
from adapter.fhir.face import Answer, Asked, Face, not_found
from adapter.fhir.gathering import Place, gathered, next_link, opened
from adapter.fhir.results import USUAL
from adapter.fhir.rights import require
from adapter.fhir.search import PAGE, parse, refuse_person
from adapter.fhir.types import GENERAL
from adapter.ports import Clause, Match, Query, Stored

ALL: Final = "*"
TAKEN: Final = (*GENERAL, "_count", "_format", "_pretty")
"""Parameters of a search in all types at once: those that every type has."""

CRITERIA: Final[Mapping[str, tuple[str, ...]]] = {
    "AllergyIntolerance": ("patient", "recorder", "asserter"),
    "CarePlan": ("patient", "performer"),
    "CareTeam": ("patient", "participant"),
    "Communication": ("subject", "sender", "recipient"),
    "Condition": ("patient", "asserter"),
    "Consent": ("patient",),
    "DocumentReference": ("subject", "author"),
    "Encounter": ("patient",),
    "EpisodeOfCare": ("patient",),
    "Flag": ("patient",),
    "Goal": ("patient",),
    "MedicationStatement": ("subject",),
    "Observation": ("subject", "performer"),
    "Patient": ("_id",),  # R4 has *link* here: the patient is told of with the compartment, not in it
    "Provenance": ("patient",),
    "RelatedPerson": ("patient",),
    "ServiceRequest": ("subject", "performer"),
    "Task": ("patient",),
}
"""Type -> the parameters by which its resources are in the compartment."""


class Within(NamedTuple):
    """A part of a compartment: its address below the service's, and what its resources must meet."""

    path: str
    clause: Clause


def within(type: str, patient: str) -> Within:
    """The resources of a type in a patient's compartment. NOT_FOUND for what has no part in any, INVALID for a person's number."""
    if type not in CRITERIA or not ID.fullmatch(patient):
        raise not_found()
    refuse_person([("_id", patient)])
    first, *others = CRITERIA[type]
    match = Match(value=patient) if type == "Patient" else Match("Patient", patient)
    return Within(f"Patient/{patient}/{type}", Clause(first, (match,), others=tuple(others)))


def whole(face: Face, asked: Asked, patient: str) -> Answer:
    """GET /fhir/Patient/[id]/*: all of the compartment that the caller may search for, type by type; 403 where that is none.

    Of `_count=0` how many that is, alone.
    """
    refuse_person([*asked.pairs, ("_id", patient)])
    if not ID.fullmatch(patient):
        raise not_found()
    path = f"Patient/{patient}/{ALL}"
    asked.trail.query(asked.pairs)
    asked.trail.withheld(patient)
    given = dict(asked.pairs)
    here = opened(face, asked, path, given[PAGE]) if PAGE in given else Place(0, None, [(n, v) for n, v in asked.pairs])
    queries = list(_queries(face, asked, patient, here.kept))
    if not queries:
        require(asked.caller, ALL, "s")
    count, tenant, total = _count(here.kept), asked.caller.tenant, None
    found: list[Stored] = []
    place = None
    with asked.store.read() as unit:
        if count:
            found, place = gathered(unit, tenant, queries, here, count)
        else:
            total = sum(unit.count(tenant, query) for query in queries)
    asked.trail.saw("R", found)
    links = [("self", f"{face.base}/{path}"), *next_link(face, asked, path, place)]
    return Answer(200, bundles.searchset(face.base, found, total, links))


def _queries(face: Face, asked: Asked, patient: str, kept: list[tuple[str, str]]) -> Iterator[Query]:
    for name, _ in kept:
        if name.partition(":")[0] not in TAKEN:
            known = ", ".join(TAKEN)
            raise fault(name, f"is not taken in all types at once. There are {known}", f"tas ikke i alle typer på én gang: {known}")
    for type in CRITERIA:
        if asked.caller.access.allows(type, "s"):
            query = parse(type, [(n, v) for n, v in kept if n.partition(":")[0] in GENERAL], base=face.base, strict=True).query
            yield Query(type, (within(type, patient).clause, *query.clauses))


def _count(kept: list[tuple[str, str]]) -> int:
    return parse("Task", [pair for pair in kept if pair[0] == "_count"], base="").result.count if kept else USUAL
