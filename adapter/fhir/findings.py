"""$findings: what the national rules, and ours, say of a pathway as it stands: GET /fhir/EpisodeOfCare/[id]/$findings.

Its definition is `profiles/OperationDefinition-EpisodeOfCare-findings.json`. A write tells the same of its own event alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from adapter.domain.problem import Finding, Problem
from adapter.domain.state import Noted
from adapter.fhir.face import Answer, Asked, Face, not_found, outcome
from adapter.fhir.search import refuse_person
from adapter.ports import Unit

TYPE: Final = "EpisodeOfCare"


def findings(face: Face, asked: Asked, _: bytes) -> Answer:
    """200 with an OperationOutcome, whatever there is to tell. NOT_FOUND for what is no pathway that is worked out here."""
    refuse_person(asked.pairs)
    with asked.store.read() as unit:
        return _found(face, asked, unit)


def _found(face: Face, asked: Asked, unit: Unit) -> Answer:
    pathways = face.rules.pathways
    if pathways is None:
        raise not_found()
    stored = unit.read(asked.caller.tenant, TYPE, asked.id)
    if stored is None:
        raise not_found()
    asked.trail.saw("R", [stored])
    try:
        gathered = pathways.gather(unit, asked.caller.tenant, asked.id)
    except Problem as unknown:  # its rule set is no longer here: that is what there is to tell
        return Answer(200, outcome(unknown.findings))
    if gathered is None or gathered.state is None:
        raise not_found()
    return Answer(200, outcome([_told(noted) for noted in gathered.state.notes]))


def _told(noted: Noted) -> Finding:
    """A finding, with the event that it is about, or else the pathway."""
    return replace(noted.finding, where=f"Observation.where(id = '{noted.event}').code" if noted.event else TYPE)
