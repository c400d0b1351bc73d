"""Contained resources, Bundles and narratives: one thing wrong at a time, made by hand."""

from __future__ import annotations

import time
from typing import Any

import pytest

from adapter.domain.problem import Kind
from adapter.r4.checker import check


def found(resource: Any) -> list[tuple[str, str]]:
    """Place and rule; of a page its name."""
    return [(f.where, f.rule.removeprefix("https://hl7.org/fhir/R4/")) for f in check(resource)]


# --- contained


def holding(*contained: dict[str, Any], owner: str = "#o", **more: Any) -> dict[str, Any]:
    base = {"resourceType": "Task", "status": "requested", "intent": "order", "owner": {"reference": owner}}
    return {**base, "contained": list(contained), **more}


ORGANISATION = {"resourceType": "Organization", "id": "o", "name": "A"}


def test_a_contained_resource_is_referred_to_and_judged_like_any_other() -> None:
    assert found(holding(ORGANISATION)) == []
    assert found(holding({**ORGANISATION, "name": 1})) == [("Task.contained[0].name", "json.html#primitive")]
    assert found(holding({"resourceType": "Organization", "id": "o"})) == [("Task.contained[0]", "org-1")]


def test_a_reference_into_the_resource_is_judged_by_what_it_leads_to() -> None:
    place = {"resourceType": "Location", "id": "o"}
    assert found(holding(place)) == [("Task.owner", "references.html")]


def test_the_rules_of_contained_resources() -> None:
    """domainresource.html: dom-2 to dom-5; references.html: ref-1."""
    assert found(holding({**ORGANISATION, "contained": [ORGANISATION]})) == [("Task.contained[0].contained[0]", "dom-2")]
    assert found(holding(ORGANISATION, owner="Organization/1")) == [("Task.contained[0]", "dom-3")]
    assert found(holding(ORGANISATION, ORGANISATION)) == [("Task.contained[1]", "dom-3")]
    assert found(holding({**ORGANISATION, "meta": {"versionId": "1"}})) == [("Task.contained[0]", "dom-4")]
    assert found(holding({**ORGANISATION, "meta": {"security": [{"code": "R"}]}})) == [("Task.contained[0]", "dom-5")]
    assert ("Task.owner", "ref-1") in found(holding(ORGANISATION, owner="#x"))
    assert ("Task.contained[0].id", "references.html#contained") in found(holding({"resourceType": "Organization", "name": "A"}))


def test_what_refers_to_its_container_needs_no_other_reference() -> None:
    """domainresource.html, dom-3: a reference to `#` counts."""
    provenance = {
        "resourceType": "Provenance",
        "id": "p",
        "target": [{"reference": "#"}],
        "recorded": "2026-11-02T09:00:00Z",
        "agent": [{"who": {"display": "A"}}],
    }
    assert found(holding(provenance, owner="Organization/1")) == []


def test_a_canonical_may_be_the_reference_to_a_contained_resource() -> None:
    questions = {"resourceType": "Questionnaire", "id": "q", "status": "active"}
    answers = {"resourceType": "QuestionnaireResponse", "contained": [questions], "questionnaire": "#q", "status": "completed"}

    assert found(answers) == []


# --- Bundles

PATIENT = {"resourceType": "Patient", "id": "p"}
URL = "https://a.example/fhir/Patient/p"
POST = {"method": "POST", "url": "Patient"}


