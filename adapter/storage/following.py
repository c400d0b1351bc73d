"""Who follows what, what each is to be told, and what came of telling them.

A write notes what it changed where anybody follows that type, and nothing more: who is to be told, and the numbering, is work for
afterwards. So a write never waits for another because both are followed by the same one.
"""

# ruff: noqa: S608 - statements are made of our own names alone; all values are marks
from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, select, tuple_

from adapter.correlation import cause
from adapter.ports import Attempt, Follower, FollowerState, Happening, Outgoing, Seen, Stored
from adapter.storage.blocking import NONE, Blocking, View, hidden
from adapter.storage.rows import OUTGOING, Columns, given, insertion, keeping
from adapter.storage.tables import LEFT_OPEN, UNDERWAY, WAITING, key, micros, moment, outbox
from adapter.storage.tables import change as changes
from adapter.storage.tables import subscription as subscriptions
from adapter.storage.tables import subscription_attempt as tries
from adapter.storage.tables import subscription_event as events
from adapter.storage.tables import subscription_standing as standings

NAME: Final = "subscriptions"
"""Stands for a hub in the outbox, and is whom a change wakes."""

STATUSES: Final = ("requested", "active", "error", "off")
COUNTED: Final = "status IN ('active', 'error', 'requested')"
OF_FOLLOWER: Final = tuple(Follower.__slots__)
OF_STANDING: Final = tuple(FollowerState.__slots__)
OF_ATTEMPT: Final = tuple(Attempt.__slots__)
OF_SEEN: Final = Seen._fields
FOLLOWERS: Final = f"SELECT {', '.join(OF_FOLLOWER)} FROM subscription WHERE"
STANDINGS: Final = f"SELECT {', '.join(f's.{name}' for name in OF_STANDING)} FROM subscription_standing s WHERE"
KEEP_FOLLOWER: Final = insertion(
    subscriptions, "ON CONFLICT (tenant, id) DO UPDATE SET type = excluded.type, status = excluded.status, asked = excluded.asked"
)
KEEP_STANDING: Final = insertion(
    standings,
    "ON CONFLICT (tenant, id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in OF_STANDING[2:]),
)
NOTE: Final = insertion(changes, names=OF_SEEN[1:])
TRY: Final = insertion(tries, names=OF_ATTEMPT)
GIVE_UP: Final = (
    "UPDATE subscription_attempt SET outcome = 'given-up' "
    "WHERE position = (SELECT max(position) FROM subscription_attempt WHERE tenant = ? AND subscription = ?)"
)
EVENTS: Final = (
    "SELECT e.number, e.moment, e.type, e.id, e.version, COALESCE(r.patient, '') FROM subscription_event e "
    "LEFT JOIN resource r ON r.tenant = e.tenant AND r.id = e.id AND r.type = e.type "
    "WHERE e.tenant = ? AND e.subscription = ? AND e.number >= ? AND e.number <= ? ORDER BY e.number LIMIT ?"
)
IS_FOLLOWED: Final = f"SELECT DISTINCT type FROM subscription WHERE tenant = ? AND {COUNTED}"
LEFT: Final = (
    f"{STANDINGS} s.{UNDERWAY} AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.{WAITING} "
    "AND o.key = 'subscription|' || s.tenant || '|' || s.id) LIMIT ?"
)
WAITS: Final = f"SELECT {', '.join(OUTGOING)} FROM outbox WHERE {WAITING} AND key = ? ORDER BY position LIMIT 1"
UNTOLD: Final = (
    "SELECT f.status, min((SELECT e.moment FROM subscription_event e WHERE e.tenant = s.tenant AND e.subscription = s.id "
    "AND e.number > s.told ORDER BY e.number LIMIT 1)) FROM subscription_standing s JOIN subscription f "
    f"ON f.tenant = s.tenant AND f.id = s.id WHERE s.told < s.events AND f.{COUNTED} GROUP BY f.status"
)
WAITING_EVENTS: Final = (
    "SELECT s.id, count(*) FROM subscription_standing s JOIN subscription_event e ON e.tenant = s.tenant AND e.subscription = s.id "
    "AND e.number > s.told WHERE s.told < s.events AND"
)
UNSEEN: Final = "SELECT moment FROM change ORDER BY position LIMIT 1"
of_follower, of_standing, of_attempt = (
    keeping(subscriptions, OF_FOLLOWER),
    keeping(standings, OF_STANDING),
    keeping(tries, OF_ATTEMPT),
)
as_follower, as_standing, as_attempt = given(subscriptions, OF_FOLLOWER), given(standings, OF_STANDING), given(tries, OF_ATTEMPT)
as_seen, as_outgoing = given(changes, OF_SEEN), given(outbox, OUTGOING)


