"""The service asks for coordinators: when a right to care is given, and when who was asked says no; and reminds those who are.

    follow_pathway(work, entry)                         # after a write: what a pathway's new status and events ask for
    follow_task(work, before, after)                    # after a step: who is asked next, what the coordinator is to do

Whom a municipality asks is its own rules' matter (`adapter.domain.coordination`). Without partners nothing is asked of anyone:
there is no one to hand the baton to. Where no rule or no server leads further, a person gets a Task, and a trouble says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

import structlog

from adapter.correlation import caused_by
from adapter.domain import child_coordinator, coordination
from adapter.domain.assignment import NAMING, TERMINAL
from adapter.domain.coordination import SPECIALIST, UNKNOWN, CoordinationRules, Decision, Situation, Trigger
from adapter.domain.deadlines import add_working_days
from adapter.domain.identity import named
from adapter.ports import Clause, Match, Query
from adapter.usecases.assignments import Work, name, stand
from adapter.usecases.pathways import Body, Key, every, patient_of, plain
from adapter.usecases.situation import OPEN_EPISODES
from adapter.usecases.touched import Entry
from mappings import times
from mappings.course import born_of
from mappings.resources import assignment, care_plan, care_team
from mappings.resources.computed import COMPUTED
from mappings.resources.elements import NUMBERS, URI
from mappings.resources.writer import SYSTEM, own, reference

log = structlog.get_logger(__name__)

ASSIGN: Final = "assign-coordinator"
CONTACT: Final = "contact-municipality"
NOBODY: Final = "no-one-to-ask"
MUNICIPAL: Final = "municipal-coordinator"
GRANTED: Final = ("waitlist", "active", "onhold")
STATEMENT: Final = SYSTEM + "referral-statement"
COUNTY: Final = SYSTEM + "county"
EVENTS: Final[Mapping[str, Trigger]] = {"S": "meeting", "H": "discharge", "X": "discharge", "M": "outpatient"}
"""Events (9322) that give the municipal coordinator something to do. A first attendance as an inpatient is an admission."""


def follow_pathway(work: Work, tenant: str, entry: Entry) -> None:
    """Ask or remind, as a pathway's new status, events and answers want it."""
    pathway, state = entry.pathway, entry.pathway.state
    if not work.sharing.partners or state is None:
        return
    status, was = state.status, entry.was.get(("EpisodeOfCare", pathway.id), {}).get("status", "")
    granted = status in GRANTED and was not in GRANTED
    if granted and not any(assignment.code_of(task) == ASSIGN for task in tasks_of(work, tenant, pathway.id)):
        _ask_ours(work, tenant, pathway.episode)
        _ask_theirs(work, tenant, pathway.episode, frozenset())
    for event in pathway.course.events:
        if event.id not in entry.observations and event.kind in EVENTS:
            inpatient = event.kind == "M" and (event.care_level or state.care_level) == "dognenhet"
            _remind(work, tenant, pathway.episode, "admission" if inpatient else EVENTS[event.kind], event.id)
    plan = named(pathway.id, "individual-plan", 1)
    if _is_done(pathway.stored, plan) and not _is_done(entry.was, plan):
        _remind(work, tenant, pathway.episode, "individual-plan", plan)


def _is_done(stored: Mapping[Key, Body], id: str) -> bool:
    return stored.get(("Task", id), {}).get("status") == "completed"


