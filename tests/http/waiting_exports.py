"""Exports that have been made, under the ids that the OpenAPI document shows; and as many more as are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from adapter.fhir.described_export import ALSO_MADE, MADE
from adapter.ports import Clock, Store
from adapter.usecases import export_resources
from adapter.usecases.at_work import Hand
from adapter.usecases.export_resources import HAND, SETTLED, Wanted, ask, make_some
from tests.fhir.world import draft, task
from tests.http.real import HOSPITAL
from tests.serving import StillClock


@contextmanager
def made(store: Store, http: httpx.Client, clock: Clock) -> Iterator[None]:
    """For the caller of `http`, whose mark is that of an export that it asks for."""
    with store.write() as unit:
        unit.put(HOSPITAL, [draft("Task", "t1", task(1))], clock.now())
    http.get("/fhir/$export", headers={"Prefer": "respond-async"}).raise_for_status()
    with store.write() as unit:
        (asked,) = unit.exports(HOSPITAL)
        unit.drop_export(asked.id)
        for id in (MADE, ALSO_MADE):
            ask(unit, Wanted("", ("Task",)), tenant=HOSPITAL, mark=asked.mark, id=id, now=clock.now())
    later = StillClock(clock.now() + SETTLED)
    while make_some(store, later, Hand(store, later, HAND, "worker")):
        pass
    with pytest.MonkeyPatch.context() as patched:
        for bound in ("AT_ONCE", "MOST"):
            patched.setattr(export_resources, bound, 1_000)
        yield
