"""What people look at: the pathways with who holds the baton and what is due next, and one with all that it has come to.

    open_pathways(unit, others, tenants, today)      # what is stuck first, then by what is awaited next
    closed_pathways(unit, others, tenants, today)    # those that closed last
    see(pathways, unit, others, tenants, id, today)   # gathered and folded; `Problem(NOT_FOUND)` where it is not the caller's

Nothing here names a patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from adapter.domain.baton import Baton, Next
from adapter.domain.feedback import LIMIT_NAMES
from adapter.domain.problem import Kind, problem
from adapter.domain.state import State
from adapter.ports import Clause, Match, Query, Trouble, Unit
from adapter.usecases.pathways import Gathered, Pathways, is_pathway, plain, said_by, type_of
from adapter.usecases.resource_rules import computed
from adapter.usecases.see_batons import ASSIGNMENTS, AWAITED, Others, Relay, batons, relay
from adapter.usecases.situation import OPEN_EPISODES
from mappings import times
from mappings.resources import assignment, care_team, task
from mappings.resources.writer import SYSTEM

MOST: Final = 100
"""Pathways in a list: it is looked at by people, programs search by FHIR."""

CLOSED: Final = 20

_WAITING: Final = ("requested", "received", "accepted", "ready", "in-progress", "on-hold")
_URN: Final = "urn:uuid:"

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Due:
    """What is due next of the time limits: its key (`decision-1`), until when, and the id of its Task."""

    key: str
    due: date
    task: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A pathway in a list. `due` is the time limit that runs out first, where one runs; `troubles` are those that it tells of."""

    id: str
    tenant: str
    type: str
    version: str
    phase: str
    status: str
    due: Due | None
    baton: Baton
    troubles: tuple[Trouble, ...] = ()


def open_pathways(unit: Unit, others: Others, tenants: Sequence[str], today: date) -> list[Seen]:
    """The pathways that somebody has to do with, no more than `MOST`: what is stuck, the longest first, then by what is next.

    Open ones, and closed ones of which an assignment is open or in trouble.
    """
    found = [seen for tenant in tenants for seen in _of(unit, others, tenant, today)]
    return sorted(found, key=_urgent)[:MOST]


def _urgent(seen: Seen) -> tuple[bool, date, bool, date]:
    stuck, following = seen.baton.stuck, seen.baton.next
    by = following.by if following else None
    return not stuck, stuck[0].since if stuck else date.max, by is None, by or date.max


def closed_pathways(unit: Unit, others: Others, tenants: Sequence[str], today: date) -> list[Seen]:
    """The closed pathways that changed last, no more than `CLOSED` of each organisation."""
    closed = Clause("status", [Match(value=status) for status in ("finished", "cancelled")])
    found: list[Seen] = []
    for tenant in tenants:
        episodes = [plain(one) for one in unit.search(tenant, Query("EpisodeOfCare", [closed], limit=CLOSED)).found]
        found += _seen(unit, others, tenant, [one for one in episodes if is_pathway(one)], {}, today)
    return found


def _of(unit: Unit, others: Others, tenant: str, today: date) -> list[Seen]:
    due: dict[str, Due] = {}
    for body in _waiting(unit, tenant):
        if (pathway := _pathway(body)) and (said := _due(pathway, body)):
            due[pathway] = min(due.get(pathway, said), said, key=lambda one: one.due)
    handed = dict.fromkeys([*_in_trouble(unit, tenant), *_handed_over(unit, tenant)])
    first = [*handed, *sorted(due, key=lambda id: due[id].due)]
    episodes = {one.id: plain(one) for one in unit.read_all(tenant, [("EpisodeOfCare", id) for id in dict.fromkeys(first)])}
    opened = Clause("status", [Match(value=status) for status in OPEN_EPISODES])
    newest = {one.id: plain(one) for one in unit.search(tenant, Query("EpisodeOfCare", [opened], limit=MOST)).found}
    known = newest | episodes
    wanted = [known[id] for id in dict.fromkeys([*first, *newest]) if id in known]
    shown = [one for one in wanted if is_pathway(one) and (one["status"] in OPEN_EPISODES or one["id"] in handed)]
    return _seen(unit, others, tenant, shown[:MOST], due, today)


def _in_trouble(unit: Unit, tenant: str) -> Iterator[str]:
    """The pathways of which something waits for a person, the longest first."""
    about = [trouble.about for trouble in unit.troubles([tenant], limit=MOST)]
    pathways = pathways_of(unit, tenant, about)
    yield from filter(None, map(pathways.get, about))


