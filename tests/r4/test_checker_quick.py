"""The law of the glance: what it accepts, the full check finds nothing wrong with."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapter.r4.checks import quick
from adapter.r4.checks.compiled import check_of
from adapter.r4.checks.resources import whole
from adapter.r4.definitions import Type, resource_types
from adapter.r4.json import Number, parse
from adapter.r4.norwegian import check_norwegian
from adapter.r4.profiles import check_extensions
from bench.tasks import task
from corpus import cases
from tests.national_numbers import make
from tests.r4.packages import Examples

CODING = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey", "display": "S"}
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
SMART = "http://fhir-registry.smarthealthit.org/StructureDefinition/capabilities"
SOUND: list[dict[str, Any]] = [
    task(1),
    {
        "resourceType": "Task",
        "meta": {"lastUpdated": "2026-11-02T09:15:32.123+01:00", "tag": [CODING]},
        "status": "accepted",
        "intent": "order",
        "extension": [{"url": "https://a.example/x", "valueBoolean": True}],
        "for": {"type": "Patient", "identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.1", "value": make(12, 3, 1985, "female")}},
        "executionPeriod": {"start": "2026-10-28", "end": "2026-11-02T09:00:00Z"},
        "input": [{"type": {"coding": [CODING]}, "valueReference": {"reference": "https://a.example/fhir/PractitionerRole/1"}}],
        "output": [{"type": {"text": "a"}, "valueQuantity": {"value": Number("1.50"), "unit": "h"}}],
    },
    {
        "resourceType": "EpisodeOfCare",
        "status": "active",
        "statusHistory": [{"status": "planned", "period": {"start": "2026-01-31", "end": "2026-02-28"}}],
        "patient": {"reference": "Patient/1"},
        "period": {"start": "2026"},
    },
    {
        "resourceType": "Observation",
        "status": "final",
        "category": [{"coding": [CODING]}],
        "code": {"coding": [{"system": "urn:oid:2.16.578.1.12.4.1.1.9322", "code": "M"}]},
        "effectiveDateTime": "2026-11-02",
        "valueCodeableConcept": {"text": "a"},
        "component": [{"code": {"text": "b"}, "valueInteger": 3}],
    },
    {
        "resourceType": "Patient",
        "identifier": [{"system": "urn:a", "value": "1"}],
        "active": True,
        "name": [{"family": "A", "given": ["B"]}],
        "telecom": [{"system": "phone", "value": "1"}],
        "birthDate": "1985-03-12",
    },
]
JUNK: list[Any] = [
    *(None, "", " ", "\t", "a b", " a", "a\n", "a\x00", "\x85", "\u00a0", "é", "#a", "urn:oid:1.02", "urn:uuid:A", "HNR"),
    *("2026-02-30", "2026-02-29", "2026-13", "0000", "2026-11-02T10:00:00", "2026-11-02T10:00:60Z", "2099-01-01", "24:00:00"),
    *("Location/1", "Patient/1", "Patient", "Patient?a=b", "http://a.example/Location/1", "entered-in-error", "urn:a", "1"),
    *("http://hl7.org/fhir/CodeSystem/task-code", "urn:oid:2.16.578.1.12.4.1.4.1", "https://stafett.invalid/fhir/x"),
    *("urn:ietf:rfc:3986", ABSENT, SMART, "journal", [{"system": "urn:ietf:rfc:3986", "value": "a"}]),
    *(0, -1, 2**31, 1.5, Number("1e2"), True, False, [], {}, [None], [""], [{}], ["a"], {"id": "a"}, {"text": "a"}, {"code": "a"}),
]


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Each place in a body: what holds it, and the key or index."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(pairs):
        yield node, key
        yield from places(value)


def nothing_wrong(resource: Any) -> bool:
    return not whole(resource, check_of) and not check_extensions(resource) and not check_norwegian(resource)


@pytest.mark.parametrize("resource", SOUND, ids=lambda resource: resource["resourceType"])
def test_an_ordinary_resource_is_accepted_at_a_glance(resource: dict[str, Any]) -> None:
    assert quick.accepts(resource)
    assert nothing_wrong(resource)


@settings(max_examples=800, deadline=None)
@given(st.sampled_from(SOUND), st.integers(0, 10_000), st.sampled_from(JUNK), st.sampled_from(["put", "add", "drop", "rename"]))
@example(SOUND[0], 0, None, "put")
def test_what_is_accepted_at_a_glance_stands_the_full_check(resource: dict[str, Any], at: int, junk: Any, how: str) -> None:
    changed = copy.deepcopy(resource)
    found = list(places(changed))
    holder, key = found[at % len(found)]
    if how == "put":
        holder[key] = junk
    elif how == "drop":
        del holder[key]
    elif how == "add" and isinstance(holder, list):
        holder.append(junk)
    elif isinstance(holder, dict):
        names = (
            "valueString",
            "value",
            "id",
            "extension",
            "_status",
            "foo",
            "start",
            "system",
            "type",
            "period",
            "period__",
            "code_",
        )
        holder[names[at % len(names)]] = junk if how == "add" else holder.pop(key)

    if quick.accepts(changed):
        assert nothing_wrong(changed)


def test_no_example_is_accepted_at_a_glance_that_the_full_check_refuses(r4_examples: Examples) -> None:
    types = (
        "Task",
        "EpisodeOfCare",
        "CarePlan",
        "Observation",
        "Patient",
        "Practitioner",
        "Organization",
        "Encounter",
        "Condition",
    )
    bodies = [parse(data) for _, data in r4_examples(*types)]
    plain = [{key: value for key, value in body.items() if key != "text"} for body in bodies]
    accepted = [body for body in plain if quick.accepts(body)]

    assert all(nothing_wrong(body) for body in accepted)
    assert len(accepted) > 40


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Patient", "communication": [{"preferred": True}]},  # without language, whose codes a glance does not know
        {"resourceType": "DocumentReference", "status": "current", "content": [{}]},  # without attachment
        {"resourceType": "DocumentReference", "status": "current", "content": [{"format": CODING}]},
        {"resourceType": "Patient", "identifier": [{"system": "journal", "value": "1"}]},
        {"resourceType": "Patient", "identifier": [{"system": "urn:ietf:rfc:3986", "value": "1"}]},
        {"resourceType": "Patient", "extension": [{"url": SMART, "valueBoolean": True}]},  # whose value is a code
        {"resourceType": "Patient", "extension": [{"url": ABSENT, "valueCode": "lost"}]},
        {"resourceType": "Patient", "name": [{"id": "a", "text": "A"}, {"id": "a", "text": "B"}]},
        {"resourceType": "Bundle", "type": "collection", "total": 1},  # bdl-1
        {"resourceType": "Bundle", "type": "document"},  # bdl-9 to bdl-11
    ],
)
def test_what_a_glance_would_not_know_is_left_to_the_full_check(body: dict[str, Any]) -> None:
    """Each lacks an element that its page has as 1..1 or 1..*, or breaks a rule of its page or of a datatype's."""
    assert not quick.accepts(body)
    assert whole(body, check_of)


