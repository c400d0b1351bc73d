"""The pathways that a unit of work touches: found once, changed together, and looked at as they will stand after it.

What the unit's own changes would keep is seen before what the store has, for a transaction may bring the patient along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from adapter.domain.course import Course, Event
from adapter.domain.identity import BASE
from adapter.domain.problem import Kind, Problem, problem
from adapter.domain.state import State
from adapter.ports import Clause, Match, Unit
from adapter.r4.systems import canonical_system
from adapter.usecases.pathways import Body, Gathered, Key, Pathways, episodes, every, is_pathway, patient_of, plain, type_of
from adapter.usecases.situation import OPEN_EPISODES
from mappings import times

Same = tuple[str, frozenset[str], date]

UUID: Final = "urn:uuid:"
PROFILE: Final = f"{BASE}/StructureDefinition/pathway-event"


@dataclass(slots=True)
class Entry:
    """A pathway and what the unit does to it. `was` are its resources as they stand."""

    pathway: Gathered
    was: dict[Key, Body] = field(default_factory=dict)
    observations: dict[str, Body] = field(default_factory=dict)  # as they stand
    new: bool = False
    judged: bool = False  # the gate is asked: something was added or amended
    closes: bool = False
    retracted: dict[str, Body] = field(default_factory=dict)
    events: dict[Same, str] = field(default_factory=dict)  # the same event -> Observation.id
    answered: bool = False
    had: set[tuple[str, str]] = field(default_factory=set)  # what there was to tell before: number and event
    reason: str = ""


@dataclass(slots=True)
class Touched:
    """`sent` is what the unit's changes would keep, by type and id; `known` that, and what was read beside it."""

    unit: Unit
    pathways: Pathways
    tenant: str
    now: datetime
    sent: Mapping[Key, Body] = field(default_factory=dict)
    known: dict[Key, Body] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    beside: dict[str, list[Body]] = field(default_factory=dict)  # open EpisodeOfCare by patient

    def __post_init__(self) -> None:
        self.known |= self.sent

    @property
    def today(self) -> date:
        return times.local_day(self.now)

    def entry(self, id: str) -> Entry | None:
        """The pathway of that id, if there is one."""
        if id not in self.entries:
            found = self.pathways.gather(self.unit, self.tenant, id, self.known, self._beside, fold=False)
            if found is None:
                return None
            known = {same(event): event.id for event in found.events()}
            self.entries[id] = Entry(found, dict(found.stored), dict(found.observations), events=known)
        return self.entries[id]

    def opened(self, pathway: Gathered) -> Entry:
        """A pathway that this unit opens."""
        entry = self.entries[pathway.id] = Entry(pathway, new=True, judged=True)
        return entry

    def open(self, patient: str, pathway_type: str = "") -> list[str]:
        """Ids of the patient's open pathways, as they will be: without those that the unit closes, with those that it opens."""
        return [id for id, type in self.open_types(patient) if pathway_type in ("", type)]

    def open_types(self, patient: str) -> list[tuple[str, str]]:
        """Those ids, each with the pathway's type."""
        found = {body["id"]: body for body in self._beside(patient)}
        found |= {id: e.pathway.episode for id, e in self.entries.items() if e.new and patient_of(e.pathway.episode) == patient}
        closed = {id for id, entry in self.entries.items() if entry.closes}
        return [(id, type_of(body)) for id, body in found.items() if id not in closed]

    def _beside(self, patient: str) -> list[Body]:
        if patient not in self.beside:
            self.beside[patient] = episodes(self.unit, self.tenant, patient, OPEN_EPISODES)
            self.known |= {("EpisodeOfCare", body["id"]): body for body in self.beside[patient]}
        return self.beside[patient]

    def named(self, identifier: Mapping[str, Any]) -> list[str]:
        """Ids of the pathways that have that identifier, their own or a course's (ForlopsId)."""
        system, value = tidy(identifier)
        stored = every(self.unit, self.tenant, "EpisodeOfCare", Clause("identifier", spellings(identifier)))
        found = {one.id: body for one in stored if is_pathway(body := plain(one))}
        found |= {id: entry.pathway.episode for id, entry in self.entries.items() if entry.new}
        return [id for id, body in found.items() if any(tidy(one) == (system, value) for one in body.get("identifier", []))]

    def patient(self, reference: Mapping[str, Any]) -> Body:
        """The patient that an event is about, literal or by identifier. Raises `Problem` where it is not exactly one."""
        literal = local(str(reference.get("reference", "")), self.pathways.base)
        if literal:
            found = self._patient(literal[1]) if literal[0] == "Patient" else None
            if found is None:
                raise refused(*NO_PATIENT, where="Observation.subject")
            return found
        identifier = reference.get("identifier", {})
        if "value" not in identifier:
            raise refused(*NO_PATIENT, where="Observation.subject")
        clause = Clause("identifier", [Match(canonical_system(identifier.get("system", "")), identifier["value"])])
        stored = {one.id: plain(one) for one in every(self.unit, self.tenant, "Patient", clause)}
        brought = {id: body for (kind, id), body in self.sent.items() if kind == "Patient" and _has(body, identifier)}
        people = [{**body, "id": id} for id, body in {**stored, **brought}.items()]
        if len(people) != 1:
            raise refused(*(SEVERAL_PATIENTS if people else NO_PATIENT), where="Observation.subject")
        self.known["Patient", people[0]["id"]] = people[0]
        return people[0]

    def _patient(self, id: str) -> Body | None:
        if ("Patient", id) not in self.known:
            stored = self.unit.read(self.tenant, "Patient", id)
            if stored is None:
                return None
            self.known["Patient", id] = plain(stored)
        return {**self.known["Patient", id], "id": id}

    def before(self, entry: Entry) -> tuple[Course, State | None]:
        """The pathway's course and state as they stand, but for what is retracted: what the gate compares with."""
        if entry.new:
            return Course(), None
        observations = {**entry.observations, **entry.retracted}
        return self.pathways.folded(replace(entry.pathway, stored=entry.was, observations=observations))


