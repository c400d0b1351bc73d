"""What differs between SQLite and PostgreSQL: how to connect, how to begin, and what their errors mean.

SQLite: https://www.sqlite.org/wal.html and https://www.sqlite.org/pragma.html#pragma_synchronous (with WAL only FULL
keeps the last commit through a power cut). PostgreSQL: https://www.postgresql.org/docs/current/transaction-iso.html.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, TimeoutError

from adapter.domain.problem import Finding, Kind, Problem, problem

WAIT = 30.0  # seconds for a turn to write, or for a free connection
PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}  # synchronous 2 is FULL
# A network that swallows all would else be waited for as long as the kernel tries again: a quarter of an hour, or two hours where
# nothing is under way. Seconds, and milliseconds for the last (libpq: Parameter Key Words).
POSTGRESQL_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
# The same for the server, which would else hold what a machine that is gone has locked for two hours; and whoever stands still
# within a transaction (a process that is stopped, a machine that is frozen) lets go of it, since all others may wait for it.
POSTGRESQL_KEEPALIVES = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
POSTGRESQL_IDLE = 30_000  # milliseconds within a transaction, between two statements (idle_in_transaction_session_timeout)
POSTGRESQL_ON = ("fsync", "synchronous_commit", "full_page_writes")
# Who came second: unique_violation, serialization_failure, deadlock_detected, and SQLite's names for the first.
CONFLICTS = {"23505", "40001", "40P01", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
STOPPED = {"57014", "SQLITE_INTERRUPT"}  # by us: query_canceled
UNREACHABLE = (sqlite3.OperationalError, psycopg.OperationalError)
# feature_not_supported: a PostgreSQL that follows another has no transactions that write; idle_in_transaction_session_timeout
PASSING = {"0A000", "25P03"}


@dataclass(frozen=True, slots=True)
class Engines:
    """One database by its ways in: units that write, units that read, the claiming of outbox rows, and single looks."""

    writing: Engine
    reading: Engine
    claiming: Engine
    looking: Engine

    def dispose(self) -> None:
        for engine in (self.writing, self.reading, self.claiming, self.looking):
            engine.dispose()


def connect(url: str) -> Engines:
    """The engines for `sqlite:///PATH` or `postgresql://…`; another url is `Problem(UNSUPPORTED)`. SQLite's file is made."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _unsupported() from None  # its text repeats the url, which may hold a password
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return _sqlite(parsed)
        case "postgresql" | "postgres":
            return _postgresql(parsed.set(drivername="postgresql+psycopg"))
        case _:
            raise _unsupported()


@contextmanager
def begin(engine: Engine) -> Iterator[Connection]:
    """A transaction, committed at the end unless something is raised."""
    try:
        with engine.begin() as connection:
            yield connection
    except TimeoutError:
        raise _busy() from None


def _sqlite(url: URL) -> Engines:
    file = Path(str(url.database))
    try:
        file.touch(mode=0o600)  # it will hold patients' data; its companions (-wal, -shm) take the same mode
    except OSError as error:
        raise problem(
            Kind.TRANSIENT,
            f"The database file cannot be made or opened: {error.strerror}. Make its folder, or give this user access to it.",
            f"Databasefilen kan ikke lages eller åpnes: {error.strerror}. Lag mappen, eller gi denne brukeren tilgang til den.",
            where="store.url",
        ) from None
    # One writer is SQLite's own limit: with one connection, threads queue for it in order instead of trying again and again.
    writing = create_engine(url, hide_parameters=True, pool_size=1, max_overflow=0, pool_timeout=WAIT)
    reading = create_engine(url, hide_parameters=True, pool_size=8, max_overflow=40, pool_timeout=WAIT)
    for engine, how in ((writing, "BEGIN IMMEDIATE"), (reading, "BEGIN")):
        event.listen(engine, "connect", _sqlite_connected)
        event.listen(engine, "begin", lambda connection, how=how: connection.exec_driver_sql(how))
        event.listen(engine, "handle_error", _explain)
    # The one writer has room for the pages it touches (64 MiB), and copies those that many units change back once.
    event.listen(writing, "connect", lambda connection, _: connection.execute("PRAGMA cache_size = -65536"))
    event.listen(writing, "connect", lambda connection, _: connection.execute("PRAGMA wal_autocheckpoint = 8000"))
    event.listen(reading, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))
    return Engines(writing, reading, writing, reading)


