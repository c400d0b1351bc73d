"""A service with three versions of one referral, a few persons, and another organisation's record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adapter.ports import Draft, Index
from tests.http.service import HOSPITAL, MUNICIPALITY, Service, service

FNR = "urn:oid:2.16.578.1.12.4.1.4.1"
NUMBER = "21858999992"
BEGAN = datetime(2026, 5, 1, 8, 0, tzinfo=UTC)


def draft(type: str, id: str, index: Index, **body: Any) -> Draft:
    def make(version: int, updated: datetime) -> bytes:
        meta = {"versionId": str(version), "lastUpdated": updated.isoformat()}
        # Two blanks and a decimal with a zero: what is parsed and written again loses them.
        whole = msgspec.json.encode({"resourceType": type, "id": id, "meta": meta, **body})
        return whole[:-1] + b',  "test":12.50}'

    return Draft(type, id, index, make)


@pytest.fixture(scope="session")
def fhir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("fhir")) as running:
        with running.store.write() as unit:
            for number, status in enumerate(["draft", "active", "revoked"]):
                referral = draft("ServiceRequest", "r1", Index([("urn:ietf:rfc:3986", "urn:uuid:1")], "p1", status), status=status)
                unit.put(HOSPITAL, [referral], BEGAN + timedelta(days=number))
            patient = draft("Patient", "p1", Index([(FNR, NUMBER)]), identifier=[{"system": FNR, "value": NUMBER}])
            binary = draft("Binary", "b1", Index(), contentType="text/plain", data="aGVp")
            unit.put(HOSPITAL, [patient, binary], BEGAN)
            for number in range(7):
                status = "requested" if number % 2 else "completed"
                task = draft("Task", f"t{number}", Index([("urn:a", str(number)), ("", "bare")], "p1", status), status=status)
                unit.put(HOSPITAL, [task], BEGAN + timedelta(minutes=number))
            unit.put(MUNICIPALITY, [draft("Patient", "p2", Index([(FNR, NUMBER)])), draft("Task", "t9", Index())], BEGAN)
        yield running
