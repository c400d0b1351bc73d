"""The bulk loader of the measurements stores what the service would."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import inspect, text

from adapter.storage import DatabaseStore, open_store
from adapter.storage.schema import STATISTICS
from adapter.storage.tables import metadata
from bench.loading import TABLES, draft, load
from bench.tasks import BEGAN, ORGANISATION


def content(store: DatabaseStore) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as unit:
        return {
            table.name: sorted(tuple(row) for row in unit.connection.execute(text(f"SELECT * FROM {table.name}")))
            for table in TABLES
        }


def test_what_is_loaded_is_what_is_put_one_by_one(store: DatabaseStore, tmp_path: Path) -> None:
    load(store, 30)
    other = open_store(f"sqlite:///{tmp_path}/other.db")
    other.migrate()
    for n in range(30):
        with other.write() as unit:
            unit.put(ORGANISATION, [draft(n)], BEGAN + timedelta(seconds=n))

    assert content(store) == content(other)
    other.close()


def test_the_indexes_are_there_afterwards(store: DatabaseStore) -> None:
    load(store, 3)

    with store.write() as unit:
        for table in TABLES:
            made = {one["name"] for one in inspect(unit.connection).get_indexes(table.name)}
            assert made == {one.name for one in metadata.tables[table.name].indexes}
        if not unit.postgresql:
            stated = {row[0] for row in unit.connection.execute(text("SELECT idx FROM sqlite_stat1"))}
            assert stated == {index for _, index in STATISTICS}
