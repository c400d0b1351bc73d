"""The door for XML: what is refused before it is read, by size, shape, DOCTYPE and encoding; and what only looks like it."""

from __future__ import annotations

import time

import pytest
from lxml import etree

from adapter.domain.problem import Kind, Problem
from mappings.messages import xml
from mappings.messages.tree import Tree, schema
from mappings.messages.xml import Limits

HEAD = "http://www.kith.no/xmlstds/msghead/2006-05-24"
MIB = 1024 * 1024


def refused(message: bytes, limits: Limits | None = None) -> Kind | None:
    """How a message is refused, at the door or while its tree is checked; nothing where it comes in."""
    try:
        root, _ = xml.parse(message, limits or Limits())
        Tree(root, schema("henvisning-2.0").type, limits or Limits())
    except Problem as problem:
        return problem.kind
    return None


def head(inside: str | bytes) -> bytes:
    inner = inside.encode() if isinstance(inside, str) else inside
    return f'<MsgHead xmlns="{HEAD}">'.encode() + inner + b"</MsgHead>"


def nested(levels: int, name: str = "x") -> str:
    return f"<{name}>" * levels + f"</{name}>" * levels


# ---- how much --------------------------------------------------------------------------------------------------------


def test_a_message_may_be_as_long_as_the_limit_and_not_a_byte_more() -> None:
    message = head(" " * 100)
    limits = Limits(max_bytes=len(message))

    assert (refused(message, limits), refused(message + b" ", limits)) == (None, Kind.TOO_LARGE)


@pytest.mark.parametrize(
    "holder",
    [
        *("<MsgInfo>{}</MsgInfo>", "{}", "<MsgInfo><MsgId>{}</MsgId></MsgInfo>", '<MsgInfo><Type V="1">{}</Type></MsgInfo>'),
        '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">{}</Signature>',
    ],
    ids=["among known ones", "at the top", "in a text", "in a code", "in a signature"],
)
def test_a_message_may_be_as_deep_as_the_limit_and_no_deeper(holder: str) -> None:
    above = holder.split("{}", maxsplit=1)[0].count("<") + 1
    limits = Limits(max_depth=20)

    assert refused(head(holder.format(nested(20 - above))), limits) is None
    assert refused(head(holder.format(nested(21 - above))), limits) is Kind.TOO_LARGE


@pytest.mark.parametrize("levels", [257, 3_000, 60_000])
def test_no_depth_brings_the_reader_down(levels: int) -> None:
    assert refused(head(nested(levels))) in (Kind.TOO_LARGE, Kind.MALFORMED)
    assert refused(head(nested(levels, "Organisation"))) in (Kind.TOO_LARGE, Kind.MALFORMED)


def test_a_message_may_hold_as_many_elements_as_the_limit_and_no_more() -> None:
    limits = Limits(max_elements=50)

    assert refused(head("<x/>" * 49), limits) is None
    assert refused(head("<x/>" * 50), limits) is Kind.TOO_LARGE


def test_many_end_tags_and_comments_are_not_counted_as_elements() -> None:
    assert refused(head("<x></x><!-- <y/> -->" * 49), Limits(max_elements=50)) is None


def attributes(count: int) -> str:
    return "".join(f' a{n}="1"' for n in range(count))


def declarations(count: int) -> str:
    return "".join(f' xmlns:a{n}="u:{n}"' for n in range(count))


@pytest.mark.parametrize("crowd", [attributes, declarations])
def test_an_element_may_have_a_thousand_attributes_or_namespace_declarations_and_no_more(crowd: object) -> None:
    assert refused(head(f"<x{crowd(1000)}/>")) is None  # type: ignore[operator]
    assert refused(head(f"<x{crowd(1001)}/>")) is Kind.TOO_LARGE  # type: ignore[operator]


def test_attributes_and_declarations_are_counted_together() -> None:
    assert refused(head(f"<x{attributes(500)}{declarations(500)}/>")) is None
    assert refused(head(f"<x{attributes(501)}{declarations(500)}/>")) is Kind.TOO_LARGE


