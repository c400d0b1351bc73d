"""Reading a message: which format it is, who sent it to whom, and what it means. Raises `Problem` for no message that we read."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from adapter.domain import persons
from adapter.domain.gate import Case
from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.domain.referral import Contact, Envelope, Party, Person, Referral, RefusalReason
from mappings import times
from mappings.messages import henvisning_v1, henvisning_v2, xml
from mappings.messages.tree import Node, Tree, line_of, schema
from mappings.messages.xml import Limits

HEAD = "{http://www.kith.no/xmlstds/msghead/2006-05-24}MsgHead"
_VERSIONS = {
    HEAD: "2.0",
    "{http://www.kith.no/xmlstds/henvisning/2012-02-15}Message": "1.1",
    "{http://www.kith.no/xmlstds/henvisning/2005-07-08}Message": "1.0",
}
_EMERGENCY = "0"  # of 8304 and 8306


@dataclass(slots=True)
class Reading:
    """A message that was read: who, what, and everything found on the way.

    `protection` is how the patient's address is confidential (`address_protection`); then `kept` are the bytes that may be kept,
    and all else is what they say.
    """

    envelope: Envelope
    referral: Referral
    case: Case
    tree: Tree
    findings: list[Finding]
    protection: str = ""
    kept: bytes = b""

    def party(self, key: str) -> Party:
        """The receiving party of that HER-id: the receiver, or a copy receiver."""
        return next((p for p in self.referral.copies if p.key == key and key != self.envelope.receiver), self.referral.receiver)

    def is_copy(self, key: str) -> bool:
        """Whether the party of that HER-id only gets a copy."""
        return key != self.envelope.receiver and key in self.envelope.copies


def read(message: bytes, limits: Limits) -> Reading:
    """Read a message. `Problem`: MALFORMED, TOO_LARGE, UNSUPPORTED, or INCOMPLETE where MsgId or sender is missing."""
    root, findings = xml.parse(message, limits)
    version = _VERSIONS.get(root.tag)
    if version is None:
        raise _unsupported(root)
    tree = Tree(root, schema(f"henvisning-{version}").type, limits)
    broken: list[RefusalReason] = []
    if version == "2.0":
        broken = _broken(tree.root)
        referral = henvisning_v2.read(tree.root)
    else:
        request = tree.root.one("ServReq")
        broken = _one_patient(request)
        referral = henvisning_v1.read(tree.root, version)
    for party in (referral.sender, referral.receiver, *referral.copies, *(c.party for c in referral.contacts)):
        referral.contacts += [Contact(Party(person=other)) for other in party.others]
    envelope = _envelope(version, referral, signed=version == "2.0" and tree.root.one("Signature") is not None)
    _must_be_there(envelope)
    if not broken and envelope.serv_type not in ("N", "M", "C"):
        broken.append(RefusalReason("T99", "ServType må være N (ny), M (endring) eller C (kansellering)."))
    findings += tree.findings
    findings += _times(envelope)
    return Reading(envelope, referral, _case(envelope, referral, tuple(tree.findings), tuple(broken)), tree, findings)


def _unsupported(root: etree._Element) -> Problem:
    name = root.tag.rpartition("}")[2]
    known = name in ("MsgHead", "Message")
    return problem(
        Kind.UNSUPPORTED,
        f"This version of <{name}> is not read. Send MsgHead 1.2 with Henvisning 2.0, or Henvisning 1.0 or 1.1."
        if known
        else "The root is neither MsgHead nor a Henvisning. Send MsgHead 1.2 with Henvisning 2.0, or Henvisning 1.0 or 1.1.",
        f"Denne versjonen av <{name}> leses ikke. Send MsgHead 1.2 med Henvisning 2.0, eller Henvisning 1.0 eller 1.1."
        if known
        else "Roten er verken MsgHead eller en Henvisning. Send MsgHead 1.2 med Henvisning 2.0, eller Henvisning 1.0 eller 1.1.",
        where="/" + name if known else "",
        line=line_of(root),
    )


def _broken(head: Node) -> list[RefusalReason]:
    """What makes a MsgHead impossible to translate as one referral."""
    info = head.one("MsgInfo")
    referrals = henvisning_v2.payloads(head)
    if len(referrals) > 1:
        return [RefusalReason("T99", f"Meldingen har {len(referrals)} henvisninger; send én i hver melding.")]
    if not referrals:
        return [RefusalReason("T10", "Meldingen har ingen Henvisning 2.0 i første dokument; andre innhold leses ikke her.")]
    return _one_patient(info)


def _one_patient(holder: Node | None) -> list[RefusalReason]:
    if holder is not None and len(holder.every("Patient")) > 1:
        return [RefusalReason("E36", "Meldingen har flere pasienter; send én i hver melding.")]
    return []


def _envelope(version: str, referral: Referral, signed: bool) -> Envelope:
    generated = referral.generated.value if referral.generated else ""
    conversation = (
        (referral.parent.value if referral.parent else "", referral.conversation.value if referral.conversation else "")
        if referral.parent or referral.conversation
        else None
    )
    return Envelope(
        format=version,  # type: ignore[arg-type]
        type=referral.type.said.value if referral.type else "",
        msg_id=referral.msg_id.value if referral.msg_id else "",
        gen_date=generated,
        generated=times.moment(generated),
        document_id=referral.document_id.value if referral.document_id else "",
        serv_type=referral.serv_type.value if referral.serv_type else "",
        sender=referral.sender.key,
        receiver=referral.receiver.key,
        copies=tuple(filter(None, (copy.key for copy in referral.copies))),
        conversation=conversation,
        emergency=referral.priority is not None and referral.priority.said.value == _EMERGENCY,
        signed=signed,
    )


def _must_be_there(envelope: Envelope) -> None:
    missing = [name for name, value in (("MsgId", envelope.msg_id), ("sender", envelope.sender)) if not value]
    if missing:
        listed = ", ".join(missing)
        nb = listed.replace("sender", "avsender")
        raise problem(
            Kind.INCOMPLETE,
            f"The message has no {listed}; nobody could be answered. Fill it in and send again.",
            f"Meldingen mangler {nb}; ingen kunne fått svar. Fyll ut og send på nytt.",
            rule="HIS 80601:2006",
        )


_EARLIEST, _LATEST = 2000, 2100


def _times(envelope: Envelope) -> list[Finding]:
    """A time of generation that cannot be right is only told; deadlines use the time of receipt."""
    year = envelope.gen_date[:4]
    if envelope.generated and _EARLIEST <= envelope.generated.year < _LATEST:
        return []
    return [
        Finding(
            "warning",
            Kind.INVALID,
            f"GenDate is missing or improbable (year {year or 'none'}); the time of receipt is used.",
            f"GenDate mangler eller er usannsynlig (år {year or 'ingen'}); mottakstidspunktet brukes.",
        )
    ]


def _case(envelope: Envelope, referral: Referral, faults: tuple[Finding, ...], broken: tuple[RefusalReason, ...]) -> Case:
    patient = referral.patient
    everyone: list[Person] = [patient, *(r.person for r in referral.relatives)]
    parties = [referral.sender, referral.receiver, *referral.copies, *(contact.party for contact in referral.contacts)]
    everyone += [party.person for party in parties if party.person]
    return Case(
        envelope,
        named=bool(patient.family or patient.given or patient.name),
        patient_numbers=tuple(i.id.value for i in patient.idents if i.type in ("FNR", "DNR", "FHN")),
        born_and_sex=_born(patient) and patient.sex is not None,
        person_numbers=tuple(i.id.value for person in everyone for i in person.idents),
        content=referral.content.said.value if referral.content else "",
        pathway_codes=tuple(c.code.said.value for c in referral.pathway_codes if _is_pathway(c.code.said.attributes.get("S", ""))),
        faults=faults,
        broken=broken,
    )


def _born(patient: Person) -> bool:
    """Whether the birth date is known: said, or held by a local help number."""
    said = patient.birth is not None and bool(times.day(patient.birth.value))
    return said or any(i.type == "HNR" and persons.tells_birth(i.id.value) for i in patient.idents)


def _is_pathway(oid: str) -> bool:
    """9321 or 9327: HIS 80517 4.23 and HIS 1208 5.2.3 disagree on which; both are accepted. 8480 is cancer and opens nothing."""
    return oid.strip().endswith((".9321", ".9327"))
