"""AppRec: the application receipt, written as XML (1.0, 1.1) or as the hub's JSON, and read when ours are answered.

HIS 80415:2012 with HITS 1168. Version 1.1 answers Henvisning 1.1 and 2.0, 1.0 answers 1.0 (HITS 1168 8.3). All idents of the
original are mirrored, with the roles turned. The Id is made of the receiver and the MsgId, so that a repeat is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Literal

import msgspec
from lxml import etree

from adapter.domain.identity import named
from adapter.domain.problem import Kind, problem
from adapter.domain.referral import Ident, Party, Person, Receipt, RefusalReason, Unit
from mappings import terms, times
from mappings.messages import xml
from mappings.messages.reading import Reading
from mappings.messages.xml import Limits

_ERRORS = terms.OID + "8221"
_NAMESPACE = {"1.0": "http://www.kith.no/xmlstds/apprec/2004-11-21", "1.1": "http://www.kith.no/xmlstds/apprec/2012-02-15"}
_MIG = {"1.0": "v1.0 2004-11-21", "1.1": "v1.1 2012-02-15"}
_ROLES = {
    "PRIM": ("PRIM", "Primærmottaker"),
    "COP": ("COP", "Kopimottaker"),
    "AVS": ("AVS", "Avsender"),
    "SPR": ("SPR", "Tjenesteyter"),
    "REQ": ("REQ", "Rekvirent"),
}
_MIRRORED = 600  # characters of a mirrored name: what is longer is no name
_DETAIL = 1000


@dataclass(frozen=True, slots=True)
class AppRec:
    """A receipt: who answers whom about which message, and how."""

    version: Literal["1.0", "1.1"]
    id: str
    made: datetime
    sender: Party
    receiver: Party
    copy: bool
    errors: tuple[RefusalReason, ...]
    original_type: tuple[str, str]  # code of 8279 (8263 in 1.0), name
    original_issued: str
    original_id: str

    @property
    def status(self) -> Literal["1", "2"]:
        """8258: 1 OK, 2 Avvist. 3 is for Helfo only."""
        return "2" if self.errors else "1"


def answer(reading: Reading, receipt: Receipt, refusal: tuple[RefusalReason, ...]) -> AppRec:
    """The receipt of a message that was read: positive without a refusal."""
    envelope, referral = reading.envelope, reading.referral
    type = referral.type.said.attributes if referral.type else {}
    return AppRec(
        version="1.0" if envelope.format == "1.0" else "1.1",
        id=named(receipt.receiver, envelope.msg_id),
        made=receipt.received,
        sender=reading.party(receipt.receiver),
        receiver=referral.sender,
        copy=reading.is_copy(receipt.receiver),
        errors=refusal,
        original_type=(type.get("V", "HENVISNING"), type.get("DN", "")),
        original_issued=_issued(envelope.gen_date, receipt.received),
        original_id=envelope.msg_id,
    )


def answer_unreadable(sender: str, receiver: str, msg_id: str, receipt: Receipt, reason: RefusalReason) -> AppRec:
    """The receipt of a message that could not be read, from what the hub knows of it."""
    return AppRec(
        version="1.1",
        id=named(receiver, msg_id),
        made=receipt.received,
        sender=_her_party(receiver),
        receiver=_her_party(sender),
        copy=False,
        errors=(reason,),
        original_type=("HENVISNING", "Henvisning"),
        original_issued=receipt.received.astimezone(times.OSLO).isoformat(timespec="seconds"),
        original_id=msg_id,
    )


@dataclass(frozen=True, slots=True)
class _Text:
    value: str
    text: str
    attributes: dict[str, str]


def _her_party(her_id: str) -> Party:
    said = _Text(her_id, her_id, {})
    return Party([Unit(idents=[Ident(said, "HER")])])


def _issued(gen_date: str, received: datetime) -> str:
    """OriginalMsgId/IssueDate: the GenDate of the original, as a dateTime whatever it was."""
    if moment := times.moment(gen_date):
        return gen_date if gen_date[16:17] == ":" else moment.isoformat()  # seconds may be lacking
    day = times.day(gen_date)
    return f"{day}T00:00:00" if len(day) == len("2026-01-01") else received.astimezone(times.OSLO).isoformat(timespec="seconds")


def to_xml(apprec: AppRec) -> bytes:
    """The receipt as XML, valid against AppRec 1.0 or 1.1."""
    ours = ("COP" if apprec.copy else "PRIM") if apprec.version == "1.1" else "SPR"
    theirs = "AVS" if apprec.version == "1.1" else "REQ"
    names = terms.displays(_ERRORS) or {}
    oid = _ERRORS.removeprefix("urn:oid:")
    errors = "".join(
        f'<Error V={_quoted(e.code)} S="{oid}" DN={_quoted(names.get(e.code, e.code))} OT={_quoted(e.detail[:_DETAIL])}/>'
        for e in apprec.errors
    )
    status = '<Status V="2" DN="Avvist"/>' if apprec.errors else '<Status V="1" DN="OK"/>'
    type, name = apprec.original_type
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<AppRec xmlns="{_NAMESPACE[apprec.version]}">'
        '<MsgType V="APPREC" DN="Applikasjonskvittering"/>'
        f"<MIGversion>{_MIG[apprec.version]}</MIGversion><SoftwareName>Stafett</SoftwareName>"
        f"<GenDate>{apprec.made.astimezone(times.OSLO).isoformat(timespec='seconds')}</GenDate><Id>{apprec.id}</Id>"
        f"<Sender>{_role(ours)}{_hcp(apprec.sender)}</Sender><Receiver>{_role(theirs)}{_hcp(apprec.receiver)}</Receiver>"
        f"{status}{errors}"
        f"<OriginalMsgId><MsgType V={_quoted(type)}{_named(name)}/>"
        f"<IssueDate>{apprec.original_issued}</IssueDate><Id>{escape(apprec.original_id)}</Id></OriginalMsgId>"
        "</AppRec>"
    ).encode()


def to_edi2(apprec: AppRec) -> bytes:
    """The receipt as the body of EDI 2.0's `POST /Messages/{id}/apprec/{herId}`; the hub writes the XML."""
    names = terms.displays(_ERRORS) or {}
    body = {
        "appRecStatus": "Rejected" if apprec.errors else "Ok",
        "appRecErrorList": [
            {"errorCode": e.code, "details": e.detail[:_DETAIL], "description": names.get(e.code, e.code)} for e in apprec.errors
        ],
    }
    return msgspec.json.encode(body)


