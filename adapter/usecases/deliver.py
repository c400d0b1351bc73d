"""Send what waits in the outbox: AppRecs and messages to hubs, assignments to partners, each until it is sent or given up.

At least once, with the very bytes of the row; whoever receives tells a second sending apart. The ladder of tries to a hub is the
one that the national insurance administration's message handler uses, which ends 96 hours after the first try: the time in which
an AppRec must have come (HIS 80415:2012). To a partner it goes from a second to a day, and has no end.

Whoever sends holds a lease on its rows, which is renewed while it lives. One that was away for longer finds, by the tries that are
counted at each claim, that a row is no longer its own: then it lays nothing over what another has made of it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import Final, Literal, Protocol

from adapter import figures
from adapter.domain.problem import Kind, Problem
from adapter.ports import Clock, Outgoing, Refusal, Store, Unit
from adapter.usecases.disclosure import sent

STEPS: Final = [timedelta(minutes=5)] * 3 + [timedelta(minutes=15)] * 3 + [timedelta(hours=1)] * 23
LAST_STEP: Final = timedelta(hours=24)
MOST: Final = 32
JITTER: Final = 0.1
MOMENT: Final = 0.1  # seconds between units that keep what was brought, where much is
HELD: Final = 900.0  # seconds for which leases are renewed: longer than any call, so that one that hangs keeps no row for ever
LEFT: Final = ("sent", "unanswered")  # the states of what has been brought
APPREC_LIMIT: Final = timedelta(hours=95)  # one try is made before 96 hours, however the steps fall


Keep = Callable[[Unit], None]
"""What is to be kept of a row that was brought, in the unit that marks it."""


class NotKept(Exception):
    """What was brought could not be kept: it is brought again."""


class Deliverer(Protocol):
    """A hub or a partner, as somebody who brings rows there."""

    @property
    def name(self) -> str: ...
    def deliver(self, row: Outgoing) -> str | Keep:
        """Bring the row there; returns what it is known by there, or what is to be kept of it with the mark that it was sent.

        Raises `Problem`, TRANSIENT where it is to be tried again. Where keeping fails, the row is tried again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ladder:
    """When a row is tried again, by its tries in vain so far, and after how many of them it is given up.

    `next_try` gets the row, the time, a chance (0 to 1) that spreads what failed together, and the seconds that were asked for.
    An unexpected fault of ours is given up after `MOST` tries on every ladder. After `patience` tries in vain in a row the rest of
    a round is let go: whoever does not answer is not asked fifty times.
    """

    next_try: Callable[[Outgoing, datetime, float, float | None], datetime]
    most: int | None = MOST
    patience: int | None = None


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
PARTNERS: Final = Ladder(next_try_at_partner, None, patience=3)


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
    audited: bool = False,
    told: Callable[[Outgoing], object] = lambda _: None,
) -> list[Outgoing]:
    """Send at most `limit` rows that are due for this hub or partner, and return them as they stand then.

    Raises `Problem` only where the store fails. No two of the rows are of one key, so several may be on their way `at_once`.
    With `audited`, what was brought is written down in the audit. `told` gets each row as soon as it is marked.

    A claimed row is ours for `lease` seconds, renewed meanwhile, so that no row is sent by two at once. When half of the first
    are gone, or the ladder's patience, the round ends, and what is left over is let go, as not tried.
    """
    started = clock.now()
    rows = store.claim(started, lease, limit, [to.name])
    how = partial(bring_all, lease=lease, ladder=ladder, chance=chance, at_once=at_once, audited=audited, told=told)
    return how(store, to, clock, rows, started)


