"""What a subscriber is sent: Bundles of the R5 subscriptions in R4, with no more in them than where to look.

https://hl7.org/fhir/uv/subscriptions-backport/notifications.html: a Bundle *history* whose first entry is the standing as
Parameters (profile *backport-subscription-status-r4*), then for *id-only* an entry with the address of each resource. An event
number there is a string, since R4's Parameters have no 64-bit integer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from adapter.domain.identity import named
from mappings import times

PACKAGE: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"
STATUS: Final = f"{PACKAGE}/backport-subscription-status-r4"
NOTIFICATION: Final = f"{PACKAGE}/backport-subscription-notification-r4"

Kind = Literal["handshake", "heartbeat", "event-notification", "query-status", "query-event"]


@dataclass(frozen=True, slots=True)
class Told:
    """One event: its number, when it happened, and the version of a resource that it is about."""

    number: int
    moment: datetime
    type: str
    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom it is told, and of what: our FHIR address, the Subscription's id, the topic's canonical (where it has one), its status,
    and how many events there have been.
    """

    base: str
    id: str
    topic: str
    status: str
    events: int
    error: str = ""


def status(subject: Subject, kind: Kind, events: Sequence[Told] = (), *, focus: bool = True) -> dict[str, Any]:
    """The standing of a subscription as Parameters; without `focus` (payload *empty*) no event says what it is about, and nor does
    the topic, which should not be there then.
    """
    parameters: list[dict[str, Any]] = [
        {"name": "subscription", "valueReference": {"reference": f"{subject.base}/Subscription/{subject.id}"}},
        *([{"name": "topic", "valueCanonical": subject.topic}] if subject.topic and focus else []),
        {"name": "status", "valueCode": subject.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(subject.events)},
    ]
    parameters += [{"name": "notification-event", "part": _parts(subject.base, event, focus=focus)} for event in events]
    if subject.error:
        parameters.append({"name": "error", "valueCodeableConcept": {"text": subject.error}})
    return {
        "resourceType": "Parameters",
        "id": named("subscription-status", subject.id, kind, str(subject.events), *(str(event.number) for event in events)),
        "meta": {"profile": [STATUS]},
        "parameter": parameters,
    }


def bundle(subject: Subject, kind: Kind, now: datetime, events: Sequence[Told] = (), *, focus: bool = True) -> dict[str, Any]:
    """A notification, or the answer to $events."""
    said = status(subject, kind, events, focus=focus)
    first = {
        "fullUrl": f"urn:uuid:{said['id']}",
        "resource": said,
        "request": {"method": "GET", "url": f"{subject.base}/Subscription/{subject.id}/$status"},
        "response": {"status": "200"},
    }
    return {
        "resourceType": "Bundle",
        "id": named("notification", subject.id, kind, times.utc(now), *(str(event.number) for event in events)),
        "meta": {"profile": [NOTIFICATION]},
        "type": "history",
        "timestamp": times.utc(now),
        "entry": [first, *(_entry(subject.base, event) for event in _newest(events) if focus)],
    }


def _newest(events: Sequence[Told]) -> list[Told]:
    """One of each resource, since a Bundle *history* without bodies has nothing to tell two versions apart by (bdl-7)."""
    return list({(event.type, event.id): event for event in events}.values())


def _parts(base: str, event: Told, *, focus: bool) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": times.utc(event.moment)},
    ]
    if focus:
        parts.append({"name": "focus", "valueReference": {"reference": f"{base}/{event.type}/{event.id}"}})
    return parts


def _entry(base: str, event: Told) -> dict[str, Any]:
    new = event.version == 1
    request = {"method": "POST", "url": event.type} if new else {"method": "PUT", "url": f"{event.type}/{event.id}"}
    return {
        "fullUrl": f"{base}/{event.type}/{event.id}",
        "request": request,
        "response": {"status": "201" if new else "200"},
    }
