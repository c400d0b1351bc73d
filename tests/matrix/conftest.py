"""The world of the matrix, on both engines.

SQLite has every cell. Of those on PostgreSQL the ordinary suite has a spread, and `make torture` the rest: what is shown is decided
above the engines, whose own part of it (`tests/storage/test_blocking.py`) is tried whole on both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.matrix.test_matrix import TYPES
from tests.matrix.world import REFUSED, World, peopled


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On PostgreSQL: of every type one reader's cells, in turn, so that each reader has every fourth type; of who may see, and of
    what is written down of it, every fourth type, another quarter for each test.
    """
    for item in items:
        said = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        if "postgresql" in (said.get("world"), said.get("secret")) and "type" in said:
            mine = REFUSED.index(said["reader"]) if "reader" in said else len(item.originalname)
            if (TYPES.index(said["type"]) - mine) % len(REFUSED):
                item.add_marker(pytest.mark.torture)


@pytest.fixture(params=["sqlite", "postgresql"], scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[World]:
    url = ""
    if request.param == "postgresql":
        database: Callable[[], str] = request.getfixturevalue("postgresql")
        url = database()
    with peopled(tmp_path_factory.mktemp(request.param), root, url) as made:
        yield made
