"""SQLite stores with their tables, made by a copy: migrations are run once in a process, not once in a test.

    store = open_store(with_tables(folder / "store.db"))

What is about migrations themselves runs them (`tests/storage/test_schema.py`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from adapter.storage import open_store


def with_tables(path: Path) -> str:
    """The url of a store with its tables: what is there already is left as it is, else it is a new and empty one."""
    if not path.exists():
        path.write_bytes(_empty())
    return f"sqlite:///{path}"


@cache
def _empty() -> bytes:
    with TemporaryDirectory(prefix="stafett-tables-") as folder:
        path = Path(folder) / "store.db"
        store = open_store(f"sqlite:///{path}")
        store.migrate()
        store.close()
        return path.read_bytes()
