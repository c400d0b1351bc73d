"""Who works on a database, so that none of an older program still writes when a newer one has changed the tables.

    with alone(url, needed):     # a newer program: asks those at work to end, and changes the tables when they have
        ...
    present = Presence(url)      # every process at work
    present.enter()
    present.asked_to_go()        # now and then: whether it should end
    present.leave()

Two locks do it, which a process that dies gives back whatever it dies of. Whoever works holds RUNNING with others; whoever would
change the tables holds WANTED alone, which those at work notice, and then RUNNING alone. On PostgreSQL they are advisory locks of
a session (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS), so the connection must be a session of
its own: a pooler must not share it out. On SQLite they are locks of two empty files beside the database (flock(2)), since those
of SQLite's own are let go when anybody in the process closes the file.
"""

from __future__ import annotations

import fcntl
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final, Protocol

import psycopg
from sqlalchemy import URL, make_url

from adapter.domain.problem import Kind, Problem, problem
from adapter.storage.engines import POSTGRESQL_KEEPALIVES, explain, patience_with

RUNNING, WANTED = "running", "wanted"
PATIENCE: Final = 60.0  # seconds: those at work notice within some, and have 30 for what they have in hand
PAUSE: Final = 0.1  # seconds between tries
VERSION: Final = (
    "SELECT concat_ws(' ', string_agg(version_num, ' '), (SELECT encode(value, 'escape') FROM setting WHERE name = 'index')) "
    "FROM alembic_version"
)


SETTLING: Final = 4.0  # seconds: two looks of a process at work, whose locks went with PostgreSQL and which comes back


class Locks(Protocol):
    settling: float
    """Seconds within which one that works, and whose locks were lost, is back and sees that another is WANTED."""

    def take(self, name: str, *, shared: bool) -> bool:
        """Whether it is ours now; another's is not waited for."""
        ...

    def give_back(self, name: str) -> None: ...
    def version(self) -> str:
        """That of the tables and of what is found by search; empty where it cannot change while we are here."""
        ...

    def close(self) -> None:
        """Give back all."""
        ...


class FileLocks:
    """SQLite's."""

    settling = 0.0  # they are lost with the process alone

    def __init__(self, database: str) -> None:
        self._files = {name: os.open(f"{database}-{name}", os.O_RDWR | os.O_CREAT, 0o600) for name in (RUNNING, WANTED)}

    def take(self, name: str, *, shared: bool) -> bool:
        try:
            fcntl.flock(self._files[name], (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def give_back(self, name: str) -> None:
        fcntl.flock(self._files[name], fcntl.LOCK_UN)

    def version(self) -> str:
        return ""  # the files stay ours as long as we do

    def close(self) -> None:
        for file in self._files.values():
            os.close(file)


class AdvisoryLocks:
    """PostgreSQL's: they are those of one database, and go with the connection."""

    KEYS: Final = {RUNNING: 0x53746167, WANTED: 0x53746168}  # neighbours of `schema.MIGRATING`

    def __init__(self, url: URL) -> None:
        # SQLAlchemy writes a space as +, which libpq takes for a plus; a plus itself stands as %2B.
        where = url.set(drivername="postgresql").render_as_string(hide_password=False).replace("+", "%20")
        self.settling = SETTLING
        self._connection = psycopg.connect(where, autocommit=True, **patience_with(url))
        self._connection.execute(POSTGRESQL_KEEPALIVES)  # the locks of a machine that is gone are not to stay

    def take(self, name: str, *, shared: bool) -> bool:
        return bool(self._ask(f"SELECT pg_try_advisory_lock{'_shared' if shared else ''}({self.KEYS[name]})"))

    def give_back(self, name: str) -> None:
        self._ask(f"SELECT pg_advisory_unlock_shared({self.KEYS[name]})")

    def version(self) -> str:
        return self._ask(VERSION)

    def _ask(self, statement: str) -> str:
        row = self._connection.execute(statement.encode()).fetchone()
        return str(row[0]) if row and row[0] else ""

    def close(self) -> None:
        self._connection.close()


def locks_of(url: str | URL) -> Locks:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return FileLocks(str(parsed.database))
    try:
        return AdvisoryLocks(parsed)
    except psycopg.OperationalError as error:
        raise explain(error) or error from None


@contextmanager
def alone(url: str | URL, needed: Callable[[], bool], patience: float = PATIENCE) -> Iterator[None]:
    """With nobody else at work where it is `needed`, which is asked until it is so, or no more: another may have done it.

    `Problem(TRANSIENT)` where somebody still works after `patience` seconds.
    """
    if not needed():
        yield
        return
    with closing(locks_of(url)) as locks:
        wanted, until = math.inf, time.monotonic() + locks.settling + patience
        while needed():
            if wanted == math.inf and _taken(locks, WANTED):
                wanted = time.monotonic()
            if time.monotonic() >= wanted + locks.settling and _taken(locks, RUNNING):
                break
            if time.monotonic() > until:
                raise problem(
                    Kind.TRANSIENT,
                    "The tables must be brought to this version, but a process of an older one still works on the database after "
                    f"{patience:.0f} seconds. Stop it; then start this one again.",
                    "Tabellene må oppgraderes, men en prosess av en eldre versjon arbeider fortsatt med databasen etter "
                    f"{patience:.0f} sekunder. Stopp den, og start denne på nytt.",
                    where="store.url",
                )
            time.sleep(PAUSE)
        yield


def _taken(locks: Locks, name: str) -> bool:
    """Whether a lock is ours alone. `Problem(TRANSIENT)` where the database went away."""
    try:
        return locks.take(name, shared=False)
    except psycopg.Error as error:
        raise explain(error) or error from None


class Presence:
    """That this process works on a database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._locks: Locks | None = None
        self._version: str | None = None

    def enter(self, patience: float = 3.0) -> None:
        """Be one of those at work. `Problem(TRANSIENT)` where the tables are being changed after `patience` seconds."""
        locks, until = locks_of(self._url), time.monotonic() + patience
        try:
            while not locks.take(RUNNING, shared=True):
                if time.monotonic() > until:
                    raise problem(Kind.TRANSIENT, *TAKEN_OVER, where="store.url")
                time.sleep(PAUSE)
            self._version = self._version or locks.version()
        except (Problem, psycopg.Error) as error:
            locks.close()
            raise explain(error) or error from None
        self._locks = locks

    def asked_to_go(self) -> bool:
        """Whether a newer program waits for this one to end, or has not waited, since we were cut off from the database.

        While the database cannot be reached nobody asks, and nothing is written either.
        """
        try:
            if self._locks is None:
                self.enter(patience=0)
            assert self._locks  # noqa: S101 - tells the type checker
            if self._locks.version() != self._version or not self._locks.take(WANTED, shared=True):
                return True
            self._locks.give_back(WANTED)
        except psycopg.Error:
            self.leave()
        except Problem as fault:
            return fault.findings[0].en == TAKEN_OVER[0]
        return False

    def leave(self) -> None:
        if self._locks is not None:
            self._locks.close()
            self._locks = None


TAKEN_OVER: Final = (
    "A newer program takes over the database: this one ends, or may not start. Install the newer program.",
    "Et nyere program overtar databasen: dette avslutter, eller kan ikke starte. Installer det nyere programmet.",
)
