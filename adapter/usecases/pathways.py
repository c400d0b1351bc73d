"""The pathways of an installation: what the store knows of one, what that adds up to, and how it is kept.

    gathered = pathways.gather(unit, tenant, id)      # events and answers from the store, folded
    pathways.keep(unit, tenant, gathered, now)        # EpisodeOfCare, CarePlan, Tasks as they follow; only what changed

The stored Observations (events) and answered Tasks are the truth, and there is no second copy of them: each write gathers the
pathway anew, folds it and keeps what follows, and `refold` does just the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from adapter.domain import pathway
from adapter.domain.course import Course, Event
from adapter.domain.deadlines import WorkingDays
from adapter.domain.referral import Service
from adapter.domain.ruleset import Rulebook, RuleSet
from adapter.domain.state import State
from adapter.ports import Clause, Draft, Match, Query, Stored, Unit
from adapter.usecases.answer_referrer import Format
from adapter.usecases.resource_rules import computed
from adapter.usecases.situation import OPEN_EPISODES, PATHWAY_TYPE, decode
from adapter.usecases.writing import draft
from mappings.course import course_of, events_of
from mappings.messages.reading import Reading
from mappings.resources import care_plan
from mappings.resources.computed import resources
from mappings.resources.elements import URI
from mappings.resources.writer import EXTENSION

Body = dict[str, Any]
Key = tuple[str, str]

KINDS: Final = ("EpisodeOfCare", "CarePlan", "Goal", "Task")
"""Types of which a pathway's computed resources are."""


@dataclass(slots=True)
class Gathered:
    """A pathway as it stands: its own resources, the events and the people's answers, and what these add up to.

    `stored` are the computed resources by type and id; `observations` the events by id. Both may be changed, and
    `Pathways.folded` then gives the course and state that would follow.
    """

    episode: Body
    rules: RuleSet
    stored: dict[Key, Body] = field(default_factory=dict)
    observations: dict[str, Body] = field(default_factory=dict)
    patient: Body | None = None
    parallel: tuple[str, ...] = ()  # types of the patient's other open pathways
    course: Course = field(default_factory=Course)
    state: State | None = None  # None: it was not folded
    read: dict[str, tuple[Body, Event | None]] = field(default_factory=dict)  # what was read of an Observation already

    @property
    def id(self) -> str:
        return str(self.episode["id"])

    @property
    def type(self) -> str:
        return type_of(self.episode)

    def events(self) -> Iterator[Event]:
        """The events that stand, each Observation read once."""
        for id, body in self.observations.items():
            known, event = self.read.get(id, (None, None))
            if known is not body:
                event = next(events_of([body]), None)
                self.read[id] = body, event
            if event:
                yield event

    def tasks(self) -> Iterable[Body]:
        return [body for (kind, _), body in self.stored.items() if kind == "Task"]


