"""Our checker finds every defect of the corpus where it is, and nothing wrong with what is valid; HL7's own validator agrees."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adapter.domain.problem import Finding, Problem
from adapter.r4 import json as fhir_json
from adapter.r4.checker import check
from corpus import KINDS, Case, bases, cases
from corpus.__main__ import write
from tests.official import Validate, official

__all__ = ["official"]
DEFECTS = [case for case in cases() if case.expected == "defect"]
VALID = [case for case in cases() if case.expected == "valid"]


def errors(data: bytes) -> list[Finding]:
    try:
        findings = check(fhir_json.parse(data))
    except Problem as problem:
        findings = list(problem.findings)
    return [finding for finding in findings if finding.severity in {"error", "fatal"}]


@pytest.mark.parametrize("case", DEFECTS, ids=lambda case: case.name)
def test_a_defect_is_found_where_it_is(case: Case) -> None:
    found = errors(case.data)

    assert found, f"{case.about} ({case.rule})"
    assert not case.at or {finding.where for finding in found} & set(case.at), found


@pytest.mark.parametrize("case", VALID, ids=lambda case: case.name)
def test_nothing_is_wrong_with_what_is_valid(case: Case) -> None:
    assert errors(case.data) == []


@pytest.mark.parametrize("name", bases())
def test_nothing_is_wrong_with_what_the_cases_are_made_of(name: str) -> None:
    assert errors(bases()[name]) == []


def test_the_corpus_is_broad_and_each_case_says_what_and_why() -> None:
    assert len(DEFECTS) >= 150
    assert len(VALID) >= 40
    assert len({case.type for case in DEFECTS}) >= 15
    assert {case.kind for case in DEFECTS} == set(KINDS)
    assert all(case.about and case.rule for case in cases())
    assert len({case.name for case in cases()}) == len({case.data for case in cases()}) == len(cases())


def test_the_corpus_is_published_as_plain_files(tmp_path: Path) -> None:
    assert write(tmp_path) == len(cases())
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert [(tmp_path / row["file"]).read_bytes() for row in manifest] == [case.data for case in cases()]


def test_the_page_is_of_these_cases_and_ours_has_no_fault(root: Path) -> None:
    text = (root / "docs" / "checker.md").read_text("utf-8")

    assert f"{len(DEFECTS)} resources with exactly one defect each, and {len(VALID)} valid ones" in text
    rows = re.findall(r"^\| `([A-Z][\w-]+)` \| (.*) \| .* \| (\S+) \| \S+ \| \S+ \| \S+ \| \S+ \|$", text, re.MULTILINE)
    said = [(case.name, case.about, "✔" if case in DEFECTS else "ok") for case in (*DEFECTS, *VALID)]
    assert rows == said, "python -m bench.validators writes the page anew"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_official_validator_agrees_but_where_a_note_says_otherwise(official: Validate, tmp_path: Path) -> None:
    asked = [case for case in cases() if case.kind != "norway" and "stops altogether" not in case.note]  # each stop is a new start
    texts = {case.name: case.data for case in asked} | {f"base-{name}": data for name, data in bases().items()}
    paths = {name: tmp_path / f"{name}.json" for name in texts}
    for name, path in paths.items():
        path.write_bytes(texts[name])

    answers = {path.stem: issues for path, issues in official(paths.values()).items()}

    complains = {name for name, issues in answers.items() if any(issue.is_error for issue in issues)}
    disagrees = [case.name for case in asked if (case.name in complains) != (case.expected == "defect")]
    assert disagrees == [case.name for case in asked if "official validator" in case.note]
    assert [name for name in complains if name.startswith("base-")] == []