def bundle(type: str, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": type, "entry": list(entries), **more}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (bundle("collection", {"resource": PATIENT}, total=1), ("Bundle.total", "bdl-1")),
        (bundle("collection", {"resource": PATIENT, "search": {"mode": "match"}}), ("Bundle.entry[0].search", "bdl-2")),
        (bundle("transaction", {"resource": PATIENT}), ("Bundle.entry[0].request", "bdl-3")),
        (bundle("collection", {"resource": PATIENT, "request": POST}), ("Bundle.entry[0].request", "bdl-3")),
        (bundle("batch-response", {"resource": PATIENT}), ("Bundle.entry[0].response", "bdl-4")),
        (bundle("searchset", {"fullUrl": URL}), ("Bundle.entry[0]", "bdl-5")),
        (
            bundle("searchset", {"fullUrl": URL, "resource": PATIENT}, {"fullUrl": URL, "resource": PATIENT}),
            ("Bundle.entry[1].fullUrl", "bdl-7"),
        ),
        (bundle("searchset", {"fullUrl": URL + "/_history/1", "resource": PATIENT}), ("Bundle.entry[0].fullUrl", "bdl-8")),
        (bundle("message", {"resource": PATIENT}), ("Bundle.entry[0]", "bdl-12")),
        (
            bundle("searchset", {"fullUrl": "Patient/p", "resource": PATIENT}),
            ("Bundle.entry[0].fullUrl", "bundle.html#bundle-unique"),
        ),
        (
            bundle("searchset", {"fullUrl": URL + "2", "resource": PATIENT}),
            ("Bundle.entry[0].fullUrl", "bundle.html#bundle-unique"),
        ),
        (
            bundle("transaction", {"resource": PATIENT, "request": {"method": "FETCH", "url": "Patient"}}),
            ("Bundle.entry[0].request.method", "terminologies.html#required"),
        ),
        (bundle("collection", {"resource": {"resourceType": "Patient", "x": 1}}), ("Bundle.entry[0].resource.x", "json.html")),
        (bundle("collection", {"resource": {"id": "p"}}), ("Bundle.entry[0].resource", "json.html#resources")),
    ],
)
def test_a_bundle_keeps_its_rules(resource: dict[str, Any], expected: tuple[str, str]) -> None:
    assert found(resource) == [expected]


def test_a_document_has_identifier_timestamp_and_composition() -> None:
    assert found(bundle("document", {"resource": PATIENT})) == [
        ("Bundle.identifier", "bdl-9"),
        ("Bundle.timestamp", "bdl-10"),
        ("Bundle.entry[0]", "bdl-11"),
    ]


def test_a_history_may_name_a_resource_again_and_a_transaction_may_ask_which_is_meant() -> None:
    answered = {"request": {"method": "PUT", "url": "Patient/p"}, "response": {"status": "200"}}
    entry = {"fullUrl": URL, "resource": PATIENT, **answered}
    assert found(bundle("history", entry, entry)) == []

    task = {"resourceType": "Task", "status": "requested", "intent": "order", "for": {"reference": "Patient?identifier=urn:a|1"}}
    posted = {
        "fullUrl": "urn:uuid:0b0b1d5e-8c0a-4f5e-9d0c-7a6b5c4d3e2f",
        "resource": task,
        "request": {"method": "POST", "url": "Task"},
    }
    assert found(bundle("transaction", posted)) == []
    assert found(bundle("collection", {"resource": task})) == [
        ("Bundle.entry[0].resource.for.reference", "references.html#literal")
    ]


def test_a_reference_within_a_bundle_is_judged_by_the_entry_that_it_leads_to() -> None:
    urn = "urn:uuid:0b0b1d5e-8c0a-4f5e-9d0c-7a6b5c4d3e2f"
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "owner": {"reference": urn}}
    place = {"fullUrl": urn, "resource": {"resourceType": "Location"}}

    assert found(bundle("collection", place, {"resource": task})) == [("Bundle.entry[1].resource.owner", "references.html")]


# --- narratives

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


def told(inside: str, outside: str = f"<div {XHTML}>%s</div>") -> list[tuple[Kind, str]]:
    text = {"status": "generated", "div": outside.replace("%s", inside)}
    return [(f.kind, f.where) for f in check({"resourceType": "Patient", "text": text})]


