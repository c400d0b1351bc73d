"""Status på henvisning: the answer to a referral, a Dialogmelding 1.1 in a Hodemelding 1.2. The same status is the same bytes.

HIS 1206:2018 (the profile), HIS 80603:2017 (Dialogmelding), HIS 80601:2006 (Hodemelding). The parties are the referral's with
the roles turned, the patient is as the referral identifies them, and nothing clinical is told but the reason for a refusal.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from typing import Any, Final, Literal

import msgspec

from adapter.domain.course import Assessment
from adapter.domain.problem import Kind, problem
from adapter.domain.referral import Coded, Ident, Party, Person, Unit
from mappings import terms, times
from mappings.messages.reading import Reading

Code = Literal["1", "2", "3", "4"]
"""9148: called in; right to care, the time will follow; sent on; refused."""

TYPE: Final = "DIALOG_STATUS_HENVISNING"
_OID: Final = "2.16.578.1.12.4.1.1."
_HPR: Final = "urn:oid:2.16.578.1.12.4.1.4.4"
_HEAD: Final = "http://www.kith.no/xmlstds/msghead/2006-05-24"
_DIALOG: Final = "http://www.kith.no/xmlstds/dialog/2013-01-23"
_COMMON: Final = "http://www.kith.no/xmlstds/felleskomponent1"
_MONTHS: Final = (
    *("januar", "februar", "mars", "april", "mai", "juni"),
    *("juli", "august", "september", "oktober", "november", "desember"),
)
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 section 2.2


@dataclass(frozen=True, slots=True)
class Responsible:
    """The health personnel who answers for the assessment. What is not known is empty."""

    family: str = ""
    given: str = ""
    hpr: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """One status: who tells whom about which patient's referral, and what. `parent` and `conversation` are MsgIds."""

    id: str
    made: datetime
    parent: str
    conversation: str
    sender: Party
    receiver: Party
    patient: Person
    code: Code
    text: str
    responsible: Responsible | None = None
    processing: Coded | None = None  # 8113: a test referral gets a test answer


def status(
    reading: Reading,
    *,
    id: str,
    made: datetime,
    parent: str,
    conversation: str,
    ours: str,
    theirs: str,
    code: Code,
    text: str,
    responsible: Responsible | None = None,
) -> Status:
    """The status that answers a referral. `ours` and `theirs` are its HER-ids, as the hub knows them where it lacks them."""
    referral = reading.referral
    return Status(
        id=id,
        made=made,
        parent=parent,
        conversation=conversation,
        sender=_addressed(reading.party(ours), ours),
        receiver=_addressed(referral.sender, theirs),
        patient=referral.patient,
        code=code,
        text=text,
        responsible=responsible,
        processing=referral.processing if referral.processing and referral.processing.list == "8113" else None,
    )


def told(assessment: Assessment, received: date) -> tuple[Code, str]:
    """What an assessment says to the referrer: the code of 9148 and the text.

    Raises `Problem` where a refusal has no reason: the referrer must be told it (HIS 1206:2018).
    """
    dates = [f"Henvisningen mottatt: {in_words(received)}", f"Henvisningen vurdert: {in_words(assessment.on)}"]
    if assessment.granted:
        if assessment.date_limit:
            dates.append(f"Frist for start av nødvendig helsehjelp: {in_words(assessment.date_limit)}")
        right = "Pasienten har rett til nødvendig helsehjelp i spesialisthelsetjenesten. Tidspunkt for oppmøte kommer."
        return "2", "\n\n".join([right, "\n".join(dates)])
    if not assessment.reason.strip():
        raise problem(
            Kind.INCOMPLETE,
            "A refusal must be given with its reason: the referrer is told it.",
            "Et avslag må ha en begrunnelse: den som har henvist, skal få den.",
            rule="HIS 1206:2018",
        )
    right = "Pasienten har ikke rett til nødvendig helsehjelp i spesialisthelsetjenesten."
    return "4", "\n\n".join([right, f"Begrunnelse: {assessment.reason.strip()}", "\n".join(dates)])


def in_words(day: date) -> str:
    """A date that nobody reads as another.

    >>> in_words(date(2026, 9, 1))
    '1. september 2026'
    """
    return f"{day.day}. {_MONTHS[day.month - 1]} {day.year}"


