"""Assignments as Tasks: how they are made, what travels, and what holds of comparing them, whatever servers do."""

from __future__ import annotations

import json
import uuid
from datetime import date
from typing import Any, get_args

import pytest
from fhir.resources.R4B import get_fhir_model_class
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain import assignment as life
from adapter.domain.coordination import Asks
from adapter.r4.checker import check
from mappings import terms
from mappings.municipal_rules import followups
from mappings.resources import assignment, normal
from mappings.resources.elements import HPR
from mappings.resources.writer import SYSTEM, own
from tests.mappings.assigned import (
    DECISION,
    KARI,
    MUNICIPALITY,
    PATHWAY,
    ROLE,
    UNIT,
    Body,
    as_kept_elsewhere,
    built,
    coordinator,
    tasks,
)

MAY_TRAVEL = {
    **{"resourceType": None, "contained": None, "status": None, "intent": None, "priority": None, "description": None},
    **{"meta": {"profile", "security"}, "identifier": {"system", "value"}, "groupIdentifier": {"system", "value"}},
    **{"partOf": {"type", "reference", "identifier"}, "focus": {"type", "reference", "identifier"}, "for": {"type", "identifier"}},
    **{"statusReason": {"coding", "text"}, "businessStatus": {"coding", "text"}, "code": {"coding"}, "performerType": {"coding"}},
    **{"requester": {"type", "identifier", "display"}, "owner": {"type", "identifier", "display", "reference"}},
    **{"location": {"type", "identifier", "reference"}, "note": {"time", "text"}, "relevantHistory": {"identifier", "reference"}},
    **{"executionPeriod": {"start", "end"}, "restriction": {"period"}, "authoredOn": None},
    **{"input": {"type", "valueReference", "valueString"}, "output": {"type", "valueReference"}},
}
"""Every element that may leave, and what may be in it: typed here by hand from what the exchange needs."""
ABOUT_PEOPLE = {"PractitionerRole", "Practitioner", "Organization", "Location"}


# --- how they are made


def test_the_same_arguments_give_the_same_task_and_its_three_uuids_differ() -> None:
    task = built()
    entry = json.loads(assignment.share_bundle(assignment.outward(task)))["entry"][0]

    assert task == built()
    assert built(ordinal=2)["id"] != task["id"]
    ids = {task["id"], assignment.key_of(task).removeprefix("urn:uuid:"), entry["fullUrl"].removeprefix("urn:uuid:")}
    assert len({uuid.UUID(id) for id in ids}) == 3


@pytest.mark.parametrize("kind", [*life.CODES, *(f"koord{n}" for n in range(1, 9))])
def test_what_is_built_and_what_is_sent_of_it_keep_to_their_profiles(kind: str) -> None:
    before = built()
    focus = {"focus": {"type": "Task", "identifier": before["identifier"][0]}} if kind == "abort" else {}
    task = built(kind, decision=DECISION, previous=before, own_coordinator=KARI, **focus)

    for body in (task, assignment.outward(task), assignment.with_standing(task, "overdue")):
        assert check(body) == []
        get_fhir_model_class("Task").model_validate(body)
    assert assignment.code_of(task) == kind
    assert assignment.is_shared(task)
    assert (assignment.party(task, "owner"), assignment.pathway_of(task)) == (MUNICIPALITY[0], PATHWAY)


def test_the_decision_stays_with_the_task_and_is_not_sent() -> None:
    task = built(decision=DECISION)

    assert assignment.decision_of(task) == {
        "rule": "under-16",
        "who": "Helsestasjonen",
        "who-en": "The health centre",
        "nb": "Under 16 år.",
        "en": "Younger than 16.",
        "unknown": ["coordinator"],
        "confirm": True,
    }
    assert task["performerType"] == [own("coordinator-assignee", "unit")]
    assert "Helsestasjonen" not in json.dumps(assignment.outward(task), ensure_ascii=False)
    assert assignment.decision_of(built()) == {}


def test_it_is_no_time_limit_of_the_pathway() -> None:
    """A Task with `restriction.period.start` would be taken for one, and worked out anew (mappings.resources.task.key_of)."""
    assert built(due=date(2026, 6, 8))["restriction"] == {"period": {"end": "2026-06-08"}}


def test_our_own_view_of_it_comes_and_goes_without_touching_the_rest() -> None:
    task = built()
    late = assignment.with_standing(task, "overdue")

    assert (assignment.standing(task), assignment.standing(late)) == ("", "overdue")
    assert assignment.standing(assignment.with_standing(late, "delivery-failed")) == "delivery-failed"
    assert assignment.with_standing(late, "") == task
    assert assignment.with_standing(task, "") is task
    assert assignment.view(late) == assignment.view(task)
    assert assignment.outward(late) == assignment.outward(task)


