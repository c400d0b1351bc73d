"""Small jobs from many threads: each is answered when it is stored, undone alone, and told when the commit fails."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from adapter.domain.problem import Kind, Problem
from adapter.ports import Query, Unit
from adapter.storage import DatabaseStore, open_store
from tests.storage.things import NOW, OURS, a_draft, a_stored, identified
from tests.stores import with_tables

THREADS = 8
TURN = 0x7475726E  # the number of PostgreSQL's lock that batches take turns by


class Stop(Exception):
    """What a job may raise."""


def create(id: str) -> Callable[[Unit], int]:
    return lambda unit: unit.put(OURS, [a_draft(id)], NOW)[0].version


def stored(store: DatabaseStore) -> set[str]:
    with store.read() as unit:
        return {found.id for found in unit.search(OURS, Query("ServiceRequest", limit=1000)).found}


def together(work: Callable[[int], Any], count: int) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


@pytest.fixture
def sqlite(tmp_path: Path) -> DatabaseStore:
    return open_store(with_tables(tmp_path / "store.db"))


def commits(store: DatabaseStore) -> list[object]:
    """Grows with each commit."""
    seen: list[object] = []
    event.listen(store._engines.writing, "commit", seen.append)
    return seen


def waiting(store: DatabaseStore, count: int, jobs: Callable[[int], Callable[[Unit], Any]]) -> list[Any]:
    """Run jobs that all wait while the first, which leads, is held up; what it and each of them returned or raised."""
    turns = store._turns
    assert turns
    started, go = threading.Event(), threading.Event()

    def hold(unit: Unit) -> None:
        started.set()
        go.wait(10)

    def run(job: Callable[[Unit], Any]) -> Any:
        try:
            return store.run(job)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count + 1) as pool:
        first = pool.submit(run, hold)
        assert started.wait(10)
        rest = [pool.submit(run, jobs(number)) for number in range(count)]
        while len(turns._waiting) < count:
            threading.Event().wait(0.002)
        go.set()
        return [future.result(10) for future in (first, *rest)]


def test_a_job_returns_what_it_returns_when_that_is_stored(store: DatabaseStore) -> None:
    assert store.run(create("r1")) == 1
    assert store.newest(OURS, "ServiceRequest", "r1") == a_stored()


def test_a_job_that_raises_is_undone(store: DatabaseStore) -> None:
    def job(unit: Unit) -> None:
        unit.put(OURS, [a_draft()], NOW)
        raise Stop

    with pytest.raises(Stop):
        store.run(job)

    assert store.newest(OURS, "ServiceRequest", "r1") is None
    assert store.run(create("r1")) == 1


def test_jobs_from_many_threads_are_all_stored(store: DatabaseStore) -> None:
    def work(thread: int) -> None:
        for n in range(5):
            store.run(create(f"r{thread}-{n}"))
            assert store.newest(OURS, "ServiceRequest", f"r{thread}-{n}"), "answered, but not stored"

    together(work, THREADS)

    assert stored(store) == {f"r{thread}-{n}" for thread in range(THREADS) for n in range(5)}


def test_jobs_that_meet_are_one_commit(sqlite: DatabaseStore) -> None:
    seen = commits(sqlite)

    assert waiting(sqlite, THREADS, lambda n: create(f"r{n}")) == [None] + [1] * THREADS

    assert (len(seen), len(stored(sqlite))) == (1, THREADS)


def test_a_job_that_raises_among_others_is_undone_alone(sqlite: DatabaseStore) -> None:
    def jobs(number: int) -> Callable[[Unit], int]:
        def job(unit: Unit) -> int:
            unit.put(OURS, [a_draft(f"r{number}")], NOW)
            if number % 2:
                raise Stop
            return number

        return job

    outcome = waiting(sqlite, 6, jobs)

    assert [type(one) if isinstance(one, Stop) else one for one in outcome] == [None, 0, Stop, 2, Stop, 4, Stop]
    assert stored(sqlite) == {"r0", "r2", "r4"}


def test_when_the_commit_fails_everyone_is_told_and_nothing_is_stored(sqlite: DatabaseStore) -> None:
    def fail(_connection: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    event.listen(sqlite._engines.writing, "commit", fail)
    outcome = waiting(sqlite, 3, lambda n: create(f"r{n}"))
    event.remove(sqlite._engines.writing, "commit", fail)

    assert [type(one) for one in outcome] == [sqlite3.OperationalError] * 4
    assert stored(sqlite) == set()
    assert sqlite.run(create("r1")) == 1


def test_when_sqlite_ends_the_whole_transaction_no_job_of_it_is_answered(sqlite: DatabaseStore) -> None:
    """As it does when the disk is full."""

    def jobs(number: int) -> Callable[[Unit], int]:
        def job(unit: Any) -> int:
            unit.put(OURS, [a_draft(f"r{number}")], NOW)
            if number == 1:
                unit.connection.exec_driver_sql("ROLLBACK")
                raise Stop
            return number

        return job

    outcome = waiting(sqlite, 3, jobs)

    assert [type(one) for one in outcome] == [Problem, Problem, Stop, int]  # the last was in the next turn
    assert stored(sqlite) == {"r2"}
    assert sqlite.run(create("r3")) == 1


def test_a_job_runs_in_the_context_of_the_thread_that_wants_it(sqlite: DatabaseStore) -> None:
    name: ContextVar[str] = ContextVar("name")
    names: dict[int, str] = {}

    def run(number: int) -> None:
        name.set(f"thread {number}")
        sqlite.run(lambda unit: names.__setitem__(number, name.get()))

    together(run, THREADS)

    assert names == {number: f"thread {number}" for number in range(THREADS)}


def test_jobs_and_units_take_turns(store: DatabaseStore) -> None:
    def work(thread: int) -> None:
        for n in range(5):
            if thread % 2:
                store.run(create(f"r{thread}-{n}"))
            else:
                with suppress(Problem), store.write() as unit:  # PostgreSQL: a unit may be overtaken
                    unit.put(OURS, [a_draft(f"r{thread}-{n}", type="Task")], NOW)

    together(work, 4)

    assert len(stored(store)) == 10


def test_a_job_sees_what_those_before_it_did(store: DatabaseStore) -> None:
    def count(thread: int) -> None:
        def job(unit: Unit) -> None:
            old = unit.read(OURS, "ServiceRequest", "r1")
            unit.put(OURS, [a_draft("r1", str(old.version if old else 0))], NOW)

        store.run(job)

    together(count, THREADS)

    newest = store.newest(OURS, "ServiceRequest", "r1")
    assert newest
    assert newest.version == THREADS


def test_a_job_that_is_a_conflict_by_itself_is_told_so(store: DatabaseStore) -> None:
    from adapter.domain.problem import problem

    runs: list[int] = []

    def job(unit: Unit) -> None:
        runs.append(1)
        raise problem(Kind.CONFLICT, "It is there already.", "Den finnes alt.")

    with pytest.raises(Problem) as refused:
        store.run(job)

    assert (refused.value.kind, len(runs)) == (Kind.CONFLICT, 1)


def test_newest_is_what_was_committed_last(store: DatabaseStore) -> None:
    assert store.newest(OURS, "ServiceRequest", "r1") is None
    for content in "abc":
        store.run(lambda unit, content=content: unit.put(OURS, [a_draft("r1", content)], NOW))  # type: ignore[misc]
        with store.write() as unit:
            unit.put(OURS, [a_draft("r1", "not yet")], NOW)
            found = store.newest(OURS, "ServiceRequest", "r1")
            assert found
            assert found.body.endswith(b'"c":"%s"}' % content.encode())
            unit.connection.rollback()

    assert store.newest("other", "ServiceRequest", "r1") is None
    assert store.newest(OURS, "Task", "r1") is None


def test_a_conditional_create_that_meets_another_finds_it(store: DatabaseStore) -> None:
    def make(thread: int) -> str:
        def job(unit: Unit) -> str:
            found = unit.search(OURS, Query("ServiceRequest", [identified(("s", "v"))])).found
            if found:
                return found[0].id
            return unit.put(OURS, [a_draft(f"r{thread}", identifiers=[("s", "v")])], NOW)[0].id

        return store.run(job)

    assert len(set(together(make, THREADS))) == len(stored(store)) == 1


CREATING = """
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from adapter.storage import open_store
from tests.storage.things import NOW, OURS, a_draft

