"""Between rows and the port's dataclasses: a column is named as the field it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Row, Table

from adapter.ports import Message, Outgoing, State, Stored

Columns = tuple[Any, ...]  # of a row or a question, whatever they are

MESSAGE = tuple(field.name for field in fields(Message))
OUTGOING = tuple(field.name for field in fields(Outgoing))
STORED = tuple(field.name for field in fields(Stored))


def values(thing: Message | Outgoing) -> dict[str, Any]:
    """The row of a thing. (`dataclasses.asdict` would copy every body.)"""
    return {name: getattr(thing, name) for name in (MESSAGE if isinstance(thing, Message) else OUTGOING)}


def to_message(row: Row[*Columns]) -> Message:
    named = dict(zip(MESSAGE, row, strict=True))
    return Message(**named | {"state": State(named["state"])})


def to_outgoing(row: Row[*Columns]) -> Outgoing:
    return Outgoing(*row)


def to_stored(row: Row[*Columns]) -> Stored:
    return Stored(*row)


def add_all(connection: Connection, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert many rows, each the values of all columns in their order.

    SQLAlchemy's own way of binding many rows costs as much as all the rest of a message's transaction together, so
    the driver gets them directly; the columns' types still convert the values.
    """
    if not rows:
        return
    statement, converters = _insertion(table, connection.dialect)
    converted = [tuple(value if to is None else to(value) for value, to in zip(row, converters, strict=True)) for row in rows]
    connection.exec_driver_sql(statement, converted)


@cache
def _insertion(table: Table, dialect: Dialect) -> tuple[str, Sequence[Callable[[Any], Any] | None]]:
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    names, marks = ", ".join(table.c.keys()), ", ".join(mark for _ in table.c)
    converters = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.c]
    return f"INSERT INTO {table.name} ({names}) VALUES ({marks})", converters  # noqa: S608 the names are our own


class Part:
    """A part of a unit of work: what works on one connection, within its transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is done within is undone when it raises; what was done before stays."""
        with self.connection.begin_nested():
            yield
