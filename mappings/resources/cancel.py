"""A pathway that is called off before it has begun: its EpisodeOfCare, its CarePlan and what was to be done.

Who says so: HISD 1154 (ServType C cancels the referral), https://hl7.org/fhir/R4/episodeofcare.html (`statusHistory` holds
every status with its period; an end is exclusive), the status codes of CarePlan (*revoked*) and Task (*cancelled*).

>>> episode({"status": "planned"}, "2026-03-02T09:00:00+01:00")["statusHistory"]
[{'status': 'cancelled', 'period': {'start': '2026-03-02T09:00:00+01:00'}}]
"""

from __future__ import annotations

from typing import Any, Final

from adapter.domain.identity import BASE

NOT_BEGUN: Final = frozenset({"planned", "waitlist"})
OPEN: Final = frozenset({"draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold"})
PHASE: Final = f"{BASE}/StructureDefinition/pathway-phase"

Body = dict[str, Any]


def episode(body: Body, when: str) -> Body:
    """The EpisodeOfCare as cancelled from `when`, its status until then closed in the history."""
    history = [_closed(entry, when) for entry in body.get("statusHistory", [])]
    changed = body | {"status": "cancelled", "statusHistory": [*history, {"status": "cancelled", "period": {"start": when}}]}
    if "extension" in body:
        changed["extension"] = [e | {"valueCode": "closed"} if e.get("url") == PHASE else e for e in body["extension"]]
    if "start" in body.get("period", {}):
        changed["period"] = {**body["period"], "end": when}
    return changed


def care_plan(body: Body) -> Body:
    """The CarePlan as revoked."""
    return body | {"status": "revoked"}


def task(body: Body, when: str, reason: str) -> Body:
    """The Task as cancelled, with the reason; one that is done or ended already is left as it is."""
    if body["status"] not in OPEN:
        return body
    return body | {"status": "cancelled", "statusReason": {"text": reason}, "lastModified": when}


def _closed(entry: Body, when: str) -> Body:
    return entry if "end" in entry["period"] else {**entry, "period": {**entry["period"], "end": when}}
