"""The world of the matrix, on both engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.matrix.world import World, peopled


@pytest.fixture(params=["sqlite", "postgresql"], scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[World]:
    url = ""
    if request.param == "postgresql":
        database: Callable[[], str] = request.getfixturevalue("postgresql")
        url = database()
    with peopled(tmp_path_factory.mktemp(request.param), root, url) as made:
        yield made
