"""How a municipal journal system answers an assignment: the Task as it has it, with what its people decided.

    after = answered(task, "accept", now)

Pure. Who writes it, and whether that is allowed, is for the server that it is put to.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from adapter.domain.identity import BASE
from mappings import times

Body = dict[str, Any]

MOVES: Final = {
    "receive": ("received", "mark as received"),
    "accept": ("accepted", "accept"),
    "reject": ("rejected", "say no"),
    "begin": ("in-progress", "begin"),
    "name": ("completed", "name the coordinator"),
    "give-up": ("failed", "give up"),
}
"""What somebody there can do with one: the status that it leads to, and its name."""

OPEN: Final = {
    "requested": ("receive", "accept", "reject"),
    "received": ("accept", "reject"),
    "accepted": ("begin", "name", "give-up"),
    "in-progress": ("name", "give-up"),
    "on-hold": ("name", "give-up"),
}
REASONS: Final = {
    "reject": "Tjenesten har ikke kapasitet til å være koordinator nå.",
    "give-up": "Personen som var tiltenkt, kan likevel ikke.",
}


@dataclass(frozen=True, slots=True)
class Coordinator:
    """Somebody invented, who has taken the role."""

    given: str = "Prøve"
    family: str = "Koordinatorsen"
    phone: str = "99900123"
    hpr: str = "9144900"


def answered(task: Body, move: str, now: datetime, *, reason: str = "", coordinator: Coordinator | None = None) -> Body:
    """The Task after the move. `reason` is why not; `coordinator` who it is, where one is named."""
    status, _ = MOVES[move]
    moment = times.utc(now)
    after = {**task, "status": status, "lastModified": moment}
    after.pop("statusReason", None)
    if move in REASONS:
        after["statusReason"] = {"text": reason or REASONS[move]}
    if move == "name":
        after |= _named(task, coordinator or Coordinator())
        after["executionPeriod"] = {**task.get("executionPeriod", {}), "end": moment}
    elif move == "accept":
        after["executionPeriod"] = {"start": moment}
    return after


def _named(task: Body, who: Coordinator) -> Body:
    """The coordinator as a PractitionerRole in the Task itself: the other side has no access to our directory."""
    role = {
        "resourceType": "PractitionerRole",
        "id": "coordinator",
        "practitioner": {
            "type": "Practitioner",
            "identifier": {"system": "urn:oid:2.16.578.1.12.4.1.4.4", "value": who.hpr},
            "display": f"{who.given} {who.family}",
        },
        "organization": task["owner"],
        "telecom": [{"system": "phone", "value": who.phone, "use": "work"}],
    }
    kind = {"coding": [{"system": f"{BASE}/CodeSystem/task-output", "code": "assigned-coordinator"}]}
    said = {"type": kind, "valueReference": {"reference": "#coordinator"}}
    return {"contained": [*task.get("contained", []), role], "output": [*task.get("output", []), said]}
