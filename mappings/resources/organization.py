"""Organization and Endpoint (https://hl7.org/fhir/R4/organization.html, no-basis-Organization, kommunikasjonspart-Organization).

A HER-id addresses messages and identifies no enterprise: it stands on the communication party (the level below the
enterprise) and on its Endpoint. An enterprise without an organisation number has a name and a keyed id, no identifier.
"""

from __future__ import annotations

from adapter.domain.referral import Ident, Party, Said, Unit
from mappings.resources import elements
from mappings.resources.writer import Writer, reference

_CONNECTION = {"system": "http://hl7.no/fhir/CodeSystem/no-basis-connection-type", "code": "no-ebxml-2", "display": "ebXML 2.0"}
_ANY_PAYLOAD = {"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "any", "display": "Any"}
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


def write(writer: Writer, party: Party) -> list[str]:
    """The ids of a party's units, from the enterprise in."""
    ids: list[str] = []
    for level, unit in enumerate(party.units):
        if unit.name is None and not unit.idents:
            continue
        for part in _parts(unit, party.units[0]) if level else [unit]:
            above = ids[-1] if ids else ""
            id = _id(writer, part, above, level > 0)
            _unit(writer, part, id, ids, level > 0)
            ids += [id] if id != above else []
    if ids and not party.person:
        writer.extend_code(writer.begin("Organization", ids[-1], "organization"), "speciality", party.speciality)
    return ids


def _parts(unit: Unit, enterprise: Unit) -> list[Unit]:
    """A service with a HER-id and a national number is two: the unit, and the party that messages are sent to within it.

    Where the number is the enterprise's own, it names the enterprise again and makes no unit.
    """
    hers = [ident for ident in unit.idents if ident.type == "HER"]
    number = unit.ident("ENH", "RSH")
    if not hers or not number:
        return [unit]
    others = [ident for ident in unit.idents if ident.type != "HER"]
    same = enterprise.ident(number.type)
    if same and same.id.value == number.id.value:
        return [Unit(idents=others), Unit(unit.name, unit.type, hers, unit.addresses, unit.telecoms)]
    return [Unit(unit.name, unit.type, others, unit.addresses, unit.telecoms), Unit(unit.name, idents=hers)]


def _id(writer: Writer, unit: Unit, above: str, below_enterprise: bool) -> str:
    """An enterprise is known by its organisation number, a communication party by its HER-id: services may repeat the number."""
    best: Ident | None = unit.ident(*(("HER", "ENH", "RSH") if below_enterprise else ("ENH", "HER", "RSH"))) or next(
        iter(unit.idents), None
    )
    if best:
        scope = "" if best.type in ("ENH", "HER", "RSH", "AKO") else above
        return writer.party_id(f"Organization|{best.type}|{scope}", best.id.value)
    return writer.party_id(f"Organization|name|{above}", unit.name.value if unit.name else "")


def _unit(writer: Writer, unit: Unit, id: str, within: list[str], below_enterprise: bool) -> None:
    above = within[-1] if within and within[-1] != id else ""
    build = writer.mention("Organization", id, "organization")
    enterprise = writer.resources[("Organization", above)].body.get("name", "") if above else ""
    elements.unit_identifiers(build, unit, below_enterprise, enterprise)
    known = writer.resources[("Organization", id)].body.get("name")
    if unit.name is not None and known and known != unit.name.value:
        build.push("alias", unit.name.value, unit.name)
    else:
        build.say("name", unit.name)
    if unit.type:
        writer.concept(build, "type", unit.type, repeats=True)
    elements.telecoms(build, unit.telecoms)
    elements.addresses(writer, build, unit.addresses)
    if above:
        build.put("partOf", reference("Organization", above), rule="the unit stands inside the other in the message")
    if her := unit.ident("HER"):
        if not below_enterprise:
            build.mark("id", _both(her), "keyed by HER-id; it is no identifier of an enterprise")
        else:
            build.push("endpoint", reference("Endpoint", endpoint(writer, her, within[0] if within else id)), *_both(her))
    writer.mentioned("Organization", id, build)


def _both(ident: Ident) -> tuple[Said, ...]:
    return (ident.id, ident.kind) if ident.kind is not None else (ident.id,)


def endpoint(writer: Writer, her: Ident, managing: str) -> str:
    """The Endpoint that a HER-id names: where messages are sent."""
    id = writer.party_id("Endpoint|HER", her.id.value)
    build = writer.mention("Endpoint", id, "endpoint")
    build.push("identifier", {"system": elements.HER, "value": her.id.value}, *_both(her))
    build.put("status", "active", rule="it takes part in this exchange")
    build.put("connectionType", _CONNECTION, rule="the national hub exchanges by ebXML")
    if managing:
        build.put("managingOrganization", reference("Organization", managing), rule="the enterprise above answers for it")
    build.put("payloadType", [{"coding": [_ANY_PAYLOAD]}], rule="the message does not say what else it receives")
    absent = {"extension": [{"url": _ABSENT, "valueCode": "not-applicable"}]}
    build.put("_address", absent, rule="the HER-id is the address")
    writer.mentioned("Endpoint", id, build)
    return id
