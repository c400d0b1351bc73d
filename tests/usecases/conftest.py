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
