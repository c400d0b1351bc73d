"""A pathway is closed: what it has asked for is called off, or its owner is asked to end it.

    end_assignments(work, tenant, entry)     # after a write that closes a pathway
    abort_done(work, task)                   # an abort is done: does what it called off still stand?

What nobody has taken on is cancelled. What somebody has is theirs to end: they get a Task *abort* whose focus it is (HL7 Clinical
Order Workflow), once.
"""

from __future__ import annotations

from adapter.domain.assignment import OPEN
from adapter.domain.deadlines import add_working_days
from adapter.ports import Clause, Match, Query
from adapter.usecases.assign_coordinator import built, tasks_of
from adapter.usecases.assignments import Work, parties, propose, stand
from adapter.usecases.pathways import Body, plain
from adapter.usecases.situation import OPEN_EPISODES
from adapter.usecases.touched import Entry
from mappings import times
from mappings.resources import assignment
from mappings.resources.elements import URI
from mappings.resources.writer import own


def end_assignments(work: Work, tenant: str, entry: Entry) -> None:
    """Call off what the pathway has asked for, where this write has closed it."""
    pathway = entry.pathway
    was = entry.was.get(("EpisodeOfCare", pathway.id), {}).get("status", "")
    if work.sharing.partners and pathway.state and was in OPEN_EPISODES and pathway.state.status not in OPEN_EPISODES:
        for task in tasks_of(work, tenant, pathway.id):
            _end(work, tenant, task)


def closes(task: Body) -> bool:
    """Whether what is said of a Task is that its pathway is closed."""
    codings = task.get("statusReason", {}).get("coding", [])
    return any(coding.get("code") == "pathway-closed" for coding in codings)


def abort_done(work: Work, abort: Body) -> None:
    """An abort whose assignment still stands is told: its owner has said yes, and has not ended it."""
    lead, key = work.lead(abort), abort.get("focus", {}).get("identifier", {}).get("value", "")
    if assignment.code_of(abort) != "abort" or abort["status"] != "completed" or not key:
        return
    for one in work.unit.search(lead, Query("Task", [Clause("identifier", [Match(URI, key)])], limit=1)).found:
        if plain(one)["status"] in OPEN:
            en = "Its owner has agreed to end it, and has not: ask them to end the assignment itself."
            nb = "Eieren har sagt ja til å avslutte det, men har ikke gjort det: be dem avslutte selve oppdraget."
            work.trouble(lead, f"Task/{one.id}", "conflict", en, nb)


def _end(work: Work, tenant: str, task: Body) -> None:
    """The pathway is closed: what nobody has taken on is cancelled, for what somebody has its owner is asked to end it."""
    if task["status"] not in OPEN or assignment.code_of(task) == "abort" or assignment.party(task, "requester") != tenant:
        return
    inside = len(parties(task)) == 1
    if task["status"] in ("draft", "requested", "received") or (inside and task["status"] == "accepted"):
        _move(work, task, "cancelled")
    elif inside:
        _move(work, task, "failed")
    else:
        ask_to_end(work, tenant, task)


def ask_to_end(work: Work, tenant: str, task: Body) -> None:
    """The pathway is closed, and somebody has taken this on: its owner is asked to end it, once."""
    episode = work.body(tenant, "EpisodeOfCare", assignment.pathway_of(task))
    if episode is None:
        return
    owner = (assignment.party(task, "owner"), task["owner"].get("display", ""))
    due = add_working_days(work.today, 1, work.sharing.week)
    focus = {"type": "Task", "identifier": task["identifier"][0]}
    made = built(work, tenant, episode, "abort", task["id"], owner, due, focus=focus)
    if made and work.unit.read(tenant, "Task", made["id"]) is None:
        stand(work, None, made)


def _move(work: Work, task: Body, status: str) -> None:
    moved = {
        **task,
        "status": status,
        "statusReason": own("assignment-reason", "pathway-closed"),
        "lastModified": times.utc(work.now),
    }
    if work.home(task):
        propose(work, task, moved, {"status", "statusReason"})
    else:
        stand(work, task, moved)
