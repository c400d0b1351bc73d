"""From a message's bytes to what it means, and from there to FHIR: the whole translation, without a clock or a database.

reading = translator.read(xml)                        # may raise Problem: no message that we read
refusal = gate.judge(reading.case, rules)             # AppRec codes, or none
translation = translator.render(reading, receipt, decision)
translation.bundle()                                  # bytes of the transaction Bundle
translation.explanation()                             # where each element came from, what became of each node
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from adapter.domain.deadlines import WorkingDays
from adapter.domain.identity import BASE, message_id, named
from adapter.domain.problem import Finding, Kind
from adapter.domain.referral import Coded, Decision, Part, Party, Receipt, Relative, Unit
from adapter.domain.ruleset import Rulebook, RuleSet
from mappings import data
from mappings.messages import reading as messages
from mappings.messages.reading import Reading
from mappings.messages.redaction import redacted
from mappings.messages.tree import Node, line_of, path_of
from mappings.messages.xml import Limits
from mappings.resources import (
    clinical,
    document,
    organization,
    pathway,
    patient,
    people,
    practitioner,
    protected,
    provenance,
    service_request,
)
from mappings.resources.elements import NUMBERS
from mappings.resources.writer import Resource, Writer, reference
from mappings.rules import national
from mappings.trail import origin, place

__all__ = ["Limits", "Reading", "Resource", "Translation", "Translator"]

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Translation:
    """What a message became."""

    def __init__(self, reading: Reading, writer: Writer, findings: list[Finding]) -> None:
        self.resources: list[Resource] = list(writer.resources.values())
        self.findings = findings
        self._reading = reading
        self._writer = writer
        self._used = {id(said) for mark in writer.marks for said in mark[3]}
        if reading.envelope.format != "2.0":  # only the names of 1.x come in parts
            self._used |= {id(said.source) for mark in writer.marks for said in mark[3] if isinstance(said, Part)}
        self.findings += self._not_understood()

    def bundle(self) -> bytes:
        """The transaction Bundle: one `PUT Type/id` for each resource."""
        return bundle((r.type, r.id, encoded(r.body)) for r in self.resources)

    def _not_understood(self) -> Iterator[Finding]:
        """Everything that the message says and no mapping uses, so that nothing is dropped in silence."""
        used = self._used
        for node in self._reading.tree.leaves:
            if id(node) not in used and _says(node) and not _not_used(node) and not self._in_whole(node):
                yield _unread(path_of(node.element), line_of(node.element))
        for element, what in self._reading.tree.strange:
            yield _unread(path_of(element) + (f"/{what}" if what else ""), line_of(element))

    def _in_whole(self, node: Node) -> bool:
        whole = self._writer.whole
        return bool(whole) and any(above in whole for above in node.element.iterancestors())

    def explanation(self) -> dict[str, Any]:
        """`{"elements": [{path, xpath, line, raw, map}], "nodes": [{xpath, line, fate, reason, elements}]}`.

        An element has a row for each node that it came from, or one without node whose `map` names the rule.
        """
        elements = list(self._elements())
        made: dict[str, list[str]] = {}
        for element in elements:
            if element["xpath"]:
                made.setdefault(element["xpath"], []).append(element["path"])
        return {"elements": elements, "nodes": self._nodes(made)}

    def _elements(self) -> Iterator[dict[str, Any]]:
        maps = [resource.map for resource in self.resources]
        for mark in self._writer.marks:
            path = place(mark)
            name = maps[int(path.split("[", 1)[1].split("]", 1)[0])]
            rule = f"{name}: {mark[4]}" if mark[4] else name
            nodes = [origin(said) for said in mark[3]]
            if not nodes:
                yield {"path": path, "xpath": None, "line": None, "raw": None, "map": rule}
            for node in nodes:
                yield {"path": path, "xpath": path_of(node.element), "line": line_of(node.element), "raw": _raw(node), "map": rule}

    def _nodes(self, made: dict[str, list[str]]) -> list[dict[str, Any]]:
        rows = []
        for node in (*self._reading.tree.nodes, *self._reading.tree.leaves):
            xpath = path_of(node.element)
            fate, reason = self._fate(node)
            rows.append(
                {"xpath": xpath, "line": line_of(node.element), "fate": fate, "reason": reason, "elements": made.get(xpath, [])}
            )
        for element, what in self._reading.tree.strange:
            xpath = path_of(element) + (f"/{what}" if what else "")
            reason = "neither the schema nor a mapping knows it"
            rows.append({"xpath": xpath, "line": line_of(element), "fate": "not-understood", "reason": reason, "elements": []})
        return sorted(rows, key=lambda row: (row["line"], row["xpath"]))

    def _fate(self, node: Node) -> tuple[str, str]:
        if id(node) in self._used:
            return "used", ""
        if self._in_whole(node):
            return "used", "what it stands in is kept whole"
        listed = _not_used(node)
        if listed:
            return "not-used", listed
        if not node.type.leaf:
            below = {self._fate(child)[0] for children in node.children.values() for child in children}
            if "used" in below:
                return "used", "what is in it is used"
            return (
                ("not-understood", "what is in it is not understood")
                if "not-understood" in below
                else ("not-used", "it holds nothing that is used")
            )
        return ("not-understood", "no mapping knows it, or its value") if _says(node) else ("not-used", "it says nothing")


def _says(node: Node) -> bool:
    said = bool(node.text and not node.text.isspace()) or any(value.strip() for value in node.attributes.values())
    return said or (node.type.open and len(node.element) > 0)


def _not_used(node: Node) -> str:
    parent = node.element.getparent()
    above = parent.tag.rpartition("}")[2] if parent is not None else ""
    listed: str = data.json_file("messages", "not_used.json").get(f"{above}/{node.element.tag.rpartition('}')[2]}", "")
    return listed


def _unread(where: str, line: int) -> Finding:
    return Finding(
        "warning",
        Kind.NOT_UNDERSTOOD,
        "This part of the message is not understood and is not in the FHIR resources.",
        "Denne delen av meldingen er ikke forstått og er ikke med i FHIR-ressursene.",
        where,
        line,
    )


_RAW = 200  # characters of a node's text that an explanation shows


def _raw(node: Node) -> str:
    if node.type.attributes:
        return " ".join(f'{key}="{value}"' for key, value in node.attributes.items())
    return node.text if len(node.text) <= _RAW else node.text[:_RAW] + "…"


def encoded(body: Mapping[str, Any]) -> bytes:
    """A resource as JSON, decimals to their last digit. Base64 has nothing to escape, and is not looked through for it."""
    if body["resourceType"] != "Binary" or "data" not in body:
        return _encode(body)
    head = _encode({key: value for key, value in body.items() if key != "data"})
    return b'%b,"data":"%b"}' % (head[:-1], body["data"].encode())


_URL = f'{{"fullUrl":"{BASE}/'.encode()


def bundle(resources: Iterable[tuple[str, str, bytes]]) -> bytes:
    """A transaction Bundle spliced from resources (type, id, JSON) as they are."""
    parts = [b'{"resourceType":"Bundle","type":"transaction","entry":[']
    before = b""
    for type, id, body in resources:
        target = f"{type}/{id}".encode()
        parts += (before, _URL, target, b'","resource":', body, b',"request":{"method":"PUT","url":"', target, b'"}}')
        before = b","
    return b"".join([*parts, b"]}"])


class Translator:
    """Reads and renders; made once, holds no state between messages. `rulebook` is what pathways go by, by default the national."""

    def __init__(
        self,
        limits: Limits,
        person_id: Callable[[str, str, str], str],
        working_days: WorkingDays = "mon-fri",
        rulebook: Rulebook | None = None,
    ) -> None:
        self._limits = limits
        self._person_id = person_id
        self.week = working_days
        self.rulebook = rulebook or national()

    def read(self, message: bytes, protection: str = "") -> Reading:
        """See `mappings.messages.reading.read`. Of a patient whose address is confidential, as the message says or as it is known
        (`protection`), nothing is read on that gives the place away.
        """
        reading = messages.read(message, self._limits)
        level = protected.told(reading.referral.patient) or protection
        if not level:
            return reading
        kept = redacted(message)
        return replace(messages.read(kept, self._limits), case=reading.case, findings=reading.findings, protection=level, kept=kept)

    def patient_id(self, reading: Reading, organisation: str) -> str:
        """The id of the Patient at an organisation; empty where nothing identifies the person beyond this referral."""
        system, value = patient.key(reading.referral.patient, reading.envelope.sender)
        return self._person_id(organisation, system, value) if system else ""

    def patient_number(self, reading: Reading) -> str:
        """The patient's national number, as `system|value`; empty where the message has none that is valid."""
        system, value = patient.key(reading.referral.patient, reading.envelope.sender)
        return f"{system}|{value}" if system in NUMBERS.values() else ""

    def render(self, reading: Reading, receipt: Receipt, decision: Decision) -> Translation:
        """The resources of a referral and of what it opens."""
        envelope = reading.envelope
        sender = receipt.sender or envelope.sender
        message = message_id(receipt.receiver, sender, envelope.msg_id)
        owner = (sender, envelope.document_id or envelope.msg_id)
        writer = Writer(reading.referral, receipt, owner, self._person_id, f"urn:uuid:{message}")
        opening = decision.opening
        rules = self.rulebook.get(opening.pathway, opening.rule_set, receipt.organisation) if opening else None
        _write(writer, reading, decision, message, rules, self.week)
        return Translation(reading, writer, [*reading.findings, *decision.findings, *writer.findings])


