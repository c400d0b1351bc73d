"""A person answers a Task of a pathway: above all the assessment of a referral (pbrl § 2-2), with all that follows from it.

    answer(touched, rules, change)            # may it be answered so?
    follow(pathway, before, after)            # the events that the answer causes, written by the service itself

What is answered is the Task's own outputs and dates; the state follows by the fold. Rules of 2025: a right granted is the start
(A). Rules of 2019: a refusal closes what began when the referral was received (X with R). After an emergency the decision is A,
by either rules: that to take the patient into a pathway or that of a right granted, whichever came first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from adapter.domain.course import Course, Event
from adapter.domain.problem import Finding, Kind, Problem
from adapter.domain.ruleset import RuleSet
from adapter.usecases import answer_referrer
from adapter.usecases.pathways import Body, Gathered, plain
from adapter.usecases.resource_rules import answerable, computed
from adapter.usecases.touched import Touched
from adapter.usecases.writing import Change, Rules, has_errors
from mappings import terms, times
from mappings.resources import event as events
from mappings.resources import task as tasks
from mappings.resources.writer import EXTENSION, SYSTEM, own

PROFILES: Final = {
    "assess-referral": "assessment-task",
    "deadline": "deadline-task",
    "detox-to-treatment": "deadline-task",
    "emergency-decision": "deadline-task",
}
"""By kind of Task; a duty has one of its own."""

_OUTPUT: Final = SYSTEM + "task-output"
_PREFIX: Final = "urn:uuid:"


def is_answer(change: Change) -> bool:
    """Whether a change is an answer to a Task that the service gave."""
    return change.type == "Task" and change.before is not None and computed(change.before) and answerable(change.before)


def answer(touched: Touched, rules: Rules, change: Change) -> str:
    """The id of the pathway that the answer is to stand in; empty where the Task is of none, or nothing is said anew.

    Raises `Problem` with all that stands against it.
    """
    before, body = change.before or {}, change.body
    pathway = str(before.get("groupIdentifier", {}).get("value", "")).removeprefix(_PREFIX)
    entry = touched.entry(pathway) if pathway else None
    if entry is None or not tasks.key_of(pathway, before) or _said(before) == _said(body):
        return ""
    faults = [*_of_profile(rules, before, body), *_of_answer(touched, before, body)]
    if has_errors(faults):
        raise Problem(*map(change.place, faults))
    entry.judged = entry.answered = True
    entry.reason = entry.reason or _REASON
    entry.pathway.stored["Task", change.id] = _said(body) | {"lastModified": times.utc(touched.now)}
    return pathway


def _said(task: Mapping[str, Any]) -> Body:
    """A Task without what the store says of its version."""
    meta = {key: value for key, value in task.get("meta", {}).items() if key not in ("versionId", "lastUpdated")}
    return {**task, "meta": meta}


def _of_profile(rules: Rules, before: Mapping[str, Any], body: Body) -> list[Finding]:
    """What its profile says of the answer. How it stands against its limit is ours: said anew of an answer that is taken back."""
    profile = EXTENSION + PROFILES.get(tasks.kind_of(body), "duty-task")
    if before["status"] == "completed" != body["status"] and "businessStatus" in body:
        body = {**body, "businessStatus": own("business-status", "on-time")}
    return rules.check(body, profiles=[profile])


def _of_answer(touched: Touched, before: Mapping[str, Any], body: Body) -> Iterator[Finding]:
    """What a profile cannot tell: what only an event answers, and when it can have been done."""
    awaited = next((c["code"] for c in body["code"]["coding"] if terms.national(c.get("system", "")) == "9322"), "")
    if awaited and body["status"] != before["status"]:
        yield _against(
            f"This time limit is answered by its event: register {awaited} (an Observation of code 9322).",
            f"Denne fristen besvares av sin hendelse: registrer {awaited} (en Observation med kode i 9322).",
            "Task.status",
        )
    if body["status"] != "completed":
        return
    began = times.norwegian_day(body.get("restriction", {}).get("period", {}).get("start", ""))
    for where, on in _dates(body):
        if on > touched.today:
            en = "This date is in the future: answer when it has been done."
            yield _against(en, "Datoen er i framtiden: svar når det er gjort.", where)
        elif began and on < began:
            en = "This date is before the time limit began to run: correct it."
            yield _against(en, "Datoen er før fristen begynte å løpe: rett den.", where)


def _dates(body: Body) -> Iterator[tuple[str, date]]:
    """When it was done, with its place: of an assessment the output, of anything else the end of its period."""
    if tasks.kind_of(body) == "assess-referral":
        for place, output in enumerate(body.get("output", [])):
            if _is(output, "assessed-on") and (on := times.norwegian_day(output.get("valueDate", ""))):
                yield f"Task.output[{place}].value", on
    elif on := times.norwegian_day(body.get("executionPeriod", {}).get("end", "")):
        yield "Task.executionPeriod.end", on


def _is(output: Mapping[str, Any], name: str) -> bool:
    codings = output.get("type", {}).get("coding", [])
    return any((coding.get("system"), coding.get("code")) == (_OUTPUT, name) for coding in codings)


def _against(en: str, nb: str, where: str) -> Finding:
    return Finding("error", Kind.BUSINESS_RULE, en, nb, where, rule=f"{EXTENSION}pathway-task")


# what follows


def follow(pathway: Gathered, before: Course, after: Course) -> list[Body]:
    """The Observations that the pathway's answers cause and that do not stand, and those that they no longer cause, retracted.

    An event of the kind that an EPJ has registered stands in the stead of ours.
    """
    was = caused(pathway.rules, before)
    ours = {events.id_of(pathway.id, event): event for event in was}
    theirs = replace(after, events=tuple(event for event in after.events if event.id not in ours))
    now = caused(pathway.rules, theirs)
    made: list[Body] = []
    for id, event in ours.items():
        own = pathway.observations.get(id)
        if event not in now and own and own["status"] != "entered-in-error":
            made.append({**own, "status": "entered-in-error"})
    for event in now:
        if event not in was and not any(one.kind == event.kind for one in theirs.events):
            made.append(_written(pathway, event))
    return made


def caused(rules: RuleSet, course: Course) -> list[Event]:
    """The events that people's answers amount to, under these rules. After an emergency the first decision for it is the start,
    and a refusal closes only what has a start.
    """
    said, made = course.assessment, list[Event]()
    decided = [course.done.get("emergency-decision-1")]
    if said and said.granted and (rules.start == "assessed" or course.emergency):
        decided.append(said.on)
    if starts := list(filter(None, decided)):
        made.append(Event("", "A", min(starts)))
    begun = bool(made) or any(event.kind == "A" for event in course.events)
    if said and not said.granted and rules.start == "received" and begun:
        made.append(Event("", "X", said.on, ("R",)))
    return made


def _written(pathway: Gathered, event: Event) -> Body:
    """The Observation of an event that the service writes; by the organisation whose pathway it is."""
    episode = pathway.episode
    whose, ours = episode["patient"], episode["managingOrganization"]
    return events.write(event, pathway_type=pathway.type, pathway_id=pathway.id, patient=whose, performer=ours)


def tell(touched: Touched, pathway: Gathered, before: Course, after: Course) -> None:
    """The referrer is told what the assessment came to, where it says something else than before."""
    read = touched.pathways.read
    if read is None or after.assessment is None or after.assessment == before.assessment:
        return
    task = next((t for t in pathway.tasks() if tasks.kind_of(t) == "assess-referral"), {})
    name = str(task.get("focus", {}).get("reference", ""))
    request = touched.unit.read(touched.tenant, "ServiceRequest", name.removeprefix("ServiceRequest/"))
    if request:
        answer_referrer.answer(
            touched.unit,
            touched.tenant,
            plain(request),
            after.assessment,
            touched.now,
            hubs=touched.pathways.hubs,
            read=read,
            owner=task.get("owner"),
        )


_REASON: Final = "Et svar er endret. (An answer was changed.)"