@dataclass(frozen=True, slots=True)
class Pathways:
    """The rules that pathways follow here, and the services that have them.

    `hubs` and `read` (the reading of a message) are for answering referrers; without `read` nobody is told anything.
    """

    rulebook: Rulebook
    week: WorkingDays = "mon-fri"
    services: Mapping[str, Service] = field(default_factory=dict)
    hubs: Mapping[str, Format] = field(default_factory=dict)
    read: Callable[[bytes], Reading] | None = None
    base: str = ""

    def receivers(self, tenant: str, pathway: str) -> list[Service]:
        """The services of an organisation that have a type of pathway."""
        return [s for s in self.services.values() if s.organisation == tenant and s.pathway == pathway]

    def warns(self, tenant: str, pathway: str) -> bool:
        """Whether an event that breaks the ordering rules is kept: where there are several services, all must say so."""
        found = self.receivers(tenant, pathway)
        return bool(found) and all(service.gate == "warn" for service in found)

    def version(self, tenant: str, pathway: str, on: date) -> str:
        """The rule set of a pathway that an event opens: what the services for it all say, else by the date of the event."""
        said = {service.rule_set for service in self.receivers(tenant, pathway)} - {""}
        return said.pop() if len(said) == 1 else self.rulebook.version(on, pathway)

    def care_level(self, tenant: str, pathway: str) -> str:
        """The care level of the services for a type of pathway, where they have the same."""
        said = {service.care_level for service in self.receivers(tenant, pathway)}
        return said.pop() if len(said) == 1 else ""

    def gather(
        self,
        unit: Unit,
        tenant: str,
        id: str,
        known: Mapping[Key, Body] = MappingProxyType({}),
        beside: Callable[[str], Sequence[Body]] | None = None,
        *,
        fold: bool = True,
    ) -> Gathered | None:
        """The pathway of that id; None where there is none.

        `known` are resources that need not be read, or that the unit itself will have kept; `beside` gives a patient's open
        pathways; without `fold` it is left to the caller. Raises `Problem` where the pathway's rule set is not known here.
        """
        name = ("EpisodeOfCare", id)
        episode = known.get(name) or bodies_of(unit.read_all(tenant, [name])).get(name, {})
        if not is_pathway(episode):
            return None
        person = patient_of(episode)
        wanted = [("CarePlan", care_plan.id_of(id)), *([] if ("Patient", person) in known else [("Patient", person)])]
        bodies = bodies_of(unit.read_all(tenant, wanted))
        patient = known.get(("Patient", person)) or bodies.pop(("Patient", person), None)
        plan = bodies.get(("CarePlan", care_plan.id_of(id)), {})
        goals = [("Goal", str(goal.get("reference", "")).removeprefix("Goal/")) for goal in plan.get("goal", [])]
        aims = bodies_of(unit.read_all(tenant, goals)) if goals else {}
        tasks = every(unit, tenant, "Task", Clause("group-identifier", [Match(URI, f"urn:uuid:{id}")]))
        events = every(unit, tenant, "Observation", Clause("focus", [Match("EpisodeOfCare", id)]))
        standing = {("EpisodeOfCare", id): episode, **bodies, **aims, **bodies_of(tasks)}
        others = beside(person) if beside else episodes(unit, tenant, person, OPEN_EPISODES)
        found = Gathered(
            episode,
            self.rulebook.get(type_of(episode), said_by(episode, "rule-version"), tenant),
            {key: body for key, body in standing.items() if key[0] in KINDS and computed(body)},
            {one.id: plain(one) for one in events},
            patient,
            tuple(sorted(type_of(one) for one in others if one["id"] != id)),
        )
        if fold:
            found.course, found.state = self.folded(found)
        return found

    def folded(self, gathered: Gathered) -> tuple[Course, State]:
        """What the pathway's events and answers, as they are gathered now, add up to."""
        course = course_of(gathered.episode, (), gathered.tasks(), gathered.patient, gathered.parallel)
        course = replace(course, events=tuple(gathered.events()))
        return course, pathway.fold(gathered.rules, course, self.week)

    def rendered(self, gathered: Gathered, now: datetime, reason: str = "") -> list[Body]:
        """The pathway's computed resources as they should stand. `reason` says why, where no event does."""
        assert gathered.state  # noqa: S101 - tells the type checker: it was folded
        return resources(gathered.episode, gathered.stored, gathered.rules, gathered.course, gathered.state, now, reason)

    def changed(self, gathered: Gathered, now: datetime, reason: str = "") -> list[Body]:
        """Those of them that do not stand so."""
        bodies = self.rendered(gathered, now, reason)
        return [body for body in bodies if gathered.stored.get((body["resourceType"], body["id"])) != body]

    def draft(self, body: Body) -> Draft:
        return draft(body["resourceType"], body["id"], body, self.base)

    def keep(self, unit: Unit, tenant: str, gathered: Gathered, now: datetime, reason: str = "") -> list[Stored]:
        """Fold the pathway again, and keep what follows from it and is not so already."""
        gathered.course, gathered.state = self.folded(gathered)
        drafts = [self.draft(body) for body in self.changed(gathered, now, reason)]
        return unit.put(tenant, drafts, now) if drafts else []


def plain(stored: Stored) -> Body:
    """A stored resource without what the store says of its version, so that it can be compared with one that is made."""
    return without_version(decode(stored.body))


def without_version(resource: Body) -> Body:
    """A resource without what its version is called and when it was made."""
    meta = {key: value for key, value in resource.get("meta", {}).items() if key not in ("versionId", "lastUpdated")}
    return {**resource, "meta": meta}


def is_pathway(episode: Mapping[str, Any]) -> bool:
    """Whether an EpisodeOfCare is a pathway that we work out; clients may keep others."""
    return bool(episode) and computed(episode) and bool(type_of(episode)) and bool(said_by(episode, "rule-version"))


def type_of(episode: Mapping[str, Any]) -> str:
    """The pathway type (9321) of an EpisodeOfCare."""
    codings = (coding for concept in episode.get("type", []) for coding in concept.get("coding", []))
    return next((str(coding["code"]) for coding in codings if coding.get("system") == PATHWAY_TYPE), "")


def said_by(episode: Mapping[str, Any], extension: str) -> str:
    """The value of an extension of ours that holds a text or a code."""
    found: Body = next((e for e in episode.get("extension", []) if e.get("url") == EXTENSION + extension), {})
    return str(found.get("valueString") or found.get("valueCode") or "")


def patient_of(episode: Mapping[str, Any]) -> str:
    """The id of the patient whose pathway it is."""
    return str(episode.get("patient", {}).get("reference", "")).removeprefix("Patient/")


def episodes(unit: Unit, tenant: str, patient: str, statuses: Sequence[str] = ()) -> list[Body]:
    """The patient's pathways, or those of some statuses."""
    clauses = [Clause("patient", [Match("Patient", patient)])]
    if statuses:
        clauses.append(Clause("status", [Match(value=status) for status in statuses]))
    return [body for one in every(unit, tenant, "EpisodeOfCare", *clauses) if is_pathway(body := plain(one))]


def bodies_of(stored: Iterable[Stored]) -> dict[Key, Body]:
    return {(one.type, one.id): plain(one) for one in stored}


def every(unit: Unit, tenant: str, type: str, *clauses: Clause) -> list[Stored]:
    """All that match, page by page."""
    query = Query(type, clauses, limit=200)
    found: list[Stored] = []
    while True:
        page = unit.search(tenant, query)
        found += page.found
        if page.next is None:
            return found
        query = replace(query, after=page.next)
