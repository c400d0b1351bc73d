"""What clients change is kept, with all that follows from it for the pathways that it is about; or nothing is.

    written = keep_changes(unit, rules, tenant, changes, now)

The changes of a transaction come here together, those of a batch one by one. Events and answers are taken into their pathways,
each pathway is folded once, the gate judges the whole, and everything is put at once. Assignments are judged by their life; what
they lead to elsewhere, and whom a pathway's new state asks for, follows in the same unit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from adapter.domain.identity import named
from adapter.domain.problem import Finding, Problem
from adapter.domain.registration import refusals
from adapter.domain.state import Noted
from adapter.ports import Unit
from adapter.r4.bundle import renaming, rewritten
from adapter.r4.compartment import whose
from adapter.r4.systems import canonical_codes
from adapter.usecases.assess_referral import answer, follow, is_answer, tell
from adapter.usecases.assign_coordinator import contacted, follow_pathway
from adapter.usecases.assignment_rules import guests_only, is_assignment, judged
from adapter.usecases.assignments import Work, stand
from adapter.usecases.blocks import judge_blocks
from adapter.usecases.end_assignments import end_assignments
from adapter.usecases.pathways import Body, Gathered, Key, episodes, without_version
from adapter.usecases.protect_address import admitted, cleanse, newly_protected
from adapter.usecases.register_event import Taken, register
from adapter.usecases.share_pathway import share_pathway, share_pathways_of
from adapter.usecases.subscribing import begin, masked, prepare
from adapter.usecases.touched import Touched
from adapter.usecases.writing import Change, Rules, Written, draft, is_event
from mappings import times
from mappings.resources.computed import COMPUTED
from mappings.resources.elements import URI
from mappings.resources.writer import own, reference

_BORN: Final = ("birthDate", "identifier")
"""What a pathway follows from of its patient."""


def keep_changes(unit: Unit, rules: Rules, tenant: str, changes: Sequence[Change], now: datetime) -> list[Written]:
    """Keep all of the changes, and what they cause. Raises `Problem` where they may not be."""
    judge_blocks(unit, tenant, changes, rules.base)
    changes = admitted(unit, tenant, changes, rules.base)
    wanted = {place: prepare(unit, rules, tenant, one, now) for place, one in enumerate(changes) if one.type == "Subscription"}
    changes = [masked(change) if place in wanted else change for place, change in enumerate(changes)]
    written = _kept(unit, rules, tenant, changes, now)
    for place, asked in wanted.items():
        begin(unit, tenant, changes[place], asked, now, rules.base)
    for patient in newly_protected(changes):
        cleanse(unit, tenant, patient, now, rules.base)
    return written


def _kept(unit: Unit, rules: Rules, tenant: str, changes: Sequence[Change], now: datetime) -> list[Written]:
    work = Work(unit, rules.sharing, now) if rules.sharing else None
    if work is None:
        return _in_pathways(unit, rules, tenant, changes, now, None)
    changes = [_admitted(work, tenant, change, rules) for change in changes]
    written = _in_pathways(unit, rules, tenant, changes, now, work)
    for change in changes:
        if is_assignment(change):
            stand(work, change.before and without_version(change.before), change.body | {"id": change.id}, written_in=tenant)
        elif change.type == "Task":
            contacted(work, tenant, change.body)
        elif change.type == "Consent":  # a patient may have said who is not to see the pathway
            for patient in {whose(body, rules.base) for body in (change.before, change.body) if body}:
                share_pathways_of(work, tenant, patient)
    return written


def _admitted(work: Work, tenant: str, change: Change, rules: Rules) -> Change:
    """A change as the rules of sharing let it be made."""
    guests_only(work, tenant, change)
    return judged(work, tenant, change, rules.check) if is_assignment(change) else change


def _in_pathways(
    unit: Unit, rules: Rules, tenant: str, changes: Sequence[Change], now: datetime, work: Work | None
) -> list[Written]:
    """Put the changes, with what follows from them for the pathways that they are about."""
    if rules.pathways is None or not any(map(_matters, changes)):
        return _put(unit, rules, tenant, changes, now)
    changes = [replace(change, body=canonical_codes(change.body)) if _is_said(change) else change for change in changes]
    sent = {(change.type, change.id): change.body for change in changes}
    touched = Touched(unit, rules.pathways, tenant, now, sent)
    taken = register(touched, changes)
    answered = {place: id for place, change in enumerate(changes) if is_answer(change) and (id := answer(touched, rules, change))}
    for change in changes:
        if _is_another_person(change):
            for episode in episodes(unit, tenant, change.id):
                touched.entry(episode["id"])
    made = _made(touched, changes, taken)
    kept = [_standing(touched, change, taken.get(place), answered.get(place, "")) for place, change in enumerate(changes)]
    again = {f"Observation/{one.change.id}": f"Observation/{one.again}" for one in taken.values() if one.again}
    if again:
        kept = [replace(change, body=rewritten(change.body, renaming(again, ""))) for change in kept]
    written = _written(touched, rules, kept, taken, made)
    if work is None:
        return written
    for entry in touched.entries.values():
        follow_pathway(work, tenant, entry)
        end_assignments(work, tenant, entry)
        share_pathway(work, tenant, entry.pathway.id)
    return written


def _matters(change: Change) -> bool:
    return _is_said(change) or is_event(change.before) or _is_another_person(change)


def _is_said(change: Change) -> bool:
    """Whether it is an event or an answer: kept with the names of code systems that we search and reckon by."""
    return is_event(change.body) or is_answer(change)


def _is_another_person(change: Change) -> bool:
    before = change.before
    return change.type == "Patient" and before is not None and any(before.get(key) != change.body.get(key) for key in _BORN)


def _put(unit: Unit, rules: Rules, tenant: str, changes: Sequence[Change], now: datetime) -> list[Written]:
    stored = unit.put(tenant, [draft(change.type, change.id, change.body, rules.base) for change in changes], now)
    return [Written(one, change.before is None, change.told) for change, one in zip(changes, stored, strict=True)]


def _made(touched: Touched, changes: Sequence[Change], taken: dict[int, Taken]) -> dict[Key, Body]:
    """What the touched pathways come to, by type and id: all that does not stand so. Raises `Problem` where the gate refuses it."""
    made: dict[Key, Body] = {}
    faults: list[Finding] = []
    for entry in touched.entries.values():
        pathway = entry.pathway
        pathway.course, pathway.state = touched.pathways.folded(pathway)
        before = touched.before(entry) if entry.answered or pathway.state.notes else None  # else nothing is compared
        if entry.answered and before:
            for body in follow(pathway, before[0], pathway.course):
                pathway.observations[body["id"]] = made["Observation", body["id"]] = body
            pathway.course, pathway.state = touched.pathways.folded(pathway)
        if entry.judged and before and (against := refusals(before[1], pathway.state)):
            if touched.pathways.warns(touched.tenant, pathway.type):
                made |= _to_review(touched, pathway, against)
            else:
                faults += [_placed(noted, pathway, changes, taken) for noted in against]
        entry.had = {(noted.number, noted.event) for noted in before[1].notes} if before and before[1] else set()
        if not faults:
            bodies = touched.pathways.rendered(pathway, touched.now, entry.reason)
            made |= {(body["resourceType"], body["id"]): body for body in bodies}
            if entry.answered and before:
                tell(touched, pathway, before[0], pathway.course)
    if faults:
        raise Problem(*faults)
    return made


def _placed(noted: Noted, pathway: Gathered, changes: Sequence[Change], taken: dict[int, Taken]) -> Finding:
    """An error of the pathway where it is in what was sent: at its event, else at what brought it about."""
    mine = [one for one in taken.values() if one.pathway == pathway.id and not one.again]
    for one in (*(one for one in mine if one.event == noted.event), *mine):
        return one.change.place(replace(noted.finding, where="Observation.code"))
    answered = next((change for change in changes if is_answer(change)), changes[0])
    return answered.place(replace(noted.finding, where=f"{answered.type}.output" if is_answer(answered) else answered.type))


def _to_review(touched: Touched, pathway: Gathered, against: Iterable[Noted]) -> dict[Key, Body]:
    """A Task for a person for each error that was let in."""
    made: dict[Key, Body] = {}
    for noted in against:
        id = named(pathway.id, "review-event", f"{noted.number}-{noted.event}")
        if ("Task", id) not in pathway.stored:
            finding = noted.finding
            made["Task", id] = {
                "resourceType": "Task",
                "id": id,
                "meta": {"tag": [COMPUTED]},
                "groupIdentifier": {"system": URI, "value": f"urn:uuid:{pathway.id}"},
                "status": "requested",
                "intent": "order",
                "code": own("pathway-task", "review-event"),
                "description": f"{finding.nb} ({finding.en}) [{finding.rule}]",
                "focus": reference("Observation", noted.event) if noted.event else reference("EpisodeOfCare", pathway.id),
                "for": pathway.episode["patient"],
                "authoredOn": times.utc(touched.now),
                "owner": pathway.episode["managingOrganization"],
            }
    return made


def _standing(touched: Touched, change: Change, taken: Taken | None, pathway: str) -> Change:
    """A change as it is to be kept: an event with its links, an answer as its pathway says it."""
    if taken:
        return replace(taken.change, told=(*taken.change.told, *_told(touched, taken)))
    if pathway:
        return replace(change, body=touched.entries[pathway].pathway.stored["Task", change.id])
    return change


def _told(touched: Touched, taken: Taken) -> list[Finding]:
    """What the pathway's state says of the event, and what it says now that it did not say before."""
    entry = touched.entries.get(taken.pathway)
    if entry is None or entry.pathway.state is None:
        return []
    notes = [n for n in entry.pathway.state.notes if n.event == taken.event or (n.number, n.event) not in entry.had]
    return [taken.change.place(replace(_as_let_in(noted.finding), where="Observation.code")) for noted in notes]


