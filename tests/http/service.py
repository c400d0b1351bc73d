"""The whole service over a real SQLite store, with the fake reception, on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
from fastapi import FastAPI

from adapter.console.app import app
from adapter.fhir.limits import Limits
from adapter.partners.endpoints import Allowed, headers_of
from adapter.ports import Store
from adapter.security.admitting import by_header
from adapter.settings import Settings, SubscriptionSettings
from adapter.storage import open_store
from adapter.usecases.writing import Follow
from adapter.wiring import make_pathways, make_rules, make_translator
from tests.http.fakes import FakeReception
from tests.serving import StillClock, served
from tests.stores import with_tables

HOSPITAL = "999977774"
MUNICIPALITY = "312232324"
LARGEST = 2_000
KEY = b"a key for tests"
LIMITS = Limits()


@dataclass(frozen=True)
class Service:
    http: httpx.Client
    store: Store
    clock: StillClock
    base: str


@contextmanager
def service(folder: Path, path: str = "", limits: Limits = LIMITS) -> Iterator[Service]:
    """`path` is where a proxy would put the service; it takes it away again."""
    store, clock = open_store(with_tables(folder / "stafett.db")), StillClock()

    def make(base: str) -> FastAPI:
        settings = Settings(public_base=base + path, subscriptions=SubscriptionSettings(hosts=("epj.example",)))
        pathways = make_pathways(settings, {}, make_translator(settings, KEY))
        return app(
            store=store,
            reception=FakeReception(store, HOSPITAL),
            admit=by_header([HOSPITAL, MUNICIPALITY]),
            clock=clock,
            key=KEY,
            organisations=[HOSPITAL, MUNICIPALITY],
            public_base=base + path,
            max_bytes=LARGEST,
            rules=replace(make_rules(settings, pathways), follow=Follow(Allowed.of(settings).fault, headers_of)),
            limits=limits,
        )

    with served(make) as client:
        yield Service(client, store, clock, str(client.base_url).rstrip("/"))
    store.close()