def bring_all(
    store: Store,
    to: Deliverer,
    clock: Clock,
    rows: Sequence[Outgoing],
    started: datetime,
    *,
    lease: float = 120.0,
    ladder: Ladder = HUBS,
    chance: Callable[[], float] = random.random,
    at_once: int = 1,
    audited: bool = False,
    told: Callable[[Outgoing], object] = lambda _: None,
) -> list[Outgoing]:
    """Send rows, as `deliver` does; `started` is when they were asked for, from which their lease runs."""
    left, marking = {row.id: row for row in rows}, Lock()
    failed = partial(_failed, clock=clock, ladder=ladder, chance=chance)
    in_vain = 0

    def mark(tries: Sequence[Tried]) -> list[Outgoing]:
        with marking:
            marked = [one.row for one in _mark(store, tries, failed, clock if audited else None) if not one.late]
            for one in tries:
                del left[one.row.id]
        for row in marked:
            told(row)
        _count(store, marked, clock.now())
        return marked

    def attempt(row: Outgoing) -> Tried:
        nonlocal in_vain
        first, gone = row is rows[0], (clock.now() - started).total_seconds()
        if gone > (lease if first else lease / 2) or not (first or ladder.patience is None or in_vain < ladder.patience):
            return _let_go(row)
        tried = _attempt(to, row, failed)
        in_vain = in_vain + 1 if tried.row.state == "waiting" else 0
        return tried

    with _renewed(store, clock, lease, left, marking):
        if ladder.most is not None and (suspect := next((row for row in rows if row.attempts > ladder.most), None)):
            mark([_let_go(row) for row in rows if row is not suspect])
            return mark([_last_try(to, suspect, ladder.most, failed)])
        return [row for tries in _gathered(_each(attempt, rows, at_once)) for row in mark(tries)]


