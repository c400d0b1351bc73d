"""ServiceRequest: the referral itself (https://hl7.org/fhir/R4/servicerequest.html).

Reasons and comments come out whole, each under its heading; codes that R4 has no element for are extensions, as they came.
"""

from __future__ import annotations

from adapter.domain.referral import Assessment, Coded, Passage, Referral
from mappings import times
from mappings.resources import elements
from mappings.resources.writer import EXTENSION, Writer, reference
from mappings.trail import Build

_STATUS = {"C": "revoked"}


def id(writer: Writer) -> str:
    return writer.own_id("referral")


def write(
    writer: Writer,
    patient: str,
    requester: dict[str, str] | None,
    performers: list[dict[str, str]],
    reasons: list[str],
    supporting: list[tuple[str, str]],
    copies: list[tuple[dict[str, str], Coded | None]],
) -> None:
    referral = writer.referral
    build = writer.begin("ServiceRequest", id(writer), "service-request")
    if referral.processing:
        coding = writer.codeable(referral.processing).get("coding")
        if coding:
            build.object("meta").push("tag", coding[0], referral.processing.said)
    if referral.document_id:
        build.push("identifier", elements.business(referral.document_id.value, "document-id"), referral.document_id)
    if referral.conversation:
        build.put("requisition", elements.business(referral.conversation.value, "conversation-id"), referral.conversation)
    said = (referral.serv_type,) if referral.serv_type else ()
    status = _STATUS.get(referral.serv_type.value if referral.serv_type else "", "active")
    build.put("status", status, *said, rule="C cancels; N and M are active (HISD 1154)")
    build.put("intent", "order", rule="a referral asks for a service")
    writer.concept(build, "category", referral.type, repeats=True)
    writer.concept(build, "category", referral.content, repeats=True)
    if referral.content_note:
        elements.annotation(build, "note", referral.content_note)
    _priority(writer, build, referral)
    writer.concept(build, "code", referral.service)
    build.put("subject", reference("Patient", patient), rule="the message's patient")
    elements.date_time(build, "occurrenceDateTime", referral.wanted)
    elements.date_time(build, "authoredOn", referral.issued)
    if requester:
        build.put("requester", requester, rule="the referring health personnel, else the sender")
    for speciality in referral.specialities[:1]:
        writer.concept(build, "performerType", speciality)
    for speciality in referral.specialities[1:]:
        writer.extend_code(build, "further-speciality", speciality)
    for performer in performers:
        build.push("performer", performer, rule="the receiver that is asked")
    for passage in referral.reasons:
        _reason(writer, build, passage)
    for condition in reasons:
        build.push("reasonReference", reference("Condition", condition), rule="the referral's diagnoses, the first is the main one")
    for type, other in supporting:
        build.push("supportingInfo", reference(type, other), rule="what the referral says besides")
    for passage in referral.comments:
        _comment(writer, build, passage)
    for copy, role in copies:
        holder = build.item("extension")
        holder.put("url", EXTENSION + "copy-receiver", rule="OtherReceiver or CopyDest")
        holder.push("extension", {"url": "receiver", "valueReference": copy}, rule="who gets a copy")
        if role:
            holder.push("extension", {"url": "role", "valueCodeableConcept": writer.codeable(role)}, role.said)
    for name, coded in (
        ("payment-category", referral.payment),
        ("basis-for-health-services", referral.basis),
        ("purpose", referral.purpose),
        ("admission-category", referral.admission),
    ):
        writer.extend_code(build, name, coded)
    if referral.assessment:
        _assessment(writer, build, referral.assessment)
    for carried in referral.pathway_codes:
        holder = build.item("extension")
        holder.put("url", EXTENSION + "pathway-code", rule="Pakkeforlop")
        holder.push("extension", {"url": "code", "valueCodeableConcept": writer.codeable(carried.code)}, carried.code.said)
        if carried.note:
            holder.push("extension", {"url": "note", "valueString": carried.note.text}, carried.note)


def _priority(writer: Writer, build: Build, referral: Referral) -> None:
    if referral.priority is None:
        return
    code = writer.translate(f"priority-{referral.priority.list}", referral.priority)
    if code:
        build.put("priority", code, referral.priority.said)
    writer.extend_code(build, "referral-priority", referral.priority)


def _reason(writer: Writer, build: Build, passage: Passage) -> None:
    reason = build.item("reasonCode")
    for coded in passage.codes:
        concept = writer.codeable(coded)
        for coding in concept.get("coding", []):
            reason.push("coding", coding, coded.said)
        if "text" in concept:
            writer.extend_code(reason, "coded-text", coded)
    reason.whole("text", passage.text)
    writer.extend_code(reason, "heading", passage.heading)


def _comment(writer: Writer, build: Build, passage: Passage) -> None:
    note = build.item("note")
    if passage.text:
        note.whole("text", passage.text)
    else:
        shown = [c for c in (*passage.codes, passage.heading) if c]
        note.put(
            "text",
            "; ".join(c.said.attributes.get("DN") or c.said.attributes.get("OT") or c.said.value for c in shown),
            *(c.said for c in shown),
        )
    writer.extend_code(note, "heading", passage.heading)
    if passage.label:
        note.push(
            "extension",
            {"url": EXTENSION + "heading", "valueCodeableConcept": {"text": passage.label}},
            rule="named by its place in the message",
        )
    for coded in passage.codes:
        writer.extend_code(note, "coded-text", coded)


def _assessment(writer: Writer, build: Build, assessment: Assessment) -> None:
    """The rights assessment and its dates (HIS 1208:2018; 9147, 8485, 8445)."""
    holder = build.item("extension")
    holder.put("url", EXTENSION + "rights-assessment", rule="VurderingAvHenvisning")
    for kind, day in assessment.dates:
        dated = holder.item("extension")
        dated.put("url", "date", rule="DatoMottakOgVurdering")
        if kind:
            dated.push("extension", {"url": "type", "valueCodeableConcept": writer.codeable(kind)}, kind.said)
        value = times.day(day.value)
        if value:
            dated.push("extension", {"url": "value", "valueDate": value}, day)
    for name, said in (("free-choice", assessment.free_choice), ("right-to-care", assessment.right)):
        if said and (yes := elements.boolean(said)) is not None:
            holder.push("extension", {"url": name, "valueBoolean": yes}, said)
    if assessment.course:
        identifier = elements.business(assessment.course.value, "forlops-id")
        holder.push("extension", {"url": "course", "valueIdentifier": identifier}, assessment.course)
    for name, coded in (("outcome", assessment.outcome), ("waiting-end", assessment.waiting_end)):
        if coded:
            holder.push("extension", {"url": name, "valueCodeableConcept": writer.codeable(coded)}, coded.said)
