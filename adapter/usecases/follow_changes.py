"""Find out who is to be told of what was written, and number it; then see to what is due without an event.

    follow(store, query_of, base, now)      # how much there was to do

Changes are taken in the order of their writing, some at a time, in one unit with all that comes of them: each is looked at once,
whoever does it. Events are counted for who is active or in error: what happened while an endpoint was away is told when it is back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from traceback import extract_tb
from typing import Any, Final

import structlog

from adapter.correlation import caused_by
from adapter.domain.problem import Problem
from adapter.ports import NO_EVENTS, Attempt, Follower, FollowerState, Happening, Query, Seen, Store, Unit
from adapter.r4 import json
from adapter.r4.index import index
from adapter.usecases.followers import beat, ends, greet, key_of, set_status, tell_next, wanted_of
from adapter.usecases.matching import matches
from mappings.topics import TOPICS

log = structlog.get_logger(__name__)

AT_ONCE: Final = 200
PROBES: Final = timedelta(minutes=15), timedelta(hours=6)
"""How soon an endpoint that was given up is asked whether it is back, and how seldom it comes to be asked; who runs it can say so
sooner (status requested).
"""
CLOCKS: Final = timedelta(minutes=1)
"""How far the clocks of two machines may be apart: what was written that long before a subscription began was before it."""
PUT_OFF: Final = timedelta(hours=1)
GREETING: Final = {"requested": "handshake"}
"""What is underway without an event, by the status."""

GIVE_UP: Final = timedelta(days=30)
"""An endpoint that was away for so long is not asked any more."""

Closed = Callable[[str, Sequence[str]], frozenset[str]]
"""The patients of a space who block one of these names."""

QueryOf = Callable[[str, str], Query]


@dataclass
class Followed:
    """Works out who is told. `query_of` makes a search of a type and a filter; filters are read once."""

    store: Store
    query_of: QueryOf
    base: str
    _queries: Callable[[str, str], Query] = field(init=False)

    def __post_init__(self) -> None:
        self._queries = lru_cache(maxsize=4096)(self.query_of)

    def round(self, now: datetime) -> int:
        """Everything that there is to do; returns how much that was."""
        with self.store.read() as unit:  # mostly there is nothing, and a unit that writes costs more
            if not (unit.changes_seen(1) or unit.follower_states_left(1) or unit.follower_states_due(now, 1)):
                return 0
        return self.store.run(partial(self._follow, now=now)) + self.store.run(partial(self._see_to, now=now))

    def _follow(self, unit: Unit, now: datetime) -> int:
        seen = unit.changes_seen(AT_ONCE)
        happened: dict[tuple[str, str], list[Happening]] = defaultdict(list)
        met: dict[tuple[str, str], Follower] = {}
        causes: dict[tuple[str, str], str] = {}
        known: dict[tuple[str, str], Sequence[Follower]] = {}
        closed = lru_cache(unit.closed_to)  # asked of many changes in this unit, which sees one moment
        for change in seen:
            of = change.tenant, change.type
            followers = known[of] if of in known else known.setdefault(of, unit.followers([change.tenant], change.type))
            for follower in self._judged(unit, change, followers, closed):
                name = follower.tenant, follower.id
                met[name], causes[name] = follower, change.cause
                happened[name].append(Happening(0, change.moment, change.type, change.id, change.version))
        unit.forget_changes(seen)
        for name, events in happened.items():
            standing = unit.follower_state(*name)
            mine = [event for event in events if standing and event.moment >= standing.begun - CLOCKS]
            if standing and mine:
                numbered = [replace(event, number=standing.events + place) for place, event in enumerate(mine, 1)]
                unit.add_events(*name, numbered)
                with caused_by(causes[name]):
                    tell_next(unit, met[name], replace(standing, events=numbered[-1].number), now, self.base)
        return len(seen)

    def _judged(self, unit: Unit, change: Seen, followers: Sequence[Follower], closed: Closed) -> list[Follower]:
        """One change that cannot be judged is told of in the log, and holds up none behind it."""
        try:
            return list(self._concerned(unit, change, followers, closed))
        except Problem:
            raise
        except Exception as fault:  # of ours
            log.error("notification.not_judged", resource=f"{change.type}/{change.id}", version=change.version, **_place(fault))
            return []

    def _concerned(self, unit: Unit, change: Seen, followers: Sequence[Follower], closed: Closed) -> Iterator[Follower]:
        """Who is to be told of a change."""
        if not followers:
            return
        stored = unit.read(change.tenant, change.type, change.id, change.version)
        if stored is None:  # it was not to be kept
            return
        earlier = unit.read(change.tenant, change.type, change.id, change.version - 1) if change.version > 1 else None
        after: Any = json.parse(stored.body)
        before = json.parse(earlier.body) if earlier else None
        topics = {topic.name for topic in TOPICS if topic.type == change.type and topic.happened(before, after)}
        found = index(after, base=self.base)
        for follower in followers:
            wanted = wanted_of(follower)
            if not (wanted.topic in topics or not wanted.topic) or not self._passes(
                follower.type, wanted.filters, change.id, found
            ):
                continue
            if not (stored.patient and stored.patient in closed(change.tenant, tuple(wanted.who))):
                yield follower

    def _passes(self, type: str, filters: Sequence[str], id: str, found: Any) -> bool:
        try:
            return all(matches(self._queries(type, text).clauses, id, found) for text in filters)
        except Problem:  # a filter of before an upgrade, which is no search any longer: it would be wrong to tell all
            return False

    def _see_to(self, unit: Unit, now: datetime) -> int:
        """What was given up puts its follower in error; who is due gets a heartbeat, is asked again, or ends."""
        left, due = unit.follower_states_left(AT_ONCE), unit.follower_states_due(now, AT_ONCE)
        for see_to, standings in ((self._given_up, left), (self._due, due)):
            for standing in standings:
                try:
                    with unit.savepoint():
                        see_to(unit, standing, now)
                except Problem:
                    raise
                except Exception as fault:  # of ours: the others are not to wait for it
                    unit.put_off_follower(standing.tenant, standing.id, now + PUT_OFF)
                    log.error("notification.not_judged", resource=f"Subscription/{standing.id}", **_place(fault))
        return len(left) + len(due)

    def _given_up(self, unit: Unit, standing: FollowerState, now: datetime) -> None:
        follower = unit.follower(standing.tenant, standing.id)
        unit.drop_outgoing(key_of(standing.tenant, standing.id))
        stopped = replace(standing, underway=0, due=None)
        if follower is None or follower.status == "off":
            unit.keep_follower_state(stopped)
            return
        away = now - self._in_error_since(unit, standing) if follower.status == "error" else timedelta()
        unit.keep_follower_state(replace(stopped, due=now + _probe(away)))
        if follower.status != "error":
            set_status(unit, follower, "error", standing.error, now, self.base)
            last = next(iter(unit.attempts(standing.tenant, standing.id, 1)), None)
            if last and last.outcome == "failed" and standing.failures:
                unit.give_up_attempt(standing.tenant, standing.id)
            else:  # a fault of ours, or one of the store: nothing was written down of the tries
                kind = "event-notification" if standing.underway != NO_EVENTS else GREETING.get(follower.status, "heartbeat")
                unit.add_attempt(Attempt(standing.tenant, standing.id, now, kind, 0, 0, "given-up", standing.error))

    def _due(self, unit: Unit, standing: FollowerState, now: datetime) -> None:
        follower = unit.follower(standing.tenant, standing.id)
        if follower is None or follower.status == "off":
            unit.keep_follower_state(replace(standing, due=None))
            return
        ending = ends(wanted_of(follower))
        if ending and ending <= now:  # whatever is on its way: one that is always told something would never end
            unit.drop_outgoing(key_of(standing.tenant, standing.id))
            unit.keep_follower_state(replace(standing, underway=0, due=None))
            set_status(unit, follower, "off", "", now, self.base)
        elif standing.underway:
            unit.keep_follower_state(replace(standing, due=ending))
        elif follower.status == "active":
            beat(unit, follower, standing, now, self.base)
        elif follower.status == "error" and now - self._in_error_since(unit, standing) > GIVE_UP:
            unit.keep_follower_state(replace(standing, due=None))
            set_status(unit, follower, "off", standing.error, now, self.base)
        elif follower.status == "error":
            greet(unit, follower, standing, now, self.base)
        else:
            unit.keep_follower_state(replace(standing, due=None))

    def _in_error_since(self, unit: Unit, standing: FollowerState) -> datetime:
        """When it was given up last, or its owner last said something of it, which starts the time anew."""
        stored = unit.read(standing.tenant, "Subscription", standing.id)
        return stored.updated if stored else standing.begun


def _probe(away: timedelta) -> timedelta:
    """How long until one that was away for so long is asked again: ever more seldom."""
    return min(max(PROBES[0], away / 8), PROBES[1])


def _place(fault: Exception) -> dict[str, str]:
    """What is told of a fault of ours, and no more: what it says may be of a person."""
    place = extract_tb(fault.__traceback__)[-1]
    return {"why": type(fault).__name__, "where": f"{place.filename}:{place.lineno}"}
