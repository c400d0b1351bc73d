"""A pathway in a store of one: what is registered and answered, and the resources that follow, version by version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from adapter.domain.course import Event
from adapter.domain.identity import named
from adapter.domain.pathway import State, fold
from adapter.domain.ruleset import RuleSet
from mappings.course import course_of
from mappings.resources import computed, event
from mappings.rules import national

Body = dict[str, Any]
Key = tuple[str, str]

BASE = "https://stafett.invalid/fhir/"
EXTENSION = BASE + "StructureDefinition/"
OURS = BASE + "CodeSystem/"
OID = "urn:oid:2.16.578.1.12.4.1.1."
PATHWAY = "0b6c6f0e-5f0a-4d59-9f9c-1d0f6d3f2a10"
HOSPITAL = {"reference": "Organization/h", "identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "319900101"}}
PATIENT = {"reference": "Patient/p"}
REFERRAL = {"reference": "ServiceRequest/r"}
PROFILES = {"EpisodeOfCare": "pathway", "CarePlan": "pathway-plan", "Observation": "pathway-event"}
LIMITS = {"deadline", "detox-to-treatment", "emergency-decision"}


@dataclass
class Walk:
    """A pathway under way. `turn` gathers, folds and keeps, as the service does with each write."""

    pathway: str = "D11"
    version: str = "2019"
    received: date | None = date(2026, 8, 3)
    born: str = "1980-01-01"
    care_level: str = "poliklinikk"
    emergency: bool = False
    rules: RuleSet | None = None
    stored: dict[Key, Body] = field(default_factory=dict)
    events: dict[str, Body] = field(default_factory=dict)
    state: State | None = None

    def register(self, kind: str, on: str, *outcomes: str, **more: str) -> str:
        """An event; gives its Observation's id."""
        said = Event("", kind, date.fromisoformat(on), outcomes, **more)
        body = event.write(said, pathway_type=self.pathway, pathway_id=PATHWAY, patient=PATIENT, performer=HOSPITAL)
        self.events[body["id"]] = body
        return str(body["id"])

    def turn(self, now: str, reason: str = "") -> list[Body]:
        """Fold and keep; gives the resources that changed."""
        rules = self.rules or national().get(self.pathway, self.version)
        episode = self.stored.get(("EpisodeOfCare", PATHWAY)) or computed.skeleton(
            PATHWAY,
            pathway_type=self.pathway,
            version=self.version,
            patient=PATIENT,
            organisation=HOSPITAL,
            referral=REFERRAL if self.received else None,
            care_level=self.care_level,
        )
        course = course_of(episode, self.events.values(), self.tasks(), {"birthDate": self.born})
        if not self.stored:
            course = replace(course, received=self.received, emergency=self.received if self.emergency else None)
        self.state = fold(rules, course)
        bodies = computed.resources(episode, self.stored, rules, course, self.state, datetime.fromisoformat(now), reason=reason)
        made = {(body["resourceType"], body["id"]): body for body in bodies}
        changed = [body for key, body in made.items() if self.stored.get(key) is not body]
        self.stored |= made
        return changed

    def tasks(self) -> list[Body]:
        return [body for (type, _), body in self.stored.items() if type == "Task"]

    def task(self, kind: str, ordinal: int = 1) -> Body:
        return self.stored["Task", named(PATHWAY, kind, ordinal)]

    def answer(self, kind: str, ordinal: int = 1, **said: Any) -> None:
        """What a client puts on a Task."""
        body = self.task(kind, ordinal)
        self.stored["Task", body["id"]] = body | said

    def assess(self, on: str, *, granted: bool = True, outcome: str = "1", limit: str = "") -> None:
        told: list[tuple[str, Any]] = [("right-to-care", {"valueBoolean": granted}), ("assessed-on", {"valueDate": on})]
        if granted:
            coding = {"system": OID + "8485", "code": outcome}
            told += [("assessment-outcome", {"valueCodeableConcept": {"coding": [coding]}}), ("date-limit", {"valueDate": limit})]
        else:
            told += [("refusal-reason", {"valueString": "Henvises til kommunen."})]
        output = [{"type": {"coding": [{"system": OURS + "task-output", "code": code}]}, **value} for code, value in told]
        self.answer("assess-referral", status="completed", output=output, executionPeriod={"end": on})

    @property
    def episode(self) -> Body:
        return self.stored["EpisodeOfCare", PATHWAY]

    @property
    def plan(self) -> Body:
        return self.stored["CarePlan", named(PATHWAY, "care-plan", 1)]

    def bodies(self) -> Iterator[Body]:
        yield from self.stored.values()
        yield from self.events.values()


def profile_of(body: Body) -> tuple[str, ...]:
    """The profile that a resource of a pathway is to have."""
    if body["resourceType"] == "Task":
        kind = body["code"]["coding"][0]["code"]
        name = "assessment-task" if kind == "assess-referral" else "deadline-task" if kind in LIMITS else "duty-task"
    else:
        name = PROFILES.get(body["resourceType"], "")
    return (EXTENSION + name,) if name else ()