def responsible(practitioner: Mapping[str, Any], role: Mapping[str, Any] | None = None) -> Responsible:
    """Who answers for the assessment, of a Practitioner and the PractitionerRole it was named by."""
    name: Mapping[str, Any] = next(iter(practitioner.get("name", [])), {})
    numbers = [i.get("value", "") for i in practitioner.get("identifier", []) if i.get("system") == _HPR]
    contacts = [*(role or {}).get("telecom", []), *practitioner.get("telecom", [])]
    phones = (_phone(c.get("value", "")) for c in contacts if c.get("system") == "phone" and c.get("use") not in ("home", "old"))
    return Responsible(
        family=name.get("family", "") or name.get("text", ""),
        given=" ".join(name.get("given", [])),
        hpr=next(iter(numbers), ""),
        phone=next(filter(None, phones), ""),
    )


def _phone(said: str) -> str:
    """A number as it is dialled; nothing where there is none in it."""
    digits = re.sub(r"[^0-9]", "", said)
    return ("+" if said.strip().removeprefix("tel:").startswith("+") else "") + digits if digits else ""


def to_xml(status: Status) -> bytes:
    """The status as XML, valid by MsgHead 1.2 and Dialogmelding 1.1."""
    made = status.made.astimezone(times.OSLO).isoformat(timespec="seconds")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<MsgHead xmlns="{_HEAD}"><MsgInfo><Type V="{TYPE}" DN="Status på henvisning"/>'
        f"<MIGversion>v1.2 2006-05-24</MIGversion><GenDate>{made}</GenDate><MsgId>{_text(status.id)}</MsgId>"
        f"{_coded('ProcessingStatus', status.processing)}"
        f"<ConversationRef><RefToParent>{_text(status.parent)}</RefToParent>"
        f"<RefToConversation>{_text(status.conversation)}</RefToConversation></ConversationRef>"
        f"<Sender>{_organisation(status.sender)}</Sender><Receiver>{_organisation(status.receiver)}</Receiver>"
        f"{_patient(status.patient)}</MsgInfo>"
        f'<Document><RefDoc><IssueDate V="{made}"/><MsgType V="XML" DN="XML-instans"/>'
        f'<Content><Dialogmelding xmlns="{_DIALOG}" xmlns:fk1="{_COMMON}">{note(status).decode()}</Dialogmelding></Content>'
        "</RefDoc></Document></MsgHead>"
    ).encode()


def note(status: Status) -> bytes:
    """What the status says, apart from how it is sent: two statuses with the same note tell the same."""
    name = (terms.displays(f"urn:oid:{_OID}9148") or {})[status.code]
    return (
        f'<Notat><TemaKodet V="{status.code}" S="{_OID}9148" DN="{name}"/>'
        f"<TekstNotatInnhold>{_text(status.text)}</TekstNotatInnhold>{_answerable(status.responsible)}</Notat>"
    ).encode()


def to_edi2(document: bytes) -> bytes:
    """A message as the body of EDI 2.0's `POST /Messages`."""
    body = {
        "businessDocument": base64.b64encode(document).decode(),
        "contentType": "application/xml",
        "contentTransferEncoding": "base64",
    }
    return msgspec.json.encode(body)


def from_edi2(body: bytes) -> bytes:
    """The message in the body of a `POST /Messages` of ours."""
    return base64.b64decode(msgspec.json.decode(body)["businessDocument"])


@dataclass(frozen=True, slots=True)
class _Said:
    value: str
    text: str
    attributes: dict[str, str]


def _addressed(party: Party, her_id: str) -> Party:
    """The party with the HER-id that it goes by, where the message itself does not say it."""
    holders: list[Unit | Person] = [*party.units, *([party.person] if party.person else [])]
    if not her_id.isdecimal() or any(i.id.value == her_id for h in holders for i in h.idents if i.type == "HER"):
        return party
    her = Ident(_Said(her_id, her_id, {}), "HER")
    *above, innermost = party.units or [Unit()]
    return Party([*above, Unit(innermost.name, innermost.type, [*innermost.idents, her])], party.person)


