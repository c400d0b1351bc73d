"""The explanation: every value of the record knows its source, every part of the message its fate, and nothing is dropped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from adapter.domain.problem import Finding, Kind, Problem
from mappings.messages.tree import path_of
from tests.laws.corpus import OURS, PUBLIC, REFUSED_SAMPLE, entries, nodes
from tests.laws.corpus import path_of as file_of
from tests.laws.corpus import translated as corpus
from tests.mappings.maximal import FORMATS, messages
from tests.mappings.test_every_element import translated

TRANSLATED = [*OURS, *(name for name in PUBLIC if name != REFUSED_SAMPLE)]
every = pytest.mark.parametrize("name", TRANSLATED)
UNEXPLAINED = re.compile(r"resourceType|id|meta\.source")  # the resource's identity, and the message itself


def parsed(name: str) -> etree._Element:
    return etree.fromstring(file_of(name).read_bytes(), etree.XMLParser(huge_tree=True, remove_comments=True, remove_pis=True))


@every
def test_every_value_of_the_record_is_explained_at_it_or_above_it(name: str) -> None:
    explained = {row["path"] for row in corpus(name).explanation["elements"]}
    without = [
        (entry.resource["resourceType"], path)
        for number, entry in enumerate(entries(name))
        for path, value in nodes(entry.resource)
        if not isinstance(value, dict | list) and not UNEXPLAINED.fullmatch(path)
        if not any(f"Bundle.entry[{number}].resource.{above}" in explained for above in ancestors(path))
    ]

    assert without == []


def ancestors(path: str) -> Iterator[str]:
    """The path itself, and each element above it within the resource."""
    while path:
        yield path
        path = re.sub(r"(\.?[^.\[\]]+|\[\d+\])$", "", path)


@every
def test_every_element_of_the_message_has_one_fate(name: str) -> None:
    told = Counter(row["xpath"] for row in corpus(name).explanation["nodes"])

    assert told == Counter(path_of(element) for element in parsed(name).iter("*"))


@every
def test_raw_and_line_are_those_of_the_node(name: str) -> None:
    there = {path_of(element): element for element in parsed(name).iter("*")}
    wrong = [
        row
        for row in corpus(name).explanation["elements"]
        if row["xpath"] and (row["line"], row["raw"]) != (there[row["xpath"]].sourceline, raw(there[row["xpath"]]))
    ]

    assert wrong == []


def raw(element: etree._Element) -> str:
    if element.attrib:
        return " ".join(f'{key}="{value}"' for key, value in element.items())
    text = element.text or ""
    return text if len(text) <= 200 else text[:200] + "…"


@every
def test_an_element_made_of_a_node_is_listed_at_the_node_too(name: str) -> None:
    explanation = corpus(name).explanation
    made = {(row["xpath"], row["path"]) for row in explanation["elements"] if row["xpath"]}

    assert made == {(row["xpath"], path) for row in explanation["nodes"] for path in row["elements"]}


# ---- what cannot be mapped -------------------------------------------------------------------------------------------

ADULT = "adult-depression-anxiety.xml"
IMPOSSIBLE = [
    ("Henvisning/IssueDate", "2026-02-30T10:00:00"),
    ("Consent/ConsentDate", "2026-02-30"),
    ("Patient/DateOfBirth", "1985-13-12"),
    ("InfItem/StartDateTime", "2026-02-29"),
    ("InfItem/EndDateTime", "snart"),
]


def changed(message: bytes, where: str, value: str) -> tuple[bytes, str]:
    """The message with another text at the first such element, and the element's path."""
    root = etree.fromstring(message)
    parent, name = where.split("/")
    element = next(e for e in root.iter(f"{{*}}{name}") if etree.QName(e.getparent()).localname == parent)
    element.text = value
    return etree.tostring(root), path_of(element)


@pytest.mark.parametrize(("where", "value"), IMPOSSIBLE)
def test_a_value_that_is_none_is_told_and_not_mapped(where: str, value: str) -> None:
    message, xpath = changed(messages("henvisning-2.0")[0], where, value)

    translation = translated(message)

    fates = [(row["fate"], row["elements"]) for row in translation.explanation()["nodes"] if row["xpath"] == xpath]
    assert fates == [("not-understood", [])]
    assert {finding.kind for finding in translation.findings if finding.where == xpath} == {Kind.INVALID, Kind.NOT_UNDERSTOOD}
    assert value not in translation.bundle().decode()


