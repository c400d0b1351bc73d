"""A record of the audit, as it concerns one patient -> AuditEvent (https://hl7.org/fhir/R4/auditevent.html).

In the shape of HL7 Norway's Trustframework AuditEvent (package hl7.fhir.no.domain.auditevent): the agent is a PractitionerRole with
practitioner, organisation and location; patient and care relation are extensions. What is not known is said to be unknown. The
profile is not claimed, since it takes a person and a place for granted, where many a request comes from a system by itself.

>>> event = audit_event(7, {"moment": "2026-05-11T08:42:19Z", "action": "R", "outcome": "0", "ground": {"purpose": "TREAT"}}, "p1")
>>> event["action"], event["purposeOfEvent"][0]["coding"][0]["code"], event["extension"][0]["valueReference"]
('R', 'TREAT', {'reference': 'Patient/p1'})
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from adapter.domain import persons
from adapter.domain.identity import BASE
from mappings.resources.elements import ENH, HPR, NUMBERS

Body = dict[str, Any]
Said = Mapping[str, Any]

HL7_NORWAY: Final = "http://hl7.no/fhir/StructureDefinition/"
UNKNOWN: Final = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+", re.ASCII)
REST: Final = {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest", "display": "RESTful Operation"}
DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
KINDS: Final = {
    "import": {"system": DICOM, "code": "110107", "display": "Import"},
    "export": {"system": DICOM, "code": "110106", "display": "Export"},
}
INTERACTIONS: Final = {"C": "create", "R": "read", "U": "update", "D": "delete", "S": "search"}
PURPOSES: Final = {"TREAT": "treatment", "ETREAT": "Emergency Treatment", "PATRQT": "patient requested"}
SERVER: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/security-source-type",
    "code": "4",
    "display": "Application Server",
}
SYSTEM_OBJECT: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type",
    "code": "2",
    "display": "System Object",
}
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
ENDED: Final = "The service ended before it answered: what was written stands, and whether an answer left is not known."


def audit_event(position: int, record: Said, *names: str) -> Body:
    """The AuditEvent of the record at a position of the chain. `record` is its body; other patients' parts are left out.

    `names` are all that the patient goes by in the record, of which the first is told.
    """
    who, ground = record.get("who", {}), record.get("ground", {})
    event: Body = {
        "resourceType": "AuditEvent",
        "id": str(position),
        "contained": _agents(who),
        "extension": [_patient(names[0]), *_relation(ground)],
        "type": KINDS.get(record.get("kind", ""), REST),
        "subtype": _subtype(record),
        "action": {"S": "E"}.get(record["action"], record["action"]),
        "recorded": record["moment"],
        "outcome": record.get("outcome", ""),
        "outcomeDesc": "" if "outcome" in record else ENDED,
        "purposeOfEvent": _purposes(ground),
        "agent": [_agent(who)],
        "source": {"observer": {"display": "Stafett"}, "type": [SERVER]},
        "entity": [_request(record), *_seen(record, names)],
    }
    return {name: _inert(value) for name, value in event.items() if value}


def _inert(value: Any) -> Any:
    """What others wrote, without the control characters that no FHIR string may hold."""
    if isinstance(value, dict):
        return {name: _inert(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_inert(one) for one in value]
    return CONTROL.sub("\ufffd", value) if isinstance(value, str) else value


def _patient(patient: str) -> Body:
    system, bar, value = patient.partition("|")
    reference: Body = {"identifier": {"system": system, "value": value}} if bar else {"reference": f"Patient/{patient}"}
    return {"url": f"{HL7_NORWAY}auditevent-patient-extension", "valueReference": reference}


def _relation(ground: Said) -> list[Body]:
    """What the trust framework's attest says of the decision that the access rests on, and when it said so (`toa`)."""
    decision = _part(ground.get("care"), "decision_ref")
    told: list[Body] = [
        {"url": f"decision-ref-{name}", "valueString": decision[name]}
        for name in ("id", "description")
        if isinstance(decision.get(name), str) and decision[name].strip()
    ]
    if isinstance(decision.get("user_selected"), bool):
        told.append({"url": "decision-ref-user-selected", "valueBoolean": decision["user_selected"]})
    toa = ground.get("toa")
    if isinstance(toa, int) and not isinstance(toa, bool) and 0 <= toa < 2**31:
        told.append({"url": "toa", "valueUnsignedInt": toa})
    return [{"url": f"{HL7_NORWAY}auditevent-carerelation-metadata-extension", "extension": told}] if told else []


