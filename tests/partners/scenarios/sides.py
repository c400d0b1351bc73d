"""The sides of an assignment as their journal systems: each writes to its own FHIR server, and knows of no other."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from mappings.times import local_day

Body = dict[str, Any]
Shown = dict[str, Any]
BASE = "https://stafett.invalid/fhir"
URI = "urn:ietf:rfc:3986"
ENH, FNR, HPR = (f"urn:oid:2.16.578.1.12.4.1.4.{part}" for part in ("101", "1", "4"))
PATIENCE = 60.0
"""Seconds: a server that was away is left alone for up to half of it; and others may work on this machine too."""
AGAIN = 20


def until(look: Callable[[], object], wanted: object) -> None:
    """Until what is seen is what is wanted; fails with what was seen last."""
    patience = time.monotonic() + PATIENCE
    while (seen := look()) != wanted:
        if time.monotonic() > patience:
            raise AssertionError(f"not so within {PATIENCE:g} s:\nwanted {wanted}\nseen   {seen}")
        time.sleep(0.2)


@dataclass(frozen=True)
class Coordinator:
    """Somebody invented."""

    name: str
    hpr: str
    phone: str


KARI, OLA = Coordinator("Prøve Koordinatorsen", "990000302", "99900123"), Coordinator("Prøve Overtaksen", "990000303", "99900124")


class Side:
    """A journal system at its own server. `headers` say who it is, where the server is asked by several."""

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        always = {"content-type": "application/fhir+json", "accept": "application/fhir+json", "cache-control": "no-cache"}
        self.http = httpx.Client(base_url=base_url, timeout=60, trust_env=False, headers={**always, **(headers or {})})

    def find(self, key: str, type: str = "Task") -> Body | None:
        """The resource that has the identifier. Among all of them, since not every server can look for it."""
        asked = {"identifier": f"{URI}|{key}", "_count": "500"}
        rows = self.http.get(f"/{type}", params=asked).raise_for_status().json().get("entry", [])
        found = [row["resource"] for row in rows if {"system": URI, "value": key} in row["resource"].get("identifier", [])]
        assert len(found) <= 1, f"{len(found)} with one identifier"
        return found[0] if found else None

    def asked_of(self, number: str, patient: str) -> list[Body]:
        """What an organisation has been asked for a patient and has not answered, the oldest first."""
        rows = self.http.get("/Task", params={"_count": "500"}).raise_for_status().json().get("entry", [])
        tasks = [row["resource"] for row in rows if row["resource"].get("status") in ("requested", "received")]
        mine = [t for t in tasks if number_of(t, "owner") == number and t["for"].get("identifier", {}).get("value") == patient]
        return sorted(mine, key=lambda task: str(task["authoredOn"]))

    def post(self, task: Body) -> str:
        """Create it; its business identifier."""
        answer = self.http.post("/Task", json=task)
        assert answer.status_code == 201, answer.text
        return str(task["identifier"][0]["value"])

    def change(self, key: str, **elements: Any) -> Body:
        """Write the elements into the newest version; again, where another was at it."""
        for _ in range(AGAIN):
            task = self.find(key)
            assert task, "it has not come"
            answer = self._put(task, elements)
            if answer.status_code not in (409, 412):
                assert answer.is_success, answer.text
                return {**task, **elements}
        raise AssertionError("it was changed by another each time")

    def try_change(self, key: str, **elements: Any) -> int:
        """Write the elements into the version of now, once; the status of the answer."""
        task = self.find(key)
        assert task, "it has not come"
        return self._put(task, elements).status_code

    def _put(self, task: Body, elements: Mapping[str, Any]) -> httpx.Response:
        etag = self.http.get(f"/Task/{task['id']}").headers["etag"]
        if etag.removeprefix("W/").strip('"') != task["meta"]["versionId"]:
            return httpx.Response(412)  # what was found is not what is there
        return self.http.put(f"/Task/{task['id']}", json={**task, **elements}, headers={"if-match": etag})

    def close(self) -> None:
        self.http.close()


def number_of(task: Mapping[str, Any], side: str) -> str:
    return str(task.get(side, {}).get("identifier", {}).get("value", ""))


# --- what is written


def concept(system: str, code: str) -> Body:
    return {"coding": [{"system": f"{BASE}/CodeSystem/{system}", "code": code}]}


def organisation(number: str) -> Body:
    return {"type": "Organization", "identifier": {"system": ENH, "value": number}}


def assignment(requester: str, owner: str, patient: str, code: str = "assign-coordinator", pathway: str = "", **more: Any) -> Body:
    """A new assignment as a journal system writes it (profile assignment-task)."""
    now = datetime.now(UTC)
    pathway = pathway or str(uuid.uuid4())
    return {
        "resourceType": "Task",
        "meta": {"profile": [f"{BASE}/StructureDefinition/assignment-task"]},
        "identifier": [{"system": URI, "value": f"urn:uuid:{uuid.uuid4()}"}],
        "groupIdentifier": {"system": URI, "value": f"urn:uuid:{pathway}"},
        "status": "requested",
        "intent": "order",
        "code": concept("coordination-task", code),
        "focus": {"reference": f"https://epj.example/fhir/CarePlan/{pathway}", "type": "CarePlan"},
        "for": {"type": "Patient", "identifier": {"system": FNR, "value": patient}},
        "authoredOn": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "requester": organisation(requester),
        "owner": organisation(owner),
        "restriction": {"period": {"end": due()}},
        **more,
    }


def due() -> str:
    return (local_day(datetime.now(UTC)) + timedelta(days=7)).isoformat()


def today() -> str:
    return local_day(datetime.now(UTC)).isoformat()


def handing_over(before: str) -> Body:
    previous = {"type": "Task", "identifier": {"system": URI, "value": before}}
    return {"input": [{"type": concept("task-input", "previous-assignment"), "valueReference": previous}]}


def naming(owner: str, who: Coordinator) -> Body:
    """The elements by which an owner completes an assignment: the coordinator stands in the Task itself."""
    role = {
        "resourceType": "PractitionerRole",
        "id": "coordinator",
        "practitioner": {"type": "Practitioner", "identifier": {"system": HPR, "value": who.hpr}, "display": who.name},
        "organization": organisation(owner),
        "telecom": [{"system": "phone", "value": who.phone, "use": "work"}],
    }
    said = {"type": concept("task-output", "assigned-coordinator"), "valueReference": {"reference": "#coordinator"}}
    return {"status": "completed", "contained": [role], "output": [said]}


# --- what is read


def shown(task: Body | None) -> Shown | None:
    """What must be equal everywhere, in plain values."""
    if task is None:
        return None
    return {
        "status": task["status"],
        "owner": number_of(task, "owner"),
        "reason": task.get("statusReason", {}).get("text", ""),
        "business": "".join(one["code"] for one in task.get("businessStatus", {}).get("coding", [])),
        "due": str(task.get("restriction", {}).get("period", {}).get("end", "")),
        "coordinator": [person(task, one["valueReference"]) for one in task.get("output", [])],
    }


def person(resource: Body, said: Body) -> tuple[str, ...]:
    """Who a reference names: an organisation's number, or a person's HPR number, name and telephone, from what is contained."""
    if "reference" not in said:
        return (str(said["identifier"]["value"]),)
    [role] = [one for one in resource["contained"] if f"#{one['id']}" == said["reference"]]
    return (
        role["practitioner"]["identifier"]["value"],
        role["practitioner"]["display"],
        *(one["value"] for one in role.get("telecom", [])),
    )


def participants(team: Body | None) -> list[tuple[str, tuple[str, ...], str, str]] | None:
    """Role, who, from and to of each participant, in order of time."""
    if team is None:
        return None
    rows = [
        (p["role"][0]["coding"][0]["code"], person(team, p["member"]), p["period"]["start"], p["period"].get("end", ""))
        for p in team.get("participant", [])
    ]
    return sorted(rows, key=lambda row: (row[2], row[3] or "9", row[1]))
