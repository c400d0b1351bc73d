"""From the FHIR interface to the referrer: an assessment that is answered there is told, once for each answer, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapter.domain.identity import BASE
from tests.http.real import real_service
from tests.http.service import Service

OUTCOMES = "urn:oid:2.16.578.1.12.4.1.1.8485"
LIMIT = {"name": "date-limit", "valueDate": "2026-09-01"}
REASON = {"name": "refusal-reason", "valueString": "Kan behandles av fastlegen."}


@pytest.fixture
def referred(tmp_path: Path, root: Path) -> Iterator[tuple[Service, str]]:
    """The whole service with one referral, and where its message stands."""
    with real_service(tmp_path) as service:
        data = (root / "openapi" / "examples" / "adult-depression-anxiety.xml").read_bytes()
        kept = service.http.post("/messages", content=data, headers={"Content-Type": "application/xml"})
        yield service, kept.headers["location"]


def answer(service: Service, granted: bool, *more: dict[str, Any], **changes: Any) -> int:
    """Answer the assessment's Task; the status of the answer to that."""
    (entry,) = service.http.get("/fhir/Task?code=assess-referral").json()["entry"]
    task = entry["resource"]
    said: list[dict[str, Any]] = [
        {"name": "right-to-care", "valueBoolean": granted},
        {"name": "assessed-on", "valueDate": "2026-06-01"},
        *more,
    ]
    task["status"] = "completed"
    task["output"] = [
        {"type": {"coding": [{"system": f"{BASE}/CodeSystem/task-output", "code": one["name"]}]}}
        | {key: value for key, value in one.items() if key != "name"}
        for one in said
    ]
    headers = {"If-Match": f'W/"{task["meta"]["versionId"]}"', "Content-Type": "application/fhir+json"}
    return service.http.put(f"/fhir/Task/{task['id']}", json=task | changes, headers=headers).status_code


def told(service: Service, at: str) -> list[str]:
    """The code of 9148 of each status, newest first."""
    items = service.http.get(f"{at}/statuses").json()["items"]
    return [found[1] for one in items if (found := re.search(r'<TemaKodet V="(\d)"', one["document"]))]


def test_an_assessment_is_told_as_it_is_answered_and_as_it_is_changed(referred: tuple[Service, str]) -> None:
    service, at = referred
    outcome = {"name": "assessment-outcome", "valueCodeableConcept": {"coding": [{"system": OUTCOMES, "code": "1"}]}}
    assert told(service, at) == []
    assert answer(service, True, outcome, LIMIT) == 200
    assert told(service, at) == ["2"]
    assert answer(service, True, outcome, LIMIT, note=[{"text": "Pasienten er ringt."}]) == 200
    assert told(service, at) == ["2"]
    assert answer(service, False, REASON) == 200
    assert told(service, at) == ["4", "2"]


def test_a_refusal_without_its_reason_is_neither_taken_nor_told(referred: tuple[Service, str]) -> None:
    service, at = referred
    assert answer(service, False) == 422
    assert told(service, at) == []
