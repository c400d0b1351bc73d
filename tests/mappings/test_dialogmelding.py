"""Status på henvisning (HIS 1206:2018) as XML: whole, for each version of referral, and whatever names and reasons hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from adapter.domain.course import Assessment
from adapter.domain.problem import Problem
from adapter.domain.referral import Ident, Party, Person, Unit
from mappings.messages import dialogmelding
from mappings.messages.dialogmelding import Responsible, Status
from mappings.messages.reading import Reading
from tests.laws.corpus import shared_translator
from tests.xsd import ROOT, SAMPLES, faults, needs_standards

MADE = datetime(2026, 5, 18, 22, 30, tzinfo=UTC)
RECEIVED = date(2026, 5, 11)
GRANTED = Assessment(granted=True, on=date(2026, 5, 18), outcome="1", date_limit=date(2026, 9, 1))
REFUSED = Assessment(granted=False, on=date(2026, 5, 18), reason="Kan behandles av fastlegen.")
OWN, PARENT, START = (f"00000000-0000-4000-8000-00000000000{n}" for n in (1, 2, 3))
KARI = Responsible("Fiksjon", "Kari", "990000301", "+4700001234")
EXAMPLES = sorted(path.name for path in (ROOT / "openapi" / "examples").glob("*.xml"))

HEAD, DIALOG = "{http://www.kith.no/xmlstds/msghead/2006-05-24}", "{http://www.kith.no/xmlstds/dialog/2013-01-23}"


def reading(name: str = "adult-depression-anxiety.xml") -> Reading:
    return shared_translator().read((ROOT / "openapi" / "examples" / name).read_bytes())


def status(of: Reading, assessment: Assessment = GRANTED, **more: Any) -> Status:
    code, text = dialogmelding.told(assessment, RECEIVED)
    values: dict[str, Any] = {"id": OWN, "made": MADE, "parent": PARENT, "conversation": START, "code": code, "text": text}
    values |= {"ours": of.envelope.receiver, "theirs": of.envelope.sender}
    return dialogmelding.status(of, **(values | more))


def parsed(made: Status) -> etree._Element:
    return etree.fromstring(dialogmelding.to_xml(made))


def outline(root: etree._Element, path: str) -> list[str]:
    """The texts of all elements below a path of MsgHead, in order: what a party or the patient is said to be."""
    found = root.find("/".join(f"{HEAD}{step}" for step in path.split("/")))
    assert found is not None
    return [element.text for element in found.iter() if element.text]


def test_a_granted_right_is_written_whole() -> None:
    """By hand from HIS 80601:2006 (order of MsgInfo), HIS 1206:2018 (Notat, code 2) and the referral's own words.

    Sender is whom the referral was sent to, Receiver who sent it; of the patient neither address nor telephone is told, and
    nothing of diagnosis or reason. 22:30 in UTC is half past midnight in Norway's summer.
    """
    oid = "2.16.578.1.12.4.1.1."
    her = f'<TypeId V="HER" S="{oid}9051" DN="HER-id"/>'
    assert dialogmelding.to_xml(status(reading(), responsible=KARI)).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24"><MsgInfo>'
        '<Type V="DIALOG_STATUS_HENVISNING" DN="Status på henvisning"/><MIGversion>v1.2 2006-05-24</MIGversion>'
        f"<GenDate>2026-05-19T00:30:00+02:00</GenDate><MsgId>{OWN}</MsgId>"
        f"<ConversationRef><RefToParent>{PARENT}</RefToParent><RefToConversation>{START}</RefToConversation></ConversationRef>"
        "<Sender><Organisation><OrganisationName>Fjordheim sykehus HF</OrganisationName>"
        f'<Ident><Id>319900101</Id><TypeId V="ENH" S="{oid}9051" DN="Organisasjonsnummeret i Enhetsregister"/></Ident>'
        f"<Ident><Id>8000100</Id>{her}</Ident>"
        "<Organisation><OrganisationName>Fjordheim DPS, allmennpsykiatrisk poliklinikk</OrganisationName>"
        f"<Ident><Id>8000101</Id>{her}</Ident></Organisation></Organisation></Sender>"
        "<Receiver><Organisation><OrganisationName>Lynghei legesenter</OrganisationName>"
        f"<Ident><Id>8000200</Id>{her}</Ident><HealthcareProfessional><FamilyName>Lyngstad</FamilyName>"
        f"<GivenName>Rolf Reserve</GivenName><Ident><Id>8000201</Id>{her}</Ident></HealthcareProfessional>"
        "</Organisation></Receiver>"
        "<Patient><FamilyName>Bekkesus</FamilyName><MiddleName>Prøve</MiddleName><GivenName>Mild</GivenName>"
        '<DateOfBirth>1984-06-14</DateOfBirth><Sex V="2" DN="Kvinne"/>'
        f'<Ident><Id>14868440083</Id><TypeId V="FNR" S="{oid}8116" DN="Fødselsnummer"/></Ident></Patient></MsgInfo>'
        '<Document><RefDoc><IssueDate V="2026-05-19T00:30:00+02:00"/><MsgType V="XML" DN="XML-instans"/><Content>'
        '<Dialogmelding xmlns="http://www.kith.no/xmlstds/dialog/2013-01-23" xmlns:fk1="http://www.kith.no/xmlstds/felleskomponent1">'
        f'<Notat><TemaKodet V="2" S="{oid}9148" DN="Rett til helsehjelp, tidspunkt kommer"/><TekstNotatInnhold>'
        "Pasienten har rett til nødvendig helsehjelp i spesialisthelsetjenesten. Tidspunkt for oppmøte kommer.\n\n"
        "Henvisningen mottatt: 11. mai 2026\nHenvisningen vurdert: 18. mai 2026\n"
        "Frist for start av nødvendig helsehjelp: 1. september 2026</TekstNotatInnhold>"
        f'<RollerRelatertNotat><RoleToPatient V="21" S="{oid}9034" DN="Helsefaglig kontakt"/><HealthcareProfessional>'
        "<FamilyName>Fiksjon</FamilyName><GivenName>Kari</GivenName>"
        f'<Ident><fk1:Id>990000301</fk1:Id><fk1:TypeId V="HPR" S="{oid}8116" DN="HPR-nummer"/></Ident>'
        '<TeleCom><fk1:TeleAddress V="tel:+4700001234"/></TeleCom></HealthcareProfessional></RollerRelatertNotat>'
        "</Notat></Dialogmelding></Content></RefDoc></Document></MsgHead>"
    )


def test_a_refusal_says_why_and_has_no_date_limit() -> None:
    """HIS 1206:2018: a refusal (4) carries its reason; a right that was not granted has no limit."""
    made = status(reading(), replace(REFUSED, date_limit=date(2026, 9, 1)))
    assert (made.code, made.text) == (
        "4",
        "Pasienten har ikke rett til nødvendig helsehjelp i spesialisthelsetjenesten.\n\n"
        "Begrunnelse: Kan behandles av fastlegen.\n\n"
        "Henvisningen mottatt: 11. mai 2026\nHenvisningen vurdert: 18. mai 2026",
    )
    assert b'<TemaKodet V="4" S="2.16.578.1.12.4.1.1.9148" DN="Henvisningen er avvist"/>' in dialogmelding.to_xml(made)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_refusal_without_a_reason_is_not_sent(reason: str) -> None:
    with pytest.raises(Problem) as refused:
        dialogmelding.told(replace(REFUSED, reason=reason), RECEIVED)
    assert refused.value.findings[0].rule == "HIS 1206:2018"


@pytest.mark.parametrize(
    ("name", "sender", "receiver", "patient"),
    [
        (  # two services: Organisation/Organisation both ways (HIS 1153-3)
            "transfer-assessed-pathway-codes.xml",
            ["Fjordheim sykehus HF", "319900101", "8000100", "Fjordheim DPS, allmennpsykiatrisk poliklinikk", "8000101"],
            ["Storfjell sykehus HF", "319900306", "8000300", "Storfjell psykiatriske poliklinikk", "8000301"],
            ["Skyfri", "Tålmodig", "1990-10-16", "16909040195"],
        ),
        (  # 1.1: Inst and Dept are Organisation in Organisation, HCPerson is HealthcareProfessional; "Etternavn, Fornavn" is parted
            "v11-adult.xml",
            ["Fjordheim sykehus HF", "8000100", "Fjordheim DPS, allmennpsykiatrisk poliklinikk", "8000101"],
            ["Lynghei legesenter", "8000200", "Lyngstad", "Rolf Reserve", "8000201", "990000201"],
            ["Solnedgang", "Karl Konstruert", "1958-06-06", "06865840150"],
        ),
        (
            "v10-adolescent.xml",
            ["Fjordheim sykehus HF", "8000100", "Fjordheim BUP", "8000102"],
            ["Lynghei legesenter", "8000200", "Lyngstad", "Rolf Reserve", "8000201", "990000201"],
            ["Nysnø", "Linn Lekt", "2011-10-02", "02901150055"],
        ),
    ],
)
def test_parties_turn_and_the_patient_stays_in_every_version(
    name: str, sender: list[str], receiver: list[str], patient: list[str]
) -> None:
    root = parsed(status(reading(name)))
    assert [outline(root, f"MsgInfo/{part}") for part in ("Sender", "Receiver", "Patient")] == [sender, receiver, patient]


def test_a_copy_receiver_that_answers_would_answer_as_itself() -> None:
    of = reading("v11-copy-receiver.xml")
    root = parsed(status(of, ours=of.envelope.copies[0]))
    assert outline(root, "MsgInfo/Sender")[-1] == of.envelope.copies[0]


@dataclass(frozen=True)
class Text:
    """What a message said."""

    value: str
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return self.value


def ident(value: str, type: str) -> Ident:
    return Ident(Text(value), type)


def sent_by(sender: Party) -> Reading:
    of = reading()
    of.referral.sender = sender
    return of


def test_a_her_id_that_only_the_hub_knows_is_added() -> None:
    """HIS 1153-3: the address is a HER-id, so the receiver has one also where the referral named itself otherwise."""
    clinic = Party([Unit(Text("Klinikk"), idents=[ident("8750", "LAV")])])
    assert outline(parsed(status(sent_by(clinic), theirs="8000777")), "MsgInfo/Receiver") == ["Klinikk", "8750", "8000777"]
    assert outline(parsed(status(sent_by(clinic), theirs="LAV:8750")), "MsgInfo/Receiver") == ["Klinikk", "8750"]


DOCTOR = Person(family=Text("Lin"), given=Text("Rita"), idents=[ident("13897512345", "FNR"), ident("990000201", "HPR")])
CLINIC = Unit(Text("Klinikk"), idents=[ident("8000200", "HER")])
PARTIES = {
    "a person alone is their own enterprise": (Party(person=DOCTOR), ["Rita Lin", "990000201"]),
    "a person by a whole name": (Party(person=Person(name=Text("Rita Lin"), idents=[ident("1", "HER")])), ["Rita Lin", "1"]),
    "health personnel without their national number": (Party([CLINIC], DOCTOR), ["Klinikk", "8000200", "Lin", "Rita", "990000201"]),
    "a unit without an ident is left out": (Party([Unit(Text("Gruppe")), CLINIC]), ["Klinikk", "8000200"]),
    "a unit without a name is called by its number": (Party([Unit(idents=[ident("8000200", "HER")])]), ["8000200", "8000200"]),
    "an ident of a type that no list has": (Party([Unit(Text("K"), idents=[ident("x&y", 'Å"')])]), ["K", "x&y"]),
    "nothing": (Party(), []),
}


@needs_standards
@pytest.mark.parametrize("kind", PARTIES)
def test_odd_parties_are_valid_by_the_schema_and_say_what_they_can(kind: str) -> None:
    """MsgHead-v1_2.xsd: an Organisation has a name and an Ident, or nothing; health personnel has an Ident."""
    party, said = PARTIES[kind]
    made = status(sent_by(party), theirs=party.key)
    assert faults("dialog-1.1", dialogmelding.to_xml(made)) == []
    assert outline(parsed(made), "MsgInfo/Receiver") == said


@needs_standards
@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize(
    "assessment", [GRANTED, replace(GRANTED, date_limit=None), REFUSED], ids=["granted", "no-limit", "refused"]
)
def test_every_example_is_answered_validly(name: str, assessment: Assessment) -> None:
    for person in (None, KARI, Responsible(family="Fiksjon"), Responsible(phone="+4700001234")):
        assert faults("dialog-1.1", dialogmelding.to_xml(status(reading(name), assessment, responsible=person))) == []


@needs_standards
def test_every_public_referral_is_answered_validly() -> None:
    found = sorted(SAMPLES.glob("henvisning-*/*.xml"))
    assert found
    for path in found:
        of = shared_translator().read(path.read_bytes())
        assert (path.name, faults("dialog-1.1", dialogmelding.to_xml(status(of, responsible=KARI)))) == (path.name, [])


@needs_standards
def test_the_schema_judges_a_status_at_all() -> None:
    valid = dialogmelding.to_xml(status(reading()))
    (sample,) = SAMPLES.glob("dialogmelding/Status_paa_henvisning*.xml")
    assert faults("dialog-1.1", sample.read_bytes()) == []
    assert faults("dialog-1.1", re.sub(rb"<RefToParent>.*?</RefToParent>", b"", valid))
    assert faults("dialog-1.1", valid.replace(b"<Notat>", b"<Notat><Tema/>"))


def test_a_test_referral_gets_a_test_answer() -> None:
    """HIS 80601:2006: ProcessingStatus (8113) stands after MsgId; the list of version 1.x (8323) says something else."""
    text = (ROOT / "openapi/examples/adult-depression-anxiety.xml").read_text("utf-8")
    of = shared_translator().read(text.replace("</MsgId>", '</MsgId><ProcessingStatus V="T" DN="x"/>').encode())
    assert b'</MsgId><ProcessingStatus V="T" DN="Oppl\xc3\xa6ring"/><ConversationRef>' in dialogmelding.to_xml(status(of))
    assert b"ProcessingStatus" not in dialogmelding.to_xml(status(reading("v11-adult.xml")))


@pytest.mark.parametrize("name", EXAMPLES)
def test_nothing_clinical_of_the_referral_is_told(name: str) -> None:
    of = reading(name)
    said = dialogmelding.to_xml(status(of, responsible=KARI)).decode()
    referral = of.referral
    clinical = [passage.text.value for passage in (*referral.reasons, *referral.comments) if passage.text]
    clinical += [d.concept.said.attributes.get("DN", "") for d in referral.diagnoses]
    clinical += [a.street.value for a in referral.patient.addresses if a.street]
    assert [text for text in clinical if text and text in said] == []


ANY = st.text(st.characters(exclude_categories=()), max_size=60)


@given(reason=ANY.filter(str.strip), name=ANY, number=ANY, id=ANY)
@example(reason="a\x00b\ud800\ufffe\r\n]]>&<x>\"'", name="\x0b", number="\U0010ffff", id="\x85\u2028")
def test_whatever_is_said_the_message_is_xml_and_says_it(reason: str, name: str, number: str, id: str) -> None:
    """XML 1.0 section 2.2: what it has no place for becomes U+FFFD; all other text comes out as it was."""
    party = Party([Unit(Text(name), idents=[ident(number or "1", "HER")])])
    person = Responsible(name, "Kari", number, "+4700001234")
    made = status(sent_by(party), replace(REFUSED, reason=reason), theirs="", parent=id, responsible=person)
    data = dialogmelding.to_xml(made)
    root = etree.fromstring(data)
    assert (root.findtext(f".//{DIALOG}TekstNotatInnhold") or "") == held(made.text)
    assert (root.findtext(f".//{HEAD}RefToParent") or "") == held(id)
    assert dialogmelding.note(made) in data
    assert dialogmelding.from_edi2(dialogmelding.to_edi2(data)) == data
    if (SAMPLES.parent / "xsd").is_dir():
        assert faults("dialog-1.1", data) == []


def held(text: str) -> str:
    """What an XML 1.0 document can hold of a text (sections 2.2 and 2.11), reckoned by code point."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    allowed = {0x9, 0xA}
    kept = (
        c if (ord(c) in allowed or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD or ord(c) > 0xFFFF) else "\ufffd"
        for c in lines
    )
    return "".join(kept)


