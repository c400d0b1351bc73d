"""Those around the patient: RelatedPerson, CareTeam, Consent.

https://hl7.org/fhir/R4/relatedperson.html, careteam.html, consent.html
"""

from __future__ import annotations

from adapter.domain.referral import Agreement, Contact, Relative
from mappings import times
from mappings.resources import elements, organization, practitioner
from mappings.resources.patient import gender
from mappings.resources.writer import Writer, own, reference

_NEXT_OF_KIN = {"system": "http://terminology.hl7.org/CodeSystem/v2-0131", "code": "N", "display": "Next-of-Kin"}


def relative(writer: Writer, given: Relative, position: int, patient: str, assigner: str, role: str = "relative") -> str:
    """A RelatedPerson: what they are to the patient (9033, 9050), and whether next of kin."""
    id = writer.own_id(role, position)
    build = writer.begin("RelatedPerson", id, "related-person")
    person = given.person
    elements.person_identifiers(writer, build, person, assigner)
    build.put("patient", reference("Patient", patient), rule="the message's patient")
    for relation in given.relations:
        writer.concept(build, "relationship", relation, repeats=True)
    if given.next_of_kin and (nearest := elements.boolean(given.next_of_kin)) is not None:
        writer.extend(build, "next-of-kin", "Boolean", nearest, given.next_of_kin)
        if nearest:
            build.push("relationship", {"coding": [_NEXT_OF_KIN]}, given.next_of_kin)
    if given.guardian and (guards := elements.boolean(given.guardian)) is not None:
        writer.extend(build, "guardian", "Boolean", guards, given.guardian)
        if guards:
            build.push("relationship", own("relative-role", "guardian"), given.guardian)
    if given.part:
        build.push("relationship", own("relative-role", given.part), rule="named by its place in the message")
    if given.role:
        build.push("relationship", {"text": given.role.value}, given.role)
    elements.name(build, person)
    elements.telecoms(build, person.telecoms)
    gender(writer, build, person)
    elements.date(build, "birthDate", person.birth or given.birth_year)
    if person.birth and given.birth_year and (year := times.day(given.birth_year.value)):
        writer.extend(build, "birth-year", "Date", year, given.birth_year)
    elements.addresses(writer, build, person.addresses)
    if given.language:
        elements.language(writer, build.item("communication"), given.language)
    if given.workplace:
        writer.extend(build, "workplace", "String", given.workplace.value, given.workplace)
    if person.nationality:
        writer.extend_code(build, "nationality", person.nationality)
    for what, value in given.details:
        if hasattr(value, "said"):
            writer.extend_code(build, what, value)  # type: ignore[arg-type]
    for note in given.notes:
        writer.extend(build, "note", "Markdown", note.text, note)
    return id


def care_team(writer: Writer, patient: str, contacts: list[Contact]) -> tuple[str, dict[str, str] | None, list[str]]:
    """A CareTeam of those whom the referral names around the patient; also the referring one, and the GPs' role ids."""
    id = writer.own_id("care-team")
    build = writer.begin("CareTeam", id, "care-team")
    build.put("subject", reference("Patient", patient), rule="the message's patient")
    build.put("name", "Oppgitt i henvisningen", rule="so that it is not taken for the pathway's own team")
    referrer: dict[str, str] | None = None
    doctors: list[str] = []
    for position, contact in enumerate(contacts):
        member = _member(writer, contact, position)
        if member is None:
            continue
        participant = build.item("participant")
        person = contact.party.person
        for coded in (contact.relation, person.role if person else None):
            writer.concept(participant, "role", coded, repeats=True)
        participant.put("member", member, rule="the person or unit named there")
        elements.period(participant, "period", contact.start, contact.end)
        if contact.approved and (day := times.day(contact.approved.value)):
            writer.extend(participant, "approved-on", "Date", day, contact.approved)
        for note in contact.notes:
            writer.extend(participant, "note", "Markdown", note.text, note)
        relation = contact.relation.said.value if contact.relation else ""
        if relation == "HHE" and referrer is None:
            referrer = member
        if relation == "FLE" or (person and person.role and person.role.said.value == "6"):
            doctors.append(member["reference"])
    return id, referrer, doctors


def _member(writer: Writer, contact: Contact, position: int) -> dict[str, str] | None:
    party = contact.party
    units = organization.write(writer, party)
    if party.person:
        role = practitioner.write(writer, party.person, "contact", position, units[-1] if units else "", party.speciality)
        return reference("PractitionerRole", role)
    return reference("Organization", units[-1]) if units else None


def consent(writer: Writer, given: Agreement, position: int, patient: str) -> tuple[str, str]:
    """A Consent as the referral reports it; 9064 says both whether and on what ground."""
    id = writer.own_id("consent", position)
    build = writer.begin("Consent", id, "consent")
    status = writer.translate("consent-status", given.status)
    sources = (given.status.said,) if given.status else ()
    build.put("status", status or "proposed", *sources, rule="" if status else "the message does not say")
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]}
    build.put("scope", scope, rule="consent to the referral")
    if given.status:
        writer.concept(build, "category", given.status, repeats=True)
    else:
        build.push("category", {"text": "Samtykke"}, rule="the message gives no status")
    build.put("patient", reference("Patient", patient), rule="the message's patient")
    elements.date_time(build, "dateTime", given.date)
    if given.given_by:
        build.push("performer", {"display": given.given_by.value}, given.given_by)
    build.put("policyRule", {"text": "Samtykke opplyst i henvisningen"}, rule="ppc-1 asks for a policy")
    if given.note:
        writer.extend(build, "note", "Markdown", given.note.text, given.note)
    return "Consent", id
