"""A rule set as a PlanDefinition (https://hl7.org/fhir/R4/plandefinition.html), which the CarePlan of each pathway names.

Its actions are the events of the pathway, the time limits between them, and for each phase the duties that arise with it. A
time limit is an action that follows another within a range; one that is unknown has the other and no range.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from adapter.domain.identity import BASE
from adapter.domain.ruleset import ORDER, Duty, Limit, RuleSet, Source
from mappings import limit_words, terms
from mappings.resources.writer import EXTENSION, SYSTEM

Body = dict[str, Any]

_PROTOCOL: Final = {"system": "http://terminology.hl7.org/CodeSystem/plan-definition-type", "code": "clinical-protocol"}
_COMPUTED: Final = {"system": SYSTEM + "tag", "code": "computed", "display": "Beregnet av tjenesten"}
_DAYS: Final = {"unit": "dager", "system": "http://unitsofmeasure.org", "code": "d"}
_WORKING: Final = {"unit": "virkedager"}  # UCUM has no working day
_STARTS: Final = {"received": "Henvisningen er mottatt", "assessed": "Henvisningen er vurdert", "emergency": "Øyeblikkelig hjelp"}


def plan_definition(rules: RuleSet) -> Body:
    """The definition of a pathway type under one rule set, with an organisation's own limits where they were laid over it."""
    end = {"end": rules.valid_to.isoformat()} if rules.valid_to else {}
    return {
        "resourceType": "PlanDefinition",
        "id": rules.id,
        "meta": {"tag": [_COMPUTED]},
        "url": f"{BASE}/PlanDefinition/{rules.id}",
        "version": rules.version,
        "name": f"Pathway{rules.pathway}Of{rules.version}",
        "title": f"{rules.nb} ({rules.version})",
        "type": {"coding": [_PROTOCOL]},
        "status": "active",
        "experimental": False,
        "description": f"{rules.nb}. {rules.en}. {rules.source.note}".strip(),
        "effectivePeriod": {"start": rules.valid_from.isoformat()} | end,
        "topic": [{"coding": [_coding(terms.OID + "9321", rules.pathway)]}],
        "relatedArtifact": [_artifact(rules.source)],
        "action": [
            _group("events", "Hendelser", [*_starts(rules), *_events(rules)]),
            _group("limits", "Frister", [_limit(limit) for limit in rules.limits]),
            *_phases(rules),
        ],
    }


def _starts(rules: RuleSet) -> Iterator[Body]:
    """What is no event and starts a clock all the same."""
    for anchor in _STARTS:
        if any(limit.anchor == anchor for limit in rules.limits):
            yield {"id": anchor, "title": _STARTS[anchor], "description": " - ".join(limit_words.ANCHORS[anchor])}


def _events(rules: RuleSet) -> Iterator[Body]:
    """The events that the type has, in the order that those of one date are taken in; CU is where an assessment is extended."""
    for event in (each for each in ORDER if each in rules.events):
        outcomes = ", ".join(sorted(rules.events[event]))
        yield {
            "id": f"event-{event}",
            "title": _display(terms.OID + "9322", event),
            "description": f"Utfall: {outcomes}. (Outcomes.)" if outcomes else "Uten utfall. (No outcome.)",
            "code": [{"coding": [_coding(terms.OID + "9322", event)]}],
        }
        if "U" in rules.events[event] and event == "C":
            title = _display(terms.OID + "9323", "U")
            yield {"id": "event-CU", "title": title, "code": [{"coding": [_coding(terms.OID + "9327", f"{rules.pathway}CU")]}]}


def _limit(limit: Limit) -> Body:
    (nb, en), (long, how_long), (to, whom) = limit_words.name(limit), limit_words.figure(limit), limit_words.whom(limit)
    after, from_when = limit_words.ANCHORS[limit.anchor]
    for_nb, for_en = f" Gjelder {to}." if to else "", f" For {whom}." if whom else ""
    related = {"actionId": limit.anchor if limit.anchor in _STARTS else f"event-{limit.anchor}", "relationship": "after"}
    body = {
        "id": "-".join(filter(None, ("limit", limit.id, limit.care_level, limit.severity))),
        "title": nb,
        "description": f"{long} fra {after}.{for_nb} ({en}: {how_long} from {from_when}.{for_en})",
        "code": [{"coding": _code(limit)}],
        "documentation": [_artifact(limit.source)],
    }
    if limit.care_level:
        level = f"extension.where(url = '{EXTENSION}care-level').value = '{limit.care_level}'"
        body["condition"] = [{"kind": "applicability", "expression": {"language": "text/fhirpath", "expression": level}}]
    return body | {"relatedAction": [related | _offset(limit)]}


def _code(limit: Limit) -> list[Body]:
    """As the code of the Task that it becomes."""
    own = _coding(SYSTEM + "pathway-task", "deadline" if limit.awaits else limit.id)
    return [own, _coding(terms.OID + "9322", limit.awaits)] if limit.awaits else [own]


def _offset(limit: Limit) -> Body:
    if limit.days is None:
        return {}
    unit = _WORKING if limit.unit == "working" else _DAYS
    return {"offsetRange": {"low": {"value": limit.earliest or 0} | unit, "high": {"value": limit.days} | unit}}


def _phases(rules: RuleSet) -> Iterator[Body]:
    """Each phase with the duties that arise in it."""
    for phase, name in (terms.displays(SYSTEM + "pathway-phase") or {}).items():
        if duties := [_duty(duty) for duty in rules.duties if duty.phase == phase]:
            yield _group(f"phase-{phase}", name, duties) | {"code": [{"coding": [_coding(SYSTEM + "pathway-phase", phase)]}]}


def _duty(duty: Duty) -> Body:
    ages = [
        f"fra {duty.from_age} år (from)" if duty.from_age else "",
        f"under {duty.below_age} år (below)" if duty.below_age else "",
    ]
    aged = ", ".join(filter(None, ages))
    body = {
        "id": f"duty-{duty.kind}",
        "title": _display(SYSTEM + "pathway-task", duty.kind),
        "description": f"{duty.nb} ({duty.en})" + (f" Alder: {aged}." if aged else ""),
        "code": [{"coding": [_coding(SYSTEM + "pathway-task", duty.kind)]}],
        "documentation": [_artifact(duty.source)],
    }
    if duty.within is not None:
        high = {"value": duty.within} | (_WORKING if duty.unit == "working" else _DAYS)
        body["relatedAction"] = [{"actionId": f"phase-{duty.phase}", "relationship": "after-start", "offsetRange": {"high": high}}]
    return body


def _group(id: str, title: str, actions: list[Body]) -> Body:
    return {"id": id, "title": title, "groupingBehavior": "logical-group", "action": actions}


def _artifact(source: Source) -> Body:
    """Where it comes from, and how sure that is, in words."""
    nb, en = limit_words.CONFIDENCES[source.confidence]
    sure = "Virksomhetens egen regel (the organisation's own)" if source.local else f"{source.confidence}: {nb} ({en})"
    said = {"type": "documentation", "display": f"{sure}. {source.note}".strip()}
    if source.reference.startswith("http") and " " not in source.reference:
        return said | {"url": source.reference}
    return said | ({"citation": source.reference} if source.reference else {})


def _coding(system: str, code: str) -> Body:
    name = _display(system, code)
    return {"system": system, "code": code} | ({"display": name} if name != code else {})


def _display(system: str, code: str) -> str:
    return (terms.displays(system) or {}).get(code, code)
