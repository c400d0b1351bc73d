"""What holds of a team whatever happens to its assignments: any legal walk of several Tasks, in any mixture."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapter.domain.assignment import MOVES
from adapter.r4.checker import check
from mappings.resources import assignment, care_team
from tests.mappings.assigned import HOSPITAL, KARI, MUNICIPALITY, PATHWAY, Body, built, coordinator

FIRST = date(2026, 1, 5)
KINDS = ("assign-coordinator", "handover-coordinator", "assign-coordinator", "koord5", "abort")
ROLES = {HOSPITAL[0]: care_team.SPECIALIST, MUNICIPALITY[0]: care_team.MUNICIPAL}
Walked = list[tuple[Body | None, Body, date]]


@st.composite
def walks(draw: st.DrawFn) -> Walked:
    """Steps (before, after, day) of several Tasks of both roles: each Task moves as its life allows, days never go back."""
    tasks: list[Body] = []
    for number in range(draw(st.integers(1, 5))):
        owner = draw(st.sampled_from([HOSPITAL, MUNICIPALITY]))
        before = next((one for one in reversed(tasks) if one["owner"]["identifier"]["value"] == owner[0]), None)
        tasks.append(built(draw(st.sampled_from(KINDS)), number, owner=owner, previous=before))
        if before and draw(st.booleans()):
            tasks.append(built("release-coordinator", number, owner=owner, previous=before))
    steps: Walked = []
    stand: dict[str, Body | None] = {task["id"]: None for task in tasks}
    day = FIRST
    for _ in range(draw(st.integers(1, 16))):
        day += timedelta(days=draw(st.integers(0, 3)))
        task = draw(st.sampled_from(tasks))
        old = stand[task["id"]]
        moves = sorted(MOVES.get(old["status"] if old else "", {}))
        if moves:
            new = _moved(task, draw(st.sampled_from(moves)))
            steps.append((old, new, day))
            stand[task["id"]] = new
    return steps


def _moved(task: Body, status: str) -> Body:
    return {**task, "status": status, **(coordinator(KARI) if status == "completed" else {})}


def step(team: Body | None, before: Body | None, after: Body, on: date) -> Body | None:
    made = care_team.advance(
        team, pathway=PATHWAY, patient=after["for"], before=before, after=after, on=on, specialist=HOSPITAL[0]
    )  # fmt: skip
    return made or team


def walked(steps: Walked) -> Body | None:
    team = None
    for one in steps:
        team = step(team, *one)
    return team


def key(task: Body) -> str:
    return assignment.key_of(task).removeprefix("urn:uuid:")


def coordinators(team: Body | None, role: str) -> list[Body]:
    return [one for one in (team or {}).get("participant", []) if one["role"][0]["coding"][0]["code"] == role]


def rows(team: Body | None) -> Any:
    """The team but for what its contained resources are called."""
    ids = [(one["id"], one.get("extension")) for one in (team or {}).get("participant", [])]
    return ids, care_team.view(team or {}).get("participant")


@given(walks())
def test_a_role_has_one_coordinator_at_a_time_and_the_team_keeps_to_its_profile(steps: Walked) -> None:
    team = None
    for one in steps:
        team = step(team, *one)
        for role in ROLES.values():
            periods = [other["period"] for other in coordinators(team, role)]
            assert all(before.get("end", "9") <= after["start"] for before, after in pairwise(periods))
            assert all(period["start"] <= period.get("end", "9") for period in periods)
        assert team is None or check(team) == []


@given(walks())
def test_every_named_coordinator_came_of_a_completed_assignment_and_the_others_of_one_under_way(steps: Walked) -> None:
    stands = {key(after): after for _, after, _ in steps}
    for role in ROLES.values():
        for one in coordinators(walked(steps), role):
            task = stands[one["id"]]
            named = "reference" in one["member"]
            assert named == (task["status"] == "completed")
            assert ROLES[task["owner"]["identifier"]["value"]] == role
            assert task["status"] not in ("requested", "received", "rejected", "entered-in-error")


@given(walks())
def test_everyone_who_has_accepted_is_there_unless_it_was_a_mistake(steps: Walked) -> None:
    accepted = {key(after) for _, after, _ in steps if after["status"] == "accepted" and "assign" in assignment.code_of(after)}
    mistakes = {key(after) for _, after, _ in steps if after["status"] == "entered-in-error"}

    assert accepted - mistakes <= {one["id"] for one in (walked(steps) or {}).get("participant", [])}


@given(walks())
def test_the_same_step_twice_changes_nothing(steps: Walked) -> None:
    team = None
    for before, after, on in steps:
        team = step(team, before, after, on)
        assert step(team, before, after, on) is team
        assert step(team, None, after, on + timedelta(days=30)) is team


@given(walks())
def test_what_was_a_mistake_leaves_no_trace(steps: Walked) -> None:
    mistakes = {key(after) for _, after, _ in steps if after["status"] == "entered-in-error"}
    about = {key(after): after for _, after, _ in steps if _named(after) & mistakes and "release" in assignment.code_of(after)}
    others = [one for one in steps if key(one[1]) not in mistakes | set(about)]

    assert rows(walked([one for one in steps if key(one[1]) not in about])) == rows(walked(others))


def _named(task: Body) -> set[str]:
    """The assignments that a Task names as the one before."""
    return {one["valueReference"]["identifier"]["value"].removeprefix("urn:uuid:") for one in task.get("input", [])}


@given(walks())
def test_the_order_in_which_roles_are_read_does_not_matter(steps: Walked) -> None:
    by_role = [one for number in ROLES for one in steps if one[1]["owner"]["identifier"]["value"] == number]

    assert rows(walked(by_role)) == rows(walked(steps))


@given(walks())
def test_a_copy_looks_the_same(steps: Walked) -> None:
    team = walked(steps)

    if team:
        assert care_team.view(care_team.outward(team)) == care_team.view(team)
        assert check(care_team.outward(team)) == []


@given(walks())
def test_only_a_person_of_the_specialist_service_leads(steps: Walked) -> None:
    team = walked(steps) or {}
    open_ones = [
        one for one in coordinators(team, care_team.SPECIALIST) if "end" not in one["period"] and "reference" in one["member"]
    ]

    assert care_team.manager(team) == (KARI if open_ones else None)
