"""Everything that a database holds, as bytes: to look for what must not be in it, whatever table or column it would be in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import text

from adapter.storage import DatabaseStore
from adapter.storage.tables import metadata


def rows(store: DatabaseStore) -> bytes:
    """All values of all rows of all tables, on either engine."""
    found: list[bytes] = []
    with store._engines.reading.begin() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(text(f"SELECT * FROM {table.name}")):
                found += map(_bytes, row)
    return b"\n".join(found)


def files(folder: Path) -> bytes:
    """What SQLite's files hold, once its log has been taken in: also where rows were and are no longer."""
    with closing(sqlite3.connect(next(folder.glob("*.db")))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return b"\n".join(path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file())


def _bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
