"""Every pathway is worked out anew from its events and answers: to see that what stands is that, or to make it so.

    for difference in refold(store, tenants, pathways, now, check=True): ...

New rules or mappings are so laid on what is stored. A pathway at a time, each in a unit of its own, so that the service may go on
beside it and memory stays flat; doing it twice changes nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from adapter.domain.problem import Finding, Problem
from adapter.ports import Query, Store, Stored, Unit
from adapter.usecases.assignments import Work
from adapter.usecases.pathways import Body, Gathered, Pathways, is_pathway, plain
from adapter.usecases.share_pathway import share_pathway
from adapter.usecases.sharing import Sharing

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """A resource that does not stand as its pathway says it. `elements` are those that differ; none: it is not there.

    `fault` says why a pathway cannot be worked out at all.
    """

    tenant: str
    type: str
    id: str
    elements: tuple[str, ...] = ()
    fault: Finding | None = None


def total(store: Store, tenants: Sequence[str]) -> int:
    """How many EpisodeOfCare will be looked at."""
    with store.read() as unit:
        return sum(unit.count(tenant, Query("EpisodeOfCare")) for tenant in tenants)


def refold(
    store: Store,
    tenants: Sequence[str],
    pathways: Pathways,
    now: datetime,
    *,
    sharing: Sharing | None = None,
    check: bool = False,
    looked: Callable[[int], object] = lambda _: None,
) -> Iterator[Difference]:
    """What differed; with `check` it is left so. `looked` is told how many more pathways were looked at.

    What others see of the pathways follows, by `sharing`.
    """
    for tenant in tenants:
        for page in _pages(store, tenant):
            for episode in page:
                if is_pathway(plain(episode)):
                    yield from _of_one(store, tenant, episode.id, pathways, now, sharing, check)
            looked(len(page))


def _of_one(
    store: Store, tenant: str, id: str, pathways: Pathways, now: datetime, sharing: Sharing | None, check: bool
) -> list[Difference]:
    try:
        with store.read() as unit:
            found = _differences(unit, pathways, tenant, id, now)
        if check or not found:
            return found
        return store.run(partial(_made_right, pathways=pathways, tenant=tenant, id=id, now=now, sharing=sharing))
    except Problem as unknown:
        return [Difference(tenant, "EpisodeOfCare", id, fault=unknown.findings[0])]


def _differences(unit: Unit, pathways: Pathways, tenant: str, id: str, now: datetime) -> list[Difference]:
    gathered = pathways.gather(unit, tenant, id)
    return list(_told(tenant, gathered, pathways.changed(gathered, now))) if gathered else []


def _made_right(
    unit: Unit, *, pathways: Pathways, tenant: str, id: str, now: datetime, sharing: Sharing | None
) -> list[Difference]:
    """Seen again as it stands in the unit that writes: somebody may have been there in between."""
    gathered = pathways.gather(unit, tenant, id)
    if gathered is None:
        return []
    found = list(_told(tenant, gathered, pathways.changed(gathered, now)))
    pathways.keep(unit, tenant, gathered, now)
    if sharing is not None:
        share_pathway(Work(unit, sharing, now), tenant, id)
    return found


def _told(tenant: str, gathered: Gathered, bodies: Sequence[Body]) -> Iterator[Difference]:
    for body in bodies:
        type, id = body["resourceType"], body["id"]
        old = gathered.stored.get((type, id), {})
        names = sorted({*old, *body} - {"lastModified"}) if old else []  # a Task says itself when it was changed: now
        yield Difference(tenant, type, id, tuple(name for name in names if old.get(name) != body.get(name)))


def _pages(store: Store, tenant: str) -> Iterator[Sequence[Stored]]:
    """By id, so that what is written meanwhile is neither missed nor met twice."""
    after: Sequence[Any] | None = None
    while True:
        with store.read() as unit:
            page = unit.search(tenant, Query("EpisodeOfCare", sort=[("_id", False)], after=after, limit=PAGE))
        yield page.found
        after = page.next
        if after is None:
            return
