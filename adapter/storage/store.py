"""The store: units of work, the claiming of outbox rows, and the database's own state."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from datetime import datetime
from functools import partial
from threading import Event, Lock
from types import MappingProxyType
from typing import TypeVar

from sqlalchemy import Connection, Engine, PoolProxiedConnection, delete, insert, select, text

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.ports import Appended, AuditRecord, Draft, Outgoing, Stored, Unit
from adapter.storage import outbox, schema
from adapter.storage.audit import Audit
from adapter.storage.bells import CHANNEL, Bells, listen
from adapter.storage.blocking import EVERYTHING, View, shown_row
from adapter.storage.engines import Engines, Overtaken, begin, connect, explain
from adapter.storage.exports import Exports
from adapter.storage.figures import Figures
from adapter.storage.messages import Messages
from adapter.storage.outbox import Outbox
from adapter.storage.presence import alone
from adapter.storage.processes import Processes
from adapter.storage.resources import NEWEST, Resources, stored_as
from adapter.storage.retention import Retention
from adapter.storage.rows import Columns, Part
from adapter.storage.secrecy import Secrecy
from adapter.storage.sessions import Sessions
from adapter.storage.sharing import Sharing
from adapter.storage.tables import key, setting
from adapter.storage.turns import Turns

T = TypeVar("T")

ATTEMPTS = 40
LONGEST_PAUSE = 0.2  # seconds
AT_ONCE = 25
"""Jobs that share a transaction of PostgreSQL's: more would save little, and keep others waiting."""

WAIT_FOR_TURN, TAKE_TURN = text("SET LOCAL lock_timeout = '2s'"), text(f"SELECT pg_advisory_xact_lock({0x7475726E})")
"""In turns, by a lock whose name is *turn*; who gets none within two seconds goes on without."""

CROWDED = (
    "Others changed the same at once, again and again: try again in a moment.",
    "Andre endret det samme samtidig, gang på gang: prøv igjen om litt.",
)


class Settings(Part):
    def setting(self, name: str) -> bytes | None:
        return self.connection.scalar(select(setting.c.value).where(setting.c.name == name))

    def set_setting(self, name: str, value: bytes) -> None:
        self.connection.execute(delete(setting).where(setting.c.name == name))
        self.connection.execute(insert(setting), {"name": name, "value": value})


class DatabaseUnit(
    Messages, Resources, Exports, Outbox, Sharing, Secrecy, Retention, Audit, Sessions, Figures, Processes, Settings
):
    """One transaction; see `adapter.ports.Unit`."""

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is undone is not remembered either."""
        waits, woken = self._waits, set(self.woken)
        try:
            with super().savepoint():
                yield
        except BaseException:
            self._waits, self.woken = waits, woken
            raise

    def announce(self) -> None:
        """Let other processes know, with the commit, for whom there is something to do."""
        if self.postgresql:
            for name in sorted(self.woken):
                self.ask("SELECT pg_notify(?, ?)", (CHANNEL, name))

    def put(self, tenant: str, drafts: Sequence[Draft], now: datetime, message_id: str = "") -> list[Stored]:
        kept = super().put(tenant, drafts, now, message_id)
        self.concern(tenant, kept)
        return kept


class Look:
    """A connection of SQLite's that only `newest` uses, without a transaction: one statement sees one moment anyway."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._using = Lock()
        self._connection: PoolProxiedConnection | None = None

    def rows(self, sql: str, values: Columns) -> list[Columns]:
        """All rows, fetched, or the moment would last."""
        with self._using:
            try:
                if self._connection is None:
                    self._connection = self._engine.raw_connection()
                found: list[Columns] = self._connection.driver_connection.execute(sql, values).fetchall()  # type: ignore[union-attr]
            except sqlite3.Error as error:
                raise explain(error) or error from None
            return found

    def close(self) -> None:
        with self._using:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


