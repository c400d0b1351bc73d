"""Henvisning 1.0 (HIS 80806:2005) and 1.1 (HIS 80806:2012): root `Message`, no Hodemelding.

Their values stand in @V, names in one text ("Etternavn, Fornavn"), parties in HCP. Version 1.1 took over classes of
poKomponent 1.5 for next of kin and communication; 1.0 has its own.
"""

from __future__ import annotations

from adapter.domain.referral import (
    Coded,
    Contact,
    Document,
    Ident,
    Part,
    Party,
    Person,
    Precaution,
    Referral,
    Relative,
    Said,
    Statement,
    Telecom,
    Unit,
)
from mappings.messages.felles import (
    address,
    agreement,
    coded,
    diagnosis,
    information,
    labelled,
    many,
    notes,
    passage,
    person,
    statement,
)
from mappings.messages.henvisning_v2 import interpreter_need, refdoc
from mappings.messages.tree import Node


def read(message: Node, version: str) -> Referral:
    """The meaning of a Henvisning 1.0 or 1.1."""
    request = message.one("ServReq") or message
    one, say, every = request.one, request.said, request.every
    patient = one("Patient")
    referral = Referral(
        sender=_party(one("Requester")),
        receiver=_party(one("ServProvider")),
        patient=_patient(patient) if patient else Person(),
        type=coded(message.one("Type"), "8263" if version == "1.0" else "8279"),
        processing=coded(message.one("Status"), "8323"),
        msg_id=message.said("MsgId"),
        generated=message.said("GenDate"),
        copies=[_party(n) for n in every("CopyDest")],
        serv_type=say("ServType"),
        issued=say("IssueDate"),
        document_id=say("Id"),
        payment=coded(one("PaymentCat"), "4101"),
        content=coded(one("MsgDescr"), "8455"),
        comments=labelled(one("ReqComment"), "Rekvirentens kommentar"),
        reasons=[p for n in every("ReasonAsText") if (p := passage(n, "8231", "TextCode"))],
        diagnoses=[d for d in map(diagnosis, every("Diagnosis")) if d],
    )
    for party in (referral.sender, referral.receiver, *referral.copies):
        if party.speciality and party is referral.receiver:
            referral.specialities.append(party.speciality)
    if patient:
        _around(patient, referral)
    if service := one("ReqServ"):
        _service(service, referral)
    referral.comments += [p for n in every("Comment") if (p := passage(n, "8234", "CodedComment"))]
    for node in every("RefDoc"):
        found = Document()
        refdoc(node, found, attached=True)
        referral.documents.append(found)
        referral.statements += [s for b in node.every("Booking") for s in _booking(b)]
    return referral


def _service(node: Node, referral: Referral) -> None:
    referral.priority = coded(node.one("Priority"), "8304")
    referral.purpose = coded(node.one("Purpose"), "purpose")
    referral.wanted = node.said("ReqDate")
    referral.comments += labelled(node.one("Comment"), "Kommentar til ønsket tjeneste")
    if wanted := node.one("Service"):
        referral.service = coded(wanted.one("ServId"))
        referral.specialities += many(wanted.every("MedSpeciality"), "8451")
        referral.admission = coded(wanted.one("AdmCat"), "8240")


def _patient(node: Node) -> Person:
    found = _named(node, Person(birth=node.said("DateOfBirth"), death=node.said("DateOfDeath"), sex=coded(node.one("Sex"), "3101")))
    _official(node, found)
    if local := node.said("IdByRequester"):
        found.idents.append(Ident(local, "LOK"))
    _addresses(node, found)
    return found


def _official(node: Node, found: Person) -> None:
    number, kind = node.said("OffId"), node.one("TypeOffId")
    if number:
        found.idents.append(Ident(number, kind.value if kind else "", kind))
    found.idents += _more(node)


def _more(node: Node) -> list[Ident]:
    return [
        Ident(value, kind.value if (kind := n.one("Type")) else "", kind)
        for n in node.every("AdditionalId")
        if (value := n.said("Id"))
    ]


def _named(node: Node, found: Person) -> Person:
    """A whole name; "Etternavn, Fornavn" is parted at its comma, as the standard writes it."""
    whole = node.said("Name")
    if whole:
        family, comma, given = whole.value.partition(",")
        if comma and family.strip() and given.strip():
            found.family, found.given = Part(family.strip(), whole), Part(given.strip(), whole)
        else:
            found.name = whole
    return found


def _addresses(node: Node, found: Person | Unit) -> None:
    for place in node.every("Address"):
        if where := address(place):
            found.addresses.append(where)
        found.telecoms += [Telecom(t, place.said("Type")) for t in place.every("TeleAddress") if t.value]


def _owned(node: Node) -> list[Ident]:
    value, kind = node.said("Id"), node.one("TypeId")
    own = [Ident(value, kind.value if kind else "", kind)] if value else []
    return own + _more(node)


def _human(node: Node) -> Person:
    return _named(node, Person(idents=_owned(node), category=coded(node.one("Type"), "9060")))


def _party(node: Node | None) -> Party:
    party = Party()
    hcp = node.one("HCP") if node else None
    if hcp is None:
        return party
    party.speciality = coded(hcp.one("MedSpeciality"), "8451")
    if inst := hcp.one("Inst"):
        party.units = [Unit(n.said("Name"), coded(n.one("Type")), _owned(n)) for n in (inst, *inst.every("Dept"))]
        people = [_human(n) for n in inst.every("HCPerson")]
        party.person, party.others = (people[0], people[1:]) if people else (None, [])
    elif human := hcp.one("HCProf"):
        party.person = _human(human)
    holder = party.units[-1] if party.units else party.person
    if holder:
        _addresses(hcp, holder)
    return party


