"""The checker of messages, held against the official schemas: both find a fault, or neither does.

Every message there is (public samples, the project's examples, the maximal ones) is changed at one place in every way that
`mutations` knows; the XSDs judge what is right. Where the two may differ is listed, with the reason.
"""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from adapter.domain.problem import Finding, Kind
from mappings.messages import xml
from mappings.messages.tree import Tree, path_of, schema
from mappings.messages.xml import Limits
from tests.laws.corpus import OURS, PUBLIC, shared_translator
from tests.laws.corpus import path_of as file_of
from tests.mappings.maximal import FORMATS, messages
from tests.mappings.mutations import MUTATIONS, below, duplicate, swap
from tests.xsd import faults, needs_standards, schema_of

pytestmark = pytest.mark.slow

DIFFERENCES = {
    r"is not a valid value of the atomic type 'xs:anyURI'": "any text is an anyURI; the judge has rules of its own",
    r"is not a valid value of the atomic type 'xs:base64Binary'": "judged where it is decoded: kept as text, and said",
    r"'\S+ ' is not a valid value of the atomic type 'xs:date(Time)?'": "XSD collapses blanks; the judge leaves those behind",
}
KNOWN_CONTENT = {
    "{http://ehelse.no/xmlstds/henvisning/2017-11-30}Henvisning",
    "{http://www.kith.no/xmlstds/base64container}Base64Container",
}
MESSAGES = [(name, file_of(name).read_bytes()) for name in (*OURS, *PUBLIC)]
SIGNATURE = b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"></Signature>'  # what is in one is not looked at
MESSAGES += [
    (f"{name}, branch {n}", message.replace(SIGNATURE, b"")) for name in FORMATS for n, message in enumerate(messages(name))
]
CHANGED = [(name, data) for name, data in MESSAGES if len(data) < 60_000]  # an attachment takes time and holds one element

any_message = st.sampled_from(CHANGED)
chances = st.integers(0, 2**32).map(Random)
bounded = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def checked(data: bytes, name: str = "") -> Tree:
    root, _ = xml.parse(data, Limits())
    return Tree(root, schema(name or schema_of(data)).type, Limits())


right_message = st.sampled_from([entry for entry in CHANGED if not checked(entry[1]).findings])


def changed(data: bytes, mutation: str, chance: Random) -> bytes:
    root = etree.fromstring(data)
    MUTATIONS[mutation](root, chance)
    return etree.tostring(root)


def foreign(data: bytes) -> bool:
    """Whether a Content holds what no table describes: it is kept whole, unjudged, since what may stand there has no end."""
    held = {child.tag for content in etree.fromstring(data).iter("{*}Content") for child in content.iterchildren("*")}
    return not held <= KNOWN_CONTENT


def official(data: bytes) -> list[str]:
    return [fault for fault in faults(schema_of(data), data) if not any(re.search(pattern, fault) for pattern in DIFFERENCES)]


@needs_standards
@pytest.mark.parametrize("name", [name for name, _ in MESSAGES])
def test_a_message_as_it_is_has_a_fault_where_the_official_schema_has_one(name: str) -> None:
    data = dict(MESSAGES)[name]

    assert bool(checked(data).findings) == bool(official(data))


@needs_standards
@pytest.mark.parametrize("mutation", MUTATIONS)
@bounded
@given(message=any_message, chance=chances)
def test_a_changed_message_has_a_fault_where_the_official_schema_has_one(
    mutation: str, message: tuple[str, bytes], chance: Random
) -> None:
    data = changed(message[1], mutation, chance)
    assume(not foreign(data))

    assert (bool(checked(data).findings), official(data)) == (bool(official(data)), official(data))


@needs_standards
@pytest.mark.parametrize("mutation", ["drop", "duplicate", "swap", "rename", "text", "value", "add_attribute"])
def test_the_changes_do_break_messages(mutation: str) -> None:
    """Else the test above would prove nothing."""
    chance = Random(1)
    broken = [bool(official(changed(chance.choice(CHANGED)[1], mutation, chance))) for _ in range(60)]

    assert any(broken)


def spread(data: bytes) -> bytes:
    """The message with one element on each line, so that a line names an element."""
    root = etree.fromstring(data, etree.XMLParser(remove_blank_text=True, remove_comments=True))
    etree.indent(root, "")
    return etree.tostring(root)


@bounded
@given(message=right_message, chance=chances)
def test_a_missing_element_is_named_at_what_lacks_it(message: tuple[str, bytes], chance: Random) -> None:
    root = etree.fromstring(message[1], etree.XMLParser(remove_comments=True))
    gone, parent = chance.choice(below(root))
    name, holder, after = etree.QName(gone).localname, etree.QName(parent).localname, gone.getnext()
    parent.remove(gone)

    found = [(finding.where, finding.en) for finding in checked(etree.tostring(root)).findings]

    there = len(found) == 1 and found[0][0] == path_of(parent) and f"<{name}>" in found[0][1].removeprefix(f"<{holder}>: ")
    cannot_follow = after is not None and [where for where, _ in found] == [path_of(after)]
    assert found == [] or there or cannot_follow


