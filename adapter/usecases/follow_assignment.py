"""What is seen at a partner's server is taken in: the one door for everything that partners say of assignments.

    take_in(work, partner, remote, check)      # True where something was new

What a partner's version says that we had not seen (`Shared.seen`) is that side's doing. At the home, where the owner answers, it is
the owner's or the requester's; at a copy it is the requester's. What the life allows is taken over, or proposed to the home; what
it does not becomes a trouble for a person, and a copy is put back. As a look may have missed steps, a move is allowed where some
steps lead there. Nothing that another patient, another identifier or another organisation speaks of is taken for what we asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from adapter.domain import assignment as life
from adapter.domain.assignment import Actor
from adapter.domain.identity import named
from adapter.domain.problem import Finding
from adapter.ports import Clause, Match, Query, Remote, Shared
from adapter.r4 import json
from adapter.usecases.assignment_rules import OTHERS_PATHWAY, against, foreign, profile_of
from adapter.usecases.assignments import Work, level, name, of_another_patient, propose, seen_of, stand
from adapter.usecases.pathways import Body, plain
from adapter.usecases.sharing import Partner
from adapter.usecases.writing import Check, has_errors
from mappings import times
from mappings.resources import assignment, normal
from mappings.resources.elements import URI
from mappings.resources.normal import obj
from mappings.resources.three_way import LISTS, merged

BOTH: Final[set[Actor]] = {"requester", "owner"}
BY_US: Final[set[Actor]] = {"requester", "service"}
"""In whose name the service changes what is answered elsewhere."""
FIXED: Final[Mapping[str, Callable[[Mapping[str, Any]], Any]]] = {
    "identifier": assignment.key_of,
    "groupIdentifier": assignment.pathway_of,
    "intent": lambda task: task.get("intent"),
    "code": assignment.code_of,
    "for": lambda task: normal.identifier(obj(obj(task.get("for")).get("identifier"))),
    "requester": lambda task: assignment.party(task, "requester"),
    "owner": lambda task: assignment.party(task, "owner"),
}
"""What makes a Task the one that was asked for. Other elements that never change may be rewritten by a server that keeps links of
its own, or writes times in its own way."""


def take_in(work: Work, partner: Partner, remote: Remote, check: Check) -> bool:
    """Take over what is new in a Task as a partner has it; whether anything was."""
    task = as_seen(partner, remote)
    if not assignment.is_shared(task):
        return _gone_astray(work, partner, remote)
    shared = next(iter(work.unit.shared_there(partner.name, "Task", remote.id)), None) or _expected(work, partner, task)
    if shared is None:
        return _begun_there(work, partner, remote, task, check)
    mirror = work.body(shared.tenant, "Task", shared.id)
    assert mirror  # noqa: S101 - tells the type checker: what is shared is kept
    known = replace(shared, remote=remote.id, etag=remote.etag)
    if another := other_than(mirror, task):
        return _refused(work, shared, "foreign", another)
    if has_errors(faults := [*_misshapen(task), *check(_as_ours(task, shared.id), profiles=[profile_of(mirror)])]):
        return _refused(work, known, "foreign" if shared.home else "conflict", faults, task, mirror)
    seen, now = json.parse(shared.seen), assignment.view(task)
    if now == seen or now == assignment.view(mirror):
        work.settled(shared.tenant, name(mirror), "foreign", "illegal", partner=partner.name)
        if replace(known, seen=seen_of(task)) != shared:
            work.unit.keep_shared(replace(known, seen=seen_of(task)))
        return False
    names = set(assignment.changed(seen, now))
    if shared.home:
        after = assignment.laid(mirror, now)
        faults = _unlawful(mirror, after, names, BOTH)
    else:
        wanted, against_ours = merged(seen, now, assignment.view(mirror), names)
        after = assignment.laid(mirror, wanted, only=names)
        faults = [*map(both_changed, sorted(against_ours)), *_unlawful(mirror, after, names, {"requester"})]
    if faults:
        return _refused(work, known, "illegal" if shared.home else "conflict", faults, task, mirror)
    work.unit.keep_shared(replace(known, seen=seen_of(task)))
    work.settled(shared.tenant, name(mirror), "foreign", "illegal", "conflict", partner=partner.name)
    if shared.home or work.home(mirror) is None:
        stand(work, mirror, after, heard_from=partner.name, on=_day_of(work, mirror, remote))
    elif assignment.view(after) != assignment.view(mirror):
        propose(work, mirror, after, names)
    else:  # both sides have said the same
        level(work, shared.tenant, mirror)
    return True


def _expected(work: Work, partner: Partner, task: Body) -> Shared | None:
    """What we share under that identifier, where its id at the partner is not known: the answer to its creation was lost."""
    mirror = _known(work, task)
    rows = work.unit.shared(work.lead(mirror), "Task", mirror["id"]) if mirror else []
    return next((one for one in rows if one.partner == partner.name and not one.remote), None)


def _known(work: Work, task: Body) -> Body | None:
    key = assignment.key_of(task)
    lead = work.lead(task)
    if not key or not lead:
        return None
    found = work.unit.search(lead, Query("Task", [Clause("identifier", [Match(URI, key)])], limit=1)).found
    return plain(found[0]) if found else None


def _begun_there(work: Work, partner: Partner, remote: Remote, task: Body, check: Check) -> bool:
    """A Task that we do not know: an assignment that begins at the partner, where it is for one of ours and in order."""
    lead, id = work.lead(task), named("assignment", partner.name, assignment.key_of(task))
    if not lead or task.get("status") in ("draft", *life.TERMINAL):
        return False
    about = f"Task/{id}"
    faults = [*check(_as_ours(task, id), profiles=[profile_of(task)])]
    if _known(work, task):
        en, nb = "Another Task has its identifier already.", "En annen oppgave har identifikatoren fra før."
        faults.append(against(en, nb, "Task.identifier"))
    elif assignment.party(task, "requester") != partner.organisation:
        en, nb = "It speaks for another organisation than its own.", "Den taler for en annen organisasjon enn sin egen."
        faults.append(against(en, nb, "Task.requester"))
    elif not work.sharing.space(assignment.party(task, "owner")):
        en = "It is for an organisation that we know no server of."
        nb = "Den er til en organisasjon som vi ikke kjenner serveren til."
        faults.append(against(en, nb, "Task.owner"))
    elif task["status"] != "requested":
        en, nb = "It is new to us and no longer waits for an answer.", "Den er ny for oss og venter ikke lenger på svar."
        faults.append(against(en, nb, "Task.status"))
    if not has_errors(faults) and of_another_patient(work, task):
        faults.append(against(*OTHERS_PATHWAY, "Task.groupIdentifier"))
    if has_errors(faults):
        return work.trouble(lead, about, "foreign", *_told(faults), partner=partner.name)
    ours = _as_ours(task, id)
    home = partner.organisation == assignment.party(task, "owner")
    work.unit.keep_shared(Shared(lead, "Task", id, partner.name, home, remote.id, remote.etag, seen_of(task)))
    work.unit.settle(lead, about, work.now)
    stand(work, None, ours, heard_from=partner.name, on=_day_of(work, ours, remote))
    return True


def _day_of(work: Work, task: Body, remote: Remote) -> date:
    """The day in Norway of what a partner's version says: by its own time, but not before the Task, nor after today."""
    told = times.norwegian_day(str(obj(remote.body.get("meta")).get("lastUpdated", "")))
    asked = times.norwegian_day(task.get("authoredOn", ""))
    return min(max(filter(None, (told or work.today, asked))), work.today)


