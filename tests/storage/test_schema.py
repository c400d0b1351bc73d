"""Migrations and the database's own state."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text

from adapter.domain.problem import Problem
from adapter.ports import Clause, Match, Outgoing, Page, Query, Stored
from adapter.storage import open_store, reindex, schema
from adapter.storage.engines import connect
from adapter.storage.schema import STATISTICS
from adapter.storage.tables import metadata
from tests.storage.things import NOW, OURS, THEIRS, a_draft, a_message, identified, in_status


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


V1 = [
    "INSERT INTO resource (tenant, type, id, version, updated, status, patient) VALUES (:tenant, 'Task', 'r1', 2, :at, 'x', 'p1')",
    "INSERT INTO resource_version (tenant, type, id, version, updated, body) VALUES (:tenant, 'Task', 'r1', 1, :at, :old)",
    "INSERT INTO resource_version (tenant, type, id, version, updated, body) VALUES (:tenant, 'Task', 'r1', 2, :at, :new)",
    "INSERT INTO resource_identifier (tenant, type, id, system, value) VALUES (:tenant, 'Task', 'r1', 'urn:s', '1')",
]


def test_what_was_found_before_is_found_after_the_migration_and_by_more(url: str) -> None:
    """A database of the first version with a row of two organisations, read back through today's program."""
    engine = connect(url).claiming
    config = schema._config()
    at = (NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    old = b'{"resourceType":"Task","id":"r1","status":"draft","identifier":[{"system":"urn:s","value":"0"}]}'
    new = old.replace(b"draft", b"requested").replace(b'"0"', b'"1"')[:-1] + b',"owner":{"reference":"Organization/o1"}}'
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for tenant in (OURS, THEIRS):
            for statement in V1:
                values = {"tenant": tenant, "at": at, "old": old, "new": new}
                connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
    engine.dispose()

    store = open_store(url)
    store.migrate()

    task = Stored("Task", "r1", 2, NOW, new)
    with store.read() as unit:
        now = [Clause("identifier", [Match("urn:s", "1")]), Clause("owner", [Match("Organization", "o1")]), in_status("requested")]
        before = [Clause("identifier", [Match("urn:s", "0")]), in_status("draft"), in_status("x")]
        assert [unit.search(OURS, Query("Task", [clause])) for clause in now + before] == [Page([task])] * 3 + [Page([])] * 3
        assert unit.history(OURS, "Task", None, 9).found == [task, Stored("Task", "r1", 1, NOW, old)]
    store.close()


V2_ROW = (
    "INSERT INTO outbox (id, tenant, key, hub, kind, message_id, sender, receiver, body, content_type, created, msg_id, state,"
    " attempts, error)"
    " VALUES (:id, :tenant, 'k', 'edi2', 'apprec', 'm1', '1', '2', :body, 'application/xml', :at, '', :state, 3, '')"
)


def test_what_waited_to_be_sent_before_partners_were_known_waits_after_it_in_its_order(url: str) -> None:
    engine = connect(url).claiming
    config = schema._config()
    at = (NOW - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for id, state in (("o1", "sent"), ("o2", "waiting"), ("o3", "waiting")):
            values = {"id": id, "tenant": OURS, "body": b"\x00" + id.encode(), "at": at, "state": state}
            connection.execute(text(V2_ROW), values)
    engine.dispose()

    store = open_store(url)
    store.migrate()

    waiting = Outgoing(
        id="o2",
        tenant=OURS,
        key="k",
        hub="edi2",
        kind="apprec",
        message_id="m1",
        hub_id=None,
        sender="1",
        receiver="2",
        body=b"\x00o2",
        content_type="application/xml",
        created=NOW,
        state="waiting",
        attempts=3,
    )
    with store.write() as unit:
        assert unit.outgoing("o2") == waiting
        unit.enqueue(replace(waiting, id="o4", key="another"))
    assert [row.id for row in store.claim(NOW, 60, 9, ["edi2"])] == ["o2", "o4"]
    store.close()


def test_what_resources_are_found_by_is_worked_out_anew_when_the_parameters_have_changed_and_only_then(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More resources than one batch; the entries that were there are the ones of before the change."""
    store = open_store(url)
    store.migrate()
    body = b'{"resourceType":"Task","id":"%s","status":"ready","identifier":[{"value":"new"}]}'
    drafts = [a_draft(f"t{n}", type="Task", status="old", identifiers=[("", "old")]) for n in range(7)]
    with store.write() as unit:
        unit.put(OURS, [replace(one, make=lambda *_, id=one.id: body % id.encode()) for one in drafts], NOW)

    def found() -> list[int]:
        with store.read() as unit:
            return [unit.count(OURS, Query("Task", [identified(("", value)), in_status(status)])) for value, status in BOTH]

    store.migrate()
    before = found()
    monkeypatch.setattr(reindex, "BATCH", 3)
    monkeypatch.setattr(reindex, "FORM", 99)
    store.migrate()
    after = found()
    store.close()

    assert (before, after) == ([7, 0], [0, 7])


BOTH = (("old", "old"), ("new", "ready"))


def test_processes_that_migrate_at_the_same_time_all_find_the_tables(url: str) -> None:
    stores = [open_store(url) for _ in range(3)]

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda store: store.migrate(), stores))

    assert [store.check() for store in stores] == [[], [], []]
    for store in stores:
        store.close()


def test_a_database_without_tables_or_from_a_newer_program_is_reported(url: str) -> None:
    store = open_store(url)
    before = [fault.en for fault in store.check()]
    store.migrate()
    migrated = store.check()
    with store.write() as unit:
        unit.connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer = [fault.en for fault in store.check()]
    with pytest.raises(Problem) as refused:
        store.migrate()
    store.close()

    assert [finding.en for finding in refused.value.findings] == newer
    assert before == ["There are no tables yet: they are made at the first start."]
    assert migrated == []
    assert newer == ["The database's tables (9999) are newer than this program's (0009). Install the newer program."]


def test_the_statistics_are_of_indexes_that_there_are() -> None:
    own = {(name, index.name) for name, table in metadata.tables.items() for index in table.indexes}
    keys = {(name, made) for name in metadata.tables for made in (name, f"sqlite_autoindex_{name}_1")}

    assert set(STATISTICS) <= own | keys


@pytest.mark.parametrize(
    "table", sorted(set(metadata.tables) - {"setting", "message_xml", "partner", "proof", "session", "process", "in_hand"})
)
def test_every_table_with_an_organisations_data_has_the_organisation(table: str) -> None:
    assert not metadata.tables[table].c.tenant.nullable
