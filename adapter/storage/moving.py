"""All that is stored, moved to another database: from SQLite to PostgreSQL, or any other way between the two.

    with Moving("sqlite:///stafett.db", "postgresql://stafett@db/stafett") as moving:
        moving.begin(now)                  # raises `Problem` where one of the two must not be used now
        moving.copy()                      # goes on where it was stopped, at whatever moment that was
        moving.compare()                   # raises `Problem` where the two are not alike

Rows go in the order of their keys, each batch in one transaction, so that what the target has says how far it came. Nothing is
translated: keys, moments and bodies are kept alike on both engines (`adapter.storage.tables`), and so the audit's seals hold.
It is long because copying, going on and comparing must agree on the order of every table.
"""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Boolean, Connection, Engine, Integer, LargeBinary, Table, TypeDecorator, inspect

from adapter.domain.problem import Finding, Kind, Problem, problem
from adapter.storage import schema
from adapter.storage.engines import Engines, begin, connect, explain
from adapter.storage.restored import ALIVE, LIVING, in_use, undisturbed
from adapter.storage.rows import ERRORS, Columns, insertion
from adapter.storage.tables import metadata, micros, outbox, setting, trouble
from adapter.usecases.journal import masked

Told = Callable[[str, int], object]
"""Told of a table's name, and of how many more of its rows were copied or compared."""

KEY: Final = "installation-key"
MOVED: Final = "moved"  # the setting of a target: whose copy it is, and of what, if all of it is there
ROWS: Final = 5_000  # of one batch at most
BYTES: Final = 8 * 1024 * 1024  # of one batch, and one row more: a body may have 35 MB
NAMED: Final = 20  # rows that differ, told by their keys
TABLES: Final = (setting, *(table for table in metadata.sorted_tables if table is not setting))  # what a row refers to comes first
NUMBERED: Final = (outbox, trouble)  # PostgreSQL numbers their rows by a sequence

_packed: Final = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Counted:
    """What a table holds: how many rows, and SHA-256 over all of them in the order of their keys."""

    table: str
    rows: int
    digest: str


class Moving:
    """The way from one database to another. Until its block ends nobody can begin to work on either.

    Raises `Problem`: UNSUPPORTED for a url or a version of the tables, NOT_ALLOWED where one of the two is in use or the target
    has data of its own, CONFLICT where they are not alike at the end, TRANSIENT where one cannot be reached.
    """

    def __init__(self, source: str, target: str, *, rows: int = ROWS) -> None:
        if source == target:
            raise problem(Kind.INVALID, "Source and target are one database.", "Kilde og mål er samme database.", where="--to")
        _must_exist(source)
        self.rows, self.source, self.target = rows, Side(connect(source)), Side(connect(target))
        self._urls = {"--from": source, "--to": target}

    def __enter__(self) -> Moving:
        with ExitStack() as alone:
            for where, url in self._urls.items():
                alone.enter_context(undisturbed(url, where))
            self._alone = alone.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._alone.close()
        self.source.engines.dispose()
        self.target.engines.dispose()

    def begin(self, now: datetime) -> int:
        """Lay hold of the target, and say how many rows the source has. The settings go first, with the installation's key."""
        with self.source.reading() as reading:
            _usable(reading, now, "--from")
            mark, settings = _mark_of(reading), list(_settings(reading))
            total = sum(reading.count(table) for table in TABLES[1:])
        with self.target.writing() as writing:
            writing.prepare()
            _usable(writing, now, "--to")
            found = writing.setting(MOVED)
            if found is None:
                if any(writing.count(table) for table in TABLES[1:]) or writing.setting(KEY):
                    raise _occupied()
                writing.execute("DELETE FROM setting")
                writing.add(setting, settings)
                writing.keep(MOVED, mark)
            elif not found.startswith(mark):
                raise _occupied()
        return total

    def copy(self, told: Told = lambda *_: None) -> None:
        """Copy what the target does not have yet. Where all of it is there from an earlier time, nothing is done."""
        with self.source.reading() as reading:
            with self.target.reading() as copied:
                if copied.setting(MOVED) != _mark_of(reading):
                    return
            for table in TABLES[1:]:
                self._copy(table, reading, told)
        with self.target.writing() as writing:
            writing.number()

    def compare(self, told: Told = lambda *_: None) -> list[Counted]:
        """Hold all rows of both against each other, and mark the target as whole where they are alike.

        A target that was whole before has perhaps been used since: it is not looked at again, and the list is empty, unless it is
        the source that was used (CONFLICT), as after a rehearsal: what came since would be left behind.
        """
        counted, faults = list[Counted](), list[Finding]()
        with self.source.reading() as reading, self.target.reading() as copied:
            mark, found = _mark_of(reading), copied.setting(MOVED)
            if found != mark:
                if found != _done(mark, [_tallied(table, _seen(table, reading, told)) for table in TABLES]):
                    raise _used_since()
                return []
            for table in TABLES:
                one, other, differ = compared(table, _seen(table, reading, told), _seen(table, copied))
                counted.append(one)
                if one != other:
                    faults.append(_unlike(one, other, differ))
        if faults:
            raise Problem(*faults)
        with self.target.writing() as writing:
            writing.keep(MOVED, _done(mark, counted))
            if writing.postgresql:
                writing.execute("ANALYZE")  # it has counted none of it yet, and would choose its indexes blindly
        return counted

    def _copy(self, table: Table, reading: Transaction, told: Told) -> None:
        with self.target.writing() as writing:
            last, there = writing.last(table), writing.count(table)
        told(table.name, there)
        for batch in _batches(reading.rows(table, last), self.rows):
            with self.target.writing() as writing:
                writing.add(table, batch)
            told(table.name, len(batch))


