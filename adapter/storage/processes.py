"""The processes that share the database, and what each has in hand of a hub's."""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from adapter.ports import InHand, Process
from adapter.storage.rows import Part, insertion
from adapter.storage.tables import in_hand, key, micros, moment, process

LONGEST: Final = timedelta(hours=1)
"""A process that lives and has had something in hand for so long does not come back to it."""

BEAT: Final = insertion(process, "ON CONFLICT (id) DO UPDATE SET seen = excluded.seen")
TAKE: Final = insertion(in_hand, "ON CONFLICT (hub, name) DO NOTHING RETURNING name")
TAKE_OVER: Final = (
    "UPDATE in_hand SET process = ?, since = ?, tries = ? WHERE hub = ? AND name = ? AND process = ? AND tries = ? RETURNING name"
)


class Processes(Part):
    def beat(self, process: Process) -> None:
        self.tell(BEAT, [(key(process.id), key(process.roles), micros(process.started), micros(process.seen))])

    def bury(self, id: str) -> None:
        self.tell("DELETE FROM process WHERE id = ?", [(key(id),)])

    def in_hand(self, hub: str, names: Sequence[str], now: datetime) -> dict[str, InHand]:
        marks = ", ".join("?" for _ in names)
        rows = self.ask(
            "SELECT h.name, h.process, h.tries, h.since, EXISTS (SELECT 1 FROM process p WHERE p.id = h.process) "
            f"FROM in_hand h WHERE h.hub = ? AND h.name IN ({marks})",
            (key(hub), *map(key, names)),
        )
        return {
            name: InHand(holder, tries, bool(lives) and abs(now - moment(since)) < LONGEST)
            for name, holder, tries, since, lives in rows
        }

    def take_in_hand(self, hub: str, wanted: Mapping[str, InHand | None], process: str, now: datetime) -> set[str]:
        taken: set[str] = set()
        for name in sorted(wanted):  # in one order, so that no two wait for each other
            was = wanted[name]
            if was is None:
                found = self.ask(TAKE, (key(hub), key(name), key(process), micros(now), 1))
            else:
                tries = was.tries + (was.process != process)
                found = self.ask(TAKE_OVER, (key(process), micros(now), tries, key(hub), key(name), key(was.process), was.tries))
            taken |= {row[0] for row in found}
        return taken

    def put_down(self, hub: str, names: Sequence[str], process: str) -> None:
        self.tell(
            "DELETE FROM in_hand WHERE hub = ? AND name = ? AND process = ?", [(key(hub), key(n), key(process)) for n in names]
        )

    def put_down_of_the_dead(self, before: datetime) -> None:
        dead = "SELECT DISTINCT process FROM in_hand WHERE process NOT IN (SELECT id FROM process)"
        self.tell("DELETE FROM in_hand WHERE process = ? AND since < ?", [(id, micros(before)) for (id,) in self.ask(dead, ())])
