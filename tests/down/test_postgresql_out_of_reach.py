"""A PostgreSQL that has no connection left, and a network that swallows all: told in time, and waited for no longer than it must.

The network is a relay of the test's own, on this machine: it takes what is sent and passes nothing on, as a firewall that has lost
its table does; then it hangs up, as the kernel does when nobody has acknowledged anything for `tcp_user_timeout`.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import make_url

from adapter.console import readiness
from adapter.console.readiness import Readiness
from adapter.domain.problem import Kind, Problem
from adapter.storage import open_store
from adapter.storage.engines import POSTGRESQL_PATIENCE
from adapter.storage.presence import locks_of

pytestmark = pytest.mark.slow
OUT: Final = "The database cannot be reached, is full or cannot be written. Check that it runs and has room; this is tried again."


def test_where_no_connection_is_left_it_is_told_and_over_when_one_is_free(postgresql: Callable[[], str]) -> None:
    url = postgresql()
    open_store(url).migrate()
    with psycopg.connect(url, autocommit=True) as owner:
        name = make_url(url).database
        owner.execute(f"CREATE ROLE of_{name} LOGIN CONNECTION LIMIT 1".encode())
        owner.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO of_{name}".encode())
    limited = url.replace("stafett@", f"of_{name}@")

    store = open_store(limited)
    with psycopg.connect(limited):
        found = Readiness(store, [""]).look()
        assert (found["status"], found["faults"]) == ("not ready", [OUT])
        with pytest.raises(Problem) as told:
            store.run(lambda unit: unit.set_setting("x", b""))
        assert told.value.kind is Kind.TRANSIENT
    deadline = time.monotonic() + 10  # the server takes a moment to see that it has gone
    while (found := Readiness(store, [""]).look())["status"] != "ready":
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    store.close()


class Relay:
    """Between a port here and PostgreSQL's socket. While it `hangs`, what comes is taken and goes nowhere."""

    def __init__(self, to: Path) -> None:
        self.to, self.hangs, self.ended = to, False, False
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listening.getsockname()[1])
        self.ways: list[socket.socket] = []
        threading.Thread(target=self._take, daemon=True).start()

    def hang_up(self) -> None:
        """All connections there are end, as reset."""
        for way in self.ways:
            with suppress(OSError):
                way.shutdown(socket.SHUT_RDWR)
        self.ways.clear()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self.listening.accept()
                there = socket.socket(socket.AF_UNIX)
                there.connect(str(self.to))
                self.ways += [here, there]
                for one, other in ((here, there), (there, here)):
                    threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                while self.hangs:
                    time.sleep(0.02)
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)


@contextmanager
def relay(to: Path) -> Iterator[Relay]:
    made = Relay(to)
    try:
        yield made
    finally:
        made.hangs = False
        made.listening.close()
        made.hang_up()


def test_a_network_that_hangs_is_told_of_in_time_and_is_no_matter_when_it_is_mended(
    postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "PATIENCE", 0.5)
    monkeypatch.setattr(readiness, "FRESH", 0.0)
    url = postgresql()
    name, _, folder = url.rpartition("@")[2].partition("?host=")
    with relay(Path(folder) / ".s.PGSQL.5432") as network:
        store = open_store(f"postgresql://stafett@127.0.0.1:{network.port}{name}")
        store.migrate()
        looking = Readiness(store, [""])

        def told() -> dict[str, Any]:
            return asyncio.run(looking.told())

        assert told()["status"] == "ready"

        network.hangs = True
        started = time.monotonic()
        assert told() == {"status": "not ready", "faults": [readiness.SILENT]}
        assert told() == {"status": "not ready", "faults": [readiness.SILENT]}  # and only one look hangs with it
        assert time.monotonic() - started < 5
        assert sum(thread.name == "readiness" for thread in threading.enumerate()) == 1

        network.hang_up()
        network.hangs = False
        deadline = time.monotonic() + 10
        while (found := told())["status"] != "ready":
            assert time.monotonic() < deadline, found
        store.run(lambda unit: unit.set_setting("x", b"kept"))
        with store.read() as unit:
            assert unit.setting("x") == b"kept"
        store.close()


def test_the_kernel_is_asked_to_end_what_nobody_acknowledges(postgresql: Callable[[], str]) -> None:
    """Seen at a connection's own socket: without, Linux waits for a quarter of an hour."""
    url = postgresql()
    name, _, folder = url.rpartition("@")[2].partition("?host=")
    with relay(Path(folder) / ".s.PGSQL.5432") as network:
        through = f"postgresql://stafett@127.0.0.1:{network.port}{name}"
        store, locks = open_store(through), locks_of(through)
        raw = store._engines.writing.raw_connection()
        for connection in (raw.driver_connection, locks._connection):  # type: ignore[attr-defined]
            assert connection
            own = socket.socket(fileno=socket.dup(connection.fileno()))
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == POSTGRESQL_PATIENCE["tcp_user_timeout"]
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == POSTGRESQL_PATIENCE["keepalives_idle"]
            own.close()
        raw.close()
        locks.close()
        store.close()