store = open_store(sys.argv[1])

def create(thread):
    for n in count():
        id = f"r{sys.argv[2]}-{thread}-{n}"
        store.run(lambda unit: unit.put(OURS, [a_draft(id)], NOW))
        sys.stdout.write(id + "\\n")
        sys.stdout.flush()

with ThreadPoolExecutor(8) as pool:
    list(pool.map(create, range(8)))
"""


@pytest.mark.slow
def test_what_was_answered_is_there_when_the_process_is_killed(sqlite: DatabaseStore, tmp_path: Path, root: Path) -> None:
    for turn in range(3):
        command = [sys.executable, "-c", CREATING, f"sqlite:///{tmp_path}/store.db", str(turn)]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            answered = [process.stdout.readline().strip() for _ in range(200)]
            process.kill()
            answered += process.stdout.read().split("\n")[:-1]  # what was written in part was not said

        with sqlite.read() as unit:
            assert [id for id in answered if unit.read(OURS, "ServiceRequest", id) is None] == []
            assert len(answered) >= 200


def test_a_leader_that_is_kept_from_its_first_job_does_it_all_the_same(
    sqlite: DatabaseStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may be stopped for as long as a turn lasts before it has begun: nothing is told as stored that is not."""
    times = itertools.count(step=1000)
    with monkeypatch.context() as slow:
        slow.setattr("adapter.storage.turns.time.monotonic", lambda: float(next(times)))
        assert sqlite.run(create("a")) == 1
        assert sqlite.run_each([create("b"), create("c")]) == [1, 1]
    assert stored(sqlite) == {"a", "b", "c"}


