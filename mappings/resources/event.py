"""A pathway event and the Observation that it stands in, both ways (https://hl7.org/fhir/R4/observation.html).

An event is an Observation with a code of 9322 (then the outcome stands in `valueCodeableConcept`) or 9327 (type, event and
outcome in one code). Its date is the one in Norway at `effectiveDateTime`; a date alone is that date.

>>> code = {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9327", "code": "D11CU"}]}
>>> kind, event = read({"resourceType": "Observation", "id": "1", "code": code, "effectiveDateTime": "2026-10-18T23:30:00Z"})
>>> kind, event.kind, event.outcomes, event.on.isoformat()
('D11', 'C', ('U',), '2026-10-19')
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from adapter.domain import codes
from adapter.domain.course import Event
from adapter.domain.identity import named
from adapter.domain.problem import Kind, problem
from mappings import terms, times
from mappings.resources.writer import SYSTEM, own, reference

Body = dict[str, Any]

_COMPONENT: Final = SYSTEM + "event-component"


def is_event(observation: Mapping[str, Any]) -> bool:
    """Whether an Observation is a pathway event: a coding of its code is in 9322 or 9327. Any other is an ordinary resource."""
    return any(terms.national(coding.get("system", "")) in ("9322", "9327") for coding in _codings(observation.get("code")))


def read(observation: Mapping[str, Any]) -> tuple[str, Event]:
    """The pathway type that it says (or nothing) and the event. What it says of no list that we know comes out as it stands.

    Raises `Problem(INVARIANT)` where its date is not known to the day.
    """
    combined = code_in("9327", observation.get("code"))
    pathway, kind, first = codes.split(combined)
    kind = kind or code_in("9322", observation.get("code")) or combined
    outcomes = codes.OUTCOMES.get(kind, "")
    first = first or code_in(outcomes, observation.get("valueCodeableConcept"))
    parts = _parts(observation)
    further = (code_in(outcomes, part) for part in parts.get("outcome", ()))
    event = Event(
        id=observation.get("id", ""),
        kind=kind,
        on=_day(observation),
        outcomes=tuple(filter(None, (first, *further))),
        at=times.moment(observation.get("effectiveDateTime", "")),
        care_level=_said(parts, "care-level"),
        severity=_said(parts, "severity"),
    )
    return pathway or code_in("9321", next(iter(parts.get("pathway-type", ())), None)), event


def _day(observation: Mapping[str, Any]) -> date:
    day = times.norwegian_day(observation.get("effectiveDateTime", ""))
    if day is None:
        raise problem(
            Kind.INVARIANT,
            "The event's date must be known to the day: give effectiveDateTime as a date, or a time with its zone.",
            "Hendelsens dato må være kjent på dagen: oppgi effectiveDateTime som dato, eller tidspunkt med tidssone.",
            where="Observation.effective",
            rule="event-7",
        )
    return day


def _codings(concept: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = (concept or {}).get("coding", [])
    return found


def code_in(number: str, concept: Mapping[str, Any] | None) -> str:
    """The concept's code in the national list of that number, by whatever name the list goes; or nothing."""
    return next((c.get("code", "") for c in _codings(concept) if number and terms.national(c.get("system", "")) == number), "")


def _parts(observation: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """The values of its components, by name."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for component in observation.get("component", ()):
        for coding in _codings(component.get("code")):
            if coding.get("system") == _COMPONENT:
                found.setdefault(coding.get("code", ""), []).append(component.get("valueCodeableConcept", {}))
    return found


def _said(parts: Mapping[str, list[Mapping[str, Any]]], name: str) -> str:
    """The code that the component of that name has in our code system of the same name."""
    first = next(iter(parts.get(name, ())), None)
    return next((c.get("code", "") for c in _codings(first) if c.get("system") == SYSTEM + name), "")


def id_of(pathway: str, event: Event) -> str:
    """The id of the Observation that the service writes for an event: the same for the same event."""
    return named(pathway, "event", event.kind + "".join(event.outcomes), event.on.isoformat())


def write(event: Event, *, pathway_type: str, pathway_id: str, patient: Body, performer: Body) -> Body:
    """The Observation that the service itself writes for an event. It is no computed resource: an event is never computed.

    `patient` and `performer` are References; the performer is the organisation that registers it.
    """
    outcomes = codes.OUTCOMES.get(event.kind, "")
    said = [("pathway-type", concept("9321", pathway_type))]
    said += [("care-level", own("care-level", event.care_level))] if event.care_level else []
    said += [("severity", own("severity", event.severity))] if event.severity else []
    said += [("outcome", concept(outcomes, outcome)) for outcome in event.outcomes[1:]]
    body: Body = {
        "resourceType": "Observation",
        "id": id_of(pathway_id, event),
        "status": "final",
        "code": concept("9322", event.kind),
        "subject": patient,
        "focus": [reference("EpisodeOfCare", pathway_id)],
        "effectiveDateTime": event.at.isoformat() if event.at else event.on.isoformat(),
        "performer": [performer],
    }
    if event.outcomes:
        body["valueCodeableConcept"] = concept(outcomes, event.outcome)
    return body | {"component": [{"code": own("event-component", name), "valueCodeableConcept": value} for name, value in said]}


def concept(number: str, code: str) -> Body:
    """A code of a national list with the list's name for it."""
    coding = {"system": terms.OID + number, "code": code}
    name = (terms.displays(terms.OID + number) or {}).get(code, "")
    return {"coding": [coding | ({"display": name} if name else {})]}