def _as_let_in(finding: Finding) -> Finding:
    return replace(finding, severity="warning") if finding.severity == "error" else finding


def _written(
    touched: Touched, rules: Rules, kept: Sequence[Change], taken: dict[int, Taken], made: dict[Key, Body]
) -> list[Written]:
    """Put everything, and say of each change what stands now."""
    unit, tenant, base = touched.unit, touched.tenant, rules.base
    was = {key: body for entry in touched.entries.values() for key, body in entry.was.items()}
    again = {place for place, one in taken.items() if one.again}
    mine: list[tuple[Change, Body | None]] = []
    for place, change in enumerate(kept):
        if place not in again:
            body = made.pop((change.type, change.id), change.body)
            same = was.get((change.type, change.id)) == body
            mine.append((change, None if same else body))
    drafts = [draft(change.type, change.id, body, base) for change, body in mine if body is not None]
    follows = [draft(type, id, body, base) for (type, id), body in made.items() if was.get((type, id)) != body]
    stored = iter(unit.put(tenant, [*drafts, *follows], touched.now) if drafts or follows else [])
    now = {(change.type, change.id): next(stored) for change, body in mine if body is not None}
    answers: list[Written] = []
    for place, change in enumerate(kept):
        name = ("Observation", taken[place].again) if place in again else (change.type, change.id)
        one = now.get(name) or unit.read(tenant, *name)
        assert one  # noqa: S101 - tells the type checker: what was not put now was found before
        answers.append(Written(one, change.before is None and place not in again, change.told))
    return answers
