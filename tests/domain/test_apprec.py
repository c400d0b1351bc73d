"""The application receipt: roles, mirrored idents, versions, odd originals (HIS 80415:2012, HITS 1168), as XML and for the hub."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapter.domain.identity import named
from adapter.domain.problem import Kind, Problem
from adapter.domain.referral import Ident, Party, Person, Receipt, RefusalReason, Unit
from mappings.messages import apprec
from mappings.messages.apprec import AppRec, ReceivedAppRec
from mappings.messages.xml import Limits
from tests.laws.corpus import shared_translator
from tests.xsd import ROOT, SAMPLES, STANDARDS, faults, needs_standards

MADE = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
ORIGINAL = "11111111-2222-4333-8444-555555555555"
E10 = RefusalReason("E10", "MsgId er ikke en UUID.")


@dataclass(frozen=True)
class Text:
    """What a message said."""

    value: str
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.value


def ident(value: str, type: str, name: str = "") -> Ident:
    return Ident(Text(value), type, Text(type, {"V": type, "DN": name}) if name else None)


HOSPITAL = Unit(Text("Fjordvik sykehus"), idents=[ident("8000100", "HER", "HER-id"), ident("319900101", "ENH")])
CLINIC = Unit(Text("Poliklinikk"), idents=[ident("8000101", "HER", "HER-id"), ident("8750", "LAV"), ident("x1", "LOK")])
DOCTOR = Person(family=Text("Li"), given=Text("Ada"), middle=Text("Bo"), idents=[ident("9144900", "HPR"), ident("8000900", "HER")])
OURS, THEIRS = Party([HOSPITAL, CLINIC]), Party([HOSPITAL], DOCTOR)


def receipt(**more: Any) -> AppRec:
    values: dict[str, Any] = {
        "version": "1.1",
        "id": named("8000101", ORIGINAL),
        "made": MADE,
        "sender": OURS,
        "receiver": THEIRS,
        "copy": False,
        "errors": (),
        "original_type": ("HENVISNING_NYTILSTAND", "Henvisning ny tilstand"),
        "original_issued": "2026-07-01T10:00:00",
        "original_id": ORIGINAL,
    }
    return AppRec(**(values | more))


def parsed(value: AppRec) -> etree._Element:
    return etree.fromstring(apprec.to_xml(value))


def texts(root: etree._Element, path: str) -> list[str]:
    """Texts or attributes at a path of local names."""
    steps = "/".join(step if step.startswith("@") or step == "text()" else f"*[local-name()='{step}']" for step in path.split("/"))
    return [str(found) for found in root.xpath(steps)]


def test_a_receipt_is_written_whole() -> None:
    assert apprec.to_xml(receipt(errors=(E10,))).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<AppRec xmlns="http://www.kith.no/xmlstds/apprec/2012-02-15">'
        '<MsgType V="APPREC" DN="Applikasjonskvittering"/><MIGversion>v1.1 2012-02-15</MIGversion>'
        "<SoftwareName>Stafett</SoftwareName><GenDate>2026-07-02T00:30:00+02:00</GenDate>"
        f"<Id>{named('8000101', ORIGINAL)}</Id>"
        '<Sender><Role V="PRIM" DN="Primærmottaker"/><HCP><Inst><Name>Fjordvik sykehus</Name>'
        '<Id>8000100</Id><TypeId V="HER" DN="HER-id"/><Dept><Name>Poliklinikk</Name><Id>8000101</Id><TypeId V="HER" DN="HER-id"/>'
        '<AdditionalId><Id>8750</Id><Type V="LAV"/></AdditionalId><AdditionalId><Id>x1</Id><Type V="LOK"/></AdditionalId></Dept>'
        '<AdditionalId><Id>319900101</Id><Type V="ENH"/></AdditionalId></Inst></HCP></Sender>'
        '<Receiver><Role V="AVS" DN="Avsender"/><HCP><Inst><Name>Fjordvik sykehus</Name>'
        '<Id>8000100</Id><TypeId V="HER" DN="HER-id"/><AdditionalId><Id>319900101</Id><Type V="ENH"/></AdditionalId>'
        '<HCPerson><Name>Ada Bo Li</Name><Id>9144900</Id><TypeId V="HPR"/>'
        '<AdditionalId><Id>8000900</Id><Type V="HER"/></AdditionalId></HCPerson></Inst></HCP></Receiver>'
        '<Status V="2" DN="Avvist"/>'
        '<Error V="E10" S="2.16.578.1.12.4.1.1.8221" DN="Ugyldig meldingsidentifikator" OT="MsgId er ikke en UUID."/>'
        '<OriginalMsgId><MsgType V="HENVISNING_NYTILSTAND" DN="Henvisning ny tilstand"/>'
        f"<IssueDate>2026-07-01T10:00:00</IssueDate><Id>{ORIGINAL}</Id></OriginalMsgId></AppRec>"
    )


@pytest.mark.parametrize(
    ("version", "copy", "roles"),
    [("1.1", False, ["PRIM", "AVS"]), ("1.1", True, ["COP", "AVS"]), ("1.0", False, ["SPR", "REQ"]), ("1.0", True, ["SPR", "REQ"])],
)
def test_the_roles_are_turned_and_named_as_the_version_does(version: str, copy: bool, roles: list[str]) -> None:
    root = parsed(receipt(version=version, copy=copy))

    assert texts(root, "Sender/Role/@V") + texts(root, "Receiver/Role/@V") == roles


def test_a_refusal_has_every_reason_and_no_receipt_has_another_status() -> None:
    reasons = (E10, RefusalReason("T02", "Feil & <mangler>"))

    assert (texts(parsed(receipt()), "Status/@V"), texts(parsed(receipt()), "Error/@V")) == (["1"], [])
    refused = parsed(receipt(errors=reasons))
    assert (texts(refused, "Status/@V"), texts(refused, "Error/@V")) == (["2"], ["E10", "T02"])
    assert texts(refused, "Error/@OT") == ["MsgId er ikke en UUID.", "Feil & <mangler>"]


VARIANTS = {
    "a service": receipt(),
    "a person beside a service": receipt(sender=THEIRS),
    "a person alone": receipt(receiver=Party(person=DOCTOR)),
    "nameless": receipt(receiver=Party([Unit(idents=[ident("8000200", "HER")])])),
    "a long name": receipt(receiver=Party([Unit(Text("n" * 100_000), idents=[ident("8000200", "HER")])])),
    "what must be escaped": receipt(
        receiver=Party([Unit(Text("A & B <\"'>"), idents=[Ident(Text("<1>"), 'L"O', Text("", {"DN": 'x"&<'}))])]),
        original_id="<&>",
        original_type=('"&', "<'>"),
    ),
    "refused": receipt(errors=(E10, RefusalReason("T99", "x" * 5000))),
    "a copy": receipt(copy=True),
}


@needs_standards
@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("kind", VARIANTS)
def test_a_receipt_is_valid_by_its_schema(kind: str, version: str) -> None:
    made = VARIANTS[kind]
    values = {name: getattr(made, name) for name in AppRec.__slots__}

    assert faults(f"apprec-{version}", apprec.to_xml(AppRec(**(values | {"version": version})))) == []


def test_a_mirrored_name_and_a_detail_are_bounded() -> None:
    assert [len(name) for name in texts(parsed(VARIANTS["a long name"]), "Receiver/HCP/Inst/Name/text()")] == [600]
    assert [len(detail) for detail in texts(parsed(VARIANTS["refused"]), "Error/@OT")] == [22, 1000]


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff"), max_size=50))
@settings(max_examples=100, deadline=None)
def test_whatever_a_message_says_is_mirrored_to_the_letter(text: str) -> None:
    party = Party([Unit(Text(text), idents=[Ident(Text(text), text)])])

    root = parsed(receipt(receiver=party, original_id=text, errors=(RefusalReason("E10", text),)))

    inst = "Receiver/HCP/Inst"
    found = [texts(root, f"{inst}/Name/text()"), texts(root, f"{inst}/Id/text()"), texts(root, "OriginalMsgId/Id/text()")]
    assert found == [[text] if text else []] * 3
    assert texts(root, f"{inst}/TypeId/@V") + texts(root, "Error/@OT") == [text, text]


EXAMPLE = (ROOT / "openapi/examples/adult-depression-anxiety.xml").read_bytes()
OLD = (ROOT / "openapi/examples/v10-adolescent.xml").read_bytes()
RECEIVED = datetime(2026, 5, 11, 9, tzinfo=UTC)


def answered(message: bytes, *refusal: RefusalReason, receiver: str = "") -> AppRec:
    reading = shared_translator().read(message)
    return apprec.answer(reading, Receipt(RECEIVED, receiver or reading.envelope.receiver, "319900101", RECEIVED.date()), refusal)


@pytest.mark.parametrize(
    ("gen_date", "issued"),
    [
        ("2026-05-11T10:42:17", "2026-05-11T10:42:17"),
        ("2026-05-11T10:42:17Z", "2026-05-11T10:42:17Z"),
        ("2026-05-11", "2026-05-11T00:00:00"),
        ("2026-05-11+02:00", "2026-05-11T00:00:00"),
        ("2026-05", "2026-05-11T11:00:00+02:00"),
        ("2026-02-30T10:00:00", "2026-05-11T11:00:00+02:00"),
        ("i går", "2026-05-11T11:00:00+02:00"),
        ("", "2026-05-11T11:00:00+02:00"),
        ("2026-W20-1T10:00:00", "2026-05-11T11:00:00+02:00"),
        ("20260511T104217", "2026-05-11T11:00:00+02:00"),
        ("2026-05-11T10:42", "2026-05-11T10:42:00+02:00"),
        ("2026-05-11 10:42:17", "2026-05-11T11:00:00+02:00"),
    ],
)
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_originals_time_is_told_as_it_was_or_as_a_time_at_least(gen_date: str, issued: str, version: str) -> None:
    said, old = b"<GenDate>2026-05-11T10:42:17</GenDate>", etree.fromstring(OLD)
    old.find("{*}GenDate").set("V", gen_date)  # type: ignore[union-attr]
    message = EXAMPLE.replace(said, f"<GenDate>{gen_date}</GenDate>".encode()) if version == "1.1" else etree.tostring(old)

    made = answered(message)

    assert (made.version, made.original_issued) == (version, issued)
    if (STANDARDS / "xsd").is_dir():
        assert faults(f"apprec-{version}", apprec.to_xml(made)) == []


def test_the_same_receipt_is_made_twice_and_another_for_another_receiver() -> None:
    again = apprec.to_xml(answered(EXAMPLE))

    assert apprec.to_xml(answered(EXAMPLE)) == again
    assert answered(EXAMPLE).id == named(answered(EXAMPLE).sender.key, answered(EXAMPLE).original_id)
    assert answered(EXAMPLE, receiver="8000199").id != answered(EXAMPLE).id


def test_what_cannot_be_read_is_answered_from_the_hubs_metadata() -> None:
    made = apprec.answer_unreadable("8000200", "8000101", ORIGINAL, Receipt(RECEIVED, "8000101", "1", RECEIVED.date()), E10)

    root = parsed(made)
    assert (made.sender.key, made.receiver.key, made.status) == ("8000101", "8000200", "2")
    assert texts(root, "Sender/HCP/Inst/Id/text()") + texts(root, "Receiver/HCP/Inst/Id/text()") == ["8000101", "8000200"]
    if (STANDARDS / "xsd").is_dir():
        assert faults("apprec-1.1", apprec.to_xml(made)) == []


def test_the_hub_gets_the_status_and_the_errors_with_code_detail_and_name() -> None:
    assert json.loads(apprec.to_edi2(receipt())) == {"appRecStatus": "Ok", "appRecErrorList": []}
    assert json.loads(apprec.to_edi2(receipt(errors=(E10,)))) == {
        "appRecStatus": "Rejected",
        "appRecErrorList": [
            {"errorCode": "E10", "details": "MsgId er ikke en UUID.", "description": "Ugyldig meldingsidentifikator"}
        ],
    }


@needs_standards
def test_the_hubs_document_knows_every_name_that_it_is_sent() -> None:
    schemas = json.loads((STANDARDS / "edi-2.0-v2.openapi.json").read_text("utf-8"))["components"]["schemas"]
    bodies = [json.loads(apprec.to_edi2(value)) for value in (receipt(), receipt(errors=(E10,)))]
    error = schemas["AppRecError"]

    assert {body["appRecStatus"] for body in bodies} <= set(schemas["AppRecStatus"]["enum"])
    assert all(set(body) <= set(schemas["PostAppRecRequest"]["properties"]) for body in bodies)
    sent = [e for body in bodies for e in body["appRecErrorList"]]
    assert len(sent) == 1
    sent = [e for body in bodies for e in body["appRecErrorList"]]
    assert len(sent) == 1
    assert all(set(error["required"]) <= set(e) <= set(error["properties"]) for e in sent)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_receipt_that_we_write_is_read_as_it_was_meant(version: str) -> None:
    made = receipt(version=version, errors=(E10,))

    assert apprec.read(apprec.to_xml(made)) == ReceivedAppRec(
        made.id, "8000101", "8000100", ORIGINAL, "2", (("E10", "MsgId er ikke en UUID."),)
    )


@needs_standards
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1.1-example-avvist", ("89583", "2", ("E21",))),
        ("1.1-example-ok", ("89583", "1", ())),
        ("1.0-example-avvist", (None, "2", None)),
        ("1.0-example-ok", (None, "1", ())),
    ],
)
def test_the_public_receipts_are_read(name: str, expected: tuple[str | None, str, tuple[str, ...] | None]) -> None:
    data = (SAMPLES / "apprec" / f"apprec-{name}.xml").read_bytes()
    root = etree.fromstring(data)

    found = apprec.read(data)

    receiver, status, codes = expected
    assert (found.status, found.id) == (status, root.findtext("{*}Id"))
    assert found.original_msg_id == root.findtext("{*}OriginalMsgId/{*}Id")
    assert codes is None or tuple(code for code, _ in found.errors) == codes
    assert receiver is None or found.receiver == receiver


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<AppRec/>", Kind.UNSUPPORTED),
        (b'<AppRec xmlns="http://www.kith.no/xmlstds/apprec/2012-02-15"/>', Kind.INCOMPLETE),
        (apprec.to_xml(receipt()).replace(b'<Status V="1"', b'<Status V="9"'), Kind.INCOMPLETE),
        (apprec.to_xml(receipt(original_id="")), Kind.INCOMPLETE),
        (b"<!DOCTYPE AppRec><AppRec/>", Kind.MALFORMED),
        (apprec.to_xml(receipt())[:-3], Kind.MALFORMED),
    ],
)
def test_what_is_no_receipt_is_refused(data: bytes, kind: Kind) -> None:
    with pytest.raises(Problem) as refused:
        apprec.read(data, Limits())

    assert refused.value.kind is kind
