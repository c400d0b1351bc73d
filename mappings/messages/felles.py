"""What the message formats share (felleskomponenter, poKomponent): nodes become persons, units, addresses and the like."""

from __future__ import annotations

from adapter.domain.referral import (
    Address,
    Agreement,
    Coded,
    Diagnosis,
    Ident,
    Information,
    Medication,
    Passage,
    Person,
    Result,
    Said,
    Statement,
    Telecom,
    Unit,
)
from mappings.messages.tree import Node


def coded(node: Node | None, code_list: str = "") -> Coded | None:
    """A coded value, if it says anything: a code, a name or an original text."""
    if node is None or not (node.attributes.get("V") or node.attributes.get("DN") or node.attributes.get("OT")):
        return None
    return Coded(node, code_list)


def many(nodes: list[Node], code_list: str = "") -> list[Coded]:
    return [c for c in (coded(n, code_list) for n in nodes) if c]


def said(node: Node | None) -> Node | None:
    """The node, if it says anything."""
    return node if node is not None and node.value else None


def notes(*nodes: Node | None) -> list[Said]:
    return [n for n in nodes if n is not None and n.value]


def ident(node: Node) -> Ident | None:
    """An Ident (Id and TypeId)."""
    value, kind = node.said("Id"), node.one("TypeId")
    return Ident(value, kind.value if kind else "", kind) if value else None


def address(node: Node) -> Address | None:
    """An Address of MsgHead, felleskomponent1 or v1.x. Empty ones are none."""
    found = Address(
        use=node.said("Type"),
        street=node.said("StreetAdr"),
        postal_code=node.said("PostalCode"),
        city=node.said("City"),
        postbox=node.said("Postbox"),
        county=coded(node.one("County"), "county"),
        country=coded(node.one("Country"), "9043"),
        district=coded(node.one("CityDistr"), "city-district"),
    )
    return (
        found
        if found.street or found.postal_code or found.city or found.postbox or found.county or found.country or found.district
        else None
    )


def telecom(node: Node) -> Telecom | None:
    value = node.said("TeleAddress")
    return Telecom(value, node.said("TypeTelecom")) if value else None


def _contact(holder: Person | Unit, node: Node) -> None:
    children = node.children
    if "Ident" in children:
        holder.idents = [i for i in map(ident, children["Ident"]) if i]
    if "Address" in children:
        holder.addresses = [a for a in map(address, children["Address"]) if a]
    if "TeleCom" in children:
        holder.telecoms = [t for t in map(telecom, children["TeleCom"]) if t]


def person(node: Node) -> Person:
    """A Patient, Person or HealthcareProfessional of MsgHead or felleskomponent1."""
    one, say = node.one, node.said
    found = Person(
        family=say("FamilyName"),
        middle=say("MiddleName"),
        given=say("GivenName"),
        birth=say("DateOfBirth"),
        sex=coded(one("Sex"), "3101"),
        nationality=coded(one("Nationality"), "9043"),
        category=coded(one("TypeHealthcareProfessional"), "9060"),
        role=coded(one("RoleToPatient"), "9034"),
    )
    _contact(found, node)
    return found


def unit(node: Node) -> Unit:
    """An Organisation of MsgHead or felleskomponent1, without those inside it."""
    found = Unit(node.said("OrganisationName"), coded(node.one("TypeOrganisation"), "9040"))
    _contact(found, node)
    return found


def information(node: Node, medication_status: str) -> Information:
    """An InfItem: the same in all versions but for the medication status list."""
    one, say = node.one, node.said
    found = Information(
        kind=coded(one("Type"), "8233"),
        start=say("StartDateTime"),
        end=say("EndDateTime"),
        noted=say("OrgDate"),
    )
    if observation := one("Observation"):
        found.description, found.comment = observation.said("Description"), observation.said("Comment")
    if drug := one("Medication"):
        found.medication = Medication(
            drug=coded(drug.one("DrugId"), "7180"),
            status=coded(drug.one("Status"), medication_status),
            comment=drug.said("Comment"),
            duration=drug.said("IntendedDuration"),
            quantity=drug.said("QuantitySupplied"),
            dose=drug.said("UnitDose"),
            dosage=drug.said("DosageText"),
        )
    if item := one("ResultItem"):
        found.result = _result(item)
    return found


def _result(item: Node) -> Result:
    text, interval, investigation = item.at("TextResult", "Result"), item.one("Interval"), item.one("ClinInv")
    return Result(
        investigation=coded(investigation.one("Id")) if investigation else None,
        specifications=many(investigation.every("Spec")) if investigation else [],
        heading=coded(text.one("Heading"), "8231") if text else None,
        text=text.said("TextResultValue") if text else None,
        code=coded(text.one("TextCode")) if text else None,
        low=interval.said("Low") if interval else None,
        high=interval.said("High") if interval else None,
        date=said(item.at("DateResult", "DateResultValue")),
        number=said(item.at("NumResult", "NumResultValue")),
        comparator=said(item.at("NumResult", "ArithmeticComp")),
        service_type=coded(item.one("ServType"), "7309"),
        investigated=item.said("InvDate"),
        comment=item.said("Comment"),
        deviation=coded(item.one("DevResultInd"), "result-deviation"),
    )


def diagnosis(node: Node) -> Diagnosis | None:
    concept = coded(node.one("Concept"))
    if concept is None:
        return None
    modifiers = [(coded(m.one("Name"), "7305"), many(m.every("Value"))) for m in node.every("Modifier")]
    return Diagnosis(concept, [(name, values) for name, values in modifiers if name])


def passage(node: Node, heading_list: str, codes: str) -> Passage | None:
    """A ReasonAsText or Comment."""
    found = Passage(coded(node.one("Heading"), heading_list), node.said("TextResultValue"), many(node.every(codes)))
    return found if found.text or found.codes or found.heading else None


def labelled(text: Node | None, label: str) -> list[Passage]:
    """A comment that has no heading of its own, under one that says where it stood."""
    return [Passage(text=text, label=label)] if text is not None and text.value else []


def agreement(node: Node) -> Agreement | None:
    found = Agreement(
        coded(node.one("ConsentStatus"), "9064"),
        node.said("ConsentDate"),
        node.said("Merknad"),
        node.said("GivenBy"),
    )
    return found if found.status or found.date or found.note or found.given_by else None


def statement(
    code: str, node: Node, value: str, kind: str, *parts: tuple[str, str, str], on: str = "", until: str = ""
) -> list[Statement]:
    """A statement from a node's children: its value, its parts as (code, type, child), its note (Merknad)."""

    def leaf(name: str, sort: str) -> Node | Coded | None:
        child = node.one(name)
        return coded(child) if sort == "code" else said(child)

    found = Statement(
        code,
        leaf(value, kind) if value else None,
        kind,
        [(part, sort, given) for part, sort, name in parts if (given := leaf(name, sort)) is not None],
        notes(node.one("Merknad")),
        node.said(on) if on else None,
        node.said(until) if until else None,
    )
    return [found] if found.value or found.parts or found.notes or found.on or found.until else []
