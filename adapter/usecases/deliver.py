"""Send what waits in the outbox: AppRecs and messages to hubs, assignments to partners, each until it is sent or given up.

At least once, with the very bytes of the row; whoever receives tells a second sending apart. The ladder of tries to a hub is the
one that the national insurance administration's message handler uses, which ends 96 hours after the first try: the time in which
an AppRec must have come (HIS 80415:2012). To a partner it goes from a second to a day, and has no end.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from adapter.domain.problem import Kind, Problem
from adapter.ports import Clock, Outgoing, Refusal, Store, Unit

STEPS: Final = [timedelta(minutes=5)] * 3 + [timedelta(minutes=15)] * 3 + [timedelta(hours=1)] * 23
LAST_STEP: Final = timedelta(hours=24)
MOST: Final = 32
JITTER: Final = 0.1
APPREC_LIMIT: Final = timedelta(hours=95)  # one try is made before 96 hours, however the steps fall


class Deliverer(Protocol):
    """A hub or a partner, as somebody who brings rows there."""

    @property
    def name(self) -> str: ...
    def deliver(self, row: Outgoing) -> str:
        """Bring the row there; returns what it is known by there. Raises `Problem`, TRANSIENT where it is to be tried again."""
        ...


@dataclass(frozen=True, slots=True)
class Ladder:
    """When a row is tried again, by its tries in vain so far, and after how many of them it is given up.

    `next_try` gets the row, the time, a chance (0 to 1) that spreads what failed together, and the seconds that were asked for.
    An unexpected fault of ours is given up after `MOST` tries on every ladder.
    """

    next_try: Callable[[Outgoing, datetime, float, float | None], datetime]
    most: int | None = MOST


def next_try(row: Outgoing, now: datetime, chance: float = 0.5, retry_after: float | None = None) -> datetime:
    """The hubs' steps."""
    step = STEPS[row.attempts - 1] if row.attempts <= len(STEPS) else LAST_STEP
    wait = max(step * (1 + JITTER * (2 * chance - 1)), timedelta(seconds=retry_after or 0))
    limit = row.created + APPREC_LIMIT
    return min(now + wait, limit) if row.kind == "apprec" and now < limit else now + wait


def next_try_at_partner(row: Outgoing, now: datetime, chance: float = 0.5, retry_after: float | None = None) -> datetime:
    """The partners' steps: a second, doubled to a day, with full jitter."""
    step = min(timedelta(seconds=2.0 ** min(row.attempts - 1, 20)), LAST_STEP)
    return now + max(step * chance, timedelta(seconds=retry_after or 0))


HUBS: Final = Ladder(next_try)
PARTNERS: Final = Ladder(next_try_at_partner, None)


def deliver(
    store: Store,
    to: Deliverer,
    clock: Clock,
    *,
    limit: int = 50,
    lease: float = 120.0,
    ladder: Ladder = HUBS,
    chance: Callable[[], float] = random.random,
    at_once: int = 1,
) -> list[Outgoing]:
    """Send at most `limit` rows that are due for this hub or partner, and return them as they stand then.

    Raises `Problem` only where the store fails. No two of the rows are of one key, so several may be on their way `at_once`.

    A claimed row is ours for `lease` seconds, so that no row is sent by two at once. When half of that is gone the round
    ends, and what is left over is let go, as not tried.
    """
    started = clock.now()
    rows = store.claim(started, lease, limit, [to.name])

    def attempt(row: Outgoing) -> Outgoing | None:
        late = row is not rows[0] and (clock.now() - started).total_seconds() > lease / 2
        return None if late else _attempt(to, row, clock, ladder, chance)

    done = _each(attempt, rows, at_once)
    if rows:
        let_go = (replace(row, attempts=row.attempts - 1, next_attempt=None) for row in rows)
        _mark(store, [one or untried for one, untried in zip(done, let_go, strict=True)])
    return [one for one in done if one]


def _each(attempt: Callable[[Outgoing], Outgoing | None], rows: Sequence[Outgoing], at_once: int) -> list[Outgoing | None]:
    if at_once == 1 or len(rows) < 2:
        return [*map(attempt, rows)]
    with ThreadPoolExecutor(min(at_once, len(rows))) as threads:
        return [*threads.map(attempt, rows)]


def _attempt(to: Deliverer, row: Outgoing, clock: Clock, ladder: Ladder, chance: Callable[[], float]) -> Outgoing:
    wait: float | None = None
    most = ladder.most
    try:
        known_as = to.deliver(row)
        left: Literal["sent", "unanswered"] = "unanswered" if row.kind == "message" else "sent"
        return replace(row, state=left, next_attempt=None, error="", hub_id=_id_of(row, known_as))
    except Problem as problem:
        why, wait = problem.findings[0].en, problem.retry_after
        if problem.kind is not Kind.TRANSIENT:
            outcome = problem.outcome if isinstance(problem, Refusal) else b""
            return replace(row, state="dead", next_attempt=None, error=why, outcome=outcome)
    except Exception as error:  # a fault of ours must not stop the rows behind it
        why, most = f"Unexpected fault: {type(error).__name__}.", most or MOST
    if most is not None and row.attempts >= most:
        return replace(row, state="dead", next_attempt=None, error=f"Given up after {row.attempts} tries: {why}")
    return replace(row, next_attempt=ladder.next_try(row, clock.now(), chance(), wait), error=why)


def _id_of(row: Outgoing, known_as: str) -> str | None:
    """An AppRec keeps the id of the message that it answers; a message of ours gets the hub's."""
    return known_as if row.kind == "message" else row.hub_id


def _mark(store: Store, rows: Iterable[Outgoing]) -> None:
    with store.write() as unit:
        for row in rows:
            unit.change_outgoing(_as_answered(unit, row))


def _as_answered(unit: Unit, row: Outgoing) -> Outgoing:
    """The row, with the AppRec that another process may have received while this one sent it."""
    known = unit.outgoing(row.id) if row.kind == "message" else None
    return replace(row, state="sent", next_attempt=None, answer=known.answer) if known and known.answer else row
