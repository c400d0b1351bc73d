"""PostgreSQL is started anew while a newer program is installed: nobody of an older one writes beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg
import pytest

from adapter.domain.problem import Kind, Problem
from adapter.storage import open_store, presence
from adapter.storage.presence import AdvisoryLocks, Presence, alone
from tests.postgres import server

pytestmark = pytest.mark.slow


def test_those_whose_locks_went_with_postgresql_are_back_and_end_before_the_tables_are_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The older one looks every 0.2 s here, the newer waits two of its looks."""
    monkeypatch.setattr(presence, "SETTLING", 1.0)
    ended = list[float]()
    with server() as postgresql:
        store = open_store(postgresql.url)
        store.migrate()
        store.close()
        older = Presence(postgresql.url)
        older.enter()
        postgresql.stop("fast")
        postgresql.start()

        def look() -> None:
            while not older.asked_to_go():
                time.sleep(0.2)
            time.sleep(0.3)  # what it has in hand
            ended.append(time.monotonic())
            older.leave()

        looking = threading.Timer(0.3, look)
        looking.daemon = True
        looking.start()
        with alone(postgresql.url, lambda: True, patience=10):
            began = time.monotonic()
            there = [*ended]
        looking.join(10)
    assert there
    assert there[0] <= began


def test_a_database_that_goes_away_while_a_newer_program_waits_is_a_passing_trouble(
    with_tables_on_postgresql: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> bool:
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(AdvisoryLocks, "take", gone)
    ways: list[Callable[[], object]] = [
        alone(with_tables_on_postgresql, lambda: True).__enter__,
        Presence(with_tables_on_postgresql).enter,
    ]
    for way in ways:
        with pytest.raises(Problem) as told:
            way()
        assert told.value.kind is Kind.TRANSIENT
