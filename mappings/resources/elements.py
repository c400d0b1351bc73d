"""FHIR data types from said values: names, identifiers, addresses, telecoms, quantities, periods.

https://hl7.org/fhir/R4/datatypes.html, with HL7 Norway's no-basis rules.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from adapter.domain import persons
from adapter.domain.identity import BASE, is_uuid
from adapter.domain.problem import Kind
from adapter.domain.referral import Address, Coded, Ident, Person, Said, Telecom, Unit
from mappings import terms, times
from mappings.resources.writer import EXTENSION, Writer
from mappings.trail import Build

HER = "urn:oid:2.16.578.1.12.4.1.2"
HPR = "urn:oid:2.16.578.1.12.4.1.4.4"
ENH = "urn:oid:2.16.578.1.12.4.1.4.101"
URI = "urn:ietf:rfc:3986"
MIDDLE_NAME = "http://hl7.no/fhir/StructureDefinition/no-basis-middlename"
NUMBERS = {
    "FNR": "urn:oid:2.16.578.1.12.4.1.4.1",
    "DNR": "urn:oid:2.16.578.1.12.4.1.4.2",
    "FHN": "urn:oid:2.16.578.1.12.4.1.4.3",
}


def name(build: Build, person: Person) -> None:
    """HumanName: the middle name apart from the given ones (no-basis-HumanName)."""
    if not (person.family or person.given or person.middle or person.name):
        return
    human = build.item("name")
    human.say("text", person.name)
    human.say("family", person.family)
    if person.given:
        human.push("given", person.given.value, person.given)
    if person.middle:
        human.push("extension", {"url": MIDDLE_NAME, "valueString": person.middle.value}, person.middle)


def person_identifiers(writer: Writer, build: Build, person: Person, assigner: str) -> None:
    """National numbers under their own systems; a local or wrong one with its type and without a national system."""
    systems = terms.concept_map("person-identifier")
    for ident in person.idents:
        value = ident.id.value
        sources = _sources(ident)
        if ident.type == "HER":
            continue  # addresses messages; it identifies no one (no-basis HER-id.md)
        kind = persons.kind(value) if ident.type in NUMBERS else ""
        if kind:
            build.push("identifier", {"system": NUMBERS[kind], "value": value}, *sources)
        elif ident.type in NUMBERS:
            build.push("identifier", {"type": {"text": f"{ident.type} (ugyldig)"}, "value": value}, *sources)
            writer.note(
                ident.id,
                f"The {ident.type} is not a valid number; kept as it came, without its system.",
                f"{ident.type} er ikke et gyldig nummer; beholdt som det kom, uten identifikatorsystem.",
                Kind.INVALID,
            )
        elif ident.type == "HNR":
            coding = {"system": terms.OID + "8327", "code": "HNR"}
            identifier: dict[str, Any] = {"type": {"coding": [coding]}, "system": "HNR", "value": value}
            build.push("identifier", identifier | {"assigner": {"display": assigner or "ukjent"}}, *sources)
        else:
            system = systems.get(ident.type, "")
            build.push("identifier", {"system": system, "value": value} if system else _local(ident, "8116", assigner), *sources)


def unit_identifiers(build: Build, unit: Unit, innermost: bool, assigner: str) -> None:
    """ENH and RESH; a HER-id only on the communication party (the level below the enterprise)."""
    systems = terms.concept_map("organisation-identifier")
    for ident in unit.idents:
        if ident.type == "HER" and not innermost:
            continue
        system = systems.get(ident.type, "")
        build.push(
            "identifier",
            {"system": system, "value": ident.id.value} if system else _local(ident, "9051", assigner),
            *_sources(ident),
        )


def _sources(ident: Ident) -> tuple[Said, ...]:
    return (ident.id, ident.kind) if ident.kind is not None else (ident.id,)


def _local(ident: Ident, code_list: str, assigner: str) -> dict[str, Any]:
    known = terms.displays(terms.OID + code_list) or {}
    type: dict[str, Any] = (
        {"coding": [{"system": terms.OID + code_list, "code": ident.type, "display": known[ident.type]}]}
        if ident.type in known
        else {"text": ident.type or "lokal"}
    )
    found: dict[str, Any] = {"type": type, "value": ident.id.value}
    return found | ({"assigner": {"display": assigner}} if assigner else {})


def business(value: str, series: str) -> dict[str, str]:
    """An identifier that is a UUID, or one of a series of ours (no-basis identifier.md)."""
    if is_uuid(value):
        return {"system": URI, "value": f"urn:uuid:{value.lower()}"}
    return {"system": f"{BASE}/NamingSystem/{series}", "value": value}


def addresses(writer: Writer, build: Build, given: list[Address]) -> None:
    uses = terms.concept_map("address-use")
    for address in given:
        item = build.item("address")
        if address.use is not None:
            kind = address.use.value
            if kind in uses:
                item.put("use", uses[kind], address.use)
            elif kind == "PST":
                item.put("type", "postal", address.use)
            else:
                writer.extend(item, "address-type", "Code", kind, address.use)
        for line in (address.street, address.postbox):
            if line:
                item.push("line", line.value, line)
        item.say("postalCode", address.postal_code)
        item.say("city", address.city)
        for key, coded in (("state", address.county), ("country", address.country), ("district", address.district)):
            if coded:
                said = coded.said.attributes
                item.put(key, said.get("DN") or said.get("V") or said.get("OT"), coded.said)
                if said.get("DN") and said.get("V"):
                    writer.extend(item, f"{key}-code", "CodeableConcept", writer.codeable(coded), coded.said)


_SCHEME = re.compile(r"(tel|mailto|fax|https?):", re.IGNORECASE)


def telecoms(build: Build, given: list[Telecom]) -> None:
    """ContactPoints: the address's own scheme says the system, else its type (9061) does."""
    address_uses = terms.concept_map("address-use")  # in 1.x the type is its address's
    for telecom in given:
        value = telecom.address.value
        kind = telecom.use.value if telecom.use is not None else ""
        scheme = _SCHEME.match(value)
        said_so = {"tel": "phone", "mailto": "email", "fax": "fax"}.get(scheme[1].lower(), "url") if scheme else ""
        typed = terms.concept_map("telecom-system").get(kind, "")
        item = build.item("telecom")
        sources = (telecom.address, *((telecom.use,) if telecom.use is not None else ()))
        system = typed if typed in ("fax", "pager") else said_so or typed or ("email" if "@" in value else "phone")
        item.put("system", system, *sources)
        item.put("value", value[scheme.end() :] if scheme and said_so != "url" else value, telecom.address)
        use = terms.concept_map("telecom-use").get(kind, "")
        if use and telecom.use is not None:
            item.put("use", use, telecom.use)
        elif kind and not typed and kind != "PST" and kind not in address_uses and telecom.use is not None:
            item.push("extension", {"url": EXTENSION + "telecom-type", "valueCode": kind}, telecom.use)