@needs_standards
@pytest.mark.parametrize("change", [duplicate, swap])
@bounded
@given(message=right_message, chance=chances)
def test_a_misplaced_element_is_named_where_the_official_schema_names_it(
    change: object, message: tuple[str, bytes], chance: Random
) -> None:
    root = etree.fromstring(spread(message[1]))
    change(root, chance)  # type: ignore[operator]
    data = spread(etree.tostring(root))

    lines = [finding.line for finding in checked(data).findings]

    assert lines[:1] == [int(fault.split(":")[0]) for fault in official(data)][:1]


HEAD = '<MsgHead xmlns="http://www.kith.no/xmlstds/msghead/2006-05-24">'


def test_each_fault_says_what_is_wrong_where_and_in_both_languages() -> None:
    data = f"""{HEAD}
 <MsgInfo>
  <Type V="HENVISNING" X="1"/>
  <MIGversion>v1.2 2006-05-24</MIGversion>
  <GenDate>2026-02-30T10:00:00</GenDate>
  <MsgId>11111111-2222-4333-8444-555555555555</MsgId>
  <Novelty/>
  <Receiver/>
  <Sender>ved siden av<Organisation><OrganisationName>Sentrum legekontor</OrganisationName></Organisation></Sender>
 </MsgInfo>
</MsgHead>""".encode()

    def fault(line: int, where: str, en: str, nb: str) -> Finding:
        return Finding("warning", Kind.INVALID, en, nb, f"/MsgHead{where}", line, None, "XSD")

    assert checked(data, "henvisning-2.0").findings == [
        fault(3, "/MsgInfo/Type", "<Type>: @X is not in the schema.", "<Type>: @X finnes ikke i skjemaet."),
        fault(
            5,
            "/MsgInfo/GenDate",
            "<GenDate>: the text is not of the type that the schema asks for.",
            "<GenDate>: teksten har feil datatype.",
        ),
        fault(7, "/MsgInfo/Novelty", "<Novelty>: the schema does not know it here.", "<Novelty>: skjemaet kjenner det ikke her."),
        fault(8, "/MsgInfo/Receiver", "<Receiver>: <Organisation> is missing.", "<Receiver>: <Organisation> mangler."),
        fault(
            9,
            "/MsgInfo/Sender/Organisation",
            "<Organisation>: <Ident> is missing.",
            "<Organisation>: <Ident> mangler.",
        ),
        fault(9, "/MsgInfo/Sender", "<Sender>: text is not allowed in it.", "<Sender>: det er ikke lov med tekst i det."),
        fault(
            8,
            "/MsgInfo/Receiver",
            "<Receiver>: not allowed here: it is too many or in the wrong place.",
            "<Receiver>: ikke lov her: det er ett for mye eller på feil plass.",
        ),
        fault(
            1,
            "",
            "<MsgHead>: <Document> or <PatientReport> is missing.",
            "<MsgHead>: <Document> eller <PatientReport> mangler.",
        ),
    ]


def test_a_long_number_that_is_no_oid_is_seen_at_once() -> None:
    """A pattern that tries every way to part the digits would take years."""
    data = f"""{HEAD}<MsgInfo><Type V="1"/><Sender><Organisation><Ident><TypeId V="HER" S="{"1" * 5000}x"/></Ident></Organisation>
</Sender></MsgInfo></MsgHead>""".encode()

    assert "<TypeId>: @S is not of the type that the schema asks for." in [f.en for f in checked(data, "henvisning-2.0").findings]


def test_a_signature_may_hold_what_it_likes() -> None:
    data = messages("henvisning-2.0")[0]
    inside = b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#" Id="s"><SignedInfo>x</SignedInfo></Signature>'
    signed = data.replace(SIGNATURE, inside)

    assert signed != data
    assert checked(signed).findings == []
    assert checked(signed).strange == []


def test_what_the_schema_does_not_know_is_a_fault_that_strict_mode_refuses() -> None:
    message = file_of("adult-depression-anxiety.xml").read_bytes()
    changes = [b"<MsgInfo><Nytt/>", b"<MsgInfo>tekst", b"<MsgInfo nytt='1'>"]

    faults = [shared_translator().read(message.replace(b"<MsgInfo>", change, 1)).case.faults for change in changes]

    assert [[fault.en for fault in found] for found in faults] == [
        ["<Nytt>: the schema does not know it here."],
        ["<MsgInfo>: text is not allowed in it."],
        ["<MsgInfo>: @nytt is not in the schema."],
    ]
