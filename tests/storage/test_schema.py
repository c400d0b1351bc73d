"""Migrations and the database's own state."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from adapter.storage import open_store
from adapter.storage.schema import STATISTICS
from adapter.storage.tables import metadata
from tests.storage.things import a_message


def test_migrating_from_nothing_makes_the_tables_as_they_are_described(url: str) -> None:
    store = open_store(url)
    store.migrate()

    with store.write() as unit:
        context = MigrationContext.configure(unit.connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert set(inspect(unit.connection).get_table_names()) == {*metadata.tables, "alembic_version"}
    store.close()


def test_the_primary_keys_are_as_they_are_described(url: str) -> None:
    """Alembic does not compare these."""
    store = open_store(url)
    store.migrate()

    with store.write() as unit:
        inspector = inspect(unit.connection)
        made = {name: inspector.get_pk_constraint(name)["constrained_columns"] for name in metadata.tables}
    store.close()

    assert made == {name: [column.name for column in table.primary_key] for name, table in metadata.tables.items()}


def test_migrating_again_keeps_what_is_there(url: str) -> None:
    store = open_store(url)
    store.migrate()
    with store.write() as unit:
        unit.add_message(a_message(), b"<x/>")

    store.migrate()

    with store.read() as unit:
        assert unit.message("m1") == a_message()
    store.close()


def test_processes_that_migrate_at_the_same_time_all_find_the_tables(url: str) -> None:
    stores = [open_store(url) for _ in range(3)]

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda store: store.migrate(), stores))

    assert [store.check() for store in stores] == [[], [], []]
    for store in stores:
        store.close()


def test_a_database_without_tables_or_from_a_newer_program_is_reported(url: str) -> None:
    store = open_store(url)
    before = store.check()
    store.migrate()
    migrated = store.check()
    with store.write() as unit:
        unit.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer = store.check()
    store.close()

    assert before == ["The database's tables are of version none, this program's 0002. Start the service: it migrates."]
    assert migrated == []
    assert newer == ["The database's tables (9999) are newer than this program's (0002). Install the newer program."]


def test_the_statistics_are_of_indexes_that_there_are() -> None:
    own = {(name, index.name) for name, table in metadata.tables.items() for index in table.indexes}
    keys = {(name, made) for name in metadata.tables for made in (name, f"sqlite_autoindex_{name}_1")}

    assert set(STATISTICS) <= own | keys


@pytest.mark.parametrize("table", sorted(set(metadata.tables) - {"setting", "message_xml"}))
def test_every_table_with_an_organisations_data_has_the_organisation(table: str) -> None:
    assert not metadata.tables[table].c.tenant.nullable
