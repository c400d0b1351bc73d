"""Tells whoever follows, as a line of the worker: works out who is to be told, and brings what waits to as many as may be at once.

An endpoint that hangs holds one of `AT_ONCE` calls until its time is out, and no other: each has one notification on its way at a
time, and what ends makes room for the next. Of a host that did not take the last call a few are tried at once, however many
endpoints it has, so that it does not fill all the room.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

import structlog

from adapter.correlation import caused_by
from adapter.domain.problem import Problem
from adapter.ports import Clock, Outgoing, Store
from adapter.usecases.deliver import Keep, Ladder, bring_all
from adapter.usecases.follow_changes import Followed
from adapter.usecases.followers import OUTBOX
from adapter.usecases.tell_followers import CLOSED, Endpoints, bring

log = structlog.get_logger(__name__)

AT_ONCE: Final = 32
OF_ONE_AWAY: Final = 4
"""Calls at once to a host that took none last time."""
LONGEST_STEP: Final = timedelta(minutes=5)


def next_try(row: Outgoing, now: datetime, chance: float = 0.5, retry_after: float | None = None) -> datetime:
    """A second, doubled to five minutes, with full jitter; as late as the endpoint asks."""
    step = min(timedelta(seconds=2.0 ** min(row.attempts - 1, 20)), LONGEST_STEP)
    return now + max(step * chance, timedelta(seconds=retry_after or 0))


class Notifier:
    """One for a process. `attempts` in vain in a row put a subscription in error."""

    name = OUTBOX

    def __init__(
        self, store: Store, followed: Followed, endpoints: Endpoints, clock: Clock, *, attempts: int, lease: float = 120.0
    ) -> None:
        self.store, self.followed, self.endpoints, self.clock, self.lease = store, followed, endpoints, clock, lease
        self.ladder = Ladder(next_try, attempts)
        self.underway: Counter[str] = Counter()  # calls, by host
        self._away: set[str] = set()
        self._counting = Lock()
        self._calls = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="notification")

    def round(self) -> int:
        """What is to be found out, and then as many calls as there is room for; returns how much was begun."""
        try:
            made = self.followed.round(self.clock.now())
        finally:  # what waits is brought, whatever keeps the rest from being found out
            begun = self._begin()
        return made + begun

    def _begin(self) -> int:
        with self._counting:
            free = AT_ONCE - self.underway.total()
            full = sorted(host for host in self._away if self.underway[host] >= OF_ONE_AWAY)
            free = min(free, OF_ONE_AWAY) if self._away else free
        started = self.clock.now()
        rows = self.store.claim(started, self.lease, free, [OUTBOX], full) if free else []
        with self._counting:
            self.underway.update(row.receiver for row in rows)
        for row in rows:
            self._calls.submit(self._call, row, started)
        return len(rows)

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return self.underway.total() > 0

    def deliver(self, row: Outgoing) -> str | Keep:
        return bring(self.store, self.endpoints, row, self.clock, self.followed.base)

    def close(self) -> None:
        """What is on its way may end; nothing is begun."""
        self._calls.shutdown(cancel_futures=True)
        self.endpoints.close()

    def _call(self, row: Outgoing, started: datetime) -> None:
        try:
            with caused_by(row.cause):
                bring_all(self.store, self, self.clock, [row], started, lease=self.lease, ladder=self.ladder, told=self._told)
        except Exception as fault:  # the database, or ours: it is claimed again when its lease is out
            why = str(fault) if isinstance(fault, Problem) else type(fault).__name__
            log.warning("notification.not_kept", id=row.id, why=why)
        finally:
            with self._counting:
                self.underway[row.receiver] -= 1
            self.store.bell(OUTBOX).set()

    def _told(self, row: Outgoing) -> None:
        with self._counting:
            (self._away.discard if row.state == "sent" else self._away.add)(row.receiver)
        said = {"subscription": row.about, "kind": row.msg_id, "attempts": row.attempts, "correlation": row.cause}
        if row.state == "sent":
            log.debug("notification.sent", **said)
        elif CLOSED[0] in row.error:
            log.info("notification.withheld", **said, why=row.error)
        else:
            log.warning(f"notification.{row.state}", **said, why=row.error, next_attempt=str(row.next_attempt))