@contextmanager
def _renewed(store: Store, clock: Clock, lease: float, left: Mapping[str, Outgoing], marking: Lock) -> Iterator[None]:
    """The lease on what is `left` is renewed meanwhile: a hub may take longer to answer, and nobody else is to send it then."""
    ended, until = Event(), time.monotonic() + HELD

    def renew(unit: Unit) -> None:
        for row in left.values():
            standing = unit.outgoing(row.id)
            if standing and standing.state == "waiting" and standing.attempts == row.attempts:
                unit.change_outgoing(replace(standing, next_attempt=clock.now() + timedelta(seconds=lease)))

    def go_on() -> None:
        while not ended.wait(lease / 3) and time.monotonic() < until:
            with suppress(Exception), marking:  # what cannot be renewed now may be at the next beat
                store.run(renew)

    if not left:
        yield
        return
    thread = Thread(target=go_on, name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Tried:
    """A row as it stands after its try, and what is to be kept with that; `late` if there was no time for one."""

    row: Outgoing
    keep: Keep | None = None
    late: bool = False


def _let_go(row: Outgoing) -> Tried:
    return Tried(replace(row, attempts=row.attempts - 1, next_attempt=None), late=True)


def _last_try(to: Deliverer, row: Outgoing, most: int, failed: Callable[[Outgoing, Exception], Outgoing]) -> Tried:
    """Of a row with which the process has ended as often as it was to be tried at all. It may be what ended it, or only have been
    claimed with that: so it is tried once more, by itself, and given up if not even that try came to an end.
    """
    if row.attempts <= most + 1:
        return _attempt(to, row, failed)
    why = row.error or "the service ended before they did. Report it."
    return Tried(replace(row, state="dead", next_attempt=None, error=f"Given up after {row.attempts - 1} tries: {why}"))


def _gathered(tries: Iterator[Tried | None]) -> Iterator[list[Tried]]:
    """The tries of a `MOMENT` together."""
    fresh: list[Tried] = []
    kept = time.monotonic()
    for tried in tries:
        fresh += [tried] if tried else []
        if fresh and time.monotonic() - kept >= MOMENT:
            yield fresh
            fresh, kept = [], time.monotonic()
    yield fresh


def _each(attempt: Callable[[Outgoing], Tried], rows: Sequence[Outgoing], at_once: int) -> Iterator[Tried | None]:
    """The tries as they end; None where none has for a moment."""
    if at_once == 1:
        yield from map(attempt, rows)
        return
    ended: SimpleQueue[Future[Tried]] = SimpleQueue()
    with ThreadPoolExecutor(at_once) as threads:
        for row in rows:
            threads.submit(attempt, row).add_done_callback(ended.put)
        left = len(rows)
        while left:
            try:
                yield ended.get(timeout=MOMENT).result()
                left -= 1
            except Empty:
                yield None


def _attempt(to: Deliverer, row: Outgoing, failed: Callable[[Outgoing, Exception], Outgoing]) -> Tried:
    try:
        brought = to.deliver(row)
    except Exception as error:  # also a fault of ours: it must not stop the rows behind it
        return Tried(failed(row, error))
    known_as, keep = (brought, None) if isinstance(brought, str) else ("", brought)
    left: Literal["sent", "unanswered"] = "unanswered" if row.kind == "message" else "sent"
    return Tried(replace(row, state=left, next_attempt=None, error="", hub_id=_id_of(row, known_as)), keep)


def _failed(row: Outgoing, error: Exception, *, clock: Clock, ladder: Ladder, chance: Callable[[], float]) -> Outgoing:
    """The row after a try in vain."""
    why, wait = f"Unexpected fault: {type(error).__name__}.", None
    most: int | None = ladder.most or MOST
    if isinstance(error, Problem):
        why, wait, most = error.findings[0].en, error.retry_after, ladder.most
        if error.kind is not Kind.TRANSIENT:
            outcome = error.outcome if isinstance(error, Refusal) else b""
            return replace(row, state="dead", next_attempt=None, error=why, outcome=outcome)
    if most is not None and row.attempts >= most:
        return replace(row, state="dead", next_attempt=None, error=f"Given up after {row.attempts} tries: {why}")
    return replace(row, next_attempt=ladder.next_try(row, clock.now(), chance(), wait), error=why)


def _id_of(row: Outgoing, known_as: str) -> str | None:
    """An AppRec keeps the id of the message that it answers; a message of ours gets the hub's."""
    return known_as if row.kind == "message" else row.hub_id


def _mark(
    store: Store, tries: Sequence[Tried], failed: Callable[[Outgoing, Exception], Outgoing], clock: Clock | None
) -> list[Tried]:
    """Keep what has become of the rows, in one unit: a commit waits for the disk. Where one cannot be kept, each by itself.

    With a clock, what was brought is written down in the audit.
    """

    def job(unit: Unit) -> list[Tried]:
        return [_marked(unit, one, clock) for one in tries]

    try:
        return store.run(job) if tries else []
    except Exception:
        if len(tries) > 1:
            return [kept for one in tries for kept in _mark(store, [one], failed, clock)]
        if tries[0].keep is None:
            raise
        return _mark(store, [Tried(failed(replace(tries[0].row, state="waiting"), NotKept()))], failed, clock)


def _marked(unit: Unit, one: Tried, clock: Clock | None) -> Tried:
    """What was brought is marked, unless another has done so; what was not, only where the row is as we claimed it."""
    row, standing = one.row, unit.outgoing(one.row.id)
    if standing is None:  # nothing is left of it to be marked
        return one
    ours, brought = standing.attempts == row.attempts + one.late, row.state in LEFT
    free = ours or standing.state not in LEFT if brought else ours and standing.state == "waiting"
    if free:
        if one.keep:
            one.keep(unit)
        as_marked = row if ours else replace(row, attempts=max(row.attempts, standing.attempts))
        unit.change_outgoing(_as_answered(standing, as_marked))
    if clock and (free or brought):
        sent(unit, row, clock.now())
    return one if free or brought else replace(one, late=True)


def _count(store: Store, rows: Sequence[Outgoing], now: datetime) -> None:
    """Into the figures: how the tries ended, and how long after a message came its AppRec has left."""
    for row in rows:
        figures.delivered(row)
    if apprecs := [row for row in rows if row.kind == "apprec" and row.state == "sent"]:
        with suppress(Problem), store.read() as unit:  # they have left, whether it can be counted or not
            received = unit.received_at([row.message_id for row in apprecs])
            for row in apprecs:
                if row.message_id in received:
                    figures.answered(row.hub, (now - received[row.message_id]).total_seconds())


def _as_answered(standing: Outgoing, row: Outgoing) -> Outgoing:
    """The row, with the AppRec that another process may have received while this one sent it."""
    answered = row.kind == "message" and standing.answer
    return replace(row, state="sent", next_attempt=None, answer=standing.answer) if answered else row
