"""Practitioner and PractitionerRole (https://hl7.org/fhir/R4/practitionerrole.html, no-basis profiles).

The HPR number identifies the Practitioner; a person's HER-id is an address and goes to PractitionerRole.endpoint.
"""

from __future__ import annotations

from adapter.domain.referral import Coded, Ident, Person
from mappings.resources import elements, organization
from mappings.resources.patient import gender
from mappings.resources.writer import Writer, reference


def write(writer: Writer, person: Person, role: str, position: int, organisation: str = "", speciality: Coded | None = None) -> str:
    """The id of the PractitionerRole of a person in a message; `role` and `position` identify one who has no number."""
    practitioner = _practitioner(writer, person, role, position)
    numbered = _number(person) is not None  # else the next message may put another person in this place: not to be merged
    kind = person.role.said.value if person.role else ""
    id = writer.party_id("PractitionerRole", f"{practitioner}|{organisation}|{kind}")
    her = person.ident("HER")
    build = writer.mention("PractitionerRole", id, "practitioner-role", merge=numbered)
    build.put("practitioner", reference("Practitioner", practitioner), rule="the person named there")
    if organisation:
        build.put("organization", reference("Organization", organisation), rule="the unit that names the person")
    writer.concept(build, "code", person.role, repeats=True)
    writer.concept(build, "specialty", speciality, repeats=True)
    elements.telecoms(build, person.telecoms)
    if her:
        endpoint = reference("Endpoint", organization.endpoint(writer, her, organisation))
        build.push("endpoint", endpoint, her.id, *((her.kind,) if her.kind is not None else ()))
    writer.mentioned("PractitionerRole", id, build)
    return id


def _practitioner(writer: Writer, person: Person, role: str, position: int) -> str:
    id = _id(writer, person, role, position)
    build = writer.mention("Practitioner", id, "practitioner", merge=_number(person) is not None)
    elements.person_identifiers(writer, build, person, "")
    elements.name(build, person)
    gender(writer, build, person)
    elements.date(build, "birthDate", person.birth)
    elements.addresses(writer, build, person.addresses)
    if person.category:
        qualification = build.item("qualification")
        writer.concept(qualification, "code", person.category)
    writer.mentioned("Practitioner", id, build)
    return id


def _number(person: Person) -> Ident | None:
    """What identifies the person, or at least where to reach them."""
    return person.ident("HPR", "FNR", "DNR", "HER")


def _id(writer: Writer, person: Person, role: str, position: int) -> str:
    best = _number(person)
    if best:
        system = {"HPR": elements.HPR, **elements.NUMBERS}.get(best.type, f"Practitioner|{best.type}")
        return writer.party_id(system, best.id.value)
    return writer.own_id(f"practitioner-{role}", position)
