"""What it costs to register an event: checked by its profile, folded with all before it, judged, and stored with all that follows.

Two years of treatment (`pathway.py`'s 30 events), one event and one transaction at a time, by the use case itself on SQLite with
every commit on disk. The patients are gone through in turn, so that no pathway is in any cache.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from adapter.domain.referral import Service
from adapter.fhir.face import matching
from adapter.r4 import json as fhir_json
from adapter.r4.checker import check
from adapter.storage import DatabaseStore, open_store
from adapter.usecases.create_resource import create
from adapter.usecases.pathways import Pathways
from adapter.usecases.writing import Rules, checked, draft
from bench.parts.pathway import pathway
from bench.row import Row
from mappings.resources import event
from mappings.rules import national

PATIENTS = 20
ORGANISATION, HERE, NOW = "999999999", "https://a.example/fhir", datetime(2026, 11, 2, 12, tzinfo=UTC)
ENTERPRISE = "urn:oid:2.16.578.1.12.4.1.4.101"


def rows(patients: int = PATIENTS) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'pathways.db'}")
        store.migrate()
        try:
            people(store, patients + 1)
            registered(store, [patients], 0, 1)  # what is read once is read
            first, last = (registered(store, range(patients), *part) for part in ((0, 10), (10, 30)))
        finally:
            store.close()
    yield Row("register an event of a young pathway", first, "events/s", 200)
    yield Row("register an event of a long pathway", last, "events/s", 200)


def people(store: DatabaseStore, patients: int) -> None:
    people = [draft("Patient", f"p{n}", {"resourceType": "Patient", "birthDate": "1990-05-01"}) for n in range(patients)]
    with store.write() as unit:
        unit.put(ORGANISATION, people, NOW)


def registered(store: DatabaseStore, patients: Sequence[int], since: int, until: int) -> float:
    """Events a second, of the events from `since` to before `until` of each patient."""
    service = Service("1", ORGANISATION, "D11", care_level="poliklinikk")
    pathways = Pathways(national(), services={"1": service}, base=HERE)
    rules = Rules(check, lambda type, criteria: matching(HERE, type, criteria), lambda: str(uuid4()), True, (), HERE, pathways)
    bodies = [_body(n, place) for place in range(since, until) for n in patients]
    start = time.perf_counter()
    for body in bodies:
        resource = fhir_json.parse(body)
        checked(rules, resource)
        store.run(partial(create, rules=rules, tenant=ORGANISATION, resource=resource, now=NOW, id=str(uuid4())))
    return len(bodies) / (time.perf_counter() - start)


def _body(patient: int, place: int) -> bytes:
    whose, who = {"reference": f"Patient/p{patient}"}, {"identifier": {"system": ENTERPRISE, "value": ORGANISATION}}
    made: dict[str, Any] = event.write(pathway().events[place], pathway_type="D11", pathway_id="", patient=whose, performer=who)
    return json.dumps({name: value for name, value in made.items() if name not in ("id", "focus")}).encode()