@pytest.fixture
def crowded(emptied_on_postgresql: str, shared: DatabaseStore) -> Iterator[psycopg.Connection]:
    """A connection whose process holds the turn of batches on PostgreSQL, until it is closed."""
    with psycopg.connect(emptied_on_postgresql, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (TURN,))
        yield other


def transaction(id: str) -> Callable[[Unit], str]:
    """Stores one, and tells in which transaction."""

    def job(unit: Any) -> str:
        unit.put(OURS, [a_draft(id)], NOW)
        return str(unit.ask("SELECT pg_current_xact_id()::text", ())[0][0])

    return job


@pytest.mark.slow
def test_jobs_of_a_batch_share_a_transaction_of_postgresql(emptied_on_postgresql: str, shared: DatabaseStore) -> None:
    assert emptied_on_postgresql
    assert len({*shared.run_each([transaction(f"r{n}") for n in range(5)])}) == 1
    assert len(stored(shared)) == 5


@pytest.mark.slow
def test_where_no_turn_comes_each_job_of_a_batch_is_done_by_itself(crowded: psycopg.Connection, shared: DatabaseStore) -> None:
    """Another process may hang with the turn in its hand."""
    started = time.monotonic()
    done = shared.run_each([transaction(f"r{n}") for n in range(5)])
    assert 1.5 < time.monotonic() - started < 10

    assert len({*done}) == 5, done
    assert len(stored(shared)) == 5
    crowded.close()
    assert len({*shared.run_each([transaction(f"s{n}") for n in range(5)])}) == 1


def test_a_job_of_a_batch_that_raises_is_undone_alone(store: DatabaseStore) -> None:
    def stop(unit: Unit) -> int:
        create("undone")(unit)
        raise Stop

    assert [one if isinstance(one, int) else type(one) for one in store.run_each([create("r1"), stop, create("r2")])] == [
        1,
        Stop,
        1,
    ]
    assert stored(store) == {"r1", "r2"}
