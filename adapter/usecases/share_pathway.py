"""What another organisation sees of a pathway stands in its own space here, as long as there is a ground for it, and no longer.

    share_pathway(work, tenant, pathway)      # after anything that a pathway, its team or its assignments have come to
    share_pathways_of(work, tenant, patient)  # after a patient has said, or taken back, that somebody is not to see

Who has a ground: an organisation that coordinates, by an open participation in the pathway's CareTeam (so from the acceptance of
an assignment until it is released, ended, handed over or taken back), as long as the pathway is open or in municipal follow-up; and
who referred, for the status alone. A patient's block against an organisation takes its ground away; one against a person goes with
the copies, and holds for that person in the space where they are. The copies are levelled with
the originals in the very unit that changes these; where the ground has ended they are removed, with their history: what is not
yours does not exist. The assignment itself stays with both its sides: it is what they have agreed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from adapter.ports import Clause, Match, Query
from adapter.r4.compartment import blocks
from adapter.r4.index import BLOCKS
from adapter.r4.systems import canonical_system
from adapter.usecases.assignments import Work, parties
from adapter.usecases.pathways import Body, bodies_of, episodes, every, is_pathway, patient_of, plain, said_by
from adapter.usecases.situation import OPEN_EPISODES
from mappings.resources import assignment, care_plan, care_team, outward_pathway
from mappings.resources.computed import COMPUTED
from mappings.resources.elements import ENH, HPR, NUMBERS, URI

KINDS: Final = ("EpisodeOfCare", "CarePlan", "CareTeam", "Consent")
PERSONS: Final = {HPR, *NUMBERS.values()}
FOLLOW_UP: Final = "municipal-follow-up"
HIGHEST: Final = 8  # units within units that are climbed from who referred to the legal entity


def share_pathway(work: Work, tenant: str, pathway: str) -> None:
    """See that each organisation that may know of the pathway has what it may see, and that no other has anything.

    `tenant` is the organisation whose pathway it is. Of one that is worked out elsewhere there is at most the team.
    """
    if not pathway or not _others(work, tenant):
        return
    found, team = work.body(tenant, "EpisodeOfCare", pathway), work.body(tenant, "CareTeam", care_team.id_of(pathway))
    episode = found if found and is_pathway(found) else None
    if episode is None and team is None:
        return
    patient = work.body(tenant, "Patient", patient_of(episode)) if episode else None
    numbers = patient.get("identifier", []) if patient else [(team or {}).get("subject", {}).get("identifier", {})]
    number = next((one for one in numbers if one.get("system") in NUMBERS.values()), None)
    referrer = _referrer(work, tenant, episode) if episode else ""
    coordinate = _coordinating(episode, team)
    closed = _closed_to(work, tenant, patient["id"]) if patient else []
    for space in sorted({*_asked(work, tenant, pathway), referrer} - {tenant, ""}):
        wanted: dict[str, Body] = {}
        if number and space in coordinate:
            wanted = _whole(work, tenant, episode, team, number)
        elif number and episode and space == referrer and episode["status"] != "entered-in-error":
            wanted = {"EpisodeOfCare": outward_pathway.status_only(episode, number)}
        if wanted and number and closed:
            wanted["Consent"] = outward_pathway.block(pathway, number, closed)
        may_see = wanted and work.sharing.space(space) and not _blocked(work, tenant, patient, numbers, space)
        _level(work, space, pathway, wanted if may_see else {})


def home_of(work: Work, task: Body) -> str:
    """The organisation whose the pathway of an assignment is: of its sides that which has the pathway itself, else ours."""
    pathway = assignment.pathway_of(task)
    having = (number for number in parties(task) if is_pathway(work.body(number, "EpisodeOfCare", pathway) or {}))
    return next(having, work.lead(task)) if pathway else ""


def share_pathways_of(work: Work, tenant: str, patient: str) -> None:
    """As `share_pathway`, for all pathways of a patient: by the Patient's id, or by `system|value`."""
    system, bar, value = patient.rpartition("|")
    if bar:
        found = work.unit.search(tenant, Query("Patient", [Clause("identifier", [Match(system, value)])])).found
        ids = [one.id for one in found]
    else:
        ids = [patient] if patient else []
    for id in ids:
        for episode in episodes(work.unit, tenant, id):
            share_pathway(work, tenant, episode["id"])


def _others(work: Work, tenant: str) -> bool:
    return bool(work.sharing.partners) or any(number != tenant for number in work.sharing.organisations)


def _asked(work: Work, tenant: str, pathway: str) -> Iterator[str]:
    """All who are, or ever were, a side of an assignment of the pathway."""
    clause = Clause("group-identifier", [Match(URI, f"urn:uuid:{pathway}")])
    for one in every(work.unit, tenant, "Task", clause):
        if assignment.is_shared(task := plain(one)):
            yield from parties(task)


