"""A service with three versions of one referral, a few persons, and another organisation's record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adapter.ports import Draft
from adapter.r4.index import index
from tests.http.service import HOSPITAL, MUNICIPALITY, Service, service

FNR = "urn:oid:2.16.578.1.12.4.1.4.1"
NUMBER = "21858999992"
LOST = b',  "extension":[{"url":"urn:x","valueDecimal":12.50}]}'
"""Two blanks and a decimal with a zero: what is parsed and written again loses them."""

BEGAN = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)


def draft(type: str, id: str, **body: Any) -> Draft:
    def make(version: int, updated: datetime) -> bytes:
        meta = {"versionId": str(version), "lastUpdated": updated.isoformat()}
        whole = msgspec.json.encode({"resourceType": type, "id": id, "meta": meta, **body})
        return whole if type == "Binary" else whole[:-1] + LOST

    return Draft(type, id, index({"resourceType": type, "id": id, **body}), make)


@pytest.fixture(scope="session")
def fhir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("fhir")) as running:
        with running.store.write() as unit:
            for number, status in enumerate(["draft", "active", "revoked"]):
                referral = draft("ServiceRequest", "r1", status=status, subject={"reference": "Patient/p1"})
                unit.put(HOSPITAL, [referral], BEGAN + timedelta(days=number))
            patient = draft("Patient", "p1", identifier=[{"system": FNR, "value": NUMBER}])
            binary = draft("Binary", "b1", contentType="text/plain", data="aGVp")
            unit.put(HOSPITAL, [patient, binary], BEGAN)
            for number in range(7):
                status = "requested" if number % 2 else "completed"
                task = draft("Task", f"t{number}", status=status, **{"for": {"reference": "Patient/p1"}})
                unit.put(HOSPITAL, [task], BEGAN + timedelta(minutes=number))
            unit.put(MUNICIPALITY, [draft("Patient", "p2"), draft("Task", "t9")], BEGAN)
        yield running