def follow_task(work: Work, before: Body | None, after: Body) -> None:
    """What an assignment's step leads to: who says no is followed by the next, who is named has things to do."""
    code, lead, old = assignment.code_of(after), work.lead(after), (before or {}).get("status", "")
    episode = work.body(lead, "EpisodeOfCare", assignment.pathway_of(after)) if old != after["status"] else None
    if episode is None or not work.sharing.partners:
        return
    municipal = assignment.party(after, "owner") in work.sharing.municipalities
    if code in NAMING and municipal and after["status"] == "requested":
        work.settled(lead, f"EpisodeOfCare/{episode['id']}", NOBODY)
    elif code in NAMING and after["status"] in ("rejected", "failed"):
        if municipal and assignment.decision_of(after):
            _ask_theirs(work, lead, episode, _refused(work, lead, episode["id"]), after)
        else:  # a person asked, and a person goes on
            en, nb = "Who was asked has said no: ask another.", "Den som ble spurt, har sagt nei: spør en annen."
            work.trouble(lead, f"EpisodeOfCare/{episode['id']}", NOBODY, en, nb)
    elif (
        code in NAMING and municipal and (old, after["status"]) == ("accepted", "cancelled") and episode["status"] in OPEN_EPISODES
    ):
        en = "It was called off after it had been accepted, and nobody else is asked: ask another."
        nb = "Det ble avlyst etter at det var tatt på, og ingen andre er spurt: spør en annen."
        work.trouble(lead, f"EpisodeOfCare/{episode['id']}", NOBODY, en, nb)
    elif code in NAMING and after["status"] == "completed" and municipal:
        _remind(work, lead, episode, "named", after["id"])
    elif code == "release-coordinator" and after["status"] == "completed" and municipal and episode["status"] in OPEN_EPISODES:
        _ask_theirs(work, lead, episode, frozenset(), after, within=1)


def _ask_ours(work: Work, tenant: str, episode: Body) -> None:
    """The specialist service's own coordinator, in the same way."""
    rules = work.sharing.rules(SPECIALIST)
    decided = coordination.decide(rules, _situation(work, tenant, episode, frozenset()))
    if decided:
        ours = episode["managingOrganization"].get("display", "")
        _assign(work, tenant, episode, rules, decided, (tenant, ours), 0)


def _ask_theirs(
    work: Work, tenant: str, episode: Body, refused: frozenset[str], previous: Body | None = None, within: int | None = None
) -> None:
    """The municipality, by its rules; a person, where there is nobody left or no server of theirs is known.

    `within` working days the coordinating unit itself is to answer, where a coordinator has gone; else as the rules say.
    """
    number = _municipality(work.body(tenant, "Patient", patient_of(episode)) or {})
    partner, rules = work.sharing.serving(number), work.sharing.rules(number)
    if within is not None:
        refused, rules = frozenset(rule.id for rule in rules.rules[:-1]), replace(rules, answer_days=within)
    situation = _situation(work, tenant, episode, refused)
    decided = coordination.decide(rules, situation)
    if partner is None or decided is None:
        _to_a_person(work, tenant, episode, number, rules, decided)
        return
    ordinal = sum(assignment.code_of(task) == ASSIGN for task in tasks_of(work, tenant, episode["id"]))
    _assign(work, tenant, episode, rules, decided, (partner.organisation, rules.name or partner.name), ordinal, previous)
    if previous is None:
        _of_a_child(work, tenant, episode, rules, situation)


def _of_a_child(work: Work, tenant: str, episode: Body, rules: CoordinationRules, situation: Situation) -> None:
    """A birthday at which the answer may be another; and whether the child is to have a coordinator of its own: nobody told."""
    if review := coordination.review_on(rules, situation.born, work.today):
        nb = "Pasienten fyller år: se på nytt hvem som skal være koordinator i kommunen."
        _duty(work, tenant, episode, "review-coordinator", nb, "A birthday: look again at who is to coordinate.", review)
    if rules.child_coordinator and situation.born and (lacking := child_coordinator.unknown(rules, situation)):
        why = rules.child_coordinator.reason
        nb = f"Avklar om barnet skal ha barnekoordinator. {why.nb} Ikke kjent: {'; '.join(UNKNOWN[key].nb for key in lacking)}."
        en = f"Settle whether the child is to have a children's coordinator. {why.en}"
        due = add_working_days(work.today, rules.answer_days, work.sharing.week)
        _duty(work, tenant, episode, "assess-child-coordinator", nb, en, due)


