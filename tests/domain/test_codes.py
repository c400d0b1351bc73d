"""Pathway codes of 9321 and 9327; what merely looks like one is none."""

from __future__ import annotations

import pytest

from adapter.domain.codes import CURRENT_TYPES, TYPES, pathway_type


@pytest.mark.parametrize("type", TYPES)
def test_a_type_stands_alone_or_with_event_and_outcome(type: str) -> None:
    assert [pathway_type(code) for code in (type, f"{type}A", f"{type}CU")] == [type] * 3


@pytest.mark.parametrize(
    "code",
    ["", "D", "D1", "D02", "D99", "d11", "D11cu", "D11CUX", "D111", " D11", "D11 ", "A16CK", "D11C1", "D\u0661\u0661"],
)
def test_any_other_code_is_no_pathways(code: str) -> None:
    assert pathway_type(code) == ""


def test_the_current_types_are_among_all() -> None:
    assert (set(CURRENT_TYPES) - set(TYPES), len(TYPES)) == (set(), 8)
