"""Between rows and the port's dataclasses: a column is named as the field it holds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from typing import Any

import psycopg
from sqlalchemy import Boolean, Connection, Row, Table

from adapter.ports import Message, Outgoing, PartnerState, Shared, State, Trouble
from adapter.storage.engines import explain, too_long
from adapter.storage.tables import Key, Moment, key, micros, moment

Columns = tuple[Any, ...]  # of a row or a question, whatever they are

NAMES = {kind: tuple(field.name for field in fields(kind)) for kind in (Message, Outgoing, Shared, PartnerState, Trouble)}
MESSAGE, OUTGOING = NAMES[Message], NAMES[Outgoing]
SEARCHING = 4.0  # seconds
ERRORS = (sqlite3.Error, psycopg.Error)


def values(thing: Message | Outgoing | Shared | PartnerState | Trouble) -> dict[str, Any]:
    """The row of a thing. (`dataclasses.asdict` would copy every body.)"""
    return {name: getattr(thing, name) for name in NAMES[type(thing)]}


def to_message(row: Sequence[Any]) -> Message:
    named = dict(zip(MESSAGE, row, strict=True))
    return Message(**named | {"state": State(named["state"])})


def to_outgoing(row: Row[*Columns]) -> Outgoing:
    return Outgoing(*row)


def insertion(table: Table, then: str = "", names: Sequence[str] = ()) -> str:
    """The SQL that inserts a row, each the values of all columns (or of these) in their order; `then` says what of a key that is
    there.
    """
    named = names or table.c.keys()
    marks = ", ".join("?" for _ in named)
    return f"INSERT INTO {table.name} ({', '.join(named)}) VALUES ({marks}) {then}"  # noqa: S608 the names are our own


def keeping(table: Table, names: Sequence[str]) -> Callable[[Any], Columns]:
    """Makes of a thing with fields of these names what is kept of it, in their order."""
    kept = [(name, _KEPT.get(type(table.c[name].type), _as_it_is)) for name in names]
    return lambda thing: tuple([None if (value := getattr(thing, name)) is None else how(value) for name, how in kept])


def given(table: Table, names: Sequence[str]) -> Callable[[Columns], Columns]:
    """Makes of the columns of a row, as `Part.ask` has them, their values."""
    forms: dict[type, Callable[[Any], Any]] = {Moment: moment, Boolean: bool}
    back = [forms.get(type(table.c[name].type), _as_it_is) for name in names]
    return lambda row: tuple([None if value is None else how(value) for how, value in zip(back, row, strict=True)])


def _as_it_is(value: Any) -> Any:
    return value


_KEPT: dict[type, Callable[[Any], Any]] = {Key: key, Moment: micros}


@cache
def _marked(sql: str, postgresql: bool) -> str:
    """A statement with the marks of its driver."""
    return sql.replace("?", "%s") if postgresql else sql


@cache
def _inserting(table: Table) -> str:
    return insertion(table)


@cache
def _copying(table: Table) -> str:
    return f"COPY {table.name} ({', '.join(table.c.keys())}) FROM STDIN"


class Part:
    """A part of a unit of work: what works on one connection, within its transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.postgresql = connection.dialect.name == "postgresql"
        self._driver: Any = connection.connection.driver_connection
        self.woken: set[str] = set()  # whom there is something for, when this is committed
        self._made: dict[str, set[Columns]] = {}  # by messages that this unit added: the versions
        self._until: float | None = None  # when a search in this unit is given up

    @property
    def in_transaction(self) -> bool:
        """Whether SQLite still has the transaction open: it ends one by itself when the disk is full."""
        return bool(self._driver.in_transaction)

    def ask(self, sql: str, values: Sequence[Any]) -> list[Columns]:
        """The rows of a statement, its values marked by `?`, in the words of the database itself: keys and moments as kept.

        The driver gets it directly: SQLAlchemy's own way costs 25 µs a statement, as much as many a look-up itself.
        """
        try:
            found: list[Columns] = self._driver.execute(_marked(sql, self.postgresql), values).fetchall()
        except ERRORS as error:
            raise explain(error) or error from None
        return found

    def ask_in_time(self, sql: str, values: Sequence[Any]) -> list[Columns]:
        """As `ask`, for questions that a caller makes up: all of a unit's take `SEARCHING` seconds, or are TOO_COSTLY.

        PostgreSQL gives each of them so long, which is one setting in a transaction.
        """
        if self._until is None:
            self._until = time.monotonic() + SEARCHING
            if self.postgresql:
                self._driver.execute(f"SET LOCAL statement_timeout = {int(SEARCHING * 1000)}")
        if self.postgresql:
            return self.ask(sql, values)
        until = self._until
        self._driver.set_progress_handler(lambda: time.monotonic() > until, 100_000)  # steps: some milliseconds
        try:
            return self.ask(sql, values)
        finally:
            self._driver.set_progress_handler(None, 0)

    def asking_in_time(self) -> Callable[[str, Sequence[Any]], list[Columns]]:
        """`ask_in_time` for one search, which may be hundreds of questions, each of them short: none after `SEARCHING` seconds."""
        end = time.monotonic() + SEARCHING

        def ask(sql: str, values: Sequence[Any]) -> list[Columns]:
            if time.monotonic() > end:
                raise too_long()
            return self.ask_in_time(sql, values)

        return ask

    def tell(self, sql: str, rows: Sequence[Columns]) -> None:
        """Run a statement that gives no rows, once for each of `rows`."""
        if rows:
            try:
                if len(rows) == 1:  # PostgreSQL's driver would send a batch of one
                    self._driver.execute(_marked(sql, self.postgresql), rows[0])
                else:
                    self._driver.cursor().executemany(_marked(sql, self.postgresql), rows)
            except ERRORS as error:
                raise explain(error) or error from None

    def add(self, table: Table, rows: Sequence[Columns]) -> None:
        """Insert rows, each the values of all columns in their order: many of them in PostgreSQL's way for many, at a third of the
        time (https://www.postgresql.org/docs/current/sql-copy.html).
        """
        if not self.postgresql or len(rows) == 1:
            self.tell(_inserting(table), rows)
        elif rows:
            try:
                with self._driver.cursor().copy(_copying(table)) as copy:
                    for row in rows:
                        copy.write_row(row)
            except ERRORS as error:
                raise explain(error) or error from None

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is done within is undone when it raises; what was done before stays."""
        with self.connection.begin_nested():
            yield
