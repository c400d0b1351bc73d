"""A store is moved to the other engine: every row of every table, once, also by one who is killed again and again on the way."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from adapter.domain.problem import Kind, Problem
from adapter.storage import open_store
from adapter.storage.moving import Moving
from adapter.storage.presence import Presence
from adapter.storage.tables import metadata
from adapter.usecases.verify_audit import verify
from tests.storage.rows_of_any_kind import content, fill
from tests.storage.test_audit import chained
from tests.storage.things import NOW, a_message, a_row

SEED = int(os.environ.get("STAFETT_SEED") or random.SystemRandom().randrange(10**6))
LATER = datetime(2026, 11, 1, tzinfo=UTC)

Databases = Callable[[str], str]


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Databases:
    """A new, empty database of an engine."""
    made = 0

    def new(engine: str) -> str:
        nonlocal made
        made += 1
        if engine == "postgresql":
            url: str = request.getfixturevalue("postgresql")()
            return url
        return f"sqlite:///{tmp_path}/moved-{made}.db"

    return new


both_ways = pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sqlite", "sqlite"),
        *(pytest.param(*ways, marks=pytest.mark.slow) for ways in (("sqlite", "postgresql"), ("postgresql", "sqlite"))),
    ],
)


def move(source: str, target: str, rows: int = 5) -> dict[str, tuple[int, str]]:
    with Moving(source, target, rows=rows) as moving:
        moving.begin(LATER)
        moving.copy()
        return {one.table: (one.rows, one.digest) for one in moving.compare()}


def run_sql(url: str, *statements: str) -> None:
    store = open_store(url)
    with store.write() as unit:
        for one in statements:
            unit.connection.execute(text(one))
    store.close()


@both_ways
def test_whatever_can_stand_in_a_row_is_moved(one: str, other: str, database: Databases) -> None:
    print(f"STAFETT_SEED={SEED}")  # noqa: T201 - repeats this run
    for seed in range(SEED, SEED + 3):
        source, target = database(one), database(other)
        fill(source, seed)

        counted = move(source, target)

        assert content(target) == content(source)
        assert {table: rows for table, (rows, _) in counted.items()} == {
            table: len(rows) for table, rows in content(source).items()
        }


@pytest.mark.slow
def test_there_and_back_again_is_the_same(database: Databases) -> None:
    here, there, again = database("sqlite"), database("postgresql"), database("sqlite")
    fill(here, SEED)

    assert move(here, there) == move(there, again)
    assert content(again) == content(here)


@both_ways
def test_one_who_is_killed_on_the_way_goes_on_where_it_was(one: str, other: str, database: Databases) -> None:
    print(f"STAFETT_SEED={SEED}")  # noqa: T201 - repeats this run
    source, target, chance = database(one), database(other), random.Random(SEED)
    fill(source, SEED, 40)
    took = time.monotonic()
    move(source, database(other), rows=2)
    took = time.monotonic() - took

    killed = 0
    for _ in range(8):
        process = multiprocessing.get_context("fork").Process(target=move, args=(source, target, 2))
        process.start()
        process.join(chance.uniform(0.1, 0.5) * took)
        if process.is_alive():
            assert process.pid
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.join()
    move(source, target, rows=2)

    assert killed >= 2
    assert content(target) == content(source)


@both_ways
def test_the_target_goes_on_as_the_source_would_have(one: str, other: str, database: Databases) -> None:
    source, target = database(one), database(other)
    store = open_store(source)
    store.migrate()
    with store.write() as unit:
        unit.set_setting("installation-key", b"k" * 32)
        for number in range(3):
            unit.add_message(a_message(f"m{number}"), b"<MsgHead/>")
            unit.enqueue(a_row(f"o{number}", message_id=f"m{number}"))
    chained(store)
    store.close()

    move(source, target)

    store = open_store(target)
    with store.write() as unit:
        unit.enqueue(a_row("o9"))
        rows = unit.connection.execute(text("SELECT id, position FROM outbox ORDER BY position")).all()
        assert unit.setting("installation-key") == b"k" * 32
    assert [tuple(row) for row in rows] == [("o0", 1), ("o1", 2), ("o2", 3), ("o9", 4)]
    assert (verify(store).broken, verify(store).head[0]) == (None, 6)
    store.append_audit([], [], NOW)
    store.close()


def test_what_is_whole_is_not_touched_again(database: Databases) -> None:
    source, target = database("sqlite"), database("sqlite")
    fill(source, SEED)
    move(source, target)
    run_sql(target, "DELETE FROM session")

    assert move(source, target) == {}
    assert content(target)["session"] == set()


USED = {
    "asked": "INSERT INTO proof (hash, until) VALUES ('of a call since', 1)",
    "sent": "UPDATE outbox SET state = 'sent', attempts = attempts + 1 WHERE position = (SELECT min(position) FROM outbox)",
}


@pytest.mark.parametrize("used", USED)
def test_a_source_that_was_used_since_it_was_moved_is_told_of(used: str, database: Databases) -> None:
    """A rehearsal in the week before, and then the move itself: whoever was told that it is there would lose that week."""
    source, target = database("sqlite"), database("sqlite")
    fill(source, SEED)
    move(source, target)
    before = content(target)
    run_sql(source, USED[used])

    for _ in range(2):
        with pytest.raises(Problem) as told:
            move(source, target)
        assert (told.value.kind, told.value.findings[0].where) == (Kind.CONFLICT, "--from")
    assert content(target) == before


@pytest.mark.parametrize(
    "own", ["INSERT INTO setting VALUES ('installation-key', x'78')", "INSERT INTO process VALUES ('p', 'api', 0, 0)"]
)
def test_a_target_with_data_of_its_own_is_refused_and_left_as_it_is(own: str, database: Databases) -> None:
    source, target = database("sqlite"), database("sqlite")
    fill(source, SEED)
    store = open_store(target)
    store.migrate()
    store.close()
    run_sql(target, own)
    before = content(target)

    with pytest.raises(Problem) as refused:
        move(source, target)

    assert (refused.value.kind, refused.value.findings[0].where) == (Kind.NOT_ALLOWED, "--to")
    assert content(target) == before


def test_a_target_that_another_installation_has_begun_is_refused(database: Databases) -> None:
    one, other, target = (database("sqlite") for _ in range(3))
    fill(one, SEED)
    fill(other, SEED + 1)
    with Moving(one, target) as moving:
        moving.begin(LATER)

    with pytest.raises(Problem) as refused:
        move(other, target)

    assert refused.value.kind is Kind.NOT_ALLOWED


@pytest.mark.parametrize("side", ["--from", "--to"])
def test_a_database_that_a_process_uses_is_refused(side: str, database: Databases) -> None:
    source, target = database("sqlite"), database("sqlite")
    fill(source, SEED)
    with Moving(source, target) as moving:
        moving.begin(LATER)
    seen = int((LATER - timedelta(seconds=59)).timestamp() * 1_000_000)
    run_sql(source if side == "--from" else target, f"INSERT INTO process VALUES ('alive', 'worker', 0, {seen})")

    with pytest.raises(Problem) as refused:
        move(source, target)

    assert (refused.value.kind, refused.value.findings[0].where) == (Kind.NOT_ALLOWED, side)


@both_ways
def test_nobody_works_on_either_meanwhile(one: str, other: str, database: Databases) -> None:
    source, target = database(one), database(other)
    fill(source, SEED)
    present = Presence(source)
    present.enter()
    with pytest.raises(Problem) as refused, Moving(source, target):
        pass
    present.leave()

    with Moving(source, target):
        late = []
        for url in (source, target):
            with pytest.raises(Problem) as kept_out:
                Presence(url).enter(patience=0)
            late.append(kept_out.value.kind)

    assert (refused.value.kind, refused.value.findings[0].where) == (Kind.NOT_ALLOWED, "--from")
    assert late == [Kind.TRANSIENT] * 2
    move(source, target)


@pytest.mark.parametrize("side", ["--from", "--to"])
def test_tables_of_another_version_are_refused(side: str, database: Databases) -> None:
    source, target = database("sqlite"), database("sqlite")
    for url in (source, target):
        store = open_store(url)
        store.migrate()
        store.close()
    run_sql(source if side == "--from" else target, "UPDATE alembic_version SET version_num = '0006'")

    with pytest.raises(Problem) as refused:
        move(source, target)

    assert (refused.value.kind, refused.value.findings[0].where) == (Kind.UNSUPPORTED, side)


def test_a_source_that_is_not_there_is_not_made(database: Databases, tmp_path: Path) -> None:
    with pytest.raises(Problem) as refused:
        move(database("sqlite"), database("sqlite"))

    assert (refused.value.kind, list(tmp_path.iterdir())) == (Kind.NOT_FOUND, [])


NUMBER = "21889240366"  # synthetic: month + 80
CHANGES = {
    "a body": ("UPDATE resource_version SET body = x'00' WHERE id = (SELECT max(id) FROM resource_version)", "resource_version"),
    "one less": ("DELETE FROM session WHERE digest = (SELECT min(digest) FROM session)", "session"),
    "one more": (f"INSERT INTO audit_about VALUES (9999, 't', 'urn:oid:2.16.578.1.12.4.1.4.1|{NUMBER}')", "audit_about"),
    "a moment": ("UPDATE proof SET until = 77 WHERE hash = (SELECT min(hash) FROM proof)", "proof"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("side", ["--from", "--to"])
def test_what_differs_at_the_end_is_named_by_table_and_key_and_no_person(change: str, side: str, database: Databases) -> None:
    source, target = database("sqlite"), database("sqlite")
    fill(source, SEED)
    sql, table = CHANGES[change]
    with Moving(source, target) as moving:
        moving.begin(LATER)
        moving.copy()
        run_sql(source if side == "--from" else target, sql)
        with pytest.raises(Problem) as unlike:
            moving.compare()

    assert [(found.kind, found.where) for found in unlike.value.findings] == [(Kind.CONFLICT, table)]
    if change == "one more":
        assert "9999 urn:oid:2.16.578.1.12.4.1.4.1|***" in unlike.value.findings[0].en
    assert NUMBER not in str(unlike.value)


def test_every_table_is_moved() -> None:
    from adapter.storage.moving import TABLES

    assert {table.name for table in TABLES} == set(metadata.tables)


def test_a_nul_that_only_sqlite_can_hold_becomes_what_it_becomes_in_a_key(database: Databases) -> None:
    source, target = database("sqlite"), database("sqlite")
    fill(source, SEED)
    run_sql(source, "UPDATE trouble SET en = 'a' || char(0) || 'b'")

    move(source, target)  # between two that can hold it, nothing is lost

    assert {row[5] for row in content(target)["trouble"]} == {"a\0b"}


@pytest.mark.slow
def test_postgresql_gets_no_nul(database: Databases) -> None:
    source, target = database("sqlite"), database("postgresql")
    fill(source, SEED)
    run_sql(source, "UPDATE trouble SET en = 'a' || char(0) || 'b'")

    move(source, target)

    assert {row[5] for row in content(target)["trouble"]} == {"a\ufffdb"}