class DatabaseStore:
    """`adapter.ports.Store` on SQLite or PostgreSQL."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines
        self._view = EVERYTHING
        self.quick = engines.writing.dialect.name == "sqlite"
        self._turns = Turns(engines.writing) if self.quick else None
        self._look = Look(engines.reading)
        self._bells = Bells()

    def seen_by(self, tenants: Sequence[str], who: Sequence[str]) -> DatabaseStore:
        seen = copy(self)
        seen._view = View(frozenset(tenants), tuple(dict.fromkeys(who)))
        return seen

    @contextmanager
    def write(self) -> Iterator[DatabaseUnit]:
        with begin(self._engines.writing) as connection:
            unit = DatabaseUnit(connection, self._view)
            yield unit
            unit.announce()
        self._bells.ring(unit.woken)

    @contextmanager
    def read(self) -> Iterator[DatabaseUnit]:
        with begin(self._engines.reading) as connection:
            yield DatabaseUnit(connection, self._view)

    def run(self, job: Callable[[Unit], T]) -> T:
        if self._turns is not None:
            (done,) = self._in_turns([job])
            if isinstance(done, Exception):
                raise done
            return done
        for attempt in range(ATTEMPTS):
            try:
                with self.write() as unit:
                    return job(unit)
            except Overtaken:
                if attempt == ATTEMPTS - 1:
                    raise problem(Kind.TRANSIENT, *CROWDED) from None  # nothing is wrong with the job itself
            time.sleep(random.random() * min(LONGEST_PAUSE, 0.002 * 2**attempt))  # noqa: S311 - apart from each other, no secret
        raise AssertionError  # the last attempt has returned or raised

    def run_each(self, jobs: Sequence[Callable[[Unit], T]]) -> list[T | Exception]:
        if self._turns is not None:
            return self._in_turns(jobs)
        done: list[T | Exception] = []
        for start in range(0, len(jobs), AT_ONCE):
            done += self._at_once(jobs[start : start + AT_ONCE])
        return done

    def _in_turns(self, jobs: Sequence[Callable[[Unit], T]]) -> list[T | Exception]:
        assert self._turns is not None  # noqa: S101 - tells the type checker
        woken: set[str] = set()

        def work(connection: Connection, job: Callable[[Unit], T]) -> T:
            unit = DatabaseUnit(connection, self._view)
            done = job(unit)
            woken.update(unit.woken)
            return done

        done: list[T | Exception] = self._turns.run_each([partial(work, job=job) for job in jobs])
        self._bells.ring(woken)
        return done

    def _at_once(self, jobs: Sequence[Callable[[Unit], T]]) -> list[T | Exception]:
        """Some jobs in one transaction, of which there is one at a time: those of two processes would overtake each other, since
        each looks where the other writes. Where one fails, or no turn comes, each job in its own.
        """
        if len(jobs) > 1:
            with suppress(Exception), begin(self._engines.claiming) as queue:
                queue.execute(WAIT_FOR_TURN)
                queue.execute(TAKE_TURN)
                with self.write() as turn:
                    return [self._within(turn, job) for job in jobs]
        return [self._by_itself(job) for job in jobs]

    def _within(self, turn: DatabaseUnit, job: Callable[[Unit], T]) -> T:
        unit = DatabaseUnit(turn.connection, self._view)  # what a unit remembers is its job's alone
        done = job(unit)
        turn.woken |= unit.woken
        return done

    def _by_itself(self, job: Callable[[Unit], T]) -> T | Exception:
        try:
            return self.run(job)
        except Exception as error:
            return error

    def newest(self, tenant: str, type: str, id: str) -> Stored | None:
        sql, values = shown_row(NEWEST, tenant, self._view)
        asked = (key(tenant), key(id), key(type), *values)
        return stored_as(type, id, self._look.rows(sql, asked) if self.quick else self._rows_of_pool(sql, asked))

    def _rows_of_pool(self, sql: str, values: Columns) -> list[Columns]:
        with begin(self._engines.looking) as connection:
            return Part(connection).ask(sql, values)

    def bell(self, name: str) -> Event:
        return self._bells.of(name)

    def listen(self, stopped: Event) -> None:
        listen(self._bells, self._engines, stopped)

    def claim(
        self, now: datetime, lease: float, limit: int, hubs: Sequence[str], passed_over: Sequence[str] = ()
    ) -> list[Outgoing]:
        with begin(self._engines.claiming) as connection:
            return outbox.claim(connection, now, lease, limit, hubs, passed_over)

    def append_audit(
        self,
        records: Sequence[AuditRecord],
        proofs: Sequence[tuple[str, datetime]],
        now: datetime,
        instead: Mapping[str, Sequence[AuditRecord]] = MappingProxyType({}),
    ) -> Appended:
        return self._chaining(lambda audit: audit.append(records, proofs, now, instead))

    def drop_audit(self, before: datetime, now: datetime) -> int:
        dropped = 0
        while some := self._chaining(lambda audit: audit.drop(before, now)):
            dropped += some
        return dropped

    def _chaining(self, job: Callable[[Audit], T]) -> T:
        """A job on the chain. On PostgreSQL it waits for its turn and sees what was committed last: nothing overtakes it."""
        if self._turns is not None:
            done: T = self._turns.run(lambda connection: job(Audit(connection)))
            return done
        with begin(self._engines.claiming) as connection:
            return job(Audit(connection))

    def migrate(self, base: str = "") -> None:
        """Bring the tables, and what is found by search, to this version's. Repeating it does nothing; of several processes
        one does it, when those of an older program have ended (`adapter.storage.presence`).
        """
        from adapter.storage import reindex  # noqa: PLC0415 it reads R4's tables

        def needed() -> bool:
            with begin(self._engines.reading) as connection:
                if not schema.is_of_us(connection):
                    return False
                form = reindex.form_of(DatabaseUnit(connection))
                return form < reindex.FORM or (form == reindex.FORM and schema.is_behind(connection))

        with alone(self._engines.writing.url, needed), begin(self._engines.claiming) as connection:
            schema.migrate(connection)
            reindex.bring_up(DatabaseUnit(connection), base)
            schema.state_statistics(connection)

    def check(self) -> list[Finding]:
        try:
            with begin(self._engines.reading) as connection:
                return schema.check(connection)
        except Problem as unusable:
            return [*unusable.findings]

    def close(self) -> None:
        self._look.close()
        self._engines.dispose()


def open_store(url: str) -> DatabaseStore:
    """The store at `sqlite:///PATH` or `postgresql://USER@HOST/NAME`. Makes SQLite's file, no tables: that is `migrate`.

    SQLite's safety settings are asserted here, PostgreSQL's when it is first reached; `Problem(INTERNAL)` says which one
    is off, `Problem(UNSUPPORTED)` that the url is neither.
    """
    engines = connect(url)
    if engines.writing.dialect.name == "sqlite":
        with begin(engines.writing):
            pass
    return DatabaseStore(engines)
