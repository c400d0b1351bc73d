"""Synthetic Tasks for measuring: as our own, of about 2 kB, the same ones every time. No person is in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

from adapter.domain.identity import BASE

ORGANISATION: Final = "999977774"
OWNERS: Final = 100
STATUSES: Final = ("requested", "accepted", "in-progress", "completed", "rejected")
KODEVERK: Final = "urn:oid:2.16.578.1.12.4.1.1."
BEGAN: Final = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def id(n: int) -> str:
    return str(uuid5(NAMESPACE_OID, f"task {n}"))


def task(n: int) -> dict[str, Any]:
    """The n-th Task: owners, statuses and days are spread evenly, so that a search's share of all of them is known."""
    began = BEGAN + timedelta(minutes=7 * n)
    return {
        "resourceType": "Task",
        "id": id(n),
        "language": "nb",
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid5(NAMESPACE_OID, f'number {n}')}"}],
        "basedOn": [{"reference": f"CarePlan/{uuid5(NAMESPACE_OID, f'plan {n // 4}')}"}],
        "groupIdentifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{uuid5(NAMESPACE_OID, f'pathway {n // 4}')}"},
        "status": STATUSES[n // OWNERS % len(STATUSES)],
        "businessStatus": {
            "coding": [{"system": f"{BASE}/CodeSystem/business-status", "code": "on-time", "display": "Innen frist"}]
        },
        "intent": "order",
        "priority": "routine",
        "code": {
            "coding": [
                {"system": f"{BASE}/CodeSystem/pathway-task", "code": "deadline", "display": "Frist i pasientforløpet"},
                {"system": KODEVERK + "9322", "code": "M", "display": "Klinisk beslutning"},
            ],
            "text": "Klinisk beslutning innen fristen",
        },
        "description": "Klinisk beslutning skal tas innen fristen som gjelder for forløpet. (The clinical decision is due.)",
        "focus": {"reference": f"EpisodeOfCare/{uuid5(NAMESPACE_OID, f'episode {n // 4}')}"},
        "for": {"reference": f"Patient/{uuid5(NAMESPACE_OID, f'patient {n // 4}')}"},
        "executionPeriod": {"start": began.isoformat(timespec="seconds")},
        "authoredOn": began.isoformat(timespec="seconds"),
        "lastModified": (began + timedelta(hours=1)).isoformat(timespec="seconds"),
        "requester": {
            "type": "Organization",
            "identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.101", "value": ORGANISATION},
            "display": "Granfjelldal sykehus",
        },
        "owner": {"reference": f"Organization/owner-{n % OWNERS}", "display": "Poliklinikk for psykisk helsevern"},
        "reasonCode": {"text": "Nasjonalt pasientforløp, tidsfrist for klinisk beslutning"},
        "note": [{"time": began.isoformat(timespec="seconds"), "text": "Opprettet da første oppmøte ble registrert."}],
        "restriction": {"period": {"end": (began + timedelta(days=42)).date().isoformat()}},
    }
