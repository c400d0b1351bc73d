"""One suite, two engines: every test that asks for `store` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from adapter.storage import DatabaseStore, open_store
from adapter.storage.tables import metadata
from tests.postgres import postgresql

__all__ = ["postgresql"]

TABLES = ", ".join(metadata.tables)


@pytest.fixture(scope="session")
def shared(postgresql: Callable[[], str]) -> Iterator[DatabaseStore]:
    """A PostgreSQL store that tests share; `store` empties it."""
    store = open_store(postgresql())
    store.migrate()
    yield store
    store.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseStore]:
    """An empty store with its tables."""
    if request.param == "postgresql":
        shared: DatabaseStore = request.getfixturevalue("shared")
        with shared.write() as unit:
            unit.connection.execute(text(f"TRUNCATE {TABLES}"))
        yield shared
        return
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    yield store
    store.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store can be made: nothing is there yet."""
    if request.param == "postgresql":
        database: Callable[[], str] = request.getfixturevalue("postgresql")
        return database()
    return f"sqlite:///{tmp_path}/store.db"
