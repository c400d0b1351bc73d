"""Whoever waits for something to do is woken by what another process puts there, and by nothing that was not kept.

The stores stand for two processes: each has bells of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from adapter.ports import Unit
from adapter.storage import DatabaseStore, open_store
from tests.storage.things import a_row

SOON, A_WHILE = 5.0, 0.5  # seconds, on a busy machine; and in which one that is to ring would have rung


class Stop(Exception):
    """What a unit may raise."""


@pytest.fixture
def elsewhere(store: DatabaseStore, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DatabaseStore]:
    """Another process' store, which listens, and whose bells `a` and `b` have not rung since."""
    url = f"sqlite:///{tmp_path}/store.db" if store.quick else request.getfixturevalue("with_tables_on_postgresql")
    other, stopped = open_store(url), threading.Event()
    bells = [other.bell(name) for name in "ab"]
    listening = threading.Thread(target=other.listen, args=(stopped,))
    listening.start()
    for bell in bells:  # what may have been put there before it listened
        assert bell.wait(SOON)
        bell.clear()
    yield other
    stopped.set()
    listening.join(10)
    other.close()


def put(id: str, hub: str) -> Callable[[Unit], None]:
    return lambda unit: unit.enqueue(a_row(id, hub=hub))


def put_and_stop(unit: Unit) -> None:
    unit.enqueue(a_row("undone", hub="a"))
    raise Stop


def in_a_unit(store: DatabaseStore) -> None:
    with store.write() as unit:
        put("o1", "a")(unit)


def as_a_job(store: DatabaseStore) -> None:
    store.run(put("o1", "a"))


def among_jobs(store: DatabaseStore) -> None:
    assert store.run_each([put("o1", "a"), put("o2", "c")]) == [None, None]


@pytest.mark.parametrize("work", [in_a_unit, as_a_job, among_jobs])
def test_what_is_put_there_wakes_whoever_waits_for_it_here_and_elsewhere(
    store: DatabaseStore, elsewhere: DatabaseStore, work: Callable[[DatabaseStore], None]
) -> None:
    here, other = store.bell("a"), store.bell("b")
    here.clear()
    other.clear()

    work(store)
    assert here.is_set()
    assert elsewhere.bell("a").wait(SOON)
    assert not other.is_set()
    if not store.quick:  # SQLite tells that something was committed, not what
        assert not elsewhere.bell("b").is_set()


def unit_that_stops(store: DatabaseStore) -> None:
    with suppress(Stop), store.write() as unit:
        put_and_stop(unit)


def job_that_stops(store: DatabaseStore) -> None:
    with suppress(Stop):
        store.run(put_and_stop)


def jobs_that_stop(store: DatabaseStore) -> None:
    assert [type(one) for one in store.run_each([put_and_stop, put_and_stop])] == [Stop, Stop]


@pytest.mark.parametrize("work", [unit_that_stops, job_that_stops, jobs_that_stop])
def test_what_was_undone_wakes_nobody(
    store: DatabaseStore, elsewhere: DatabaseStore, work: Callable[[DatabaseStore], None]
) -> None:
    store.bell("a").clear()

    work(store)
    if not store.quick or work is unit_that_stops:  # SQLite tells of a commit also where all in it was undone
        assert not elsewhere.bell("a").wait(A_WHILE)
    assert not store.bell("a").is_set()

    store.run(put("o1", "a"))  # and it listens all the while
    assert elsewhere.bell("a").wait(SOON)
