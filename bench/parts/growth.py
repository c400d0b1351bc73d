"""What the database grows by: for each referral, each pathway event, and each record of the audit, with all indexes and history.

By difference of the whole database's size (SQLite: pages in use; PostgreSQL: pg_database_size), over
hundreds of each. Goals are what `docs/scale.md` reckons with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from adapter.ports import AuditRecord, Delivery
from adapter.settings import load
from adapter.storage import DatabaseStore, open_store
from adapter.wiring import build
from bench.assigned import log_to_nowhere
from bench.parts.pathway_register import people, registered
from bench.receiving import HUB, ORGANISATION, configured
from bench.row import Row
from bench.shared import database, engines, folder
from tests.kill.messages import make_messages

REFERRALS, PATIENTS, EVENTS, RECORDS = 300, 12, 30, 5_000
NOW: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)
ALLOWED: Final = {"referral": 150, "event": 40, "record": 1.5}  # kB
BODY: Final = b'{"what":"' + 300 * b"x" + b'"}'  # as long as a record of a read is (docs/audit.md)


def rows(referrals: int = REFERRALS) -> Iterator[Row]:
    for engine in engines():
        grown = {"referral": _referrals(engine, referrals), "event": _events(engine), "record": _records(engine)}
        for name, kilobytes in grown.items():
            what = {"referral": "a referral of 6 kB", "event": "an event", "record": "a record of the audit"}[name]
            yield Row(f"the database grows by, for {what}, {engine}", kilobytes, "kB", ALLOWED[name])


def _referrals(engine: str, number: int) -> float:
    """As the worker takes them: with the audit, the pathway opened and the AppRec in the outbox."""
    url, its = database(engine), folder()
    log_to_nowhere()
    services = build(load(configured(its, url, HUB.format(folder=its))))
    store = open_store(url)
    try:
        before = size(store)
        for one in make_messages(7, number):
            services.reception.receive(Delivery(one.data, NOW, "folder", one.msg_id))
        return (size(store) - before) / number / 1000
    finally:
        services.close()
        store.close()


def _events(engine: str) -> float:
    store = open_store(database(engine))
    store.migrate()
    try:
        people(store, PATIENTS)
        before = size(store)
        registered(store, range(PATIENTS), 0, EVENTS)
        return (size(store) - before) / PATIENTS / EVENTS / 1000
    finally:
        store.close()


def _records(engine: str) -> float:
    store = open_store(database(engine))
    store.migrate()
    try:
        before = size(store)
        for start in range(0, RECORDS, 50):
            moment = NOW + timedelta(seconds=start)
            some = [AuditRecord(str(uuid4()), moment, ORGANISATION, (str(uuid4()),), BODY) for _ in range(50)]
            store.append_audit(some, [], moment)
        return (size(store) - before) / RECORDS / 1000
    finally:
        store.close()


def size(store: DatabaseStore) -> int:
    """Bytes of the whole database that are in use."""
    with store.read() as unit:
        if unit.postgresql:
            return int(unit.ask("SELECT pg_database_size(current_database())", ())[0][0])
        pages, free, each = (unit.ask(f"PRAGMA {name}", ())[0][0] for name in ("page_count", "freelist_count", "page_size"))
        return int((pages - free) * each)
