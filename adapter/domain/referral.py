"""What a referral means to us: who, about whom, why, and what the message asks us to do.

The meaning is the same for Henvisning 1.0, 1.1 and 2.0. Leaves are *said* values: they hold the value as the
message said it and know their place in it (`Said`), so that whatever is built from them can be explained.

It is long because a referral says much: the classes stand in one place so that the three formats can be held against one list.

The classes are msgspec Structs, made in a quarter of a dataclass's time; nothing in them refers back, so none needs the
garbage collector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

from msgspec import Struct

from adapter.domain.problem import Finding


class Said(Protocol):
    """A value as a message said it: its value, the text to the letter, and attributes (@V @S @DN @OT @U)."""

    @property
    def value(self) -> str: ...

    @property
    def text(self) -> str: ...

    @property
    def attributes(self) -> Mapping[str, str]: ...


class Part(Struct, gc=False):
    """A part of what was said: one of two names in one element, say."""

    value: str
    source: Said
    attributes: Mapping[str, str] = {}

    @property
    def text(self) -> str:
        return self.value


class Coded(Struct, gc=False):
    """A coded value and the code list (its number under 2.16.578.1.12.4.1.1) that its place in the message implies."""

    said: Said
    list: str = ""


class Ident(Struct, gc=False):
    """An identifier and its type (8116 for persons, 9051 for organisations; HER and HPR stand in both)."""

    id: Said
    type: str
    kind: Said | None = None


def _first(idents: list[Ident], types: tuple[str, ...]) -> Ident | None:
    """The first ident of the types, which are in order of preference."""
    for type in types:
        for ident in idents:
            if ident.type == type:
                return ident
    return None


class Address(Struct, gc=False):
    use: Said | None = None
    street: Said | None = None
    postal_code: Said | None = None
    city: Said | None = None
    postbox: Said | None = None
    county: Coded | None = None
    country: Coded | None = None
    district: Coded | None = None


class Telecom(Struct, gc=False):
    address: Said
    use: Said | None = None


class Person(Struct, gc=False):
    """A person. `name` is a whole name where the message does not part it."""

    family: Said | None = None
    middle: Said | None = None
    given: Said | None = None
    name: Said | None = None
    birth: Said | None = None
    death: Said | None = None
    sex: Coded | None = None
    nationality: Coded | None = None
    idents: list[Ident] = []
    addresses: list[Address] = []
    telecoms: list[Telecom] = []
    category: Coded | None = None  # 9060, of health personnel
    role: Coded | None = None  # 9034, of health personnel: what they are to the patient

    def ident(self, *types: str) -> Ident | None:
        return _first(self.idents, types)


class Unit(Struct, gc=False):
    """An organisation or a part of one."""

    name: Said | None = None
    type: Coded | None = None
    idents: list[Ident] = []
    addresses: list[Address] = []
    telecoms: list[Telecom] = []

    def ident(self, *types: str) -> Ident | None:
        return _first(self.idents, types)


_PRIVATE = {"FNR", "DNR", "FHN", "HNR", "DUF", "PNR", "DKF", "SEF", "SSN", "UID"}  # of 8116: numbers of private persons


class Party(Struct, gc=False):
    """A sender, receiver or contact: units from the outermost in, and the person where one is named."""

    units: list[Unit] = []
    person: Person | None = None
    speciality: Coded | None = None
    role: Coded | None = None  # of a copy receiver (8112)
    private: bool = False  # the person is no health personnel: a relative, or the patient
    others: list[Person] = []  # further persons named in it

    @property
    def key(self) -> str:
        """Its HER-id: the innermost service's, else the person's, else the enterprise's; else `TYPE:value` of another ident.

        A national number is never a key: keys stand in lists, logs and addresses.
        """
        services, enterprise = self.units[1:], self.units[:1]
        people = [self.person] if self.person else []
        holders: list[Unit | Person] = [*reversed(services), *people, *enterprise]
        for holder in holders:
            if her := holder.ident("HER"):
                return her.id.value
        for holder in holders:
            for ident in holder.idents:
                if ident.id.value and ident.type not in _PRIVATE:
                    return f"{ident.type}:{ident.id.value}"
        return ""


class Medication(Struct, gc=False):
    drug: Coded | None = None
    status: Coded | None = None
    comment: Said | None = None
    duration: Said | None = None
    quantity: Said | None = None
    dose: Said | None = None
    dosage: Said | None = None


class Result(Struct, gc=False):
    """The result of an investigation: exactly one of text, interval, date or number."""

    investigation: Coded | None = None
    specifications: list[Coded] = []
    heading: Coded | None = None
    text: Said | None = None
    code: Coded | None = None
    low: Said | None = None
    high: Said | None = None
    date: Said | None = None
    number: Said | None = None
    comparator: Said | None = None
    service_type: Coded | None = None
    investigated: Said | None = None
    comment: Said | None = None
    deviation: Coded | None = None


class Information(Struct, gc=False):
    """A clinical statement (InfItem): exactly one of a description, a result or a medication, of a kind (8233)."""

    kind: Coded | None = None
    description: Said | None = None
    comment: Said | None = None
    result: Result | None = None
    medication: Medication | None = None
    start: Said | None = None
    end: Said | None = None
    noted: Said | None = None


class Statement(Struct, gc=False):
    """Anything else that is stated about the patient: a code of our own, a value, and parts (string, boolean, date or code)."""

    code: str
    value: Said | Coded | None = None
    type: str = "string"
    parts: list[tuple[str, str, Said | Coded]] = []  # (code, type, value)
    notes: list[Said] = []
    on: Said | None = None
    until: Said | None = None
    about: Relative | None = None
    names: list[Said] = []  # the patient's name, said again


class Relative(Struct, gc=False):
    """Someone around the patient: next of kin, guardian, contact, interpreter."""

    person: Person
    relations: list[Coded] = []
    part: str = ""  # a role of ours that the message gives by its place
    role: Said | None = None
    workplace: Said | None = None
    next_of_kin: Said | None = None
    guardian: Said | None = None
    birth_year: Said | None = None
    language: Coded | None = None
    details: list[tuple[str, Said | Coded]] = []  # (what, value) that FHIR has no element for
    notes: list[Said] = []
    consent: Agreement | None = None


class Contact(Struct, gc=False):
    """Someone who has or had a part in the patient's care, and as what."""

    party: Party
    relation: Coded | None = None
    approved: Said | None = None
    start: Said | None = None
    end: Said | None = None
    notes: list[Said] = []