def _assign(
    work: Work,
    tenant: str,
    episode: Body,
    rules: CoordinationRules,
    decided: Decision,
    owner: tuple[str, str],
    ordinal: int,
    previous: Body | None = None,
) -> None:
    due = add_working_days(work.today, rules.answer_days, work.sharing.week)
    made = built(work, tenant, episode, ASSIGN, ordinal, owner, due, decision=decided, previous=previous)
    if made:
        note = {"note": [{"text": f"{decided.conflict} ({decided.conflict_en})"}]} if decided.conflict else {}
        with caused_by(_origin(work, tenant, episode["id"])):
            log.info("assignment.asked", organisation=tenant, owner=owner[0], about=name(made))
            stand(work, None, {**made, **note})


def _origin(work: Work, tenant: str, pathway: str) -> str:
    """The message that opened the pathway: whatever is asked for it came of that. Empty where none did."""
    first = work.unit.read(tenant, "EpisodeOfCare", pathway, 1)
    source = str(plain(first).get("meta", {}).get("source", "")).removeprefix("urn:uuid:") if first else ""
    message = work.unit.message(source) if source else None
    return message.id if message and message.tenant == tenant else ""


def built(
    work: Work, tenant: str, episode: Body, kind: str, ordinal: str | int, owner: tuple[str, str], due: date | None, **more: Any
) -> Body | None:
    """A Task from the pathway's organisation; None where the patient has no national number to be known by over there."""
    patient = work.body(tenant, "Patient", patient_of(episode)) or {}
    systems = (NUMBERS["FNR"], NUMBERS["DNR"])
    known = next((i for i in patient.get("identifier", []) if i.get("system") in systems and i.get("value")), None)
    if known is None:
        _to_a_person(work, tenant, episode, "", None, None)
        return None
    ours = episode["managingOrganization"]
    plan = f"{work.sharing.base}/CarePlan/{care_plan.id_of(episode['id'])}"
    return assignment.build(
        pathway=episode["id"],
        kind=kind,
        ordinal=ordinal,
        patient=(f"Patient/{patient['id']}", known["system"], known["value"]),
        requester=(tenant, ours.get("display", "")),
        owner=owner,
        focus=more.pop("focus", plan),
        now=work.now,
        due=due,
        **more,
    )


def tasks_of(work: Work, tenant: str, pathway: str) -> list[Body]:
    """The shared Tasks of a pathway."""
    clause = Clause("group-identifier", [Match(URI, f"urn:uuid:{pathway}")])
    return [task for one in every(work.unit, tenant, "Task", clause) if assignment.is_shared(task := plain(one))]


def _refused(work: Work, tenant: str, pathway: str) -> frozenset[str]:
    """The rules by which those were asked who have said no."""
    said_no = [task for task in tasks_of(work, tenant, pathway) if task["status"] in ("rejected", "failed")]
    return frozenset(filter(None, (str(assignment.decision_of(task).get("rule", "")) for task in said_no)))


def _situation(work: Work, tenant: str, episode: Body, refused: frozenset[str]) -> Situation:
    """What is known of the patient. Contacts with the municipality's services, and a child's needs, no source tells us."""
    patient = work.body(tenant, "Patient", patient_of(episode)) or {}
    return Situation(work.today, born=born_of(patient), coordinator=_has_coordinator(work, tenant, episode), refused=refused)


def _has_coordinator(work: Work, tenant: str, episode: Body) -> bool | None:
    """Whether the patient has a coordinator in the municipality: as the team has it, else as the referral says it (or None)."""
    team = work.body(tenant, "CareTeam", care_team.id_of(episode["id"]))
    if team and care_team.holder(team, MUNICIPAL):
        return True
    clauses = [Clause("patient", [Match("Patient", patient_of(episode))]), Clause("code", [Match(STATEMENT, "individual-plan")])]
    for stored in work.unit.search(tenant, Query("Observation", clauses, limit=10)).found:
        for component in plain(stored).get("component", []):
            if any((c.get("system"), c.get("code")) == (STATEMENT, "coordinator-appointed") for c in component["code"]["coding"]):
                said: bool | None = component.get("valueBoolean")
                return said
    return None


