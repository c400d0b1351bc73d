"""Practitioner and PractitionerRole (https://hl7.org/fhir/R4/practitionerrole.html, no-basis profiles).

The HPR number identifies the Practitioner; a person's HER-id is an address and goes to PractitionerRole.endpoint.
"""

from __future__ import annotations

from adapter.domain.referral import Coded, Ident, Person
from mappings.resources import elements, organization
from mappings.resources.patient import gender
from mappings.resources.writer import Writer, reference
from mappings.trail import Build


def write(writer: Writer, person: Person, role: str, position: int, organisation: str = "", speciality: Coded | None = None) -> str:
    """The id of the PractitionerRole of a person in a message; `role` and `position` identify one who has no number."""
    practitioner = _practitioner(writer, person, role, position)
    kind = person.role.said.value if person.role else ""
    id = writer.party_id("PractitionerRole", f"{practitioner}|{organisation}|{kind}")
    again = writer.has("PractitionerRole", id)
    build = writer.begin("PractitionerRole", id, "practitioner-role", merge=True)
    if not again:
        build.put("practitioner", reference("Practitioner", practitioner), rule="the person named there")
        if organisation:
            build.put("organization", reference("Organization", organisation), rule="the unit that names the person")
    elements_before = bool(build.json.get("telecom"))
    writer.concept(build, "code", person.role, repeats=True) if not build.json.get("code") else _again(build, person.role)
    if speciality and not build.json.get("specialty"):
        writer.concept(build, "specialty", speciality, repeats=True)
    if not elements_before:
        elements.telecoms(build, person.telecoms)
    else:
        for telecom in person.telecoms:
            said = tuple(s for s in (telecom.address, telecom.use) if s is not None)
            build.mark("telecom", said, "named more than once in the message")
    her = person.ident("HER")
    if her:
        endpoint = reference("Endpoint", organization.endpoint(writer, her, organisation))
        if endpoint not in build.json.get("endpoint", []):
            build.push("endpoint", endpoint, her.id, *((her.kind,) if her.kind is not None else ()))
    return id


def _again(build: Build, coded: Coded | None) -> None:
    if coded:
        build.mark("code", (coded.said,), "named more than once in the message")


def _practitioner(writer: Writer, person: Person, role: str, position: int) -> str:
    id = _id(writer, person, role, position)
    again = writer.has("Practitioner", id)
    build = writer.begin("Practitioner", id, "practitioner", merge=True)
    if again:
        _mark_again(build, person)
        return id
    elements.person_identifiers(writer, build, person, "")
    elements.name(build, person)
    gender(writer, build, person)
    elements.date(build, "birthDate", person.birth)
    elements.addresses(writer, build, person.addresses)
    if person.category:
        qualification = build.item("qualification")
        writer.concept(qualification, "code", person.category)
    return id


def _id(writer: Writer, person: Person, role: str, position: int) -> str:
    best: Ident | None = person.ident("HPR", "FNR", "DNR", "HER")
    if best:
        return writer.party_id(f"Practitioner|{best.type}", best.id.value)
    return writer.own_id(f"practitioner-{role}", position)


def _mark_again(build: Build, person: Person) -> None:
    said = [s for s in (person.family, person.middle, person.given, person.name, person.birth) if s is not None]
    said += [c.said for c in (person.sex, person.category) if c]
    for ident in person.idents:
        said += [s for s in (ident.id, ident.kind) if s is not None and ident.type != "HER"]
    for address in person.addresses:
        for name in ("use", "street", "postal_code", "city", "postbox"):
            if (leaf := getattr(address, name)) is not None:
                said.append(leaf)
    build.mark("id", tuple(said), "named more than once in the message")