class Passage(Struct, gc=False):
    """A text under a heading, whole; and codes that belong to it."""

    heading: Coded | None = None
    text: Said | None = None
    codes: list[Coded] = []
    label: str = ""  # a heading of ours where the message has none


class Diagnosis(Struct, gc=False):
    concept: Coded
    modifiers: list[tuple[Coded, list[Coded]]] = []


class Precaution(Struct, gc=False):
    text: Said
    start: Said | None = None
    end: Said | None = None


class Agreement(Struct, gc=False):
    """A consent as the referral reports it (9064)."""

    status: Coded | None = None
    date: Said | None = None
    note: Said | None = None
    given_by: Said | None = None


class Assessment(Struct, gc=False):
    """The rights assessment that a viderehenvisning carries on (HIS 1208:2018)."""

    dates: list[tuple[Coded | None, Said]] = []
    free_choice: Said | None = None
    waiting_end: Coded | None = None
    course: Said | None = None  # ForlopsId
    right: Said | None = None
    outcome: Coded | None = None


class PathwayCode(Struct, gc=False):
    code: Coded
    note: Said | None = None


class Document(Struct, gc=False):
    """An attachment or a reference to a document. `content` is the element that holds base64 text or XML."""

    type: Coded | None = None
    id: Said | None = None
    issued: Said | None = None
    mime: Said | None = None
    description: Said | None = None
    compression: Coded | None = None
    file: Said | None = None
    base64: Said | None = None
    xml: Any = None
    connection: Coded | None = None
    content_type: Coded | None = None
    content_description: Said | None = None
    category: Coded | None = None
    consent: Coded | None = None
    annotation: Said | None = None
    start: Said | None = None
    end: Said | None = None
    oid: Said | None = None
    enquiry: Said | None = None