def date(build: Build, key: str, said: Said | None) -> None:
    if said is not None and (day := times.day(said.value)):
        build.put(key, day, said)


def date_time(build: Build, key: str, said: Said | None) -> None:
    if said is not None and (at := times.date_time(said.value)):
        build.put(key, at, said)


def instant(build: Build, key: str, said: Said | None) -> None:
    if said is not None and (at := times.instant(said.value)):
        build.put(key, at, said)


def period(build: Build, key: str, start: Said | None, end: Said | None) -> None:
    begins, ends = times.date_time(start.value) if start is not None else "", times.date_time(end.value) if end is not None else ""
    if begins or ends:
        span = build.object(key)
        if begins and start is not None:
            span.put("start", begins, start)
        if ends and end is not None:
            span.put("end", ends, end)


def quantity(said: Said | None) -> dict[str, Any] | None:
    """A PQ: the number to its last digit, the unit as it came."""
    if said is None:
        return None
    try:
        value = Decimal(said.value)
    except InvalidOperation:
        return None
    if not value.is_finite():
        return None
    unit = said.attributes.get("U", "").strip()
    return {"value": value} | ({"unit": unit} if unit else {})


def language(writer: Writer, build: Build, coded: Coded) -> None:
    """`communication.language`: R4's greatest value set for it is BCP 47, whose two-letter tags are those of 3303 in lower case."""
    concept = writer.codeable(coded)
    tag = coded.said.value.lower()
    if re.fullmatch("[a-z]{2}", tag):
        concept["coding"].append({"system": "urn:ietf:bcp:47", "code": tag})
    build.put("language", concept, coded.said)


def annotation(build: Build, key: str, *texts: Said | None) -> None:
    for text in texts:
        if text is not None:
            build.push(key, {"text": text.text}, text)


def boolean(said: Said) -> bool | None:
    """Yes or no; nothing where the text is neither, so that no one's "ja" becomes a no."""
    return {"true": True, "1": True, "false": False, "0": False}.get(said.value)
