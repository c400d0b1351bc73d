"""The example messages: valid by the official schemas, about nobody who lives, and described in full."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode

import pytest
from lxml import etree

from tests.national_numbers import kind, synthetic, valid
from tests.xsd import ROOT, SAMPLES, faults, needs_standards, schema_of

EXAMPLES = ROOT / "openapi" / "examples"
INDEX = json.loads((EXAMPLES / "index.json").read_text("utf-8"))
GOOD = sorted(name for name, entry in INDEX.items() if entry["expect"] == "translated")
BAD = sorted(set(INDEX) - set(GOOD))
OURS = {"8000101", "8000102", "8000103", "8000104"}
OTHERS = {"8000100", "8000200", "8000201", "8000300", "8000301", "8000400", "8000401", "8000402", "8000500", "8000501"}
KNOWN_HER_IDS = OURS | OTHERS
ENTRY = {"title", "expect", "apprec", "receiver", "pathway", "shows"}
NATIONAL = {"FNR", "DNR", "FHN"}


def tree(name: str) -> etree._Element:
    return etree.fromstring((EXAMPLES / name).read_bytes())


def texts(name: str, xpath: str) -> list[str]:
    found = tree(name).xpath(xpath)
    assert isinstance(found, list)
    return [str(value) for value in found]


def national_numbers(name: str) -> list[tuple[str, str]]:
    """(code of 8116, number) of every person in the message, from MsgHead, felleskomponent and version 1."""
    root = tree(name)
    idents = [
        (str(node.xpath("string(*[local-name()='TypeId']/@V)")), str(node.xpath("string(*[local-name()='Id'])")))
        for node in root.iter("{*}Ident")
    ]
    patients = [
        (str(node.xpath("string(*[local-name()='TypeOffId']/@V)")), str(node.xpath("string(*[local-name()='OffId'])")))
        for node in root.iter("{*}Patient")
    ]
    return [(code, number) for code, number in idents + patients if code in NATIONAL]


def test_the_index_names_every_example_and_nothing_else() -> None:
    assert sorted(INDEX) == sorted(path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.xml"))


@pytest.mark.parametrize("name", sorted(INDEX))
def test_the_index_tells_everything_in_both_languages(name: str) -> None:
    entry = INDEX[name]

    assert set(entry) == ENTRY
    for part in ("title", "shows"):
        assert {language: bool(text) for language, text in entry[part].items()} == {"nb": True, "en": True}
    assert entry["receiver"] in OURS
    assert entry["pathway"] in {None, "D01", "D11", "D12"}
    assert (entry["expect"], bool(entry["apprec"])) in {("translated", False), ("refused", True), ("unreadable", False)}
    assert name.startswith("bad/") == (entry["expect"] != "translated")


def test_there_are_enough_of_each_kind() -> None:
    pathways = [INDEX[name]["pathway"] for name in GOOD]

    assert len(GOOD) >= 14
    assert len(BAD) >= 3
    assert {"D01", "D11", "D12", None} == set(pathways)
    assert {schema for name in GOOD for schema in [schema_of((EXAMPLES / name).read_bytes())]} == {
        "henvisning-2.0",
        "henvisning-1.1",
        "henvisning-1.0",
    }


@needs_standards
@pytest.mark.parametrize("name", GOOD)
def test_a_good_example_is_valid_by_the_official_schemas(name: str) -> None:
    data = (EXAMPLES / name).read_bytes()

    assert faults(schema_of(data), data) == []


@pytest.mark.parametrize("name", GOOD)
def test_every_national_number_is_synthetic_and_of_the_kind_it_says(name: str) -> None:
    assert [(code, number) for code, number in national_numbers(name) if not (valid(number) and synthetic(number))] == []
    assert [(code, number) for code, number in national_numbers(name) if kind(number) != code] == []


def test_every_other_eleven_digit_number_in_openapi_is_synthetic_too() -> None:
    readable = [name for name in INDEX if INDEX[name]["expect"] != "unreadable"]
    known = {number for name in readable for _, number in national_numbers(name)}

    found = {
        number
        for path in (ROOT / "openapi").rglob("*")
        if path.is_file()
        for number in re.findall(r"(?<![\w.+/=-])\d{11}(?![\w+/=-])", path.read_text("utf-8"))
    }

    assert len(known) >= 20
    assert [number for number in found - known if not (valid(number) and synthetic(number))] == []


@pytest.mark.parametrize("name", GOOD)
def test_every_her_id_is_one_of_ours(name: str) -> None:
    by_ident = texts(name, "//*[*[local-name()='TypeId']/@V='HER']/*[local-name()='Id']/text()")

    assert set(by_ident) <= KNOWN_HER_IDS
    assert INDEX[name]["receiver"] in by_ident


@needs_standards
def test_no_her_id_of_ours_is_used_by_a_public_sample() -> None:
    samples = b"".join(path.read_bytes() for path in SAMPLES.rglob("*") if path.is_file())

    assert {her for her in KNOWN_HER_IDS if her.encode() in samples} == set()


def test_message_and_document_ids_are_used_once_except_by_a_series() -> None:
    messages = [value for name in GOOD for value in texts(name, "//*[local-name()='MsgId']/text()")]
    paths = ("//*[local-name()='DocumentId']/text()", "//*[local-name()='ServReq']/*[local-name()='Id']/text()")
    documents = [value for name in GOOD for path in paths for value in texts(name, path)]

    assert len(messages) == len(set(messages)) == len(GOOD)
    assert (len(documents), len(set(documents))) == (len(GOOD), len(GOOD) - 2)


@pytest.mark.parametrize("name", GOOD)
def test_an_example_is_dated_in_the_spring_to_autumn_of_2026(name: str) -> None:
    dates = texts(name, "//*[local-name()='GenDate']/@V | //*[local-name()='GenDate' and not(@V)]/text()")

    assert [date for date in dates if not "2026-04" <= date < "2026-11"] == []


def test_attachments_are_whole_documents() -> None:
    attached: dict[str, list[bytes]] = {}
    for name in GOOD:
        for document in tree(name).iter("{*}RefDoc"):
            for container in document.iter("{http://www.kith.no/xmlstds/base64container}Base64Container"):
                mime = str(document.xpath("string(*[local-name()='MimeType'])"))
                attached.setdefault(mime, []).append(b64decode(container.text or "", validate=True))

    assert {mime: len(files) for mime, files in attached.items()} == {"application/pdf": 3, "image/png": 1}
    assert [_pdf_objects(data) for data in attached["application/pdf"]] == [5, 5, 5]
    assert [_png_size(data) for data in attached["image/png"]] == [(160, 60)]


def _pdf_objects(data: bytes) -> int:
    """How many objects the file's table of offsets leads to, each found where it says."""
    assert data.startswith(b"%PDF-1.4")
    assert data.endswith(b"%%EOF\n")
    table = data[int(data.rsplit(b"startxref", 1)[1].split()[0]) :]
    offsets = [int(match) for match in re.findall(rb"(\d{10}) 00000 n", table)]
    assert [data[at:].startswith(f"{n} 0 obj\n".encode()) for n, at in enumerate(offsets, 1)] == [True] * len(offsets)
    return len(offsets)


