"""Signatures are kept and never relied on: the message is taken as if it had none, and says so; or refused by choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapter.domain.gate import GateRules
from adapter.ports import State
from adapter.usecases.receive_message import Received
from tests.bad_inputs.canary import Canary
from tests.bad_inputs.house import House
from tests.bad_inputs.message import GOOD, MSG_ID, ORGANISATION, fresh, spoil

SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
REFERENCE = (
    '<ds:Reference URI="{uri}"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
    "<ds:DigestValue>AAECAwQFBgcICQoLDA0ODw==</ds:DigestValue></ds:Reference>"
)
CERTIFICATE = "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>bm9uZQ==</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"


def signature(
    *, references: str = REFERENCE.format(uri=""), method: str = SHA256, key: str = CERTIFICATE, objects: str = ""
) -> str:
    return (
        '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>'
        '<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'
        f'<ds:SignatureMethod Algorithm="{method}"/>{references}</ds:SignedInfo>'
        f"<ds:SignatureValue>c2lnbmF0dXI=</ds:SignatureValue>{key}{objects}</ds:Signature>"
    )


def signed(text: str = GOOD, **parts: str) -> str:
    return spoil(("</MsgHead>", signature(**parts) + "</MsgHead>"), text=text)


def wrapped(_: int) -> str:
    """The signed message moved aside, a forged one in its place."""
    original = GOOD.split("?>\n", 1)[1].replace(GOOD.split("?>\n", 1)[1].split("<MsgHead", 1)[0], "", 1)
    forged = spoil((MSG_ID, fresh("forged")), ("Vindstille", "Falskmyr"))
    moved = original.replace("<MsgHead ", '<MsgHead Id="ekte" ', 1)
    return signed(forged, references=REFERENCE.format(uri="#ekte"), objects=f"<ds:Object>{moved}</ds:Object>")


def two_ids(_: int) -> str:
    return signed(references=REFERENCE.format(uri="#a"), objects='<ds:Object Id="a">en</ds:Object><ds:Object Id="a">to</ds:Object>')


def revocation_list(port: int) -> str:
    address = f"http://127.0.0.1:{port}/crl"
    key = f'<ds:KeyInfo><ds:RetrievalMethod URI="{address}"/><ds:X509Data><ds:X509CRL>AAEC</ds:X509CRL></ds:X509Data></ds:KeyInfo>'
    return signed(references=REFERENCE.format(uri=address), key=key)


SIGNED: dict[str, Callable[[int], str]] = {
    "B028 a forged message around the signed one": wrapped,
    "B029 two elements with one Id": two_ids,
    "B030 a signature over another element": lambda _: signed(references=REFERENCE.format(uri="#finnes-ikke")),
    "B030 a signature over nothing": lambda _: signed(references=""),
    "B031 a payload changed after signing": lambda _: signed(spoil(("Vindstille", "Endretmyr"))),
    "B032 a certificate that is none": lambda _: signed(),
    "B033 a revocation list out of reach": revocation_list,
    "B034 a SHA-1 signature": lambda _: signed(method="http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
}
every = pytest.mark.parametrize("make", SIGNED.values(), ids=SIGNED)


def msg_id_of(text: str) -> str:
    return text.split("<MsgId>", 1)[1].split("</MsgId>", 1)[0]


def fate_of_signature(house: House, received: Received) -> list[tuple[str, bool]]:
    """What the explanation says became of it, and whether it says that it was not verified."""
    nodes = house.reception.explanation([ORGANISATION], received.message.id)["nodes"]
    return [(node["fate"], "not verified" in node["reason"]) for node in nodes if node["xpath"] == "/MsgHead/Signature"]


@every
def test_the_message_is_taken_its_bytes_kept_and_the_signature_said_to_be_unverified(
    make: Callable[[int], str], house: House, listener: Canary
) -> None:
    text = make(listener.port)

    received = house.receive(text.encode(), msg_id=msg_id_of(text))

    assert (received.message.state, house.codes(received)) == (State.PROCESSED, [["OK"]])
    assert house.kept(received) == text.encode()
    assert fate_of_signature(house, received) == [("not-used", True)]
    assert listener.visits() == 0


@pytest.fixture
def strict_house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path, GateRules(refuse_signed=True))
    yield built
    built.close()


@every
def test_it_is_refused_where_the_installation_says_so(make: Callable[[int], str], strict_house: House) -> None:
    text = make(9)

    received = strict_house.receive(text.encode(), msg_id=msg_id_of(text))

    assert (received.message.state, strict_house.codes(received)) == (State.REFUSED, [["S03"]])
    assert strict_house.resources(received) == []


def test_b028_the_outer_message_is_the_one_that_is_read(house: House) -> None:
    text = wrapped(9)

    received = house.receive(text.encode(), msg_id=msg_id_of(text))

    names = {b"Falskmyr" in stored.body for stored in house.resources(received) if stored.type == "Patient"}
    assert (received.message.msg_id, names) == (fresh("forged"), {True})