def _municipality(patient: Body) -> str:
    """The number (3402) of the municipality that the patient's address is in; empty where it does not say."""
    return next((str(c["code"]) for address in patient.get("address", []) for c in _codings(address) if _is_municipality(c)), "")


def _codings(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every coding within, whatever extension it stands in."""
    if isinstance(node, dict):
        if "system" in node and "code" in node:
            yield node
        for value in node.values():
            yield from _codings(value)
    elif isinstance(node, list):
        for value in node:
            yield from _codings(value)


def _is_municipality(coding: Mapping[str, Any]) -> bool:
    """By 3402; or in a message's `County`, which has no code list of its own there, four digits: the number of a municipality."""
    system, code = str(coding["system"]), str(coding["code"])
    return system.endswith((".3402", "no-kodeverk-3402")) or (system == COUNTY and code.isdecimal() and len(code) == 4)


def _remind(work: Work, tenant: str, episode: Body, trigger: Trigger, cause: str) -> None:
    """The municipal coordinator's tasks that this gives rise to; none where nobody is one."""
    team = work.body(tenant, "CareTeam", care_team.id_of(episode["id"]))
    owner = care_team.holder(team, MUNICIPAL) if team else None
    if owner is None:
        return
    for task in work.sharing.followups:
        if trigger in task.triggers:
            due = add_working_days(work.today, task.within, work.sharing.week) if task.within else None
            made = built(work, tenant, episode, task.id, cause, owner, due)
            if made and work.unit.read(tenant, "Task", made["id"]) is None:
                stand(work, None, made)


def _to_a_person(
    work: Work, tenant: str, episode: Body, number: str, rules: CoordinationRules | None, decided: Decision | None
) -> None:
    """Nobody can be asked from here: the hospital talks to the municipality itself."""
    if rules is None:
        nb, en = "Pasienten har ikke fødselsnummer eller D-nummer", "The patient has no national number"
    elif decided is None:
        nb, en = "Alle som kommunens regler nevner, har sagt nei", "All that the municipality's rules name have said no"
    elif number:
        nb, en = f"Ingen server er kjent for kommune {number}", f"No server is known for municipality {number}"
    else:
        nb, en = "Pasientens kommune er ikke kjent", "The patient's municipality is not known"
    asks = f" Be om {decided.who}: {decided.nb}" if decided else ""
    what = (f"{nb}: ta kontakt med kommunen om koordinator.{asks}", f"{en}: contact the municipality about a coordinator.")
    _duty(work, tenant, episode, CONTACT, *what, add_working_days(work.today, 1, work.sharing.week))
    work.trouble(
        tenant, f"EpisodeOfCare/{episode['id']}", NOBODY, f"{en}: contact the municipality.", f"{nb}: ta kontakt med kommunen."
    )


def contacted(work: Work, tenant: str, task: Body) -> None:
    """A person has talked to the municipality, or settled that nobody need to."""
    codes = [coding.get("code") for coding in task.get("code", {}).get("coding", [])]
    if CONTACT in codes and task["status"] in TERMINAL:
        work.settled(tenant, f"EpisodeOfCare/{assignment.pathway_of(task)}", NOBODY)


def _duty(work: Work, tenant: str, episode: Body, kind: str, nb: str, en: str, due: date) -> None:
    """A Task for a person at the pathway's own organisation, once."""
    id = named(episode["id"], kind, due.isoformat())
    if work.unit.read(tenant, "Task", id) is None:
        made = {
            "resourceType": "Task",
            "id": id,
            "meta": {"tag": [COMPUTED]},
            "groupIdentifier": {"system": URI, "value": f"urn:uuid:{episode['id']}"},
            "status": "requested",
            "businessStatus": own("business-status", "on-time"),
            "intent": "order",
            "code": own("pathway-task", kind),
            "description": f"{nb} ({en})",
            "focus": reference("EpisodeOfCare", episode["id"]),
            "for": episode["patient"],
            "authoredOn": times.utc(work.now),
            "owner": episode["managingOrganization"],
            "restriction": {"period": {"end": due.isoformat()}},
        }
        work.keep(tenant, made)