def _subtype(record: Said) -> list[Body]:
    code = INTERACTIONS.get(record["action"], "") if "kind" not in record else ""
    return [{"system": "http://hl7.org/fhir/restful-interaction", "code": code, "display": code}] if code else []


def _purposes(ground: Said) -> list[Body]:
    code = ground.get("purpose", "")
    details = _coding(_part(ground.get("care"), "purpose_of_use_details"))
    known = {"display": PURPOSES[code]} if code in PURPOSES else {}
    purpose = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code, **known}
    coding = [*([purpose] if code else []), *([details] if details else [])]
    return [{"coding": coding}] if coding else []


def _agent(who: Said) -> Body:
    """The one who asked, known to the token service by the client's id."""
    agent: Body = {
        "who": {"reference": "#role"},
        "altId": who.get("client", ""),
        "name": name_of(who) or who.get("operator"),
        "requestor": True,
    }
    return {name: value for name, value in agent.items() if value}


def _agents(who: Said) -> list[Body]:
    """The role in which somebody asked, and what it consists of."""
    practitioner, organization, location = _practitioner(who), _organization(who), _location(who)
    role = {
        "resourceType": "PractitionerRole",
        "id": "role",
        "practitioner": {"reference": "#practitioner"} if practitioner else {"extension": [UNKNOWN]},
        "organization": {"reference": "#organization"} if organization else {"extension": [UNKNOWN]},
        "location": [{"reference": "#location"} if location else {"extension": [UNKNOWN]}],
    }
    return [role, *practitioner, *organization, *location]


def _practitioner(who: Said) -> list[Body]:
    """Of the token's claims and the attest's, which may tell the same."""
    person, attest = who.get("person", {}), who.get("practitioner", {})
    kind = persons.kind(person.get("pid", ""))
    identifiers = [
        *([{"system": NUMBERS[kind], "value": person["pid"]}] if kind else []),
        *([{"system": HPR, "value": person["hpr"]}] if person.get("hpr") else []),
    ]
    for name in ("identifier", "hpr_nr"):
        found = _identifier(_part(attest, name))
        identifiers += [found] if found and found not in identifiers else []
    name, code = name_of(who), _coding(_part(attest, "authorization"))
    if not identifiers and not name:
        return []
    body: Body = {
        "resourceType": "Practitioner",
        "id": "practitioner",
        "identifier": identifiers,
        "name": [{"text": name}] if name else [],
        "qualification": [{"code": {"coding": [code]}}] if code else [],
    }
    return [{key: value for key, value in body.items() if value}]


def name_of(who: Said) -> str:
    """The name of the person who asked; empty where it is not known."""
    said = who.get("person", {}).get("name") or _part(who.get("practitioner"), "identifier").get("name")
    return said.strip() if isinstance(said, str) else ""


def _organization(who: Said) -> list[Body]:
    """The department, within the legal entity; else the organisation numbers of the token, the innermost within the outermost."""
    attest, numbers = who.get("practitioner", {}), who.get("organisations", [])
    named = [_named(_part(attest, name)) for name in ("legal_entity", "department")]
    found = [one for one in named if one] or [{"identifier": {"system": ENH, "value": number}} for number in numbers]
    if not found:
        return []
    inner, outer = found[-1], found[0]
    body: Body = {"resourceType": "Organization", "id": "organization", "identifier": [inner["identifier"]]}
    name = {"name": inner["display"]} if "display" in inner else {}
    return [body | name | ({"partOf": outer} if outer != inner else {})]