@dataclass(frozen=True, slots=True)
class Transaction:
    """One on the database's own driver: SQLAlchemy's way costs more than a row does."""

    driver: Any
    postgresql: bool
    connection: Connection

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[Columns]:
        cursor = self.driver.execute(sql.replace("?", "%s") if self.postgresql else sql, values)
        return cursor.fetchall() if cursor.description else []

    def prepare(self) -> None:
        """Make the tables, where there is nothing at all."""
        if not inspect(self.connection).get_table_names():
            schema.migrate(self.connection)
            schema.state_statistics(self.connection)

    def count(self, table: Table) -> int:
        return int(self.execute(f"SELECT count(*) FROM {table.name}")[0][0])

    def last(self, table: Table) -> Columns:
        """The key of the last row, empty where there is none."""
        keys = keys_of(table)
        last_first = ", ".join(f"{name} DESC" for name in keys)
        rows = self.execute(f"SELECT {', '.join(keys)} FROM {table.name} ORDER BY {last_first} LIMIT 1")
        return tuple(rows[0]) if rows else ()

    def rows(self, table: Table, after: Columns = ()) -> Iterator[Columns]:
        """The rows behind a key, in the order of keys, one by one: neither engine's driver holds more of them."""
        keys, names = ", ".join(keys_of(table)), ", ".join(table.c.keys())
        behind = f"WHERE ({keys}) > ({', '.join('?' for _ in after)})" if after else ""
        sql = f"SELECT {names} FROM {table.name} {behind} ORDER BY {keys}"
        truths = [place for place, column in enumerate(table.c) if isinstance(_plain(column.type), Boolean)]
        for row in self._streamed(table, sql, after):
            yield tuple(int(value) if place in truths else value for place, value in enumerate(row)) if truths else row

    def _streamed(self, table: Table, sql: str, values: Columns) -> Iterator[Columns]:
        if not self.postgresql:
            yield from self.driver.execute(sql, values)
            return
        with self.driver.cursor().copy(f"COPY ({sql.replace('?', '%s')}) TO STDOUT", values) as copy:
            copy.set_types([_postgresql_type(column.type) for column in table.c])
            yield from copy.rows()

    def add(self, table: Table, rows: Sequence[Columns]) -> None:
        if not self.postgresql:
            self.driver.executemany(insertion(table), rows)
            return
        with self.driver.cursor().copy(f"COPY {table.name} ({', '.join(table.c.keys())}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(tuple(map(_held, row)))

    def setting(self, name: str) -> bytes | None:
        rows = self.execute("SELECT value FROM setting WHERE name = ?", (name,))
        return bytes(rows[0][0]) if rows else None

    def keep(self, name: str, value: bytes) -> None:
        self.execute("DELETE FROM setting WHERE name = ?", (name,))
        self.execute("INSERT INTO setting (name, value) VALUES (?, ?)", (name, value))

    def number(self) -> None:
        """Let PostgreSQL's sequences go on behind what is there; SQLite's numbers do by themselves."""
        for table in NUMBERED if self.postgresql else ():
            last = f"SELECT coalesce(max(position), 0) + 1 FROM {table.name}"
            self.execute(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'position'), ({last}), false)")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two databases."""

    engines: Engines

    def reading(self) -> AbstractContextManager[Transaction]:
        """A look at one moment, however long it takes."""
        return _transaction(self.engines.reading)

    def writing(self) -> AbstractContextManager[Transaction]:
        return _transaction(self.engines.claiming)


@contextmanager
def _transaction(engine: Engine) -> Iterator[Transaction]:
    try:
        with begin(engine) as connection:
            one = Transaction(connection.connection.driver_connection, engine.dialect.name == "postgresql", connection)
            if one.postgresql:
                one.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # it waits for the other side, however long
            yield one
    except ERRORS as error:
        raise explain(error) or error from None


def compared(table: Table, ones: Iterator[Columns], others: Iterator[Columns]) -> tuple[Counted, Counted, list[Columns]]:
    """Two lists of rows in the order of their keys: what each comes to, and the first keys at which they differ."""
    tallies, heads, differ = (_Tally(), _Tally()), [next(ones, None), next(others, None)], list[Columns]()
    while any(head is not None for head in heads):
        keys = [None if head is None else _key(table, head) for head in heads]
        first = min(key for key in keys if key is not None)
        if keys[0] != keys[1] or heads[0] != heads[1]:
            differ += [first] if len(differ) < NAMED else []
        for place, rows in enumerate((ones, others)):
            if keys[place] == first:
                tallies[place].add(heads[place] or ())
                heads[place] = next(rows, None)
    one, other = (Counted(table.name, tally.rows, tally.seal.hexdigest()) for tally in tallies)
    return one, other, differ


