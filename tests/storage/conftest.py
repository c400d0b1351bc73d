"""One suite, two engines: every test that asks for `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapter.storage import DatabaseStore, open_store, presence
from tests.stores import with_tables


@pytest.fixture(scope="session")
def shared(with_tables_on_postgresql: str) -> Iterator[DatabaseStore]:
    """A PostgreSQL store that tests share; `store` empties it."""
    store = open_store(with_tables_on_postgresql)
    yield store
    store.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DatabaseStore]:
    """An empty store with its tables."""
    monkeypatch.setattr(presence, "SETTLING", 0.0)  # nobody else works on it
    if request.param == "postgresql":
        shared: DatabaseStore = request.getfixturevalue("shared")
        request.getfixturevalue("emptied_on_postgresql")
        yield shared
        return
    store = open_store(with_tables(tmp_path / "store.db"))
    yield store
    store.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where a store can be made: nothing is there yet."""
    monkeypatch.setattr(presence, "SETTLING", 0.0)  # nobody has worked on it
    if request.param == "postgresql":
        database: Callable[[], str] = request.getfixturevalue("postgresql")
        return database()
    return f"sqlite:///{tmp_path}/store.db"
