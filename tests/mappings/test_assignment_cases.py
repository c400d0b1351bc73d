"""What another server gets of a Task, in cases written by hand: each with its reasons in why.md."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.r4.checker import check
from mappings.resources import assignment, care_team
from tests.mappings.assigned import DECISION, HOSPITAL, KARI, PATHWAY, ROLE, built, coordinator
from tests.official import Validate, official
from tests.profiles import lay_definitions

__all__ = ["official"]

CASES = sorted((Path(__file__).parent / "assignments").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_task_leaves_as_its_case_says(case: Path) -> None:
    task, expected = (json.loads((case / f"{name}.json").read_text("utf-8")) for name in ("task", "outward"))

    sent = assignment.outward(task)

    assert sent == expected
    assert check(sent) == []
    assert assignment.view(sent) == assignment.view(task)
    get_fhir_model_class("Task").model_validate(sent)


def test_every_case_says_why() -> None:
    assert [case.name for case in CASES if len((case / "why.md").read_text("utf-8")) < 200] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_official_validator_has_nothing_against_what_we_keep_and_send(official: Validate, tmp_path: Path) -> None:
    definitions, written = tmp_path / "definitions", tmp_path / "written"
    definitions.mkdir()
    written.mkdir()
    task = built(decision=DECISION, own_coordinator=KARI)
    done = {**task, "status": "completed", **coordinator({"reference": "#r"}, ROLE)}
    failed = {**built("handover-coordinator", previous=task), "status": "failed"}
    team = None
    for step in (done, {**failed, "status": "accepted"}, failed):
        team = care_team.advance(
            team, pathway=PATHWAY, patient=task["for"], before=None, after=step, on=date(2026, 6, 9), specialist=HOSPITAL[0]
        )
    bodies = {
        "kept": assignment.with_standing(task, "overdue"),
        "done": done,
        "team": team or {},
        "team-sent": care_team.outward(team or {}),
    }
    bodies |= {case.name: json.loads((case / "outward.json").read_text("utf-8")) for case in CASES}
    bodies["shared"] = json.loads(assignment.share_bundle(assignment.outward(done)))
    for name, body in bodies.items():
        (written / f"{name}.json").write_text(json.dumps(body), "utf-8")

    found = official(sorted(written.iterdir()), lay_definitions(definitions))

    assert {path.name: [i.text for i in issues if i.is_error] for path, issues in found.items()} == {
        f"{name}.json": [] for name in bodies
    }
