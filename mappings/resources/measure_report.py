"""Quality indicators as FHIR: a Bundle of one MeasureReport each (https://hl7.org/fhir/R4/measurereport.html).

The figure for all is the report's group, the places are its strata. What may not be shown has no count, but says *masked*
(https://hl7.org/fhir/R4/extension-data-absent-reason.html). How many were left out for an unknown limit is the group's
denominator-exclusion; the misses that the patient had postponed, and the pathways whose rules are not known here, are populations
that FHIR has no code for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from adapter.domain.identity import named
from adapter.domain.indicators import Cell
from mappings import times
from mappings.resources import measure
from mappings.resources.elements import ENH

Body = dict[str, Any]

_POPULATION: Final = "http://terminology.hl7.org/CodeSystem/measure-population"
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
_BY: Final = {"unit": "Enhet (unit)", "organisation": "Virksomhet (organisation)", "region": "Helseregion (health region)"}


class Heading(NamedTuple):
    """What stands over all reports: their period (both days in it), what the places are, when it was counted, and how many pathways
    could not be, of whatever period, since their rules are not known here.
    """

    first: date
    last: date
    by: str
    now: datetime
    unread: int = 0


def bundle(heading: Heading, names: dict[str, str], cells: Sequence[Cell], unknown: dict[str, int]) -> Body:
    """A collection with a MeasureReport for each indicator of `names`, also where nothing was counted."""
    reports = [
        report(heading, id, text, [cell for cell in cells if cell.indicator == id], unknown.get(id, 0))
        for id, text in names.items()
    ]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": times.utc(heading.now),
        "entry": [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one} for one in reports],
    }


def report(heading: Heading, indicator: str, text: str, cells: Sequence[Cell], unknown: int, organisation: str = "") -> Body:
    """The MeasureReport of one indicator, whose `cells` alone are given: that for all is its group, the others are its strata.

    `organisation` is the number of the one that it is about, where it is about one.
    """
    everywhere = next((cell for cell in cells if not cell.path), None)
    left_out = _left_out(unknown, heading.unread)
    nothing: Body = {"population": left_out} if left_out else {}
    group: Body = {"code": {"text": text}, **(_figures(everywhere, left_out) if everywhere else nothing)}
    strata = [{"value": {"text": " / ".join(filter(None, cell.names)) or "–"}, **_figures(cell)} for cell in cells if cell.path]
    if strata:
        group["stratifier"] = [{"code": [{"text": _BY[heading.by]}], "stratum": strata}]
    what = (indicator, heading.by, heading.first, heading.last)
    return {
        "resourceType": "MeasureReport",
        "id": named("measure-report", *filter(None, (organisation,)), *what, times.utc(heading.now)),
        "status": "complete",
        "type": "summary",
        "measure": measure.url(indicator),
        "date": times.utc(heading.now),
        **({"reporter": {"identifier": {"system": ENH, "value": organisation}}} if organisation else {}),
        "period": {"start": heading.first.isoformat(), "end": heading.last.isoformat()},
        "improvementNotation": measure.improvement(indicator),
        "group": [group],
    }


def _figures(cell: Cell, left_out: Sequence[Body] = ()) -> Body:
    population = [
        _population("numerator", cell.numerator),
        _population("denominator", cell.denominator),
        {"code": {"text": "Utsatt av pasienten (postponed by the patient)"}, **_count(cell.patient_caused)},
        *left_out,
    ]
    if cell.percent is None:
        return {"population": population}
    score = {"value": round(cell.percent, 1), "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}
    return {"population": population, "measureScore": score}


def _left_out(unknown: int, unread: int) -> list[Body]:
    found = []
    if unknown:
        found.append(_population("denominator-exclusion", unknown))
        found[0]["code"]["text"] = "Ukjent frist (unknown time limit)"
    if unread:
        found.append(
            {
                "code": {"text": "Regler som ikke er kjent her, i alle perioder (rules not known here, in all periods)"},
                "count": unread,
            }
        )
    return found


def _population(code: str, count: int | None) -> Body:
    return {"code": {"coding": [{"system": _POPULATION, "code": code}]}, **_count(count)}


def _count(count: int | None) -> Body:
    if count is None:
        return {"_count": {"extension": [{"url": _ABSENT, "valueCode": "masked"}]}}
    return {"count": count}
