"""Henvisning 2.0 in Hodemelding (MsgHead) 1.2: ny tilstand and viderehenvisning.

Sources: HIS 80601:2006 (Hodemelding), HIS 80517:2017 (Henvisning 2.0), HIS 1207:2018 and 1208:2018 (profiles).
"""

from __future__ import annotations

from adapter.domain.referral import (
    Assessment,
    Contact,
    Document,
    Party,
    PathwayCode,
    Person,
    Precaution,
    Referral,
    Relative,
    Statement,
)
from mappings.messages.felles import (
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
    unit,
)
from mappings.messages.tree import Node


def read(head: Node) -> Referral:
    """The meaning of a MsgHead with a Henvisning in its first document. What is absent is empty."""
    info = head.one("MsgInfo") or head
    one, say = info.one, info.said
    conversation = one("ConversationRef")
    patient = one("Patient")
    referral = Referral(
        sender=_party(one("Sender")),
        receiver=_party(one("Receiver")),
        patient=person(patient) if patient else Person(),
        type=coded(one("Type"), "8279"),
        processing=coded(one("ProcessingStatus"), "8113"),
        msg_id=say("MsgId"),
        generated=say("GenDate"),
        parent=conversation.said("RefToParent") if conversation else None,
        conversation=conversation.said("RefToConversation") if conversation else None,
    )
    for other in info.every("OtherReceiver"):
        party = _party(other)
        party.role = coded(other.one("RoleReceiver"), "8112")
        for human in (*other.every("HealthcareProfessional"), *other.every("Person"), *other.every("Patient")):
            party.person = person(human)
            party.private = not other.every("HealthcareProfessional")
        referral.copies.append(party)
    documents = head.every("Document")
    payload = payloads(head)
    if payload:
        _henvisning(payload[0], referral)
    for document in documents:
        attached = _document(document)
        if attached:
            referral.documents.append(attached)
    return referral


def payloads(head: Node) -> list[Node]:
    """The Henvisning elements that are the message itself, not attached to it."""
    found: list[Node] = []
    for document in head.every("Document"):
        content = document.at("RefDoc", "Content")
        if content and not _attached(document):
            found += content.every("Henvisning")
    return found


def _attached(document: Node) -> bool:
    kind = document.at("RefDoc", "MsgType")
    return kind is not None and kind.value == "A"


def _party(node: Node | None) -> Party:
    party = Party()
    at = node.one("Organisation") if node else None
    while at is not None:
        party.units.append(unit(at))
        for human in at.every("HealthcareProfessional"):
            party.others += [party.person] if party.person else []
            party.person = person(human)
        at = at.one("Organisation")
    return party


def _henvisning(node: Node, referral: Referral) -> None:
    one, say, every = node.one, node.said, node.every
    referral.serv_type = say("ServType")
    referral.issued = say("IssueDate")
    referral.document_id = say("DocumentId")
    referral.payment = coded(one("PaymentCat"), "4101")
    referral.basis = coded(one("BasisForHealthServices"), "8246")
    referral.comments = labelled(one("ReqComment"), "Rekvirentens kommentar")
    if content := one("TypeInnholdIMelding"):
        referral.content = coded(content.one("TypeInnhold"), "8455")
        referral.content_note = content.said("Merknad")
    if more := one("TilleggsopplysningPasient"):
        _patient_info(more, referral)
    referral.relatives += [_relative(n) for n in every("ParorendeForesatt")]
    referral.relatives += [_contact_person(n) for n in every("PasientrelatertKontaktperson")]
    for linked in every("TilknyttetEnhet"):
        for node_unit in linked.every("Kontaktenhet"):
            referral.contacts.append(Contact(_nested(node_unit), notes=notes(linked.one("Merknad"))))
    for linked in every("KontaktpersonHelsepersonell"):
        if human := linked.one("Kontaktperson"):
            referral.contacts.append(Contact(Party(person=person(human)), notes=notes(linked.one("Merknad"))))
    for linked in every("AnsvarForRapport"):
        if human := linked.one("AnsvarligRapport"):
            referral.contacts.append(
                Contact(
                    Party(person=person(human)),
                    coded(linked.one("TypeRelasjon"), "8254"),
                    linked.said("GodkjentDato"),
                    notes=notes(linked.one("Merknad")),
                )
            )
    referral.statements += _statements(node)
    for assisted in every("InfoAssistertKommunikasjon"):
        for need in assisted.every("AssistertKommunikasjon"):
            interpreter_need(need, referral)
    referral.precautions = [
        Precaution(text, p.said("StartDateTime"), p.said("EndDateTime"))
        for p in every("PatientPrecaution")
        if (text := p.said("Precaution"))
    ]
    referral.information = [information(n, "9101") for n in every("InfItem")]
    referral.reasons = [p for n in every("ReasonAsText") if (p := passage(n, "8231", "TextCode"))]
    referral.diagnoses = [d for d in map(diagnosis, every("Diagnosis")) if d]
    if service := one("ReqServ"):
        referral.priority = coded(service.one("Priority"), "8306")
        referral.wanted = service.said("ReqDate")
        referral.comments += labelled(service.one("Comment"), "Kommentar til ønsket tjeneste")
    referral.comments += [p for n in every("Comment") if (p := passage(n, "8234", "CodedComment"))]
    if assessment := one("VurderingAvHenvisning"):
        referral.assessment = _assessment(assessment)
    referral.pathway_codes = [
        PathwayCode(code, n.said("Merknad")) for n in every("Pakkeforlop") if (code := coded(n.one("Pakkeforlopskode")))
    ]
    referral.consents = [a for a in map(agreement, every("Consent")) if a]


