"""Deliveries to a partner as they stand after a while: one that was sent, one that waits, and dead ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from adapter.console.delivery_described import ABOUT, ALSO_DEAD_ID, DEAD_ID, SENT_ID
from adapter.ports import Outgoing, Store
from tests.http.real import HOSPITAL, WAITS
from tests.serving import NOON

CAUSE = "0f1c2d3e-6a57-5d5c-8d0e-1f6c0a3b7e09"
WAITING_ID = "5b0c3b3e-6a57-5d5c-8d0e-1f6c0a3b7e04"
OUTCOME = b"""{"resourceType": "OperationOutcome", "text": {"status": "generated", "div": "<div>no</div>"},
 "issue": [{"severity": "error", "code": "invalid", "diagnostics": "of 13910780123,\\n<b>bold</b>", "expression": ["Task.for"],
 "details": {"text": "performerType is required", "coding": [{"code": "x"}]}, "extension": [{"url": "urn:x"}]}, "none"]}"""
ROW = Outgoing(
    id="",
    tenant=HOSPITAL,
    key="municipality|pseudonym",
    hub=WAITS["name"],
    kind="share",
    message_id="",
    hub_id=None,
    sender=HOSPITAL,
    receiver=WAITS["organisation"],
    body=b'{"resourceType":"Bundle"}',
    content_type="application/fhir+json",
    created=NOON,
    about=ABOUT,
    cause=CAUSE,
)


def make(store: Store, *others: Outgoing) -> None:
    refused: dict[str, Any] = {"state": "dead", "attempts": 1, "error": "Refused with 422.", "outcome": OUTCOME}
    rows = [(SENT_ID, {"state": "sent", "attempts": 1}), (DEAD_ID, refused), (ALSO_DEAD_ID, refused), (WAITING_ID, {})]
    with store.write() as unit:
        for id, values in rows:
            unit.enqueue(changed(id, **values))
        for row in others:
            unit.enqueue(row)


def changed(id: str, **values: Any) -> Outgoing:
    return replace(ROW, id=id, **values)