def _around(node: Node, referral: Referral) -> None:
    """What v1.x keeps inside Patient."""
    every = node.every
    referral.basis = coded(node.one("BasisForHealthServices"), "8246")
    referral.precautions = [
        Precaution(text, p.said("StartDateTime"), p.said("EndDateTime"))
        for p in every("PatientPrecaution")
        if (text := p.said("Precaution"))
    ]
    referral.information = [information(n, "7307") for n in every("InfItem")]
    for linked in every("PatRelHCP"):
        party = _party(linked)
        referral.contacts.append(
            Contact(
                party,
                coded(linked.one("Relation"), "8254"),
                start=linked.said("StartDateTime"),
                end=linked.said("EndDateTime"),
            )
        )
    for place in every("PatRelInst"):
        referral.contacts.append(_institution(place))
    for need in every("AssistertKommunikasjon"):
        interpreter_need(need, referral)
    for need in every("NeedTranslator"):  # the patient's or a carer's, says the schema: it is not told whose
        referral.statements += _translator(need)
    for linked in every("ParorendeForesatt"):
        if human := linked.one("Referanseperson"):
            referral.relatives.append(
                Relative(
                    person(human),
                    many(linked.every("Slektskap"), "9033") + many(linked.every("Omsorgsfunksjon"), "9050"),
                    notes=notes(linked.one("Merknad")),
                )
            )
    for linked in every("ContactPerson"):
        if human := linked.one("Referanseperson"):
            referral.relatives.append(
                Relative(
                    person(human),
                    role=linked.said("OccupationRole"),
                    workplace=linked.said("WorkingPlace"),
                    notes=notes(linked.one("Merknad")),
                )
            )
    referral.relatives += [_related(n) for n in every("PatRelperson")]
    for care in every("CareSituation"):
        referral.language = referral.language or coded(care.one("NativeLanguage"), "3303")
        referral.statements += _care(care)
    referral.consents = [a for a in map(agreement, every("Consent")) if a]


def _translator(need: Node) -> list[Statement]:
    found = statement(
        "interpreter-need",
        need,
        "Language",
        "code",
        ("person-number", "string", "Person"),
        ("hearing-impaired", "boolean", "IsDeaf"),
        ("sight-impaired", "boolean", "IsBlind"),
        ("preferred-interpreter", "string", "PreferredTranslator"),
        until="TranslatorEndDate",
    )
    for each in found:
        each.notes = notes(need.one("Note"))
        each.value = coded(need.one("Language"), "3303")
    return found


def _care(care: Node) -> list[Statement]:
    found = statement("care-situation", care, "Description", "string", ("custody-owner", "string", "CustodyOwner"))
    parts: list[tuple[str, str, Said | Coded]] = [
        (place, "code", value)
        for place, name in (("custody-type", "CustodyType"), ("care-situation-type", "CareSituationType"))
        if (value := coded(care.one(name), place))
    ]
    if parts and not found:
        found = [Statement("care-situation")]
    for each in found:
        each.parts += parts
    return found


def _booking(node: Node) -> list[Statement]:
    parts = [("name", "string", node.one("Name")), ("id", "string", node.one("Id")), ("id-type", "string", node.one("TypeId"))]
    time = node.one("Appointment")
    if time:
        parts += [("resource", "string", time.one("ResourceId")), ("index", "string", time.one("Index"))]
    below = node.one("SubOrg")
    while below is not None:
        parts += [
            ("unit-name", "string", below.one("Name")),
            ("unit-id", "string", below.one("Id")),
            ("unit-id-type", "string", below.one("TypeId")),
        ]
        below = below.one("SubOrg")
    found = Statement("booking", parts=[(code, kind, leaf) for code, kind, leaf in parts if leaf is not None and leaf.value])
    if time:
        found.on, found.until = time.said("StartDateTime"), time.said("EndDateTime")
        if service := coded(time.one("Service"), "booked-service"):
            found.parts.append(("service", "code", service))
    return [found]


def _institution(node: Node) -> Contact:
    """PatRelInst: an institution by name, a contact there, its role (1.1) or working hours (1.0)."""
    where = Unit(node.said("NameInst"))
    _addresses(node, where)
    who = node.said("ContactPerson")
    return Contact(
        Party([where], Person(name=who) if who else None),
        notes=notes(node.one("RoleInst"), node.one("WorkingTime"), node.one("Merknad")),
    )


def _related(node: Node) -> Relative:
    """PatRelperson of 1.0."""
    who = _named(node, Person(birth=node.said("DateOfBirth"), sex=coded(node.one("Sex"), "3101")))
    _official(node, who)
    _addresses(node, who)
    found = Relative(who, role=node.said("Role"), notes=notes(node.one("Description")))
    if relation := node.one("Relation"):
        found.relations = many(relation.every("RelationCode"), "9033")
        found.guardian = relation.said("Guardien")
        found.notes += notes(relation.one("Description"))
    found.details = [
        (what, value)
        for what, value in (
            ("occupation", coded(node.one("Occupation"), "occupation")),
            ("ethnic-belonging", coded(node.one("EthnicBelonging"), "ethnic-belonging")),
        )
        if value
    ]
    if consent := node.one("Consent"):
        found.consent = agreement(consent)
    return found