@pytest.mark.parametrize(
    ("day", "words"),
    [(date(2026, 1, 1), "1. januar 2026"), (date(2024, 2, 29), "29. februar 2024"), (date(2026, 12, 31), "31. desember 2026")],
)
def test_dates_are_told_in_words(day: date, words: str) -> None:
    assert dialogmelding.in_words(day) == words


HPR = {"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": "990000301"}


@pytest.mark.parametrize(
    ("practitioner", "role", "expected"),
    [
        (
            {
                "name": [{"family": "Fiksjon", "given": ["Kari", "Ann"]}],
                "identifier": [{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": "13897512345"}, HPR],
                "telecom": [{"system": "email", "value": "k@example.com"}, {"system": "phone", "value": "+47 00 00 12 34"}],
            },
            None,
            Responsible("Fiksjon", "Kari Ann", "990000301", "+4700001234"),
        ),
        (  # the number of the role comes before the person's; a private or former one is not told
            {"name": [{"text": "Kari Fiksjon"}], "telecom": [{"system": "phone", "value": "2"}]},
            {"telecom": [{"system": "phone", "value": "9", "use": "home"}, {"system": "phone", "value": "tel:+471"}]},
            Responsible("Kari Fiksjon", "", "", "+471"),
        ),
        ({"telecom": [{"system": "phone", "value": "ring meg"}]}, None, Responsible()),
        ({}, {}, Responsible()),
    ],
)
def test_who_answers_is_read_of_the_practitioner(
    practitioner: dict[str, Any], role: dict[str, Any] | None, expected: Responsible
) -> None:
    assert dialogmelding.responsible(practitioner, role) == expected
