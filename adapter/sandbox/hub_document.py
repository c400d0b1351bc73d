"""What the simulated hub reads of a business document, and the AppRec that it writes for others.

Only the envelope: type, MsgId, GenDate and HER-ids of MsgHead 1.2 (HIS 80601), of Henvisning 1.0 and 1.1 (root
`Message`) and of AppRec (HIS 80415). Apart from our own mappings on purpose: the hub is the other side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

APPREC = "http://www.kith.no/xmlstds/apprec/2012-02-15"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a business document is from and to. What it does not say is None or empty."""

    type: str = ""
    msg_id: str | None = None
    gen_date: str | None = None
    sender: int | None = None
    receivers: tuple[int, ...] = ()
    is_apprec: bool = False


def read_envelope(data: bytes) -> Envelope:
    """Raises ValueError, with the reason, for what no hub can route."""
    if b"<!DOCTYPE" in data.replace(b"\0", b""):  # before parsing, also in UTF-16: entities do their harm while parsing
        raise ValueError("a DOCTYPE is not allowed")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_comments=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as fault:
        raise ValueError("not well-formed XML") from fault
    match etree.QName(root).localname:
        case "MsgHead":
            head = "{*}MsgInfo/{*}"
            return Envelope(
                _code(root, head + "Type"),
                _text(root, head + "MsgId"),
                _date(_text(root, head + "GenDate")),
                _one(root, head + "Sender"),
                _all(root, head + "Receiver", head + "OtherReceiver"),
            )
        case "Message":
            return Envelope(
                _code(root, "{*}Type"),
                _text(root, "{*}MsgId"),
                _date(_code(root, "{*}GenDate")),
                _one(root, "{*}ServReq/{*}Requester"),
                _all(root, "{*}ServReq/{*}ServProvider", "{*}ServReq/{*}CopyDest"),
            )
        case "AppRec":
            return Envelope(
                "APPREC",
                _text(root, "{*}Id"),
                _date(_text(root, "{*}GenDate")),
                _one(root, "{*}Sender"),
                _all(root, "{*}Receiver"),
                is_apprec=True,
            )
        case other:
            raise ValueError(f"the root element {other[:50]} is of no known message")


def write_apprec(
    id: str, original: Envelope, sender: int, status: str, errors: Sequence[tuple[str, str]], *, now: datetime
) -> bytes:
    """AppRec 1.1 from `sender` to the sender of `original`; `status` in 8258, `errors` are (8221 code, text)."""
    root = etree.Element(f"{{{APPREC}}}AppRec", nsmap={None: APPREC})  # type: ignore[dict-item]  # the default namespace
    _add(root, "MsgType", V="APPREC")
    _add(root, "MIGversion", "v1.1 2012-02-15")
    _add(root, "GenDate", now.isoformat(timespec="seconds"))
    _add(root, "Id", id)
    for role, code, her_id in (("Sender", "PRIM", sender), ("Receiver", "AVS", original.sender)):
        party = _add(root, role)
        _add(party, "Role", V=code)
        inst = _add(_add(party, "HCP"), "Inst")
        _add(inst, "Name", f"HER-id {her_id}")
        _add(inst, "Id", str(her_id))
        _add(inst, "TypeId", V="HER", DN="HER-id")
    _add(root, "Status", V=status, DN={"1": "OK", "2": "Avvist"}[status])
    for code, text in errors:
        _add(root, "Error", S="2.16.578.1.12.4.1.1.8221", V=code, DN=text)
    message = _add(root, "OriginalMsgId")
    _add(message, "MsgType", V=original.type)
    _add(message, "IssueDate", original.gen_date or now.isoformat(timespec="seconds"))
    _add(message, "Id", original.msg_id or "")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _add(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    element = etree.SubElement(parent, f"{{{APPREC}}}{name}", attributes)
    element.text = text
    return element


def _code(root: etree._Element, path: str) -> str:
    found = root.find(path)
    return "" if found is None else found.get("V", "")


def _text(root: etree._Element, path: str) -> str | None:
    return (root.findtext(path) or "").strip() or None


def _date(text: str | None) -> str | None:
    try:
        return datetime.fromisoformat(text or "").isoformat()
    except ValueError:
        return None


def _one(root: etree._Element, path: str) -> int | None:
    return next(iter(_all(root, path)), None)


def _all(root: etree._Element, *paths: str) -> tuple[int, ...]:
    parties = [party for path in paths for party in root.findall(path)]
    return tuple(dict.fromkeys(her_id for party in parties if (her_id := next(_her_ids(party), None)) is not None))


def _her_ids(party: etree._Element) -> Iterator[int]:
    """HER-ids of a party, the innermost first: a service, else a person, else the enterprise."""
    outer = party.find("{*}Organisation") if party.find("{*}HCP") is None else party.find("{*}HCP/{*}Inst")
    if outer is None:
        return
    inner = (outer.find(f"{{*}}{name}") for name in ("Organisation", "Dept", "HealthcareProfessional", "HCPerson"))
    for level in (*inner, outer):
        if level is not None:
            for ident in (level, *level.findall("{*}Ident"), *level.findall("{*}AdditionalId")):
                value, kind = _text(ident, "{*}Id"), _code(ident, "{*}TypeId") or _code(ident, "{*}Type")
                if kind == "HER" and value and value.isdecimal() and len(value) < 10:
                    yield int(value)
