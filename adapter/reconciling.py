"""A restored installation held against its log and its hubs: what it has no more, and what it need not send again.

    report = reconcile(services, partners, read_log(lines), fetch=True)
    report.gaps          # what was received and is here no more, each with what became of it

The service is stopped: nothing may leave before it is known what has left already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from adapter.domain.problem import Problem
from adapter.hub.again import Given, again, given, is_there
from adapter.ports import NOBODY, Hub, MessageQuery, Unit
from adapter.storage import DatabaseStore
from adapter.storage.restored import in_use, is_in_use, waiting
from adapter.usecases.arrival import arrivals
from adapter.usecases.receive_message import Reception
from adapter.usecases.reconcile import Witness, compare_anew, count_beyond, settle
from adapter.usecases.situation import look
from adapter.wiring import Services

MARGIN: Final = timedelta(days=1)  # before the newest message of the copy: a file may have waited
FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Gap:
    """A message that was received and is here no more: whether it is `taken` in again, and if it cannot be, `why`."""

    given: Given
    taken: bool = False
    why: str = ""


@dataclass(slots=True)
class Report:
    """`since` is the newest message of the copy; `sent` are rows that waited and had left; `written` what clients wrote since."""

    since: datetime
    gaps: list[Gap] = field(default_factory=list)
    sent: int = 0
    written: Counter[str] = field(default_factory=Counter)


def reconcile(services: Services, partners: Sequence[str], witness: Witness, now: datetime, *, fetch: bool = False) -> Report:
    """See what is missing, with `fetch` take it in again, and see to it that nothing is sent twice or kept from a partner.

    Repeating it is safe. Raises `Problem(NOT_ALLOWED)` while processes use the database.
    """
    store = services.store
    assert isinstance(store, DatabaseStore)  # noqa: S101 - tells the type checker
    if is_in_use(store, now):
        raise in_use("store")
    with store.read() as unit:
        newest = _newest(unit, services.reception)
    hubs = {hub.name: hub for hub in services.hubs}
    report = Report(newest, written=witness.written_since(newest), sent=_settle(store, hubs.values(), witness))
    report.gaps = [Gap(one) for one in sorted(_missing(services, witness, newest - MARGIN), key=lambda one: one.received)]
    if fetch:
        report.gaps = [_taken(gap, hubs.get(gap.given.hub), services.reception) for gap in report.gaps]
        report.sent += _settle(store, hubs.values(), witness)
    for partner in partners:
        store.run(partial(compare_anew, partner=partner))
    store.run(count_beyond)
    return report


def _newest(unit: Unit, reception: Reception) -> datetime:
    tenants = [NOBODY, *{service.organisation for service in reception.services.values()}]
    return next((message.received for message in unit.messages(tenants, MessageQuery(limit=1))), FIRST + MARGIN)


def _missing(services: Services, witness: Witness, since: datetime) -> Iterator[Given]:
    """What the log names, and what the hubs themselves can tell of, each once."""
    found = set[tuple[str, str]]()
    for told in witness.received.values():
        with services.store.read() as unit:
            if unit.message(told.id) is None:
                found.add((told.hub, told.hub_id))
                yield Given(told.hub, told.hub_id, told.receiver, told.received)
    for hub in services.hubs:
        for one in given(hub, since):
            if (one.hub, one.hub_id) not in found and not _is_known(hub, one, services):
                yield one


def _is_known(hub: Hub, one: Given, services: Services) -> bool:
    """Whether all that the message is for have it."""
    reception = services.reception
    found = arrivals(again(hub, one), reception.translator, reception.services)
    with services.store.read() as unit:
        return all(look(unit, arrival).known for arrival in found)


def _taken(gap: Gap, hub: Hub | None, reception: Reception) -> Gap:
    if hub is None or not gap.given.hub_id:
        return replace(gap, why="It came by no hub: ask its sender to send it anew.")
    try:
        reception.receive(again(hub, gap.given))
    except Problem as fault:
        return replace(gap, why=str(fault))
    return replace(gap, taken=True)


def _settle(store: DatabaseStore, hubs: Iterable[Hub], witness: Witness) -> int:
    """All that waits for the hubs, in short transactions; how many have left already."""
    sent = 0
    for hub in hubs:
        after = 0
        while rows := waiting(store, hub.name, after):
            sent += store.run(partial(_settle_some, [id for id, _ in rows], hub, witness))
            after = rows[-1][1]
    return sent


def _settle_some(ids: Sequence[str], hub: Hub, witness: Witness, unit: Unit) -> int:
    rows = [row for id in ids if (row := unit.outgoing(id))]
    return sum(settle(unit, row, is_sent=row.id in witness.sent or is_there(hub, row)) for row in rows)
