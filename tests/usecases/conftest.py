from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgres import postgresql
from tests.usecases.house import House

__all__ = ["postgresql"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An empty installation."""
    made = House(tmp_path)
    yield made
    made.store.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def house_on(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """An empty installation on each engine, for what the engine has a part in."""
    url = ""
    if request.param == "postgresql":
        database: Callable[[], str] = request.getfixturevalue("postgresql")
        url = database()
    made = House(tmp_path, url=url)
    yield made
    made.store.close()
