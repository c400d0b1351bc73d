"""What a restored copy has waiting for hubs, whose rows may have left since the copy was made; and whether anybody works on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

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
