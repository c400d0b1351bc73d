"""What it costs to keep up with 100,000 assignments when nearly nothing happens: how much of a core the line to a partner takes.

The municipality's server has them all; each look finds five in its overlap that we know (`bench/peers/partner.py`). The line is
asked every second, as the worker does where nothing rings, and looks once a minute, or once a second. Measured is this process's
own time on the processor, on SQLite and, where the machine has it, on PostgreSQL with an empty outbox.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from adapter.ports import PartnerState, Shared, Stored
from adapter.r4.index import Index
from adapter.storage import DatabaseStore, open_store
from adapter.storage.rows import insertion, values
from adapter.storage.tables import shared
from adapter.usecases.assignments import seen_of
from adapter.usecases.writing import draft
from adapter.wiring import Services
from adapter.worker import LOOK_EVERY
from bench.assigned import HOSPITAL, installation, partner, task
from bench.loading import load
from bench.row import Row
from bench.tasks import id
from mappings import times
from tests import postgres

MIRRORED, WHOLE = 20_000, 100_000
FULL: Final = {"mirrored": WHOLE}
OVERLAP: Final = 5
SPELL = 6.0  # seconds of each measurement
NOW: Final = datetime.now(UTC)


def rows(mirrored: int = MIRRORED) -> Iterator[Row]:
    n = None if mirrored == WHOLE else mirrored
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        address = stack.enter_context(partner(_found(folder)))
        url = f"sqlite:///{folder}/stafett.db"
        _fill(url, mirrored)
        for poll in (60.0, 1.0):
            with installation(folder, {"municipality": address}, poll_seconds=poll) as services:
                yield Row(f"{WHOLE:,} assignments, looked at each {poll:g} s, SQLite", _share(services), "% of a core", 5, n)
        if postgres.binaries():
            url = stack.enter_context(postgres.cluster())
            with installation(folder, {"municipality": address}, poll_seconds=60.0, store=url) as services:
                _calm(services.store)
                yield Row("an idle line, PostgreSQL", _share(services), "% of a core", 5)


def _share(services: Services, spell: float = SPELL) -> float:
    """Percent of a core."""
    (line,) = services.lines
    line.round()  # what a beginning costs is not counted
    began, spent = time.perf_counter(), time.process_time()
    while (now := time.perf_counter()) < began + spell:
        line.round()
        time.sleep(LOOK_EVERY)
    return 100 * (time.process_time() - spent) / (now - began)


def _fill(url: str, number: int) -> None:
    """All that the hospital and the municipality share, heard and compared just now."""
    store = open_store(url)
    store.migrate()
    load(store, number, tenant=HOSPITAL, make=_stored)
    seen = seen_of(_body(0))  # the same of all: who is asked, until when, and that nobody has answered
    with store.write() as unit:
        unit.tell(insertion(shared), [tuple(values(_shared(n, seen)).values()) for n in range(number)])
    _calm(store)
    store.close()


def _calm(store: DatabaseStore) -> None:
    with store.write() as unit:
        unit.keep_partner_state(PartnerState("municipality", "push", reached=NOW, heard=NOW, compared=NOW))


def _body(n: int) -> dict[str, Any]:
    return {**task(n), "id": id(n)}


def _stored(n: int) -> tuple[Stored, Index]:
    made, updated = draft("Task", id(n), _body(n)), NOW - timedelta(seconds=n)
    return Stored("Task", made.id, 1, updated, made.make(1, updated), made.index.patient), made.index


def _shared(n: int, seen: bytes) -> Shared:
    return Shared(HOSPITAL, "Task", id(n), "municipality", True, f"there-{n}", 'W/"1"', seen)


def _found(folder: Path) -> Path:
    """The searchset of what changed within the overlap."""
    tasks = [{**task(n), "id": f"there-{n}", "meta": {"versionId": "1", "lastUpdated": times.utc(NOW)}} for n in range(OVERLAP)]
    entries = [{"resource": one, "search": {"mode": "match"}} for one in tasks]
    file = folder / "found.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "searchset", "total": OVERLAP, "entry": entries}), "utf-8")
    return file