def _coordinating(episode: Body | None, team: Body | None) -> set[str]:
    """The organisations that coordinate now."""
    goes_on = episode is None or episode["status"] in OPEN_EPISODES or said_by(episode, "pathway-phase") == FOLLOW_UP
    return {number for _, (number, _) in care_team.holders(team)} if team and goes_on else set()


def _referrer(work: Work, tenant: str, episode: Body) -> str:
    """The number of the legal entity that referred: who asked, else who sent the referral; empty where neither is told."""
    asked = next((str(one.get("reference", "")) for one in episode.get("referralRequest", [])), "")
    request = _linked(work, tenant, {"reference": asked}) or {}
    if number := _entity(work, tenant, request.get("requester", {})):
        return number
    made = Query("Provenance", [Clause("target", [Match("ServiceRequest", str(request.get("id", "")))])], limit=1)
    found = work.unit.search(tenant, made).found if request else []
    agents = [agent for one in found for agent in plain(one).get("agent", [])]
    return next(filter(None, (_entity(work, tenant, agent.get("who", {})) for agent in agents)), "")


def _entity(work: Work, tenant: str, said: Body | None) -> str:
    """The number of the legal entity that a reference leads up to: by its role, its unit, and what that is part of."""
    for _ in range(HIGHEST):
        if said is None:
            return ""
        identifiers = said["identifier"] if isinstance(said.get("identifier"), list) else [said.get("identifier", {})]
        if number := _number(identifiers):
            return number
        said = _linked(work, tenant, said) if "reference" in said else said.get("partOf") or said.get("organization")
    return ""


def _number(identifiers: Iterable[Mapping[str, str]]) -> str:
    return next((str(one.get("value", "")) for one in identifiers if one.get("system") == ENH), "")


def _linked(work: Work, tenant: str, said: Body) -> Body | None:
    type, _, id = str(said.get("reference", "")).removeprefix(f"{work.sharing.base}/").partition("/")
    return work.body(tenant, type, id) if id else None


def _blocked(work: Work, tenant: str, patient: Body | None, numbers: Iterable[Body], number: str) -> bool:
    """Whether the patient has said no to the organisation: an active Consent that denies it."""
    names = {f"{one.get('system', '')}|{one.get('value', '')}" for one in numbers} | ({patient["id"]} if patient else set())
    said = every(work.unit, tenant, "Consent", Clause(BLOCKS, [Match(value=number)]))
    return any(one.patient in names and plain(one).get("status") == "active" for one in said)


def _closed_to(work: Work, tenant: str, patient: str) -> list[tuple[str, str]]:
    """The persons, by system and number, to whom a patient has closed their record."""
    said = every(work.unit, tenant, "Consent", Clause("patient", [Match("Patient", patient)]))
    consents = [body for one in said if blocks(body := plain(one)) and body["status"] == "active"]
    actors = [actor.get("reference", {}).get("identifier", {}) for body in consents for actor in body["provision"]["actor"]]
    numbers = {(canonical_system(one.get("system", "")), one.get("value", "")) for one in actors}
    return sorted((system, value) for system, value in numbers if system in PERSONS and value)


def _whole(work: Work, tenant: str, episode: Body | None, team: Body | None, number: Body) -> dict[str, Body]:
    made: dict[str, Body] = {"CareTeam": _of_team(team)} if team else {}
    if episode:
        entity = (tenant, work.sharing.names.get(tenant, ""))
        made["EpisodeOfCare"] = outward_pathway.episode(episode, number, entity, with_team=team is not None)
        if plan := work.body(tenant, "CarePlan", care_plan.id_of(episode["id"])):
            made["CarePlan"] = outward_pathway.plan(plan, episode["id"], number, with_team=team is not None)
    return made


def _of_team(team: Body) -> Body:
    sent = care_team.outward(team)
    return {**sent, "id": team["id"], "meta": {**sent["meta"], "tag": [COMPUTED]}}


def _level(work: Work, space: str, pathway: str, wanted: Mapping[str, Body]) -> None:
    ids = {"EpisodeOfCare": pathway, "CarePlan": care_plan.id_of(pathway), "CareTeam": care_team.id_of(pathway)}
    ids["Consent"] = outward_pathway.block_id_of(pathway)
    standing = bodies_of(work.unit.read_all(space, [(type, ids[type]) for type in KINDS]))
    for type in KINDS:
        there, body = standing.get((type, ids[type])), wanted.get(type)
        if body is not None and body != there:
            work.keep(space, body)
        elif body is None and there is not None and outward_pathway.is_copy(there):
            work.unit.remove(space, type, ids[type])
