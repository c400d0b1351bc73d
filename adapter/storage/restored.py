"""A database that nobody works on: that it is so, and what a restored copy has waiting for hubs, which may have left since."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Final

from adapter.domain.problem import Kind, Problem, problem
from adapter.storage.presence import PAUSE, RUNNING, locks_of
from adapter.storage.store import DatabaseStore
from adapter.storage.tables import micros

LIVING: Final = timedelta(seconds=60)  # a process tells that it lives more often than that
ALIVE: Final = "SELECT count(*) FROM process WHERE seen > ?"

WAITING: Final = "SELECT id, position FROM outbox WHERE state = 'waiting' AND hub = ? AND position > ? ORDER BY position LIMIT ?"


def waiting(store: DatabaseStore, hub: str, after: int = 0, limit: int = 200) -> list[tuple[str, int]]:
    """Ids and positions of rows that wait for a hub, the oldest first."""
    with store.read() as unit:
        return [(id, position) for id, position in unit.ask(WAITING, (hub, after, limit))]


def is_in_use(store: DatabaseStore, now: datetime) -> bool:
    """Whether any process works on the database, or did within a minute."""
    with store.read() as unit:
        return bool(unit.ask(ALIVE, (micros(now - LIVING),))[0][0])


@contextmanager
def undisturbed(url: str, where: str, patience: float = 5.0) -> Iterator[None]:
    """Nobody works on the database meanwhile, and nobody can begin to. `Problem(NOT_ALLOWED)` where somebody does.

    A connection of one of us that was killed is let go by PostgreSQL within moments: so long it is waited for.
    """
    with closing(locks_of(url)) as locks:
        until = time.monotonic() + patience
        while not locks.take(RUNNING, shared=False):
            if time.monotonic() > until:
                raise in_use(where)
            time.sleep(PAUSE)
        yield


def in_use(where: str) -> Problem:
    return problem(
        Kind.NOT_ALLOWED,
        "Processes use this database, or did within a minute. Stop the service, wait a minute, and try again.",
        "Prosesser bruker databasen, eller gjorde det for under et minutt siden. Stopp tjenesten, vent et minutt, og prøv igjen.",
        where=where,
    )