def _write(writer: Writer, reading: Reading, decision: Decision, message: str, rules: RuleSet | None, week: WorkingDays) -> None:
    referral, envelope = writer.referral, reading.envelope
    assigner = _name(referral.sender.units)
    person = patient.id(writer, envelope.sender)
    patient.write(writer, person, assigner)
    sender, _ = _party(writer, referral.sender, "sender", 0)
    receiver, unit = _party(writer, referral.receiver, "receiver", 0)
    ours = unit
    supporting: list[tuple[str, str]] = []
    copies: list[tuple[dict[str, str], Coded | None]] = []
    for position, party in enumerate(referral.copies):
        copy, copy_unit = _copy(writer, party, position, person)
        copies += [(copy, party.role)] if copy else []
        if party.key == writer.receipt.receiver and reading.is_copy(party.key):
            ours = copy_unit
    relatives = {}
    for position, relative in enumerate(referral.relatives):
        relatives[id(relative)] = people.relative(writer, relative, position, person, assigner)
        supporting.append(("RelatedPerson", relatives[id(relative)]))
    referrer: dict[str, str] | None = None
    if referral.contacts:
        team, referrer, doctors = people.care_team(writer, person, referral.contacts)
        supporting.append(("CareTeam", team))
        build = writer.begin("Patient", person, "patient")
        for doctor in dict.fromkeys(doctors):
            build.push("generalPractitioner", {"reference": doctor}, rule="the GP that the referral names")
    reasons = [clinical.condition(writer, d, n, person) for n, d in enumerate(referral.diagnoses)]
    supporting += [clinical.precaution(writer, p, n, person) for n, p in enumerate(referral.precautions)]
    supporting += [clinical.information(writer, i, n, person) for n, i in enumerate(referral.information)]
    for n, statement in enumerate(referral.statements):
        supporting.append(clinical.statement(writer, statement, n, person, relatives.get(id(statement.about), "")))
    supporting += [document.write(writer, d, n, person) for n, d in enumerate(referral.documents)]
    agreements = [*referral.consents, *(r.consent for r in referral.relatives if r.consent)]
    supporting += [people.consent(writer, a, n, person) for n, a in enumerate(agreements)]
    service_request.write(writer, person, referrer or sender, [receiver] if receiver else [], reasons, supporting, copies)
    request = service_request.id(writer)
    if decision.opening and rules:
        pathway.write(writer, decision.opening, rules, person, request, ours, referrer or sender, week, envelope.emergency)
    pathway.duties(writer, decision.duties, person, request, ours, message)
    provenance.write(writer, named(message, "provenance", 0), sender)


def _copy(writer: Writer, party: Party, position: int, patient: str) -> tuple[dict[str, str] | None, str]:
    """A copy receiver: a service or health personnel, or someone private, then a RelatedPerson."""
    if party.person and party.private:
        id = people.relative(writer, Relative(party.person, part="copy-receiver"), position, patient, "", role="copy")
        return reference("RelatedPerson", id), ""
    return _party(writer, party, "copy", position)


def _name(units: list[Unit]) -> str:
    return units[0].name.value if units and units[0].name else ""


def _party(writer: Writer, party: Party, role: str, position: int) -> tuple[dict[str, str] | None, str]:
    """A party's reference (its person's role, else its innermost unit) and its innermost unit's id."""
    units = organization.write(writer, party)
    unit = units[-1] if units else ""
    if party.person:
        return reference("PractitionerRole", practitioner.write(writer, party.person, role, position, unit, party.speciality)), unit
    return (reference("Organization", unit) if unit else None), unit
