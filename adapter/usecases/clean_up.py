"""Copies of patients' data are kept for as long as the configuration says, each by a clock of its own, and then taken away
(the GDPR's article 5 1 e; Normen's faktaark 25).

    clean_up(store, Retention(inbox=90), now)          # {"inbox": 312}

Never taken away: what waits for a person or for an answer, the newest version of a resource, anything of a patient with a
pathway or a Task that is not ended, and a message's envelope (who, when, MsgId, digest), by which a second sending is still
known. A Binary stays where it is, without its content. The audit has its own clock and its own way, which leaves the chain whole.
Exports are no copies, and go a day after they were made.

The work is done in many short transactions, so that nobody waits for it; what one takes away is judged again inside it. Each leaves
a record in the audit's chain, kept with the very removal: what went, by which rule, and a seal of each key, by which whoever knows
the key finds that it was among them (`prove_removal`). The database reuses the room that becomes free, and does not give it back by
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any, Final, NoReturn

import msgspec
import structlog

from adapter.domain.identity import named
from adapter.domain.problem import Finding, Kind, problem
from adapter.ports import NOBODY, AuditRecord, Copy, Store, Unit
from adapter.r4.outcome import operation_outcome
from adapter.usecases.export_resources import KEPT

log = structlog.get_logger(__name__)

BATCH: Final = 200  # rows in one transaction
EVENTS_AT_ONCE: Final = 2_000
COPIES: Final[tuple[Copy, ...]] = ("inbox", "explanation", "outbox", "binary", "history")
TAKEN: Final = "retention-taken"  # how many of each copy, since the installation was made
_EN = "This has been taken away, as the configured time for keeping it is over ([retention])."
_NB = "Dette er slettet fordi den innstilte lagringstiden er over ([retention])."
CLEANED: Final = msgspec.json.encode(operation_outcome([Finding("information", Kind.NOT_FOUND, _EN, _NB)]))
"""What stands where a message's issues stood."""


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that each copy is kept from when it was made; 0 keeps it."""

    inbox: int = 0
    outbox: int = 0
    binary: int = 0
    history: int = 0
    explanation: int = 0
    events: int = 0
    audit: int = 0


def clean_up(store: Store, retention: Retention, now: datetime, going: Callable[[], bool] = lambda: True) -> dict[str, int]:
    """Take away what has had its time, as long as we are `going`; how many of each copy, where there were any."""
    taken: dict[str, int] = {}
    store.run(lambda unit: unit.drop_old_exports(now - KEPT))
    for copy in COPIES:
        if before := _before(getattr(retention, copy), now):
            taken[copy] = _take(store, copy, before, now, going)
    if (before := _before(retention.audit, now)) and going():
        taken["audit"] = store.drop_audit(before, now)
    if before := _before(retention.events, now):
        taken["events"] = _forget_events(store, before, going)
    found = {copy: count for copy, count in taken.items() if count}
    if found:
        store.run(partial(_count, found))
        log.info("retention.taken_away", **found)
    return found


def _forget_events(store: Store, before: datetime, going: Callable[[], bool]) -> int:
    """Events and tries, which name resources and hold nothing of them."""
    forgotten = 0
    while going() and (some := store.run(lambda unit: unit.forget_events(before, EVENTS_AT_ONCE))):
        forgotten += some
    return forgotten


def taken_away(unit: Unit) -> dict[str, int]:
    """How many of each copy were taken away since the installation was made."""
    counted: dict[str, int] = msgspec.json.decode(unit.setting(TAKEN) or b"{}")
    return dict.fromkeys((*COPIES, "events", "audit"), 0) | counted


def gone() -> NoReturn:
    """What a person is told who asks for what was taken away."""
    raise problem(Kind.NOT_FOUND, _EN, _NB, rule="[retention]")


def _before(days: int, now: datetime) -> datetime | None:
    return now - timedelta(days=days) if days else None


def _take(store: Store, copy: Copy, before: datetime, now: datetime, going: Callable[[], bool]) -> int:
    """All of one copy. What is found is asked for again in the transaction that removes it: much may have happened in between."""
    taken, after = 0, tuple[Any, ...]()
    while going():
        with store.read() as unit:
            found = unit.old_copies(copy, before, after, limit=BATCH)
        if not found:
            break
        count, records = store.run(partial(_take_some, copy, before, now, after, found[-1]))
        store.append_audit(records, [], now)  # into the chain; a stop before this leaves them to the next who appends
        taken += count
        after = found[-1]
    return taken


def _take_some(
    copy: Copy, before: datetime, now: datetime, after: Sequence[Any], until: Sequence[Any], unit: Unit
) -> tuple[int, list[AuditRecord]]:
    keys = unit.take_away(copy, unit.old_copies(copy, before, after, until, BATCH))
    if not keys:
        return 0, []
    record = _removal(copy, keys, before, now)
    unit.await_audit(record)
    return len(keys), [record]


def _removal(copy: Copy, keys: Sequence[Sequence[Any]], before: datetime, now: datetime) -> AuditRecord:
    seals = [seal_of(copy, key) for key in keys]
    id = named("audit-removal", copy, now, *seals)
    removed = {"copy": copy, "count": len(keys), "before": before, "seals": seals}
    said = {"id": id, "moment": now, "tenant": NOBODY, "action": "D", "removed": removed, "outcome": "0"}
    return AuditRecord(id, now, NOBODY, (), msgspec.json.encode(said))


def seal_of(copy: Copy, key: Sequence[Any]) -> str:
    """What a removal tells of a key: the first 16 hexadecimal digits of a SHA-256, which tell nobody the key.

    >>> seal_of("inbox", ("5f7d6a52-0d34-5c2a-8a2b-3f1d1c0a9b11",))
    '17ba6ac1abbcffe2'
    """
    return sha256("\0".join((copy, *map(str, key))).encode()).hexdigest()[:16]


def _count(found: dict[str, int], unit: Unit) -> None:
    so_far = taken_away(unit)
    unit.set_setting(TAKEN, msgspec.json.encode({copy: count + found.get(copy, 0) for copy, count in so_far.items()}))