def _tallied(table: Table, rows: Iterator[Columns]) -> Counted:
    tally = _Tally()
    for row in rows:
        tally.add(row)
    return Counted(table.name, tally.rows, tally.seal.hexdigest())


class _Tally:
    def __init__(self) -> None:
        self.rows, self.seal = 0, sha256()

    def add(self, row: Columns) -> None:
        self.rows += 1
        self.seal.update(_packed(row))


def keys_of(table: Table) -> list[str]:
    """The columns of a table's key, in their order."""
    return [column.name for column in table.primary_key.columns]


def _key(table: Table, row: Columns) -> Columns:
    names = table.c.keys()
    return tuple(row[names.index(name)] for name in keys_of(table))


def _settings(side: Transaction) -> Iterator[Columns]:
    """The installation's settings, without what is remembered of moving it."""
    return (row for row in side.rows(setting) if row[0] != MOVED)


def _seen(table: Table, side: Transaction, told: Told = lambda *_: None) -> Iterator[Columns]:
    """All rows of a table as they can be held on either engine."""
    for row in _settings(side) if table is setting else side.rows(table):
        yield tuple(map(_held, row))
        told(table.name, 1)


def _held(value: Any) -> Any:
    """PostgreSQL cannot hold NUL in a text: it becomes what `tables.key` makes of it in a key."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _batches(rows: Iterable[Columns], most: int) -> Iterator[list[Columns]]:
    """Rows as many as one transaction takes, by their number and their weight."""
    batch, weight = list[Columns](), 0
    for row in rows:
        batch.append(row)
        weight += sum(len(value) for value in row if isinstance(value, bytes))
        if len(batch) == most or weight >= BYTES:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


def _plain(type: Any) -> Any:
    return type.impl if isinstance(type, TypeDecorator) else type


def _postgresql_type(type: Any) -> str:
    known = {Boolean: "bool", Integer: "int8", LargeBinary: "bytea"}
    return next((name for kind, name in known.items() if isinstance(_plain(type), kind)), "text")


def _mark_of(side: Transaction) -> bytes:
    """Whose data it is: the installation's, whose key nobody else has."""
    return sha256(side.setting(KEY) or b"").hexdigest().encode()


def _done(mark: bytes, counted: Sequence[Counted]) -> bytes:
    """What is kept of a whole copy: whose, and what the source held. Its settings tell of the service's start alone."""
    held = [(str(one.table), one.rows, one.digest) for one in counted if one.table != setting.name]
    return mark + b" whole " + sha256(_packed(held)).hexdigest().encode()


def _must_exist(url: str) -> None:
    """A look at what is to be moved must not make it."""
    scheme, _, path = url.partition(":///")
    if scheme == "sqlite" and not Path(path).is_file():
        raise problem(
            Kind.NOT_FOUND,
            f"There is no database at {path}: name the one that the service runs with.",
            f"Det er ingen database på {path}: oppgi den som tjenesten kjører med.",
            where="--from",
        )


def _usable(side: Transaction, now: datetime, where: str) -> None:
    """Whether the tables are this version's, and nobody works on them."""
    if faults := schema.check(side.connection):
        raise Problem(*(replace(fault, where=where) for fault in faults))
    ((living,),) = side.execute(ALIVE, (micros(now - LIVING),))
    if living:
        raise in_use(where)


def _occupied() -> Problem:
    return problem(
        Kind.NOT_ALLOWED,
        "The target has data of its own, or of another installation. Nothing was changed: name an empty database.",
        "Målet har egne data, eller en annen installasjons. Ingenting er endret: oppgi en tom database.",
        where="--to",
    )


def _used_since() -> Problem:
    return problem(
        Kind.CONFLICT,
        "All of it was moved here before, but the source was used since: what came meanwhile is not here. If the service has not "
        "begun to work on the target, empty the target and move again; if it has, keep both and work on one alone.",
        "Alt ble flyttet hit tidligere, men kilden er brukt siden: det som er kommet etterpå, er ikke her. Hvis tjenesten ikke har "
        "begynt å bruke målet, tøm målet og flytt på nytt; hvis den har det, ta vare på begge, og bruk bare den ene.",
        where="--from",
    )


def _unlike(one: Counted, other: Counted, differ: Sequence[Columns]) -> Finding:
    keys = ", ".join(masked(" ".join(map(str, key))) for key in differ)
    return Finding(
        "error",
        Kind.CONFLICT,
        f"{one.rows} rows here, {other.rows} there, which differ at: {keys}. One of the two was changed meanwhile, or holds what "
        "this copy did not put there. Stop what uses them, empty the target, and move again.",
        f"{one.rows} rader her, {other.rows} der, med forskjeller ved: {keys}. En av dem er endret underveis. Stopp det som "
        "bruker dem, tøm målet, og flytt på nytt.",
        where=one.table,
    )