def test_any_other_task_is_none_of_ours() -> None:
    for code in ({}, own("pathway-task", "deadline"), {"coding": [{"system": "https://x.example.org", "code": "abort"}]}, "abort"):
        assert not assignment.is_shared({"resourceType": "Task", "code": code})


def test_the_words_of_a_followup_are_those_of_the_rules() -> None:
    named = terms.displays(f"{SYSTEM}pathway-task") or {}

    assert {one.id: one.nb for one in followups()} == {code: nb for code, nb in named.items() if code.startswith("koord")}
    assert all(f"{one.nb}. ({one.en}.)" == built(one.id)["description"] for one in followups())


def test_the_code_list_of_who_is_asked_is_that_of_the_rules() -> None:
    assert set(terms.displays(f"{SYSTEM}coordinator-assignee") or ()) == set(get_args(Asks))


def test_what_is_compared_is_what_may_change_and_the_deadline() -> None:
    assert set(assignment.ELEMENTS) - {"restriction"} == (life.BY_OWNER | life.BY_REQUESTER) - {"lastModified"}
    assert not set(assignment.ELEMENTS) & life.IMMUTABLE


# --- what is sent


@given(tasks)
def test_nothing_is_sent_but_what_may_be(task: Body) -> None:
    sent = assignment.outward(task)

    assert set(sent) <= set(MAY_TRAVEL)
    for element, value in sent.items():
        for part in value if isinstance(value, list) else [value]:
            allowed = MAY_TRAVEL[element]
            assert allowed is None or set(part) <= allowed, element
    assert {one["resourceType"] for one in sent.get("contained", [])} <= ABOUT_PEOPLE


@given(tasks)
def test_before_acceptance_no_unit_is_named(task: Body) -> None:
    sent = json.dumps(assignment.outward({**task, "status": "received"}), ensure_ascii=False)

    assert UNIT["name"] not in sent
    assert "Location" not in sent


def test_names_of_a_task_that_others_made_wait_for_acceptance() -> None:
    ours = built()
    theirs = {**ours, "meta": {}, "requester": {**ours["requester"], "display": "Fjordheim DPS"}}

    def told(task: Body) -> list[str]:
        return [assignment.outward(task)[who].get("display", "") for who in ("requester", "owner")]

    assert told(ours) == ["Fjordheim sykehus HF", "Dalsbygda kommune"]
    assert told(theirs) == ["", ""]
    assert told({**theirs, "status": "accepted"}) == ["Fjordheim DPS", "Dalsbygda kommune"]


@given(tasks)
def test_the_bytes_of_a_creation_are_always_the_same(task: Body) -> None:
    sent = assignment.outward(task)
    shuffled = {key: sent[key] for key in sorted(sent, reverse=True)}
    bundle = json.loads(assignment.share_bundle(sent))

    assert assignment.share_bundle(sent) == assignment.share_bundle(shuffled)
    assert len(bundle["entry"]) == 1
    assert bundle["entry"][0]["request"] == {
        "method": "POST",
        "url": "Task",
        "ifNoneExist": f"identifier=urn:ietf:rfc:3986|{assignment.key_of(task)}",
    }


# --- how they are compared


@given(tasks)
def test_a_task_and_what_was_sent_of_it_look_the_same(task: Body) -> None:
    assert assignment.view(assignment.outward(task)) == assignment.view(task)


@given(tasks)
def test_what_servers_change_without_meaning_it_is_no_change(task: Body) -> None:
    sent = assignment.outward(task)

    assert assignment.view(as_kept_elsewhere(sent)) == assignment.view(sent)
    assert assignment.changed(assignment.view(as_kept_elsewhere(sent)), assignment.view(task)) == frozenset()


@given(tasks)
def test_a_view_survives_json(task: Body) -> None:
    said = assignment.view(task)

    assert json.loads(json.dumps(said)) == said


@given(tasks, tasks)
def test_what_is_laid_over_a_task_is_what_it_then_looks_like(ours: Body, theirs: Body) -> None:
    wanted = assignment.view(theirs)
    made = assignment.laid(ours, wanted)

    assert assignment.view(made) == wanted
    assert assignment.laid(made, wanted) is made
    same = set(ours) - set(assignment.ELEMENTS) - {"contained"}
    assert {key: made[key] for key in same} == {key: ours[key] for key in same}
    assert made is ours or [f for f in check(made) if "dom-" in f.rule] == []


@given(tasks, tasks, st.sets(st.sampled_from(assignment.ELEMENTS)))
def test_of_a_view_a_part_may_be_laid(ours: Body, theirs: Body, only: set[str]) -> None:
    made = assignment.laid(ours, assignment.view(theirs), only)

    untouched = set(assignment.ELEMENTS) - only
    assert {name: made.get(name) for name in untouched} == {name: ours.get(name) for name in untouched}


