"""`docs/pathways.md` tells every figure of the rule sets, with its source, and names what is unknown."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from adapter.domain.ruleset import RuleSet
from mappings import limit_words
from mappings.rules import national

RULES = {rules.id: rules for rules in national().all()}


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "pathways.md").read_text("utf-8")


def section(page: str, rules: RuleSet) -> str:
    return page.partition(f"\n## {rules.pathway}, rules of {rules.version}: ")[2].partition("\n## ")[0]


def test_the_page_is_what_the_data_say(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "tools/pathway_docs.py", "--check"], cwd=root, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_every_figure_is_told_with_its_source_and_how_sure_it_is(page: str, rules: RuleSet) -> None:
    everywhere = page.partition("\n## In every pathway")[2].partition("\n## ")[0]
    rows = [line for line in (everywhere + section(page, rules)).splitlines() if line.startswith("| ")]

    for limit in rules.limits:
        (row,) = [
            row.split(" | ")
            for row in rows
            if row.startswith(f"| {limit_words.name(limit)[0]} /")
            and row.split(" | ")[2] == (" / ".join(filter(None, limit_words.whom(limit))) or "alle / all")
        ]
        assert row[3].replace("*", "").split()[0] in (str(limit.days), f"{limit.earliest}-{limit.days}", "ukjent", "pasientens")
        assert (row[3] == "**ukjent** / unknown") == (limit.days is None and limit.unit != "date")
        assert row[5].startswith(f"**{limit.source.confidence}**")
        if limit.source.reference:
            (named,) = re.findall(r"\*\*, \[(source \d+)\]", row[5])
            assert f"- **{named}**: {limit.source.reference}\n" in page.replace("<http", "http").replace(">\n", "\n")


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
def test_every_duty_indicator_and_rule_is_told(page: str, rules: RuleSet) -> None:
    told = [*(d.nb for d in rules.duties), *(i.nb for i in rules.indicators), *(r.nb for r in rules.rules)]

    assert [text for text in told if text not in page] == []


def test_what_is_unknown_is_named_at_the_top(page: str) -> None:
    top = page.partition("## What is not known")[2].partition("\n## ")[0]

    assert [f"**{r.pathway}, rules of {r.version}**" in top for r in RULES.values()] == [
        any(limit.days is None and limit.unit != "date" for limit in rules.limits) for rules in RULES.values()
    ]
    assert "avtalespesialist" in top


def test_the_limits_at_a_glance_are_those_of_the_official_tables(page: str) -> None:
    """By hand, from the tables of D01 (2019-02-04) and D08 (2022-09-30): outpatient clinic / ward."""
    rows = [line for line in page.splitlines() if line.startswith(("| D01, 2019 ", "| D08, 2019 "))]

    assert rows == [
        "| D01, 2019 | - | 21 A / 7 A | ? D | 7 A / 7 A | 56 A / 42 A | 3 A / 0 A |",
        "| D08, 2019 | 7 A / 28 A | 42 A / 14 A | - | 28 A / 14 A | 42 A / 14 A | - |",
    ]
