"""The deadline watch: what stands otherwise today than it says is written anew, so that read, search and history agree.

    watch(store, tenants, now)      # how many Tasks came to be due soon or overdue

Only days matter: a time limit runs to the end of its last day in Norway. All Tasks that are on time or due soon are looked
through, newest first, a page at a time; those that stand differently are written some at a time, each judged again as it
is then, for somebody may have answered it meanwhile. A write moves a Task to the front, where the looking began, so no
page is shifted by it and none is seen twice. Who writes a Task gives it the standing of that day, so one that escaped behind
us stands right already, or (written in the last second of a day) is found in an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Final

import msgspec

from adapter.domain.deadlines import standing
from adapter.domain.ruleset import Limit, Source
from adapter.domain.state import Deadline
from adapter.ports import Clause, Match, Query, Store, Stored, Unit
from adapter.usecases.resource_rules import TAG
from adapter.usecases.writing import body_of, draft
from mappings.resources.writer import SYSTEM, own
from mappings.times import OSLO, local_day

AT_LEAST_EVERY: Final = timedelta(hours=1)
PAGE: Final = 200
AT_ONCE: Final = 100  # Tasks in one transaction: others who write wait some tenths of a second for it, and no longer

STANDING: Final = SYSTEM + "business-status"
OPEN: Final = ("draft", "requested", "received", "accepted", "rejected", "ready", "in-progress", "on-hold", "failed")
"""A Task that one unit rejected or failed at is still to be done: its time runs on."""

RUNNING: Final = ("due-soon", "on-time")  # what the passing of time changes
_WANTED: Final = (
    Clause("status", [Match(value=status) for status in OPEN]),
    Clause("business-status", [Match(STANDING, code) for code in RUNNING]),
)
_ANY_LIMIT: Final = Limit("", "received", "", None, "date", Source("C"))


class _Coding(msgspec.Struct, frozen=True):
    system: str = ""
    code: str = ""


class _Concept(msgspec.Struct, frozen=True):
    coding: tuple[_Coding, ...] = ()


class _Meta(msgspec.Struct, frozen=True):
    tag: tuple[_Coding, ...] = ()


class _Period(msgspec.Struct, frozen=True):
    start: str = ""
    end: str = ""


class _Restriction(msgspec.Struct, frozen=True):
    period: _Period = _Period()


class _Task(msgspec.Struct, frozen=True):
    """What the watch reads of a Task: a fraction of the time that reading all of it takes."""

    status: str = ""
    meta: _Meta = _Meta()
    businessStatus: _Concept = _Concept()
    restriction: _Restriction = _Restriction()


_read: Final = msgspec.json.Decoder(_Task).decode


def watch(store: Store, tenants: Sequence[str], now: datetime, *, base: str = "", going: Callable[[], bool] = lambda: True) -> int:
    """Give every open deadline and duty with a time limit the standing of this day in Norway; returns how many changed.

    Repeating it changes nothing. `base` is our own FHIR address; `going` is asked before each page, so that a service that
    stops need not wait for the end.
    """
    return sum(_watch(store, tenant, now, base, going) for tenant in tenants)


def _watch(store: Store, tenant: str, now: datetime, base: str, going: Callable[[], bool]) -> int:
    today, changed = local_day(now), 0
    late: list[tuple[str, str]] = []
    for stored in _running(store, tenant, going):
        if _stands_otherwise(stored, today):
            late.append((stored.type, stored.id))
        if len(late) == AT_ONCE:
            changed += store.run(partial(_write, tenant=tenant, names=late, now=now, base=base))
            late = []
    return changed + (store.run(partial(_write, tenant=tenant, names=late, now=now, base=base)) if late else 0)


def _running(store: Store, tenant: str, going: Callable[[], bool]) -> Iterator[Stored]:
    """The Tasks whose standing goes with time, newest first; nothing is held open between two pages."""
    after: Sequence[Any] | None = None
    while going():
        with store.read() as unit:
            page = unit.search(tenant, Query("Task", _WANTED, after=after, limit=PAGE))
        yield from page.found
        after = page.next
        if after is None:
            return


def _write(unit: Unit, *, tenant: str, names: Sequence[tuple[str, str]], now: datetime, base: str) -> int:
    made = []
    for stored in unit.read_all(tenant, names):
        if code := _stands_otherwise(stored, local_day(now)):
            body: dict[str, Any] = body_of(stored) | {"businessStatus": own("business-status", code)}
            made.append(draft(stored.type, stored.id, body, base))
    unit.put(tenant, made, now)
    return len(made)


def _stands_otherwise(stored: Stored, today: date) -> str:
    """How a Task stands today, where it says something else; nothing where it is not ours to say, or no longer runs."""
    task = _read(stored.body)
    said = {coding.code for coding in task.businessStatus.coding if coding.system == STANDING}
    ours = any((tag.system, tag.code) == (TAG, "computed") for tag in task.meta.tag)
    period = task.restriction.period
    if not ours or task.status not in OPEN or said.isdisjoint(RUNNING) or not period.end:
        return ""
    due = date.fromisoformat(period.end)
    stands = standing(Deadline(_ANY_LIMIT, 1, date.fromisoformat(period.start) if period.start else due, due), today)
    return "" if stands in said else stands


def until_next(now: datetime) -> float:
    """Seconds until the watch is to look again: Norwegian midnight, or an hour.

    >>> until_next(datetime(2026, 11, 2, 22, 59, 30, tzinfo=UTC)), until_next(datetime(2026, 11, 2, 12, tzinfo=UTC))
    (30.0, 3600.0)
    """
    midnight = datetime.combine(local_day(now) + timedelta(days=1), time(), OSLO).astimezone(UTC)
    return min(midnight - now, AT_LEAST_EVERY).total_seconds()
