"""What the service itself writes conforms to what it promises: of every case, every example message and every public sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapter.domain.problem import Finding
from adapter.r4.profiles import PROFILE, check_extensions, check_norwegian, check_profile
from mappings.resources import cancel
from tests import test_cases
from tests.laws import corpus

OF_TYPE = {"EpisodeOfCare": "pathway", "CarePlan": "pathway-plan", "ServiceRequest": "pathway-referral"}
EVERY = [*(("case", name) for name in test_cases.NAMES), *(("message", name) for name in corpus.TRANSLATED)]
every = pytest.mark.parametrize(("kind", "name"), EVERY)


def written(kind: str, name: str) -> list[dict[str, Any]]:
    return test_cases.outcome(name).resources if kind == "case" else corpus.resources(name)


def profile_of(resource: dict[str, Any]) -> str:
    """The profile that a resource of ours is to have, if any."""
    if resource["resourceType"] == "Task":
        return "assessment-task" if resource["code"]["coding"][0]["code"] == "assess-referral" else "duty-task"
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
    when = "2026-06-30T12:00:00+02:00"
    off = {
        "EpisodeOfCare": lambda r: cancel.episode(r, when),
        "CarePlan": cancel.care_plan,
        "Task": lambda r: cancel.task(r, when, "Kansellert"),
    }

    assert list(faults([off[r["resourceType"]](r) for r in written(kind, name) if r["resourceType"] in off])) == []


def test_all_five_kinds_were_written_somewhere() -> None:
    found = {profile_of(resource) for kind, name in EVERY for resource in written(kind, name)}

    assert found == {"pathway", "pathway-plan", "pathway-referral", "assessment-task", "duty-task", ""}