def _as_ours(task: Mapping[str, Any], id: str) -> Body:
    """The Task as we keep it: what a partner's store says of its own version, and its links to itself, are not ours."""
    return {"resourceType": "Task", "id": id} | {k: v for k, v in assignment.outward(task).items() if k != "resourceType"}


def as_seen(partner: Partner, remote: Remote) -> Body:
    """A partner's version with its links as whole addresses."""
    seen: Body = normal.absolute(dict(remote.body), partner.base_url)
    return seen


def other_than(mirror: Body, task: Mapping[str, Any]) -> list[Finding]:
    """Why a Task is not the one that we asked for, or has become another."""
    return [
        against(
            f"{element} is not what it was: this is another Task than the one that was sent.",
            f"{element} er ikke som det var: dette er en annen oppgave enn den som ble sendt.",
            f"Task.{element}",
        )
        for element, read in FIXED.items()
        if read(mirror) != read(task)
    ]


def _unlawful(mirror: Body, after: Body, names: set[str], by: set[Actor]) -> list[Finding]:
    """What in the change from our Task to `after` the life does not have, whatever steps were missed."""
    code, old, new = assignment.code_of(mirror), mirror["status"], after["status"]
    faults = [*foreign(mirror, after, names, by)]
    if not life.reachable(code, old, new, by):
        refused = life.refusal(code, old, new, by)
        faults += [refused] if refused else []
    return faults


