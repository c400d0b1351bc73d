from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.usecases.conftest import house, house_on
from tests.usecases.handover import World

__all__ = ["house", "house_on"]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A hospital and a municipality with our service between them."""
    made = World(tmp_path)
    yield made
    made.store.close()
