"""An organisation's own time limits, as files beside `stafett.toml`: read at start, checked at start, and in force."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapter.domain.problem import Problem
from adapter.settings import Settings, load
from adapter.wiring import make_rulebook
from mappings.rules import national

SERVICE = '[[organisation]]\nnumber = "999999999"\nname = "Eksempelsykehuset"\n'
OURS = """pathway = "D11"
rule_set = "2025"
organisation = "999999999"

[[limit]]
id = "decision"
anchor = "M"
awaits = "C"
days = 28
unit = "calendar"
source = "local"
"""


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "stafett.toml").write_text(SERVICE, "utf-8")
    return tmp_path


def settings(folder: Path, rules: str = OURS) -> Settings:
    (folder / "rules" / "ours.toml").write_text(rules, "utf-8")
    return load(folder / "stafett.toml")


def faults(folder: Path, rules: str) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as stopped:
        settings(folder, rules)
    return [(Path(f.where).name, f.en) for f in stopped.value.findings]


def test_limits_beside_the_configuration_are_laid_over_the_national_ones(beside: Path) -> None:
    book = make_rulebook(settings(beside))

    (decision,) = [limit for limit in book.get("D11", "2025", "999999999").limits if limit.id == "decision"]
    (unknown,) = [limit for limit in book.get("D11", "2025").limits if limit.id == "decision"]
    assert (decision.days, decision.source.local, unknown.days) == (28, True, None)


def test_the_example_in_the_documentation_may_be_laid_over_the_national_rules(beside: Path, root: Path) -> None:
    page = (root / "docs" / "configuration.md").read_text("utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]

    limits = make_rulebook(settings(beside, example)).get("D11", "2025", "999999999").limits

    decisions = {limit.care_level: (limit.days, limit.source.local) for limit in limits if limit.id == "decision"}
    assert decisions == {"poliklinikk": (28, True), "dognenhet": (None, False)}


def test_without_such_files_the_national_rules_hold(beside: Path) -> None:
    (beside / "rules").rmdir()

    assert make_rulebook(load(beside / "stafett.toml")) is make_rulebook(Settings()) is national()


def test_another_folder_may_be_named(beside: Path, tmp_path: Path) -> None:
    (tmp_path / "limits").mkdir()
    (tmp_path / "limits" / "ours.toml").write_text(OURS, "utf-8")
    (beside / "stafett.toml").write_text(f'rules = "{tmp_path / "limits"}"\n' + SERVICE, "utf-8")

    assert len(make_rulebook(load(beside / "stafett.toml")).local) == 1


def test_a_folder_that_is_not_there_stops_the_start(beside: Path) -> None:
    (beside / "stafett.toml").write_text(f'rules = "{beside / "elsewhere"}"\n' + SERVICE, "utf-8")

    with pytest.raises(Problem) as stopped:
        load(beside / "stafett.toml")

    assert [(Path(f.where).name, f.en) for f in stopped.value.findings] == [
        ("elsewhere", "there is no such folder: correct it"),
    ]


@pytest.mark.parametrize(
    ("there", "instead", "at", "words"),
    [
        ("days = 28", "days = -28", 9, "days must be a number, 0 or more"),
        ("days = 28", "dager = 28", 9, "dager is no key here"),
        ('rule_set = "2025"', 'rule_set = "2024"', 1, "there is no rule set D11-2024"),
        ('pathway = "D11"', 'pathway = "D07"', 1, "there is no rule set D07-2025"),
        ('"999999999"', '"111111111"', 1, "no [[organisation]] has the number 111111111"),
        ('source = "local"', 'source = "guide"', 11, "guide is not in [sources]"),
    ],
)
def test_a_fault_in_such_a_file_stops_the_start_with_its_line(beside: Path, there: str, instead: str, at: int, words: str) -> None:
    told = faults(beside, OURS.replace(there, instead))

    assert [where for where, en in told if words in en] == [f"ours.toml:{at}"]


def test_what_is_no_toml_stops_the_start(beside: Path) -> None:
    assert [(where, en.partition(":")[0]) for where, en in faults(beside, "pathway = D11")] == [("ours.toml", "cannot be read")]


def test_a_services_rules_are_those_that_there_are(beside: Path) -> None:
    receiver = '[[receiver]]\nher_id = "1"\norganisation = "999999999"\n'
    (beside / "stafett.toml").write_text(
        SERVICE + receiver + 'pathway = "D77"\n' + receiver.replace('"1"', '"2"') + 'pathway = "D11"\nrule_set = "2031"\n', "utf-8"
    )

    with pytest.raises(Problem) as stopped:
        load(beside / "stafett.toml")

    assert [(f.where.rpartition(":")[2], f.en) for f in stopped.value.findings] == [
        ("7", "there is no pathway D77: use D01, D06, D07, D08, D09, D10, D11, D12"),
        ("12", "there are no rules of 2031: use 2019, 2025"),
    ]
