"""What the service itself writes conforms to what it promises: of every case, every example message and every public sample."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adapter.domain.pathway import fold
from adapter.domain.problem import Finding
from adapter.r4.profiles import PROFILE, check_extensions, check_norwegian, check_profile
from mappings.course import course_of
from mappings.resources import cancel, computed, event
from mappings.rules import national
from tests import test_cases
from tests.laws import corpus

LIMITS = {"deadline", "detox-to-treatment", "emergency-decision"}
OF_TYPE = {"EpisodeOfCare": "pathway", "CarePlan": "pathway-plan", "ServiceRequest": "pathway-referral"}
WHEN = datetime(2026, 12, 30, 12, tzinfo=UTC)
EVERY = [*(("case", name) for name in test_cases.NAMES), *(("message", name) for name in corpus.TRANSLATED)]
every = pytest.mark.parametrize(("kind", "name"), EVERY)


def written(kind: str, name: str) -> list[dict[str, Any]]:
    return test_cases.outcome(name).resources if kind == "case" else corpus.resources(name)


def profile_of(resource: dict[str, Any]) -> str:
    """The profile that a resource of ours is to have, if any."""
    if resource["resourceType"] == "Task":
        kind = resource["code"]["coding"][0]["code"]
        return "assessment-task" if kind == "assess-referral" else "deadline-task" if kind in LIMITS else "duty-task"
    if resource["resourceType"] == "Observation" and event.is_event(resource):
        return "pathway-event"
    return OF_TYPE.get(resource["resourceType"], "")


def faults(resources: list[dict[str, Any]]) -> Iterator[Finding]:
    for resource in resources:
        if name := profile_of(resource):
            yield from check_profile(resource, PROFILE + name)


@every
def test_what_is_written_has_its_profile(kind: str, name: str) -> None:
    assert list(faults(written(kind, name))) == []


@every
def test_extensions_and_identifiers_are_as_we_ask_of_others(kind: str, name: str) -> None:
    resources = written(kind, name)

    assert [f for r in resources for f in (*check_extensions(r), *check_norwegian(r))] == []


@every
def test_what_is_called_off_still_has_its_profile(kind: str, name: str) -> None:
    resources = {(r["resourceType"], r["id"]): r for r in written(kind, name)}
    episode = next((r for (type, _), r in resources.items() if type == "EpisodeOfCare"), None)
    if episode is None:
        return
    off = {key: cancel.task(r, WHEN.isoformat(), "Kansellert") if key[0] == "Task" else r for key, r in resources.items()}
    tasks, observations = ([r for (type, _), r in off.items() if type == wanted] for wanted in ("Task", "Observation"))
    course = course_of(episode, observations, tasks, None)
    version = next(e["valueString"] for e in episode["extension"] if e["url"].endswith("/rule-version"))
    rules = national().get(episode["type"][0]["coding"][0]["code"], version)
    state = fold(rules, course)
    ended = computed.resources(episode, off, rules, course, state, WHEN)

    assert list(faults(ended)) == []
    assert (state.status, {t["status"] for t in ended if t["resourceType"] == "Task"}) == ("cancelled", {"cancelled"})


def test_all_seven_kinds_were_written_somewhere() -> None:
    found = {profile_of(resource) for kind, name in EVERY for resource in written(kind, name)}

    assert found == {
        "pathway",
        "pathway-plan",
        "pathway-referral",
        "assessment-task",
        "duty-task",
        "deadline-task",
        "pathway-event",
        "",
    }