def test_a_crowd_is_seen_behind_single_quotes_newlines_and_on_the_root() -> None:
    crowd = "".join(f"\n a{n} = '>'" for n in range(1001))

    assert refused(f"<MsgHead xmlns='{HEAD}'{crowd}/>".encode()) is Kind.TOO_LARGE
    assert refused(f"<?xml version='1.0'?><!-- c --><MsgHead{crowd}/>".encode()) is Kind.TOO_LARGE


def test_many_attributes_on_many_elements_are_no_crowd() -> None:
    assert refused(head(f"<x{attributes(10)}/>" * 500)) is None


def test_equal_signs_in_a_text_or_in_a_value_are_no_attributes() -> None:
    assert refused(head(f"<MsgInfo><MsgId>{'a = ' * 5000}</MsgId></MsgInfo>")) is None
    assert refused(head(f'<MsgInfo><Type V="1" DN="{"=" * 9000}"/></MsgInfo>')) is None


def test_a_text_may_be_as_long_as_the_limit_and_no_longer() -> None:
    limits = Limits(max_text=100)

    assert refused(head(f"<MsgInfo><MsgId>{'a' * 100}</MsgId></MsgInfo>"), limits) is None
    assert refused(head(f"<MsgInfo><MsgId>{'a' * 101}</MsgId></MsgInfo>"), limits) is Kind.TOO_LARGE


def test_a_text_of_more_than_ten_million_letters_passes() -> None:
    """The XML library's own limit, which a usual attachment would break."""
    assert refused(head(f"<MsgInfo><MsgId>{'a' * 11_000_000}</MsgId></MsgInfo>")) is None


