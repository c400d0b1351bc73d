"""The quality indicators as Measure (https://hl7.org/fhir/R4/measure.html): what each counts, and of what.

    measures()[0]["url"]    # …/Measure/assessment-in-time, which a MeasureReport names

Names and targets are those of the rule sets. How pathways are counted is `adapter.domain.indicators`, told here in words, since no
expression language of FHIR reaches what a pathway's events add up to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapter.domain.identity import BASE
from adapter.domain.indicators import INDICATORS
from adapter.domain.ruleset import Indicator
from mappings import rules

Body = dict[str, Any]

LIBRARY: Final = "http://terminology.hl7.org/CodeSystem/"
LESS_IS_BETTER: Final = ("not-assessed-in-time", "right-refused")
COUNTED: Final = {
    "assessment-in-time": (
        "Pathways with first attendance and clinical decision whose time limit runs out in the period; not those with a right to "
        "treatment at once.",
        "Of these, those with the clinical decision within the limit.",
    ),
    "first-evaluation-in-time": (
        "Pathways whose time limit for the first evaluation runs out in the period, and was met or missed.",
        "Of these, those with the evaluation within the limit.",
    ),
    "involved-in-plan": (
        "Pathways that began in the period; not those refused, or found to be none.",
        "Of these, those with user involvement in the plan (UU).",
    ),
    "not-assessed-in-time": (
        "Referrals whose ten working days for assessment run out in the period, and that were assessed or are out of time.",
        "Of these, those not assessed within the ten working days.",
    ),
    "right-refused": ("Pathways that began in the period, or would have.", "Of these, those where the right to care was refused."),
}
"""Denominator and numerator of each."""


def known() -> Mapping[str, Indicator]:
    """What the rule sets say of each indicator that is counted: its names, and its target where it has one."""
    said = {one.id: one for each in rules.national().all() for one in each.indicators}
    return {id: said[id] for id in INDICATORS}


def title(one: Indicator) -> str:
    return f"{one.nb} ({one.en})"


def url(indicator: str) -> str:
    """The canonical of an indicator."""
    return f"{BASE}/Measure/{indicator}"


def measures() -> list[Body]:
    """One Measure an indicator."""
    return [_measure(one) for one in known().values()]


def _measure(one: Indicator) -> Body:
    denominator, numerator = COUNTED[one.id]
    words = f"{one.nb}\n\n{one.en}"
    source = one.source.reference
    return {
        "resourceType": "Measure",
        "id": one.id,
        "url": url(one.id),
        "name": "".join(part.capitalize() for part in one.id.split("-")),
        "title": one.nb,
        "status": "active",
        "subjectCodeableConcept": {"coding": [{"system": "http://hl7.org/fhir/resource-types", "code": "EpisodeOfCare"}]},
        "description": words if one.target is None else f"{words}\n\nMål / target: {one.target} %",
        "relatedArtifact": [{"type": "documentation", "url" if source.startswith("http") else "display": source}],
        "scoring": _concept("measure-scoring", "proportion"),
        "type": [_concept("measure-type", "process")],
        "improvementNotation": improvement(one.id),
        "group": [{"population": [_population("denominator", denominator), _population("numerator", numerator)]}],
    }


def improvement(indicator: str) -> Body:
    """Whether more or less is better (https://hl7.org/fhir/R4/valueset-measure-improvement-notation.html)."""
    return _concept("measure-improvement-notation", "decrease" if indicator in LESS_IS_BETTER else "increase")


def _population(code: str, words: str) -> Body:
    criteria = {"language": "text/plain", "expression": words}
    return {"code": _concept("measure-population", code), "description": words, "criteria": criteria}


def _concept(system: str, code: str) -> Body:
    return {"coding": [{"system": LIBRARY + system, "code": code}]}
