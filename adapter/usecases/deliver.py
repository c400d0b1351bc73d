"""Send what waits in the outbox: AppRecs and messages, each until it is sent or given up.

At least once, with the very bytes of the row; the hub tells a second sending apart. The ladder of tries is the one that
the national insurance administration's message handler uses, which ends 96 hours after the first try: the time in which an
AppRec must have come (HIS 80415:2012).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal

from adapter.domain.problem import Kind, Problem
from adapter.ports import Clock, Hub, Outgoing, Store, Unit

STEPS: Final = [timedelta(minutes=5)] * 3 + [timedelta(minutes=15)] * 3 + [timedelta(hours=1)] * 23
LAST_STEP: Final = timedelta(hours=24)
MOST: Final = 32
JITTER: Final = 0.1
APPREC_LIMIT: Final = timedelta(hours=95)  # one try is made before 96 hours, however the steps fall


def deliver(
    store: Store,
    hub: Hub,
    clock: Clock,
    *,
    limit: int = 50,
    lease: float = 120.0,
    most: int = MOST,
    chance: Callable[[], float] = random.random,
) -> list[Outgoing]:
    """Send at most `limit` rows that are due for this hub, and return them as they stand then.

    Raises `Problem` only where the store fails.

    A claimed row is ours for `lease` seconds, so that no row is sent by two at once. When half of that is gone the round
    ends, and what is left over is let go, as not tried.
    """
    started = clock.now()
    rows = store.claim(started, lease, limit, [hub.name])
    done: list[Outgoing] = []
    for row in rows:
        if done and (clock.now() - started).total_seconds() > lease / 2:
            break
        done.append(_attempt(hub, row, clock, most, chance))
    if rows:
        _mark(store, [*done, *(replace(row, attempts=row.attempts - 1, next_attempt=None) for row in rows[len(done) :])])
    return done


def next_try(row: Outgoing, now: datetime, chance: float = 0.5, retry_after: float | None = None) -> datetime:
    """When a row is tried again after `row.attempts` tries in vain; `chance` (0 to 1) spreads what failed together."""
    step = STEPS[row.attempts - 1] if row.attempts <= len(STEPS) else LAST_STEP
    wait = max(step * (1 + JITTER * (2 * chance - 1)), timedelta(seconds=retry_after or 0))
    limit = row.created + APPREC_LIMIT
    return min(now + wait, limit) if row.kind == "apprec" and now < limit else now + wait


def _attempt(hub: Hub, row: Outgoing, clock: Clock, most: int, chance: Callable[[], float]) -> Outgoing:
    wait: float | None = None
    try:
        hub_id = hub.deliver(row)
        left: Literal["sent", "unanswered"] = "sent" if row.kind == "apprec" else "unanswered"
        return replace(row, state=left, next_attempt=None, error="", hub_id=_id_of(row, hub_id))
    except Problem as problem:
        why, wait = problem.findings[0].en, problem.retry_after
        if problem.kind is not Kind.TRANSIENT:
            return replace(row, state="dead", next_attempt=None, error=why)
    except Exception as error:  # a fault of ours must not stop the rows behind it
        why = f"Unexpected fault: {type(error).__name__}."
    if row.attempts >= most:
        return replace(row, state="dead", next_attempt=None, error=f"Given up after {row.attempts} tries: {why}")
    return replace(row, next_attempt=next_try(row, clock.now(), chance(), wait), error=why)


def _id_of(row: Outgoing, hub_id: str) -> str | None:
    """An AppRec keeps the id of the message that it answers; a message of ours gets the hub's."""
    return row.hub_id if row.kind == "apprec" else hub_id


def _mark(store: Store, rows: Iterable[Outgoing]) -> None:
    with store.write() as unit:
        for row in rows:
            unit.change_outgoing(_as_answered(unit, row))


def _as_answered(unit: Unit, row: Outgoing) -> Outgoing:
    """The row, with the AppRec that another process may have received while this one sent it."""
    known = unit.outgoing(row.id) if row.kind == "message" else None
    return replace(row, state="sent", next_attempt=None, answer=known.answer) if known and known.answer else row
