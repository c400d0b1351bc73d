"""The pathway that a new referral opens, as it stands when the referral is received; and Tasks for people about a message.

The pathway is folded and written by the same functions as ever after (`mappings.resources.computed`), so that a referral's pathway
is what working it out anew gives. https://hl7.org/fhir/R4/episodeofcare.html, careplan.html, task.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from adapter.domain.course import Course, Event
from adapter.domain.deadlines import WorkingDays
from adapter.domain.identity import named
from adapter.domain.pathway import fold
from adapter.domain.referral import Duty, Opening, Receipt, Said
from adapter.domain.ruleset import RuleSet
from mappings import times
from mappings.course import course_of
from mappings.resources import elements, event, task
from mappings.resources.computed import COMPUTED, resources, skeleton
from mappings.resources.writer import Writer, own, reference
from mappings.trail import Build

Body = dict[str, Any]

_SENIORITY: Final = "1"  # 9147: since when the patient has waited, through all transfers
_DECIDED: Final = {
    "receiver": "the receiving service's pathway",
    "message": "the message's own pathway code",
    "by-hand": "chosen by hand",
}
_MAPS: Final = {"EpisodeOfCare": "episode-of-care", "CarePlan": "care-plan", "Task": "task", "Observation": "event"}
_TASKS: Final = {
    "assess-referral": "a new referral is to be assessed (pbrl § 2-2)",
    "emergency-decision": "the referral is an emergency: whether the patient enters a pathway is to be decided",
    "deadline": "a time limit of the pathway that runs from the day the referral was received",
}
_WHY: Final[Mapping[str, Mapping[str, str]]] = {
    "EpisodeOfCare": {
        "pathway-phase": "a referral waits to be assessed",
        "rule-version": "by the date received, or as the receiving service is set up",
        "care-level": "the receiving service's care level",
        "seniority-date": "the referral's own date of seniority (9147 code 1)",
        "identifier": "the pathway's own id",
        "status": "a referral waits to be assessed",
        "statusHistory": "since the referral was received",
        "patient": "the message's patient",
        "managingOrganization": "the receiving organisation",
        "period": "rules of 2019: the pathway starts when the referral is received",
        "referralRequest": "the referral that opened it",
    },
    "CarePlan": {
        "workflow-episodeOfCare": "the pathway that it plans",
        "rule-version": "as the pathway",
        "identifier": "the pathway's own id",
        "instantiatesCanonical": "the pathway's rules",
        "status": "no right to care has been granted yet",
        "intent": "a plan, not an order",
        "title": "the pathway's name in 9321",
        "subject": "the message's patient",
        "period": "planned from the day the referral was received",
        "activity": "what is to be done first",
    },
    "Task": {
        "limit-source": "the rule that the time limit comes of",
        "groupIdentifier": "the pathway that it is of",
        "businessStatus": "how the time limit stands on the day the referral was received",
        "restriction": "the rule's time, from the day the referral was received",
        "focus": "the referral that is to be assessed",
        "for": "the message's patient",
        "owner": "the receiving organisation",
        "authoredOn": "when the referral was received",
    },
    "Observation": {
        "": "rules of 2019: the pathway starts (A) when the referral is received",
        "subject": "the message's patient",
        "focus": "the pathway that it starts",
        "performer": "the receiving organisation",
    },
}


def id(organisation: str, course: str) -> str:
    """A pathway's id: of the organisation and the ForlopsId, or else the first referral's DocumentId."""
    return named(organisation, course)


def write(
    writer: Writer,
    opening: Opening,
    rules: RuleSet,
    patient: str,
    referral: str,
    receiver: str,
    sender: dict[str, str] | None,
    week: WorkingDays,
    emergency: bool,
) -> None:
    """The EpisodeOfCare, CarePlan and Tasks of a new pathway; by the rules of 2019 also its start (A) as an Observation."""
    said, receipt = writer.referral, writer.receipt
    shared = said.assessment.course if said.assessment else None
    first = shared or said.document_id or said.msg_id
    waited = _waited(writer)
    episode = skeleton(
        id(receipt.organisation, first.value if first else referral),
        pathway_type=opening.pathway,
        version=opening.rule_set,
        patient=reference("Patient", patient),
        organisation=_ours(receipt, _enterprise(writer, receiver)),
        identifiers=[elements.business(shared.value, "forlops-id")] if shared else [],
        referral=reference("ServiceRequest", referral),
        care_level=opening.care_level,
        seniority=waited[1] if waited else None,
    )
    course, events = _begun(writer, opening, episode, rules, patient, emergency)
    sources: dict[str, tuple[Said, ...]] = {
        "seniority-date": (waited[0],) if waited else (),
        "identifier 1": (shared,) if shared else (),
        "type": tuple(c.code.said for c in said.pathway_codes) if opening.decided_by == "message" else (),
    }
    for body in (*resources(episode, {}, rules, course, fold(rules, course, week), receipt.received), *events):
        type = body["resourceType"]
        build = writer.begin(type, body["id"], _MAPS[type])
        of_type = {**_WHY[type], "": _TASKS[task.kind_of(body)]} if type == "Task" else _WHY[type]
        _record(build, body, {**of_type, "type": _DECIDED[opening.decided_by]}, sources)
        if sender and type == "Task":
            build.put("requester", sender, rule="the sender of the referral")


def _begun(
    writer: Writer, opening: Opening, episode: Body, rules: RuleSet, patient: str, emergency: bool
) -> tuple[Course, list[Body]]:
    """What is known of the pathway when its referral is received, and the events that the service registers by itself.

    Rules of 2019: it starts (A) with the receipt. After an emergency A is the decision to enter it, which is still to come.
    """
    day, events = writer.receipt.day, []
    if rules.start == "received" and not emergency:
        who: dict[str, Any] = {"patient": episode["patient"], "performer": episode["managingOrganization"]}
        start = Event("", "A", day, care_level=opening.care_level)
        events = [event.write(start, pathway_type=rules.pathway, pathway_id=episode["id"], **who)]
    known = course_of(episode, events, (), writer.resources["Patient", patient].body)
    return replace(known, received=day, emergency=day if emergency else None), events


def _waited(writer: Writer) -> tuple[Said, date] | None:
    """Since when the referral says that the patient has waited."""
    assessment = writer.referral.assessment
    dated = assessment.dates if assessment else []
    told = (said for kind, said in dated if kind and kind.said.value == _SENIORITY)
    return next(((said, day) for said in told if (day := times.norwegian_day(said.value))), None)


def _record(build: Build, body: Body, why: Mapping[str, str], sources: Mapping[str, tuple[Said, ...]]) -> None:
    """Write a body into the message's bundle, and for each element why it is there."""
    for key, value in body.items():
        if key in ("resourceType", "id"):
            continue
        if key == "meta":
            build.object("meta").push("tag", COMPUTED, rule="worked out by the service")
        elif isinstance(value, list):
            for number, item in enumerate(value):
                name = item["url"].rpartition("/")[2] if key == "extension" else key
                build.push(key, item, *sources.get(f"{name} {number}", sources.get(name, ())), rule=why.get(name, why.get("", "")))
        else:
            build.put(key, value, *sources.get(key, ()), rule=why.get(key, why.get("", "")))


