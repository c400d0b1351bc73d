"""Pathway codes of 9321 and 9327; what merely looks like one is none."""

from __future__ import annotations

import pytest

from adapter.domain.codes import OUTCOMES, combined, pathway_type, split
from mappings.rules import national
from tests.domain.courses import TYPES, rules


@pytest.mark.parametrize("type", TYPES)
def test_a_type_stands_alone_or_with_event_and_outcome(type: str) -> None:
    assert [pathway_type(code) for code in (type, f"{type}A", f"{type}CU")] == [type] * 3


@pytest.mark.parametrize(
    "code",
    ["", "D", "D1", "d11", "D11cu", "D11CUX", "D111", " D11", "D11 ", "A16CK", "D11C1", "D\u0661\u0661"],
)
def test_any_other_code_is_no_pathways(code: str) -> None:
    assert pathway_type(code) == ""


def test_the_types_are_those_of_the_rule_sets() -> None:
    """9321 has these eight."""
    assert national().types == ("D01", "D06", "D07", "D08", "D09", "D10", "D11", "D12")


def test_a_code_is_read_by_its_form_so_that_a_new_type_is_a_new_rule_file() -> None:
    assert (pathway_type("D13CU"), split("D13CU")) == ("D13", ("D13", "C", "U"))


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("D11CU", ("D11", "C", "U")),
        ("D06P", ("D06", "P", "")),
        ("D01XO", ("D01", "X", "O")),
        ("D11", ("", "", "")),  # a type alone is 9321's
        ("A16CK", ("", "", "")),  # cancer
        ("D11cu", ("", "", "")),
        ("", ("", "", "")),
    ],
)
def test_a_combined_code_is_type_event_and_outcome(code: str, parts: tuple[str, str, str]) -> None:
    assert split(code) == parts
    if parts[0]:
        assert combined(*parts) == code


def test_the_rules_of_2019_have_the_246_combinations_of_9327_and_eight_of_l() -> None:
    """9327 lacks L (pasientutsatt), which came after it: the combinations of each type are counted in the availability matrix."""
    counts = {type: sum(len(outcomes) or 1 for outcomes in rules(type).events.values()) for type in TYPES}

    assert counts == {"D01": 32, "D06": 31, "D07": 34, "D08": 31, "D09": 31, "D10": 31, "D11": 32, "D12": 32}
    assert sum(counts.values()) == 246 + 8


def test_an_outcome_is_demanded_or_forbidden() -> None:
    events = rules("D11").events

    assert {kind for kind, outcomes in events.items() if outcomes} == set(OUTCOMES)
