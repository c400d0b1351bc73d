"""A simulated FHIR server tells another that assignments changed: ids alone, nothing of the patient.

A Bundle as the Subscriptions R5 Backport for R4 has it (http://hl7.org/fhir/uv/subscriptions-backport, id-only): type
history, first a Parameters with the subscription's status, then where each changed Task is. It is sent once and never again:
who misses one sees it in the number of the next, or finds the change by search.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from adapter.domain.identity import BASE, named
from adapter.ports import Clock, Store, Stored
from adapter.usecases.writing import body_of

PROFILE: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"
TOPIC: Final = f"{BASE}/SubscriptionTopic/assignment"
ASSIGNMENT: Final = f"{BASE}/CodeSystem/coordination-task"
FOLLOW_UP: Final = f"{BASE}/CodeSystem/pathway-task"
PAGE: Final = 100
SECONDS: Final = 5.0

Body = dict[str, Any]


@dataclass
class Notices:
    """What is told to `address`; nothing where that is empty. `base` is this server's FHIR address."""

    store: Store
    clock: Clock
    tenant: str
    base: str
    address: str = ""
    sent: int = 0
    failed: int = 0
    _since: datetime | None = None
    _known: set[tuple[str, int]] = field(default_factory=set)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=SECONDS, trust_env=False))  # to make one takes 30 ms

    def look(self) -> None:
        """Tell of every assignment that changed since the last look. What cannot be told is counted, and let be."""
        with self._turn:
            for one in self._changed():
                self.sent += 1
                body = notice(self.base, f"Task/{one.id}", self.sent, self.clock.now())
                try:
                    self._client.post(self.address, json=body, headers=JSON).raise_for_status()
                except httpx.HTTPError:
                    self.failed += 1

    def _changed(self) -> list[Stored]:
        """Versions of assignments that are new to us, oldest first."""
        if not self.address:
            return []
        with self.store.read() as unit:
            found = unit.history(self.tenant, "Task", None, PAGE, since=self._since).found
        new = [one for one in reversed(found) if (one.id, one.version) not in self._known]
        if new:
            self._since = new[-1].updated
            self._known = {(one.id, one.version) for one in found if one.updated == self._since}
        return [one for one in new if is_assignment(body_of(one))]


JSON: Final = {"Content-Type": "application/fhir+json"}


def is_assignment(task: Body) -> bool:
    """Whether a Task is one that organisations share: an assignment, or a follow-up (KOORD1 to 8)."""
    codings = task.get("code", {}).get("coding", [])
    return any(
        one.get("system") == ASSIGNMENT or (one.get("system") == FOLLOW_UP and str(one.get("code")).startswith("koord"))
        for one in codings
    )


def notice(base: str, focus: str, number: int, now: datetime) -> Body:
    """That one resource changed. `number` counts all that was ever told, so that a gap can be seen."""
    subscription = f"{base}/Subscription/{named(base, 'assignments')}"
    told = {
        "name": "notification-event",
        "part": [
            {"name": "event-number", "valueString": f"{number}"},
            {"name": "timestamp", "valueInstant": now.astimezone(UTC).isoformat(timespec="milliseconds")},
            {"name": "focus", "valueReference": {"reference": f"{base}/{focus}"}},
        ],
    }
    status = {
        "resourceType": "Parameters",
        "meta": {"profile": [PROFILE]},
        "parameter": [
            {"name": "subscription", "valueReference": {"reference": subscription}},
            {"name": "topic", "valueCanonical": TOPIC},
            {"name": "status", "valueCode": "active"},
            {"name": "type", "valueCode": "event-notification"},
            {"name": "events-since-subscription-start", "valueString": f"{number}"},
            told,
        ],
    }
    return {
        "resourceType": "Bundle",
        "type": "history",
        "timestamp": now.astimezone(UTC).isoformat(timespec="milliseconds"),
        "entry": [
            {
                "fullUrl": f"urn:uuid:{named(base, 'notice', number)}",
                "resource": status,
                "request": {"method": "GET", "url": f"{subscription}/$status"},
                "response": {"status": "200"},
            },
            {"fullUrl": f"{base}/{focus}", "request": {"method": "PUT", "url": focus}, "response": {"status": "200"}},
        ],
    }
