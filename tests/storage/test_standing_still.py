"""PostgreSQL: one that stands still within a transaction, or whose machine is gone, keeps nobody waiting for long."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import psycopg
import pytest

from adapter.domain.problem import Kind, Problem
from adapter.storage import engines, open_store
from adapter.storage.presence import AdvisoryLocks, locks_of

pytestmark = pytest.mark.slow
KEEPALIVES = "SELECT name FROM pg_settings WHERE name ~ '^tcp_keepalives' AND source = 'session' ORDER BY name"
NAMES = ["tcp_keepalives_count", "tcp_keepalives_idle", "tcp_keepalives_interval"]


def test_what_it_has_locked_is_let_go_and_it_may_try_again(with_tables_on_postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the server a process that is stopped (SIGSTOP), or a frozen machine, is one that says nothing within a transaction."""
    monkeypatch.setattr(engines, "POSTGRESQL_IDLE", 500)
    put: list[float] = []

    def put_second() -> None:
        others.run(lambda unit: unit.set_setting("x", b"second"))
        put.append(time.monotonic())

    def stand_still() -> None:
        with store.write() as unit:
            unit.set_setting("x", b"first")
            waiting.start()
            waiting.join(10)
            unit.ask("SELECT 1", ())

    with closing(open_store(with_tables_on_postgresql)) as store, closing(open_store(with_tables_on_postgresql)) as others:
        store.run(lambda unit: unit.set_setting("x", b""))
        waiting, began = threading.Thread(target=put_second, daemon=True), time.monotonic()
        with pytest.raises(Problem) as told:
            stand_still()
        waiting.join(10)
        store.run(lambda unit: unit.set_setting("y", b"again"))  # with another connection
        with store.read() as unit:
            assert unit.setting("x") == b"second"

    assert told.value.kind is Kind.TRANSIENT
    assert put[0] - began < 5


def test_it_may_try_again_however_it_learns_of_it() -> None:
    """Mostly it finds the connection closed; it may also read the server's own last words (SQLSTATE 25P03)."""
    found = engines.explain(psycopg.errors.IdleInTransactionSessionTimeout())
    assert found is not None
    assert found.kind is Kind.TRANSIENT


def test_the_server_asks_whether_we_are_there(with_tables_on_postgresql: str) -> None:
    """Of itself it does so after two hours. On a socket of the machine's own there is nothing to ask, but it is told to."""
    with closing(open_store(with_tables_on_postgresql)) as store:
        with store.read() as unit:
            assert [name for (name,) in unit.ask(KEEPALIVES, ())] == NAMES
        with store._engines.looking.connect() as connection:
            assert [name for (name,) in connection.exec_driver_sql(KEEPALIVES)] == NAMES
    with closing(locks_of(with_tables_on_postgresql)) as locks:
        assert isinstance(locks, AdvisoryLocks)
        assert [name for (name,) in locks._connection.execute(KEEPALIVES.encode())] == NAMES
