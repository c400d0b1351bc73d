"""Where a part of a resource stands in the sender's text: lines and columns counted by hand."""

from __future__ import annotations

import doctest
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.problem import Finding, Kind, Problem
from adapter.r4 import document, xml
from adapter.r4.checker import check
from adapter.r4.document import Document, read, way

JSON = """{
  "resourceType" : "Patient",
  "active" : true, "name" : [{ "given" : ["å", null],
    "_given": [null, {"extension": [{"url": "u", "valueCode": "x"}]}] },
    {"family": "b"}],
  "_birthDate" : { "id": "c" },
  "deceasedBoolean": false,
  "contained": [{"resourceType": "Task", "statusReason": {}}]
}""".encode()

XML = """<?xml version="1.0" encoding="UTF-8"?>
<!-- <name> --><Patient xmlns="http://hl7.org/fhir">
  <contained><Task><statusReason><text value="æ>"/></statusReason></Task></contained>
  <active value="true"/><name><given value="å"/>
    <given>
      <extension url="u"><valueCode value="x"/></extension></given></name>
  <name><family value="b"/></name><birthDate id="c"/>
  <deceasedBoolean value="false"/>
</Patient>""".encode()

# FHIRPath -> (line, column) in JSON and in XML; a member of an object begins with its name, an element with its tag
PLACES = {
    "Patient": ((1, 1), (2, 16)),
    "Patient.active": ((3, 3), (4, 3)),
    "Patient.gender": ((1, 1), (2, 16)),  # missing: the place of what is around it
    "Patient.name": ((3, 20), (2, 16)),  # in XML a list has no element of its own
    "Patient.name[0]": ((3, 30), (4, 25)),
    "Patient.name[0].given[0]": ((3, 43), (4, 31)),
    "Patient.name[0].given[1]": ((3, 48), (5, 5)),
    "Patient.name[0].given[1].extension[0]": ((4, 37), (6, 7)),
    "Patient.name[0].given[1].extension[0].url": ((4, 38), (6, 7)),  # an attribute in XML
    "Patient.name[0].given[1].extension[0].value": ((4, 50), (6, 26)),
    "Patient.name[1].family": ((5, 6), (7, 9)),
    "Patient.name[1].given": ((5, 5), (7, 3)),
    "Patient.name[7].given": ((3, 20), (2, 16)),
    "Patient.birthDate": ((6, 3), (7, 35)),
    "Patient.deceased": ((7, 3), (8, 3)),
    "Patient.deceased.ofType(boolean)": ((7, 3), (8, 3)),
    "Patient.contained[0].status": ((8, 17), (3, 3)),  # not that of statusReason
    "Patient.contained[0].statusReason": ((8, 42), (3, 20)),
    "Patient.name.where(use='old')": ((3, 20), (2, 16)),
}


def place(sent: Document, where: str) -> tuple[int | None, int | None]:
    (finding,) = sent.located([Finding("error", Kind.VALUE, "Wrong.", "Galt.", where)])
    return finding.line, finding.column


@pytest.mark.parametrize("where", PLACES)
def test_a_part_of_a_resource_has_a_line_and_a_column(where: str) -> None:
    expected_json, expected_xml = PLACES[where]

    assert place(read(JSON), where) == expected_json
    if where != "Patient.name":
        assert place(read(XML, xml=True), where) == expected_xml


def test_many_places_in_a_large_text_are_found_in_one_pass() -> None:
    lines = b",\n".join(b'{"text":"' + b"x" * 5_000 + b'"}' for _ in range(1_000))
    sent = read(b'{"resourceType":"Task","note":[\n' + lines + b"]}")
    wanted = [Finding("error", Kind.VALUE, "", "", f"Task.note[{number}].text") for number in reversed(range(1_000))]
    began = time.monotonic()

    assert [(f.line, f.column) for f in sent.located(wanted)] == [(number + 2, 2) for number in reversed(range(1_000))]
    assert time.monotonic() - began < 10


def test_json_and_xml_say_the_same() -> None:
    without_text = json.loads(JSON)
    without_text["contained"][0]["statusReason"] = {"text": "æ>"}

    assert read(XML, xml=True).body == without_text


def test_all_else_of_a_finding_stays() -> None:
    finding = Finding("warning", Kind.VALUE, "Wrong.", "Galt.", "Patient.active", rule="x")

    assert read(JSON).located([finding]) == [Finding("warning", Kind.VALUE, "Wrong.", "Galt.", "Patient.active", 3, 3, "x")]


@pytest.mark.parametrize("where", ["", "http.id", "/MsgHead", "Task.status", "(odd)"])
def test_what_is_not_in_this_resource_gets_no_place(where: str) -> None:
    assert place(read(JSON), where) == (None, None)
    assert place(read(b"[1]"), where) == (None, None)


def test_a_place_that_is_known_already_stays() -> None:
    finding = Finding("error", Kind.VALUE, "", "", "Patient.active", 99, 9)

    assert read(JSON).located([finding]) == [finding]


def test_places_are_looked_for_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document.json_places, "begins", None)

    assert read(JSON).located([]) == []


@pytest.mark.parametrize("is_xml", [True, False])
def test_what_is_no_document_is_refused(is_xml: bool) -> None:
    with pytest.raises(Problem) as raised:
        read(b"<a" if is_xml else b"[1", xml=is_xml)

    assert [(f.kind, f.line) for f in raised.value.findings] == [(Kind.MALFORMED, 1)]


def test_a_byte_order_mark_in_xml_moves_nothing() -> None:
    assert place(read(b"\xef\xbb\xbf<Basic xmlns='http://hl7.org/fhir'><id value='a'/></Basic>", xml=True), "Basic.id") == (1, 36)


def test_every_place_of_a_document_is_that_of_its_name() -> None:
    patient = {name: value for name, value in json.loads(JSON).items() if name != "contained"}
    text = xml.encode({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]}).decode()

    for path, at in xml.places(text.encode()):
        names = [str(step).removeprefix("_") for step in path if isinstance(step, str)]
        assert text.startswith(f"<{names[-1] if names else 'Bundle'}", at)


cuts = st.tuples(
    st.integers(0, 700),
    st.integers(0, 12),
    st.sampled_from([b"", b"<", b">", b"/", b'"', b"{", b"}", b"[", b"null", b"a", b":", b"&", b"\xff", b"\\"]),
)


@given(st.booleans(), st.lists(cuts, min_size=1, max_size=4))
def test_whatever_is_sent_is_read_or_refused_and_each_finding_has_a_place(
    is_xml: bool, changes: list[tuple[int, int, bytes]]
) -> None:
    data = XML if is_xml else JSON
    for at, length, put in changes:
        data = data[:at] + put + data[at + length :]
    try:
        sent = read(data, xml=is_xml)
    except Problem:
        return

    for finding in sent.located(check(sent.body)):
        assert finding.line is not None or not isinstance(sent.body, dict), finding


def test_the_nearest_part_that_is_there_stands_for_the_rest() -> None:
    assert way({"resourceType": "Task", "input": [{}]}, "Task.input[0].value.coding[0].code") == ("input", 0)


def test_the_examples_of_the_documentation_hold() -> None:
    assert doctest.testmod(document).failed == 0
