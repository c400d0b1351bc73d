"""What a client may write of an assignment: who may move it where, what each move requires, and what never changes.

Roles are those of the caller's organisation: the Task's requester, its owner, or both. A move that only the other side may make is
FORBIDDEN (403), any other that the life does not have a business rule (422). HL7 Clinical Order Workflow: the performer moves the
Task, the requester calls it off. Where the Task is answered at a partner's server, ours follows that one and is not written here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from adapter.domain import assignment as life
from adapter.domain.assignment import Actor
from adapter.domain.identity import BASE
from adapter.domain.problem import Finding, Kind, Problem
from adapter.ports import Clause, Match, Query
from adapter.usecases.assignments import Work, of_another_patient, parties
from adapter.usecases.pathways import Body
from adapter.usecases.writing import Change, Check, has_errors
from mappings import times
from mappings.resources import assignment
from mappings.resources.elements import URI

PROFILE: Final = f"{BASE}/StructureDefinition/"
OTHERS_PATHWAY: Final = (
    "The pathway is another patient's: correct groupIdentifier, or the patient.",
    "Forløpet er en annen pasients: rett groupIdentifier, eller pasienten.",
)
BOOKKEEPING: Final = frozenset({"resourceType", "id", "meta", "lastModified", "text"})
"""Elements that say nothing of the assignment itself."""


def is_assignment(change: Change) -> bool:
    return change.type == "Task" and (assignment.is_shared(change.body) or assignment.is_shared(change.before or {}))


def judged(work: Work, tenant: str, change: Change, check: Check) -> Change:
    """The change as it is to be kept. Raises `Problem` with all that stands against it."""
    before, body = change.before, change.body
    faults = [*_of_profile(check, body), *(_of_change(work, tenant, before, body) if before else _of_new(work, tenant, body))]
    if has_errors(faults):
        raise Problem(*map(change.place, faults))
    made = body if before else _with_patient(work, tenant, _with_focus(work, tenant, _labelled(body)))
    return replace(change, body={**made, "lastModified": times.utc(work.now)} if before else made)


def profile_of(task: Mapping[str, Any]) -> str:
    return PROFILE + ("follow-up-task" if assignment.code_of(task).startswith("koord") else "assignment-task")


def _of_profile(check: Check, body: Body) -> list[Finding]:
    return check(body, profiles=[profile_of(body)]) if assignment.is_shared(body) else []


def _of_new(work: Work, tenant: str, body: Body) -> Iterator[Finding]:
    requester, owner = assignment.party(body, "requester"), assignment.party(body, "owner")
    if requester != tenant:
        en = "Who asks is your own organisation: name it as requester."
        yield against(en, "Den som ber, er deres egen organisasjon: oppgi den som requester.", "Task.requester")
    if not work.sharing.space(owner) or not any(party in work.sharing.organisations for party in (requester, owner)):
        yield against(
            "No server is known for the owner: ask the operator to add a [[partner]] with its number, or appoint by phone.",
            "Ingen server er kjent for eieren: be driften legge til en [[partner]] med nummeret, eller avtal på telefon.",
            "Task.owner",
        )
    if refused := life.refusal(assignment.code_of(body), "", body["status"], {"requester"}):
        yield refused
    if of_another_patient(work, body):
        yield against(*OTHERS_PATHWAY, "Task.groupIdentifier")
    key = Clause("identifier", [Match(URI, assignment.key_of(body))])
    if any(work.unit.search(space, Query("Task", [key], limit=1)).found for space in parties(body)):
        en = "A Task with this identifier is here already: give a new one, or create it with If-None-Exist."
        nb = "En oppgave med denne identifikatoren finnes: gi en ny, eller opprett med If-None-Exist."
        yield Finding("error", Kind.DUPLICATE, en, nb, "Task.identifier")


def _of_change(work: Work, tenant: str, before: Body, body: Body) -> Iterator[Finding]:
    home = work.home(before)
    if home:
        partner = work.sharing.partner(home.partner)
        where = f"{partner.base_url}/Task/{home.remote}" if partner and home.remote else home.partner
        yield against(
            f"This assignment is answered where its owner has it, and ours follows: change it there ({where}). To call it off, "
            "create a Task abort with focus on it here.",
            f"Oppdraget besvares der eieren har det, og vårt følger etter: endre det der ({where}). For å avlyse det, opprett en "
            "Task abort med focus på det her.",
            "Task",
        )
        return
    code, by = assignment.code_of(before), _roles(tenant, before)
    names = {name.lstrip("_") for name in {*before, *body} if before.get(name) != body.get(name)} - BOOKKEEPING
    if before["status"] != body["status"] and (refused := life.refusal(code, before["status"], body["status"], by)):
        yield replace(refused, kind=Kind.FORBIDDEN) if _is_the_others(code, before, body) else refused
        return
    yield from foreign(before, body, names, by)


def _roles(tenant: str, task: Body) -> set[Actor]:
    roles: dict[Actor, str] = {"requester": assignment.party(task, "requester"), "owner": assignment.party(task, "owner")}
    return {role for role, number in roles.items() if number == tenant}


def _is_the_others(code: str, before: Body, body: Body) -> bool:
    return life.refusal(code, before["status"], body["status"], {"requester", "owner"}) is None


def foreign(before: Body, after: Body, names: Collection[str], by: Collection[Actor]) -> Iterator[Finding]:
    """Elements among `names` that these actors may not change now, or not so."""
    progress = next((c.get("code", "") for c in before.get("businessStatus", {}).get("coding", [])), "")
    may = life.changeable(by, before["status"], progress)
    may |= {"contained"} if "output" in may else set()  # who is named there stands within
    who_en, who_nb = " and ".join(sorted(by)) or "you", " og ".join(sorted(map(_norwegian, by))) or "dere"
    for name in sorted(set(names) - may):
        en = f"{name} of this assignment is not changed by {who_en} now: send it as it was."
        nb = f"{name} i dette oppdraget endres ikke nå av {who_nb}: send det som det var."
        if name == "input":
            en += " It may be once the owner awaits information (businessStatus awaiting-information)."
            nb += " Det kan det når eieren venter på opplysninger (businessStatus awaiting-information)."
        yield against(en, nb, f"Task.{name}")
    if "owner" in names and assignment.party(before, "owner") != assignment.party(after, "owner"):
        en = "The owner stays inside the legal entity that was asked: reject the assignment, and another is asked."
        nb = "Eieren er i virksomheten som ble spurt: avvis oppdraget, så blir en annen spurt."
        yield against(en, nb, "Task.owner")


def _norwegian(actor: Actor) -> str:
    return {"requester": "den som ber", "owner": "eieren", "service": "tjenesten"}[actor]


def _labelled(body: Body) -> Body:
    """The Task with the labels of what is shared."""
    meta = body.get("meta", {})
    lacking = [label for label in assignment.SECURITY if label not in meta.get("security", [])]
    return {**body, "meta": {**meta, "security": [*meta.get("security", []), *lacking]}}


def _with_focus(work: Work, tenant: str, body: Body) -> Body:
    """The Task with the identifier of the assignment that it calls off: by our address nobody else knows that."""
    focus = body.get("focus", {})
    id = str(focus.get("reference", "")).removeprefix(f"{work.sharing.base}/").removeprefix("Task/")
    about = work.body(tenant, "Task", id) if assignment.code_of(body) == "abort" and "identifier" not in focus else None
    return {**body, "focus": {**focus, "type": "Task", "identifier": about["identifier"][0]}} if about else body


def _with_patient(work: Work, tenant: str, body: Body) -> Body:
    """The Task with a link to the patient, where we have one with that number: so it is found by `patient`."""
    said = body["for"].get("identifier", {})
    clause = Clause("identifier", [Match(said.get("system"), said.get("value"))])
    found = work.unit.search(tenant, Query("Patient", [clause], limit=2)).found
    if len(found) != 1 or "reference" in body["for"]:
        return body
    return {**body, "for": {"reference": f"Patient/{found[0].id}", **body["for"]}}


def against(en: str, nb: str, where: str) -> Finding:
    return Finding("error", Kind.BUSINESS_RULE, en, nb, where, rule=f"{PROFILE}assignment-task")


def guests_only(work: Work, tenant: str, change: Change) -> None:
    """A partner's space holds what it was asked, and its answers. Raises `Problem` for anything else.

    Who receives at its own server has nothing here.
    """
    partner = work.sharing.server_of(tenant)
    if partner is None or not work.sharing.guest(tenant) or (is_assignment(change) and work.waits(partner)):
        return
    en = "A partner that does not receive reads here what it was asked, and answers it: nothing else is written."
    nb = "En samarbeidspart leser og besvarer her det den er spurt om, når den ikke mottar selv: ikke noe annet skrives."
    raise Problem(Finding("error", Kind.FORBIDDEN, en, nb, change.type))
