"""Patient (https://hl7.org/fhir/R4/patient.html, no-basis-Patient). Its id is keyed by what identifies the person best."""

from __future__ import annotations

from adapter.domain import persons
from adapter.domain.referral import Person, Referral
from mappings.resources import elements, protected
from mappings.resources.writer import Writer
from mappings.trail import Build

_CITIZENSHIP = "http://hl7.org/fhir/StructureDefinition/patient-citizenship"
_INTERPRETER = "http://hl7.org/fhir/StructureDefinition/patient-interpreterRequired"


def key(person: Person, sender: str) -> tuple[str, str]:
    """What identifies a patient within an organisation: (system, value), empty where nothing does.

    A valid national number; else a DUF or foreign number; else a local one at its issuer; else name, birth date and sex.
    """
    for ident in person.idents:
        kind = persons.kind(ident.id.value)
        if kind and ident.type in elements.NUMBERS:
            return elements.NUMBERS[kind], ident.id.value
    for ident in person.idents:
        if ident.type not in ("FNR", "DNR", "FHN", "HER", ""):
            return (ident.type if ident.type == "DUF" else f"{ident.type}@{sender}"), ident.id.value
    names = [said.value for said in (person.family, person.given, person.name) if said is not None]
    if names and person.birth is not None and person.sex is not None:
        return "born", "|".join([*names, person.birth.value, person.sex.said.value])
    return "", ""


def id(writer: Writer, sender: str) -> str:
    system, value = key(writer.referral.patient, sender)
    return writer.party_id(system, value) if system else writer.own_id("patient")


def write(writer: Writer, id: str, assigner: str) -> None:
    referral: Referral = writer.referral
    person = referral.patient
    build = writer.begin("Patient", id, "patient", merge=True)
    elements.person_identifiers(writer, build, person, assigner)
    elements.name(build, person)
    elements.telecoms(build, person.telecoms)
    gender(writer, build, person)
    elements.date(build, "birthDate", person.birth)
    elements.date_time(build, "deceasedDateTime", person.death)
    if level := protected.told(person):
        protected.mark(build, person, level)
    else:
        elements.addresses(writer, build, person.addresses)
    _marital(writer, build)
    if person.nationality:
        nested = [{"url": "code", "valueCodeableConcept": writer.codeable(person.nationality)}]
        build.push("extension", {"url": _CITIZENSHIP, "extension": nested}, person.nationality.said)
    if referral.language:
        elements.language(writer, build.item("communication"), referral.language)
    if referral.interpreter:
        build.push("extension", {"url": _INTERPRETER, "valueBoolean": True}, referral.interpreter.said)
    build.put("managingOrganization", _organisation(writer), rule="the receiving organisation keeps the record")


def _organisation(writer: Writer) -> dict[str, object]:
    return {"identifier": {"system": elements.ENH, "value": writer.receipt.organisation}}


def _marital(writer: Writer, build: Build) -> None:
    marital = writer.referral.marital
    if marital is None:
        return
    concept = writer.codeable(marital)
    if code := writer.translate("marital-status", marital):
        concept.setdefault("coding", []).append({"system": "http://hl7.no/fhir/CodeSystem/no-basis-marital-status", "code": code})
    build.put("maritalStatus", concept, marital.said)


def gender(writer: Writer, build: Build, person: Person) -> None:
    """What 3101 says that R4 can say too; another code is kept as it came."""
    if person.sex and (code := writer.translate("gender", person.sex)):
        build.put("gender", code, person.sex.said)
    else:
        writer.extend_code(build, "sex", person.sex)
