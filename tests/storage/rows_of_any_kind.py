"""A database with rows of every table: whatever can stand in a column, chosen by a seed."""

from __future__ import annotations

import random
from typing import Any

from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table, TypeDecorator, text

from adapter.storage import DatabaseStore, open_store
from adapter.storage.tables import metadata

TEXTS = (
    "",
    "a",
    "Å",
    "æøå ÆØÅ",
    "\U0001f9ed",
    "line\nline\r\n\ttab",
    "\\N",
    "\\.",
    "'\"%s?:x",
    " before and after ",
    "0",
    "\x01",
    "ß" * 300,
)
NUMBERS = (0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 1_770_000_000_000_000)
BODIES = (b"", b"\0", b"\\x00", b"\xff\xfe", b'{"x": 1.50}', "æøå".encode(), bytes(range(256)) * 40)
SMALL = 2**31 - 1  # of PostgreSQL's integer


def value(chance: random.Random, column: Column[Any], number: int) -> Any:
    """One that the column can hold; of what must differ from row to row the number is a part."""
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    if column.nullable and chance.random() < 0.3:
        return None
    if isinstance(kind, Boolean):
        return chance.random() < 0.5
    if isinstance(kind, LargeBinary):
        return chance.choice(BODIES) + chance.randbytes(chance.choice((0, 3, 40)))
    if isinstance(kind, Integer):
        bounded = type(kind) is Integer
        return number if column.primary_key or bounded else chance.choice(NUMBERS)
    plain = chance.choice(TEXTS)
    return f"{plain}{number}" if column.primary_key or column.name in ("id", "about", "msg_id", "hub_id") else plain


def rows(chance: random.Random, table: Table, count: int) -> list[dict[str, Any]]:
    made = [
        {column.name: value(chance, column, number) for column in table.c} for number in chance.sample(range(1, 10 * count), count)
    ]
    for row in made:
        if table.name == "process":
            row["seen"] = 0  # long ago
    return made


def fill(url: str, seed: int, count: int = 12) -> None:
    """`count` rows in every table, and an installation's key."""
    chance, store = random.Random(seed), open_store(url)
    store.migrate()
    with store.write() as unit:
        unit.set_setting("installation-key", chance.randbytes(32))
        messages: list[str] = []
        for table in metadata.sorted_tables:
            made = rows(chance, table, count)
            if table.name == "message":
                messages = [row["id"] for row in made]
            if table.name == "message_xml":
                for row, id in zip(made, messages, strict=True):
                    row["message_id"] = id
            put(unit.connection, table, made)
    store.close()


def put(connection: Any, table: Table, made: list[dict[str, Any]]) -> None:
    names = ", ".join(table.c.keys())
    marks = ", ".join(f":{column.name}" for column in table.c)
    connection.execute(text(f"INSERT INTO {table.name} ({names}) VALUES ({marks})"), made)


def content(store: DatabaseStore | str) -> dict[str, set[tuple[Any, ...]]]:
    """All rows of all tables, but for what is remembered of a moving."""
    if isinstance(store, str):
        opened = open_store(store)
        try:
            return content(opened)
        finally:
            opened.close()
    with store.read() as unit:
        found = {
            table.name: {
                tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                for row in unit.connection.execute(text(f"SELECT {', '.join(table.c.keys())} FROM {table.name}"))
            }
            for table in metadata.sorted_tables
        }
    found["setting"] = {row for row in found["setting"] if row[0] != "moved"}
    return found
