"""An attachment that is XML is kept whole, whatever it is (HIS 1036: the original referral may be attached as XML)."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from lxml import etree

from tests.mappings.test_every_element import translated
from tests.mappings.test_xml import MESSAGES

PLAIN = dict(MESSAGES)["adult-depression-anxiety.xml"]
HEAD = "http://www.kith.no/xmlstds/msghead/2006-05-24"
ORIGINALS = {
    "a letter of another standard": '<Letter xmlns="urn:example:letter"><Text>Kjære kollega</Text></Letter>',
    "a referral": '<Henvisning xmlns="http://ehelse.no/xmlstds/henvisning/2017-11-30"><ServType V="N" DN="Ny"/></Henvisning>',
}


def with_attachment(xml: str) -> bytes:
    document = (
        f'<Document xmlns="{HEAD}"><RefDoc><MsgType V="A" DN="Vedlegg"/><MimeType>application/xml</MimeType>'
        f"<Content>{xml}</Content></RefDoc></Document>"
    )
    return PLAIN.replace(b"</MsgHead>", document.encode() + b"</MsgHead>")


def binaries(message: bytes) -> list[dict[str, Any]]:
    bundle = json.loads(translated(message).bundle())
    return [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Binary"]


@pytest.mark.parametrize("xml", ORIGINALS.values(), ids=ORIGINALS)
def test_attached_xml_becomes_a_binary_with_all_that_is_in_it(xml: str) -> None:
    kept = binaries(with_attachment(xml))

    assert [b["contentType"] for b in kept] == ["application/xml"]
    assert etree.canonicalize(b64decode(kept[0]["data"]).decode()) == etree.canonicalize(xml)


@pytest.mark.parametrize("xml", ORIGINALS.values(), ids=ORIGINALS)
def test_nothing_in_attached_xml_is_said_to_be_not_understood(xml: str) -> None:
    told = translated(with_attachment(xml))

    assert [f.where for f in told.findings if f.kind == "not-understood"] == []
    assert [n["xpath"] for n in told.explanation()["nodes"] if n["fate"] == "not-understood"] == []
