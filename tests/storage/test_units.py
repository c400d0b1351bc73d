"""Units of work: all or nothing, one after another in effect, and errors in the port's own words."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Barrier, BrokenBarrierError
from typing import TypeVar

import pytest

from adapter.domain.problem import Kind, Problem
from adapter.ports import AuditRecord, Draft, Query, Unit
from adapter.r4.index import Index
from adapter.storage import DatabaseStore
from adapter.storage.store import DatabaseUnit
from tests.storage.things import NOW, OURS, a_draft, a_message, a_row, later

THREADS = 6
Outcome = TypeVar("Outcome")


class Stop(Exception):
    """What a use case may raise."""


def run(store: DatabaseStore, work: Callable[[DatabaseUnit], bool]) -> bool:
    """Do the work in a unit of its own, again after each conflict, as use cases do."""
    for _ in range(50):
        try:
            with store.write() as unit:
                return work(unit)
        except Problem as conflict:
            if conflict.kind != Kind.CONFLICT:
                raise
    raise AssertionError("a conflict that does not end")


def together(work: Callable[[int], Outcome], threads: int = THREADS) -> list[Outcome]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, range(threads)))


def test_a_unit_that_raises_leaves_nothing(store: DatabaseStore) -> None:
    def work() -> None:
        with store.write() as unit:
            unit.add_message(a_message(), b"<x/>")
            unit.put(OURS, [a_draft(identifiers=[("s", "v")])], NOW, "m1")
            unit.enqueue(a_row())
            unit.set_setting("key", b"1")
            raise Stop

    with pytest.raises(Stop):
        work()

    with store.read() as unit:
        left = [unit.message("m1"), unit.message_xml("m1"), unit.read(OURS, "ServiceRequest", "r1"), unit.outgoing("o1")]
        assert [*left, unit.setting("key"), *unit.message_resources(OURS, "m1")] == [None] * 5


def test_a_savepoint_that_raises_undoes_what_was_done_within_and_no_more(store: DatabaseStore) -> None:
    def within(unit: DatabaseUnit) -> None:
        with unit.savepoint():
            unit.put(OURS, [a_draft()], NOW, "m1")
            unit.enqueue(a_row())
            raise Stop

    with store.write() as unit:
        unit.add_message(a_message("m1"), b"<x/>")
        with pytest.raises(Stop):
            within(unit)
        unit.put(OURS, [a_draft("r2")], NOW, "m1")

    with store.read() as unit:
        assert unit.message("m1") == a_message("m1")
        assert [stored.id for stored in unit.message_resources(OURS, "m1")] == ["r2"]
        assert [unit.read(OURS, "ServiceRequest", "r1"), unit.outgoing("o1")] == [None, None]


def test_a_savepoint_that_ends_well_is_kept(store: DatabaseStore) -> None:
    with store.write() as unit, unit.savepoint():
        unit.enqueue(a_row())

    with store.read() as unit:
        assert unit.outgoing("o1") == a_row()


def test_after_a_conflict_within_a_savepoint_the_unit_goes_on(store: DatabaseStore) -> None:
    with store.write() as unit:
        unit.add_message(a_message("m1", msg_id="same"), b"<x/>")
        with pytest.raises(Problem) as refused, unit.savepoint():
            unit.add_message(a_message("m2", msg_id="same"), b"<y/>")
        unit.enqueue(a_row())

    with store.read() as unit:
        assert (refused.value.kind, unit.message("m2"), unit.outgoing("o1")) == (Kind.CONFLICT, None, a_row())


def test_a_unit_that_reads_sees_one_moment_throughout(store: DatabaseStore) -> None:
    with store.read() as reader:
        before = reader.count_messages([OURS])
        with store.write() as writer:
            writer.add_message(a_message(), b"<x/>")
        assert reader.count_messages([OURS]) == before
        assert reader.message("m1") is None

    with store.read() as unit:
        assert unit.message("m1") == a_message()


def test_a_unit_that_reads_cannot_write(store: DatabaseStore) -> None:
    with pytest.raises(Exception, match=r"(?i)written|read-only"), store.read() as unit:
        unit.set_setting("key", b"1")

    with store.read() as unit:
        assert unit.setting("key") is None


def test_of_threads_that_add_the_same_message_exactly_one_wins(store: DatabaseStore) -> None:
    start = Barrier(THREADS)

    def add(thread: int) -> str:
        start.wait(10)
        try:
            with store.write() as unit:
                unit.add_message(a_message(f"m{thread}", msg_id="same"), b"<x/>")
        except Problem as lost:
            return lost.kind
        return "added"

    assert sorted(together(add)) == ["added"] + [Kind.CONFLICT] * (THREADS - 1)


def test_of_threads_that_look_before_they_add_exactly_one_adds_and_all_others_see_it(store: DatabaseStore) -> None:
    start = Barrier(THREADS)

    def receive(thread: int) -> bool:
        start.wait(10)

        def work(unit: DatabaseUnit) -> bool:
            if unit.messages_with_key("8094866", "8142520", "same"):
                return False
            unit.add_message(a_message(f"m{thread}", msg_id="same"), b"<x/>")
            return True

        return run(store, work)

    assert sorted(together(receive)) == [False] * (THREADS - 1) + [True]


def test_two_units_that_would_each_overlook_the_other_are_not_both_kept(store: DatabaseStore) -> None:
    """Different keys, so that no constraint helps: a referral and its cancellation that arrive at the same time."""
    looked = Barrier(2)

    def receive(thread: int) -> bool:
        def work(unit: DatabaseUnit) -> bool:
            alone = not unit.referral_messages(OURS, "8142520", "doc-1")
            with suppress(BrokenBarrierError):
                looked.wait(0.5)  # PostgreSQL: both have looked. SQLite: the other waits for its turn.
            unit.add_message(a_message(f"m{thread}"), b"<x/>")
            return alone

        return run(store, work)

    assert sorted(together(receive, 2)) == [False, True]


def test_no_change_of_a_resource_is_lost_between_threads(store: DatabaseStore) -> None:
    """Each thread merges its own mark into what is stored, as persons are merged."""
    rounds = 4

    def merge(thread: int) -> bool:
        for step in range(rounds):

            def work(unit: DatabaseUnit, mark: bytes = b"%d.%d " % (thread, step)) -> bool:
                old = unit.read(OURS, "Patient", "p1")
                merged = (old.body if old else b"") + mark
                unit.put(OURS, [Draft("Patient", "p1", Index(), lambda _version, _updated: merged)], NOW)
                return True

            run(store, work)
        return True

    together(merge, 3)

    with store.read() as unit:
        versions = unit.history(OURS, "Patient", "p1", 99).found
    assert sorted(versions[0].body.split()) == sorted(b"%d.%d" % (thread, step) for thread in range(3) for step in range(rounds))
    assert [stored.version for stored in versions] == list(range(12, 0, -1))


def test_readers_do_not_wait_for_a_writer(store: DatabaseStore) -> None:
    with store.write() as writer:
        writer.add_message(a_message(), b"<x/>")
        with store.read() as reader:
            assert reader.message("m1") is None


def test_a_setting_is_kept_and_replaced(store: DatabaseStore) -> None:
    with store.write() as unit:
        unit.set_setting("key", b"\x00one")
        unit.set_setting("key", b"\x00two")
        unit.set_setting("other", b"")

    with store.read() as unit:
        assert [unit.setting("key"), unit.setting("other"), unit.setting("none")] == [b"\x00two", b"", None]


def test_of_threads_that_make_the_installations_key_all_end_with_the_same(store: DatabaseStore) -> None:
    start = Barrier(THREADS)
    got: list[bytes | None] = []

    def make(thread: int) -> bool:
        start.wait(10)

        def work(unit: DatabaseUnit) -> bool:
            if unit.setting("key") is None:
                unit.set_setting("key", b"%d" % thread)
            return True

        run(store, work)
        with store.read() as unit:
            got.append(unit.setting("key"))
        return True

    together(make)

    assert len(got) == THREADS
    assert len(set(got)) == 1


def test_a_moment_is_kept_to_the_microsecond_and_a_naive_one_refused(store: DatabaseStore) -> None:
    moment = later(0.000001)
    with store.write() as unit:
        unit.add_message(a_message(received=moment), b"")
        with pytest.raises(Exception, match="naive"), unit.savepoint():
            unit.add_message(a_message("m2", received=moment.replace(tzinfo=None)), b"")

    with store.read() as unit:
        found = unit.message("m1")
    assert found is not None
    assert found.received == moment


def test_jobs_that_share_a_commit_stand_each_for_itself(store: DatabaseStore) -> None:
    def keep(id: str, unit: Unit) -> str:
        unit.put(OURS, [a_draft(id=id)], NOW)
        return id

    def fail(unit: Unit) -> str:
        keep("lost", unit)
        raise KeyError("ours")

    first, second, third = store.run_each([partial(keep, "a"), fail, partial(keep, "b")])

    assert (first, type(second), third) == ("a", KeyError, "b")
    with store.read() as unit:
        assert {one.id for one in unit.search(OURS, Query("ServiceRequest")).found} == {"a", "b"}


def test_what_one_job_writes_is_no_part_of_what_another_waits_to_tell_in_the_audit(store: DatabaseStore) -> None:
    """A record that waits becomes about those whose resources are put in its own unit, and about nobody else's."""

    def told(patient: str, unit: Unit) -> None:
        unit.await_audit(AuditRecord(f"of-{patient}", NOW, OURS, (), b"{}"))
        unit.put(OURS, [replace(a_draft(id=f"task-{patient}"), index=Index(patient=patient))], NOW)

    store.run_each([partial(told, "p1"), partial(told, "p2")])
    store.append_audit([], [], NOW + timedelta(hours=1))

    with store.read() as unit:
        assert {link.record.id: link.record.about for link in unit.audit_links()} == {"of-p1": ("p1",), "of-p2": ("p2",)}


def test_what_a_savepoint_has_undone_is_not_told_in_the_audit(store: DatabaseStore) -> None:
    def work(unit: Unit) -> None:
        with suppress(Stop), unit.savepoint():
            unit.await_audit(AuditRecord("undone", NOW, OURS, (), b"{}"))
            raise Stop
        unit.put(OURS, [replace(a_draft(id="t"), index=Index(patient="p1"))], NOW)

    store.run(work)
    store.append_audit([], [], NOW + timedelta(hours=1))

    with store.read() as unit:
        assert unit.audit_links() == []
