"""The rules between a Bundle's entries. Expectations are R4's own: http.html#trules, bundle.html#references."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.r4.bundle import (
    Step,
    condition,
    in_order,
    measured,
    references,
    renaming,
    rewritten,
    skeleton,
    steps,
    twice,
)

BASE = "https://a.example/fhir"
TYPES = {"Task", "Patient", "Binary"}
TASK = {"resourceType": "Task", "status": "requested", "intent": "order"}


def entry(method: str, url: str, resource: Any = None, **more: Any) -> dict[str, Any]:
    made = {"request": {"method": method, "url": url, **more.pop("request", {})}, **more}
    return made if resource is None else {**made, "resource": resource}


def read(*entries: dict[str, Any]) -> list[Step]:
    return steps({"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}, base=BASE, types=TYPES)


def kinds(step: Step) -> list[tuple[Kind, str]]:
    return [(fault.kind, fault.where) for fault in step.faults]


@pytest.mark.parametrize(
    ("method", "url", "parts", "criteria"),
    [
        ("GET", "Task/1", ("Task", "1"), ""),
        ("GET", "/Task/1", ("Task", "1"), ""),
        ("GET", f"{BASE}/Task/1", ("Task", "1"), ""),
        ("GET", "Task?status=requested&_count=1", ("Task",), "status=requested&_count=1"),
        ("GET", f"{BASE}/Task?status=requested", ("Task",), "status=requested"),
        ("GET", "Task/1/_history", ("Task", "1", "_history"), ""),
        ("GET", "Task/1/_history/2", ("Task", "1", "_history", "2"), ""),
        ("GET", "Task/_history?_count=1", ("Task", "_history"), "_count=1"),
    ],
)
def test_an_address_is_read_below_the_base(method: str, url: str, parts: tuple[str, ...], criteria: str) -> None:
    (step,) = read(entry(method, url))

    assert (step.parts, step.criteria, step.faults) == (parts, criteria, ())


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/fhir/Task/1",
        "http://169.254.169.254/latest/meta-data",
        f"{BASE}.evil.example/Task/1",
        "//evil.example/Task",
        "../../admin",
        "Task/../../admin",
        "Task/..",
        "Task/%2e%2e",
        "file:///etc/passwd",
        "Task/1 2",
        "Task/1/_history/2/3",
        "Task\\1",
        "Basic/1",
        "metadata",
    ],
)
def test_an_address_elsewhere_is_refused_where_it_stands(url: str) -> None:
    (step,) = read(entry("GET", url))

    assert kinds(step) == [(Kind.INVALID, "Bundle.entry[0].request.url")]


@pytest.mark.parametrize("url", ["ValueSet?name=severity", "CodeSystem/severity", "Task/$validate", "Patient/1/*", "$export"])
def test_what_is_offered_outside_a_bundle_alone_is_said_to_be(url: str) -> None:
    (step,) = read(entry("GET", url))

    (fault,) = step.faults
    assert ("ithin a Bundle" in fault.en, "by themselves" in fault.en) == (True, True)
    assert ("i en Bundle" in fault.nb or "I en Bundle" in fault.nb, "for seg" in fault.nb) == (True, True)


@pytest.mark.parametrize("url", ["", "/", BASE + "/"])
def test_a_bundle_within_a_bundle_is_refused(url: str) -> None:
    (step,) = read(entry("POST", url, {"resourceType": "Bundle", "type": "batch"}))

    assert kinds(step) == [(Kind.INVALID, "Bundle.entry[0].request.url")]


@pytest.mark.parametrize(
    ("method", "url", "resource", "kind", "where"),
    [
        ("DELETE", "Task/1", None, Kind.NOT_ALLOWED, "request.method"),
        ("HEAD", "Task/1", None, Kind.NOT_ALLOWED, "request.method"),
        ("POST", "Task", None, Kind.REQUIRED, "resource"),
        ("POST", "Task", {"resourceType": "Patient"}, Kind.INVALID, "resource"),
        ("POST", "Task?identifier=1", TASK, Kind.INVALID, "request.url"),
        ("POST", "Task/_search", TASK, Kind.INVALID, "request.url"),
        ("PUT", "Task", TASK, Kind.INVALID, "request.url"),
        ("PUT", "Task/1", TASK, Kind.INVALID, "resource.id"),
        ("PUT", "Task/1", {**TASK, "id": "2"}, Kind.INVALID, "resource.id"),
        ("PATCH", "Task/1", TASK, Kind.INVALID, "resource"),
        ("PATCH", "Task/1", {"resourceType": "Binary", "contentType": "text/plain", "data": ""}, Kind.INVALID, "resource"),
        (
            "PATCH",
            "Task/1",
            {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "*"},
            Kind.VALUE,
            "resource.data",
        ),
    ],
)
def test_method_address_and_resource_go_together(method: str, url: str, resource: Any, kind: Kind, where: str) -> None:
    (step,) = read(entry(method, url, resource))

    assert kinds(step) == [(kind, f"Bundle.entry[0].{where}")]


def test_a_patch_comes_in_a_binary() -> None:
    operations = [{"op": "replace", "path": "/status", "value": "accepted"}]
    data = b64encode(b'[{"op":"replace","path":"/status","value":"accepted"}]').decode()
    binary = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}

    (step,) = read(entry("PATCH", "Task/1", binary))

    assert (step.operations, step.resource, step.name) == (operations, None, "Task/1")


def test_a_transaction_deletes_then_posts_then_puts_and_patches_then_gets() -> None:
    asked = [Step(at, method) for at, method in enumerate(["GET", "PUT", "POST", "PATCH", "DELETE", "POST"])]

    assert [step.position for step in in_order(asked)] == [4, 2, 5, 1, 3, 0]


def test_what_resolves_to_the_same_resource_is_named_from_the_second_on() -> None:
    found = twice({0: "Task/1", 1: "Task/2", 2: "Task/1", 3: "Patient/1"})

    assert [(fault.kind, fault.where) for fault in found] == [(Kind.INVALID, "Bundle.entry[2]")]


def test_links_are_rewritten_in_contained_resources_extensions_and_the_narrative_and_nowhere_else() -> None:
    """R4: references, elements of type uri, url, oid, uuid, and href and src of the narrative; a string is no link."""
    mother, task = "urn:uuid:11111111-1111-4111-8111-111111111111", "urn:uuid:22222222-2222-4222-8222-222222222222"
    said = {
        "resourceType": "Task",
        "text": {"status": "generated", "div": f"<div><a href=\"{mother}\">{mother}</a><img src='{task}'/></div>"},
        "contained": [{"resourceType": "Task", "id": "c", "for": {"reference": mother}}],
        "extension": [
            {"url": mother, "valueReference": {"reference": mother}},
            {"url": "urn:x", "extension": [{"url": "y", "valueUri": task}]},
        ],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": mother}],
        "instantiatesUri": task,
        "description": mother,
        "for": {"reference": mother, "display": mother},
        "input": [{"valueAttachment": {"contentType": "text/html", "url": task}}],
    }

    made = rewritten(said, renaming({mother: "Patient/m", task: "Task/t"}, ""))

    assert made == {
        "resourceType": "Task",
        "text": {"status": "generated", "div": f"<div><a href=\"Patient/m\">{mother}</a><img src='Task/t'/></div>"},
        "contained": [{"resourceType": "Task", "id": "c", "for": {"reference": "Patient/m"}}],
        "extension": [
            {"url": mother, "valueReference": {"reference": "Patient/m"}},
            {"url": "urn:x", "extension": [{"url": "y", "valueUri": "Task/t"}]},
        ],
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": mother}],
        "instantiatesUri": "Task/t",
        "description": mother,
        "for": {"reference": "Patient/m", "display": mother},
        "input": [{"valueAttachment": {"contentType": "text/html", "url": "Task/t"}}],
    }


def test_a_relative_reference_is_read_from_the_root_of_its_entrys_address() -> None:
    """bundle.html#references: a relative reference within http://x/fhir/Task/1 is one to http://x/fhir/…"""
    names = {"http://x.example/fhir/Patient/9": "Patient/new"}

    assert renaming(names, "http://x.example/fhir/Task/1")("Patient/9") == "Patient/new"
    assert renaming(names, "http://y.example/fhir/Task/1")("Patient/9") == "Patient/9"
    assert renaming(names, "urn:uuid:1")("Patient/9") == "Patient/9"


