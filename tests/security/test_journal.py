"""The way of records to the database: together, in order, and nobody is told before it is safe."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapter.domain.problem import Kind, Problem, problem
from adapter.ports import Appended, AuditRecord
from adapter.security.journal import HEAD_EVERY, MOST, Journal
from adapter.storage import open_store
from adapter.usecases.verify_audit import verify

NOW = datetime(2026, 5, 11, 8, 42, 19, tzinfo=UTC)
UNTIL = NOW + timedelta(seconds=60)
SECONDS = 20  # more than any of these takes: a future that is forgotten fails the test rather than the suite


class Clock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


class Slate:
    """A store's `append_audit`, which can be held back and made to fail; it spends proofs as stores do."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.spent: set[str] = set()
        self.go = threading.Event()
        self.go.set()
        self.called = threading.Event()
        self.fault: Exception | None = None

    def append_audit(
        self, records: Sequence[AuditRecord], proofs: Sequence[tuple[str, datetime]], now: datetime, instead: Any
    ) -> Appended:
        self.called.set()
        assert self.go.wait(SECONDS)
        if self.fault:
            raise self.fault
        self.batches.append([record.id for record in records])
        fresh = []
        for hash, _ in proofs:
            fresh.append(hash not in self.spent)
            self.spent.add(hash)
        return Appended(fresh, sum(map(len, self.batches)), bytes(32))


def a_record(id: str) -> AuditRecord:
    return AuditRecord(id, NOW, "974633574", ("p1",), b"{}")


@pytest.fixture
def slate() -> Slate:
    return Slate()


@pytest.fixture
def journal(slate: Slate) -> Iterator[Journal]:
    store: Any = slate
    journal = Journal(store, Clock())
    journal.start()
    yield journal
    slate.go.set()
    journal.stop()


def held(slate: Slate, journal: Journal) -> Future[list[bool]]:
    """The journal busy with a first record, which does not get through until `slate.go`."""
    slate.go.clear()
    first = journal.keep([a_record("first")])
    assert slate.called.wait(SECONDS)
    return first


def test_nobody_is_told_before_the_commit(slate: Slate, journal: Journal) -> None:
    kept = held(slate, journal)

    assert not kept.done()
    slate.go.set()

    assert kept.result(SECONDS) == []
    assert slate.batches == [["first"]]


def test_all_that_wait_share_one_commit_and_each_learns_of_its_own_proofs(slate: Slate, journal: Journal) -> None:
    first = held(slate, journal)
    second = journal.keep([a_record("a"), a_record("b")], [("j1", UNTIL)])
    third = journal.keep([], [("j1", UNTIL), ("j2", UNTIL)])
    fourth = journal.keep([a_record("c")])
    slate.go.set()

    assert [kept.result(SECONDS) for kept in (first, second, third, fourth)] == [[], [True], [False, True], []]
    assert slate.batches == [["first"], ["a", "b", "c"]]


def test_a_commit_is_of_a_bounded_number(slate: Slate, journal: Journal) -> None:
    held(slate, journal)
    last = [journal.keep([a_record(str(n))]) for n in range(MOST + 1)][-1]
    slate.go.set()

    last.result(SECONDS)
    assert [len(batch) for batch in slate.batches] == [1, MOST, 1]


def test_where_the_database_fails_each_that_waited_fails_and_the_next_are_tried_anew(slate: Slate, journal: Journal) -> None:
    slate.fault = problem(Kind.TRANSIENT, "full", "full", where="store.url")
    waiting = [held(slate, journal), journal.keep([a_record("a")])]
    slate.go.set()

    faults = [kept.exception(SECONDS) for kept in waiting]
    assert [fault.kind for fault in faults if isinstance(fault, Problem)] == [Kind.TRANSIENT] * 2
    assert faults[0] is not faults[1]
    slate.fault = None
    assert journal.keep([a_record("b")]).result(SECONDS) == []
    assert slate.batches == [["b"]]


def test_a_fault_of_ours_fails_those_that_wait_without_its_words_and_ends_nothing(slate: Slate, journal: Journal) -> None:
    slate.fault = ValueError("01417012345")

    fault = journal.keep([a_record("a")]).exception(SECONDS)

    assert isinstance(fault, Problem)
    assert fault.kind is Kind.INTERNAL
    assert "01417012345" not in str(fault)
    slate.fault = None
    assert journal.keep([a_record("b")]).result(SECONDS) == []


def test_whoever_hangs_up_is_written_down_all_the_same(slate: Slate, journal: Journal) -> None:
    held(slate, journal)
    left = journal.keep([a_record("left")])

    assert not left.cancel()
    slate.go.set()

    assert left.result(SECONDS) == []
    assert slate.batches == [["first"], ["left"]]


def test_at_the_end_what_waits_is_written_down_and_what_comes_later_refused(slate: Slate, journal: Journal) -> None:
    held(slate, journal)
    waiting = [journal.keep([a_record(str(n))]) for n in range(3)]
    slate.go.set()
    journal.stop()

    assert all(kept.done() for kept in waiting)
    assert slate.batches == [["first"], ["0", "1", "2"]]
    late = journal.keep([a_record("late")]).exception(SECONDS)
    assert isinstance(late, Problem)
    assert late.kind is Kind.TRANSIENT


def test_the_head_of_the_chain_is_logged_now_and_then(slate: Slate) -> None:
    clock, store = Clock(), slate
    journal = Journal(store, clock)  # type: ignore[arg-type]
    journal.start()
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            journal.keep([a_record("a")]).result(SECONDS)
        clock.time += HEAD_EVERY
        journal.keep([a_record("a")]).result(SECONDS)
        journal.stop()

    assert logs == [
        {"event": "audit.head", "log_level": "info", "position": 1, "digest": "00" * 32},
        {"event": "audit.head", "log_level": "info", "position": 4, "digest": "00" * 32},
    ]


def test_what_others_have_left_waiting_is_looked_for_when_nobody_comes(slate: Slate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapter.security.journal.IDLE", 0.01)
    journal = Journal(slate, Clock())  # type: ignore[arg-type]
    journal.start()

    assert slate.called.wait(SECONDS)
    journal.stop()
    assert slate.batches[0] == []


def test_many_threads_at_once_leave_one_unbroken_chain_with_each_record_once(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    journal = Journal(store, Clock())
    journal.start()

    def ask(name: int) -> None:
        for n in range(20):
            assert journal.keep([a_record(f"{name}-{n}")], [(f"{name}-{n}", UNTIL)]).result(SECONDS) == [True]

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.stop()

    with store.read() as unit:
        told = [link.record.id for link in unit.audit_links()]
    assert sorted(told) == sorted(f"{name}-{n}" for name in range(16) for n in range(20))
    assert verify(store).broken is None
    store.close()