def test_what_is_not_shared_stays_where_something_is_laid() -> None:
    note = {"text": "Ring gjerne.", "authorString": "Psykolog Hansen"}
    journal = {"type": {"text": "Notat"}, "valueString": "x"}
    ours = {**built(), "note": [note], "output": [journal], "owner": {**built()["owner"], "display": "Helsestasjonen"}}

    made = assignment.laid(ours, assignment.view({**ours, "note": [note, {"text": "Takk."}], **coordinator(KARI)}))

    assert made["note"] == [note, {"text": "Takk."}]
    assert made["output"] == [journal, {"type": own("task-output", "assigned-coordinator"), "valueReference": KARI}]
    assert made["owner"] == ours["owner"]


def test_who_is_no_longer_referred_to_is_no_longer_contained() -> None:
    ours = {**built(), "status": "completed", **coordinator({"reference": "#r"}, ROLE)}

    made = assignment.laid(ours, assignment.view({**ours, **coordinator(KARI)}))

    assert "contained" not in made


def test_absent_is_empty_and_our_own_words_are_nobodys() -> None:
    task = built()
    empty = {**task, "note": [], "statusReason": {}, "businessStatus": own("business-status", "overdue"), "priority": ""}

    assert assignment.view(empty) == assignment.view(task)


def test_times_are_compared_as_they_are_written() -> None:
    """One moment in two texts: which of them a server keeps it says itself, and a deadline of a day is not one of an hour."""
    early, late = (
        {**built(), "restriction": {"period": {"end": end}}} for end in ("2026-06-08T09:00:00+02:00", "2026-06-08T07:00:00Z")
    )

    assert assignment.changed(assignment.view(early), assignment.view(late)) == {"restriction"}


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("status", "completed"),
        ("statusReason", {"text": "Flyttet"}),
        ("businessStatus", own("business-status", "awaiting-information")),
        ("priority", "urgent"),
        ("executionPeriod", {"start": "2026-06-02"}),
        ("owner", {"identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": "319900306"}}),
        ("location", {"identifier": {"system": "https://x.example.org", "value": "4"}}),
        ("note", [{"text": "Takk."}]),
        ("relevantHistory", [{"reference": "https://x.example.org/fhir/Provenance/1"}]),
        ("restriction", {"period": {"end": "2026-06-09"}}),
        ("input", [{"type": own("task-input", "further-information"), "valueString": "x"}]),
        ("output", [{"type": own("task-output", "assigned-coordinator"), "valueReference": KARI}]),
    ],
)
def test_every_shared_element_is_seen_to_change(element: str, value: Any) -> None:
    before = {**built(), "status": "accepted"}

    assert assignment.changed(assignment.view(before), assignment.view({**before, element: value})) == {element}


def test_a_link_within_a_partners_server_can_be_made_one_for_all() -> None:
    theirs = {**built(), "status": "completed", **coordinator({"reference": "PractitionerRole/7"})}
    shown = [
        assignment.view(one)["output"][0]["valueReference"] for one in (theirs, normal.absolute(theirs, "https://x.example.org/r4"))
    ]

    assert shown == [
        {"type": "PractitionerRole"},
        {"type": "PractitionerRole", "reference": "https://x.example.org/r4/PractitionerRole/7"},
    ]


def test_the_order_of_an_objects_members_means_nothing() -> None:
    assert normal.order({"family": "K", "given": ["Kari"]}) == normal.order({"given": ["Kari"], "family": "K"})


def test_contained_resources_that_refer_to_one_another_end() -> None:
    ring = [
        {"resourceType": "PractitionerRole", "id": id, "practitioner": {"reference": f"#{to}"}} for id, to in ("ab", "ba", "cc")
    ]

    shown = assignment.view({**built(), **coordinator({"reference": "#a"}, *ring)})["output"][0]["valueReference"]

    assert shown == {
        "resource": {"resourceType": "PractitionerRole", "practitioner": {"resource": {"resourceType": "PractitionerRole"}}}
    }


KEYS = [
    "coding",
    "system",
    "code",
    "identifier",
    "value",
    "reference",
    "valueReference",
    "type",
    "id",
    "resourceType",
    "text",
    "url",
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["#a", "a", HPR]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@given(tasks, st.dictionaries(st.sampled_from(sorted({*MAY_TRAVEL, "extension"})), json_values, max_size=5))
def test_whatever_a_partner_has_written_is_read_without_a_fault(task: Body, wild: Body) -> None:
    theirs = {**task, **wild, "resourceType": "Task"}

    said = assignment.view(theirs)
    assignment.laid(task, said)
    assert assignment.view(assignment.outward(theirs)) == said
    for read in (assignment.code_of, assignment.key_of, assignment.pathway_of, assignment.standing, assignment.decision_of):
        read(theirs)