@pytest.mark.parametrize(
    "inside",
    [
        "<p>A <b>b</b> &#160;&amp; c</p>",
        '<table class="x"><tr><td colspan="2" style="color: red">1</td></tr></table>',
        '<a href="https://a.example/x?y=1">x</a> <a href="#y">y</a> <a name="y">z</a> <a href="Patient/1">p</a>',
        '<img src="data:image/png;base64,iVBORw0KGgo=" alt=""/>',
        "<!-- laget av A -->a",
        '<p xml:lang="nb" lang="nb">a</p>',
        "<p>it's " + "=" * 200 + " isn't</p>",
    ],
)
def test_a_sound_narrative_is_let_be(inside: str) -> None:
    assert told(inside) == []


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        '<p onclick="x()">a</p>',
        '<a href="javascript:x()">a</a>',
        '<a href="&#9;java&#10;script:x()">a</a>',
        '<a href="JaVaScRiPt:x()">a</a>',
        '<a href="data:text/html;base64,AAAA">a</a>',
        '<img src="data:image/svg+xml;base64,AAAA" alt=""/>',
        '<img src="x" onerror="y()"/>',
        '<svg xmlns="http://www.w3.org/2000/svg"><text>a</text></svg>',
        '<p style="background: url(https://a.example/x)">a</p>',
        '<p style="background: u\\72l(x)">a</p>',
        '<p style="width: expression(x)">a</p>',
        "<iframe>a</iframe>",
        "<form>a</form>",
        "<style>p {color: red}</style>a",
        "<font>a</font>",
        "<ins>a</ins>",
        '<b xmlns="urn:a">a</b>',
        "  ",
        "",
    ],
)
def test_what_a_narrative_may_not_hold_is_refused(inside: str) -> None:
    """narrative.html, txt-1 and txt-2."""
    assert told(inside) == [(Kind.INVARIANT, "Patient.text.div")] * len(told(inside))
    assert told(inside)


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("<p>a", f"<div {XHTML}>%s</div>"),
        ("a&nbsp;b", f"<div {XHTML}>%s</div>"),
        ("&x;", f'<!DOCTYPE div [<!ENTITY x SYSTEM "file:///etc/passwd">]><div {XHTML}>%s</div>'),
        ("a", f"<!DOCTYPE div><div {XHTML}>%s</div>"),
        ("a", f"<?xml version='1.0'?><div {XHTML}>%s</div>"),
        ("<![CDATA[><img src='x'/>]]>a", f"<div {XHTML}>%s</div>"),
        ("<!--><img src='x'/>-->a", f"<div {XHTML}>%s</div>"),
        ("<p " + " ".join(f"a{n}='>'" for n in range(101)) + ">a</p>", f"<div {XHTML}>%s</div>"),
        ("a", "<div>%s</div>"),
        ("a", f"<p {XHTML}>%s</p>"),
        ("a", "%s"),
    ],
)
def test_what_is_no_narrative_at_all_is_a_fault_of_form(inside: str, outside: str) -> None:
    """What HTML would show and XML hides is refused with it."""
    assert (Kind.INVALID, "Patient.text.div") in told(inside, outside)


# --- bounds


@pytest.mark.parametrize(
    "changed",
    [
        {f"unknown{n}": 1 for n in range(50_000)},
        {"note": [None] * 200_000},
        {"input": [{"valuString": "a"}] * 50_000},
        {"text": {"status": "generated", "div": f"<div {XHTML}>" + "<!--" * 200_000}},
        {"text": {"status": "generated", "div": f"<div {XHTML}>" + "<u x=''/>" * 50_000 + "</div>"}},
        {"text": {"status": "generated", "div": f"<div {XHTML} " + " ".join(f"a{n}=''" for n in range(50_000)) + "/>"}},
        {"owner": {"reference": "http://" + "/Aaa" * 200_000}},
        {"contained": [{"resourceType": "Basic", "id": f"a{n}"} for n in range(10_000)]},
    ],
    ids=["members", "nulls", "objects", "comments", "elements", "attributes", "address", "contained"],
)
def test_a_crowd_of_faults_is_told_in_part_and_in_time(changed: dict[str, Any]) -> None:
    began = time.process_time()
    findings = check({"resourceType": "Task", "status": "requested", "intent": "order", **changed})

    assert len(findings) <= 501
    assert time.process_time() - began < 10


def test_nesting_beyond_measure_is_a_finding() -> None:
    extension: dict[str, Any] = {"url": "urn:a", "valueString": "a"}
    for _ in range(5_000):
        extension = {"url": "urn:a", "extension": [extension]}

    assert [f.kind for f in check({"resourceType": "Patient", "extension": [extension]})] == [Kind.MALFORMED]
