"""One resource of each type that is served, about one person, by hand and valid; it refers to others in every way that is searched.

    bodies("anne", "21858999992", "Patient/1", links)["Task"]     # `links`: type -> id of what it refers to; may be empty

The least that R4 demands, an identifier where the type has one, and every element that a search parameter of references is taken
from (https://hl7.org/fhir/R4/searchparameter-registry.html).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapter.domain.identity import BASE

Body = dict[str, Any]
SYSTEM = "urn:matrix"
FNR = "urn:oid:2.16.578.1.12.4.1.4.1"
CODES = "http://terminology.hl7.org/CodeSystem/"
NOWHERE = "http://127.0.0.1:9/hook"
"""An endpoint that nobody is at (discard, https://www.rfc-editor.org/rfc/rfc863); the worker is not running either."""
EPISODE = "http://hl7.org/fhir/StructureDefinition/workflow-episodeOfCare"
NO_IDENTIFIER = frozenset({"Binary", "Provenance", "Subscription"})
OF_NOBODY = frozenset(
    ("Endpoint", "HealthcareService", "Location", "Organization", "Practitioner", "PractitionerRole", "Subscription")
)
"""Types that clients write and that are no patient's record: an organisation's own, whatever a patient has closed."""


def bodies(name: str, number: str, patient: str, links: Mapping[str, str]) -> dict[str, Body]:
    """By type. `name` begins the identifiers, `number` is the national one, `patient` the reference to the Patient."""
    beside = _linked(links) if links else {}
    made = {type: {**body, **beside.get(type, {})} for type, body in _plain(name, {"reference": patient}).items()}
    if links:
        made["Provenance"]["target"].append(_to(links, "Task"))
    return {type: {"resourceType": type, **_identified(type, name, number), **body} for type, body in made.items()}


def identifier(type: str, name: str) -> str:
    """The identifier of a person's resource, as a search says it."""
    return f"{SYSTEM}|{name}-{type}"


def _identified(type: str, name: str, number: str) -> Body:
    mine = {"system": SYSTEM, "value": f"{name}-{type}"}
    if type == "Patient":
        return {"identifier": [mine, {"system": FNR, "value": number}]}
    return {} if type in NO_IDENTIFIER else {"identifier": [mine]}


def _concept(system: str, code: str) -> Body:
    return {"coding": [{"system": system, "code": code}]}


def _to(links: Mapping[str, str], type: str) -> Body:
    """A reference: within a transaction by the urn of its entry."""
    return {"reference": links[type] if ":" in links[type] else f"{type}/{links[type]}"}


def _plain(name: str, subject: Body) -> dict[str, Body]:
    return {
        "AllergyIntolerance": {
            "patient": subject,
            "clinicalStatus": _concept(f"{CODES}allergyintolerance-clinical", "active"),
            "code": {"text": "Prøve"},
        },
        "Binary": {"contentType": "text/plain", "data": "aGVp", "securityContext": subject},
        "CarePlan": {"status": "active", "intent": "plan", "subject": subject},
        "CareTeam": {"status": "active", "subject": subject},
        "Communication": {"status": "completed", "subject": subject},
        "Condition": {
            "subject": subject,
            "clinicalStatus": _concept(f"{CODES}condition-clinical", "active"),
            "code": {"text": "Prøve"},
        },
        "Consent": {  # not in force: a block is made where it is meant
            "status": "inactive",
            "scope": _concept(f"{CODES}consentscope", "patient-privacy"),
            "category": [_concept("http://loinc.org", "59284-0")],
            "patient": subject,
            "policyRule": _concept(f"{CODES}v3-ActCode", "OPTIN"),
        },
        "DocumentReference": {
            "status": "current",
            "subject": subject,
            "content": [{"attachment": {"contentType": "text/plain", "title": "Prøve"}}],
        },
        "Encounter": {"status": "in-progress", "class": {"system": f"{CODES}v3-ActCode", "code": "AMB"}, "subject": subject},
        "Endpoint": {
            "status": "active",
            "connectionType": {"system": f"{CODES}endpoint-connection-type", "code": "hl7-fhir-rest"},
            "payloadType": [{"text": "Prøve"}],
            "address": "https://other.example/fhir",
        },
        "EpisodeOfCare": {"status": "active", "patient": subject},
        "Flag": {"status": "active", "code": {"text": "Prøve"}, "subject": subject},
        "Goal": {"lifecycleStatus": "active", "description": {"text": "Prøve"}, "subject": subject},
        "HealthcareService": {"active": True, "name": name},
        "Location": {"status": "active", "name": name},
        "MedicationStatement": {"status": "active", "subject": subject, "medicationCodeableConcept": {"text": "Prøve"}},
        "Observation": {"status": "final", "code": {"text": "Prøve"}, "subject": subject, "valueString": "Prøve"},
        "Organization": {"name": name, "active": True},
        "Patient": {"name": [{"family": name, "given": ["Åse"]}], "birthDate": "1985-03-12"},
        "Practitioner": {"active": True, "name": [{"family": name}]},
        "PractitionerRole": {"active": True},
        "Provenance": {"recorded": "2026-06-01T10:00:00Z", "target": [subject], "agent": [{"who": {"display": "Prøve"}}]},
        "RelatedPerson": {"patient": subject, "name": [{"family": name}]},
        "ServiceRequest": {"status": "active", "intent": "order", "subject": subject, "code": {"text": "Prøve"}},
        "Subscription": {
            "status": "requested",
            "reason": "Prøve",
            "criteria": "Task?status=entered-in-error",
            "channel": {"type": "rest-hook", "endpoint": NOWHERE, "payload": "application/fhir+json"},
        },
        "Task": {"status": "requested", "intent": "order", "for": subject},
    }


def _linked(links: Mapping[str, str]) -> dict[str, Body]:
    """What refers to others, by the type and element that it stands in."""

    def to(type: str) -> Body:
        return _to(links, type)

    plan = [f"{BASE}/PlanDefinition/{links['PlanDefinition']}"]
    performed = {"detail": {"status": "scheduled", "performer": [to("Practitioner")]}}
    actor = {"role": _concept(f"{CODES}v3-ParticipationType", "PRCP"), "reference": to("Organization")}
    return {
        "AllergyIntolerance": {"asserter": to("Practitioner"), "recorder": to("Practitioner")},
        "CarePlan": {
            "instantiatesCanonical": plan,
            "activity": [{"reference": to("Task")}, performed],
            "basedOn": [to("CarePlan")],
            "partOf": [to("CarePlan")],
            "replaces": [to("CarePlan")],
            "careTeam": [to("CareTeam")],
            "addresses": [to("Condition")],
            "goal": [to("Goal")],
            "encounter": to("Encounter"),
            "extension": [{"url": EPISODE, "valueReference": to("EpisodeOfCare")}],
        },
        "CareTeam": {"participant": [{"member": to("Practitioner")}], "encounter": to("Encounter")},
        "Communication": {
            "instantiatesCanonical": plan,
            "basedOn": [to("ServiceRequest")],
            "partOf": [to("Task")],
            "encounter": to("Encounter"),
            "recipient": [to("RelatedPerson")],
            "sender": to("Practitioner"),
        },
        "Condition": {
            "asserter": to("Practitioner"),
            "encounter": to("Encounter"),
            "evidence": [{"detail": [to("Observation")]}],
        },
        "Consent": {
            "performer": [to("RelatedPerson")],
            "organization": [to("Organization")],
            "sourceReference": to("DocumentReference"),
            "provision": {"actor": [actor], "data": [{"meaning": "instance", "reference": to("Observation")}]},
        },
        "DocumentReference": {
            "author": [to("Practitioner")],
            "authenticator": to("Practitioner"),
            "custodian": to("Organization"),
            "relatesTo": [{"code": "replaces", "target": to("DocumentReference")}],
            "context": {"encounter": [to("Encounter"), to("EpisodeOfCare")], "related": [to("ServiceRequest")]},
        },
        "Encounter": {
            "basedOn": [to("ServiceRequest")],
            "diagnosis": [{"condition": to("Condition")}],
            "episodeOfCare": [to("EpisodeOfCare")],
            "location": [{"location": to("Location")}],
            "participant": [{"individual": to("Practitioner")}],
            "partOf": to("Encounter"),
            "reasonReference": [to("Observation")],
            "serviceProvider": to("Organization"),
        },
        "Endpoint": {"managingOrganization": to("Organization")},
        "EpisodeOfCare": {
            "careManager": to("Practitioner"),
            "diagnosis": [{"condition": to("Condition")}],
            "referralRequest": [to("ServiceRequest")],
            "managingOrganization": to("Organization"),
            "team": [to("CareTeam")],
        },
        "Flag": {"author": to("Practitioner"), "encounter": to("Encounter")},
        "HealthcareService": {
            "endpoint": [to("Endpoint")],
            "coverageArea": [to("Location")],
            "location": [to("Location")],
            "providedBy": to("Organization"),
        },
        "Location": {"endpoint": [to("Endpoint")], "managingOrganization": to("Organization"), "partOf": to("Location")},
        "MedicationStatement": {
            "context": to("EpisodeOfCare"),
            "partOf": [to("MedicationStatement")],
            "informationSource": to("RelatedPerson"),
        },
        "Observation": {
            "basedOn": [to("ServiceRequest")],
            "derivedFrom": [to("DocumentReference")],
            "encounter": to("Encounter"),
            "focus": [to("Condition")],
            "hasMember": [to("Observation")],
            "partOf": [to("MedicationStatement")],
            "performer": [to("Practitioner")],
        },
        "Organization": {"endpoint": [to("Endpoint")], "partOf": to("Organization")},
        "Patient": {
            "generalPractitioner": [to("Practitioner")],
            "link": [{"type": "seealso", "other": to("Patient")}],
            "managingOrganization": to("Organization"),
        },
        "PractitionerRole": {
            "endpoint": [to("Endpoint")],
            "organization": to("Organization"),
            "practitioner": to("Practitioner"),
            "location": [to("Location")],
            "healthcareService": [to("HealthcareService")],
        },
        "Provenance": {
            "agent": [{"who": to("Practitioner")}],
            "entity": [{"role": "source", "what": to("DocumentReference")}],
            "location": to("Location"),
        },
        "ServiceRequest": {
            "instantiatesCanonical": plan,
            "basedOn": [to("ServiceRequest")],
            "encounter": to("Encounter"),
            "performer": [to("Organization")],
            "replaces": [to("ServiceRequest")],
            "requester": to("Practitioner"),
        },
        "Task": {
            "basedOn": [to("ServiceRequest")],
            "encounter": to("Encounter"),
            "focus": to("CarePlan"),
            "owner": to("Organization"),
            "partOf": [to("Task")],
            "requester": to("Practitioner"),
        },
    }
