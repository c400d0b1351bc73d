"""What is asserted of each engine before it is trusted with a message."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from adapter.domain.problem import Kind, Problem
from adapter.ports import Clause, Match, Query, Unit
from adapter.storage import engines, open_store
from adapter.storage.outbox import claim
from adapter.storage.rows import Part
from adapter.storage.store import DatabaseUnit
from tests.storage.test_search import due
from tests.storage.things import NOW, OURS, identified, in_status, named, of_patient


def problem_of(work: Callable[[], object]) -> Problem:
    with pytest.raises(Problem) as raised:
        work()
    return raised.value


def test_sqlite_writes_ahead_and_syncs_every_commit(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")

    with store.write() as writer, store.read() as reader:
        found = [[unit.connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names] for unit in (writer, reader)]
    store.close()

    assert found == [["wal", 2, 1, 30000]] * 2


@pytest.mark.parametrize("name", sorted(engines.PRAGMAS))
def test_a_pragma_that_did_not_take_stops_the_start_and_is_named(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engines.PRAGMAS, name, "otherwise")  # a value that no SQLite reports back

    stopped = problem_of(lambda: open_store(f"sqlite:///{tmp_path}/store.db"))

    assert (stopped.kind, stopped.findings[0].where, name in stopped.findings[0].en) == (Kind.INTERNAL, "store.url", True)


def test_the_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    store.close()

    assert modes == {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600}


def test_a_missing_folder_is_explained(tmp_path: Path) -> None:
    stopped = problem_of(lambda: open_store(f"sqlite:///{tmp_path}/none/store.db"))

    assert (stopped.kind, "No such file or directory" in stopped.findings[0].en) == (Kind.TRANSIENT, True)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://root:secret@localhost/x", "oracle:secret"]
)
def test_another_url_is_refused_without_repeating_it(url: str) -> None:
    refused = problem_of(lambda: open_store(url))

    assert (refused.kind, "secret" in str(refused)) == (Kind.UNSUPPORTED, False)


def test_a_database_that_cannot_be_reached_is_a_passing_trouble_and_reported(tmp_path: Path) -> None:
    store = open_store(f"postgresql://stafett@/postgres?host={tmp_path}")

    unreachable = problem_of(lambda: store.write().__enter__())

    assert (unreachable.kind, store.check()) == (Kind.TRANSIENT, [*unreachable.findings])
    store.close()


def test_postgresql_that_does_not_sync_its_commits_is_refused_and_the_setting_named(postgresql: Callable[[], str]) -> None:
    url = postgresql()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER ROLE stafett IN DATABASE {} SET synchronous_commit = off".format(url.split("/")[3].split("?")[0]))
    store = open_store(url)

    refused = problem_of(lambda: store.write().__enter__())

    assert (refused.kind, "synchronous_commit is off" in refused.findings[0].en) == (Kind.INTERNAL, True)
    store.close()


@pytest.mark.parametrize("kind", ["", "postgres://", "postgresql+psycopg://"])
def test_postgresqls_usual_urls_are_understood(postgresql: Callable[[], str], kind: str) -> None:
    url = postgresql()
    store = open_store(kind + url.removeprefix("postgresql://") if kind else url)

    store.migrate()

    assert store.check() == []
    store.close()


def test_no_error_text_holds_what_was_to_be_stored(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")  # no tables

    with pytest.raises(Exception, match="no such table") as raised, store.write() as unit:
        unit.set_setting("name-of-somebody", b"number-of-somebody")

    assert "of-somebody" not in str(raised.value)
    store.close()


OWNER = Clause("owner", [Match("Organization", "o1")])
NAME = Clause("name", [Match(value="ola", how="prefix")])
BY_VALUE = "resource_index_value (tenant=? AND type=? AND parameter=? AND value=?"
INDEXES = [
    (Query("Task"), "resource_newest (tenant=? AND type=?)"),
    (Query("Task", after=[1, "t1"]), "resource_newest (tenant=? AND type=? AND (updated,id)<(?,?))"),
    (Query("Task", [Clause("_lastUpdated", [Match(low_from=NOW)])]), "resource_newest (tenant=? AND type=? AND updated>?)"),
    (Query("Task", [in_status("a")]), "resource_by_status (tenant=? AND type=? AND status=?)"),
    (Query("Task", [named("t1", "t2")]), "PRIMARY KEY (tenant=? AND id=? AND type=?)"),
    (Query("Task", [identified(("a", "1"))]), f"{BY_VALUE})"),
    (Query("Task", [identified((None, "1"))]), f"{BY_VALUE})"),
    (Query("Task", [OWNER, in_status("a")]), f"{BY_VALUE} AND status=?)"),
    (Query("Task", [OWNER, in_status("a", "b")], after=[1, "t1"]), f"{BY_VALUE} AND status=? AND (updated,id)<(?,?))"),
    (Query("Task", [OWNER, of_patient("p1")]), f"{BY_VALUE} AND status=? AND updated=? AND id=? AND system=? AND low=?)"),
    (Query("Task", [OWNER, Clause("code", [Match()])]), "PRIMARY KEY (tenant=? AND id=? AND type=? AND parameter=?)"),
    (Query("Task", [OWNER], [("deadline", False)]), "PRIMARY KEY (tenant=? AND id=? AND type=? AND parameter=?)"),
    (Query("Task", [NAME]), "resource_index_value (tenant=? AND type=? AND parameter=? AND value>? AND value<?)"),
    (Query("Task", [due(low_from=1)]), "resource_index_low (tenant=? AND type=? AND parameter=? AND low>?)"),
    (Query("Task", [due(high_to=1)]), "resource_index_high (tenant=? AND type=? AND parameter=? AND high<?)"),
    (Query("Task", sort=[("deadline", True)]), "resource_index_value (tenant=? AND type=? AND parameter=?)"),
]


@pytest.mark.parametrize(("query", "index"), INDEXES)
def test_sqlite_finds_each_search_by_the_index_made_for_it_from_the_first_row_on(tmp_path: Path, query: Query, index: str) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()

    for units in (store.read, store.write):
        plan: list[str] = []
        with units() as unit:

            def ask(sql: str, values: Sequence[Any], unit: DatabaseUnit = unit, plan: list[str] = plan) -> list[Any]:
                plan += [row[3] for row in Part.ask(unit, f"EXPLAIN QUERY PLAN {sql}", values)]
                return Part.ask(unit, sql, values)

            unit.ask = ask  # type: ignore[method-assign]
            unit.search(OURS, query)
        assert any(step.startswith("SEARCH") and step.endswith(index) for step in plan), plan
        assert not any(step.startswith("SCAN resource") for step in plan), plan
    store.close()


PARTNERS: list[tuple[Callable[[Unit], object], str]] = [
    (lambda unit: unit.shared(OURS, "Task", "t1"), "sqlite_autoindex_shared_1 (tenant=? AND type=? AND id=?)"),
    (lambda unit: unit.shared_there("fjord", "Task", "r1"), "shared_there (partner=? AND type=? AND remote=?)"),
    (lambda unit: unit.shared_with("fjord", "", 9), "shared_with (partner=?)"),
    (lambda unit: unit.shared_with("fjord", "1 Task t1", 9), "shared_with (partner=? AND (tenant,type,id)>(?,?,?))"),
    (lambda unit: unit.troubles([OURS]), "trouble_oldest (tenant=?)"),
    (lambda unit: unit.troubles([OURS], ["Task/t1", "Task/t2"]), "trouble_open (tenant=? AND about=?)"),
    (lambda unit: unit.settle(OURS, "Task/t1", NOW), "trouble_open (tenant=? AND about=?)"),
    (lambda unit: unit.waiting_about("Task/t1", "fjord"), "outbox_about (about=?)"),
    (lambda unit: unit.deliveries([OURS]), "outbox_of_tenant (tenant=?)"),
    (lambda unit: unit.deliveries([OURS], after="p1"), "outbox_of_tenant (tenant=? AND position<?)"),
    (lambda unit: unit.deliveries([OURS], hub="fjord"), "outbox_by_partner (tenant=? AND hub=?)"),
    (lambda unit: unit.deliveries([OURS], state="dead"), "outbox_by_state (tenant=? AND state=?)"),
    (lambda unit: unit.deliveries([OURS], about="Task/t1"), "outbox_about (about=?)"),
    (lambda unit: unit.count_deliveries([OURS]), "outbox_by_state (tenant=? AND state=?)"),
    (lambda unit: unit.hurry("fjord", NOW), "outbox_waiting (hub=?)"),
    (lambda unit: claim(unit.connection, NOW, 60, 9, ["fjord"]), "outbox_waiting (hub=?)"),  # type: ignore[attr-defined]
]


@pytest.mark.parametrize(("asked", "index"), PARTNERS)
def test_sqlite_finds_what_concerns_partners_by_the_index_made_for_it(
    tmp_path: Path, asked: Callable[[Unit], object], index: str
) -> None:
    """And never all rows, nor a sorting of them, but where they are few: of one id, or about named resources."""
    few = "remote=?" in index or "about=?" in index
    url = f"sqlite:///{tmp_path}/store.db"
    first = open_store(url)
    first.migrate()
    first.close()
    store = open_store(url)  # its connections know what the tables are said to hold
    plan: list[str] = []

    with store.write() as unit:

        def explain(connection: Any, cursor: Any, sql: str, values: Any, *_: Any) -> None:
            plan.extend(row[3] for row in cursor.connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))

        def ask(sql: str, values: Sequence[Any], unit: DatabaseUnit = unit) -> list[Any]:
            plan.extend(row[3] for row in Part.ask(unit, f"EXPLAIN QUERY PLAN {sql}", values))
            return Part.ask(unit, sql, values)

        event.listen(unit.connection, "before_cursor_execute", explain)
        unit.ask = ask  # type: ignore[method-assign]
        asked(unit)
    store.close()

    assert any(step.startswith("SEARCH") and step.endswith(index) for step in plan), plan
    assert not any(step.startswith("SCAN") for step in plan), plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan or few, plan