def _sqlite_connected(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not begin by itself; the engine's `begin` event does
    connection.execute(f"PRAGMA busy_timeout = {int(WAIT * 1000)}")  # for other processes
    for name, wanted in PRAGMAS.items():
        connection.execute(f"PRAGMA {name} = {wanted}")
        (found,) = connection.execute(f"PRAGMA {name}").fetchone()
        if found != wanted:
            raise _unsafe(f"SQLite pragma {name}", str(found), str(wanted))


def patience_with(url: URL) -> dict[str, Any]:
    """How long a connection to PostgreSQL is waited for, and kept where nobody answers on it; where the url says, as that says."""
    return {name: value for name, value in POSTGRESQL_PATIENCE.items() if name not in url.query}


def _postgresql(url: URL) -> Engines:
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of every batch that a conflict ends, which is raised too
    patience = patience_with(url)
    # At most 20 connections a process: PostgreSQL allows 100 unless told otherwise.
    writing = create_engine(
        url,
        hide_parameters=True,
        isolation_level="SERIALIZABLE",
        pool_size=8,
        max_overflow=8,
        pool_timeout=WAIT,
        connect_args=patience,
    )
    # Looks have connections of their own, whose isolation is never changed and which leave nothing to be undone: half the time.
    looking = create_engine(
        url,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",  # one statement needs no BEGIN and no COMMIT
        pool_size=4,
        max_overflow=0,
        pool_timeout=WAIT,
        pool_reset_on_return=None,
        connect_args=patience,
    )
    for engine in (writing, looking):
        event.listen(engine, "connect", _postgresql_connected)
        event.listen(engine, "handle_error", _explain)
    return Engines(
        writing,
        writing.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True),
        writing.execution_options(isolation_level="READ COMMITTED"),  # SKIP LOCKED passes over what others hold; no conflicts
        looking,
    )


def _postgresql_connected(connection: Any, _record: object) -> None:
    with connection.cursor() as cursor:
        for name in POSTGRESQL_ON:
            found = cursor.execute("SELECT current_setting(%s)", (name,)).fetchone()[0]
            if found == "off":
                raise _unsafe(f"PostgreSQL {name}", found, "on")
        cursor.execute("SET jit = off")  # it takes 10 ms to compile what reads some rows of a large table
        cursor.execute(POSTGRESQL_KEEPALIVES)
        cursor.execute(f"SET idle_in_transaction_session_timeout = {POSTGRESQL_IDLE}")
    connection.commit()


OVERTAKEN = Finding(
    "error",
    Kind.CONFLICT,
    "Another unit of work changed or made the same rows first. Run this one again from its start.",
    "En annen transaksjon endret eller laget de samme radene først. Kjør denne på nytt fra starten.",
)


class Overtaken(Problem):
    """A unit that another one was faster than: run again from its start, it may well succeed."""


def too_long() -> Problem:
    return problem(
        Kind.TOO_COSTLY,
        "The search takes too long: ask for less, by an identifier, a person, an owner or a time.",
        "Søket tar for lang tid: be om mindre, ved en identifikator, en person, en eier eller et tidsrom.",
    )


def explain(original: BaseException) -> Problem | None:
    """What a driver's error means, for all statements, commits and connections; None for what only a programmer can mend."""
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None)
    if code in CONFLICTS:
        return Overtaken(OVERTAKEN)
    if code in STOPPED:
        return too_long()
    faulty = code == "SQLITE_ERROR"  # the statement, or there are no tables
    if code in PASSING or (isinstance(original, UNREACHABLE) and not faulty):
        return problem(
            Kind.TRANSIENT,
            "The database cannot be reached, is full or cannot be written. Check that it runs and has room; this is tried again.",
            "Databasen kan ikke nås, er full eller kan ikke skrives. Se etter at den kjører og har plass; dette prøves på nytt.",
            where="store.url",
        )
    return None


def _explain(context: ExceptionContext) -> None:
    if context.original_exception is not None and (found := explain(context.original_exception)):
        raise found


def _busy() -> Problem:
    return problem(
        Kind.TRANSIENT,
        f"No connection to the database came free within {WAIT:.0f} seconds. Try again; if it goes on, look for a long unit.",
        f"Ingen databasetilkobling ble ledig innen {WAIT:.0f} sekunder. Prøv igjen; fortsetter det, let etter en lang transaksjon.",
        where="store.url",
    )


def _unsafe(what: str, found: str, wanted: str) -> Problem:
    return problem(
        Kind.INTERNAL,
        f"{what} is {found}, not {wanted}: a committed message could be lost. Use a local disk, and leave the setting on.",
        f"{what} er {found}, ikke {wanted}: en lagret melding kan gå tapt. Bruk en lokal disk, og la innstillingen stå på.",
        where="store.url",
    )


def _unsupported() -> Problem:
    return problem(
        Kind.UNSUPPORTED,
        "The store's url is neither sqlite:///PATH nor postgresql://USER@HOST/NAME. Correct it in the configuration.",
        "Lagerets url er verken sqlite:///STI eller postgresql://BRUKER@VERT/NAVN. Rett den i konfigurasjonen.",
        where="store.url",
    )