@pytest.mark.parametrize(
    "message",
    [
        *(head("<x " + " " * 5 * MIB), head("<x" + " a" * MIB), head("<" * MIB), head("<x a='" + "<" * MIB), b" " * MIB),
        *(b"<!--" * MIB, b"<?x ?>" * (MIB // 4), b"<!-- -->" * (MIB // 8), b"<x" + b" a='" * MIB, head("&#" * MIB)),
    ],
    ids=["blanks", "names", "brackets", "an open value", "nothing", "open comments", "instructions", "comments", "quotes", "ands"],
)
def test_a_heap_of_rubbish_is_refused_in_a_moment(message: bytes) -> None:
    begun = time.perf_counter()

    assert refused(message) in (Kind.MALFORMED, Kind.TOO_LARGE)
    assert time.perf_counter() - begun < 5


# ---- DOCTYPE ---------------------------------------------------------------------------------------------------------

DOCTYPE = b'<!DOCTYPE MsgHead [<!ENTITY x "y">]>'
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'


@pytest.mark.parametrize(
    "before",
    [
        *(b"", DECLARATION, b"\xef\xbb\xbf", b"\xef\xbb\xbf" + DECLARATION, DECLARATION + b"\r\n\t "),
        *(DECLARATION + b"<!-- a - b -->", DECLARATION + b"<!-- > -->\n<?pi <x> ?>\n<!---->", b"\n\n", b"<!-- <MsgHead/> -->"),
    ],
)
def test_a_doctype_is_refused_wherever_it_may_stand(before: bytes) -> None:
    assert refused(before + DOCTYPE + head("")) is Kind.MALFORMED


@pytest.mark.parametrize("doctype", [b"<!DOCTYPE x>", b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x">', b"<!DOCTYPE\nx\n[\n]>"])
def test_any_doctype_is_refused_with_the_reason(doctype: bytes) -> None:
    with pytest.raises(Problem) as stopped:
        xml.parse(doctype + head(""), Limits())

    assert [f.en for f in stopped.value.findings] == ["The message has a DOCTYPE; health messages never do. Remove it."]


@pytest.mark.parametrize("elsewhere", [b"<!doctype x>", b"< !DOCTYPE x>", b"<MsgHead/><!DOCTYPE x>"])
def test_a_doctype_out_of_place_is_not_well_formed(elsewhere: bytes) -> None:
    assert refused(elsewhere + head("")) is Kind.MALFORMED


@pytest.mark.parametrize(
    "message",
    [
        b"<!-- <!DOCTYPE x> -->" + head(""),
        head("<!-- <!DOCTYPE x> -->"),
        head("<MsgInfo><MsgId><![CDATA[<!DOCTYPE x>]]></MsgId></MsgInfo>"),
        head("<MsgInfo><MsgId>&lt;!DOCTYPE x&gt;</MsgId></MsgInfo>"),
        b"<?pi <!DOCTYPE x> ?>" + head(""),
    ],
    ids=["a comment before", "a comment within", "CDATA", "a text", "an instruction"],
)
def test_what_only_speaks_of_a_doctype_comes_in(message: bytes) -> None:
    assert refused(message) is None


def test_an_entity_that_no_doctype_declares_is_not_well_formed() -> None:
    assert refused(head("<MsgInfo><MsgId>&x;</MsgId></MsgInfo>")) is Kind.MALFORMED


# ---- encodings -------------------------------------------------------------------------------------------------------


def said(message: bytes) -> tuple[str | None, list[str]]:
    root, findings = xml.parse(message, Limits())
    return root.findtext(".//{*}MsgId"), [finding.en for finding in findings]


TEXT = "<MsgInfo><MsgId>Ærlig Åse Ødegård</MsgId></MsgInfo>"


@pytest.mark.parametrize("start", [b"", DECLARATION, b"\xef\xbb\xbf", b"\xef\xbb\xbf" + DECLARATION, b"<?xml version='1.0'?>"])
def test_utf_8_is_read_with_or_without_its_mark_and_declaration(start: bytes) -> None:
    assert said(start + head(TEXT)) == ("Ærlig Åse Ødegård", [])


@pytest.mark.parametrize("name", ["iso-8859-1", "ISO-8859-1", "windows-1252", "iso-8859-15"])
def test_other_western_encodings_are_read_with_a_warning(name: str) -> None:
    message = f'<?xml version="1.0" encoding="{name}"?>'.encode() + head(TEXT.encode(name))

    assert said(message) == ("Ærlig Åse Ødegård", [f"The message is in {name.lower()}; it should be UTF-8."])


@pytest.mark.parametrize(
    "message",
    [
        head(TEXT.encode("iso-8859-1")),
        b'<?xml version="1.1" encoding="UTF-8"?>' + head(TEXT),
        b'<?xml version="1.0" encoding="UTF-7"?>' + head("+ADw-x/+AD4-"),
        b'<?xml version="1.0" encoding="IBM037"?>' + head(""),
        b'<?xml version="1.0" encoding="nonsense"?>' + head(""),
        f'<?xml version="1.0" encoding="UTF-16"?>{head(TEXT).decode()}'.encode("utf-16"),
        head(TEXT).decode().encode("utf-16-le"),
        head(TEXT).decode().encode("utf-16-be"),
        head(TEXT).decode().encode("utf-32"),
        b'<?xml version="1.0" encoding="UTF-16"?>' + head(""),
        head("<MsgInfo><MsgId>\x00</MsgId></MsgInfo>"),
        head("<MsgInfo><MsgId>&#0;</MsgId></MsgInfo>"),
        head(b"<MsgInfo><MsgId>\xff\xfe</MsgId></MsgInfo>"),
        head(b"<MsgInfo><MsgId>\xc0\x80</MsgId></MsgInfo>"),
        head(b"<MsgInfo><MsgId>\xed\xa0\x80</MsgId></MsgInfo>"),
        b"",
        b"MIME-Version: 1.0",
    ],
)
def test_what_cannot_be_read_surely_is_refused(message: bytes) -> None:
    assert refused(message) in (Kind.MALFORMED, Kind.UNSUPPORTED)


def test_a_text_that_a_comment_parts_comes_out_whole() -> None:
    assert said(head("<MsgInfo><MsgId>to<!-- x -->gether<?pi?></MsgId></MsgInfo>")) == ("together", [])


def test_the_place_of_a_fault_in_the_xml_is_told() -> None:
    with pytest.raises(Problem) as stopped:
        xml.parse(head("\n<a>\n</b>"), Limits())

    (finding,) = stopped.value.findings
    assert (finding.kind, finding.line, finding.rule) == (Kind.MALFORMED, 3, "XML 1.0")


def test_nothing_is_fetched_and_nothing_is_resolved() -> None:
    message = head('<x xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/hostname" parse="text"/></x>')

    root, _ = xml.parse(message, Limits())

    assert b"xi:include" in etree.tostring(root)
