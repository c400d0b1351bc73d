"""A notice that something is to be read here: an id-only event notification of the R5 subscription backport for R4.

It holds the address of the resource and nothing of what is in it (http://hl7.org/fhir/uv/subscriptions-backport/payloads.html#id-only).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from adapter.domain.identity import BASE, named
from mappings import times

STATUS: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"
TOPIC: Final = f"{BASE}/SubscriptionTopic/assignment"


def of(address: str, now: datetime) -> bytes:
    """The notification that what is at this address has changed."""
    told = {"reference": address}
    event = [{"name": "event-number", "valueString": "1"}, {"name": "focus", "valueReference": told}]
    status = {
        "resourceType": "Parameters",
        "meta": {"profile": [STATUS]},
        "parameter": [
            {"name": "subscription", "valueReference": {"reference": f"urn:uuid:{named('subscription', TOPIC)}"}},
            {"name": "topic", "valueCanonical": TOPIC},
            {"name": "status", "valueCode": "active"},
            {"name": "type", "valueCode": "event-notification"},
            {"name": "notification-event", "part": event},
        ],
    }
    entry = {
        "fullUrl": f"urn:uuid:{named('notification', address, times.utc(now))}",
        "resource": status,
        "request": {"method": "GET", "url": "Subscription/assignment/$status"},
        "response": {"status": "200"},
    }
    return msgspec.json.encode({"resourceType": "Bundle", "type": "history", "timestamp": times.utc(now), "entry": [entry]})


def addresses(bundle: Mapping[str, Any]) -> Iterator[str]:
    """The addresses that a notification names, whatever else is in it; nothing where it is none."""
    for entry in _list(bundle.get("entry")):
        resource = entry.get("resource")
        if isinstance(resource, dict):
            for parameter in _list(resource.get("parameter")):
                for part in _list(parameter.get("part")):
                    reference = part.get("valueReference")
                    if part.get("name") == "focus" and isinstance(reference, dict) and isinstance(reference.get("reference"), str):
                        yield reference["reference"]
        if isinstance(address := entry.get("fullUrl"), str) and "/" in address:
            yield address


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
