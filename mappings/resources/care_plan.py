"""What is to be done in a pathway: CarePlan (https://hl7.org/fhir/R4/careplan.html, profile pathway-plan).

Its activities are the pathway's own time limits and duties, in the order they arose. What a message gave a person to do is no
part of the plan: it is about the message, and found by the pathway's groupIdentifier.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from adapter.domain.course import Course
from adapter.domain.identity import BASE, named
from adapter.domain.pathway import State
from adapter.domain.ruleset import RuleSet
from mappings import terms
from mappings.resources.writer import reference

Body = dict[str, Any]

_EPISODE: Final = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
_STATUS: Final = {
    "planned": "draft",  # no right to care has been granted yet
    "waitlist": "active",
    "active": "active",
    "finished": "completed",
    "cancelled": "revoked",
    "entered-in-error": "entered-in-error",
}


def id_of(pathway: str) -> str:
    return named(pathway, "care-plan", 1)


def of(episode: Body, rules: RuleSet, course: Course, state: State, tasks: Iterable[str], goals: Iterable[str]) -> Body:
    """What the state says of it; None of what it is to be without. `tasks` and `goals` are ids, in their order."""
    name = (terms.displays(terms.OID + "9321") or {}).get(rules.pathway, rules.pathway)
    start = course.received or state.start or next((step.on for step in state.steps), None)
    period = {"start": start.isoformat()} if start else {}
    if start and state.end and start <= state.end:
        period["end"] = state.end.isoformat()
    return {
        "extension": {
            _EPISODE: {"valueReference": reference("EpisodeOfCare", episode["id"])},
            "rule-version": {"valueString": rules.version},
        },
        "identifier": episode["identifier"][:1],
        "instantiatesCanonical": [f"{BASE}/PlanDefinition/{rules.pathway}-{rules.version}"],
        "status": _STATUS[state.status],
        "intent": "plan",
        "title": f"Pasientforløp: {name}",
        "subject": episode["patient"],
        **({"period": period} if period else {}),  # of a pathway that was a mistake it stays as it was
        "goal": [reference("Goal", id) for id in goals] or None,
        "activity": [{"reference": reference("Task", id)} for id in tasks] or None,
    }
