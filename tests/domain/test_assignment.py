"""The life of an assignment: every pair of statuses and every actor beside the table it was made from (STAFETT_FACTS), and laws."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.assignment import (
    BY_OWNER,
    BY_REQUESTER,
    CODES,
    DRAFTED,
    IMMUTABLE,
    MOVES,
    NEW,
    OPEN,
    STATUSES,
    TERMINAL,
    Actor,
    changeable,
    needs,
    reachable,
    refusal,
)
from adapter.domain.problem import Kind

FROM = ("", *STATUSES)
ACTORS: tuple[Actor, ...] = get_args(Actor)
LETTERS = {"R": "requester", "O": "owner", "S": "service"}
PARTIES = [frozenset(some) for size in range(4) for some in combinations(ACTORS, size)]
EVERY_CODE = (*CODES, "koord1", "koord8")

# What the service's interface adds to the table.
ADDED = {
    ("", "draft", "requester"): set(NEW),
    ("accepted", "on-hold", "owner"): {"statusReason"},
    ("completed", "entered-in-error", "requester"): {"statusReason"},
}


@pytest.fixture(scope="session")
def machine(facts: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((facts / "task_state_machine.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="session")
def steps(machine: dict[str, Any]) -> dict[tuple[str, str, str], set[str]]:
    """(from, to, actor) -> what the step asks for, as the table has it and with what is added."""

    def each() -> Iterator[tuple[tuple[str, str, str], set[str]]]:
        for row in machine["transitions"]:
            ended = set(machine["terminal"])
            befores = [s for s in machine["states"] if s not in ended] if row["from"] == "*non-terminal" else [row["from"] or ""]
            for before, letter in product(befores, row["by"].split(",")):
                yield (before, row["to"], LETTERS[letter]), set(filter(None, row["requires"].split(",")))

    return {**dict(each()), **ADDED}


def test_the_statuses_are_those_of_the_table(machine: dict[str, Any]) -> None:
    assert (set(STATUSES), set(TERMINAL)) == (set(machine["states"]), set(machine["terminal"]))
    assert {*STATUSES, *machine["unused"]} == {  # R4's own value set, http://hl7.org/fhir/task-status
        *("draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress", "on-hold", "failed"),
        *("completed", "entered-in-error"),
    }


@pytest.mark.parametrize("code", EVERY_CODE)
@pytest.mark.parametrize("actor", ACTORS)
def test_each_actor_may_do_what_the_table_says_and_nothing_else(
    code: str, actor: Actor, steps: dict[tuple[str, str, str], set[str]]
) -> None:
    found = {
        (before, after)
        for before, after in product(FROM, STATUSES)
        if before != after and refusal(code, before, after, {actor}) is None
    }

    assert found == {(before, after) for before, after, by in steps if by == actor}


@pytest.mark.parametrize("code", CODES)
def test_each_step_asks_for_what_the_table_says(code: str, steps: dict[tuple[str, str, str], set[str]]) -> None:
    person = "output[assigned-coordinator]"
    naming = code in ("assign-coordinator", "handover-coordinator")
    wrong = {
        (before, after): (asked, found)
        for (before, after, _), asked in steps.items()
        if (found := set(needs(code, after, before))) != (asked if naming else asked - {person})
    }

    assert wrong == {}


def test_the_elements_are_whose_the_table_says(machine: dict[str, Any]) -> None:
    def names(key: str) -> set[str]:
        return {text.split(" ")[0].split("->")[0] for text in machine[key]}

    assert set(BY_OWNER) == names("owner_mutable")
    assert set(BY_REQUESTER) == names("requester_mutable") | {
        "statusReason",
        "lastModified",
    }  # a cancellation has a reason and a time
    assert set(IMMUTABLE) == names("immutable")


# --- laws, which need no table

statuses = st.sampled_from(FROM)
parties = st.sampled_from(PARTIES)


@given(statuses, st.sampled_from(STATUSES), parties)
def test_a_party_of_several_may_do_what_any_of_them_may(before: str, after: str, by: frozenset[Actor]) -> None:
    alone = [refusal("assign-coordinator", before, after, {actor}) for actor in by]

    assert (refusal("assign-coordinator", before, after, by) is None) == (before == after or None in alone)


@given(statuses, parties)
def test_a_status_reaches_itself_and_what_one_step_gives(before: str, by: frozenset[Actor]) -> None:
    assert reachable("abort", before, before, by)
    for after in STATUSES:
        if refusal("abort", before, after, by) is None:
            assert reachable("abort", before, after, by)


@given(statuses, statuses, statuses, parties)
def test_what_is_reached_in_two_stretches_is_reached(first: str, second: str, third: str, by: frozenset[Actor]) -> None:
    if reachable("koord8", first, second, by) and reachable("koord8", second, third, by):
        assert reachable("koord8", first, third, by)


@given(statuses, statuses, parties, parties)
def test_more_actors_reach_no_less(before: str, after: str, by: frozenset[Actor], others: frozenset[Actor]) -> None:
    if reachable("abort", before, after, by):
        assert reachable("abort", before, after, by | others)


@given(statuses, statuses, parties)
def test_what_is_reached_is_reached_by_some_legal_walk(before: str, after: str, by: frozenset[Actor]) -> None:
    reached, more = {before}, True
    while more:  # one step at a time, until nothing is new: the definition
        new = {to for at in reached for to in STATUSES if at != to and refusal("abort", at, to, by) is None} - reached
        reached, more = reached | new, bool(new)

    assert reachable("abort", before, after, by) == (after in reached)


def test_nothing_leaves_an_end_but_a_completion_that_was_a_mistake() -> None:
    left = {
        (before, after)
        for before, after in product(TERMINAL, STATUSES)
        if before != after and reachable("assign-coordinator", before, after, ACTORS)
    }

    assert left == {("completed", "entered-in-error")}


def test_every_status_comes_of_a_new_one_and_no_new_one_comes_of_any() -> None:
    both = {"requester", "owner"}

    assert all(reachable("assign-coordinator", "", status, both) for status in STATUSES)  # type: ignore[arg-type]
    assert not any(reachable("assign-coordinator", status, "", ACTORS) for status in STATUSES)
    assert all(any(reachable("abort", status, end, both) for end in TERMINAL) for status in OPEN)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", ["in-progress", "on-hold"])
def test_work_that_has_begun_is_never_cancelled(before: str) -> None:
    assert not reachable("assign-coordinator", before, "cancelled", ACTORS)


def test_a_draft_is_never_answered_by_its_owner_alone() -> None:
    assert [status for status in STATUSES if reachable("assign-coordinator", "draft", status, {"owner"})] == ["draft"]


# --- what a refusal says

ANY_TEXT = st.text(max_size=40) | st.sampled_from(["<script>alert(1)</script>", "ready", "Requested"])


def tame(status: str, instead: str) -> str:
    return status if status in FROM or status == "ready" else instead


@given(statuses | ANY_TEXT, st.sampled_from(STATUSES) | ANY_TEXT, parties)
def test_a_refusal_names_every_move_that_is_open_and_echoes_nothing_foreign(before: str, after: str, by: frozenset[Actor]) -> None:
    found = refusal("assign-coordinator", before, after, by)
    if found is None:
        return
    here = {to for to, who in MOVES.get(before, {}).items() if who & by}

    assert (found.severity, found.kind, found.where) == ("error", Kind.BUSINESS_RULE, "Task.status")
    for told, mark in ((found.en, "From there"), (found.nb, "Derfra")):
        moves = told.partition(mark)[2].partition(".")[0].replace(",", "").split()
        assert here == {word for word in moves if word in STATUSES}
        assert len(told) < 400
    # all that is foreign is told in the same words
    assert found == refusal("assign-coordinator", tame(before, "one"), tame(after, "other"), by)


@pytest.mark.parametrize(
    ("before", "after", "by", "instead"),
    [
        ("in-progress", "cancelled", "requester", "Send a Task with code abort whose focus is this one: the owner then ends it."),
        ("in-progress", "cancelled", "owner", "Use failed, with a statusReason."),
        ("accepted", "rejected", "owner", "It has been accepted: use failed or cancelled, with a statusReason."),
        ("in-progress", "rejected", "owner", "It has been accepted: use failed, with a statusReason."),
        ("requested", "completed", "owner", "Accept it first (accepted)."),
        ("requested", "accepted", "requester", "That move belongs to the owner."),
        ("draft", "accepted", "owner", "The requester sends it first (requested)."),
        ("rejected", "accepted", "owner", "It has ended: make a new Task for what is to be done now."),
        ("", "accepted", "owner", "A new one begins as draft or requested."),
        ("requested", "ready", "owner", "A Task of this kind has no such status."),
    ],
)
def test_a_refusal_says_what_to_do_instead(before: str, after: str, by: Actor, instead: str) -> None:
    found = refusal("assign-coordinator", before, after, {by})

    assert found
    assert found.en.endswith(instead)


def test_an_abort_task_is_not_told_to_be_aborted() -> None:
    found = refusal("abort", "in-progress", "cancelled", {"requester"})

    assert found
    assert "abort" not in found.en


# --- elements


def test_the_requester_adds_information_only_when_it_is_awaited() -> None:
    assert "input" not in changeable({"requester"}, "received")
    assert "input" in changeable({"requester"}, "received", "awaiting-information")
    assert "input" not in changeable({"owner"}, "received", "awaiting-information")


@given(st.sampled_from(STATUSES), parties)
def test_what_is_immutable_is_nobodys_to_change(status: str, by: frozenset[Actor]) -> None:
    assert changeable(by, status, "awaiting-information").isdisjoint(IMMUTABLE)


@given(st.sampled_from(sorted(TERMINAL)), parties)
def test_an_end_keeps_its_answer(status: str, by: frozenset[Actor]) -> None:
    assert changeable(by, status, "awaiting-information") <= {"status", "statusReason", "lastModified", "note"}


def test_a_draft_is_its_requesters_to_word() -> None:
    assert changeable({"requester"}, "draft") >= DRAFTED
    assert changeable({"owner"}, "draft").isdisjoint(DRAFTED - BY_OWNER)


def test_what_is_cancelled_as_a_draft_needs_no_reason_before_or_after() -> None:
    assert needs("assign-coordinator", "cancelled", "draft") == needs("assign-coordinator", "cancelled", "cancelled") == ()
    assert needs("assign-coordinator", "on-hold", "on-hold") == ("statusReason",)
