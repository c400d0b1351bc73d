"""The pages about security name tests, files and places in other pages: each of them exists; no requirement is passed over."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

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


PAGES = ["docs/threat-model.md"]


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
