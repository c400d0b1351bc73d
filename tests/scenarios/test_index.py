"""Each named scenario has its tests, and each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import scenarios
from tests.scenarios.named import is_there

ALL = [f"S{number}" for number in range(1, 25)]


@pytest.mark.parametrize("scenario", ALL)
def test_what_proves_a_scenario_is_there(root: Path, scenario: str) -> None:
    assert scenarios.PROVED.get(scenario), f"{scenario} has no test"
    assert [test for test in scenarios.PROVED[scenario] if not is_there(root, test)] == []


def test_the_scenarios_are_those_of_the_facts(facts: Path) -> None:
    text = (facts / "trust.md").read_text("utf-8").partition("### 3.3")[2].partition("\n## ")[0]
    wanted = {f"S{number}" for number in re.findall(r"\bS(\d+)\b", text)}
    for first, last in re.findall(r"\bS(\d+)–S(\d+)\b", text):
        wanted |= {f"S{number}" for number in range(int(first), int(last) + 1)}
    assert wanted == set(scenarios.PROVED) == set(ALL)


def test_the_index_for_people_has_them_all() -> None:
    told = set[str]()
    for first, last in re.findall(r"^\| S(\d+)(?:–S(\d+))? \|", scenarios.__doc__ or "", re.MULTILINE):
        told |= {f"S{number}" for number in range(int(first), int(last or first) + 1)}
    assert told == set(ALL)


@pytest.mark.parametrize(
    ("source", "there"),
    [
        ("def test_it() -> None:\n    ...\n", True),
        ("@pytest.mark.slow\ndef test_it(\n    a: int,\n) -> None:\n    ...\n", True),
        ("@pytest.mark.torture\ndef test_it() -> None:\n    ...\n", False),
        ('@pytest.mark.parametrize(\n    "a",\n    [1],\n)\n@pytest.mark.torture\ndef test_it(a: int) -> None:\n    ...\n', False),
        ("@pytest.mark.torture\ndef test_another() -> None:\n    ...\n\n\ndef test_it() -> None:\n    ...\n", True),
        ("def test_it_too() -> None:\n    ...\n", False),
    ],
)
def test_a_name_alone_is_no_test(tmp_path: Path, source: str, there: bool) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_some.py").write_text(source, "utf-8")
    assert is_there(tmp_path, "test_some.py::test_it") is there
    assert not is_there(tmp_path, "test_none.py::test_it")
