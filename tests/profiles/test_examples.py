"""Each invariant has a good and a bad example, written by hand; our checker and HL7's own validator judge all of them alike.

A good example is one where the invariant has something to say; the bad one differs from it in that alone.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapter.r4.checker import check
from tests.official import Validate, official
from tests.profiles import BAD, GOOD, definitions, lay_definitions, read

__all__ = ["official"]

STRUCTURES = [d for d in definitions() if d["resourceType"] == "StructureDefinition"]
INVARIANTS = {c["key"] for d in STRUCTURES for e in d["differential"]["element"] for c in e.get("constraint", [])}
PROMISED = {d["id"] for d in STRUCTURES if d["type"] != "Extension" and not d["abstract"]}


def test_every_invariant_and_profile_has_its_examples() -> None:
    assert {path.stem for path in BAD} == INVARIANTS
    assert {path.stem for path in GOOD} == INVARIANTS | PROMISED


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_nothing_is_wrong_with_a_good_example(path: Path) -> None:
    assert check(read(path)) == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_example_breaks_its_invariant_and_nothing_else(path: Path) -> None:
    resource = read(path)

    found = check(resource)

    assert [(f.severity, f.rule.split()[0], f.where) for f in found] == [("error", path.stem, resource["resourceType"])]
    assert all(f.en.endswith(".") and f.nb.endswith(".") and f.en != f.nb for f in found)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_official_validator_judges_every_example_as_we_do(official: Validate, tmp_path: Path) -> None:
    found = official([*GOOD, *BAD], lay_definitions(tmp_path))

    broken = {path: [issue.text for issue in issues if issue.is_error] for path, issues in found.items()}
    keys = {path: [re.findall(r"Constraint failed: ([a-z]+-\d+)", text) for text in texts] for path, texts in broken.items()}
    assert {path.name: broken[path] for path in GOOD if broken[path]} == {}
    assert keys | {path: [[path.stem]] for path in BAD} == keys