def _refused(
    work: Work, shared: Shared, kind: str, faults: list[Finding], task: Body | None = None, mirror: Body | None = None
) -> bool:
    """Record what may not be taken over, for a person. A copy of ours that stands as `task` is put back to how `mirror` stands."""
    about = f"{shared.type}/{shared.id}"
    new = work.trouble(shared.tenant, about, kind, *_told(faults), partner=shared.partner)
    if task and mirror and not shared.home:
        work.unit.keep_shared(replace(shared, seen=seen_of(task)))
        level(work, shared.tenant, mirror)
    return new


def _misshapen(task: Mapping[str, Any]) -> Iterator[Finding]:
    """Shared elements without the form that R4 gives them: read as if they were not there they would say something."""
    for element in assignment.ELEMENTS:
        form = list if element in LISTS else str if element in ("status", "priority") else dict
        if not isinstance(task.get(element, form()), form):
            en, nb = f"{element} has not the form that R4 gives it.", f"{element} har ikke den formen R4 gir det."
            yield against(en, nb, f"Task.{element}")


def both_changed(element: str) -> Finding:
    """Neither side's word is written over the other's."""
    return against(
        f"{element} was changed by both sides at once: what the owner's side said stands.",
        f"{element} ble endret av begge sider samtidig: det eierens side sa, blir stående.",
        f"Task.{element}",
    )


def _told(faults: list[Finding]) -> tuple[str, str]:
    """The errors among the findings as one text, in English and Norwegian, no longer than a person reads."""
    errors = [fault for fault in faults if fault.severity in ("error", "fatal")]
    return " ".join(e.en for e in errors)[:1000], " ".join(e.nb for e in errors)[:1000]


def _gone_astray(work: Work, partner: Partner, remote: Remote) -> bool:
    """What stands where our assignment was is no assignment at all."""
    shared = next(iter(work.unit.shared_there(partner.name, "Task", remote.id)), None)
    if shared is None:
        return False
    en, nb = "What stands in its place there is no assignment.", "Det som står i dets sted der, er ikke noe oppdrag."
    return work.trouble(shared.tenant, f"Task/{shared.id}", "foreign", en, nb, partner=partner.name)


def unreadable(work: Work, partner: Partner, remote: Remote) -> bool:
    """What stands where our assignment was cannot even be judged."""
    shared = next(iter(work.unit.shared_there(partner.name, "Task", remote.id)), None)
    if shared is None:
        return False
    en, nb = "What stands in its place there cannot be read.", "Det som står i dets sted der, kan ikke leses."
    return work.trouble(shared.tenant, f"Task/{shared.id}", "foreign", en, nb, partner=partner.name)


def missing(work: Work, shared: Shared) -> bool:
    """A partner no longer has what we share: for a person, since nobody may end an assignment so."""
    en = "It is no longer at the partner's server: ask them, and send it again."
    nb = "Det finnes ikke lenger hos samarbeidsparten: spør dem, og send det på nytt."
    return work.trouble(shared.tenant, f"{shared.type}/{shared.id}", "foreign", en, nb, partner=shared.partner)
