"""What is stored of assignments, teams and troubles, as the plain values that the baton follows from (`adapter.domain.baton`).

    seen = batons(unit, others, tenant, episodes, awaits, today)      # of many pathways, in a few questions to the store
    told = relay(unit, others, tenant, episode, awaits, today)        # of one, with the whole story of each assignment

`awaits` are the time limits that run. Nothing here names a patient; a coordinator's own name is in `Holding` alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from adapter.domain.assignment import CODES, OPEN
from adapter.domain.baton import Assignment, Baton, Fault, Leg, Next, Part, Run, baton, legs
from adapter.domain.coordination import Text
from adapter.ports import Clause, Match, Trouble, Unit
from adapter.usecases.pathways import every, plain, said_by
from adapter.usecases.sharing import Partner
from mappings import times
from mappings.resources import assignment, care_team, normal
from mappings.resources.elements import URI
from mappings.resources.normal import items, obj, text
from mappings.resources.writer import SYSTEM

Body = dict[str, Any]

LONGEST: Final = 300
"""Characters of what a partner wrote that are shown."""

MOST: Final = 1000
"""Troubles, and versions of one Task, that are looked at."""

AWAITED: Final = Clause("status", [Match(value=status) for status in sorted(OPEN - {"draft"})])
ASSIGNMENTS: Final = Clause("code", [Match(f"{SYSTEM}coordination-task", code) for code in CODES])
SIDES: Final = {care_team.MUNICIPAL: True, care_team.SPECIALIST: False}
_AT_ONCE: Final = 50  # pathways in one question


class Others(NamedTuple):
    """Who there is: the partners that assignments are shared with, who of all is a municipality, and what ours are called."""

    partners: Sequence[Partner] = ()
    municipalities: Collection[str] = frozenset()
    names: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Told:
    """A step of an assignment: on which day it came to stand so, and the reason that was given."""

    on: date
    stands: Assignment
    reason: str


@dataclass(frozen=True, slots=True)
class Story:
    """An assignment from the day that it was asked, with why these were asked; `told` is oldest first."""

    now: Assignment
    told: tuple[Told, ...]
    why: Text


@dataclass(frozen=True, slots=True)
class Holding:
    """A part in the team, with the person who has it where one is named: health personnel, and how they are reached."""

    part: Part
    person: str
    phone: str


@dataclass(frozen=True, slots=True)
class Relay:
    """All that there is to see of a pathway's baton. `troubles` are the open ones, as they are kept."""

    baton: Baton
    legs: tuple[Leg, ...]
    stories: tuple[Story, ...]
    holdings: tuple[Holding, ...]
    troubles: tuple[Trouble, ...]


def batons(
    unit: Unit, others: Others, tenant: str, episodes: Sequence[Body], awaits: Mapping[str, Sequence[Next]], today: date
) -> dict[str, tuple[Baton, tuple[Trouble, ...]]]:
    """The batons of some pathways of an organisation, by the pathways' ids, each with the open troubles that it tells of."""
    ids = [episode["id"] for episode in episodes]
    tasks: dict[str, list[Kept]] = {id: [] for id in ids}
    for start in range(0, len(ids), _AT_ONCE):
        for one in _kept(unit, tenant, ids[start : start + _AT_ONCE], ASSIGNMENTS):
            tasks[assignment.pathway_of(one.task)].append(one)
    teams = {one.id: plain(one) for one in unit.read_all(tenant, [("CareTeam", care_team.id_of(id)) for id in ids])}
    troubles = _troubles(unit, others, tenant, tasks)
    found = {}
    for episode in episodes:
        id = episode["id"]
        team = teams.get(care_team.id_of(id), {})
        run = _run(others, tenant, episode, tasks[id], team, awaits.get(id, ()), troubles[id])
        found[id] = baton(run, today), tuple(troubles[id])
    return found


def relay(unit: Unit, others: Others, tenant: str, episode: Body, awaits: Sequence[Next], today: date) -> Relay:
    """The baton of one pathway, and how it went from hand to hand."""
    id = episode["id"]
    tasks = list(_kept(unit, tenant, [id]))
    team = next((plain(one) for one in unit.read_all(tenant, [("CareTeam", care_team.id_of(id))])), {})
    troubles = _troubles(unit, others, tenant, {id: tasks})[id]
    run = _run(others, tenant, episode, tasks, team, awaits, troubles)
    waiting = {one.id for one in run.assignments if any(s.home and not s.remote for s in unit.shared(tenant, "Task", one.id))}
    run = replace(run, assignments=tuple(replace(one, waits=one.id in waiting) for one in run.assignments))
    stories = [_story(unit, others, tenant, one, task.task) for task in tasks for one in run.assignments if one.id == task.id]
    stories.sort(key=lambda story: (story.told[0].on, story.now.id))
    return Relay(baton(run, today), legs(run), tuple(stories), tuple(_parts(_names(others, tenant, tasks), team)), tuple(troubles))


@dataclass(frozen=True, slots=True)
class Kept:
    """A Task of a pathway, and the day that it last changed."""

    id: str
    task: Body
    changed: date


def _kept(unit: Unit, tenant: str, pathways: Sequence[str], *more: Clause) -> Iterator[Kept]:
    groups = Clause("group-identifier", [Match(URI, f"urn:uuid:{id}") for id in pathways])
    for one in every(unit, tenant, "Task", groups, *more):
        yield Kept(one.id, plain(one), times.local_day(one.updated))


