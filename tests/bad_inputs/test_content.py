"""What is read, but is not what it seems: unknown and double payloads, missing ids, odd letters, attachments that bite."""

from __future__ import annotations

import io
import json
import unicodedata
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from adapter.domain.problem import Kind
from adapter.ports import MessageQuery, State
from adapter.usecases.receive_message import Received
from tests.bad_inputs.canary import Canary
from tests.bad_inputs.cost import MEGABYTES, SECONDS, measured
from tests.bad_inputs.house import House, translator
from tests.bad_inputs.message import (
    EXAMPLES,
    MSG_ID,
    NUMBER,
    ORGANISATION,
    RECEIVER,
    SENDER,
    fresh,
    prolog,
    spoil,
    spoiled,
    with_text,
)

pytestmark = pytest.mark.slow

OK = [["OK"]]
NONE: list[list[str]] = []


def strings(value: Any) -> Iterator[str]:
    """Every text in a resource."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def bodies(house: House, received: Received, type: str = "") -> list[dict[str, Any]]:
    return [json.loads(stored.body) for stored in house.resources(received) if not type or stored.type == type]


def issue_codes(received: Received) -> list[str]:
    return [issue["severity"] for issue in json.loads(received.message.issues or b'{"issue": []}')["issue"]]


def attachment(data: bytes, mime: str = "application/zip") -> tuple[str, str]:
    """A change that adds an attachment."""
    return (
        "</MsgHead>",
        f'<Document><RefDoc><MsgType V="A" DN="Vedlegg"/><MimeType>{mime}</MimeType><Content><Base64Container '
        f'xmlns="http://www.kith.no/xmlstds/base64container">{b64encode(data).decode()}</Base64Container></Content></RefDoc></Document></MsgHead>',
    )


def zip_in_zip(levels: int, size: int) -> bytes:
    data = bytes(size)
    for level in range(levels):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{level}.bin", data)
        data = packed.getvalue()
    return data


@pytest.mark.parametrize("levels", [1, 3])
def test_b013_an_attached_zip_bomb_is_kept_as_it_is_and_never_opened(levels: int, house: House) -> None:
    bomb = zip_in_zip(levels, 100_000_000)
    data = spoiled(attachment(bomb))

    with measured() as cost:
        received = house.receive(data)

    assert (received.message.state, house.codes(received)) == (State.PROCESSED, OK)
    assert [b64decode(body["data"]) for body in bodies(house, received, "Binary") if body["contentType"] == "application/zip"] == [
        bomb
    ]
    assert cost.megabytes < MEGABYTES
    assert cost.seconds < SECONDS


def test_b013_an_attachment_of_10_mb_passes(house: House) -> None:
    large = b"%PDF-1.4\n" + bytes(range(256)) * 40_000

    received = house.receive(spoiled(attachment(large, "application/pdf")))

    assert (received.message.state, house.codes(received)) == (State.PROCESSED, OK)
    assert large in [b64decode(body["data"]) for body in bodies(house, received, "Binary")]


def test_b014_a_schema_location_is_never_followed(house: House, listener: Canary) -> None:
    here = f"http://127.0.0.1:{listener.port}"
    location = (
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="http://www.kith.no/xmlstds/msghead/2006-05-24 {here}/evil.xsd urn:x file:///C:/evil.xsd" '
        f'xsi:noNamespaceSchemaLocation="{here}/worse.xsd"'
    )

    received = house.receive(spoiled(("<MsgHead ", f"<MsgHead {location} ")))

    assert (received.message.state, house.codes(received)) == (State.PROCESSED, OK)
    assert listener.visits() == 0


def test_b016_an_unknown_payload_is_refused_as_an_unsupported_format(house: House) -> None:
    received = house.receive((EXAMPLES / "bad" / "unknown-payload.xml").read_bytes(), msg_id=None)

    assert (received.message.state, house.codes(received), house.resources(received)) == (State.REFUSED, [["T10"]], [])


def test_b017_two_referrals_in_one_message_are_refused_rather_than_one_being_lost(house: House) -> None:
    received = house.receive((EXAMPLES / "bad" / "two-referrals.xml").read_bytes(), msg_id=None)

    assert (received.message.state, len(house.codes(received)), house.resources(received)) == (State.REFUSED, 1, [])
    assert house.codes(received) != OK


MISSING_MSG_ID = spoiled((f"\t\t<MsgId>{MSG_ID}</MsgId>\n", ""))


def test_b018_a_missing_msgid_is_taken_from_the_hub_to_name_the_original(house: House) -> None:
    received = house.receive(MISSING_MSG_ID)

    assert received.message.state is State.REFUSED
    assert [MSG_ID.encode() in row.body for row in house.answers(received)] == [True]
    assert house.resources(received) == []


def test_b018_a_missing_msgid_that_nobody_knows_is_not_answered_but_raised(house: House) -> None:
    received = house.receive(MISSING_MSG_ID, msg_id=None)

    assert (received.message.state, house.codes(received), house.resources(received)) == (State.QUARANTINED, NONE, [])
    assert "MsgId" in received.message.reason
    assert received.message.action


INJECTION = "' or '1'='1"


def test_b019_an_injection_in_the_msgid_is_a_literal_that_finds_only_itself(house: House) -> None:
    first = house.receive(spoiled())
    received = house.receive(spoiled((MSG_ID, INJECTION)), hub_id="2", msg_id=INJECTION)

    with house.store.read() as unit:
        same = unit.messages_with_key(RECEIVER, SENDER, INJECTION)
        searched = unit.messages([ORGANISATION], MessageQuery(msg_id=INJECTION))

    assert (received.message.state, house.codes(received)) == (State.REFUSED, [["E10"]])
    assert [[message.id for message in found] for found in (same, searched)] == [[received.message.id]] * 2
    assert house.message(first) == first.message


SPLITS = {
    "a comment": f"{NUMBER[:5]}<!-- x -->{NUMBER[5:]}",
    "CDATA": f"{NUMBER[:5]}<![CDATA[{NUMBER[5:]}]]>",
    "a processing instruction": f"{NUMBER[:5]}<?x y?>{NUMBER[5:]}",
    "CDATA and comments": f"<!--a--><![CDATA[{NUMBER[:2]}]]><!--b-->{NUMBER[2:7]}<![CDATA[{NUMBER[7:]}]]><!--c-->",
}


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
def test_b020_a_split_number_is_joined_never_cut(split: str, house: House) -> None:
    received = house.receive(spoiled((f"<Id>{NUMBER}</Id>", f"<Id>{split}</Id>")))

    identifiers = [body["identifier"] for body in bodies(house, received, "Patient")]
    assert identifiers == [[{"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": NUMBER}]]


@pytest.mark.parametrize("encoding", ["iso-8859-1", "ISO-8859-1", "windows-1252"])
def test_b022_a_correct_other_encoding_is_accepted_with_a_warning_and_its_letters(encoding: str, house: House) -> None:
    data = spoil(("UTF-8", encoding), with_text("ÆØÅ æøå é ü § ")).encode(encoding)

    received = house.receive(data)

    assert (received.message.state, house.codes(received)) == (State.PROCESSED, OK)
    assert any("ÆØÅ æøå é ü § " in text for body in bodies(house, received) for text in strings(body))
    assert "warning" in issue_codes(received)


def test_b025_decomposed_letters_are_kept_as_sent(house: House) -> None:
    name = unicodedata.normalize("NFD", "Åsgård")
    assert name != unicodedata.normalize("NFC", name)

    received = house.receive(spoiled(("<FamilyName>Vindstille", f"<FamilyName>{name}")))

    assert [body["name"][0]["family"] for body in bodies(house, received, "Patient")] == [name]


def test_b026_directional_and_invisible_characters_are_kept_as_sent(house: House) -> None:
    name = "Vind\u202estille\u200b\u2066"

    received = house.receive(spoiled(("<FamilyName>Vindstille", f"<FamilyName>{name}")))

    assert [body["name"][0]["family"] for body in bodies(house, received, "Patient")] == [name]


def test_b027_a_stylesheet_instruction_is_ignored(house: House, listener: Canary) -> None:
    text = prolog(f'<?xml-stylesheet type="text/xsl" href="http://127.0.0.1:{listener.port}/evil.xsl"?>')

    received = house.receive(text.encode())

    assert (received.message.state, house.codes(received)) == (State.PROCESSED, OK)
    assert house.kept(received) == text.encode()
    assert listener.visits() == 0


def test_b040_a_number_in_free_text_and_file_names_stays_in_the_payload(house: House) -> None:
    """That it is in no log line is what every test here asserts; ids, references and reasons are looked at here."""
    data = spoiled(with_text(f"Pasienten med fnr {NUMBER} "), attachment(b"%PDF-1.4", "application/pdf"))
    data = data.replace(
        b"<MimeType>application/pdf</MimeType>",
        f"<MimeType>application/pdf</MimeType><Description>{NUMBER}.pdf</Description>".encode(),
    )

    received = house.receive(data)

    told = (received.message.id, received.message.reason, received.message.action, received.message.issues.decode())
    ids = [stored.id for stored in house.resources(received)]
    references = [text for body in bodies(house, received) for text in strings(body) if text.startswith(("http", "urn:uuid"))]
    assert received.message.state is State.PROCESSED
    assert any(f"fnr {NUMBER} " in text for body in bodies(house, received) for text in strings(body))
    assert [text for text in (*told, *ids, *references) if NUMBER in text] == []
    assert [row.body for row in house.answers(received) if NUMBER.encode() in row.body] == []


def test_b040_a_refusal_does_not_repeat_the_number(house: House) -> None:
    received = house.receive(spoiled(with_text(NUMBER), (MSG_ID, f"nummer-{NUMBER}")), msg_id=None)

    assert received.message.state is State.REFUSED
    assert NUMBER not in received.message.reason + received.message.action + received.message.issues.decode()


def test_findings_of_a_good_message_are_none_of_the_above() -> None:
    """The message that is spoiled here is a good one: else its refusals would prove nothing."""
    assert [
        f for f in translator().read(spoiled()).findings if f.severity in ("error", "fatal") or f.kind is Kind.NOT_UNDERSTOOD
    ] == []
    assert fresh("a") != fresh("b")
