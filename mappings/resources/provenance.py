"""Provenance: which message made these resources (https://hl7.org/fhir/R4/provenance.html). One for each message."""

from __future__ import annotations

from mappings import terms, times
from mappings.resources import elements
from mappings.resources.writer import Writer, reference


def write(writer: Writer, id: str, sender: dict[str, str] | None) -> None:
    referral = writer.referral
    targets = [reference(type, id) for type, id in writer.resources]
    build = writer.begin("Provenance", id, "provenance")
    build.put("target", targets, rule="every resource that the message made or changed")
    elements.date_time(build, "occurredDateTime", referral.generated)
    build.put("recorded", times.utc(writer.receipt.received), rule="when the message was received")
    if referral.serv_type:
        coding = {"system": terms.OID + "7309", "code": referral.serv_type.value}
        build.put("activity", {"coding": [coding]}, referral.serv_type)
    agent = build.item("agent")
    author = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"}]}
    agent.put("type", author, rule="the sender wrote it")
    agent.put("who", sender or {"display": "ukjent avsender"}, rule="the sender")
    for role, said in (("source", referral.msg_id), ("revision", referral.parent)):
        if said:
            entity = build.item("entity")
            entity.put("role", role, rule="the message itself" if role == "source" else "the message that it follows")
            entity.object("what").put("identifier", elements.business(said.value, "message-id"), said)
