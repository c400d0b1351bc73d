"""The store: units of work, the claiming of outbox rows, and the database's own state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import delete, insert, select

from adapter.domain.problem import Problem
from adapter.ports import Outgoing
from adapter.storage import outbox, schema
from adapter.storage.engines import Engines, begin, connect
from adapter.storage.messages import Messages
from adapter.storage.outbox import Outbox
from adapter.storage.resources import Resources
from adapter.storage.rows import Part
from adapter.storage.tables import setting


class Settings(Part):
    def setting(self, name: str) -> bytes | None:
        return self.connection.scalar(select(setting.c.value).where(setting.c.name == name))

    def set_setting(self, name: str, value: bytes) -> None:
        self.connection.execute(delete(setting).where(setting.c.name == name))
        self.connection.execute(insert(setting), {"name": name, "value": value})


class DatabaseUnit(Messages, Resources, Outbox, Settings):
    """One transaction; see `adapter.ports.Unit`."""


class DatabaseStore:
    """`adapter.ports.Store` on SQLite or PostgreSQL."""

    def __init__(self, engines: Engines) -> None:
        self._engines = engines

    @contextmanager
    def write(self) -> Iterator[DatabaseUnit]:
        with begin(self._engines.writing) as connection:
            yield DatabaseUnit(connection)

    @contextmanager
    def read(self) -> Iterator[DatabaseUnit]:
        with begin(self._engines.reading) as connection:
            yield DatabaseUnit(connection)

    def claim(self, now: datetime, lease: float, limit: int, hubs: Sequence[str]) -> list[Outgoing]:
        with begin(self._engines.claiming) as connection:
            return outbox.claim(connection, now, lease, limit, hubs)

    def migrate(self) -> None:
        """Bring the tables to this version's. Repeating it does nothing; of several processes one does it."""
        with begin(self._engines.claiming) as connection:
            schema.migrate(connection)

    def check(self) -> list[str]:
        try:
            with begin(self._engines.reading) as connection:
                return schema.check(connection)
        except Problem as unusable:
            return [finding.en for finding in unusable.findings]

    def close(self) -> None:
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
