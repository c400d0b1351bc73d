from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.following.here import Here, Hook, here, hook


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Here]:
    with here(tmp_path) as running:
        yield running


@pytest.fixture
def endpoint() -> Iterator[Hook]:
    with hook() as listening:
        yield listening