def test_a_number_that_is_none_is_told_and_not_mapped() -> None:
    message = messages("henvisning-2.0")[3].replace(b'V="2.50"', b'V="to og en halv"')

    translation = translated(message)

    told = {f.where.rpartition("/")[2] for f in translation.findings if f.kind == Kind.NOT_UNDERSTOOD}
    assert "NumResultValue" in told
    assert "to og en halv" not in translation.bundle().decode()


def test_unknown_elements_attributes_and_stray_text_are_told() -> None:
    example = file_of(ADULT).read_bytes()
    message = example.replace(b"<IssueDate>", b"<Nytt><Inni>1</Inni></Nytt><IssueDate ny='1'>", 1).replace(
        b"<MsgInfo>", b"<MsgInfo>ved siden av", 1
    )
    line = message[: message.index(b"<Nytt>")].count(b"\n") + 1
    info = message[: message.index(b"<MsgInfo>")].count(b"\n") + 1
    within = "/MsgHead/Document/RefDoc/Content/Henvisning"

    translation = translated(message)

    rows = [row for row in translation.explanation()["nodes"] if row["fate"] == "not-understood"]
    reason = "neither the schema nor a mapping knows it"
    assert rows == [
        {"xpath": xpath, "line": at, "fate": "not-understood", "reason": reason, "elements": []}
        for xpath, at in (("/MsgHead/MsgInfo/text()", info), (f"{within}/IssueDate/@ny", line), (f"{within}/Nytt", line))
    ]
    told = [f for f in translation.findings if f.kind == Kind.NOT_UNDERSTOOD]
    assert sorted(told, key=lambda f: (f.line or 0, f.where)) == [
        Finding(
            "warning",
            Kind.NOT_UNDERSTOOD,
            "This part of the message is not understood and is not in the FHIR resources.",
            "Denne delen av meldingen er ikke forstått og er ikke med i FHIR-ressursene.",
            row["xpath"],
            row["line"],
        )
        for row in rows
    ]


STRANGE = "zq9zq"
SAID_BY_THE_CODE = {("Ident", "TypeId", "OT")}  # an identifier's type beside its code


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_strange_value_anywhere_is_kept_or_told(name: str) -> None:
    """At every leaf of the schema in turn: the value is in the record, or a finding says that it is not."""
    seen: set[tuple[str, str, str]] = set()
    dropped = []
    for message in messages(name)[:8]:
        root = etree.fromstring(message)
        for element, attribute in leaves(root):
            place = (etree.QName(element.getparent()).localname, etree.QName(element).localname, attribute)
            if place in seen | SAID_BY_THE_CODE:
                continue
            seen.add(place)
            if (said := put(element, attribute, STRANGE)) is None:
                continue
            if not kept_or_told(etree.tostring(root), path_of(element)):
                dropped.append(place)
            put(element, attribute, said)

    assert len(seen) > 100
    assert dropped == []


def leaves(root: etree._Element) -> Iterator[tuple[etree._Element, str]]:
    """Every place that says something: a text, a code or value (@V), an original text (@OT). Names of codes are the code's."""
    for element in root.iter("*"):
        if not len(element) and not element.attrib:
            yield element, ""
        for attribute in ("V", "OT"):
            if attribute in element.attrib:
                yield element, attribute


def put(element: etree._Element, attribute: str, value: str) -> str | None:
    """Say something else there; gives what was said, nothing where nothing was."""
    before = element.get(attribute) if attribute else element.text
    if before and attribute:
        element.set(attribute, value)
    elif before:
        element.text = value
    return before


def kept_or_told(message: bytes, xpath: str) -> bool:
    try:
        translation = translated(message)
    except (Problem, AssertionError):  # refused: told in the answer
        return True
    findings: list[Any] = [f for f in translation.findings if f.where == xpath and f.kind != Kind.UNKNOWN_CODE]
    fate = next(row for row in translation.explanation()["nodes"] if row["xpath"] == xpath)
    return STRANGE in translation.bundle().decode() or bool(findings) or fate["fate"] == "not-used"
