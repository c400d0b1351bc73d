from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.following.here import Here, Hook, here, hook


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Here]:
    with here(tmp_path) as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def on_both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Here]:
    """The same on either engine."""
    url = request.getfixturevalue("emptied_on_postgresql") if request.param == "postgresql" else ""
    with here(tmp_path, url) as running:
        yield running


@pytest.fixture
def endpoint() -> Iterator[Hook]:
    with hook() as listening:
        yield listening