class Following(Blocking):
    def note_changes(self, tenant: str, made: Iterable[Stored]) -> None:
        """Note new versions, where somebody follows their type."""
        followed = {row[0] for row in self.ask(IS_FOLLOWED, (key(tenant),))}
        noted = [
            (key(tenant), key(one.type), key(one.id), one.version, micros(one.updated), key(cause()))
            for one in made
            if one.type in followed
        ]
        if noted:
            self.tell(NOTE, noted)
            self.woken.add(NAME)

    def follower(self, tenant: str, id: str) -> Follower | None:
        return next(iter(self._followers("tenant = ? AND id = ?", key(tenant), key(id))), None)

    def followers(self, tenants: Sequence[str], type: str = "") -> list[Follower]:
        marks = ", ".join("?" for _ in tenants)
        only = (f" AND type = ? AND {COUNTED}", (key(type),)) if type else ("", ())
        return self._followers(f"tenant IN ({marks}){only[0]} ORDER BY id", *map(key, tenants), *only[1])

    def _followers(self, where: str, *values: str) -> list[Follower]:
        return [Follower(*as_follower(row)) for row in self.ask(f"{FOLLOWERS} {where}", values)]

    def keep_follower(self, follower: Follower) -> None:
        self.tell(KEEP_FOLLOWER, [of_follower(follower)])

    def follower_state(self, tenant: str, id: str) -> FollowerState | None:
        rows = self.ask(f"{STANDINGS} s.tenant = ? AND s.id = ?", (key(tenant), key(id)))
        return FollowerState(*as_standing(rows[0])) if rows else None

    def keep_follower_state(self, standing: FollowerState) -> None:
        self.tell(KEEP_STANDING, [of_standing(standing)])

    def follower_states_due(self, now: datetime, limit: int) -> list[FollowerState]:
        rows = self.ask(f"{STANDINGS} s.due <= ? ORDER BY s.due LIMIT ?", (micros(now), limit))
        return [FollowerState(*as_standing(row)) for row in rows]

    def follower_states_left(self, limit: int) -> list[FollowerState]:
        return [FollowerState(*as_standing(row)) for row in self.ask(LEFT, (limit,))]

    def changes_seen(self, limit: int) -> list[Seen]:
        rows = self.ask(f"SELECT {', '.join(OF_SEEN)} FROM change ORDER BY position LIMIT ?", (limit,))
        return [Seen(*as_seen(row)) for row in rows]

    def forget_changes(self, seen: Sequence[Seen]) -> None:
        self.tell("DELETE FROM change WHERE position = ?", [(one.position,) for one in seen])

    def add_events(self, tenant: str, subscription: str, happened: Sequence[Happening]) -> None:
        of = (key(tenant), key(subscription))
        self.add(events, [(*of, e.number, micros(e.moment), key(e.type), key(e.id), e.version) for e in happened])

    def follower_events(self, tenant: str, subscription: str, first: int, last: int, limit: int) -> list[Happening]:
        rows = self.ask(EVENTS, (key(tenant), key(subscription), first, last, limit))
        return [Happening(row[0], moment(row[1]), *row[2:]) for row in rows]

    def count_untold(self, tenants: Sequence[str]) -> dict[str, int]:
        rows = self.ask(f"{WAITING_EVENTS} s.tenant IN ({', '.join('?' for _ in tenants)}) GROUP BY s.id", [*map(key, tenants)])
        return {id: int(count) for id, count in rows}

    def told_of(self, tenant: str, subscription: str, type: str, id: str) -> dict[int, int]:
        found = "SELECT version, number FROM subscription_event WHERE tenant = ? AND id = ? AND type = ? AND subscription = ?"
        return {int(row[0]): int(row[1]) for row in self.ask(found, (key(tenant), key(id), key(type), key(subscription)))}

    def unseen(self, tenant: str, type: str, id: str) -> frozenset[int]:
        found = "SELECT version FROM change WHERE tenant = ? AND id = ? AND type = ?"
        return frozenset(int(row[0]) for row in self.ask(found, (key(tenant), key(id), key(type))))

    def notification(self, tenant: str, subscription: str) -> Outgoing | None:
        rows = self.ask(WAITS, (key(f"subscription|{tenant}|{subscription}"),))
        return Outgoing(*as_outgoing(rows[0])) if rows else None

    def count_followers(self) -> dict[str, int]:
        rows = self.ask("SELECT status, count(*) FROM subscription GROUP BY status", ())
        return dict.fromkeys(STATUSES, 0) | {status: int(count) for status, count in rows}

    def untold_since(self) -> dict[str, datetime]:
        rows = [*self.ask(UNTOLD, ()), *(("", first) for (first,) in self.ask(UNSEEN, ()))]
        return {status: moment(first) for status, first in rows if first is not None}

    def closed_to(self, tenant: str, who: Sequence[str]) -> frozenset[str]:
        if not who:
            return NONE
        return frozenset(row[0] for row in self.ask(*hidden(tenant, View(frozenset((tenant,)), tuple(who)))))

    def add_attempt(self, attempt: Attempt) -> None:
        self.tell(TRY, [of_attempt(attempt)])

    def attempts(self, tenant: str, subscription: str, limit: int) -> list[Attempt]:
        rows: list[Columns] = self.ask(
            f"SELECT {', '.join(OF_ATTEMPT)} FROM subscription_attempt WHERE tenant = ? AND subscription = ? "
            "ORDER BY position DESC LIMIT ?",
            (key(tenant), key(subscription), limit),
        )
        return [Attempt(*as_attempt(row)) for row in rows]

    def give_up_attempt(self, tenant: str, subscription: str) -> None:
        self.tell(GIVE_UP, [(key(tenant), key(subscription))])

    def drop_outgoing(self, of: str) -> None:
        self.tell(f"DELETE FROM outbox WHERE key = ? AND {WAITING}", [(key(of),)])
        self.tell(f"DELETE FROM outbox WHERE hub = ? AND {LEFT_OPEN} AND state = 'dead' AND key = ?", [(NAME, key(of))])

    def skip_numbers(self, by: int) -> None:
        self.tell("UPDATE subscription_standing SET events = events + ?", [(by,)])

    def put_off_follower(self, tenant: str, id: str, until: datetime) -> None:
        self.tell(
            "UPDATE subscription_standing SET underway = 0, due = ? WHERE tenant = ? AND id = ?",
            [(micros(until), key(tenant), key(id))],
        )

    def forget_events(self, before: datetime, limit: int) -> int:
        gone = 0
        for table in (events, tries):
            place = tuple_(*table.primary_key.columns)
            old = select(*table.primary_key.columns).where(table.c.moment < before).order_by(table.c.moment).limit(limit)
            gone += self.connection.execute(delete(table).where(place.in_(old))).rowcount
        return gone