def _png_size(data: bytes) -> tuple[int, int]:
    """Width and height, after every chunk's checksum was found right."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, size = 8, (0, 0)
    while at < len(data):
        length, tag = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        assert zlib.crc32(tag + body) == int.from_bytes(data[at + 8 + length : at + 12 + length])
        if tag == b"IHDR":
            size = int.from_bytes(body[:4]), int.from_bytes(body[4:8])
        at += 12 + length
    return size


def test_the_texts_have_the_length_of_real_referrals() -> None:
    words = {name: len(" ".join(texts(name, "//*[local-name()='TextResultValue']/text()")).split()) for name in GOOD}

    assert len([name for name, count in words.items() if count >= 300]) >= 2
    assert min(words.values()) >= 10


def test_the_three_of_a_series_tell_that_they_belong_together() -> None:
    new, change, cancel = ("series-1-new.xml", "series-2-change.xml", "series-3-cancel.xml")

    def one(name: str, tag: str) -> str:
        return texts(name, f"(//*[local-name()='{tag}'])[1]/text()")[0]

    kinds = [texts(name, "//*[local-name()='Henvisning']/*[local-name()='ServType']/@V") for name in (new, change, cancel)]

    assert kinds == [["N"], ["M"], ["C"]]
    assert len({one(name, "DocumentId") for name in (new, change, cancel)}) == 1
    assert [one(change, "RefToParent"), one(change, "RefToConversation")] == [one(new, "MsgId")] * 2
    assert [one(cancel, "RefToParent"), one(cancel, "RefToConversation")] == [one(change, "MsgId"), one(new, "MsgId")]
