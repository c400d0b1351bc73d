"""Between rows and the port's dataclasses: a column is named as the field it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Row

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


class Part:
    """A part of a unit of work: what works on one connection, within its transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """What is done within is undone when it raises; what was done before stays."""
        with self.connection.begin_nested():
            yield
