"""Fills a store with synthetic Tasks, as many as are wanted, with all that they are found by: python -m bench.loading URL TASKS

    load("sqlite:///many.db", 1_000_000)

A million take some minutes. They are written in the order of their keys and indexed afterwards, which is many times faster
than one after the other; what is stored is the same, and a test says so.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from operator import itemgetter
from typing import Any, TypeVar

import msgspec
from rich.progress import Progress
from sqlalchemy import Table

from adapter.ports import Draft, Stored
from adapter.r4.index import Index, index
from adapter.storage import DatabaseStore, open_store
from adapter.storage.resources import entries_of, head_of, version_of
from adapter.storage.rows import Columns, insertion
from adapter.storage.store import DatabaseUnit
from adapter.storage.tables import resource, resource_index, resource_version
from bench.tasks import BEGAN, ORGANISATION, id, task

BATCH = 5000
T = TypeVar("T")
TABLES = (resource, resource_index, resource_version)

encode = msgspec.json.Encoder().encode


def load(
    store: DatabaseStore | str, tasks: int, *, tenant: str = ORGANISATION, make: Callable[[int], tuple[Stored, Index]] | None = None
) -> None:
    """Put `tasks` Tasks into a store that has none: the n-th of `bench.tasks`, updated a second after the one before.

    `make` gives others, with the same ids.
    """
    if isinstance(store, str):
        opened = open_store(store)
        try:
            opened.migrate()
            load(opened, tasks, tenant=tenant, make=make)
        finally:
            opened.close()
        return
    load_all(store, ((id(n), make or stored_task, n) for n in range(tasks)), tenant=tenant)


Making = tuple[str, Callable[[int], tuple[Stored, Index]], int]
"""An id, what makes its resource, and the number that it makes it of."""


def load_all(store: DatabaseStore, resources: Iterable[Making], *, tenant: str = ORGANISATION) -> None:
    """Put resources of any types into a store that has none."""
    in_order = sorted(resources, key=itemgetter(0))
    with filling(store, TABLES), Progress(disable=not sys.stderr.isatty()) as progress:
        loading = progress.add_task("Resources", total=len(in_order))
        for some in batched(in_order):
            made = [make(n) for _, make, n in some]
            with store.write() as unit:
                insert(unit, resource_version, (version_of(tenant, stored) for stored, _ in made))
                insert(unit, resource, (head_of(tenant, stored, found) for stored, found in made))
                insert(unit, resource_index, chain.from_iterable(entries_of(tenant, *one) for one in made))
            progress.advance(loading, len(some))


@contextmanager
def filling(store: DatabaseStore, tables: Sequence[Table]) -> Iterator[None]:
    """The tables are without their indexes while they are filled, and have them afterwards."""
    indexes = [one for table in tables for one in sorted(table.indexes, key=lambda one: str(one.name))]
    with store.write() as unit:
        for one in indexes:
            one.drop(unit.connection)
    yield
    for one in indexes:
        with store.write() as unit:
            one.create(unit.connection)
    store.migrate()  # states SQLite's statistics again, which went with the indexes
    with store.write() as unit:
        if unit.postgresql:
            unit.connection.exec_driver_sql("ANALYZE")


def draft(n: int) -> Draft:
    """The n-th Task as it would be put, one by one."""
    return draft_of(task(n))


def draft_of(body: dict[str, Any]) -> Draft:
    """A resource with an id, as it would be put."""

    def make(version: int, updated: Any) -> bytes:
        moment = updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return encode({**body, "meta": {"versionId": str(version), "lastUpdated": moment}})

    return Draft(body["resourceType"], body["id"], index(body), make)


def stored_task(n: int) -> tuple[Stored, Index]:
    return stored_of(draft(n), BEGAN + timedelta(seconds=n))


def stored_of(made: Draft, updated: datetime) -> tuple[Stored, Index]:
    """What is stored of a draft, and found by."""
    found = made.index if isinstance(made.index, Index) else made.index()
    return Stored(made.type, made.id, 1, updated, made.make(1, updated), found.patient), found


def insert(unit: DatabaseUnit, table: Table, rows: Iterable[Columns]) -> None:
    """Rows of all the table's columns, as they are kept."""
    if not unit.postgresql:
        unit.tell(insertion(table), list(rows))
        return
    columns = ", ".join(table.c.keys())
    driver: Any = unit.connection.connection.driver_connection
    with driver.cursor().copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def batched(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """Some thousands at a time."""
    for start in range(0, len(things), BATCH):
        yield things[start : start + BATCH]


if __name__ == "__main__":
    load(sys.argv[1], int(sys.argv[2]))