def _run(
    others: Others,
    tenant: str,
    episode: Body,
    tasks: Iterable[Kept],
    team: Body,
    awaits: Sequence[Next],
    troubles: Sequence[Trouble],
) -> Run:
    shared = [one for one in tasks if assignment.is_shared(one.task)]
    names = _names(others, tenant, shared)
    first = next(iter(items(episode.get("statusHistory"))), episode)
    return Run(
        said_by(episode, "pathway-phase"),
        names[tenant],
        _day(obj(first.get("period")).get("start")),
        _day(obj(episode.get("period")).get("end")),
        tuple(awaits),
        tuple(_assignment(others, names, one.task, one.changed) for one in shared),
        tuple(one.part for one in _parts(names, team)),
        tuple(Fault(one.kind, one.nb, one.en, times.local_day(one.since)) for one in troubles),
        asks=bool(others.partners),
    )


def _names(others: Others, tenant: str, tasks: Iterable[Kept]) -> dict[str, str]:
    """What the organisations are called, by their numbers: the hospital's own name, and who was asked."""
    named = {assignment.party(one.task, "owner"): text(obj(one.task.get("owner")).get("display"))[:LONGEST] for one in tasks}
    return {**{number: name or number for number, name in named.items()}, tenant: tenant, **others.names}


def _assignment(others: Others, names: Mapping[str, str], task: Body, since: date) -> Assignment:
    owner, decided = assignment.party(task, "owner"), assignment.decision_of(task)
    progress = [text(coding.get("code")) for coding in items(obj(task.get("businessStatus")).get("coding"))]
    return Assignment(
        task["id"],
        assignment.code_of(task),
        text(task.get("status")),
        owner in others.municipalities,
        names.get(owner, owner),
        since,
        Text(str(decided.get("who", "")), str(decided.get("who-en", ""))),
        _day(obj(obj(task.get("restriction")).get("period")).get("end")),
        awaits_information="awaiting-information" in progress,
        undelivered=assignment.standing(task) == "delivery-failed",
    )


# --- the team


def _parts(names: Mapping[str, str], team: Body) -> Iterator[Holding]:
    """The coordinators of a team, in its own order, which is that of time."""
    contained = normal.contained_in(team)
    for one in items(team.get("participant")):
        role, period = _role(one), obj(one.get("period"))
        since = _day(period.get("start"))
        if role is None or since is None:
            continue
        said = normal.reference(one.get("member"), contained, named=True)
        inner = obj(said.get("resource"))
        whose = obj(inner.get("organization")) or said
        number = text(obj(whose.get("identifier")).get("value"))
        organisation = names.get(number) or text(whose.get("display"))[:LONGEST] or number
        named = bool(inner) or said.get("type") not in ("Organization", None)
        phones = [text(way.get("value")) for way in items(inner.get("telecom")) if way.get("system") == "phone"]
        person = text(obj(inner.get("practitioner")).get("display")) or (text(said.get("display")) if named else "")
        part = Part(role, organisation, named, since, _day(period.get("end")))
        yield Holding(part, person[:LONGEST], next(iter(phones), "")[:LONGEST])


def _role(participant: Body) -> bool | None:
    """Whether it coordinates for the municipality, or for the specialist service; None where it does neither."""
    codes = [text(coding.get("code")) for role in items(participant.get("role")) for coding in items(role.get("coding"))]
    return next((SIDES[code] for code in codes if code in SIDES), None)


# --- troubles


def _troubles(unit: Unit, others: Others, tenant: str, tasks: Mapping[str, Sequence[Kept]]) -> dict[str, list[Trouble]]:
    """The open troubles of each pathway: about its Tasks and team, and about partners who are to answer something."""
    about = {f"Task/{one.id}": id for id, kept in tasks.items() for one in kept}
    about |= {f"CareTeam/{care_team.id_of(id)}": id for id in tasks} | {f"EpisodeOfCare/{id}": id for id in tasks}
    found: dict[str, list[Trouble]] = {id: [] for id in tasks}
    for trouble in unit.troubles([tenant], list(about), limit=MOST) if about else ():  # no names would mean all
        found[about[trouble.about]].append(trouble)
    silent = (
        {
            trouble.partner: trouble
            for trouble in unit.troubles([tenant], [f"Partner/{partner.name}" for partner in others.partners])
        }
        if others.partners
        else {}
    )
    for id, kept in tasks.items():
        numbers = {assignment.party(one.task, who) for one in kept if _is_open(one.task) for who in ("requester", "owner")}
        servers = [partner for partner in others.partners if partner.name in silent and partner.organisation in numbers]
        found[id] += [silent[partner.name] for partner in servers]
    return found


def _is_open(task: Body) -> bool:
    return assignment.is_shared(task) and task.get("status") in OPEN and task["status"] != "draft"


# --- one assignment's story


def _story(unit: Unit, others: Others, tenant: str, now: Assignment, task: Body) -> Story:
    """The versions of a Task as what happened to it: each status once, on the day that it came."""
    told: list[Told] = []
    for one in reversed(unit.history(tenant, "Task", now.id, MOST).found):
        body = plain(one)
        names = {assignment.party(body, "owner"): now.owner}
        stands = _assignment(others, names, body, times.local_day(one.updated))
        if not told or told[-1].stands.status != stands.status:
            told.append(Told(stands.since, stands, _reason(body)))
    decided = assignment.decision_of(task)
    return Story(replace(now, since=told[-1].on), tuple(told), Text(str(decided.get("nb", "")), str(decided.get("en", ""))))


def _reason(task: Body) -> str:
    """Why not, as its owner or requester wrote it: no more than a line or two of it."""
    reason = obj(task.get("statusReason"))
    codings = items(reason.get("coding"))
    return (text(reason.get("text")) or next((text(one.get("display")) for one in codings), ""))[:LONGEST]


def _day(value: object) -> date | None:
    return times.norwegian_day(value) if isinstance(value, str) else None
