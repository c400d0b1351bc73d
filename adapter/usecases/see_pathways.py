"""What people look at: the open pathways with what is due next, and one pathway with all that it has come to.

    open_pathways(unit, tenants)           # those whose time runs out first, first
    closed_pathways(unit, tenants)         # those that closed last
    one(pathways, unit, tenants, id)       # gathered and folded; `Problem(NOT_FOUND)` where it is not the caller's

Nothing here names a patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from adapter.domain.problem import Kind, problem
from adapter.ports import Clause, Match, Query, Unit
from adapter.usecases.pathways import Gathered, Pathways, is_pathway, plain, said_by, type_of
from adapter.usecases.resource_rules import computed
from adapter.usecases.situation import OPEN_EPISODES
from mappings import times
from mappings.resources import task
from mappings.resources.writer import SYSTEM

MOST: Final = 100
"""Pathways in a list: it is looked at by people, programs search by FHIR."""

CLOSED: Final = 20

_WAITING: Final = ("requested", "received", "accepted", "ready", "in-progress", "on-hold")
_URN: Final = "urn:uuid:"


@dataclass(frozen=True, slots=True)
class Next:
    """What is due next: its key (`decision-1`), until when, and the id of its Task."""

    key: str
    due: date
    task: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A pathway in a list; a closed one has nothing next."""

    id: str
    tenant: str
    type: str
    version: str
    phase: str
    status: str
    next: Next | None


def open_pathways(unit: Unit, tenants: Sequence[str]) -> list[Seen]:
    """The open pathways, no more than `MOST`: first those with a time limit that runs, by its last day, then the newest others."""
    found = [seen for tenant in tenants for seen in _of(unit, tenant)]
    return sorted(found, key=lambda seen: (seen.next is None, seen.next.due if seen.next else date.max))[:MOST]


def closed_pathways(unit: Unit, tenants: Sequence[str]) -> list[Seen]:
    """The closed pathways that changed last, no more than `CLOSED` of each organisation."""
    closed = Clause("status", [Match(value=status) for status in ("finished", "cancelled")])
    found = [(t, plain(one)) for t in tenants for one in unit.search(t, Query("EpisodeOfCare", [closed], limit=CLOSED)).found]
    return [_seen(tenant, episode) for tenant, episode in found if is_pathway(episode)]


def _of(unit: Unit, tenant: str) -> Iterator[Seen]:
    due: dict[str, Next] = {}
    for body in _waiting(unit, tenant):
        if (pathway := _pathway(body)) and (said := _next(pathway, body)):
            due[pathway] = min(due.get(pathway, said), said, key=lambda one: one.due)
    episodes = [plain(one) for one in unit.read_all(tenant, [("EpisodeOfCare", id) for id in due])]
    opened = Clause("status", [Match(value=status) for status in OPEN_EPISODES])
    newest = [plain(one) for one in unit.search(tenant, Query("EpisodeOfCare", [opened], limit=MOST)).found]
    for episode in {body["id"]: body for body in (*episodes, *newest)}.values():
        if is_pathway(episode) and episode["status"] in OPEN_EPISODES:
            yield _seen(tenant, episode, due.get(episode["id"]))


def _seen(tenant: str, episode: dict[str, Any], following: Next | None = None) -> Seen:
    rules, phase = said_by(episode, "rule-version"), said_by(episode, "pathway-phase")
    return Seen(episode["id"], tenant, type_of(episode), rules, phase, episode["status"], following)


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


def _next(pathway: str, body: dict[str, Any]) -> Next | None:
    due = times.norwegian_day(body["restriction"]["period"].get("end", ""))
    key = task.key_of(pathway, body)
    return Next(key, due, body["id"]) if due and key else None


def one(pathways: Pathways | None, unit: Unit, tenants: Iterable[str], id: str) -> Gathered:
    """A pathway of one of the organisations. Raises `Problem(NOT_FOUND)`."""
    for tenant in tenants:
        if pathways and (found := pathways.gather(unit, tenant, id)):
            return found
    raise problem(Kind.NOT_FOUND, "There is no such pathway.", "Forløpet finnes ikke.")


def beginning(unit: Unit, tenants: Iterable[str], start: str) -> list[str]:
    """Ids of pathways that begin so; two are enough to see that it is not one."""
    clause = Clause("_id", [Match(value=start, how="prefix")])
    return [one.id for tenant in tenants for one in unit.search(tenant, Query("EpisodeOfCare", [clause], limit=2)).found]