def _enterprise(writer: Writer, unit: str) -> str:
    """The id of the enterprise that a unit is part of: it answers for the pathway, and the organisation number is its."""
    above = writer.resources[("Organization", unit)].body.get("partOf") if unit else None
    return _enterprise(writer, above["reference"].removeprefix("Organization/")) if above else unit


def _ours(receipt: Receipt, receiver: str) -> dict[str, Any]:
    found: dict[str, Any] = {"identifier": {"system": elements.ENH, "value": receipt.organisation}}
    return (reference("Organization", receiver) | found) if receiver else found


def person_task(
    kind: str, text: str, receipt: Receipt, patient: str, referral: str, receiver: str, pathway: str = ""
) -> dict[str, Any]:
    """The body of a Task for a person (pathway-task), without its id."""
    body: dict[str, Any] = {"meta": {"tag": [COMPUTED]}}
    if pathway:
        body["groupIdentifier"] = {"system": elements.URI, "value": f"urn:uuid:{pathway}"}
    return body | {
        "status": "requested",
        "intent": "order",
        "code": own("pathway-task", kind),
        "description": text,
        "focus": reference("ServiceRequest", referral),
        "for": reference("Patient", patient),
        "authoredOn": times.utc(receipt.received),
        "owner": _ours(receipt, receiver),
    }


def duty_task(duty: Duty, receipt: Receipt, patient: str, referral: str, receiver: str, message: str) -> tuple[str, dict[str, Any]]:
    """A Task for what a person must decide: (id, body). One for each message and kind."""
    id = named(message, duty.kind, 1)
    body = person_task(duty.kind, f"{duty.nb} ({duty.en})", receipt, patient, referral, receiver, duty.pathway)
    return id, {"resourceType": "Task", "id": id} | body


def duties(writer: Writer, given: tuple[Duty, ...], patient: str, referral: str, receiver: str, message: str) -> None:
    """A Task for each; `receiver` is the unit that the referral is for."""
    receiver = _enterprise(writer, receiver)
    for duty in given:
        id, body = duty_task(duty, writer.receipt, patient, referral, receiver, message)
        build = writer.begin("Task", id, "task")
        _record(build, body, {"": duty.en}, {})