class Referral(Struct, gc=False):
    """All that a referral says, in the order of Henvisning 2.0."""

    sender: Party
    receiver: Party
    patient: Person
    copies: list[Party] = []
    type: Coded | None = None
    processing: Coded | None = None
    msg_id: Said | None = None
    generated: Said | None = None
    parent: Said | None = None
    conversation: Said | None = None
    serv_type: Said | None = None
    issued: Said | None = None
    document_id: Said | None = None
    payment: Coded | None = None
    basis: Coded | None = None
    content: Coded | None = None  # 8455
    content_note: Said | None = None
    marital: Coded | None = None
    language: Coded | None = None
    interpreter: Coded | None = None  # the language in which the patient needs an interpreter
    relatives: list[Relative] = []
    contacts: list[Contact] = []
    precautions: list[Precaution] = []
    information: list[Information] = []
    statements: list[Statement] = []
    reasons: list[Passage] = []
    diagnoses: list[Diagnosis] = []
    priority: Coded | None = None
    purpose: Coded | None = None
    wanted: Said | None = None  # ReqDate
    service: Coded | None = None
    specialities: list[Coded] = []
    admission: Coded | None = None
    comments: list[Passage] = []
    assessment: Assessment | None = None
    pathway_codes: list[PathwayCode] = []
    consents: list[Agreement] = []
    documents: list[Document] = []


@dataclass(frozen=True, slots=True)
class Service:
    """One of our receiving services, as configured (`[[receiver]]`): HER-id, organisation and what a referral to it opens."""

    her_id: str
    organisation: str
    pathway: str = ""
    rule_set: str = ""
    care_level: str = ""
    gate: str = "refuse"  # or "warn": what becomes of an event that breaks the ordering rules


@dataclass(frozen=True, slots=True)
class Opening:
    """The pathway that a new referral opens: 9321 type, rule set, and who decided (`receiver`, `message` or `by-hand`)."""

    pathway: str
    rule_set: str
    decided_by: Literal["receiver", "message", "by-hand"]
    care_level: str = ""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that a person must do about a referral. `kind` is a code of pathway-task."""

    kind: str
    en: str
    nb: str
    pathway: str = ""  # id of the EpisodeOfCare that it is about, where there is one


@dataclass(frozen=True, slots=True)
class Decision:
    """What a referral leads to beside its own resources."""

    opening: Opening | None = None
    duties: tuple[Duty, ...] = ()
    linked_pathway: str = ""  # id of an already open EpisodeOfCare that the referral belongs to
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusalReason:
    """A code of 8221 with the detail that must be shown to the sender (AppRec Error/@OT)."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sent what to whom. HER-ids (or `TYPE:value` keys where a party has none) are text, empty where unreadable."""

    format: Literal["2.0", "1.1", "1.0"]
    type: str  # code of 8279 (or 8263 for 1.0)
    msg_id: str
    gen_date: str  # as it stands in the message; AppRec mirrors it
    generated: datetime | None
    document_id: str
    serv_type: str
    sender: str
    receiver: str
    copies: tuple[str, ...] = ()
    conversation: tuple[str, str] | None = None  # (RefToParent, RefToConversation)
    emergency: bool = False  # priority 0: ø-hjelp
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What the store knows that the decision needs."""

    copy: bool = False  # we are a copy receiver
    open_pathways: Sequence[tuple[str, str]] = ()  # (9321 type, EpisodeOfCare id) of the patient at the organisation


@dataclass(frozen=True, slots=True)
class Receipt:
    """When and as whom a message was received: everything a translation needs that is not in the message."""

    received: datetime
    receiver: str  # HER-id (or key) of the receiving service that is ours
    organisation: str  # its organisation number: the tenant
    day: date  # the date in Europe/Oslo on which it was received
    sender: str = ""  # the sender's HER-id as the channel knows it, for a message that has none
