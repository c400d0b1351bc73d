"""What another server gets of a Task, in cases written by hand: each with its reasons in why.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fhir.resources.R4B import get_fhir_model_class

from adapter.r4.checker import check
from mappings.resources import assignment

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
