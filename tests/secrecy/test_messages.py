"""A message about a patient whose address is confidential: read, kept and explained without it."""

from __future__ import annotations

import json

import pytest

from adapter.domain.identity import DEMONSTRATION_KEY, keyed
from adapter.domain.referral import Decision, Receipt
from adapter.ports import State
from adapter.usecases.operate_messages import bundle, explanation
from adapter.usecases.receive_message import Received
from mappings.messages.redaction import redacted
from mappings.messages.xml import Limits as XmlLimits
from mappings.messages.xml import parse
from mappings.resources import protected
from mappings.translation import Limits, Translator
from tests.bad_inputs.message import VERSION_1_1, fresh, spoil
from tests.secrecy.messages import CANARIES, MOBILE, referral
from tests.secrecy.scan import files, rows
from tests.usecases.house import HOSPITAL, NOW, House

TRANSLATOR = Translator(Limits(), keyed(DEMONSTRATION_KEY))
RECEIPT = Receipt(NOW, "8000101", HOSPITAL, NOW.date(), "8000201")


def found(data: bytes | str) -> list[str]:
    """Which of the canaries are in it."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    return [canary for canary in CANARIES if canary in text]


def another(text: str, first: Received) -> bytes:
    """The referral as one of its own: with other ids than the first."""
    return text.replace(first.message.msg_id, fresh("again")).replace(str(first.message.document_id), fresh("document")).encode()


@pytest.mark.parametrize(
    ("marker", "level"),
    [
        ("STRENGT FORTROLIG", "strictly-confidential"),
        ("Strengt  fortrolig adresse", "strictly-confidential"),
        ("SPERRET ADRESSE", "strictly-confidential"),
        ("Kode 6", "strictly-confidential"),
        ("c/o SOT6", "strictly-confidential"),
        ("SPSF", "strictly-confidential"),
        ("FORTROLIG ADRESSE", "confidential"),
        ("kode 7", "confidential"),
        ("&#75;ode 7", "confidential"),  # a character reference for its K
        ("Klientadresse", "client-address"),
        ("<!-- x -->KODE <!-- y -->6", "strictly-confidential"),  # the parser joins what a comment parts
        ("<![CDATA[KODE 6]]>", "strictly-confidential"),
    ],
)
def test_the_words_in_the_place_of_an_address_say_how_it_is_protected(marker: str, level: str) -> None:
    reading = TRANSLATOR.read(referral(marker).encode())

    assert reading.protection == level
    assert found(reading.kept) == []
    assert TRANSLATOR.read(reading.kept).protection == level


@pytest.mark.parametrize("street", ["Fortrolighetsveien 6", "Kodeveien 6", "Sperrebakken 7", "Klientgata 1", "Havnegata 6"])
def test_a_street_that_only_looks_like_it_is_an_ordinary_address(street: str) -> None:
    reading = TRANSLATOR.read(spoil(("Havnegata 2", street)).encode())

    assert (reading.protection, reading.kept) == ("", b"")


def test_what_is_kept_is_the_message_byte_for_byte_but_for_the_places() -> None:
    """The lines stay as they are numbered, and so does everything else that is said."""
    message = referral().encode()

    kept = redacted(message)

    assert kept.count(b"\n") == message.count(b"\n")
    ordinary = [
        line
        for line in message.splitlines()
        if b"Addr" not in line and b"Adr" not in line and not found(line) and b"<City" not in line
    ]
    assert [line for line in ordinary if line not in kept.splitlines()] == []
    assert MOBILE.encode() in kept
    assert redacted(kept) == kept


def test_latin_1_is_redacted_as_well() -> None:
    message = referral().replace('encoding="UTF-8"', 'encoding="ISO-8859-1"').encode("iso-8859-1")

    kept = redacted(message)

    assert found(kept.decode("iso-8859-1")) == []
    assert TRANSLATOR.read(message).protection == "strictly-confidential"


def test_an_older_message_is_redacted_as_well() -> None:
    """Henvisning 1.1 has telephones within the address, and its codes in attributes."""
    assert "<StreetAdr>" in VERSION_1_1
    before, _, after = VERSION_1_1.partition("<Patient>")
    street = after[after.index("<StreetAdr>") : after.index("</StreetAdr>")]
    message = before + "<Patient>" + after.replace(street, "<StreetAdr>KODE 6", 1)

    reading = TRANSLATOR.read(message.encode())

    assert reading.protection == "strictly-confidential"
    root, _ = parse(reading.kept, XmlLimits())
    said = [
        "".join([node.text or "", *(node.get(name, "") for name in ("V", "DN", "OT"))]).strip()
        for address in root.iter("{*}Address")
        for node in address
        if node.tag.rpartition("}")[2] not in ("Type", "TeleAddress")
    ]
    assert {one for one in said if one} == {"STRENGT FORTROLIG ADRESSE"}


def test_the_patient_is_labelled_and_the_address_is_told_to_be_withheld() -> None:
    reading = TRANSLATOR.read(referral().encode())
    translation = TRANSLATOR.render(reading, RECEIPT, Decision())
    resources = {r.type: r.body for r in translation.resources}

    patient = resources["Patient"]
    assert patient["meta"]["security"] == [
        {"system": protected.LABELS, "code": "strictly-confidential", "display": "Strengt fortrolig adresse"}
    ]
    assert patient["address"] == [
        {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
    ]
    assert [one["value"] for one in patient["telecom"]] == [MOBILE]
    assert found(json.dumps([r.body for r in translation.resources], default=str, ensure_ascii=False)) == []
    assert found(json.dumps(translation.explanation(), ensure_ascii=False)) == []


# --- kept


def test_no_byte_of_the_database_holds_the_address_and_the_message_explains_itself_all_the_same(house: House) -> None:
    received = house.receive(referral().encode())

    assert received.message.state is State.PROCESSED
    assert found(rows(house.store)) == []
    assert found(files(house.path)) == []
    told = explanation(house.store, house.reception.translator, [HOSPITAL], received.message.id)
    assert found(json.dumps(told, ensure_ascii=False)) == []
    assert any(one["path"].endswith(".address[0]") for one in told["elements"])
    assert found(bundle(house.store, [HOSPITAL], received.message.id) or b"") == []


def test_the_same_message_again_is_a_duplicate_and_with_another_address_it_is_in_conflict(house: House) -> None:
    """The digest is of what came, though less was kept."""
    house.receive(referral().encode())

    assert house.receive(referral().encode()).outcome == "duplicate"
    moved = house.receive(referral().replace("Kanarivik<", "Kanarines<").encode())
    assert moved.outcome == "conflict"
    assert found(rows(house.store)) == []


def test_a_patient_whom_the_record_knows_as_protected_needs_no_words_in_the_message(house_on: House) -> None:
    first = house_on.receive(referral().encode())
    again = house_on.receive(another(referral(""), first), "2")

    assert again.message.state is State.PROCESSED
    assert found(rows(house_on.store)) == []
    patient = house_on.the("Patient")
    assert protected.level_of(patient) == "strictly-confidential"


def test_a_message_that_protects_a_known_patient_cleanses_what_was_kept_before(house_on: House) -> None:
    """Units that other patients have too keep their own addresses: those are not this patient's."""
    before = house_on.receive(referral("", units=False).encode())
    assert found(rows(house_on.store)) != []

    house_on.receive(another(referral(units=False), before), "2")

    assert found(rows(house_on.store)) == []


def test_where_somebody_works_or_is_placed_is_not_kept() -> None:
    message = b"<A><Person><Arbeidssted>Kanarivik skole</Arbeidssted></Person><NameInst>Kanarivik hjem</NameInst></A>"

    assert redacted(message) == b"<A><Person><Arbeidssted></Arbeidssted></Person><NameInst></NameInst></A>"


def test_an_address_in_cdata_is_not_kept() -> None:
    message = b"<Patient><Address><CityName><![CDATA[Kanarivik]]></CityName></Address></Patient>"

    assert redacted(message) == b"<Patient><Address><CityName></CityName></Address></Patient>"