def same(event: Event) -> Same:
    """What makes two registrations one event, whatever form their codes have."""
    return event.kind, frozenset(event.outcomes), event.on


def tidy(identifier: Mapping[str, Any]) -> tuple[str, str]:
    """System and value as they are compared: a UUID is the same in either case."""
    system, value = canonical_system(str(identifier.get("system", ""))), str(identifier.get("value", ""))
    return system, value.lower() if value.lower().startswith(UUID) else value


def spellings(identifier: Mapping[str, Any]) -> list[Match]:
    """The identifier as it may stand where it was kept: a UUID in either case."""
    system, value = canonical_system(str(identifier.get("system", ""))), str(identifier.get("value", ""))
    ways = [value, value.lower(), f"{UUID}{value[len(UUID) :].upper()}"] if value.lower().startswith(UUID) else [value]
    return [Match(system, way) for way in dict.fromkeys(ways)]


def local(reference: str, base: str) -> tuple[str, str] | None:
    """Type and id of a literal reference to a resource here; None where it has no address, ("", "") where it is elsewhere."""
    if not reference:
        return None
    type, slash, id = reference.removeprefix(f"{base}/").partition("/_history/")[0].partition("/")
    return (type, id) if slash and "/" not in id and ":" not in type else ("", "")


def refused(en: str, nb: str, *, where: str, rule: str = PROFILE) -> Problem:
    """A business rule that stands against the write."""
    return problem(Kind.BUSINESS_RULE, en, nb, where=where, rule=rule)


def _has(patient: Body, identifier: Mapping[str, Any]) -> bool:
    return any(tidy(one) == tidy(identifier) for one in patient.get("identifier", []))


NO_PATIENT: Final = (
    "No patient here is the one that the event is about: create the Patient first, or in the same transaction.",
    "Ingen pasient her er den hendelsen gjelder: opprett Patient først, eller i samme transaksjon.",
)
SEVERAL_PATIENTS: Final = (
    "Several patients have this identifier: refer to one by its id.",
    "Flere pasienter har denne identifikatoren: referer til én ved id.",
)