def test_a_conditional_reference_is_known_by_its_question_mark() -> None:
    assert condition("Patient?identifier=urn:a|1") == ("Patient", "identifier=urn:a|1")
    assert [condition(said) for said in ("Patient/1", "#c", "Patient?", "http://x.example/Patient?a=1")] == [None] * 4


def test_references_are_found_with_their_places() -> None:
    node = {"for": {"reference": "a"}, "basedOn": [{"reference": "b"}], "activity": [{"reference": {"reference": "c"}}]}

    assert dict(references(node, "Task")) == {
        "Task.for.reference": "a",
        "Task.basedOn[0].reference": "b",
        "Task.activity[0].reference.reference": "c",
    }


@pytest.mark.parametrize(
    "bundle", [None, [], {}, TASK, {"resourceType": "Bundle"}, {"resourceType": "Bundle", "type": "collection"}]
)
def test_only_a_batch_or_a_transaction_is_carried_out(bundle: Any) -> None:
    with pytest.raises(Problem) as refused:
        measured(bundle, 10)

    assert refused.value.kind == Kind.INVALID


def test_a_bundle_of_too_many_entries_is_too_costly() -> None:
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{}] * 11}

    assert measured({**bundle, "entry": [{}] * 10}, 10) == "batch"
    with pytest.raises(Problem) as refused:
        measured(bundle, 10)
    assert refused.value.kind == Kind.TOO_COSTLY


def test_the_skeleton_of_a_bundle_has_all_but_its_resources() -> None:
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry("POST", "Task", TASK), 7]}

    assert skeleton(bundle) == {"resourceType": "Bundle", "type": "batch", "entry": [entry("POST", "Task"), 7]}
    assert skeleton({"entry": "?"}) == {"entry": "?"}
