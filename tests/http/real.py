"""The whole service with the real use case and mappings, for the receiving services of the example messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI

from adapter.console.app import app
from adapter.domain.gate import GateRules
from adapter.domain.identity import BASE, keyed
from adapter.domain.referral import Service as Receiver
from adapter.security.caller import by_header
from adapter.storage import open_store
from adapter.usecases.receive_message import Reception
from mappings.translation import Limits, Translator
from tests.http.service import HOSPITAL, Service
from tests.serving import StillClock, served

RECEIVERS = {"8000101": "D11", "8000102": "D12", "8000103": "D01", "8000104": ""}


@contextmanager
def real_service(folder: Path) -> Iterator[Service]:
    store, clock = open_store(f"sqlite:///{folder}/stafett.db"), StillClock()
    store.migrate()
    reception = Reception(
        store,
        translator=Translator(Limits(), keyed(b"a key for tests"), BASE),
        services={her_id: Receiver(her_id, HOSPITAL, pathway) for her_id, pathway in RECEIVERS.items()},
        rules=GateRules(),
        hubs={},
        clock=clock,
    )

    def make(base: str) -> FastAPI:
        return app(
            store=store,
            reception=reception,
            identify=by_header([HOSPITAL]),
            clock=clock,
            key=b"a key for tests",
            organisations=[HOSPITAL],
            public_base=base,
            max_bytes=Limits().max_bytes,
        )

    with served(make) as client:
        yield Service(client, store, clock, str(client.base_url).rstrip("/"))
    store.close()
