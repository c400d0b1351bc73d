"""Wakes whoever waits for something to do, in this process at once and in the others soon.

    bells = Bells()
    waits = bells.of("edi2")              # an event; set when something is put in the outbox for that hub
    listen(bells, engines, stopped)       # in a thread of its own: hears of what other processes put there

PostgreSQL tells all who listen (https://www.postgresql.org/docs/current/sql-notify.html), when what they are told of is committed.
SQLite tells nobody, but says whether another connection has committed (https://www.sqlite.org/pragma.html#pragma_data_version),
which costs some microseconds to ask. Nothing depends on being told: who waits looks by itself now and then.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Event, Lock
from typing import Final

import structlog

from adapter.domain.problem import Problem
from adapter.storage.engines import Engines, begin

log = structlog.get_logger(__name__)

CHANNEL: Final = "stafett"
LOOK_EVERY: Final = 0.1  # seconds between questions to SQLite
HEAR_FOR: Final = 1.0  # seconds, after which we see whether we are to go on
AGAIN_AFTER: Final = 5.0  # seconds, where the database cannot be listened to


class Bells:
    """An event for each name that is waited for."""

    def __init__(self) -> None:
        self._events: dict[str, Event] = {}
        self._lock = Lock()

    def of(self, name: str) -> Event:
        with self._lock:
            return self._events.setdefault(name, Event())

    def ring(self, names: Iterable[str]) -> None:
        for name in names:
            if event := self._events.get(name):
                event.set()

    def ring_all(self) -> None:
        with self._lock:
            names = list(self._events)
        self.ring(names)


def listen(bells: Bells, engines: Engines, stopped: Event) -> None:
    """Until `stopped`. Where the database cannot be heard, everybody looks for themselves, and it is tried again."""
    hear = _hear_sqlite if engines.writing.dialect.name == "sqlite" else _hear_postgresql
    while not stopped.is_set():
        try:
            hear(bells, engines, stopped)
        except Exception as fault:  # whatever it is: nothing but the sooner look depends on it
            log.warning("worker.not_listening", why=str(fault) if isinstance(fault, Problem) else type(fault).__name__)
            stopped.wait(AGAIN_AFTER)


def _hear_sqlite(bells: Bells, engines: Engines, stopped: Event) -> None:
    with engines.reading.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101 - tells the type checker
        before = None
        while not stopped.wait(LOOK_EVERY):
            (now,) = driver.execute("PRAGMA data_version").fetchone()
            if now != before:
                bells.ring_all()
            before = now


def _hear_postgresql(bells: Bells, engines: Engines, stopped: Event) -> None:
    with begin(engines.looking) as connection:
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101 - tells the type checker
        driver.execute(f"LISTEN {CHANNEL}")
        try:
            bells.ring_all()  # what was put there before we listened
            while not stopped.is_set():
                for told in driver.notifies(timeout=HEAR_FOR):
                    bells.ring([told.payload])
        finally:
            driver.execute(f"UNLISTEN {CHANNEL}")
