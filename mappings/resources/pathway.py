"""The pathway that a new referral opens: EpisodeOfCare `planned`, CarePlan `draft`, and Tasks for people.

https://hl7.org/fhir/R4/episodeofcare.html, careplan.html, task.html. All carry the tag *computed*: they are worked out from
events, and changed by answering Tasks and registering events.
"""

from __future__ import annotations

from typing import Any

from adapter.domain.deadlines import WorkingDays, add_working_days
from adapter.domain.identity import named
from adapter.domain.referral import Duty, Opening, Receipt
from mappings import terms, times
from mappings.resources import elements
from mappings.resources.writer import EXTENSION, SYSTEM, Writer, own, reference
from mappings.trail import Build

_EPISODE = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
_ASSESSED_WITHIN = 10  # working days, pbrl § 2-2
COMPUTED = {"system": SYSTEM + "tag", "code": "computed", "display": "Beregnet av tjenesten"}


def id(organisation: str, course: str) -> str:
    """A pathway's id: of the organisation and the ForlopsId, or else the first referral's DocumentId."""
    return named(organisation, course)


def write(
    writer: Writer, opening: Opening, patient: str, referral: str, receiver: str, sender: dict[str, str] | None, week: WorkingDays
) -> None:
    receiver = _enterprise(writer, receiver)
    said = writer.referral
    course = said.assessment.course if said.assessment else None
    first = course or said.document_id or said.msg_id
    episode = id(writer.receipt.organisation, first.value if first else referral)
    identifiers = [{"system": elements.URI, "value": f"urn:uuid:{episode}"}]
    _episode(writer, opening, episode, identifiers, patient, referral, receiver)
    task = named(episode, "assess-referral", 1)
    _care_plan(writer, opening, episode, identifiers, patient, task)
    build = writer.begin("Task", task, "task")
    due = add_working_days(writer.receipt.day, _ASSESSED_WITHIN, week)
    body = person_task(
        "assess-referral",
        "Vurder henvisningen: rett til helsehjelp, utfall og frist. (Assess the referral: right to care, outcome and date limit.)",
        writer.receipt,
        patient,
        referral,
        receiver,
        pathway=episode,
    )
    _fill(build, body, "a new referral is to be assessed (pbrl § 2-2)")
    if sender:
        build.put("requester", sender, rule="the sender of the referral")
    build.put("businessStatus", own("business-status", "on-time"), rule="the time limit is ahead")
    build.put(
        "restriction", {"period": {"end": due.isoformat()}}, rule="ten working days after the referral was received (pbrl § 2-2)"
    )


def _episode(
    writer: Writer, opening: Opening, id: str, identifiers: list[dict[str, str]], patient: str, referral: str, receiver: str
) -> None:
    received = writer.receipt.day.isoformat()
    build = writer.begin("EpisodeOfCare", id, "episode-of-care")
    build.object("meta").push("tag", COMPUTED, rule="worked out by the service")
    decided = {
        "receiver": "the receiving service's pathway",
        "message": "the message's own pathway code",
        "by-hand": "chosen by hand",
    }
    codes = [c.code.said for c in writer.referral.pathway_codes] if opening.decided_by == "message" else []
    build.push("extension", {"url": EXTENSION + "pathway-phase", "valueCode": "referred"}, rule="a referral waits to be assessed")
    build.push("extension", {"url": EXTENSION + "rule-version", "valueString": opening.rule_set}, rule="by the date received")
    course = writer.referral.assessment.course if writer.referral.assessment else None
    build.put("identifier", identifiers, rule="the pathway's own id")
    if course:
        build.push("identifier", elements.business(course.value, "forlops-id"), course)
    build.put("status", "planned", rule="a referral waits to be assessed")
    build.put("statusHistory", [{"status": "planned", "period": {"start": received}}], rule="since the referral was received")
    coding = {"system": terms.OID + "9321", "code": opening.pathway}
    name = (terms.displays(terms.OID + "9321") or {}).get(opening.pathway, "")
    build.push("type", {"coding": [coding | ({"display": name} if name else {})]}, *codes, rule=decided[opening.decided_by])
    build.put("patient", reference("Patient", patient), rule="the message's patient")
    build.put("managingOrganization", _ours(writer.receipt, receiver), rule="the receiving organisation")
    if opening.rule_set == "2019":
        build.put("period", {"start": received}, rule="rules of 2019: the pathway starts when the referral is received")
    build.push("referralRequest", reference("ServiceRequest", referral), rule="the referral that opened it")


def _care_plan(writer: Writer, opening: Opening, episode: str, identifiers: list[dict[str, str]], patient: str, task: str) -> None:
    build = writer.begin("CarePlan", named(episode, "care-plan", 1), "care-plan")
    build.object("meta").push("tag", COMPUTED, rule="worked out by the service")
    build.push(
        "extension", {"url": _EPISODE, "valueReference": reference("EpisodeOfCare", episode)}, rule="the pathway that it plans"
    )
    build.push("extension", {"url": EXTENSION + "rule-version", "valueString": opening.rule_set}, rule="as the pathway")
    build.put("identifier", identifiers, rule="the pathway's own id")
    build.put("status", "draft", rule="no right to care has been granted yet")
    build.put("intent", "plan", rule="a plan, not an order")
    name = (terms.displays(terms.OID + "9321") or {}).get(opening.pathway, opening.pathway)
    build.put("title", f"Pasientforløp: {name}", rule="the pathway's name in 9321")
    build.put("subject", reference("Patient", patient), rule="the message's patient")
    build.put("period", {"start": writer.receipt.day.isoformat()}, rule="planned from the day the referral was received")
    build.push("activity", {"reference": reference("Task", task)}, rule="the first thing to be done")


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
        _fill(build, body, duty.en)


def _fill(build: Build, body: dict[str, Any], rule: str) -> None:
    for key, value in body.items():
        if key not in ("resourceType", "id", "meta"):
            build.put(key, value, rule=rule)
    build.object("meta").push("tag", COMPUTED, rule="worked out by the service")
