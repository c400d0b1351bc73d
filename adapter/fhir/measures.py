"""Measure/$evaluate-measure: a quality indicator of the caller's organisation, as it stands
(https://hl7.org/fhir/R4/measure-operation-evaluate-measure.html).

    GET /fhir/Measure/right-refused/$evaluate-measure?periodStart=2026-01-01&periodEnd=2026-12-31

The same figures as `stafett indicators` gives: by the national time limits, and few patients are hidden. What patients have closed
to the caller is not counted; how many pathways have rules that are not known here is told. An indicator names nobody, so there is a
summary, and no list of subjects; and since periods can be held against each other, it is given to those alone who may search for
the pathways themselves.
"""

from __future__ import annotations

import re
import time
from calendar import monthrange
from collections.abc import Callable
from datetime import date
from typing import Final

import msgspec

from adapter.domain.problem import Kind, problem
from adapter.fhir.clauses import fault
from adapter.fhir.face import Answer, Asked, Face, not_found
from adapter.fhir.inputs import Inputs, inputs, required
from adapter.fhir.rights import require
from adapter.usecases.count_indicators import Owner, count
from adapter.usecases.pathways import Pathways
from mappings.resources import measure
from mappings.resources.measure_report import Heading, report
from mappings.rules import national
from mappings.times import local_day

RULE: Final = "https://hl7.org/fhir/R4/measure-operation-evaluate-measure.html"
TAKEN: Final = {"periodStart": "text", "periodEnd": "text", "measure": "text", "reportType": "text", "subject": "text"}
COUNTED_FROM: Final = ("EpisodeOfCare", "Observation", "Task")
SECONDS: Final = 20.0  # that counting may take; a page of pathways more


def evaluate(face: Face, asked: Asked, data: bytes) -> Answer:
    """A MeasureReport of type summary. TOO_COSTLY where there are more pathways than can be counted in the time."""
    given = inputs(asked, data, TAKEN)
    for type in COUNTED_FROM:
        require(asked.caller, type, "s")
    one = measure.known().get(_meant(asked, given))
    if one is None or face.rules.pathways is None:
        raise not_found()
    _summary(given)
    first, last = _day(given, "periodStart", last=False), _day(given, "periodEnd", last=True)
    if first > last:
        raise fault("periodEnd", "is before periodStart", "er før periodStart", rule=RULE)
    asked.trail.query([("period", f"{first}/{last}")])
    now = face.clock.now()
    pathways, tenant = Pathways(national(), face.rules.pathways.week), asked.caller.tenant
    owners, until = [Owner(tenant, tenant)], _until(SECONDS)
    with face.counting.taken(tenant):
        counted = count(asked.store, pathways, owners, local_day(now), since=first, until=last, looked=until)
    cells = [cell for cell in counted.tally.cells("organisation") if cell.indicator == one.id and not cell.path]
    heading = Heading(first, last, "organisation", now, counted.unread)
    body = report(heading, one.id, measure.title(one), cells, counted.tally.unknown[one.id], tenant)
    return Answer(200, msgspec.json.encode(body))


def _meant(asked: Asked, given: Inputs) -> str:
    """The indicator: by the address, or by `measure`, a canonical or Measure/id."""
    if asked.id:
        if "measure" in given:
            raise fault("measure", "is said by the address already: leave it out", "er sagt av adressen alt: utelat den", rule=RULE)
        return asked.id
    said = given.text("measure")
    if not said:
        raise required("measure", "Say which measure is meant: measure.", "Si hvilket mål det gjelder: measure.")
    return next((id for id in measure.known() if said in (id, f"Measure/{id}", measure.url(id))), "")


def _summary(given: Inputs) -> None:
    if given.text("reportType") not in ("", "summary", "population") or "subject" in given:
        en = "Only reportType=summary is given: an indicator names no patient."
        nb = "Bare reportType=summary gis: en indikator nevner ingen pasient."
        name = "subject" if "subject" in given else "reportType"
        raise problem(Kind.NOT_UNDERSTOOD, en, nb, where=f"http.{name}", rule=RULE)


def _day(given: Inputs, name: str, *, last: bool) -> date:
    """A day, or the first or last of a month or year (https://hl7.org/fhir/R4/datatypes.html#date)."""
    said = given.text(name)
    if not said:
        raise required(name, f"{name} is needed: a date.", f"{name} må være med: en dato.")
    found = re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", said, re.ASCII)
    try:
        if found is None:
            raise ValueError
        year, month = int(found[1]), int(found[2] or (12 if last else 1))
        return date(year, month, int(found[3] or (monthrange(year, month)[1] if last else 1)))
    except ValueError:
        raise fault(name, "is a date like 2026-01-31", "er en dato som 2026-01-31", rule=RULE) from None


def _until(seconds: float) -> Callable[[int], None]:
    """Raises `Problem` where counting goes on for longer than that."""
    end = time.monotonic() + seconds

    def looked(_: int) -> None:
        if time.monotonic() > end:
            en = "There are too many pathways to be counted in one request: use the command `stafett indicators`."
            nb = "Det er for mange forløp til å telles i én forespørsel: bruk kommandoen `stafett indicators`."
            raise problem(Kind.TOO_COSTLY, en, nb, rule=RULE)

    return looked