def test_no_case_of_the_corpus_is_accepted_at_a_glance_with_any_part_of_it_left_out() -> None:
    bodies = [body for case in cases() if case.expected == "valid" and isinstance(body := parse(case.data), dict)]
    for body in bodies:
        for at in range(len(list(places(body)))):
            changed = copy.deepcopy(body)
            holder, key = list(places(changed))[at]
            del holder[key]
            if quick.accepts(changed):
                assert nothing_wrong(changed), changed


def test_every_type_can_be_glanced_at() -> None:
    assert [type for type in sorted(resource_types()) if quick.accepts({"resourceType": type, "id": "a b"})] == []


def test_many_threads_that_meet_a_type_first_have_its_struct_made_and_used_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """msgspec 0.22 ends the process where a struct is used while another thread uses it for the first time."""
    quick._made.cache_clear()
    struct, made, together = quick._struct, list[str](), Barrier(8)
    used: list[Any] = []

    def slow(type: Type, targets: tuple[str, ...]) -> Any:
        made.append(type.name)
        time.sleep(0.05)  # all are here now
        return struct(type, targets)

    def accept() -> bool:
        together.wait(10)
        return quick.accepts(task(1))

    really = msgspec.convert

    def convert(body: Any, type: Any) -> Any:
        used.append(body)
        return really(body, type=type)

    monkeypatch.setattr(quick, "_struct", slow)
    monkeypatch.setattr(msgspec, "convert", convert)
    with ThreadPoolExecutor(8) as threads:
        answers = [one.result() for one in [threads.submit(accept) for _ in range(8)]]

    assert answers == [True] * 8
    assert (made.count("Task"), used[0], len(used)) == (1, {}, 9)
