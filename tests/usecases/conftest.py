from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.usecases.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An empty installation."""
    made = House(tmp_path)
    yield made
    made.store.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def house_on(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """An empty installation on each engine, for what the engine has a part in."""
    made = House(tmp_path, url=request.getfixturevalue("emptied_on_postgresql") if request.param == "postgresql" else "")
    yield made
    made.store.close()