def _patient_info(node: Node, referral: Referral) -> None:
    referral.marital = coded(node.one("SivilStatus"), "8724")
    referral.language = coded(node.one("Sprak"), "3303")
    referral.statements += statement(
        "patient-information",
        node,
        "",
        "string",
        ("lives-alone", "boolean", "BorAlene"),
        ("receives-municipal-services", "boolean", "MottarKommunaleTjenester"),
    )


def _nested(node: Node) -> Party:
    party = Party()
    at: Node | None = node
    while at is not None:
        party.units.append(unit(at))
        at = at.one("Organisation")
    return party


def _relative(node: Node) -> Relative:
    human = node.one("Referanseperson")
    return Relative(
        person(human) if human else Person(),
        many(node.every("Slektskap"), "9033") + many(node.every("Omsorgsfunksjon"), "9050"),
        next_of_kin=node.said("NarmesteParorende"),
        birth_year=node.said("FodselsarMindrearigParorende"),
        notes=notes(node.one("Merknad")),
    )


def _contact_person(node: Node) -> Relative:
    human = node.one("Referanseperson")
    return Relative(
        person(human) if human else Person(),
        role=node.said("StillingRolle"),
        workplace=node.said("Arbeidssted"),
        notes=notes(node.one("Merknad")),
    )


def interpreter_need(node: Node, referral: Referral) -> None:
    """Who needs an interpreter, in which language; and hearing or sight to mind. Without a named person it is the patient."""
    about: Relative | None = None
    language = coded(node.one("BehovTolkSprak"), "3303")
    named = node.one("PersonTolkebehov")
    who = person(named) if named else None
    same = who is not None and _same_name(who, referral.patient)
    if who and not same:
        about = Relative(who, language=language, part="needs-interpreter")
        referral.relatives.append(about)
    elif language:
        referral.interpreter = language
    found = statement(
        "interpreter-need",
        node,
        "BehovTolkSprak",
        "code",
        ("hearing-impaired", "boolean", "Horselsvikt"),
        ("sight-impaired", "boolean", "Synsvikt"),
        until="BehovOpphortDato",
    )
    if not found and about:
        found = [Statement("interpreter-need")]
    for need in found:
        need.about = about
        if language:
            need.value = language
        if who and same:
            need.names = [part for part in (who.family, who.middle, who.given) if part]
    referral.statements += found
    if preferred := node.one("PreferertTolk"):
        referral.relatives.append(Relative(person(preferred), part="preferred-interpreter", language=language))


def _same_name(one: Person, other: Person) -> bool:
    names = [[part.value for part in (p.family, p.given) if part] for p in (one, other)]
    return len(names[0]) == len(names[1]) > 1 and names[0] == names[1] and not one.idents


def _statements(node: Node) -> list[Statement]:
    found: list[Statement] = []
    for plan in node.every("OpplysningerOmIndividuellPlan"):
        found += statement(
            "individual-plan",
            plan,
            "IndividuellPlanForeligger",
            "boolean",
            ("coordinator-appointed", "boolean", "KoordinatorOppnevnt"),
        )
    for sent in node.every("SendtDokument"):
        found += statement(
            "document-sent",
            sent,
            "JaNei",
            "boolean",
            ("document", "code", "Opplysning"),
            ("recipient-type", "code", "TypeMottaker"),
            ("recipient-name", "string", "NavnMottaker"),
            on="DatoSendt",
        )
    for review in node.every("Legemiddelgjennomgang"):
        found += statement(
            "medication-review", review, "", "string", ("reconciled", "date", "DatoSamstemming"), on="DatoLegemiddelgjennomgang"
        )
    return found


def _assessment(node: Node) -> Assessment:
    more = node.one("Opplysninger")
    found = Assessment(
        [(coded(d.one("TypeDato"), "9147"), day) for d in node.every("DatoMottakOgVurdering") if (day := d.said("Dato"))]
    )
    if more:
        found.free_choice = more.said("FrittSykehusvalg")
        found.waiting_end = coded(more.one("VentetidSluttkode"), "8445")
        found.course = more.said("ForlopsId")
        found.right = more.said("RettTilHelsehjelp")
        found.outcome = coded(more.one("UtfallAvVurdering"), "8485")
    return found


def _document(node: Node) -> Document | None:
    """A document other than the referral itself; of the referral's own document only what is said about it."""
    found = Document(
        connection=coded(node.one("DocumentConnection"), "4702"),
        content_type=coded(node.one("ContentType")),
        content_description=node.said("ContentDescription"),
        category=coded(node.one("ContentCategory")),
        consent=coded(node.one("Consent")),
        annotation=node.said("Annotation"),
        start=node.said("FromDate"),
        end=node.said("ToDate"),
        oid=node.said("OidRef"),
        enquiry=node.said("EnquiryRefId"),
    )
    said_about = any(getattr(found, name) is not None for name in Document.__struct_fields__)
    reference = node.one("RefDoc")
    if reference:
        refdoc(reference, found, attached=_attached(node))
    if (
        found.base64 is None
        and found.xml is None
        and found.file is None
        and not said_about
        and not found.id
        and not found.description
    ):
        return None
    return found


def refdoc(node: Node, found: Document, attached: bool) -> None:
    """The RefDoc of MsgHead and Henvisning 1.1."""
    found.issued = node.said("IssueDate")
    found.type = coded(node.one("MsgType"), "8114")
    found.id = node.said("Id")
    found.mime = node.said("MimeType")
    found.description = node.said("Description")
    found.compression = coded(node.one("Compression"))
    found.file = node.said("FileReference")
    if content := node.one("Content"):
        found.base64 = content.said("Base64Container")
        if attached:
            found.xml = next((nodes[0] for name, nodes in content.children.items() if name != "Base64Container"), None)