def _role(code: str) -> str:
    role, name = _ROLES[code]
    return f'<Role V="{role}" DN="{name}"/>'


def _quoted(text: str) -> str:
    return f'"{escape(text)}"'


def _named(name: str) -> str:
    return f" DN={_quoted(name)}" if name else ""


def _hcp(party: Party) -> str:
    """The party with all its idents: units as Inst and Dept, a person as HCPerson, or HCProf where there is no unit."""
    if not party.units:
        inner = _holder("HCProf", party.person) if party.person else ""
        return f"<HCP>{inner}</HCP>"
    first, *below = party.units
    own, more = _identified(first)
    depts = "".join(_holder("Dept", unit) for unit in below)
    person = _holder("HCPerson", party.person) if party.person else ""
    return f"<HCP><Inst>{_name(first)}{own}{depts}{more}{person}</Inst></HCP>"


def _holder(tag: str, holder: Unit | Person) -> str:
    own, more = _identified(holder)
    return f"<{tag}>{_name(holder)}{own}{more}</{tag}>"


def _name(holder: Unit | Person) -> str:
    if isinstance(holder, Unit) or holder.name is not None:
        text = holder.name.value if holder.name else ""
    else:
        text = " ".join(part.value for part in (holder.given, holder.middle, holder.family) if part)
    return f"<Name>{escape(text[:_MIRRORED])}</Name>" if text else ""


def _identified(holder: Unit | Person) -> tuple[str, str]:
    """Id and TypeId of the first ident, AdditionalId for the others."""
    if not holder.idents:
        return "", ""
    first, *others = holder.idents
    own = f"<Id>{escape(first.id.value)}</Id><TypeId V={_quoted(first.type)}{_kind(first)}/>"
    more = "".join(
        f"<AdditionalId><Id>{escape(i.id.value)}</Id><Type V={_quoted(i.type)}{_kind(i)}/></AdditionalId>" for i in others
    )
    return own, more


def _kind(ident: Ident) -> str:
    return _named(ident.kind.attributes.get("DN", "").strip()) if ident.kind is not None else ""


@dataclass(frozen=True, slots=True)
class ReceivedAppRec:
    """A receipt that came to us for a message of ours."""

    id: str
    sender: str
    receiver: str
    original_msg_id: str
    status: str
    errors: tuple[tuple[str, str], ...]  # (code of 8221, detail)


def read(message: bytes, limits: Limits | None = None) -> ReceivedAppRec:
    """Read a receipt. Raises `Problem` where it is none, or lacks its status or original."""
    root, _ = xml.parse(message, limits or Limits())
    namespace = root.tag.rpartition("}")[0] + "}"
    if root.tag.rpartition("}")[2] != "AppRec" or namespace.strip("{}") not in _NAMESPACE.values():
        raise problem(Kind.UNSUPPORTED, "The message is no AppRec 1.0 or 1.1.", "Meldingen er ingen AppRec 1.0 eller 1.1.")
    find = root.findtext
    status = root.find(f"{namespace}Status")
    found = ReceivedAppRec(
        id=(find(f"{namespace}Id") or "").strip(),
        sender=_key(root, namespace, "Sender"),
        receiver=_key(root, namespace, "Receiver"),
        original_msg_id=(find(f"{namespace}OriginalMsgId/{namespace}Id") or "").strip(),
        status=(status.get("V", "") if status is not None else "").strip(),
        errors=tuple((str(e.get("V") or ""), str(e.get("OT") or e.get("DN") or "")) for e in root.findall(f"{namespace}Error")),
    )
    if found.status not in ("1", "2", "3") or not found.original_msg_id:
        raise problem(
            Kind.INCOMPLETE,
            "The AppRec has no status or does not name the message that it answers.",
            "Kvitteringen mangler status eller sier ikke hvilken melding den gjelder.",
        )
    return found


def _key(root: etree._Element, namespace: str, role: str) -> str:
    """The HER-id of a party of an AppRec: the innermost service's, else the person's, else the enterprise's."""
    hcp = root.find(f"{namespace}{role}/{namespace}HCP")
    if hcp is None:
        return ""
    inst = hcp.find(f"{namespace}Inst")
    ordered = [] if inst is None else [*inst.findall(f"{namespace}Dept")[::-1], *inst.findall(f"{namespace}HCPerson"), inst]
    ordered += hcp.findall(f"{namespace}HCProf")
    for holder in ordered:
        kind = holder.find(f"{namespace}TypeId")
        if kind is not None and kind.get("V", "").strip() == "HER":
            return (holder.findtext(f"{namespace}Id") or "").strip()
    return ""


__all__ = ["AppRec", "ReceivedAppRec", "answer", "answer_unreadable", "read", "to_edi2", "to_xml"]