def _location(who: Said) -> list[Body]:
    place = _named(_part(who.get("practitioner"), "point_of_care"))
    return [{"resourceType": "Location", "id": "location", "managingOrganization": place}] if place else []


def _request(record: Said) -> Body:
    """What was asked for and how, as far as it tells of no person."""
    said = {
        "method": record.get("method"),
        "request": record.get("request"),
        "status": record.get("status"),
        "scope": record.get("ground", {}).get("scope"),
        "supplier": record.get("who", {}).get("supplier"),
        "receiver": record.get("receiver"),
        "sender": record.get("sender"),
    }
    details = [(name, str(value)) for name, value in said.items() if value]
    details += [("criterion", one) for one in record.get("criteria", [])]
    entity: Body = {
        "type": SYSTEM_OBJECT,
        "name": record.get("route") or record.get("what") or "",
        "detail": [{"type": name, "valueString": value} for name, value in details],
    }
    return {name: value for name, value in entity.items() if value}


OUR_OWN: Final = ("Message", "Delivery")
"""What is seen and is no resource of FHIR: a message of the inbox, and what goes to a partner."""


def _seen(record: Said, names: Sequence[str]) -> list[Body]:
    """The versions that were seen: the patient's own, and nobody's."""
    return [
        {"what": {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{id}"}}, "name": type}
        if type in OUR_OWN
        else {
            "what": {"reference": f"{type}/{id}/_history/{version}"},
            "type": {"system": "http://hl7.org/fhir/resource-types", "code": type},
        }
        for owner, (_, type, id, version) in seen_of(record)
        if owner is None or owner in names
    ]


def seen_of(record: Said) -> Iterator[tuple[str | None, tuple[str, str, str, int]]]:
    """What was seen: whose it is (None of nobody's), and what was done with which type, id and version."""
    for action, type, id, version, *number in record.get("seen", []):
        yield record["patients"][number[0]] if number else None, (action, type, id, version)


def _named(said: Said) -> Body:
    """A reference by identifier."""
    identifier, name = _identifier(said), said.get("name")
    display = {"display": name.strip()} if isinstance(name, str) and name.strip() else {}
    return {"identifier": identifier, **display} if identifier else {}


def _identifier(said: Said) -> Body:
    value, system = said.get("id"), _system(said.get("system"))
    if not isinstance(value, str | int) or not str(value).strip():
        return {}
    authority = said.get("authority")
    assigner = {"assigner": {"display": authority}} if isinstance(authority, str) and authority.strip() and not system else {}
    return {**({"system": system} if system else {}), "value": str(value).strip(), **assigner}


def _coding(said: Said) -> Body:
    code, system, text = said.get("code"), _system(said.get("system")), said.get("text")
    if not isinstance(code, str) or not code or code != " ".join(code.split()):
        return {}
    display = {"display": text} if isinstance(text, str) and text.strip() else {}
    return {**({"system": system} if system else {}), "code": code, **display}


def _system(said: object) -> str:
    """A system as an absolute URI; the attest may name an OID bare. Empty where it is neither."""
    if not isinstance(said, str) or not said or len(said.split()) != 1:
        return ""
    return said if ":" in said else f"urn:oid:{said}" if _OID.fullmatch(said) else ""


def _part(said: object, name: str) -> Said:
    found = said.get(name) if isinstance(said, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def bundle(events: Sequence[Body]) -> Body:
    """A patient's own extract."""
    entries = [{"fullUrl": f"{BASE}/AuditEvent/{event['id']}", "resource": event} for event in events]
    return {"resourceType": "Bundle", "type": "collection", **({"entry": entries} if entries else {})}
