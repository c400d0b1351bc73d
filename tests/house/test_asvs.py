"""The pages about security name tests, files and places in other pages: each of them exists; no requirement is passed over."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tools import asvs

ROOT = Path(__file__).parents[2]


@cache
def known_tests(file: str) -> frozenset[str]:
    """The names of the tests in a file."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def anchors_of(page: str) -> frozenset[str]:
    """What can be linked to in a page: its headings, as GitHub makes anchors of them."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def unknown_tests(names: list[str]) -> list[str]:
    """Those of `path::name` that name no test."""
    return [
        name
        for name in names
        if not (ROOT / name.partition("::")[0]).is_file() or name.partition("::")[2] not in known_tests(name.partition("::")[0])
    ]


def unknown_places(links: list[str]) -> list[str]:
    """Those of `path#anchor` that lead nowhere."""
    wrong = []
    for link in links:
        page, _, anchor = link.partition("#")
        if not (ROOT / page).exists() or (anchor and anchor not in anchors_of(page)):
            wrong.append(link)
    return wrong


PAGES = ["docs/threat-model.md", "docs/asvs.md"]


@pytest.mark.parametrize("page", PAGES)
def test_every_test_file_and_place_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    named = re.findall(r"`(tests/[\w/.]+::\w+)`", text)
    files = re.findall(r"`((?:adapter|mappings|tests|docs|locks)/[\w/]+\.(?:py|toml|md))`", text)
    links = [f"docs/{link}" if not link.startswith("#") else page + link for link in re.findall(r"\]\((?!http)([^)]+)\)", text)]

    assert (unknown_tests(named), unknown_places(files), unknown_places(links)) == ([], [], [])
    assert len(named) > 100


def test_what_is_not_there_is_found_out() -> None:
    assert unknown_tests(["tests/house/test_asvs.py::test_none", "tests/none.py::test_none"]) != []
    assert unknown_places(["docs/access.md#scopes", "docs/access.md#none", "docs/none.md"]) == [
        "docs/access.md#none",
        "docs/none.md",
    ]


LEVELS = {
    "1.1": "22",
    "1.2": "1111122223",
    "1.3": "112222222223",
    "1.4": "222",
    "1.5": "123",
    "2.1": "122",
    "2.2": "112",
    "2.3": "12223",
    "2.4": "23",
    "3.1": "3",
    "3.2": "113",
    "3.3": "12223",
    "3.4": "11222233",
    "3.5": "11122333",
    "3.6": "3",
    "3.7": "22333",
    "4.1": "12233",
    "4.2": "23333",
    "4.3": "22",
    "4.4": "1222",
    "5.1": "2",
    "5.2": "112333",
    "5.3": "113",
    "5.4": "222",
    "6.1": "122",
    "6.2": "111111112222",
    "6.3": "11223333",
    "6.4": "112233",
    "6.5": "22222333",
    "6.6": "2223",
    "6.7": "33",
    "6.8": "2222",
    "7.1": "222",
    "7.2": "1111",
    "7.3": "22",
    "7.4": "11222",
    "7.5": "223",
    "7.6": "22",
    "8.1": "1233",
    "8.2": "1123",
    "8.3": "133",
    "8.4": "23",
    "9.1": "111",
    "9.2": "1222",
    "10.1": "22",
    "10.2": "223",
    "10.3": "22223",
    "10.4": "1111122222233333",
    "10.5": "22222",
    "10.6": "22",
    "10.7": "222",
    "11.1": "2233",
    "11.2": "22233",
    "11.3": "11233",
    "11.4": "1222",
    "11.5": "23",
    "11.6": "23",
    "11.7": "33",
    "12.1": "12233",
    "12.2": "11",
    "12.3": "22223",
    "13.1": "2333",
    "13.2": "222223",
    "13.3": "2233",
    "13.4": "1222233",
    "14.1": "22",
    "14.2": "12223333",
    "14.3": "122",
    "15.1": "12233",
    "15.2": "12233",
    "15.3": "1222222",
    "15.4": "3333",
    "16.1": "2",
    "16.2": "22222",
    "16.3": "2222",
    "16.4": "222",
    "16.5": "2223",
    "17.1": "23",
    "17.2": "22223333",
    "17.3": "22",
}
"""The level of each requirement of each section of ASVS 5.0.0, in order, copied by hand from OWASP's own table (CSV)."""
WANTED = [
    (f"{section}.{number}", int(level))
    for section, levels in LEVELS.items()
    for number, level in enumerate(levels, 1)
    if level != "3"
]


def test_no_requirement_of_levels_1_and_2_is_left_out() -> None:
    assert [(one.id, one.level) for one in asvs.requirements()] == WANTED
    assert len(WANTED) == 253
    assert sum(len(levels) for levels in LEVELS.values()) == 345  # all three levels


@pytest.mark.parametrize("one", asvs.requirements(), ids=lambda one: str(one.id))
def test_each_requirement_is_proven_documented_reasoned_away_or_said_to_be_missing(one: asvs.Requirement) -> None:
    assert one.asks
    assert bool(one.tests or one.documents) != bool(one.reason) or bool(one.missing)
    assert not (one.reason and one.missing)
    assert (unknown_tests(list(one.tests)), unknown_places(list(one.documents))) == ([], [])


def test_the_page_is_what_the_data_say() -> None:
    assert asvs.OUT.read_text("utf-8") == asvs.page()


def test_what_the_page_counts_is_what_there_is() -> None:
    rows = [line for line in asvs.page().splitlines() if re.match(r"\| \d+\.\d+\.\d+ \| [12] \|", line)]
    missing = [one for one in asvs.requirements() if one.missing]

    assert len(rows) == len(WANTED) + len(missing)
    assert sum("**Not met:**" in row for row in rows) == len(missing)