def _organisation(party: Party) -> str:
    """Organisations from the outermost in, and the person. What has no ident cannot stand there (MsgHead-v1_2.xsd).

    A person alone, as versions 1.x may have it, is their own enterprise: nothing else can be a party of a Hodemelding.
    """
    levels = [(_name(unit), unit.idents) for unit in party.units if unit.idents]
    person = party.person
    numbers = [i for i in person.idents if i.type in ("HER", "HPR")] if person else []
    inner = ""
    if person and numbers and levels:
        inner = f"<HealthcareProfessional>{_names(person)}{_idents(numbers, '8116')}</HealthcareProfessional>"
    elif person and numbers:
        levels = [(_name(person), numbers)]
    for name, idents in reversed(levels):
        shown = name or idents[0].id.value
        inner = f"<Organisation><OrganisationName>{_text(shown)}</OrganisationName>{_idents(idents, '9051')}{inner}</Organisation>"
    return inner or "<Organisation/>"


def _patient(person: Person) -> str:
    """Names, birth date, sex and national or help numbers: what identifies, and no more."""
    known = terms.displays(f"urn:oid:{_OID}8116") or {}
    idents = [i for i in person.idents if i.type in known and i.type not in ("HER", "HPR")]
    born = times.day(person.birth.value) if person.birth else ""
    birth = f"<DateOfBirth>{born}</DateOfBirth>" if len(born) == len("2026-01-01") else ""
    return f"<Patient>{_names(person)}{birth}{_coded('Sex', person.sex)}{_idents(idents, '8116')}</Patient>"


def _names(person: Person) -> str:
    family = person.family or person.name  # a whole name that nobody can part
    parts = (("FamilyName", family), ("MiddleName", person.middle), ("GivenName", person.given))
    return "".join(f"<{tag}>{_text(said.value)}</{tag}>" for tag, said in parts if said)


def _name(holder: Unit | Person) -> str:
    if isinstance(holder, Unit) or holder.name is not None:
        return holder.name.value if holder.name else ""
    return " ".join(part.value for part in (holder.given, holder.middle, holder.family) if part)


def _idents(idents: Sequence[Ident], code_list: str) -> str:
    return "".join(_ident(i.id.value, i.type, code_list) for i in idents)


def _ident(value: str, type: str, code_list: str, prefix: str = "") -> str:
    """An Ident. HER is a type of organisations' list also where a person has it, as the national examples write it."""
    at = "9051" if type == "HER" else code_list
    name = (terms.displays(f"urn:oid:{_OID}{at}") or {}).get(type, "")
    named = f" DN={_quoted(name)}" if name else ""
    kind = f'<{prefix}TypeId V={_quoted(type)} S="{_OID}{at}"{named}/>'
    return f"<Ident><{prefix}Id>{_text(value)}</{prefix}Id>{kind}</Ident>"


def _coded(tag: str, coded: Coded | None) -> str:
    """A code with its list's name for it; nothing where the list does not know it."""
    if coded is None or coded.said.value not in (names := terms.displays(f"urn:oid:{_OID}{coded.list}") or {}):
        return ""
    return f"<{tag} V={_quoted(coded.said.value)} DN={_quoted(names[coded.said.value])}/>"


def _answerable(person: Responsible | None) -> str:
    if person is None or not (person.family or person.given):
        return ""
    names = (("FamilyName", person.family), ("GivenName", person.given))
    named = "".join(f"<{tag}>{_text(value)}</{tag}>" for tag, value in names if value)
    number = _ident(person.hpr, "HPR", "8116", "fk1:") if person.hpr else ""
    phone = f'<TeleCom><fk1:TeleAddress V="tel:{person.phone}"/></TeleCom>' if person.phone else ""
    return (
        f'<RollerRelatertNotat><RoleToPatient V="21" S="{_OID}9034" DN="Helsefaglig kontakt"/>'
        f"<HealthcareProfessional>{named}{number}{phone}</HealthcareProfessional></RollerRelatertNotat>"
    )


def _text(value: str) -> str:
    """Text as XML holds it: what XML 1.0 has no place for is shown as a replacement character, and lines end by a line feed."""
    clean = _NO_XML.sub("\ufffd", value).replace("\r\n", "\n").replace("\r", "\n")
    return escape(clean, quote=False)


def _quoted(value: str) -> str:
    return f'"{escape(_NO_XML.sub(chr(0xFFFD), value))}"'


__all__ = ["Code", "Responsible", "Status", "from_edi2", "in_words", "note", "responsible", "status", "to_edi2", "to_xml", "told"]