def pathways_of(unit: Unit, tenant: str, about: Sequence[str]) -> dict[str, str]:
    """The ids of the pathways that resources of ours belong to, by the resources' names (`Task/id`), for those that have one."""
    named = [(type, id) for type, _, id in (name.partition("/") for name in about)]
    found = {f"EpisodeOfCare/{id}": id for type, id in named if type == "EpisodeOfCare"}
    tasks = [name for name in named if name[0] == "Task"]
    found |= {f"Task/{one.id}": assignment.pathway_of(plain(one)) for one in unit.read_all(tenant, tasks)}
    teams = [Match("CareTeam", id) for type, id in named if type == "CareTeam"]
    for one in unit.search(tenant, Query("EpisodeOfCare", [Clause("team", teams)], limit=MOST)).found if teams else ():
        found[f"CareTeam/{care_team.id_of(one.id)}"] = one.id
    return {name: pathway for name, pathway in found.items() if pathway}


def _handed_over(unit: Unit, tenant: str) -> Iterator[str]:
    """The pathways of which somebody is asked something, the last first."""
    found = unit.search(tenant, Query("Task", [AWAITED, ASSIGNMENTS], limit=MOST)).found
    yield from filter(None, (assignment.pathway_of(plain(one)) for one in found))


def _seen(unit: Unit, others: Others, tenant: str, episodes: Sequence[Body], due: Mapping[str, Due], today: date) -> list[Seen]:
    awaits = {id: (awaited(one.key, one.due),) for id, one in due.items()}
    held = batons(unit, others, tenant, episodes, awaits, today)
    return [
        Seen(
            episode["id"],
            tenant,
            type_of(episode),
            said_by(episode, "rule-version"),
            said_by(episode, "pathway-phase"),
            episode["status"],
            due.get(episode["id"]),
            *held[episode["id"]],
        )
        for episode in episodes
    ]


def awaited(key: str, due: date) -> Next:
    """A time limit that runs, by its key, as something that is awaited."""
    kind, _, ordinal = key.rpartition("-")
    nb, en = LIMIT_NAMES.get(kind, (kind, kind))
    again = f" {ordinal}" if ordinal not in ("", "1") else ""
    return Next(nb + again, en + again, due)


def _waiting(unit: Unit, tenant: str) -> Iterator[dict[str, Any]]:
    """Tasks that wait for somebody: overdue, then due soon, then on time, of each those that changed last.

    So it takes the same time however many there are; in the order of their deadlines all that are done would be passed first.
    """
    status = Clause("status", [Match(value=status) for status in _WAITING])
    for standing in ("overdue", "due-soon", "on-time"):
        stands = Clause("business-status", [Match(f"{SYSTEM}business-status", standing)])
        yield from map(plain, unit.search(tenant, Query("Task", [status, stands], limit=MOST)).found)


def _pathway(body: dict[str, Any]) -> str:
    """The id of the pathway that a Task of ours belongs to."""
    return str(body.get("groupIdentifier", {}).get("value", "")).removeprefix(_URN) if computed(body) else ""


def _due(pathway: str, body: dict[str, Any]) -> Due | None:
    due = times.norwegian_day(body["restriction"]["period"].get("end", ""))
    key = task.key_of(pathway, body)
    return Due(key, due, body["id"]) if due and key else None


def one(pathways: Pathways | None, unit: Unit, tenants: Iterable[str], id: str) -> Gathered:
    """A pathway of one of the organisations. Raises `Problem(NOT_FOUND)`."""
    return _whose(pathways, unit, tenants, id)[1]


def see(
    pathways: Pathways | None, unit: Unit, others: Others, tenants: Iterable[str], id: str, today: date
) -> tuple[Gathered, State, Relay]:
    """A pathway of one of the organisations with its state, and its baton. Raises `Problem(NOT_FOUND)`."""
    tenant, gathered = _whose(pathways, unit, tenants, id)
    state = gathered.state
    assert state  # noqa: S101 - tells the type checker: what is stored has been folded
    runs = [awaited(d.key, d.due) for d in state.deadlines if d.due and not (d.met or d.over)]
    return gathered, state, relay(unit, others, tenant, gathered.episode, runs, today)


def _whose(pathways: Pathways | None, unit: Unit, tenants: Iterable[str], id: str) -> tuple[str, Gathered]:
    for tenant in tenants:
        if pathways and (found := pathways.gather(unit, tenant, id)):
            return tenant, found
    raise problem(Kind.NOT_FOUND, "There is no such pathway.", "Forløpet finnes ikke.")


def beginning(unit: Unit, tenants: Iterable[str], start: str) -> list[str]:
    """Ids of pathways that begin so; two are enough to see that it is not one."""
    clause = Clause("_id", [Match(value=start, how="prefix")])
    return [one.id for tenant in tenants for one in unit.search(tenant, Query("EpisodeOfCare", [clause], limit=2)).found]
